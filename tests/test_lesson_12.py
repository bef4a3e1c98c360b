"""Lesson 12 defines what `utils.ctc` and `utils.speech` have; its lab counts what is found, and no more."""

import itertools
import subprocess
import sys
import types
import wave

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from cells import run_cells
from keras import layers, ops

from utils import ctc, datasets, plots, sound, speech
from utils.folders import ROOT

GIVEN = {"np": np, "keras": keras, "layers": layers, "ctc": ctc, "speech": speech, "LSTM": layers.LSTM}
LAB = "12_who"


@pytest.fixture(scope="module")
def lesson():
    return run_cells("12_", "collapse", "forward", "model", itertools=itertools, **GIVEN)


def test_lesson_12_adds_up_what_utils_ctc_adds_up(lesson):
    log_p = speech.log_softmax(np.random.default_rng(0).normal(size=(6, 4)))
    for text in ([1, 2, 3], [2, 2], [3]):
        assert lesson["log_likelihood"](log_p, text) == pytest.approx(ctc.log_likelihood(log_p, text))
    for path in itertools.product(range(3), repeat=4):
        assert lesson["collapse"](path) == ctc.collapse(path)


def test_lesson_12_builds_the_listener_of_utils_speech(lesson):
    ours = lesson["listener"](4, 5, 3, depth=2, dense=6)
    theirs = speech.listener(4, 5, 3, depth=2, dense=6, lstm=layers.LSTM)
    theirs.set_weights(ours.get_weights())
    inputs = [np.random.default_rng(0).normal(size=(2, 7, 4)), np.array([7, 4])]
    assert np.allclose(ours(inputs), theirs(inputs), atol=1e-6)


def test_lesson_12_changes_sentences_in_training_only(lesson):
    ready = run_cells("12_", "ready", STACK=3, **GIVEN)["ready"]
    frames = np.random.default_rng(0).normal(size=(100, 13)).astype("float32")
    assert np.array_equal(ready(frames, None), ready(frames, None))
    assert ready(frames, None).shape == (34, 117)
    lengths = {len(ready(frames, np.random.default_rng(seed))) for seed in range(30)}
    assert min(lengths) >= 30
    assert max(lengths) <= 38
    assert len(lengths) > 3


@pytest.mark.parametrize("own", [True, False])
def test_lesson_12_listens_to_the_readers_own_recording(own, tmp_path, capsys):
    path, heard = tmp_path / "own.wav", []
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(np.full(8000, 1000, "<i2").tobytes())
    stranger = datasets.speech.String(np.ones(7, np.int16), "42", ((0, 7),), "theo")
    given = {
        "RECORDING": str(path) if own else None,
        "strings": types.SimpleNamespace(stranger=[stranger]),
        "show_string": lambda *args: heard.append(args) or "17",
    }
    run_cells("12_", "own", sound=sound, **given)
    assert [len(part) for part in heard[0]] == ([4000] if own else [7, 1])
    assert capsys.readouterr().out.split() == (["heard", "17"] if own else ["said", "42,", "heard", "17"])


def test_lesson_12_draws_a_recording_without_places(monkeypatch):
    monkeypatch.setattr(plots, "show", lambda alt: plt.close("all"))
    logits = np.zeros((10, 11))
    logits[4, 8] = logits[8, 8] = 9
    fake = types.SimpleNamespace(**vars(speech) | {"logits_of": lambda *_: [logits]})
    given = GIVEN | {"speech": fake, "plt": plt, "plots": plots, "sound": sound, "STACK": 3, "digits": None}
    given |= {"BLANK": 0, "stack": None, "digits_of": lambda logits: ["77"]}
    show = run_cells("12_", "where", "show-string", **given)["show_string"]
    assert show(np.ones(2400, np.int16)) == "77"
    assert show(np.ones(2400, np.int16), ((0, 800), (1000, 1600))) == "77"


LOADS = """
import sys
import keras
import numpy as np
from utils import speech
loaded = keras.saving.load_model(sys.argv[1])
samples = np.random.default_rng(0).normal(0, 3000, (1, 9000)).astype("int16")
print("heard", *(symbol.decode() for symbol in loaded(samples).numpy()[0] if symbol))
"""


