"""What single cells of the lessons define, at values whose answer is known; nothing is trained for long."""

import ast
import io
import itertools
import math
import re
import types
import wave
from unittest.mock import MagicMock

import keras
import numpy as np
import pytest
import tensorflow as tf
from cells import run_cells
from keras import layers, ops

from tools import notebooks
from utils import brackets, captions, chat, intervals, plots, results, side_by_side
from utils.checks import central_differences, relative_error

SIMPLE = {"np": np, "keras": keras, "layers": layers, "ops": ops, "plots": plots, "EXAMPLES": 10}


def quiet(*_, **__):
    """In place of what trains, draws or records."""


# ---- 01


@pytest.fixture
def lesson_01():
    given = SIMPLE | {"NOISE": 0.0, "WORD": "abcd", "V": 4, "vocabulary": list("abcd"), "learn": quiet}
    given |= {"grid": lambda *shape: np.zeros(shape), "plt": types.SimpleNamespace()}
    made = run_cells("01_", "rnn-step", "spell", **given)
    return made | run_cells("01_", "film", np=np, NOISE=0.0)


def digits_in(film, lamps):
    """Which digits noiseless pictures show."""
    return (film[..., None, :] == lamps).all(axis=-1).argmax(axis=-1)


def test_lesson_01_spells_by_reading_what_it_wrote(lesson_01):
    one, after = 30 * np.eye(4), np.roll(np.eye(4), 1, axis=1)  # each letter calls for the next
    weights = [one, np.zeros((4, 4)), np.zeros(4), 30 * after, np.zeros(4)]
    model = types.SimpleNamespace(get_weights=lambda: weights)
    assert lesson_01["spell"](model, seed=0) == "abcd"
    weights[4] = np.array([0, 0, 0, 99.0])  # and the last bias counts
    assert lesson_01["spell"](model, seed=0) == "addd"


TASKS = {
    "one-to-many-learn": ("countdown", lambda digits: np.maximum(digits[:, None] - np.arange(10), 0)),
    "seq2seq-learn": ("backwards", lambda digits: digits[:, ::-1]),
    "many-to-many-learn": (
        "larger",
        lambda digits: np.c_[np.zeros(len(digits)), digits[:, 1:] > digits[:, :-1]],
    ),
    "many-to-one-learn": ("up_or_down", lambda digits: (digits[:, 1] - digits[:, 0]) % 10 == 1),
}


@pytest.mark.parametrize("cell", TASKS)
def test_lesson_01_asks_of_its_films_what_the_text_says(cell, lesson_01):
    name, truth = TASKS[cell]
    film, lamps = lesson_01["film"], lesson_01["LAMPS"]
    made = run_cells("01_", "one-to-one-learn", cell, **SIMPLE, film=film, learn=quiet)
    x, y = made[name](50, np.random.default_rng(0))
    digits = digits_in(x, lamps)
    assert np.array_equal(y, truth(digits))
    assert len(np.unique(digits)) == 10


def test_lesson_01_adds_from_the_lowest_digit():
    x, y = run_cells("01_", "sums", np=np, BITS=8)["sums"](20, np.random.default_rng(0), 6)
    values = 2 ** np.arange(6)
    assert np.array_equal(x.sum(axis=2) @ values % 64, y @ values)


# ---- 02


@pytest.fixture
def lesson_02():
    cells = ("step", "forward", "errors", "gradients", "task", "train")
    return run_cells("02_", *cells, np=np, UNITS=3, RATE=0.1)


def test_lesson_02_asks_for_the_bit_of_so_many_steps_ago(lesson_02):
    bits, answers = lesson_02["same_as"](3, 5, 40, np.random.default_rng(0))
    assert bits.shape == answers.shape == (5, 40, 1)
    assert np.array_equal(answers[:, 3:] == 1, bits[:, 3:] == bits[:, :-3])
    assert set(np.unique(bits)) == set(np.unique(answers)) == {-1, 1}


