"""The tasks ask what their text says."""

import numpy as np
import pytest

from utils.memory_tasks import adding, copying, delayed_echo, temporal_order


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("steps", [2, 9, 50])
def test_adding(steps):
    x, y = adding(rng(), 500, steps)
    assert x.shape == (500, steps, 2)
    assert y.shape == (500, 1, 1)
    assert x.dtype == y.dtype == "float32"
    half = steps // 2
    np.testing.assert_array_equal(x[:, :half, 1].sum(axis=1), 1)
    np.testing.assert_array_equal(x[:, half:, 1].sum(axis=1), 1)
    for numbers, total in zip(x, y.ravel(), strict=True):
        assert total == pytest.approx(sum(value for value, mark in numbers if mark), rel=1e-6)
    assert 0 <= x.min() <= x.max() < 1 + (x[..., 1].max() == 1)
    everywhere = adding(rng(), 5000, steps)[0][..., 1].any(axis=0)
    assert everywhere.all()  # a mark may stand at any step


def test_to_answer_one_costs_a_sixth():
    _, y = adding(rng(), 100_000, 10)
    assert np.mean((y - 1) ** 2) == pytest.approx(1 / 6, rel=0.02)


def test_adding_needs_two_steps():
    with pytest.raises(ValueError, match="at least 2"):
        adding(rng(), 1, 1)


@pytest.mark.parametrize("steps", [10, 35])
def test_temporal_order(steps):
    x, y = temporal_order(rng(), 400, steps)
    assert x.shape == (400, steps, 6)
    assert y.shape == (400, 1)
    np.testing.assert_array_equal(x.sum(axis=-1), 1)
    for symbols, answer in zip(x.argmax(axis=-1), y[:, 0], strict=True):
        (first, second) = np.flatnonzero(symbols > 3)
        assert steps // 10 <= first < steps // 5
        assert steps // 2 <= second < 3 * steps // 5
        assert answer == 2 * (symbols[first] - 4) + symbols[second] - 4
    assert set(np.unique(y)) == {0, 1, 2, 3}
    assert set(np.unique(x.argmax(axis=-1))) == set(range(6))


def test_temporal_order_needs_ten_steps():
    with pytest.raises(ValueError, match="at least 10"):
        temporal_order(rng(), 1, 9)


@pytest.mark.parametrize(("delay", "letters"), [(0, 1), (4, 5), (30, 3)])
def test_copying(delay, letters):
    x, y = copying(rng(), 50, delay, letters)
    for symbols, word in zip(x.argmax(axis=-1), y, strict=True):
        np.testing.assert_array_equal(symbols, [*word, *[4] * delay, *[5] * letters])
    assert set(np.unique(y)) <= {0, 1, 2, 3}
    assert y.shape == (50, letters)


def test_delayed_echo_goes_on_where_it_ended():
    task, draw, delays = delayed_echo((0, 1, 7)), rng(), (0, 1, 7)
    parts = [task(draw, 4, steps) for steps in (5, 3, 9)]
    heard = np.concatenate([x for x, _ in parts], axis=1)[..., 0]
    said = np.concatenate([y for _, y in parts], axis=2)
    assert said.shape == (3, 4, 17)
    assert set(np.unique(heard)) == {-1, 1}
    for delay, answers in zip(delays, said, strict=True):
        np.testing.assert_array_equal(2 * answers[:, delay:] - 1, heard[:, : 17 - delay])


def test_delayed_echo_starts_anew_for_another_batch_size():
    task = delayed_echo((2,))
    for batch in (3, 5):
        x, y = task(rng(), batch, 4)
        assert x.shape == (batch, 4, 1)
        assert y.shape == (1, batch, 4)
