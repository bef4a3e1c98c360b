"""Networks that describe clips: they see what they should, learn, and write; lesson 14 builds the same."""

import keras
import numpy as np
import pytest
from cells import run_cells
from keras import layers, ops

from utils import captions, describing, lips, training
from utils.datasets import drawn_clips, drawn_scenes

RNG = np.random.default_rng(0)
FRAMES = RNG.normal(size=(6, 20, 5)).astype("float32")
WORDS = ["<pad>", "<start>", "<end>", "<unknown>", "a", "red", "circle", "moves", "left"]
TOLD = [[[1, 4, 5, 6, 2], [1, 4, 6, 2]], [[1, 4, 7, 8, 2]]] * 3
TOKENS = captions.pad([several[0] for several in TOLD])


def make(kind, **more):
    keras.utils.set_random_seed(0)
    options = {"embedding": 7, "dropout": 0.0, "lstm": layers.LSTM} | more
    return describing.describer(kind, 5, len(WORDS), 4, **options)


def logits(model, frames=FRAMES, tokens=TOKENS):
    return np.asarray(model([frames, tokens[:, :-1]]))


@pytest.mark.parametrize("kind", describing.KINDS)
def test_each_kind_scores_each_word_and_does_not_look_ahead(kind):
    model = make(kind)
    found = logits(model)
    assert found.shape == (6, TOKENS.shape[1] - 1, len(WORDS))
    later = TOKENS.copy()
    later[:, 3] = 8
    again = logits(model, tokens=later)
    assert np.allclose(again[:, :3], found[:, :3], atol=1e-6)
    assert not np.allclose(again[:, 3], found[:, 3])
    padded = np.pad(TOKENS, [(0, 0), (0, 4)])
    assert np.allclose(logits(model, tokens=padded)[:, : found.shape[1]], found, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "reads_order"),
    [("mean pooling", False), ("S2VT", True), ("attention", True), ("attention, no order", False)],
)
def test_only_who_reads_frames_one_after_the_other_knows_their_order(kind, reads_order):
    model = make(kind)
    same = np.allclose(logits(model, FRAMES[:, ::-1]), logits(model), atol=1e-5)
    assert same != reads_order
    other = FRAMES.copy()
    other[:, 7] += 1
    assert not np.allclose(logits(model, other), logits(model), atol=1e-5)


def test_pooling_takes_any_number_of_frames_and_there_are_no_other_kinds():
    model = make("mean pooling")
    mean = FRAMES.mean(axis=1, keepdims=True)
    assert np.allclose(logits(model, mean), logits(model), atol=1e-5)
    with pytest.raises(ValueError, match="no 'pooling'; there are mean pooling"):
        make("pooling")


def test_attention_is_the_formula():
    s, a = keras.Input((3, 4)), keras.Input((20, 5))
    model = keras.Model([s, a], describing.attend(s, a, 6))
    alpha = keras.Model([s, a], model.get_layer("alpha").output)
    given = [RNG.normal(size=shape).astype("float32") for shape in ((2, 3, 4), (2, 20, 5))]
    dense = [layer for layer in model.layers if isinstance(layer, layers.Dense)]
    W, U, w = ([layer.get_weights() for layer in dense if layer.units == n] for n in (6, 6, 1))
    (W, b), (U,) = (next(x for x in W if len(x) == n) for n in (2, 1))
    e = np.tanh((given[0] @ W + b)[:, :, None] + (given[1] @ U)[:, None]) @ w[0][0]
    weights = np.exp(e[..., 0])
    weights /= weights.sum(axis=-1, keepdims=True)
    assert np.allclose(alpha(given), weights, atol=1e-5)
    assert np.allclose(model(given), weights @ given[1], atol=1e-5)


def test_lesson_14_builds_the_networks_of_utils_describing():
    given = {
        "np": np, "keras": keras, "layers": layers, "ops": ops, "captions": captions,
        "describing": describing,
        "LSTM": layers.LSTM, "scale": lambda **options: 7, "film_words": WORDS,
    }  # fmt: skip
    names = run_cells("14_", "pooling-do", "pooling-end", "pooling-net", "s2vt", "attend", **given)
    for kind, build in (("mean pooling", "mean_pooling"), ("S2VT", "s2vt"), ("attention", "attention")):
        ours, theirs = names[build](5, len(WORDS), 4, 7, 0.0), make(kind)
        assert [weight.shape for weight in ours.weights] == [weight.shape for weight in theirs.weights]
        theirs.set_weights(ours.get_weights())
        assert np.allclose(logits(ours), logits(theirs), atol=1e-5)


def test_an_epoch_has_some_sentences_of_each_clip_other_ones_each_time():
    told = [[[1, k, 2] for k in range(4, 9)] for _ in range(6)]
    drawn = set()
    for seed in range(20):
        found = list(describing.batches(FRAMES, told, size=4, some=2)(np.random.default_rng(seed)))
        assert len(found) == 3
        for (frames, before), after in found:
            assert frames.shape == (4, 20, 5)
            assert (before[:, 1:] == after[:, :-1]).all()
            drawn |= set(before[:, 1].tolist())
    assert drawn == set(range(4, 9))
    mixed = next(describing.batches(FRAMES, told, 4, 2, lips.mixed)(np.random.default_rng(0)))[0][0]
    plain = next(describing.batches(FRAMES, told, 4, 2)(np.random.default_rng(0)))[0][0]
    assert not np.allclose(mixed, plain)
    assert np.allclose(np.sort(mixed, axis=1), np.sort(plain, axis=1))


def test_a_network_learns_and_writes_what_it_learnt_and_goes_on_from_given_weights():
    model = make("mean pooling")
    told = [[[1, 4, 5 + k % 4, 2]] for k in range(6)]
    options = {"size": 6, "some": 1}
    frames = FRAMES + 2 * np.eye(6, 5, dtype="float32")[:, None]
    first = describing.train(model, frames, told, 100, 0.05, **options)
    written = describing.write(model, frames, 4)
    assert describing.texts(written, WORDS) == [f"a {WORDS[5 + k % 4]}" for k in range(6)]
    weights = [np.array(weight) for weight in model.get_weights()]
    more = describing.train(model, frames, told, 1, 1e-4, start=weights, **options)
    assert more[0][0] < first[0][0] - 0.3
    fresh = describing.train(model, frames, told, 1, 1e-4, **options)
    assert fresh[0][0] == pytest.approx(first[0][0], abs=0.05)
    assert training.train.__kwdefaults__["start"] is None


def test_padding_start_and_unknown_are_never_written():
    model = make("S2VT")
    model.get_layer("words").bias.assign([9.0, 8, 0, 7, 0, 0, 1, 0, 0])
    assert set(describing.write(model, FRAMES, 5).ravel()) <= {2, 4, 5, 6, 7, 8}


def test_drawn_films_and_scenes_are_seen_by_the_same_eyes():
    world = drawn_clips(24)
    seen = describing.look(world, None, 10)
    assert {name: x.shape for name, x in seen.items()} == {
        "train": (10, 20, 192), "validation": (2, 20, 192), "test": (4, 20, 192),
    }  # fmt: skip
    assert np.abs(seen["train"].mean(axis=(0, 1))).max() < 1e-3
    assert 0.5 < seen["train"].std() <= 1
    stills = describing.look_at_photos(drawn_scenes(), describing.eyes_for(world, None), None, 7)
    assert stills.shape == (7, 1, 192)
