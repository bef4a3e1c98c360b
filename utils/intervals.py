"""Intervals of 95 %: of a mean over seeds, of a share, of the difference of two shares or of two scores.

The rules that make a verdict of an interval stand in `utils.results`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

Z = 1.959964  # the standard normal distribution has 95 % between -Z and Z


def bootstrap(values: Any, draws: int = 10_000, seed: int = 0) -> tuple[float, float]:
    """Interval of the mean of some values, drawn again and again with replacement (Efron 1979, percentiles).

    Args:
        values: one number for each seed, or one difference for each pair; at least two, finite.
        draws: how often.
        seed: of the random numbers.

    Returns:
        The 2.5th and the 97.5th percentile of the means.

    Raises:
        ValueError: there are fewer than two values, or one is not finite.
    """
    numbers = np.asarray(values, float).ravel()
    if len(numbers) < 2 or not np.isfinite(numbers).all():
        raise ValueError(f"{numbers.tolist()} gives no interval; it takes two or more finite numbers.")
    means = np.random.default_rng(seed).choice(numbers, (draws, len(numbers))).mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def wilson(successes: float, trials: int) -> tuple[float, float]:
    """Interval of a share (Wilson 1927): never outside 0 to 1, and not empty where all or none succeed.

    Args:
        successes: how many, from 0 to `trials`.
        trials: of how many, at least 1.

    Raises:
        ValueError: the numbers are no share.
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials} is no share.")
    share, spread = successes / trials, Z**2 / trials
    middle = share + spread / 2
    half = Z * float(np.sqrt(share * (1 - share) / trials + spread / (4 * trials)))
    return max(0.0, (middle - half) / (1 + spread)), min(1.0, (middle + half) / (1 + spread))


def newcombe(ours: Any, theirs: Any) -> tuple[float, float]:
    """Interval of the difference of two shares, ours minus theirs (Newcombe 1998, method 10).

    Args:
        ours: for each trial whether it succeeded.
        theirs: likewise, of other trials.

    Raises:
        ValueError: a side has no trial.
    """
    shares, ends = [], []
    for side in (np.asarray(ours, bool).ravel(), np.asarray(theirs, bool).ravel()):
        ends.append(wilson(int(side.sum()), len(side)))
        shares.append(float(side.mean()))
    (p, q), (a, b) = shares, ends
    return (
        p - q - float(np.hypot(p - a[0], b[1] - q)),
        p - q + float(np.hypot(a[1] - p, q - b[0])),
    )


def gain(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Mean of ours minus mean of theirs."""
    return float(ours.mean() - theirs.mean())


def crossed(
    ours: np.ndarray,
    theirs: np.ndarray,
    measure: Callable[[np.ndarray, np.ndarray], float] = gain,
    draws: int = 4000,
    seed: int = 0,
) -> tuple[float, float]:
    """Interval of a comparison over seeds and examples, both drawn again (Owen 2007, pigeonhole bootstrap).

    Args:
        ours: scores `(seeds, examples, ...)`: a row for each network, a column for each example.
        theirs: likewise; it may have another number of seeds, but the same examples in the same order,
            for each draw takes the same ones on both sides.
        measure: what is compared, from the drawn rows and columns of both sides.
        draws: how often.
        seed: of the random numbers.

    Returns:
        The 2.5th and the 97.5th percentile of the measure.

    Raises:
        ValueError: the two sides do not have the same examples, or there is none.
    """
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    if min(ours.ndim, theirs.ndim) < 2 or ours.shape[1] != theirs.shape[1] or not (ours.size and theirs.size):
        raise ValueError(f"Scores must be (seeds, examples), not {ours.shape} and {theirs.shape}.")
    rng, examples, found = np.random.default_rng(seed), ours.shape[1], np.empty(draws)
    for draw in range(draws):
        columns = rng.integers(0, examples, examples)
        rows = (side[rng.integers(0, len(side), len(side))][:, columns] for side in (ours, theirs))
        found[draw] = measure(*rows)
    low, high = np.percentile(found, (2.5, 97.5))
    return float(low), float(high)
