"""Small frames, words of frames, strips, the grammar, and the four networks of lesson 13."""

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from keras import layers

from utils import lips
from utils.datasets.films import Film
from utils.samples import mouths

SPANS = (
    (2.0, 5.5, "bin"),
    (5.5, 9.0, "red"),
    (10.0, 12.0, "at"),
    (12, 14, "b"),
    (14, 20, "six"),
    (20, 30, "now"),
)


@pytest.fixture
def film():
    frames = np.random.default_rng(0).integers(0, 256, (75, 40, 80)).astype(np.uint8)
    return Film(frames, "BIN RED AT B SIX NOW", SPANS, "brab6n")


def test_small_frames_hold_what_moves(film):
    [found] = lips.small([film])
    assert found.shape == (75, 200)
    assert found.dtype == np.float32
    assert found.mean(axis=0) == pytest.approx(np.zeros(200), abs=1e-5)
    assert found.std() == pytest.approx(1, abs=1e-5)
    square = film.frames[:, 4:8, 8:12].mean(axis=(1, 2))
    assert np.corrcoef(found[:, 20 + 2], square)[0, 1] == pytest.approx(1, abs=1e-5)
    still = Film(np.full((75, 40, 80), 9, np.uint8), "", (), "still")
    assert (lips.small([still], 8) == np.zeros((1, 75, 50))).all()


def cut(film, y, x, side):
    return film.frames[:, y : y + 32, x : x + 56][:, :, ::side].astype(int)


def test_a_window_is_the_middle_and_changes_all_frames_alike(film):
    seen, times = lips.window(film.frames)
    middle = film.frames[:, 4:36, 12:68].astype(float)
    assert seen == pytest.approx((middle - middle.mean()) / middle.std(), abs=1e-4)
    assert times.tolist() == list(range(75))
    found = [lips.window(film.frames, np.random.default_rng(seed)) for seed in range(20)]
    assert len({one.tobytes() for one, _ in found}) == 20
    assert all(t.min() >= 0 and t.max() <= 74 and (np.diff(t) >= 0).all() for _, t in found)
    assert {int(t[60] - t[20]) for _, t in found} >= {37, 43}
    one, times = lips.window(film.frames, np.random.default_rng(3), faster=False)
    assert times.tolist() == list(range(75))
    same = [
        (y, x, side)
        for y in range(1, 8) for x in range(9, 16) for side in (1, -1)
        if (np.sign(np.diff(one, axis=0)) == np.sign(np.diff(cut(film, y, x, side), axis=0))).all()
    ]  # fmt: skip
    assert len(same) == 1


def test_eyes_see_each_frame_for_itself(film):
    keras.utils.set_random_seed(0)
    sees = lips.eyes(5)
    seen = lips.window(film.frames)[0]
    before = np.asarray(sees(seen[None]))
    assert before.shape == (1, 75, 5)
    other = seen.copy()
    other[30] += 1 * (np.arange(56) > 20)
    after = np.asarray(sees(other[None]))
    changed = np.abs(after - before).max(axis=(0, 2)) > 1e-6
    assert np.flatnonzero(changed).tolist() == [30]
    views = lips.look(sees, [film, film], views=3)
    assert views.shape == (2, 3, 75, 5)
    assert views[:, 0] == pytest.approx(np.concatenate([before, before]), abs=1e-5)
    assert not np.allclose(views[0, 1], views[0, 0])


def test_batches_have_the_words_of_the_frames_that_are_seen(film):
    words = ["", *(word for _, _, word in SPANS)]
    batches = lips.word_batches([film] * 5, words, 2)
    found = list(batches(np.random.default_rng(0)))
    assert [(x.shape, y.shape) for x, y in found] == [((2, 75, 32, 56), (2, 75))] * 2
    rng = np.random.default_rng(0)
    rng.permutation(5)
    _, times = lips.window(film.frames, rng)
    assert (found[0][1][0] == lips.words_at(film, words)[times]).all()


