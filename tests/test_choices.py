"""What notebooks choose among several, and say of several seeds: at quick scale there is often but one."""

import ast
import dataclasses
import math
import types

import numpy as np
import pytest
import tensorflow as tf
from cells import run_cells

from tools import check, notebooks
from utils import captions, intervals, results
from utils.intervals import crossed, gain


class Card:
    """What a cell writes on its card, by name."""

    def __init__(self):
        self.values, self.verdicts, self.more, self.source = {}, {}, {}, None

    def add(self, name, value, unit="share", **more):
        self.values[name], self.more[name] = float(value), {"unit": unit, **more}

    def claim(self, claim, name, value, unit="share", *, verdict, **more):
        self.add(name, value, unit, **more)
        self.verdicts[name] = f"{claim}: {verdict}"

    def check(self, claim, name, value, unit="share", *, ok, **more):
        self.add(name, value, unit, **more)
        self.verdicts[name] = f"{claim}: {bool(ok)}"


@pytest.fixture
def card():
    return Card()


def quiet(*_, **__):
    """In place of what trains, draws or records."""


def named(name, kind="sample"):
    return types.SimpleNamespace(source=types.SimpleNamespace(name=name, kind=kind))


NETWORK = types.SimpleNamespace(count_params=lambda: 1234)


# ---- rates, chosen on other seeds and on what is not scored


def test_lab_02_takes_for_each_distance_the_rate_that_is_best_on_validation():
    shares = {  # (distances, rates, seeds)
        "validation": np.array([[[0.1, 0.3], [0.4, 0.2]], [[0.9, 0.9], [0.8, 0.8]]]),
        "test": np.array([[[0.11, 0.12], [0.13, 0.14]], [[0.15, 0.16], [0.17, 0.18]]]),
    }
    given = {"np": np, "RATES": (0.1, 0.2), "SEEDS": 2, "GAPS": (1, 2), "tf": tf, "layers": None}
    given |= {name: name for name in ("validation", "test", "rnn_step", "gru_step", "lstm_step")}
    made = run_cells("02_how", "teach", "train", **given, CELLS={})
    made["recall"] = lambda cell, weights, part: shares[part]
    several, one = [np.zeros((8, 1))] * 2, [np.zeros((4, 1))] * 2
    found, best = made["at_best_rate"]("cell", several)
    assert best.tolist() == [1, 0]
    assert found.tolist() == [[0.13, 0.14], [0.15, 0.16]]
    found, best = made["at_best_rate"]("cell", one)  # the same networks at all distances: one rate
    assert best.tolist() == [0, 0]
    assert found.tolist() == [[0.11, 0.12], [0.15, 0.16]]