def test_lesson_02_goes_down_the_gradient_of_the_mean_loss_with_momentum(lesson_02):
    delay, chunk, streams = 2, 4, 5

    def told(updates):
        return lesson_02["train"](delay, chunk, updates, streams=streams)

    start, none = told(0)
    once, losses = told(1)
    assert none == []
    rng = np.random.default_rng(0)
    lesson_02["random_weights"](1, 3, 1, rng)  # what the training draws first
    x, targets = lesson_02["same_as"](delay, streams, chunk, rng)

    def loss():
        return np.mean((lesson_02["forward"](x, np.zeros((streams, 3)), start)[1] - targets) ** 2) / 2

    assert losses[0] == pytest.approx(loss())
    for before, after in zip(start, once, strict=True):
        slope = central_differences(loss, before)
        assert relative_error(before - after, 0.1 * slope + 1e-30) < 1e-6


# ---- 03


def test_lesson_03_sets_the_biases_of_the_gates_that_it_names():
    given = SIMPLE | {"side_by_side": side_by_side, "UNITS": 3, "SEEDS": 2}
    made = run_cells("03_", "step", "starts", **given)
    bias = made["lstm_start"](forget=5.0, take=-4.0)[2]
    assert np.array_equal(bias, np.broadcast_to(np.repeat([-4, 5, 0, 0], 3), (2, 1, 12)))
    keep = np.float32([[0.7, -0.2, 0.4]])  # what the names mean: nothing is taken in, all is kept
    step, b = made["lstm_step"], made["lstm_start"](forget=50, take=-50)[2][0]
    _, c, _ = step(np.ones((1, 2)), np.zeros((1, 3)), keep, np.zeros((2, 12)), np.zeros((3, 12)), b)
    assert np.allclose(c, keep)


def test_lesson_03_predicts_the_next_symbol():
    made = run_cells("03_", "pairs", brackets=brackets)
    x, y = made["pairs"](["(a)."])
    assert [brackets.SYMBOLS[k] for k in x[0].argmax(axis=-1)] == list("(a)")
    assert [brackets.SYMBOLS[k] for k in y[0]] == list("a).")


def test_lesson_03_hands_over_the_states_of_the_step_before(capsys):
    asked = []

    def along(x, weights, h, c):
        asked.append((x, h, c))
        return np.zeros((2, x.shape[1], 3)), None, None

    steps = np.arange(40.0)
    x = np.broadcast_to(steps[None, :, None], (2, 40, 6))
    states, cells = (np.broadcast_to(steps[None, :, None], (2, 40, 3)) for _ in range(2))
    lstm = types.SimpleNamespace(get_weights=lambda: [])
    given = {"along": along, "states": states, "cells": cells, "lstm": lstm, "x": x, "y": np.zeros((2, 40))}
    run_cells("03_", "pitfall-half", **given, W=np.zeros((3, 6)), b=0, loss=lambda *_: 0.0)
    for (rest, h, c), kept in zip(asked, (19, 0), strict=True):
        assert rest[0, 0, 0] == 20
        assert np.all(h == 19)
        assert np.all(c == kept)


# ---- 04


@pytest.mark.parametrize(
    ("faster", "verdict"), [(0.6, "holds"), (1.4, "does not hold"), (0.85, "not decided")]
)
def test_lab_04_one_gate_less_says_that_a_shorter_time_holds(faster, verdict):
    noise = np.exp(np.random.default_rng(0).normal(0, 0.01, (3, 2)))
    card = MagicMock()
    run_cells(
        "04_one", "interval", "time-claim", np=np, math=math, decide=results.decide,
        epochs=np.full((3, 2), 5.0), seconds=noise * [faster, 1],
        TARGET=9, UNITS=8, bach=MagicMock(), card=card,
    )  # fmt: skip
    assert card.claim.call_args.kwargs["verdict"] == verdict
    assert math.isclose(card.claim.call_args.args[2], faster, rel_tol=0.02)


