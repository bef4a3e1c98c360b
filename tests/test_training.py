"""What captioners and translators are trained by; the loop itself is tested with them."""

import keras
import numpy as np
import pytest

from utils import training


def test_the_rate_grows_and_falls():
    rates = [training.rate_at(step, 100, 0.5) for step in range(100)]
    assert rates[0] == pytest.approx(0.05)
    assert max(rates) == rates[9] == rates[10] == 0.5
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0.005 < rates[-1] < 0.006
    assert training.rate_at(0, 1, 0.5) == 0.5
    assert training.rate_at(199, 10_000, 1.0) == 1.0 > training.rate_at(198, 10_000, 1.0)


@pytest.mark.parametrize(
    ("budget", "units"), [(0, 1), (1, 1), (2, 1), (3, 2), (31, 6), (99, 10), (10_000, 100)]
)
def test_the_size_that_comes_nearest(budget, units):
    assert training.size_for(budget, lambda n: n * n) == units


def test_a_training_that_starts_again_is_that_of_its_seed_in_weights_and_dropout():
    inputs = keras.Input((3,))
    outputs = keras.layers.Dense(4)(keras.layers.Dropout(0.5)(inputs))
    model = keras.Model(inputs, keras.layers.Dropout(0.0)(outputs))
    loss, x = keras.losses.MeanSquaredError(), np.ones((20, 3), "float32")

    def begun(seed):
        training.start_again(model, seed, loss, eager=True)
        dropped = np.asarray(model.layers[1](x, training=True))
        weights = model.get_weights()[0].copy()
        assert not any(
            np.any(v) for v in model.optimizer.variables if v is not model.optimizer._learning_rate
        )
        model.train_on_batch(x, np.zeros((20, 4)))
        return weights, dropped

    first, other, again = begun(1), begun(2), begun(1)
    for one, two, three in zip(first, other, again, strict=True):
        assert np.array_equal(one, three)
        assert not np.array_equal(one, two)


def test_a_training_with_another_loss_is_compiled_with_it():
    inputs = keras.Input((1,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    for loss, expected in ((keras.losses.MeanSquaredError(), 9), (keras.losses.MeanAbsoluteError(), 3)):
        training.start_again(model, 0, loss, eager=True)
        model.set_weights([np.zeros((1, 1)), np.zeros(1)])
        assert model.train_on_batch(np.zeros((2, 1)), np.full((2, 1), 3.0)) == pytest.approx(expected)
