"""Lab 11: what hard attention draws and learns from, shuffled places put back, and what is scored."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from cells import run_cells
from keras import ops

from utils import captions, looking
from utils.samples import scenes
from utils.samples.scenes import Thing
from utils.seq2seq import Attention

HARD = {"keras": keras, "ops": ops, "captions": captions, "Attention": Attention, "ENTROPY": 0.1}
CARD = types.SimpleNamespace(check=lambda *row, ok, **more: row if ok else pytest.fail(str(row)))


def layer_and_input(copies=1):
    made = run_cells("11_does", "hard-layer", "hard-loss", **HARD)
    rng, layer = np.random.default_rng(1), made["LookAtOne"]()
    s, h = (tf.constant(np.repeat(rng.normal(size=n), copies, 0), tf.float32) for n in ((1, 1, 4), (1, 5, 3)))
    layer(s, h)
    layer.kernel.assign(2 * rng.normal(size=(4, 3)))
    return made, layer, s, h


def test_lab_11_draws_places_by_their_weights_and_sees_them_alone():
    _, layer, s, h = layer_and_input(4000)
    z, weights, log_weight = (np.asarray(x) for x in layer(s, h, training=True))
    soft = np.asarray(Attention.call(layer, s, h)[1])
    np.testing.assert_allclose(weights, soft, atol=1e-6)
    place = np.abs(np.asarray(h) - z).sum(axis=2).argmin(axis=1)
    np.testing.assert_allclose(z[:, 0], np.asarray(h)[np.arange(4000), place], atol=1e-6)
    np.testing.assert_allclose(log_weight[:, 0], np.log(soft[np.arange(4000), 0, place]), atol=1e-4)
    often = np.bincount(place, minlength=5) / 4000
    assert 0.1 < soft[0, 0].max() < 0.9
    assert np.abs(often - soft[0, 0]).max() < 4 * 0.5 / 4000**0.5


def test_lab_11_looks_at_the_likeliest_place_when_it_does_not_learn():
    _, layer, s, h = layer_and_input()
    z, weights, log_weight = layer(s, h)
    place = int(np.argmax(weights[0, 0]))
    np.testing.assert_allclose(z[0, 0], h[0, place], atol=1e-6)
    assert float(log_weight[0, 0]) == pytest.approx(float(np.log(weights[0, 0, place])), abs=1e-4)


def test_lab_11_loss_holds_the_words_the_reward_and_the_entropy_and_no_padding():
    made = run_cells("11_does", "hard-layer", "hard-loss", **HARD)
    logits = np.log([[[0.5, 0.25, 0.25], [0.25, 0.25, 0.5], [0.1, 0.1, 0.8]]])
    weights = np.array([[[0.5, 0.5], [1.0, 0.0], [0.3, 0.7]]])
    log_weight = np.log([[0.5, 1.0, 0.7]])
    told = np.array([[1, 2, 0]])
    outputs = made["with_draws"](*(ops.cast(x, "float32") for x in (logits, weights, log_weight)))
    log_p = np.log([0.25, 0.5])
    reward = (log_p - log_p.mean()) * np.log([0.5, 1.0])
    wanted = -np.mean(log_p + reward + 0.1 * np.array([np.log(2), 0]))
    assert float(made["reinforce"](told, outputs)) == pytest.approx(wanted, abs=1e-5)


def test_lab_11_scores_of_words_learn_from_the_words_alone():
    reinforce = run_cells("11_does", "hard-layer", "hard-loss", **HARD)["reinforce"]
    rng, told = np.random.default_rng(2), np.array([[1, 2, 0]])
    logits, rest = (tf.constant(rng.normal(size=(1, 3, n)), tf.float32) for n in (3, 2))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = reinforce(told, ops.concatenate([logits, rest], axis=-1))
    wanted = (np.asarray(ops.softmax(logits))[0] - np.eye(3)[told[0]]) * [[0.5], [0.5], [0]]
    np.testing.assert_allclose(np.asarray(tape.gradient(loss, logits))[0], wanted, atol=1e-6)


@pytest.mark.parametrize("wrong", [False, True])
def test_lab_11_estimates_the_gradient(wrong, capsys):
    made = run_cells("11_does", "hard-layer", "hard-loss", **HARD)
    given = made | {"np": np, "tf": tf, "card": CARD}
    if wrong:  # no reward: the places are not learnt
        reinforce = made["reinforce"]
        given["reinforce"] = lambda told, outputs: reinforce(
            told, ops.concatenate([outputs[..., :-2], 0 * outputs[..., -2:-1], outputs[..., -1:]], axis=-1)
        )
        with pytest.raises(pytest.fail.Exception):
            run_cells("11_does", "hard-check-do", **given)
    else:
        run_cells("11_does", "hard-check-do", **given)


def test_lab_11_puts_shuffled_places_back():
    rng = np.random.default_rng(0)
    grids = {part: rng.random((3, 64, 2)).astype(np.float32) for part in ("train", "test")}
    made = run_cells("11_does", "shuffle", np=np, grids=grids, card=CARD)
    shuffled, orders = made["shuffled"]["test"], made["orders"]["test"]
    assert not np.array_equal(orders[0], orders[1])
    assert not np.array_equal(shuffled, grids["test"])
    weights = shuffled[..., :1].transpose(0, 2, 1)
    np.testing.assert_array_equal(made["put_back"](weights)[:, 0], grids["test"][..., 0])


def test_lab_11_scores_maps_beside_habit_and_chance():
    one, two = Thing("circle", "red", "large", 0.25, 0.25), Thing("square", "blue", "small", 0.8, 0.8)
    contents = [(one, two), (two,)]
    texts = ["a red circle and a blue square", "a blue square"]
    asked = np.zeros((2, 9), int)
    given = {
        "np": np,
        "scenes": scenes,
        "looking": looking,
        "texts": texts,
        "contents": contents,
        "asked": asked,
    }
    made = run_cells("11_does", "judge", **given)
    fields = [scenes.mask(thing, 8).ravel() > 0 for thing in (one, two)]
    shares = [field.mean() for field in fields]
    assert made["chance"]["inside"] == pytest.approx(np.mean([shares[0]] * 2 + [shares[1]] * 4))
    assert made["chance"]["named"] == pytest.approx(np.mean(shares))
    assert made["chance"]["other"] == pytest.approx(np.mean(shares))
    weights = np.zeros((2, 8, 64))
    for i, row in enumerate([[0, 0, 0, 1, 1, 1, 1], [1, 1, 1]]):
        for t, k in enumerate(row):
            weights[i, t] = fields[k] / fields[k].sum()
    scores = made["judge"](weights)
    assert scores["inside"] == pytest.approx(1)
    assert scores["named"] == pytest.approx(1)
    assert scores["other"] == pytest.approx(0)
    assert scores["habit"] == pytest.approx((2 * 2 / 6 + 4 * 4 / 6) / 6)
    sizes = [field.sum() for field in fields]
    assert scores["places"] == pytest.approx((2 * sizes[0] + 4 * sizes[1]) / 6, rel=1e-3)