def test_lesson_12_stores_a_file_that_hears_the_same_elsewhere(tmp_path, monkeypatch, capsys):
    digits = speech.listener(96, 11, 6, depth=1)
    digits.layers[-2].kernel.assign(8 * digits.layers[-2].kernel)  # surer of itself, so it says much
    digits.compile("adam", ctc.loss)
    rows = []
    strings = [
        datasets.speech.String(np.random.default_rng(seed).normal(0, 3000, time).astype(np.int16), "", (), "")
        for seed, time in enumerate((9000, 5000, 4321))
    ]

    def by_ctc(part):
        frames = [speech.normalised(sound.log_mel(one.samples, 8000)) for one in part]
        logits = speech.logits_of(digits, frames, lambda one, rng: speech.stacked(one))
        return [speech.decode(ctc.collapse(np.argmax(one, axis=-1)), speech.DIGITS) for one in logits]

    card = types.SimpleNamespace(notebook="12_speech", check=lambda *args, **more: rows.append(more))
    given = {"digits": digits, "ops": ops, "BLANK": 0, "STACK": 3, "card": card, "by_ctc": by_ctc}
    given |= {"scale": lambda quick, **_: quick, "build_folder": lambda name: tmp_path}
    given |= {"strings": types.SimpleNamespace(validation=strings)}
    run_cells("12_", "file-model", "file-check", **GIVEN, **given)
    assert [row["ok"] for row in rows] == [True]
    assert "as before: True" in capsys.readouterr().out
    [said, *_] = by_ctc(strings)
    assert len(said) > 2
    command = [sys.executable, "-c", LOADS, str(tmp_path / "speech.keras")]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert ran.stdout.splitlines()[-1:] == [" ".join(["heard", *said])], ran.stderr


def lab(*ids, **given):
    return run_cells(LAB, *ids, SLACK=0.05, STACK=3, SECONDS=0.03, **GIVEN, **given)


def string(said, *spans):
    return datasets.speech.String(np.zeros(spans[-1][1] + 800, np.int16), said, spans, "ann")


def test_lab_12_finds_digits_in_their_recordings_or_50_ms_beside_them():
    part = [string("47", (800, 1600), (2400, 4000)), string("11", (0, 800), (1600, 2400))]
    counts = lab("scores")["counts"]
    table = counts(part, [("47", [0.06, 0.29]), ("11", [0.04, 0.36])])
    assert table.tolist() == [[2, 2, 0, 2], [1, 2, 0, 2]]  # 0.36 s is 60 ms after the end at 0.3 s
    table = counts(part, [("4", [0.15]), ("101", [0, 0, 0])])
    assert table.tolist() == [[0, 0, 1, 2], [0, 0, 1, 2]]


def test_lab_12_spreads_the_digits_of_its_baseline_evenly():
    part = [string("4711", (0, 80), (90, 95), (100, 110), (2000, 7200))]
    [(text, places)] = lab("scores")["evenly"](part)
    assert text == "4711"
    assert places == pytest.approx([0.125, 0.375, 0.625, 0.875])


def test_lab_12_places_ctc_in_the_middle_of_its_frame():
    logits = np.zeros((5, 11))
    logits[:, 0], logits[1, 5], logits[3:5, 8] = 1, 9, (3, 4)
    fake = types.SimpleNamespace(**vars(speech) | {"logits_of": lambda *_: [logits]})
    names = run_cells(LAB, "places-do", **GIVEN | {"speech": fake}, SECONDS=0.03, ready=None)
    [(text, places)] = names["by_ctc"](None, None)
    assert text == "47"
    assert places == pytest.approx([0.045, 0.135])


def test_lab_12_shares_and_growth():
    names = lab("table", tables={}, even=np.ones((1, 1, 4)), SHORT="s", LONGER="l")
    assert names["share"](np.array([[[3, 4, 0, 4], [0, 0, 2, 4]]])) == 0.75
    assert names["rate"](np.array([[[3, 4, 0, 4], [0, 0, 2, 4]]])) == 25
    growth = {}
    source = {
        "tables": {
            name: {"s": np.full((2, 3, 4), k), "l": np.ones((2, 3, 4))}
            for name, k in (("CTC", 1), ("attention", 1))
        }
    }
    card = types.SimpleNamespace(claim=lambda *args, **more: growth.update(args=args, **more))
    fake = types.SimpleNamespace(crossed=lambda ours, theirs, measure, draws: (-1.0, 1.0))
    names = run_cells(
        LAB, "verdict-3", **GIVEN, **source, SHORT="s", LONGER="l", DRAWS=1, intervals=fake, card=card,
        rate=names["rate"], decide=lambda interval, margin: "not decided",
    )  # fmt: skip
    ours = np.array([[[0, 0, 1, 10, 0, 0, 2, 10]]])  # from 10 to 20 percent
    theirs = np.array([[[0, 0, 1, 10, 0, 0, 5, 10]]])  # from 10 to 50
    assert names["grows_less"](ours, theirs) == pytest.approx(30)
    assert growth["verdict"] == "not decided"
