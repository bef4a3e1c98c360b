"""Lesson 13 builds what `utils.lips` has."""

import keras
import numpy as np
import pytest
from cells import run_cells
from keras import layers, ops

from utils import lips
from utils.datasets.films import Film

GIVEN = {"np": np, "keras": keras, "layers": layers, "ops": ops, "lips": lips, "DROPOUT": 0.3}
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


def test_lesson_13_cuts_the_window_of_utils_lips(film):
    ready = run_cells("13_", "ready", **GIVEN)["ready"]
    for seed in range(5):
        for faster in (True, False):
            ours, theirs = (
                function(film.frames, np.random.default_rng(seed), faster=faster)
                for function in (ready, lips.window)
            )
            assert np.allclose(ours[0], theirs[0], atol=1e-5)
            assert (ours[1] == theirs[1]).all()
    assert np.allclose(ready(film.frames)[0], lips.window(film.frames)[0], atol=1e-5)


def test_lesson_13_builds_the_eyes_of_utils_lips(film, capsys):
    names = run_cells("13_", "ready", "eyes", **GIVEN)
    ours, theirs = names["eyes"](7), lips.eyes(7)
    theirs.set_weights(ours.get_weights())
    seen = lips.window(film.frames)[0][None]
    assert np.allclose(ours(seen), theirs(seen), atol=1e-6)
    assert "1344" in capsys.readouterr().out.replace(",", "") or len(names["eyes"]().layers) > 9


def test_lesson_13_reads_a_word_where_most_frames_say_it(film):
    words = ["", "at", "b", "bin", "now", "red", "six"]
    names = run_cells("13_", "slots", **GIVEN, WORDS=words)
    row = lips.words_at(film, words)
    assert names["words_read"]([film], row[None]).tolist() == [["bin", "red", "at", "b", "six", "now"]]
    row[14:18] = words.index("now")
    row[12:14] = 0
    assert names["words_read"]([film], row[None]).tolist() == [["bin", "red", "at", "", "now", "now"]]


def test_lesson_13_changes_views_in_training_only():
    from utils import speech

    pick = run_cells("13_", "pick", **GIVEN, speech=speech)["pick"]
    views = np.random.default_rng(0).normal(size=(3, 75, 8)).astype("float32")
    assert pick(views, None) is views[0] or (pick(views, None) == views[0]).all()
    lengths = {len(pick(views, np.random.default_rng(seed))) for seed in range(30)}
    assert min(lengths) >= 67
    assert max(lengths) <= 84
    assert len(lengths) > 3
