"""Lesson 11: it defines what `utils.looking` has, and describes the test photos from them alone, once."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from cells import run_cells
from keras import layers, ops

from utils import captions, looking
from utils.looking import LookEverywhere
from utils.seq2seq import Attention

GIVEN = {
    "np": np,
    "keras": keras,
    "layers": layers,
    "ops": ops,
    "captions": captions,
    "looking": looking,
    "Attention": Attention,
    "LookEverywhere": LookEverywhere,
    "LSTM": layers.LSTM,
}
TOKENS = captions.pad([[1, 7, 5, 2], [1, 8, 9, 5, 6, 2], [1, 4, 2]])


@pytest.mark.parametrize("strength", [0.0, 1.5])
def test_lesson_11_builds_the_captioner_of_utils_looking(strength):
    made = run_cells("11_", "model-do", **GIVEN)["captioner"]
    ours, theirs = (
        build(picture := keras.Input((6, 5)), picture, 12, 7, strength=strength, **more)
        for build, more in ((made, {}), (looking.captioner, {"lstm": layers.LSTM}))
    )
    assert [layer.name for layer in ours.layers if layer.weights] == [
        layer.name for layer in theirs.layers if layer.weights
    ]
    ours.set_weights(theirs.get_weights())
    seen = np.random.default_rng(0).normal(size=(3, 6, 5))
    inputs = [seen, TOKENS[:, :-1]]
    assert np.allclose(ours(inputs), theirs(inputs), atol=1e-6)
    for model in (ours, theirs):
        model.compile("sgd", captions.loss_per_word)
    losses = [model.test_on_batch(inputs, TOKENS[:, 1:]) for model in (ours, theirs)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_lesson_11_looks_at_scenes_as_utils_looking_does():
    ours = keras.Model(*run_cells("11_", "eyes-do", **GIVEN)["scene_eyes"]())
    theirs = keras.Model(*looking.scene_eyes())
    ours.set_weights(theirs.get_weights())
    pictures = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    assert ours.output_shape == (None, 64, 64)
    assert np.allclose(ours(pictures), theirs(pictures), atol=1e-6)


def test_lesson_11_attends_and_its_weights_sum_to_one():
    rng = np.random.default_rng(0)
    h, a, matrix = (tf.constant(rng.normal(size=s), tf.float32) for s in ((2, 3, 4), (2, 5, 6), (4, 6)))
    context, weights = run_cells("11_", "attend", ops=ops)["attend"](h, a, matrix)
    assert np.allclose(np.sum(weights, axis=-1), 1, atol=1e-6)
    assert np.allclose(context, np.asarray(weights) @ np.asarray(a), atol=1e-5)


def test_lesson_11_tells_how_alike_maps_are():
    overlap = run_cells("11_", "overlap", np=np)["overlap"]
    weights = np.array([[[1.0, 0], [0, 1.0], [0.5, 0.5], [9, 9]]])
    assert overlap(weights, np.array([[True] * 3 + [False]])) == pytest.approx((0 + 0.5 + 0.5) / 3)


def test_lesson_11_describes_the_test_photos_from_the_photos_alone():
    """What people wrote of the test photos goes into BLEU and nowhere else, once."""
    wrote, scored = [], []

    def write(model, seen, **settings):
        wrote.append((model, seen, settings))
        return [f"of {seen}"]

    given = {"looking": types.SimpleNamespace(write=write), "np": np, "vocabulary": "words", "BEAM": 3}
    given["captions"] = types.SimpleNamespace(
        texts=lambda found, vocabulary: (found, vocabulary),
        bleu=lambda texts, people: scored.append((texts, people)) or (1.0, 2.0, 3.0, 4.0),
        plain=lambda several: f"plain {several}",
        signature=lambda references: "",
    )
    given |= {"seen": {"dev": "dev photos", "test": "test photos"}, "model": "network"}
    given["sentences"] = {"dev": "dev", "test": "test"}
    made = run_cells("11_", "choose", "choose-do", **given)
    assert {seen for _, seen, _ in wrote} == {"dev photos"}
    assert {people for _, people in scored} == {"plain dev"}
    wrote.clear()
    scored.clear()
    run_cells("11_", "test-do", **made)
    assert wrote == [("network", "test photos", made["BEST"])]
    assert scored == [((["of test photos"], "words"), "plain test")]