def test_lab_02_hands_each_network_its_texts_and_its_rate():
    asked = {}

    def train(step, start, batch, steps, updates, rate, **options):
        asked.update(
            options, rate=rate.tolist(), batch=batch(np.random.default_rng(0), 3, steps), steps=steps
        )
        return types.SimpleNamespace(weights="trained")

    stub = types.SimpleNamespace(
        initial=lambda make, inputs, outputs, seeds: list(seeds), join=lambda *each: each, train=train
    )
    given = {
        "np": np,
        "RATES": (0.1, 0.2),
        "SEEDS": 2,
        "GAPS": (1, 2),
        "tf": tf,
        "side_by_side": stub,
        "V": 9,
    }
    given |= dict.fromkeys(("rnn_step", "gru_step", "lstm_step", "layers"))
    made = run_cells("02_how", "teach", "train", **given, CELLS={"SimpleRNN": 3}, UPDATES=7)
    sets = np.arange(24).reshape(2, 3, 4)
    made["teach"]("SimpleRNN", sets, last=0)
    assert asked["rate"] == [0.1, 0.1, 0.2, 0.2] * 2
    x, y = asked["batch"]
    assert (x.shape, y.shape, asked["steps"]) == ((8, 3, 3, 1), (8, 3, 3), 3)
    assert np.array_equal(x[..., 1:, 0], y[..., :-1])
    assert [int(texts.min() // 12) for texts in y] == [0] * 4 + [1] * 4


def test_lab_02_counts_the_last_word_as_asked():
    given = {"np": np, "tf": tf} | dict.fromkeys(("rnn_step", "gru_step", "lstm_step"))
    weighted = run_cells("02_how", "teach", **given)["weighted_loss"]
    outputs = tf.constant(np.log([[[[0.5, 0.5], [0.25, 0.75]]]]))
    y = np.array([[[0, 0]]])
    assert float(weighted(0)(y, outputs)[0]) == pytest.approx(np.log([2, 4]).mean())
    assert float(weighted(3)(y, outputs)[0]) == pytest.approx(np.log([2, 4]).mean() + 3 * np.log(4))


def test_lab_02_chooses_the_rate_of_the_echo_by_a_seed_that_is_not_scored():
    losses = np.zeros((2, 2, 3, 60))  # (delays, rates, seeds, updates)
    losses[0, :, 0], losses[1, :, 0] = [[0.9], [0.1]], [[0.2], [0.3]]
    losses[..., :10] = 5  # early ones do not count
    losses[0, 1, 1:], losses[1, 0, 1:] = [[0.4], [0.5]], [[0.6], [0.7]]
    losses[0, 0, :, :10], losses[1, 1, :, :10] = 0, 0
    stubs = {"echo": lambda size: losses, "CHUNKS": (5, 10)}
    made = run_cells("02_truncation", "echo-run", np=np, **stubs)
    found = made["at_best_rate"](losses)
    assert found[..., -1].tolist() == [[0.4, 0.5], [0.6, 0.7]]
    assert np.allclose(made["final"], [[0.45, 0.65]] * 2)


def test_lab_03_chooses_the_rate_of_each_start_on_other_networks_and_sequences():
    asked = []

    def contest(step, starts, rates, seeds, task, steps, data):
        asked.append((list(seeds), data, [list(one) for one in rates], task, steps))
        if list(seeds) == [100, 101]:  # the geometric mean decides: not one that fails
            return np.array([[[1e-4, 1.0], [0.1, 0.1]], [[0.3, 0.3], [0.2, 0.2]]])
        return np.array([[[0.5, 0.6, 0.7]], [[0.8, 0.9, 1.0]]])

    given = {"np": np, "TUNING_SEEDS": 2, "SEEDS": 3, "with_biases": quiet}
    made = run_cells("03_which", "race", **given)
    made["contest"] = contest
    starts = {"one": (1, 0), "two": None}
    found = made["race"]("step", "fresh", starts, (0.1, 0.2), ("task", "loss", "error"), 30)
    assert {name: (errors.tolist(), rate) for name, (errors, rate) in found.items()} == {
        "one": ([0.5, 0.6, 0.7], 0.1), "two": ([0.8, 0.9, 1.0], 0.2)
    }  # fmt: skip
    (tuning, first, both, *_), (seeds, second, chosen, task, steps) = asked
    assert (tuning, both) == ([100, 101], [[0.1, 0.2]] * 2)
    assert (seeds, chosen) == ([0, 1, 2], [[0.1], [0.2]])
    assert not set(first) & set(second)  # of the sequences
    assert (task, steps) == (("task", "fresh", "loss", "error"), 30)


def test_lab_03_gives_each_start_its_rates_and_its_biases():
    trained, scored = {}, {}

    def train(step, stack, kind, steps, updates, rate, **options):
        trained.update(stack=stack, rate=rate.tolist(), **options)
        return types.SimpleNamespace(weights="trained")

    def evaluate(step, weights, x, y, error, read):
        scored.update(x=x, y=y, error=error, read=read)
        return np.arange(8.0)

    stub = types.SimpleNamespace(join=lambda *stacks: list(stacks), train=train, evaluate=evaluate)
    given = {"np": np, "side_by_side": stub, "UPDATES": 5, "COMPILED": False}
    contest = run_cells("03_which", "contest", **given)["contest"]
    kind = lambda rng, count, steps: (count, steps)  # noqa: E731
    task = kind, lambda inputs, outputs, seeds: (inputs, outputs, list(seeds)), "loss", "error", 2, 1, 4
    starts = [lambda stack: ("a", *stack), lambda stack: ("b", *stack)]
    errors = contest("step", starts, [(0.1, 0.2), (0.3, 0.4)], (8, 9), task, 30, (21, 22))
    assert trained["rate"] == [0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.4, 0.4]
    assert [one[0] for one in trained["stack"]] == ["a", "a", "b", "b"]
    assert (trained["loss"], trained["seed"], trained["read"]) == ("loss", 21, 4)
    assert scored == {"x": 1000, "y": 30, "error": "error", "read": 4}
    assert errors[1, 0].tolist() == [4, 5]


RATE = {"SimpleRNN": 2e-3, "GRU": 1e-2, "LSTM": 2e-2}


def test_lab_04_chooses_the_rate_by_the_lowest_validation_loss_of_another_seed(capsys):
    asked = []

    def trained(name, units, rate, seed):
        times = round(rate / RATE[name], 3)
        asked.append((name, times, seed))
        return f"{name} {seed}", [9.0, {0.5: 3.0, 1: 2.0, 2: 2.5}[times] + seed % 100, 9.0]

    made = run_cells("04_gru_or", "bach-run", TRIED=(0.5, 1, 2), SEEDS=2, trained=trained)
    said = capsys.readouterr().out.splitlines()
    runs = [(0.5, 100), (1, 100), (2, 100), (1, 0), (1, 1)]
    assert asked == [(name, *run) for name in RATE for run in runs]
    for name, line in zip(RATE, said, strict=True):
        assert made["musicians"][name] == (f"{name} 0", f"{name} 1")
        assert made["curves"][name] == ([9, 2, 9], [9, 3, 9])
        assert line.endswith(f"rate {RATE[name]:g}, validation 2.00 3.00")


def test_lab_04_adds_with_the_rate_that_is_best_in_the_median_of_other_seeds(capsys):
    asked = []

    def sums_of(name, rate, seeds):
        asked.append((np.round(np.divide(rate, CELLS[name][2]), 3).tolist(), list(seeds)))
        if len(seeds) == 9:
            return np.array([[0.3, 0.3, 0.0], [0.4, 0.4, 0.4], [0.2, 0.2, 0.9]]).ravel()
        return np.array([0.001] * 7 + [0.02] * 3)

    made = run_cells("04_gru_or", "sums-run", np=np, TRIED=(0.5, 1, 2), CELLS=CELLS, sums_of=sums_of)
    for number in range(3):
        tuning, scored = asked[2 * number : 2 * number + 2]
        assert tuning == ([0.5] * 3 + [1] * 3 + [2] * 3, [100, 101, 102] * 3)
        assert scored == (2, list(range(10)))
    assert "GRU       rate 0.04: solved by 7 of 10, median error 0.0010" in capsys.readouterr().out
    assert set(made["sums"]) == set(CELLS)


CELLS = {"SimpleRNN": (None, None, 1e-3), "GRU": (None, None, 2e-2), "LSTM": (None, None, 2e-2)}


def test_lab_04_chooses_the_rate_for_letters_on_a_fifth_and_on_other_text(card, capsys):
    asked = []

    def read(name, units, rate, seed, count):
        factor = round(rate / {"SimpleRNN": 1.5e-3, "GRU": 6e-3, "LSTM": 6e-3}[name], 3)
        asked.append((factor, seed, count))
        return types.SimpleNamespace(
            loss={0.5: 2.0, 1: 3.0, 2: 1.5}[factor] + seed % 100, count_params=lambda: 7
        )

    def window_losses(model, x, y):
        return np.full(4, model.loss) + {"choose": 0, "last": 10}[x]

    given = {"np": np, "TRIED": (0.5, 1, 2), "LETTER_SEEDS": 2, "LETTER_WEIGHTS": 40, "losses": {}}
    given |= {"weights": lambda name, units: units, "x_letters": range(50), "text": named("a text")}
    given |= {"x_choose": "choose", "y_choose": None, "x_last": "last", "y_last": None}
    made = run_cells("04_gru_or", "letters-run", **given, read=read, window_losses=window_losses, card=card)
    assert asked[:5] == [(0.5, 100, 10), (1, 100, 10), (2, 100, 10), (2, 0, 50), (2, 1, 50)]
    assert made["losses"]["Shakespeare"]["GRU"].tolist() == [[11.5] * 4, [12.5] * 4]
    assert card.values["loss, GRU, 40 units"] == 12  # the largest within the budget; the mean of the seeds
    assert "loss, GRU, 40 units, rate 0.012: test 11.500 12.500" in capsys.readouterr().out


def test_lab_05_chooses_the_rate_of_each_depth_on_a_speaker_who_is_not_scored(card, capsys):
    asked = []
    best = {1: 0.1, 2: 0.2, 3: 0.1}

    def heard(depth, names, rate, seed, other):
        asked.append((depth, tuple(names), rate, seed, tuple(other)))
        if seed == 100:
            return [0.5 + 0.1 * (best[depth] == rate) + 0.01 * depth * (depth < 3)]
        return [depth / 10 + seed / 100 + (len(name) - 1) / 1000 for name in other]

    speakers = ["a", "bb", "c", "d", "e", "f"]
    given = {"np": np, "speakers": speakers, "DEPTHS": (1, 2, 3), "RATES": (0.1, 0.2), "heard": heard}
    given |= {"DIGIT_SEEDS": 2, "crossed": crossed, "gain": gain, "decide": results.decide}
    given |= {"digits": named("digits"), "digit_models": dict.fromkeys((1, 2, 3), NETWORK)}
    cells = "digits-train", "digits-rates", "scored", "digits-run", "digits-card"
    made = run_cells("05_depth", *cells, **given, card=card)
    assert made["chosen"] == best
    for _, names, _, seed, other in asked:
        assert not set(names) & set(other)
        assert len(other) == (1 if seed == 100 else 2)
    tuned = {(names, other) for _, names, _, seed, other in asked if seed == 100}
    assert (("d", "e", "f"), ("c",)) in tuned  # for the group of a and bb
    assert {depth: rate for depth, _, rate, seed, _ in asked if seed != 100} == best
    assert made["deep"] == 2  # by what chose the rates
    assert made["digit_scores"][1].shape == (2, 6)
    assert card.values["accuracy, layers: 3"] == pytest.approx(0.305 + 1 / 6000)
    assert card.values["accuracy, deeper network - one layer"] == pytest.approx(0.1)
    assert card.verdicts["accuracy, deeper network - one layer"] == "C32: holds"
    assert card.more["accuracy, layers: 3"]["data"] == "digits, unknown speakers"
    said = capsys.readouterr().out
    assert "2 layers - 1: +0.100" in said
    assert "ahead on 6 of 6 speakers" in said
    assert "layers: 3; accuracy 0.305 (0.300 to 0.310)" in said


def test_lab_05_chooses_the_rate_for_letters_on_text_that_is_not_scored(card, capsys):
    asked = []

    def read(depth, rate, seed, parts):
        asked.append((depth, rate, seed, parts))
        if parts == "choose":
            return [
                {(1, 0.1): 3, (1, 0.2): 2, (2, 0.1): 2, (2, 0.2): 3, (3, 0.1): 4, (3, 0.2): 1.5}[depth, rate]
            ] * 10
        return [2.0 - depth / 10 + seed / 100] * 10

    given = {
        "np": np,
        "DEPTHS": (1, 2, 3),
        "RATES": (0.1, 0.2),
        "LETTER_SEEDS": 2,
        "read": read,
        "gain": gain,
    }
    given |= {"crossed": crossed, "decide": results.decide, "text": named("a text"), "choose": "choose"}
    given |= {"letter_models": dict.fromkeys((1, 2, 3), NETWORK), "score": "score", "card": card}
    made = run_cells("05_depth", "letters-run", "letters-card", **given)
    assert {depth: rate for depth, rate, seed, _ in asked if seed != 100} == {1: 0.2, 2: 0.1, 3: 0.2}
    assert {parts for _, _, seed, parts in asked if seed == 100} == {"choose"}
    assert {parts for _, _, seed, parts in asked if seed != 100} == {"score"}
    assert made["deep"] == 3
    assert card.values["loss, layers: 2"] == pytest.approx(1.805)
    assert card.values["loss, one layer - deeper network"] == pytest.approx(0.2)
    assert card.verdicts["loss, one layer - deeper network"] == "C32: holds"
    assert "rate 0.1: 1.805 (1.800 to 1.810) nats" in capsys.readouterr().out


def test_lab_07_chooses_rate_and_average_by_validation_accuracy_of_another_seed(capsys):
    accuracies = {
        ("GRU", 1): 0.7, ("GRU", 2): 0.8, ("mean", 1): 0.75, ("mean", 2): 0.6,
        ("each word alone", 1): 0.5, ("each word alone", 2): 0.74,
    }  # fmt: skip
    asked = []

    def learn(kind, seed, rate, *_, **__):
        asked.append((kind, seed, rate))
        return "model", [[0, 0, 0.0, 1.0], [0, 0, accuracies[kind, rate], 2.0]]

    made = run_cells("07_does", "rate", "train", learn=learn, RATES=(1, 2), SEEDS=2)
    assert made["chosen"] == {"GRU": ("GRU", 2), "average": ("mean", 1)}
    assert {seed for _, seed, _ in asked[:6]} == {100}
    assert asked[6:] == [("GRU", 0, 2), ("GRU", 1, 2), ("mean", 0, 1), ("mean", 1, 1)]
    assert capsys.readouterr().out.splitlines()[6] == "chosen: GRU at 2 mean at 1"


@pytest.fixture
def experiment():
    """Lab 08_three_ways' `experiment`, and what it asks of utils.captions."""
    asked = []

    def train(model, x, y, epochs, rate, *, seed, validation=None, **options):
        asked.append({"x": x, "y": y, "epochs": epochs, "rate": rate, "seed": seed} | options)
        asked[-1]["validation"] = validation
        return [[0, 9.0], [0, {0.1: 3.0, 0.2: 2.0, 0.3: 2.5}[rate]]]

    stub = types.SimpleNamespace(
        units_for=lambda budget, way, size, words, **more: budget // size,
        build=lambda way, size, words, units, **more: types.SimpleNamespace(count_params=lambda: units),
        train=train,
    )  # fmt: skip
    given = {"captions": stub, "SEEDS": 2, "EAGER": True, "np": np}
    return run_cells("08_three", "experiment", **given)["experiment"], asked


@pytest.mark.parametrize("hear", [True, False])
def test_lab_08_chooses_the_rate_by_the_validation_loss_of_another_seed(hear, experiment):
    run, asked = experiment
    x, scores = np.zeros((5, 4)), iter((7.0, 8.0))
    data, more = ((x, "told"), ("images", "dev")), {"words": 30, "embedding": 8}
    found = run("way", "cell", 40, data, 6, (0.1, 0.2, 0.3), lambda _: [next(scores)], hear=hear, **more)
    assert found[:2] == (10, 0.2)
    assert found[2].tolist() == [[7], [8]]
    assert [(one["rate"], one["seed"]) for one in asked] == [
        (0.1, 100), (0.2, 100), (0.3, 100), (0.2, 0), (0.2, 1)
    ]  # fmt: skip
    assert [one["validation"] for one in asked] == [("images", "dev")] * 3 + [None] * 2
    assert all(one["hear"] is hear and one["epochs"] == 6 and one["y"] == "told" for one in asked)
    assert {one["least"] for one in asked} == {16}


def test_lab_08_scores_a_deaf_network_without_the_previous_word():
    heard = []

    def word_nats(*_, hear=True):
        heard.append(hear)
        return np.full((2, 3), 4.0)

    def write(model, x, *, width, hear=True):
        heard.append((width, hear))
        return []

    stub = types.SimpleNamespace(
        PAD=0, word_nats=word_nats, write=write, texts=lambda *_: ["", ""],
        one_each=lambda *_: (None, np.array([[1, 3, 3, 2], [1, 3, 2, 0]])),
    )  # fmt: skip
    scenes = types.SimpleNamespace(is_exact=lambda *_: True)
    world = types.SimpleNamespace(contents={"a": 0, "b": 0})
    given = {"captions": stub, "seen": {"test": np.zeros((2, 1))}, "told": {"test": None}, "scenes": scenes}
    given |= {"world": world, "parts": {"test": types.SimpleNamespace(names="ab")}, "np": np}
    given |= {"best": [[1.0, 2.0, 3.0], [0.5, 0.5]], "vocabulary": ["", "start", "end", "a"]}
    score = run_cells("08_three", "score", **given)["score"]
    loss, above, first, second, own, other = score(None)
    assert (loss, own, other) == (4, 1, 1)
    assert above == pytest.approx(np.mean([3, 2, 1, 3.5, 3.5]))
    assert second == pytest.approx(np.mean([2, 1]))  # from the second "a" on
    assert first == pytest.approx(np.mean([3, 3.5, 3.5]))
    assert heard == [True, (1, True), (1, True)]
    score(None, hear=False)
    assert heard[3:] == [False, (1, False), (1, False)]


def test_lab_08_scores_photos_by_the_half_that_chose_nothing():
    written = []

    def write(model, x, *, width, hear=True):
        written.append((x.ravel().tolist(), width, hear))
        return x

    def bleu(texts, against):
        assert against == "the second half"
        return 1, 2, 3, float(np.ravel(texts)[0])

    stub = types.SimpleNamespace(write=write, texts=lambda found, _: found, bleu=bleu)
    given = {"np": np, "captions": stub, "views": {"dev": np.arange(6.0)[:, None]}, "half": 3}
    score = run_cells("08_three", "photo-score", **given, speech=None, references="the second half")[
        "photo_score"
    ]
    assert score(None) == [3, 5, 3]
    assert written == [([3, 4, 5], 3, True), ([5, 3, 4], 3, True), ([3, 4, 5], 1, True)]
    score(None, hear=False)
    assert [hear for *_, hear in written[3:]] == [False] * 3


def three_ways(rows):
    """What `experiment` gives: parameters, rate, and scores of each seed."""
    return {key: (number, 0.1, np.array(scores, float)) for number, (key, scores) in enumerate(rows.items())}


def test_lab_08_weighs_the_first_step_against_the_better_of_the_other_ways(card, capsys):
    ways = "first step", "first input", "initial state"
    found = three_ways({
        ("tanh", ways[0]): [[0, 3, 0, 0, 0.5, 0.1], [0, 5, 0, 0, 0.7, 0.3]],
        ("tanh", ways[1]): [[0, 1, 0, 0, 0, 0], [0, 2, 0, 0, 0, 0]],
        ("tanh", ways[2]): [[0, 2, 0, 0, 0, 0], [0, 2.5, 0, 0, 0, 0]],
        ("LSTM", ways[0]): [[0, 1, 0, 0, 0, 0], [0, 2, 0, 0, 0, 0]],
        ("LSTM", ways[1]): [[0, 8, 0, 0, 0, 0], [0, 8, 0, 0, 0, 0]],
        ("LSTM", ways[2]): [[0, 3, 0, 0, 0, 0], [0, 5, 0, 0, 0, 0]],
    })  # fmt: skip
    given = {"np": np, "WAYS": ways, "CELLS": ("tanh", "LSTM"), "compare": results.compare}
    run_cells("08_three", "claims-ways", **given, found=found, card=card)
    assert card.values["loss above the best possible, tanh, first step"] == 4
    assert card.values["exact captions, lecture's network, right less wrong image"] == pytest.approx(0.4)
    assert card.values["loss, tanh, first step less first input"] == 2.5
    assert card.values["loss, LSTM, first step less initial state"] == -2.5
    assert list(card.verdicts.values()) == ["C41: holds", "C41: does not hold", "C41: holds"]
    assert [
        card.more[f"loss above the best possible, {', '.join(key)}"]["parameters"] for key in found
    ] == list(range(6))


def test_lab_08_weighs_photos_by_their_own_columns(card, capsys):
    ways = "first step", "first input", "initial state"
    told = three_ways({
        ("tanh", ways[0]): [[9, 1, 0], [8, 2, 0]], ("LSTM", ways[0]): [[5, 0, 9], [7, 0, 9]],
        ("LSTM", ways[1]): [[20, 0, 9], [8, 0, 9]], ("LSTM", ways[2]): [[9, 0, 4], [10, 0, 6]],
    })  # fmt: skip
    mute = (0, 0.1, np.array([[30, 0, 3.0], [30, 0, 2.0]]))
    given = {"np": np, "WAYS": ways, "compare": results.compare, "LECTURE": ("tanh", "first step")}
    run_cells(
        "08_three", "photo-claims", **given, told_photos=told, mute=mute, card=card, pictures=named("photos")
    )
    assert card.values["BLEU-4, LSTM, first input"] == 14
    claims = {name: card.values[name] for name in card.verdicts}
    assert claims == {
        "BLEU-4, lecture's network, right less wrong photo": 7,
        "BLEU-4, LSTM, first step less first input": -8,
        "greedy BLEU-4, with less without the previous word": 2.5,
    }
    assert list(card.verdicts.values()) == ["C41: holds", "C41: does not hold", "C48: holds"]
    assert {more["split"] for more in card.more.values()} == {"validation"}


def test_lab_08_measures_what_is_left_to_learn_from_the_best_possible_of_each_kind(card, capsys):
    ran = []

    def experiment(way, cell, budget, data, epochs, rates, score, hear=True, **more):
        ran.append((way, hear, score("network")))
        return 1, 0.1, np.array([[3.0, 0, 0, 0, 0.2, 0], [4.0, 0, 0, 0, 0.3, 0]])

    found = {("LSTM", "initial state"): (1, 0.1, np.array([[1.5, 0, 0, 0, 0.9, 0], [1.25, 0, 0, 0, 0.8, 0]]))}
    given = {"np": np, "found": found, "experiment": experiment, "CELLS": {"LSTM": None}, "kind": {}}
    given |= {"best_loss": 1.0, "unheard_loss": 2.0, "compare": results.compare, "budget": 1, "data": None}
    given |= {"EPOCHS": 1, "RATES": (), "score": lambda model, hear=True: (model, hear)}
    run_cells("08_three", "word-train", **given, card=card)
    assert ran == [("initial state", False, ("network", False))]
    assert card.values["exact captions, with less without the previous word"] == pytest.approx(0.6)
    assert card.values["left to learn, with less without the previous word"] == pytest.approx(0.375 - 1.5)
    assert list(card.verdicts.values()) == ["C48: holds", "C48: holds"]


def test_lab_08_chooses_the_rate_of_each_layer_on_dev_with_another_ladder():
    asked, scored = [], []
    chooser = {"fc2": {"train": np.zeros((4, 7)), "dev": "dev of the chooser"}}
    ladders = [{"fc2": {"train": f"train {seed}"}} for seed in range(2)]

    def train(model, x, y, epochs, rate, *, seed, validation=None, **options):
        asked.append((x if isinstance(x, str) else "chooser", y, epochs, rate, seed, validation))
        return [[0, 9.0], [0, {0.1: 3.0, 0.2: 2.0}[rate]]]

    def known(model, layer, name):
        scored.append((layer["train"], name))
        return [0.1, 0.2]

    stub = types.SimpleNamespace(build=lambda *_, **__: "model", train=train)
    given = {"captions": stub, "chooser": chooser, "ladders": ladders, "told": {"train": "T", "dev": "D"}}
    given |= {"EPOCHS": 5, "RATES": (0.1, 0.2), "SEED_OF_CHOICE": 77, "EAGER": True, "vocabulary": "abc"}
    given |= {"np": np, "known": known, "UNITS": 1, "LSTM": None}
    model, rate, found = run_cells("08_which", "describe", **given)["describe"]("fc2")
    assert (model, rate, found.shape) == ("model", 0.2, (2, 2, 2))
    dev = ("dev of the chooser", "D")
    assert asked == [
        ("chooser", "T", 5, 0.1, 77, dev), ("chooser", "T", 5, 0.2, 77, dev),
        ("train 0", "T", 5, 0.2, 0, None), ("train 1", "T", 5, 0.2, 1, None),
    ]  # fmt: skip
    assert scored == [("train 0", "dev"), ("train 0", "test"), ("train 1", "dev"), ("train 1", "test")]


@pytest.mark.parametrize(
    ("fc2", "seeds", "verdict"),
    [((0.9, 0.8), 2, "holds"), ((0.9, 0.8), 1, "not decided"), ((0.2, 0.3), 2, "does not hold"),
     ((0.49, 0.39), 2, "holds"), ((0.3, 0.8), 2, "not decided")],
)  # fmt: skip
def test_lab_08_weighs_fc2_against_the_layer_that_is_best_on_dev(fc2, seeds, verdict, card, capsys):
    def found(dev, test):  # (seeds, dev and test, groups)
        return np.array([[[dev], [share]] for share in test])

    known = {"pooled": found(0.5, (0.5, 0.4)), "raw": found(0.3, (0.95, 0.95)), "fc2": found(0.99, fc2)}
    given = {"np": np, "decide": results.decide, "SEEDS": seeds, "MARGIN": 0.02, "GROUPS": ("colour",)}
    run_cells("08_which", "claims", **given, results=known, card=card)
    assert card.verdicts == {"colour known, fc2 less pooled": f"C42: {verdict}"}
    assert card.values["colour known, fc2 less pooled"] == pytest.approx(np.mean(fc2) - 0.45)
    assert card.values["colour known from raw"] == pytest.approx(0.95)
    ahead = np.subtract(fc2, (0.5, 0.4))
    said = f"{ahead.mean():+.3f} ({ahead.min():+.3f} to {ahead.max():+.3f}): {verdict}"
    assert said in capsys.readouterr().out


def test_lab_08_weighs_layers_on_photos_by_the_half_that_chose_the_rival(card, capsys):
    by_layer = {
        "fc1": [[20.0, 10.0], [22.0, 11.0]], "pooled": [[19.0, 30.0], [19.0, 30.0]],
        "fc2": [[1.0, 12.0], [1.0, 14.0]],
    }  # fmt: skip
    by_layer = {name: np.array(scores) for name, scores in by_layer.items()}
    given = {"extractor": 1, "on_photos": lambda _: by_layer, "pictures": named("photos"), "card": card}
    run_cells("08_which", "photos-run", **given, decide=results.decide)
    assert card.values == {"BLEU-4, fc2 less fc1": 2.5}
    assert card.verdicts == {"BLEU-4, fc2 less fc1": "C42: holds"}


def test_lab_08_scores_each_half_of_the_dev_photos_against_its_own_captions():
    @dataclasses.dataclass
    class Part:
        names: list
        captions: list

    pictures = named("photos")
    pictures.source.sha256 = "hash"
    pictures.train = Part(list(range(9)), [[f"t{k}"] for k in range(9)])
    pictures.dev = Part(list(range(4)), [[f"d{k}"] for k in range(4)])
    asked, layers = [], ("pooled", "fc1", "fc2", "logits")

    def extract(extractor, part, sha256):
        return {layer: np.array(part.names, float)[:, None] for layer in layers}

    def bleu(texts, people):
        return 0, 0, 0, float([[text] for text in texts] == people)

    def train(model, x, told, epochs, rate, *, seed):
        asked.append((x.ravel().tolist(), told, seed))

    def build(way, size, words, units, **more):
        assert (way, size, words) == ("initial state", 1, 2)

    stub = types.SimpleNamespace(
        make_vocabulary=lambda *_, **__: ["a", "b"], encode=lambda told, _: told, plain=lambda told: told,
        standardised=lambda found: found, build=build, texts=lambda found, _: found, train=train, bleu=bleu,
        write=lambda model, x: [f"d{int(row[0])}" for row in x],
    )  # fmt: skip
    given = {"pictures": pictures, "PHOTOS": 5, "dataclasses": dataclasses, "captions": stub, "SEEDS": 2}
    given |= {"features": types.SimpleNamespace(extract=extract), "LSTM": None, "np": np}
    found = run_cells("08_which", "on-photos", **given)["on_photos"](None)
    assert {layer: scores.tolist() for layer, scores in found.items()} == {n: [[1, 1]] * 2 for n in layers}
    assert asked[0] == ([0, 1, 2, 3, 4], [[f"t{k}"] for k in range(5)], 0)
    assert [seed for *_, seed in asked] == [0, 1] * 4


def test_lab_10_chooses_the_rate_by_the_validation_loss_of_another_speaker(capsys):
    asked = []

    def anew(*given):
        asked.append(given)
        return {0.1: 3.0, 0.2: 2.0, 0.3: 2.5}[given[3]]

    given = {"RATES": (0.1, 0.2, 0.3), "SPEAK_EPOCHS": 4, "speaker": "speaker", "kept": "validation"}
    made = run_cells("10_does", "rates", **given, anew=anew, np=np)
    assert made["best_rate"] == 0.2
    assert asked == [("speaker", 0, 4, rate, 100, "validation") for rate in (0.1, 0.2, 0.3)]
    assert "rate 0.2: validation perplexity 7.4" in capsys.readouterr().out


def test_lab_10_learns_to_speak_before_it_learns_to_answer():
    asked = []

    def train(model, part, memory, epochs, rate, **more):
        asked.append((model, part, memory, epochs, rate, more))
        return [[0, 9], [0, 3]]

    stub = types.SimpleNamespace(
        train=train, loss_per_word="loss", begin_as=lambda model, other: asked.append(("as", model, other)),
    )  # fmt: skip
    again = types.SimpleNamespace(start_again=lambda *given: asked.append(("again", *given)))
    given = {"chat": stub, "captions": again, "learnt": "train", "EAGER": True, "speaker": "speaker"}
    anew = run_cells("10_does", "train", **given)["anew"]
    more = {"seed": 7, "size": 48, "first": 0, "validation": ()}
    assert anew("flat", None, 2, 0.1, 7) == 3
    assert asked == [
        ("again", "flat", 7, "loss", True), ("as", "flat", "speaker"), ("flat", "train", None, 2, 0.1, more)
    ]  # fmt: skip
    asked.clear()
    assert anew("speaker", 0, 4, 0.2, 8, "kept") == 3
    assert asked == [
        ("again", "speaker", 8, "loss", True),
        ("speaker", "train", 0, 4, 0.2, more | {"seed": 8, "validation": "kept"}),
    ]


def test_lab_15_chooses_each_rate_by_the_lowest_validation_cost_of_another_seed(capsys):
    asked = []

    def learn(kind, name, rate, seed):
        asked.append((kind, name, rate, seed))
        return {0.1: 3.0, 0.2: 2.0, 0.3: 2.5}[rate]

    given = {"np": np, "worlds": ("company", "photos"), "RATES": (0.1, 0.2, 0.3), "SEEDS": 2, "learn": learn}
    given |= {"cost": lambda *key: np.array([len(asked), len(asked) + 2.0]), "number_known": lambda: 7.5}
    made = run_cells("15_do", "run", **given)
    assert asked[:5] == [
        ("independent", "company", rate, seed)
        for rate, seed in ((0.1, 100), (0.2, 100), (0.3, 100), (0.2, 0), (0.2, 1))
    ]
    assert len(asked) == 30
    assert made["costs"]["company", "independent"] == [5, 6]  # the mean of the pictures, a network each
    assert made["costs"]["photos", "independent, number known"] == [7.5, 7.5]


def test_lab_15_keeps_the_weights_of_the_lowest_validation_cost():
    costs, weights, options = iter((3.0, 1.0, 2.0)), iter("abc"), {}

    class Model:
        kept = None

        def get_weights(self):
            return self.now

        def set_weights(self, kept):
            self.kept = kept

    def train(model, v, told, epochs, rate, *, seed, report, **more):
        options.update(more, epochs=epochs, rate=rate, seed=seed, told=told)
        for epoch in range(3):
            model.now = next(weights)
            assert len(report(epoch, [])) == 1

    chain, alone = Model(), Model()
    y = {"train": np.array([[1, 1, 0], [1, 0, 0]])}
    stub = types.SimpleNamespace(sequences=lambda *_: "told", train_independent=train)
    given = {
        "np": np,
        "worlds": {"photos": ({"train": "v"}, y, None)},
        "networks": {"photos": (chain, alone)},
    }
    given |= {"EPOCHS": 9, "SCENE_EPOCHS": 5, "labels": stub, "captions": types.SimpleNamespace(train=train)}
    given |= {"cost": lambda kind, name, part: np.array([{"validation": next(costs)}[part]])}
    learn = run_cells("15_do", "learn-do", **given)["learn"]
    assert learn("deaf chain", "photos", 0.1, 7) == 1
    assert (chain.kept, alone.kept) == ("b", None)
    assert options == {"least": 3, "hear": False, "epochs": 9, "rate": 0.1, "seed": 7, "told": "told"}


# ---- what is said of several seeds


def test_lab_07_compares_seeds_with_seeds_and_reviews_with_the_same_reviews(card, capsys):
    right = {
        "GRU": np.array([[1, 1, 1, 0], [1, 1, 0, 0]], bool),
        "average": np.array([[0, 0, 1, 0], [1, 0, 0, 0]], bool),
    }  # fmt: skip
    slices = {"all": [1, 1, 1, 1], "many turns": [1, 1, 0, 0], "few turns": [0, 0, 0, 1]}
    slices = {name: np.array(rows, bool) for name, rows in slices.items()}
    shares = {
        kind: {name: hits[:, rows].mean(axis=1) for name, rows in slices.items()}
        for kind, hits in right.items()
    }
    given = {"np": np, "right": right, "slices": slices, "shares": shares, "SEEDS": 2, "intervals": intervals}
    given |= {
        "compare": results.compare,
        "decide": results.decide,
        "models": {kind: [NETWORK] for kind in right},
    }
    run_cells("07_does", "gain", "gain-claims", **given, gains={"many turns": 75.0}, card=card)
    assert card.values["accuracy with many turns, GRU less average"] == 75
    assert card.values["gain with many turns less gain with few"] == pytest.approx(75 - 0)
    assert card.values["test accuracy, GRU, mean of 2 seeds"] == pytest.approx(5 / 8)
    assert card.verdicts["accuracy with many turns, GRU less average"] == "C40: holds"


def test_lab_07_asks_each_network_whether_the_good_food_is_above_the_bad(card, capsys):
    logits = iter(([2.0, -1.0, 0.5, 0.5], [3.0, 1.0, 0.5, 0.25]))
    given = {"np": np, "predict": lambda *_: next(logits), "encode": quiet, "models": {"GRU": [0, 1]}}
    given |= {"vectorize": None, "LENGTH": 1, "compare": results.compare, "vocabulary": ["uncooked"]}
    run_cells("07_does", "slide", **given, card=card)
    assert card.values["networks that have good and bad food right"] == 0.5
    chances = 1 / (1 + np.exp([-2.0, -3.0]))
    assert card.values["probability of positive, the food"] == pytest.approx(chances.mean())
    same = "the chicken, uncooked less a made-up word"
    assert card.values[same] == 0.25
    assert card.verdicts[same] == "C39: True"  # the word is known, so it may count
    logits = iter(([2.0, -1.0, 0.5, 0.5], [3.0, 1.0, 0.5, 0.25]))
    run_cells("07_does", "slide", **{**given, "vocabulary": []}, card=card)
    assert card.verdicts[same] == "C39: False"


def test_lab_11_compares_the_right_columns(card, capsys):
    def row(inside, habit, named, other, exact=0.5, nats=1.0):
        return dict(inside=inside, habit=habit, named=named, other=other, exact=exact, nats=nats)

    found = {
        "soft": [row(0.6, 0.25, 0.5, 0.1, 0.9, 2.0), row(0.8, 0.35, 0.7, 0.3, 0.7, 4.0)],
        "hard": [row(0.1, 0.4, 0.2, 0.6), row(0.15, 0.5, 0.4, 0.3)],
        "shuffled": [row(0.2, 0.2, 0, 0)] * 2,
        "shuffled, put back": [row(0.3, 0.3, 0, 0), row(0.7, 0.3, 0, 0)],
    }
    given = {"np": np, "compare": results.compare, "found": found, "card": card, "chance": {"inside": 0.2}}
    run_cells("11_does", "claims", **given, of=lambda kind, name: [row[name] for row in found[kind]])
    claims = {name: (pytest.approx(card.values[name]), verdict) for name, verdict in card.verdicts.items()}
    assert claims == {
        "soft: weight inside the thing named, less chance": (0.5, "C46: holds"),
        "soft: weight inside the thing named, less habit": (0.4, "C46: holds"),
        "hard: weight inside the thing named, less chance": (-0.075, "C46: does not hold"),
        "hard: weight inside the thing named, less habit": (-0.325, "C46: does not hold"),
        "soft, scenes of two: weight inside the thing named, less the other": (0.4, "C46: holds"),
        "hard, scenes of two: weight inside the thing named, less the other": (-0.15, "C46: not decided"),
        "soft: weight inside the thing named, less that of shuffled places put back": (
            0.2,
            "C46: not decided",
        ),
    }
    assert card.values["weight inside the thing named, shuffled"] == pytest.approx(0.2)
    assert card.values["exact captions, soft"] == pytest.approx(0.8)
    assert card.values["loss on true captions, soft"] == pytest.approx(3.0)


def test_lab_15_says_what_the_chain_saves(card, capsys):
    costs = {
        ("company", "independent"): [5.0, 6.0], ("company", "chain"): [3.0, 4.5],
        ("company", "deaf chain"): [7.0, 7.0], ("photos", "deaf chain"): [6.0, 7.0],
        ("photos", "independent"): [5.0, 6.0], ("photos", "chain"): [5.5, 5.5],
        ("photos", "independent, number known"): [1.0, 2.0],
    }  # fmt: skip
    given = {"np": np, "compare": results.compare, "costs": costs, "data": named("espgame"), "card": card}
    given |= {"best": {"company": (3.0, 4.0)}, "worlds": ("company", "photos")}
    run_cells("15_do", "claim", "claims-all", "control-do", **given)
    assert {name: (card.values[name], verdict) for name, verdict in card.verdicts.items()} == {
        "chain saves, scenes with company": (1.75, "C49: holds"),
        "chain saves, photos": (0, "C49: not decided"),
        "chain saves, photos, the number known": (-4, "C49: does not hold"),
    }
    assert card.values["saved by the chain, company, a mean of seeds"] == 1.75
    said = capsys.readouterr().out
    assert "company: saved +1.750 (+1.500 to +2.000), possible 1.000" in said
    assert "company: a deaf chain pays +3.250 more (+2.500 to +4.000)" in said


# ---- what is handed on


def test_captions_are_searched_with_the_width_power_and_length_asked_for(monkeypatch):
    asked = []

    def search(step, state, first, end, longest, width, power, banned):
        asked.append((step, first, end, longest, width, power, banned))
        return [[row, "a worse one"] for row in state]

    monkeypatch.setattr(captions, "beam_search", search)
    monkeypatch.setattr(captions, "begin", lambda model, seen: seen)
    monkeypatch.setattr(captions, "stepper", lambda model, hear: ("deaf", hear))
    model = captions.keras.Sequential()
    assert captions.write(model, [8, 9], width=4, power=0.7, longest=5, hear=False) == [8, 9]
    step, first, *rest = asked[0]
    assert (step, first) == (("deaf", False), [captions.START] * 2)
    assert rest == [captions.END, 5, 4, 0.7, captions.NEVER]


# ---- intervals over seeds, which the labs on cells define themselves


@pytest.mark.parametrize("stem", ["04_one", "04_gru_or"])
def test_labs_04_know_students_t(stem):
    """The two-sided 95 % quantiles: the chance to lie within is 0.95, by the density."""
    table = run_cells(stem, "interval", np=np, math=math)["T95"]
    x = np.linspace(-13, 13, 200_001)
    for freedom, quantile in enumerate(table, start=1):
        density = (1 + x**2 / freedom) ** (-(freedom + 1) / 2)
        density *= math.gamma((freedom + 1) / 2) / math.gamma(freedom / 2) / math.sqrt(freedom * math.pi)
        inside = density[np.abs(x) <= quantile].sum() * (x[1] - x[0])
        assert inside == pytest.approx(0.95, abs=6e-4), freedom


@pytest.mark.parametrize("stem", ["04_one", "04_gru_or"])
def test_labs_04_give_the_interval_of_the_mean_of_the_seeds(stem):
    interval = run_cells(stem, "interval", np=np, math=math)["interval"]
    assert interval(np.array([1.0, 3.0])) == pytest.approx((2 - 12.7, 2 + 12.7))
    half = 3.18 * 1.2909944 / 2
    assert interval(np.array([1.0, 2.0, 3.0, 4.0])) == pytest.approx((2.5 - half, 2.5 + half))


def test_lab_04_counts_both_seeds_and_pieces():
    lower = run_cells("04_gru_or", "interval", np=np, math=math)["lower"]
    other = np.array([[2.0, 4.0], [2.0, 4.0], [2.0, 4.0]])
    middle, (low, high) = lower(other / 2, other)
    assert middle == 50
    half = 4.30 * np.std([100 / 3, 200 / 3], ddof=1) / 2**0.5  # pieces differ, seeds do not
    assert (low, high) == pytest.approx((50 - half, 50 + half))
    one = other * np.array([[0.5], [0.75], [1.0]])
    middle, (low, high) = lower(one, other)
    assert middle == 25
    seeds, pieces = np.std([50, 25, 0], ddof=1) / 3**0.5, np.std([50 / 3, 100 / 3], ddof=1) / 2**0.5
    assert (low, high) == pytest.approx(
        (25 - 4.30 * math.hypot(seeds, pieces), 25 + 4.30 * math.hypot(seeds, pieces))
    )


@pytest.mark.parametrize("best", ["after", "together"])
def test_lesson_16_holds_the_chosen_way_against_the_networks_before_any_crf(best, capsys):
    by_way = {way: np.full((2, 3), 60.0 + 5 * (way == best)) for way in ("after", "together")}
    scored = {("after", 0): 70.0, ("after", 2): 75.0, ("together", 0): 65.0, ("together", 2): 77.0}

    def judge(test, seen, way, iterations):
        assert (test.count, seen) == (7, "maps of 7")
        return np.tile([*[0.0] * iterations, scored[way, iterations]], (2, 1))

    first = lambda count: types.SimpleNamespace(names="abc", count=count)  # noqa: E731
    data = types.SimpleNamespace(test=types.SimpleNamespace(first=first))
    given = {"segmentation": types.SimpleNamespace(maps_of=lambda _, test: f"maps of {test.count}")}
    given |= {"by_way": by_way, "judge": judge, "runs": {way: way for way in by_way}, "data": data}
    made = run_cells("16_crf_rnn", "test-do", **given, extractor=None, ITERATIONS=2, PHOTOS=7, SEEDS=2)
    assert made["network"].tolist() == [70.0, 70.0]
    assert made["ours"].tolist() == [scored[best, 2]] * 2
    assert f"with CRF-RNN ({best})" in capsys.readouterr().out


# ---- random numbers that are made anew are other ones each time

SEEDED = ("default_rng", "set_random_seed", "SeedGenerator")
AGAIN = {  # on purpose: what is compared draws the same
    ("18_visual_attention", "test-score", "np.random.default_rng(3)"),
    ("18_visual_attention", "rivals-learn", "keras.utils.set_random_seed(0)"),
    ("03_five_cells", "hold-run", "np.random.default_rng(8)"),
    ("11_does_it_look_there", "train-do", "keras.random.SeedGenerator(seed)"),
}


def seeded_again(source: str) -> set[str]:
    """Calls in a loop, or in a comprehension, that start the same random numbers in each round."""
    found = set()
    for loop in ast.walk(ast.parse(source)):
        if isinstance(loop, ast.For):
            targets, parts = [loop.target], loop.body
        elif isinstance(loop, ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp):
            targets = [part.target for part in loop.generators]
            parts = [loop.key, loop.value] if isinstance(loop, ast.DictComp) else [loop.elt]
        else:
            continue
        nodes = [node for part in [*targets, *parts] for node in ast.walk(part)]
        turns = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        for call in (node for part in parts for node in ast.walk(part) if isinstance(node, ast.Call)):
            names = {node.id for node in ast.walk(call) if isinstance(node, ast.Name)}
            if ast.unparse(call.func).rpartition(".")[2] in SEEDED and not names & turns:
                found.add(ast.unparse(call))
    return found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("for epoch in range(3):\n    rng = np.random.default_rng(2)", {"np.random.default_rng(2)"}),
        ("for epoch in range(3):\n    rng = np.random.default_rng((2, epoch))", set()),
        ("[fit(keras.utils.set_random_seed(0)) for seed in seeds]", {"keras.utils.set_random_seed(0)"}),
        ("rng = np.random.default_rng(2)\nfor epoch in range(3):\n    rng.permutation(3)", set()),
    ],
)
def test_seeds_that_are_set_again_are_found(source, found):
    assert seeded_again(source) == found


def test_no_round_of_a_loop_starts_the_same_random_numbers():
    found = {
        (path.stem, cell.id, call)
        for path in notebooks.all_notebooks()
        for cell in check.code_cells(notebooks.load(path))
        for call in seeded_again(cell.source)
    }
    assert found == AGAIN