def test_lab_02_chooses_the_rate_on_validation_sequences():
    validation, tested = (
        np.array([[[0.1], [0.2]], [[0.4], [0.3]]]),
        np.array([[[0.8], [0.5]], [[0.6], [0.7]]]),
    )
    given = {"RULES": ["one", "two"], "names": ["one", "two"], "RATES": [0.1, 0.3], "print": quiet}
    found = run_cells("02_clipping", "best", np=np, losses_on={100: validation, 200: tested}.get, **given)
    assert {rule: loss.tolist() for rule, loss in found["freely"].items()} == {"one": [0.8], "two": [0.7]}


def test_lesson_04_plays_real_chorales_where_they_are_written():
    roll = np.zeros((12, 88))
    roll[:, 48] = 1
    given = {"OCTAVE": 12, "bach_roll": roll, "io": io, "wave": wave, "display": quiet, "Audio": quiet}
    names = run_cells("04_gru", "sound", np=np, **given)
    tone, rate = names["tone"](48), names["RATE"]
    strongest = np.abs(np.fft.rfft(tone)).argmax() * rate / len(tone)
    assert strongest == pytest.approx(220, abs=rate / len(tone))  # A3, the 49th key an octave down


@pytest.mark.parametrize(("open_", "shut"), [(3, 1), (1, 3)])
def test_lab_03_says_which_share_of_the_gates_is_open_and_which_shut(open_, shut, capsys):
    values = np.array([[0.95] * open_ + [0.05] * shut + [0.5] * (10 - open_ - shut)])
    given = {"np": np, "GATES": ["forget"], "bootstrap": lambda share: (share.min(), share.max())}
    given |= {"decide": results.decide, "card": types.SimpleNamespace(claim=quiet)}
    run_cells(
        "03_activations", "gates-verdict", after={"adding": [values]}, before={"adding": [values]}, **given
    )
    assert f"0.40 (0.40 to 0.40) at an end: 0.{open_}0 open, 0.{shut}0 shut" in capsys.readouterr().out


# ---- 05


def test_lesson_05_measures_at_each_letter():
    fake = types.SimpleNamespace(predict_on_batch=lambda x: np.eye(3)[x])
    y = np.array([[0, 1, 2], [2, 2, 2]])
    given = {"np": np, "forward": fake, "validation": (y, y), "HERE": 0, "print": quiet}
    made = run_cells("05_deep", "forward-accuracy", **given)
    assert made["accuracy"](fake, (np.array([[0, 1, 2], [0, 1, 2]]), y)).tolist() == [0.5, 0.5, 1.0]


def test_lesson_05_pads_sounds_at_the_end():
    recording = types.SimpleNamespace(samples=None, digit=7)
    parts = types.SimpleNamespace(train=[recording], validation=[recording])
    loud = np.full((3, 32), 2.0)
    given = SIMPLE | {"scale": lambda **_: 5, "digits": parts, "ROWS": None, "print": quiet}
    made = run_cells("05_deep", "digits", **given, log_mel=lambda *_: loud)
    x, y = made["spectrograms"]([recording])
    assert x[0, :, 0].tolist() == [2, 2, 2, 0, 0]
    assert y.tolist() == [7]


def test_lesson_05_reads_the_letters_on_both_sides_of_the_place():
    bases = "".join("ACGT"[k % 4] for k in range(60))
    parts = types.SimpleNamespace(train=[(bases, "IE")], validation=[(bases, "N")])
    made = run_cells(
        "05_deep", "dna-arrays", np=np, SIDE=2, ROWS=None, dna=parts, KINDS=("EI", "IE", "N"), print=quiet
    )
    x, y = made["arrays"](parts.train)
    assert ["ACGT"[k] for k in x[0].argmax(axis=-1)] == list(bases[28:32])
    assert y.tolist() == [[1] * 4]


def test_lab_05_trains_each_recording_with_its_digit():
    seen = []
    model = types.SimpleNamespace(fit=lambda x, y, **_: seen.append((x, y)), predict_on_batch=lambda x: x)
    digits = np.arange(120) % 10
    given = {"np": np, "digit_models": {1: model}, "restart": quiet, "falling": quiet, "DIGIT_EPOCHS": 1}
    given |= {"of": lambda *_: (np.eye(10)[digits], digits)}
    share = run_cells("05_depth", "heard", **given)["heard"](1, ["a"], 0.1, 0, ["b"])
    assert share == [1.0]
    ((x, y),) = seen
    assert y.shape == (100,)
    assert np.array_equal(x.argmax(axis=1), y)


