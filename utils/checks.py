"""Checks by numbers: evenly spaced values to feed in, how far two results are apart, and slopes."""

from collections.abc import Callable
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


def relative_error(a: Any, b: Any) -> float:
    """The largest absolute difference of two arrays, in units of the largest entry of the second.

    Args:
        a: array or tensor of numbers.
        b: array or tensor of the same shape, not all zero.

    Returns:
        A pure number, at least 0.

    Raises:
        ValueError: the shapes differ, or `b` is all zero.
    """
    largest = float(np.max(np.abs(np.asarray(b, dtype=np.float64)), initial=0.0))
    if largest == 0:
        raise ValueError("There is nothing to compare with: the second array is all zero.")
    return max_difference(a, b) / largest


def central_differences(loss: Callable[[], float], weight: np.ndarray, eps: float = 1e-5) -> np.ndarray:
    """The gradient of a loss by its definition, (L(w + eps) - L(w - eps)) / (2 eps); see notebook 02.

    Args:
        loss: computes the loss from the present entries of `weight`.
        weight: float64, of any shape; each entry is moved up and down in place, and put back.
        eps: how far.

    Returns:
        dL/dweight, in the shape of `weight`, float64.

    Raises:
        ValueError: `weight` is not float64, in which rounding drowns the differences.
    """
    if weight.dtype != np.float64:
        raise ValueError(f"The weight is {weight.dtype}; differences need float64, in loss and weight.")
    slope = np.zeros_like(weight)
    for index in np.ndindex(weight.shape):
        kept = weight[index]
        weight[index] = kept + eps
        above = loss()
        weight[index] = kept - eps
        slope[index] = (above - loss()) / (2 * eps)
        weight[index] = kept
    return slope
