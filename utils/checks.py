"""Checks by numbers: evenly spaced values to feed in, how far two results are apart, and slopes."""

import tempfile
from collections.abc import Callable, Sequence
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
    """The gradient of a loss by its definition, (L(w + eps) - L(w - eps)) / (2 eps).

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


def cell_truths(make_cell: Callable[[], Any], features: int = 3) -> dict[str, bool]:
    """Whether a cell does in `keras.layers.RNN` and `Bidirectional` what Keras' own cells do.

    Args:
        make_cell: makes a new, registered Keras cell whose first state is its output.
        features: of the input.

    Returns:
        For "states" (handed out in both directions), "mask" (steps left out at the start, within
        and at the end change nothing) and "save and load" (a model file gives the same numbers)
        whether it holds.
    """

    def agree(ones: Sequence[Any], others: Sequence[Any]) -> bool:
        return all(max_difference(a, b) < 1e-6 for a, b in zip(ones, others, strict=True))

    import keras  # here: it takes seconds, and the rest of this module does without

    rnn = keras.layers.RNN(make_cell(), return_sequences=True, return_state=True)
    inputs = keras.Input((None, features))
    model = keras.Model(inputs, keras.layers.Bidirectional(rnn)(keras.layers.Masking()(inputs)))
    batch = np.float32(grid(2, 6, features, low=0.1, high=1))
    gaps = np.insert(batch, [0, 3, 6, 6], 0, axis=1)  # Masking leaves out steps that are all zero
    sequence, *states = results = [np.asarray(result) for result in model(batch)]
    forward, backward = states[0], states[len(states) // 2]
    ends = np.concatenate(
        [sequence[:, -1, : forward.shape[-1]], sequence[:, 0, forward.shape[-1] :]], axis=-1
    )
    masked = [np.asarray(result) for result in model(gaps)]
    masked[0] = np.delete(masked[0], [0, 4, 8, 9], axis=1)
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.keras")
        loaded = keras.saving.load_model(f"{folder}/model.keras")
    return {
        "states": max_difference(ends, np.concatenate([forward, backward], axis=-1)) == 0,
        "mask": all(max_difference(a, b) < 1e-6 for a, b in zip(masked, results, strict=True)),
        "save and load": all(
            max_difference(a, b) < 1e-6 for a, b in zip(loaded(batch), results, strict=True)
        ),
    }


def compiled_error(layers: Sequence[Any], features: int = 3) -> float:
    """How far the gradients of recurrent layers compiled by XLA are from the uncompiled ones.

    Args:
        layers: of Keras, from `(batch, time, features)` to one tensor; all are compiled together.
        features: of the input.

    Returns:
        The largest relative error of any weight's gradient, on a batch with a masked end.
    """
    import tensorflow as tf

    batch = tf.constant(np.float32(grid(2, 6, features, low=0.1, high=1)))
    mask = tf.constant([[True] * 4 + [False] * 2, [True] * 6])

    def slopes() -> list[tf.Tensor]:
        with tf.GradientTape(persistent=True) as tape:
            losses = [tf.reduce_sum(layer(batch, mask=mask) ** 2) for layer in layers]
        pairs = zip(losses, layers, strict=True)
        return [slope for loss, layer in pairs for slope in tape.gradient(loss, layer.trainable_weights)]

    plain, compiled = slopes(), tf.function(slopes, jit_compile=True)()
    return max(relative_error(a, b) for a, b in zip(compiled, plain, strict=True))