REAL = types.SimpleNamespace(source=types.SimpleNamespace(kind="real"))


def beside(cell, lesson, **given):
    """The rows that a cell writes on the card as on real data: what is published beside each name."""
    rows = {}
    card = types.SimpleNamespace(
        add=lambda name, *_, published=(), **__: rows.update({name: list(published)})
    )
    run_cells(lesson, cell, card=card, print=quiet, **given)
    return rows


def test_lesson_06_compares_windows_of_256_with_windows_of_256():
    net = types.SimpleNamespace(count_params=lambda: 1)
    given = {"text": REAL, "net": net, "seconds": np.ones(1), "carried": 1.0, "fresh": 2.0}
    rows = beside("published", "06_", **given, ngram_losses={3: 1.0}, best_n=3)
    assert {name for name, papers in rows.items() if papers} == {"loss, fresh windows of 256"}
    [(value, source)] = rows["loss, fresh windows of 256"]
    assert value == 1.4697
    assert "nanoGPT, windows of 256" in source


def test_lesson_06_counts_a_line_as_indented_only_if_it_is_further_in():
    made = run_cells("06_", "python-counts", itertools=itertools, re=re)
    assert made["indented"]("if x:\n    y\nif x:\ny\n") == 0.5
    assert made["indented"]("x\ny") == 0
    assert made["closed"]("(a[b])(") == pytest.approx(2 / 3)
    assert made["closed"]("(a]") == 0


# ---- 07


def test_lesson_07_keeps_each_label_with_its_review():
    part = types.SimpleNamespace(texts=[str(k) for k in range(40)], labels=np.arange(40) % 2)
    given = {"np": np, "vectorize": None, "data": types.SimpleNamespace(train=part, validation=part)}
    given |= {"encode": lambda texts, *_: np.array([[int(text)] for text in texts]), "print": quiet}
    made = run_cells("07_", "encode", **given, FEW=9, READ=9, LENGTH=2)
    ids, labels = made["numbers"](part, 25, 2)
    assert ids.shape == (25, 1)
    assert np.array_equal(ids[:, 0] % 2, labels)


def test_lesson_07_gives_the_probability_that_a_review_is_positive():
    given = {"np": np, "network": None, "slide": [], "MY_REVIEW": "", "vectorize": None, "LENGTH": 1}
    given |= {"encode": lambda texts, *_: texts, "predict": lambda model, texts: np.array([-2.0, 0, 2])}
    made = run_cells("07_", "ask", **given, print=quiet, zip=lambda *_, **__: ())
    assert made["judge"](["a", "b", "c"], None) == pytest.approx([0.119203, 0.5, 0.880797], abs=1e-6)


# ---- 08


def test_lesson_08_defines_the_loss_of_its_labs():
    vocabulary = captions.make_vocabulary([["a dog"], ["two dogs run"]])
    tokens = captions.pad([[1, 4, 5, 2], [1, 7, 6, 8, 2]])[:, 1:]
    scores = np.random.default_rng(0).normal(size=(*tokens.shape, len(vocabulary))).astype(np.float32)
    loss = run_cells("08_", "loss-do", keras=keras, ops=ops, captions=captions)["loss_per_word"]
    assert float(loss(tokens, scores)) == pytest.approx(float(captions.loss_per_word(tokens, scores)))


