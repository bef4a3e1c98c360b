"""Lesson 15: it defines what `utils.labels` has, and labels the test photos of the photos alone, once."""

import types

import keras
import numpy as np
import pytest
from cells import run_cells
from keras import layers

from utils import captions, labels


def quiet(*_, **__):
    """In place of what trains, draws or records."""


GIVEN = {
    "np": np,
    "keras": keras,
    "layers": layers,
    "captions": captions,
    "labels": labels,
    "LSTM": layers.LSTM,
}


@pytest.mark.parametrize("hidden", [0, 5])
def test_lesson_15_builds_the_chain_of_utils_labels(hidden):
    theirs = labels.chain(3, 4, 6, embedding=5, hidden=hidden, cell=layers.LSTM)
    ours = run_cells("15_", "model-do", **GIVEN)["labeller"](3, 4, 6, 5, hidden)
    assert ours.name == theirs.name
    assert ours.count_params() == theirs.count_params()
    for layer in theirs.layers:
        if layer.weights:
            ours.get_layer(layer.name).set_weights(layer.get_weights())
    v, told = np.random.default_rng(0).normal(size=(2, 3)), np.array([[1, 5, 4], [1, 7, 2]])
    assert np.allclose(ours([v, told]), theirs([v, told]), atol=1e-6)


def test_lesson_15_scores_as_utils_labels_does():
    rng = np.random.default_rng(0)
    truth, guess = rng.random((2, 30, 9)) < 0.3
    found = run_cells("15_", "score-do", np=np)["score"](truth, guess)
    theirs = labels.score(truth, guess)
    assert found == pytest.approx((theirs.precision, theirs.recall, theirs.n_plus, theirs.f1_image))


def test_lesson_15_takes_the_threshold_with_the_best_f1():
    truth = np.array([[True, False], [False, True]])
    given = {"np": np, "truth": {"train": truth, "validation": truth}, "show": quiet}
    given |= {
        "seen": {"train": np.eye(2), "validation": np.eye(2)},
        "data": types.SimpleNamespace(words="ab"),
    }
    made = run_cells("15_", "score-do", np=np) | given
    made = run_cells("15_", "baselines-do", **made)
    assert 0.3 <= made["threshold"](np.array([[0.6, 0.3], [0.3, 0.6]])) < 0.6
    shares = made["neighbours"](np.array([[2.0, 0.1]]), np.eye(2), truth)
    assert shares.sum() == pytest.approx(1)
    assert shares[0, 0] > 0.9
    assert made["neighbours"](np.array([[2.0, 0.1]]), np.eye(2), truth[::-1])[0, 1] > 0.9


def test_lesson_15_gives_five_labels_at_most_though_shares_tie():
    shares = np.array([[0.5] * 8, [0.9, 0.0, 0.0, 0.2, 0.0, 0.0, 0.0, 0.0]])
    names = {"guesses": {}, "asked": {}, "show": quiet}
    found = run_cells("15_", "test-five", **GIVEN | names)["five"](shares)
    assert found.tolist() == [[True] * 5 + [False] * 3, [True, False, False, True] + [False] * 4]


def test_lesson_15_orders_the_labels_of_a_photo():
    told = types.SimpleNamespace(
        train=types.SimpleNamespace(captions=(("b", "a"), ("a",), ("a", "c"))), words="abc"
    )
    given = GIVEN | {"data": told, "size": 1, "count": 3, "UNITS": 1, "LONGEST": 4, "EPOCHS": 1}
    orders = run_cells("15_", "orders-do", **given)["sequences_of"]
    rows = np.array([[True, True, True]] * 40)
    assert orders(rows, "frequent first")[0] == [[1, 4, 5, 6, 2]]
    assert orders(rows, "rare first")[0] == [[1, 6, 5, 4, 2]]
    random = {tuple(several[0]) for several in orders(rows, "random")}
    assert len(random) == 6
    assert all(sorted(one[1:-1]) == [4, 5, 6] for one in random)


def test_lesson_15_labels_the_test_photos_of_the_photos_alone():
    """Labels of the test part are nowhere but in the scorer; both networks have learnt from all others."""
    learnt, shown, asked, searched, shares = [], [], [], [], np.array([[0.6, 0.5, 0.4, 0.35, 0.2, 0.1]])
    v = {part: np.full((2, 1), k) for k, part in enumerate(("train", "validation", "test"))}
    truth = {part: np.full((2, 6), k == 1) for k, part in enumerate(("train", "validation"))}

    def learn(v, rows, *_):
        learnt.append((v.tolist(), rows.tolist()))
        return "network", None

    def look(v, *more):
        asked.append(v.tolist())
        searched.extend(x.tolist() for x in more)
        return shares

    given = GIVEN | {"seen": v, "truth": truth, "learn_sigmoids": learn, "learn_chain": learn}
    given |= {"levels": {"rare first": 0.5, "sigmoids": 0.4, "neighbours": 0.3}, "ORDER": "rare first"}
    given["labels"] = types.SimpleNamespace(
        write=lambda model, v, **_: asked.append(v.tolist()),
        marginals=lambda *_: shares,
        as_matrix=labels.as_matrix,
    )
    given |= {"chances": lambda _, v: look(v), "neighbours": look, "BEAM": 1, "LONGEST": 4, "count": 6}
    given["show"] = lambda name, guess, part: shown.append((name, guess.sum(), part))
    test = types.SimpleNamespace(captions=(("a",), ("b",)))
    given["data"] = types.SimpleNamespace(test=test, words="abcdef")
    run_cells("15_", "test-do", "test-five", **given)
    everything = ([[0], [0], [1], [1]], [[False] * 6] * 2 + [[True] * 6] * 2)
    assert learnt == [everything, everything]
    assert tuple(searched) == everything
    assert asked == [v["test"].tolist()] * 3
    names = ("neighbours", "sigmoids", "chain")
    told = zip([*names, *(f"{name}, five" for name in names)], (4, 2, 1, 5, 5, 5), strict=True)
    assert shown == [(name, count, "test") for name, count in told]
