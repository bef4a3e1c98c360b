"""Drawn scenes: what the grammar says is true, and a changed word is found."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.samples import scenes
from utils.samples.scenes import (
    COLORS,
    RADIUS,
    SHAPES,
    Thing,
    draw,
    is_exact,
    make_scene,
    true_words,
    write_caption,
)

RED, BLUE = Thing("circle", "red", "small", 0.3, 0.5), Thing("square", "blue", "large", 0.7, 0.5)


def scene_of(seed):
    return make_scene(np.random.default_rng(seed))


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_every_caption_of_the_grammar_is_true_and_complete(seed):
    scene = scene_of(seed)
    caption = write_caption(scene, np.random.default_rng(seed + 1))
    assert true_words(caption, scene) == [True] * len(caption.split())
    assert is_exact(caption, scene)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**6), data=st.data())
def test_a_wrong_word_is_found_where_it_stands(seed, data):
    scene = scene_of(seed)
    words = write_caption(scene, np.random.default_rng(seed + 1)).split()
    places = [i for i, word in enumerate(words) if word in COLORS or word in RADIUS]
    place = data.draw(st.sampled_from(places))
    kinds = COLORS if words[place] in COLORS else RADIUS
    words[place] = data.draw(st.sampled_from([kind for kind in kinds if kind != words[place]]))
    truths = true_words(" ".join(words), scene)
    assert truths.count(False) >= 1
    assert not is_exact(" ".join(words), scene)
    if len(scene) == 1:
        assert [i for i, true in enumerate(truths) if not true] == [place]


@pytest.mark.parametrize(
    ("caption", "wrong"),
    [
        ("a red circle left of a blue square", []),
        ("a blue square right of a small red circle", []),
        ("there is a large blue square and a red circle", []),
        ("a red circle right of a blue square", ["right", "of"]),
        ("a red circle above a blue square", ["above"]),
        ("a large red circle and a blue square", ["large"]),
        ("a red circle and a blue circle", ["circle"]),
        ("a blue square", []),
        ("a red dog", ["a", "red", "dog"]),
        ("a red circle left of", ["a", "red", "circle", "left", "of"]),
        ("", []),
    ],
)
def test_known_captions_of_a_known_scene(caption, wrong):
    truths = true_words(caption, (RED, BLUE))
    found = [word for word, true in zip(caption.split(), truths, strict=True) if not true]
    assert found == wrong
    assert is_exact(caption, (RED, BLUE)) == (not wrong and caption not in ("", "a blue square"))


def test_a_thing_that_is_not_there_is_false_to_the_last_word():
    assert true_words("a red circle and a blue square", (RED,)) == [True] * 3 + [False] * 4
    assert true_words("the picture shows a red circle", (RED,)) == [True] * 6


def test_scenes_keep_within_the_picture_and_apart():
    for seed in range(200):
        scene = scene_of(seed)
        for thing in scene:
            r = RADIUS[thing.size]
            assert r <= thing.x <= 1 - r or r == RADIUS["large"]
            assert 0 < thing.x < 1
            assert 0 < thing.y < 1
        if len(scene) == 2:
            one, two = scene
            assert (one.shape, one.color) != (two.shape, two.color)
            assert [scenes.relation_holds(r, one, two) for r in scenes.RELATIONS].count(True) == 1


def test_what_is_drawn_is_what_is_said():
    for shape in SHAPES:
        for color, rgb in COLORS.items():
            picture = draw((Thing(shape, color, "small", 0.25, 0.7),), side=64)
            assert (picture.shape, picture.dtype) == ((64, 64, 3), np.uint8)
            assert picture[45, 16].tolist() == list(rgb)
            assert picture[10, 50].tolist() == [225, 225, 225]
    small, large = (draw((Thing("circle", "red", size, 0.5, 0.5),)) for size in ("small", "large"))
    assert (small != 225).any(axis=2).sum() < 0.5 * (large != 225).any(axis=2).sum()


@pytest.mark.parametrize("seed", range(6))
def test_all_captions_are_those_that_are_written_with_their_probabilities(seed):
    scene = scene_of(seed)
    known = scenes.all_captions(scene)
    assert sum(known.values()) == pytest.approx(1)
    rng = np.random.default_rng(1)
    drawn = [write_caption(scene, rng) for _ in range(2000)]
    assert set(drawn) <= set(known)
    for caption, p in known.items():
        assert abs(drawn.count(caption) / 2000 - p) < 5 * (p / 2000) ** 0.5 + 1e-3


def test_the_words_of_a_caption_cost_what_the_caption_costs():
    scene = (RED, BLUE)
    known = scenes.all_captions(scene)
    for costs, (caption, p) in zip(scenes.best_nats(list(known), scene), known.items(), strict=True):
        assert len(costs) == len(caption.split()) + 1
        assert sum(costs) == pytest.approx(-np.log(p))
    (costs,) = scenes.best_nats(["a red circle left of a blue square"], scene)
    # no opening; which thing is named first, with or without its size; the relation or "and"; the size
    sure = [-np.log(p) for p in (0.6, 0.25, 1, 0.7, 1, 1, 0.5, 1, 1)]
    assert costs == pytest.approx(sure, abs=1e-9)


def test_a_mask_says_how_much_of_each_field_a_thing_covers():
    square = Thing("square", "yellow", "large", 0.5, 0.5)  # from 0.302 to 0.698
    found = scenes.mask(square, 4)
    assert found.shape == (4, 4)
    assert found[0].max() == found[3].max() == found[:, 0].max() == 0
    assert found[1:3, 1:3] == pytest.approx((0.198 / 0.25) ** 2, abs=0.05)
    left = scenes.mask(Thing("circle", "red", "small", 0.25, 0.75), 2)
    assert left[1, 0] == pytest.approx(np.pi * 0.13**2 * 4, abs=0.05)  # drawn with few pixels
    assert left.sum() == pytest.approx(left[1, 0], abs=1e-2)
    top = scenes.mask(Thing("triangle", "green", "large", 0.5, 0.5), 8)
    assert top[:4].sum() < top[4:].sum()  # it points upwards


@pytest.mark.parametrize("color", COLORS)
def test_a_mask_does_not_depend_on_the_colour(color):
    one = Thing("circle", color, "large", 0.4, 0.6)
    assert np.array_equal(scenes.mask(one, 8), scenes.mask(Thing("circle", "blue", "large", 0.4, 0.6), 8))


@pytest.mark.parametrize(
    ("caption", "things"),
    [
        ("a red circle left of a blue square", [None, 0, 0, None, None, None, 1, 1]),
        ("there is a large blue square and a red circle", [None] * 3 + [1, 1, 1, None, None, 0, 0]),
        ("a red circle", [None, 0, 0]),
        ("a green circle", [None] * 3),
        ("a circle", [None] * 2),
    ],
)
def test_each_word_tells_of_the_thing_it_names(caption, things):
    assert scenes.named_things(caption, (RED, BLUE)) == things