def test_lesson_08_scores_what_the_network_writes_of_the_photos_alone():
    """The scored texts are those that come from the features again, without a look at what people wrote."""
    scored = []

    def bleu(texts, against):
        scored.append((texts, against))
        return [1.0, 2.0, 3.0, 4.0]

    def write(model, v, **settings):
        return [f"{model} on {row} by {sorted(settings.items())}" for row in v]

    stub = types.SimpleNamespace(write=write, texts=lambda found, _: list(found), bleu=bleu)
    model = "the network"
    people = {part: [[f"{part} {i}"] for i in range(3)] for part in ("dev", "test")}
    seen = {"dev": [10, 11, 12], "test": [20, 21, 22]}
    given = SIMPLE | {"captions": stub, "model": model, "seen": seen, "people": people, "BEAM": 3}
    given |= {"vocabulary": [], "four": people["dev"], "show_bleu": quiet}
    names = run_cells("08_", "choose-do", "choose-power", "test-do", **given)
    assert scored[-1] == (write(model, seen["test"], **names["BEST"]), people["test"])
    assert scored[0] == (write(model, seen["dev"], width=1, power=0.0), people["dev"])
    assert sum(against is people["test"] for _, against in scored) == 1  # the test, once


def test_lesson_07_compares_one_network_with_published_accuracies():
    tested = {"our network": 0.5, "our bag of words and pairs": 0.5}
    given = {
        "data": REAL,
        "best": types.SimpleNamespace(count_params=lambda: 1),
        "seconds": 1.0,
        "tested": tested,
    }
    rows = beside("test-card", "07_", **given, rows=[(0, 0, 1.0)], hits={}, FEW=1)
    assert {name for name, papers in rows.items() if papers} == {"test accuracy of one network"}
    assert [value for value, _ in rows["test accuracy of one network"]] == [0.8428, 0.862, 0.9122]


def test_lesson_08_puts_each_bleu_beside_the_same_one():
    model = types.SimpleNamespace(count_params=lambda: 1)
    given = {
        "real": True,
        "model": model,
        "losses": np.ones((1, 3)),
        "test_scores": [4.0, 3, 2, 1],
        "BEAM": 3,
    }
    rows = beside("papers", "08_image", **given)
    assert [[value for value, _ in papers] for papers in rows.values()] == [
        [57.9, 67, 67], [38.3, 44.8, 45.7], [24.5, 29.9, 31.4], [16.0, 19.5, 21.3]
    ]  # fmt: skip
    assert all(f"BLEU-{n + 1}" in name for n, name in enumerate(rows))


def test_lesson_08_counts_as_new_what_no_training_caption_says():
    rows = {}
    card = types.SimpleNamespace(claim=quiet, add=lambda name, value, **_: rows.update({name: value}))
    found = [types.SimpleNamespace(ended=True)] * 4
    people = {"train": [["a", "b"], ["c"]], "test": [["d"], ["a"], ["e"], ["f"]]}
    given = {"np": np, "decide": results.decide, "intervals": intervals, "found": found, "people": people}
    run_cells("08_", "ended", **given, texts=["a", "d", "d", "e"], card=card, print=quiet)
    assert rows == {"captions that are no training caption": 0.75}


def test_lesson_08_keeps_in_its_file_how_features_are_standardised(tmp_path):
    photo_eyes = keras.Sequential([keras.Input((1, 3, 1), dtype="uint8"), layers.Flatten()])
    mean, deviation = np.array([100.0, 100.0, 100.0], "float32"), np.array([0.5, 20.0, 40.0], "float32")

    def network():
        v, so_far = keras.Input((3,)), keras.Input((None,), dtype="int32")
        scores = layers.RepeatVector(2)(v) + 0.0 * ops.cast(so_far, "float32")[:, :, None]
        return keras.Model([v, so_far], scores)

    given = {"keras": keras, "layers": layers, "ops": ops, "photo_eyes": photo_eyes, "mean": mean}
    given |= {"deviation": deviation, "vocabulary": ["a", "b", "c"], "network": network, "model": network()}
    run_cells("08_image", "file", **given, build_folder=lambda _: tmp_path)
    loaded, said = keras.saving.load_model(tmp_path / "captions.keras"), tf.constant([["a", "a"]])
    for pixels in ((101, 130, 70), (101, 150, 100), (100, 130, 170)):
        photo = np.array(pixels, np.uint8).reshape(1, 1, 3, 1)
        wanted = "abc"[np.argmax((np.array(pixels) - mean) / deviation)]
        assert loaded([tf.constant(photo), said]).numpy()[0].decode() == wanted


