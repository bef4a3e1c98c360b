"""What each direction of a network may see: forward the past, backward what follows, both all of it."""

import keras
import numpy as np
import pytest
from cells import run_cells
from keras import layers

from utils import diagrams, plots, recurrent
from utils.checks import grid

T = 6
PAST = np.tri(T, dtype=bool)  # output t (row) sees input s (column)
AHEAD, ALL = PAST.T, np.ones((T, T), bool)


def sees(network, x):
    """Whether output t depends on input s, `(outputs, inputs)`; x is `(1, T, ...)`."""
    rows = np.repeat(x, x.shape[1] + 1, axis=0)
    at = np.arange(x.shape[1])
    rows[at + 1, at] += 1  # row s + 1 differs at step s
    y = np.asarray(network(rows))
    return np.abs(y[1:] - y[0]).max(axis=-1).T > 1e-7


def numbers(features=4):
    return np.float32(grid(1, T, features))


@pytest.mark.parametrize("made_by", [layers, recurrent], ids=["keras", "utils.recurrent"])
@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU"])
def test_layers_see_what_they_have_read(name, made_by):
    keras.utils.set_random_seed(0)
    layer, options = getattr(made_by, name), {"return_sequences": True}
    assert np.array_equal(sees(layer(3, **options), numbers()), PAST)
    backward = layer(3, go_backwards=True, **options)
    assert np.array_equal(sees(lambda x: backward(x)[:, ::-1], numbers()), AHEAD)
    assert not np.array_equal(sees(backward, numbers()), AHEAD)  # a backward layer that is not turned back
    both = layers.Bidirectional(layer(3, **options))
    assert sees(both, numbers()).all()
    assert np.array_equal(sees(lambda x: both(x)[..., :3], numbers()), PAST)
    assert np.array_equal(sees(lambda x: both(x)[..., 3:], numbers()), AHEAD)


def test_the_networks_of_lesson_05_see_what_their_names_say(monkeypatch):
    given = {"LETTERS": T, "UNITS": 4, "GRU": layers.GRU, "learn": lambda *_: None, "runs": {}}
    given |= {"keras": keras, "layers": layers, "diagrams": diagrams, "plots": plots, "np": np}
    given |= dict.fromkeys(("x_dna", "y_dna", "validation", "EPOCHS"))
    made = run_cells("05_deep", "forward", "both", "backward", **given)
    assert np.array_equal(sees(made["forward"], numbers()), PAST)
    assert np.array_equal(sees(made["backward"], numbers()), AHEAD)
    assert sees(made["both"], numbers()).all()


def test_the_networks_of_lab_05_see_what_their_names_say():
    given = {"SIDE": T // 2, "GRU": layers.GRU, "keras": keras, "layers": layers, "DNA_WEIGHTS": 300}
    given |= {"compiled": lambda model: model}
    given |= {name: run_cells("05_deep", "forward", "both", LETTERS=T, UNITS=4, **given, np=np)[name]
              for name in ("gru_weights", "widest")}  # fmt: skip
    made = run_cells("05_both", "dna-model", **given)["dna_models"]
    for way, expected in {"forward": PAST, "backward": AHEAD, "both": ALL}.items():
        assert np.array_equal(sees(made[way], numbers()), expected), way
    posts = {"VOCABULARIES": [range(9), range(4)], "FEATURES": {"word": 5, "shape": 3}, "TAGS": range(3)}
    made = run_cells("05_both", "posts-model", **given, **posts, POST_WEIGHTS=300)["post_models"]
    words = np.int32(np.arange(1, 2 * T + 1).reshape(1, T, 2) % 4)
    for way, expected in {"forward": PAST, "word by word": np.eye(T, dtype=bool), "both": ALL}.items():
        assert np.array_equal(sees(made[way], words), expected), way
