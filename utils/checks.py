"""Known-answer checks: evenly spaced values to feed in, and how far two results are apart."""

from typing import Any

import numpy as np


def grid(*shape: int, low: float = -0.5, high: float = 0.5) -> np.ndarray:
    """Evenly spaced numbers in row order: the same on every machine, without a seed.

    Args:
        shape: of the result.
        low: the first number.
        high: the last number.

    Returns:
        An array of `shape`, float64.
    """
    return np.linspace(low, high, int(np.prod(shape))).reshape(shape)


def max_difference(a: Any, b: Any) -> float:
    """The largest absolute difference between two arrays of one shape.

    Args:
        a: array or tensor of numbers.
        b: array or tensor of the same shape; no broadcasting, which would hide a wrong shape.

    Returns:
        A number, at least 0, in the unit of `a` and `b`.

    Raises:
        ValueError: the shapes differ.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"Cannot compare shape {a.shape} with shape {b.shape}; make them equal first.")
    return float(np.max(np.abs(a - b), initial=0.0))
