"""Intervals of 95 %."""

import numpy as np
import pytest

from utils.intervals import bootstrap, crossed, newcombe, wilson


def test_bootstrap_is_near_the_normal_interval_and_knows_when_all_are_equal() -> None:
    values = np.random.default_rng(1).normal(3, 2, 400)
    low, high = bootstrap(values)
    assert low == pytest.approx(values.mean() - 1.96 * 2 / 20, abs=0.05)
    assert high == pytest.approx(values.mean() + 1.96 * 2 / 20, abs=0.05)
    assert bootstrap([2, 2, 2]) == (2, 2)
    assert bootstrap(values) == bootstrap(values)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, np.nan]])
def test_bootstrap_refuses_what_gives_no_interval(values: list[float]) -> None:
    with pytest.raises(ValueError, match="no interval"):
        bootstrap(values)


def test_bootstrap_of_two_values_goes_from_one_to_the_other() -> None:
    assert bootstrap([1.0, 3.0]) == (1, 3)


def test_bootstrap_leaves_a_fortieth_of_the_means_on_either_side() -> None:
    means = np.random.default_rng(3).choice(range(9), (500, 9)).mean(axis=1)
    low, high = bootstrap(list(range(9)), draws=500, seed=3)
    assert np.mean(means < low) == pytest.approx(0.025, abs=0.012)
    assert np.mean(means > high) == pytest.approx(0.025, abs=0.012)


def test_wilson_against_newcombes_table() -> None:
    # Newcombe (1998), Two-sided confidence intervals for the single proportion, method 3
    for successes, trials, low, high in [
        (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718),
    ]:  # fmt: skip
        assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)
    assert wilson(20, 20)[1] == 1
    with pytest.raises(ValueError, match="no share"):
        wilson(3, 2)


def test_newcombe_against_his_table() -> None:
    # Newcombe (1998), Interval estimation for the difference between independent proportions, method 10
    for (a, m), (b, n), low, high in [
        ((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 20), 0.6791, 1),
    ]:  # fmt: skip
        found = newcombe([True] * a + [False] * (m - a), [True] * b + [False] * (n - b))
        assert found == pytest.approx((low, high), abs=5e-5)


def test_crossed_draws_seeds_and_the_same_examples_for_both() -> None:
    rng = np.random.default_rng(2)
    hard = rng.normal(0, 5, 300)  # what examples have in common falls out of the difference
    ours, theirs = (hard + shift + rng.normal(0, 0.1, (4, 300)) for shift in (1.0, 0.0))
    low, high = crossed(ours, theirs)
    assert low < 1 < high
    assert high - low < 0.1
    assert crossed(ours, theirs) == (low, high)
    assert crossed(ours, ours[:1], lambda a, b: float(a.max() / b.max()), draws=50)[1] > 0
    uneven = theirs + np.arange(4)[:, None]  # seeds that differ widen it
    assert np.diff(crossed(ours, uneven)) > 1


def test_crossed_refuses_other_examples() -> None:
    with pytest.raises(ValueError, match=r"\(seeds, examples\)"):
        crossed(np.zeros((2, 5)), np.zeros((2, 4)))
