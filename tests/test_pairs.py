import keras
import numpy as np
import pytest
from keras import layers

from utils.pairs import Pairs


def tower(steps: int) -> keras.Model:
    inputs = keras.Input((steps, 3))
    h = layers.GRU(4, return_sequences=True)(layers.Masking()(inputs))
    return keras.Model(inputs, layers.GRU(4)(Pairs()(h)))


def test_two_steps_become_one():
    assert np.array_equal(Pairs()(np.arange(8.0).reshape(1, 4, 2)), [[[0, 1, 2, 3], [4, 5, 6, 7]]])


def test_a_pair_counts_if_one_of_its_steps_does():
    mask = np.array([[True, True, True, False, False, False]])
    found = Pairs().compute_mask(np.zeros((1, 6, 1)), mask)
    assert np.asarray(found).tolist() == [[True, True, False]]
    assert Pairs().compute_mask(np.zeros((1, 6, 1))) is None


def test_padding_changes_nothing():
    keras.utils.set_random_seed(0)
    long, short = tower(8), tower(4)
    short.set_weights(long.get_weights())
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    x[:, 3] = 0  # the end is within a pair
    assert np.allclose(long(np.pad(x, [(0, 0), (0, 4), (0, 0)])), short(x), atol=1e-6)


def test_saved_and_loaded(tmp_path):
    model = tower(4)
    model.save(tmp_path / "tower.keras")
    x = np.ones((1, 4, 3), "float32")
    assert np.array_equal(keras.saving.load_model(tmp_path / "tower.keras")(x), model(x))


def test_an_odd_number_of_steps_is_refused():
    with pytest.raises(ValueError, match="an even number"):
        Pairs()(keras.Input((7, 2)))


def test_the_number_of_steps_may_differ_from_batch_to_batch():
    inputs = keras.Input((None, 2))
    model = keras.Model(inputs, Pairs()(layers.Masking()(inputs)))
    assert model.output.shape == (None, None, 4)
    for steps in (4, 6):
        x = np.arange(2.0 * steps).reshape(1, steps, 2)
        assert np.array_equal(model(x), x.reshape(1, steps // 2, 4))
