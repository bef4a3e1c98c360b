import keras
import numpy as np
import pytest

from utils.restart import falling, restart


def small() -> keras.Model:
    model = keras.Sequential([keras.Input((3, 2)), keras.layers.SimpleRNN(4), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.01), "mse")
    return model


def train(model: keras.Model, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 3, 2)), rng.normal(size=(8, 1))
    restart(model, seed)
    model.fit(x, y, epochs=2, batch_size=4, verbose=0, callbacks=[falling(0.01, 2)])
    return model.get_weights()


def test_the_same_seed_gives_the_same_network_whatever_was_trained_before():
    model = small()
    first, other, again = train(model, 0), train(model, 1), train(model, 0)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.allclose(first[0], other[0])
    fresh = train(small(), 0)
    assert all(np.allclose(a, b) for a, b in zip(first, fresh, strict=True))


def test_the_rate_falls():
    schedule = falling(2.0, 4).schedule
    assert [round(schedule(epoch), 3) for epoch in range(4)] == [2.0, 1.707, 1.0, 0.293]


def test_a_model_that_is_not_compiled_is_refused():
    with pytest.raises(ValueError, match="compile"):
        restart(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]), 0)