def test_a_frame_has_the_word_that_is_said_in_its_middle(film):
    words = ["", *(word for _, _, word in SPANS)]
    found = lips.words_at(film, words)
    assert found[:15].tolist() == [0, 0, 1, 1, 1, 2, 2, 2, 2, 0, 3, 3, 4, 4, 5]
    assert set(found[30:]) == {0}


def test_real_frames_are_not_stored(film, monkeypatch):
    monkeypatch.delenv("UNROLLED_PUBLISH", raising=False)
    assert lips.shown(film, "real") is film.frames
    monkeypatch.setenv("UNROLLED_PUBLISH", "1")
    assert lips.shown(film, "sample") is film.frames
    assert (lips.shown(film, "real") == mouths.draw(SPANS)).all()


def test_a_strip_shows_the_middle_of_each_five_frames(film):
    axes = plt.figure().gca()
    lips.strip(axes, film.frames)
    [picture] = axes.images
    assert picture.get_extent() == [0, 3, 0, 1]
    assert (np.asarray(picture.get_array())[:, 80:160] == film.frames[7]).all()
    plt.close("all")


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("BIN BLUE AT F TWO NOW", "BIN BLUE AT F TWO NOW"),
        ("BIN BLE AT F TWO NO", "BIN BLUE AT F TWO NOW"),
        ("SET WHITED IN K EIGHT PLEASE", "SET WHITE IN K EIGHT PLEASE"),
        ("LAY RED BYQFOUR NOW", "LAY RED BY Q FOUR NOW"),
        ("LAY RED BY FOUR NOW", "LAY RED BY A FOUR NOW"),
        ("", "BIN RED AT A ONE NOW"),
    ],
)
def test_a_text_becomes_the_nearest_sentence_of_the_grammar(text, nearest):
    assert lips.to_grammar(text) == nearest


@pytest.mark.parametrize("kind", lips.KINDS)
def test_each_network_sees_what_its_kind_allows(kind):
    keras.utils.set_random_seed(0)
    model = lips.guesser(kind, 6, 3, 5, frame=7, lstm=layers.LSTM)
    x = np.random.default_rng(0).normal(size=(4, 75, 6)).astype("float32")
    before = np.asarray(model(x))
    assert before.shape == (4, 3)
    other = x.copy()
    other[:, 30] += 1
    assert np.allclose(model(other), before, atol=1e-6) == (kind == "one frame")
    turned = np.asarray(model(x[:, ::-1]))
    assert np.allclose(turned, before, atol=1e-5) == (kind == "bag of frames")
    again = keras.Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    assert np.allclose(again(x), before)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="no 'GRU'; there are one frame, bag of frames, shuffled, LSTM"):
        lips.guesser("GRU", 6, 3, 5)


def test_mixed_films_have_the_same_frames_in_another_order():
    x = np.arange(2 * 75 * 3).reshape(2, 75, 3)
    found = lips.mixed(x, np.random.default_rng(0))
    for one, other in zip(x, found, strict=True):
        assert not (one == other).all()
        assert (other[np.argsort(other[:, 0])] == one).all()
    assert not (np.argsort(found[0, :, 0]) == np.argsort(found[1, :, 0])).all()


def test_a_network_learns_and_the_seed_counts():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 64)
    x = rng.normal(size=(64, 75, 4)).astype("float32")
    x[:, 37] += 3 * (2 * labels[:, None] - 1)
    model = lips.guesser("one frame", 4, 2, 8, lstm=layers.LSTM)
    rows = lips.train(model, x, labels, 6, 1e-2, seed=0, size=16, eager=True)
    assert len(rows) == 6
    assert (np.argmax(model(x), axis=1) == labels).mean() > 0.95
    first = [w.copy() for w in model.get_weights()]
    lips.train(model, x, labels, 1, 1e-2, seed=0, size=16, eager=True)
    one = model.get_weights()
    lips.train(model, x, labels, 1, 1e-2, seed=0, size=16, eager=True, change=lips.mixed)
    assert not np.allclose(one[0], first[0])
    assert not np.allclose(one[0], model.get_weights()[0])