@pytest.mark.parametrize(("says", "text"), [(["<end>"], ""), (["a", "dog", "<end>"], "a dog")])
def test_lesson_08_compares_its_file_with_the_network_whatever_that_says(says, text, tmp_path):
    """A network that has hardly learnt may say nothing at all."""
    left, checked = [word.encode() for word in says], []
    (tmp_path / "captions.keras").write_bytes(b"")
    answer = MagicMock()
    answer.numpy.side_effect = lambda: [left.pop(0)]
    card = types.SimpleNamespace(check=lambda *_, ok, **__: checked.append(ok))
    given = {"keras": MagicMock(), "path": tmp_path / "captions.keras", "tf": MagicMock(), "card": card}
    given["keras"].saving.load_model.return_value = lambda _: answer
    given |= {
        "real": False,
        "six_scenes": [0],
        "LONGEST": 5,
        "model": None,
        "vocabulary": (),
        "photo_eyes": 0,
    }
    given |= {"look": lambda *_: 0.0, "mean": 0.0, "deviation": 1.0, "greedy": lambda *_: [None]}
    run_cells("08_image", "file-check", captions=types.SimpleNamespace(decode=lambda *_: text), **given)
    assert checked == [True]
    assert not left


def test_lesson_08_shows_the_loss_of_training_photos_beside_that_of_dev():
    parts = {"train": [1] * 600, "dev": [2] * 600}
    photos = "dog_agility_jump", "dog_snow", "soccer_players", "surfer_wave", "two_women_bicycles", "cat_face"
    stub = types.SimpleNamespace(nats_per_word=lambda _, images, told: float(sum(images) + 1000 * sum(told)))
    given = {"free": dict.fromkeys(photos), "seen": parts, "coded": parts, "captions": stub, "model": None}
    given |= {"seen_free": np.zeros((6, 1)), "greedy": lambda *_: np.zeros((6, 2)), "print": quiet}
    row = run_cells("08_image", "train-do", **given)["after_epoch"](0, [0.0, 0.0])
    assert row[0] == 500 + 1000 * 500


def test_lab_08_shows_each_scene_and_another_one():
    shown, vocabulary = [], ["", "start", "end", "a"]

    def write(_, x, **__):
        shown.append(x)
        return []

    stub = types.SimpleNamespace(
        PAD=0, one_each=lambda *_: (None, np.zeros((2, 3), int)), texts=lambda *_: [""] * 4, write=write,
        word_nats=lambda *_, **__: np.ones((2, 2)),
    )  # fmt: skip
    never = types.SimpleNamespace(is_exact=lambda *_: False)
    images = np.arange(12).reshape(4, 3)
    part = types.SimpleNamespace(names=range(4))
    given = {"captions": stub, "seen": {"test": images}, "told": {"test": None}, "vocabulary": vocabulary}
    given |= {"world": types.SimpleNamespace(contents=dict.fromkeys(range(4))), "parts": {"test": part}}
    score = run_cells("08_three_ways", "score", np=np, best=[[], []], scenes=never, **given)["score"]
    with pytest.warns(RuntimeWarning):  # no word counts here
        score(None)
    first, other = shown
    assert np.array_equal(first, images)
    assert sorted(map(tuple, other)) == sorted(map(tuple, images))
    assert not (other == images).all(axis=1).any()


# ---- 10


def chat_cells(*names, **given):
    given = {"chat": chat, "LSTM": layers.LSTM, "UNITS": 8, "vocabulary": ["w"] * 20, "np": np} | given
    return run_cells("10_", *names, keras=keras, layers=layers, tf=tf, **given)


def test_lesson_10_defines_what_its_lab_takes_from_utils_chat():
    card = types.SimpleNamespace(check=quiet)
    made = chat_cells("network", card=card, float=float, print=quiet)
    made |= chat_cells("hierarchy-build", **{name: made[name] for name in ("EMBEDDING", "DROPOUT")})
    context = made["hierarchical"]().get_layer("context").units
    turns = [[[3, 4, 1], [5, 1], [6, 7, 1]], [[8, 1], [9, 10, 11, 1]]]
    for ours, theirs, more in (
        ("network", chat.build_flat, {}),
        ("hierarchical", chat.build_hierarchical, {"context": context}),
    ):
        a, b = made[ours](), theirs(20, 8, 4, made["DROPOUT"], lstm=layers.LSTM, **more)
        assert a.name == b.name
        shapes = [w.shape for w in a.get_weights()]
        assert shapes == [w.shape for w in b.get_weights()]
        a.set_weights([np.random.default_rng(0).normal(size=shape) for shape in shapes])
        b.set_weights(a.get_weights())
        for memory in (1, None):
            for one, other in zip(*(chat.turn_nats(m, turns, memory) for m in (a, b)), strict=True):
                assert one[1:] == pytest.approx(other[1:], rel=1e-5)
        rates = [layer.rate for layer in a.layers if isinstance(layer, layers.Dropout)]
        assert rates == [layer.rate for layer in b.layers if isinstance(layer, layers.Dropout)]


def functions(cell, **given):
    """The functions that a cell of lesson 10 defines; what else it does is left out."""
    path = next(path for path in notebooks.lessons() if path.stem.startswith("10_"))
    tree = ast.parse(notebooks.find(notebooks.load(path), cell).source)
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    names = {"np": np} | given
    exec(compile(tree, f"10_chat, cell {cell}", "exec"), names)
    return names


def test_lesson_10_reranks_by_what_was_heard_less_what_is_likely_anyway():
    costs = {0: 1.0, 1: 2.5, 2: 9.0, 3: 1.0}  # -ln p of each by itself
    drawn = [types.SimpleNamespace(tokens=(k,), log_probability=-1.0 - k) for k in costs]

    def turn_nats(model, dialogues, memory):
        assert (model, memory) == ("deaf", 0)
        return [[np.nan, costs[answer[0]]] for _, answer in dialogues]

    stub = types.SimpleNamespace(END=1, turn_nats=turn_nats)
    for weight, best in ((0.0, 0), (0.5, 2), (0.3, 2), (0.1, 0)):
        names = functions("remedies", chat=stub, AGAINST=weight, deaf="deaf")
        names["draw"] = lambda model, memory, contexts, seed: drawn * (len(contexts) // 4)
        for several in ([[[5]]], [[[5]], [[6]]]):
            found = names["against"](None, 1, several, draws=4)
            assert [one.tokens for one in found] == [(best,)] * len(several)


def test_lesson_10_counts_the_words_of_the_answers_only():
    dialogues = [[[7, 1], [8, 1]], [[9, 9, 1], [1]]]
    stub = types.SimpleNamespace(word_nats=lambda *_: [[np.zeros(0), np.array([2, 3])], [[], [3]]])
    names = functions("five-gram", chat=stub)
    model = types.SimpleNamespace(nats=lambda words: np.arange(len(words), dtype=float))
    assert names["counted"](model, dialogues).tolist() == [2, 3, 3]
    assert names["predicted"](None, 1, dialogues).tolist() == [2, 3, 3]


def test_lesson_10_mixes_probabilities_word_by_word():
    mixed = functions("mix")["mixed"]
    network, counts = -np.log([0.5, 0.1]), -np.log([0.1, 0.3])
    assert mixed(1.0, network, counts) == pytest.approx(network.mean())
    assert mixed(0.25, network, counts) == pytest.approx(-np.log([0.2, 0.25]).mean())


def test_lesson_10_counts_different_words_among_as_many_and_none_if_nothing_is_said():
    distinct = functions("variety", itertools=itertools)["distinct"]
    assert distinct([(1, 2), (1, 2, 3)], 1) == 3 / 5
    assert distinct([(1, 2), (1, 2, 3)], 2) == 3 / 4  # (1, 2), (2, 1), (1, 2), (2, 3)
    assert distinct([(1, 2), (1, 2, 3)], 1, most=4) == 2 / 4
    assert distinct([(), ()], 1) == distinct([(), ()], 2) == distinct([(5,)], 2) == 0
