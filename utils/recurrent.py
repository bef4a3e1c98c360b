"""SimpleRNN, LSTM and GRU as Keras has them, with a loop inside that trains faster on a CPU.

Each is a subclass that changes nothing but the loop over time: the products with the inputs are done
before it for all steps at once, the backward pass is written by hand (notebooks 02 to 04 derive it),
and the gradient of each matrix is one product after the loop. Where there is no such loop for an
option, and always on a GPU (cuDNN), Keras' own is taken; the results are the same.

Not here: what the cells are, which notebooks 01, 03 and 04 teach.
"""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, ClassVar

import keras
import tensorflow as tf

Tensors = tuple[tf.Tensor, ...]

CORES = min(os.cpu_count() or 1, 8)
ROWS = 16  # of a part of the batch at least; with fewer, reading the matrix takes longer than its product


@dataclass(frozen=True, eq=False)
class Cell:
    """One step and its way back, for the loop below.

    Attributes:
        step: (a_x, a_h, states) -> (new states, what the way back needs); a_x is x_t W + b, a_h is
            h_{t-1} U + b', both `(batch, columns)`; the states are `(batch, units)`, h first.
        saved: how many tensors the way back needs, `(batch, units)` each.
        back: (gradients of the new states, saved) -> (gradients of the old states but for the way
            through a_h, gradient of a_x, gradient of a_h; the last two may be one tensor).
        split: whether the gradients of a_x and a_h differ.
    """

    step: Callable[[tf.Tensor, tf.Tensor, Tensors], tuple[Tensors, Tensors]]
    saved: int
    back: Callable[[Tensors, Tensors], tuple[Tensors, tf.Tensor, tf.Tensor]]
    split: bool = False


def simple_step(a_x: tf.Tensor, a_h: tf.Tensor, states: Tensors) -> tuple[Tensors, Tensors]:
    # h_t = tanh(x_t W + h_{t-1} U + b)
    h = tf.tanh(a_x + a_h)
    return (h,), (h,)


def simple_back(grads: Tensors, saved: Tensors) -> tuple[Tensors, tf.Tensor, tf.Tensor]:
    (dh,), (h,) = grads, saved
    # dL/da = dL/dh_t (1 - h_t^2)
    da = dh * (1 - h * h)
    return (tf.zeros_like(dh),), da, da


def lstm_step(a_x: tf.Tensor, a_h: tf.Tensor, states: Tensors) -> tuple[Tensors, Tensors]:
    units = a_h.shape[-1] // 4
    a_if, a_g, a_o = tf.split(a_x + a_h, [2 * units, units, units], axis=-1)
    i, f = tf.split(tf.sigmoid(a_if), 2, axis=-1)
    g, o = tf.tanh(a_g), tf.sigmoid(a_o)
    # c_t = f_t c_{t-1} + i_t g_t
    kept, added = f * states[1], i * g
    c = kept + added
    # h_t = o_t tanh(c_t)
    tanh_c = tf.tanh(c)
    return (o * tanh_c, c), (i, f, g, o, kept, added, tanh_c)


def lstm_back(grads: Tensors, saved: Tensors) -> tuple[Tensors, tf.Tensor, tf.Tensor]:
    (dh, dc), (i, f, g, o, kept, added, tanh_c) = grads, saved
    dh_o = dh * o
    dh_h = dh_o * tanh_c
    # dL/dc_t = dL/dc_t from later + dL/dh_t o_t (1 - tanh(c_t)^2)
    dc = dc + dh_o - dh_h * tanh_c
    # sigma' = sigma (1 - sigma) and tanh' = 1 - tanh^2, with the products of the step used again
    da_i, da_f = dc * (added - added * i), dc * (kept - kept * f)
    da = tf.concat([da_i, da_f, dc * (i - added * g), dh_h - dh_h * o], axis=-1)
    return (tf.zeros_like(dh), dc * f), da, da


def gru_step(a_x: tf.Tensor, a_h: tf.Tensor, states: Tensors) -> tuple[Tensors, Tensors]:
    units = a_h.shape[-1] // 3
    x_zr, x_g = tf.split(a_x, [2 * units, units], axis=-1)
    h_zr, u = tf.split(a_h, [2 * units, units], axis=-1)
    z, r = tf.split(tf.sigmoid(x_zr + h_zr), 2, axis=-1)
    g = tf.tanh(x_g + r * u)
    # h_t = z_t h_{t-1} + (1 - z_t) g_t
    change = z * (states[0] - g)
    return (g + change,), (z, r, g, u, change)


def gru_back(grads: Tensors, saved: Tensors) -> tuple[Tensors, tf.Tensor, tf.Tensor]:
    (dh,), (z, r, g, u, change) = grads, saved
    dh_z = dh * z
    da_g = (dh - dh_z) * (1 - g * g)
    # g_t = tanh(x_g + r_t u_t): the product with h reaches g only through r
    da_u = da_g * r
    da_z, da_r = dh * (change - change * z), da_u * (u - u * r)
    da_h = tf.concat([da_z, da_r, da_u], axis=-1)
    return (dh_z,), tf.concat([da_z, da_r, da_g], axis=-1), da_h


SIMPLE = Cell(simple_step, 1, simple_back)
LONG = Cell(lstm_step, 7, lstm_back)
GATED = Cell(gru_step, 5, gru_back, split=True)


def arrays(like: tf.Tensor, width: int, count: int) -> tuple[tf.TensorArray, ...]:
    """To collect `(batch, width)` of every step, as many steps as `like` has."""
    shape = (like.shape[1], width)
    return tuple(tf.TensorArray(like.dtype, tf.shape(like)[0], element_shape=shape) for _ in range(count))


def write(rows: tuple[tf.TensorArray, ...], t: tf.Tensor, values: Sequence[tf.Tensor]) -> Any:
    return tuple(row.write(t, value) for row, value in zip(rows, values, strict=True))


def choose(mask: tf.Tensor | None, yes: Sequence[tf.Tensor], no: Sequence[tf.Tensor]) -> Tensors:
    """`yes` where the mask is True or missing, else `no`, pair by pair."""
    return tuple(yes) if mask is None else tuple(tf.where(mask, a, b) for a, b in zip(yes, no, strict=True))


def forward(
    cell: Cell,
    steps: tf.Tensor,
    a_x: tf.Tensor,
    start: Tensors,
    U: tf.Tensor,
    b_h: tf.Tensor,
    mask: tf.Tensor | None,
) -> tuple[tf.Tensor, Tensors, Tensors]:
    """The loop over time: h of every step, the last states, and what the way back needs."""

    def step(t: tf.Tensor, old: Tensors, hs: Any, saved: Any) -> Any:
        new, keep = cell.step(a_x[t], old[0] @ U + b_h, old)
        new = choose(None if mask is None else mask[t], new, old)
        return t + 1, new, write(hs, t, new[:1]), write(saved, t, keep)

    units = start[0].shape[-1]
    loop = (tf.constant(0), start, arrays(a_x, units, 1), arrays(a_x, units, cell.saved))
    _, last, (h_all,), saved = tf.while_loop(lambda t, *_: t < steps, step, loop)
    return h_all.stack(), last, tuple(row.stack() for row in saved)


def backward(
    cell: Cell,
    steps: tf.Tensor,
    dh_all: tf.Tensor,
    grads: Tensors,
    saved: Tensors,
    U: tf.Tensor,
    mask: tf.Tensor | None,
) -> tuple[Tensors, Tensors]:
    """The same loop the other way: gradients of the first states, and of a_x and a_h at every step."""
    U_T = tf.transpose(U)

    def step(t: tf.Tensor, grads: Tensors, rows: Any) -> Any:
        grads = (grads[0] + dh_all[t], *grads[1:])
        old, da_x, da_h = cell.back(grads, tuple(row[t] for row in saved))
        m = None if mask is None else mask[t]
        da = choose(m, (da_x, da_h), (tf.zeros_like(da_x), tf.zeros_like(da_h)))
        old = choose(m, (old[0] + da[1] @ U_T, *old[1:]), grads)
        return t - 1, old, write(rows, t, da[: len(rows)])

    loop = (steps - 1, grads, arrays(dh_all, U.shape[-1], 1 + cell.split))
    _, d_start, rows = tf.while_loop(lambda t, *_: t >= 0, step, loop)
    return d_start, tuple(row.stack() for row in rows)


@cache
def compiled(loop: Callable[..., Any], cell: Cell) -> Callable[..., Any]:
    """The loop with its element-wise work fused by XLA, which runs it on one core."""
    return tf.function(partial(loop, cell), jit_compile=True)


def flat(a: tf.Tensor) -> tf.Tensor:
    """`(time, batch, n)` -> `(time * batch, n)`."""
    return tf.reshape(a, (-1, a.shape[-1]))


@tf.custom_gradient
def no_second_derivative(*results: tf.Tensor) -> Any:
    def refuse(*grads: tf.Tensor) -> None:
        raise NotImplementedError(
            "utils.recurrent has first derivatives only; for derivatives of gradients, take the layer "
            "of the same name from keras.layers."
        )

    return tuple(tf.identity(result) for result in results), refuse


def recur(
    cell: Cell,
    x: tf.Tensor,
    states: Sequence[tf.Tensor],
    weights: Sequence[tf.Tensor],
    mask: tf.Tensor | None,
    steps: tf.Tensor,
) -> Tensors:
    """A recurrent layer over a batch, with its gradient by hand.

    Args:
        cell: the step and its way back.
        x: inputs `(time, batch, features)`; time comes first.
        states: before the first step, each `(batch, units)`; h is the first.
        weights: W `(features, columns)`, U `(units, columns)`, and the biases of the products with x
            and with h, `(columns,)` each.
        mask: True where a step counts, False where the states stay as they are, `(time, batch, 1)`.
        steps: how many to take; what follows in x is padding.

    Returns:
        h of every step, `(time, batch, units)`, and the last states. All of one dtype, that of x.
    """

    @tf.custom_gradient
    def run(*args: tf.Tensor) -> Any:
        x, W, U, b, b_h, *start = map(tf.stop_gradient, args)  # no tape is to follow the loop as well
        # x_t W + b for all steps at once
        a_x = tf.reshape(flat(x) @ W + b, (tf.shape(x)[0], x.shape[1] or -1, W.shape[-1]))
        h_all, last, saved = compiled(forward, cell)(steps, a_x, tuple(start), U, b_h, mask)

        def gradient(dh_all: tf.Tensor, *d_last: tf.Tensor) -> Tensors:
            d_start, das = compiled(backward, cell)(steps, dh_all, d_last, saved, U, mask)
            da_x, da_h = flat(das[0]), flat(das[-1])
            # one product for each matrix: dL/dW = X^T dA, dL/dU = H^T dA, where H begins with the start
            dW = tf.matmul(flat(x), da_x, transpose_a=True)
            dU = tf.matmul(flat(h_all[:-1]), flat(das[-1][1:]), transpose_a=True)
            dU += tf.matmul(start[0], das[-1][0], transpose_a=True)
            dx = tf.reshape(tf.matmul(da_x, W, transpose_b=True), tf.shape(x))
            db, db_h = tf.reduce_sum(da_x, axis=0), tf.reduce_sum(da_h, axis=0)
            return no_second_derivative(dx, dW, dU, db, db_h, *d_start)

        return (h_all, *last), gradient

    return run(x, *weights, *states)


def padded_length(steps: tf.Tensor) -> tf.Tensor:
    """The next of 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, ...: four lengths to compile for per doubling."""
    unit = tf.maximum(2 ** tf.cast(tf.math.log(tf.cast(steps, tf.float32)) / math.log(2) - 2, tf.int32), 1)
    return (steps + unit - 1) // unit * unit


def over_batch(
    cell: Cell, x: tf.Tensor, states: Tensors, weights: Tensors, mask: tf.Tensor | None
) -> tuple[tf.Tensor, Tensors]:
    """`recur` on parts of the batch side by side: each core works on one, none waits for another.

    Args:
        x: inputs, `(batch, time, features)`.
        states, weights: as in `recur`.
        mask: `(batch, time)`, bool, or None.

    Returns:
        h of every step, `(batch, time, units)`, and the last states.
    """
    size, steps = x.shape[0] or tf.shape(x)[0], x.shape[1] or tf.shape(x)[1]
    if x.shape[1] is None:
        missing = padded_length(steps) - steps
        x = tf.pad(x, [[0, 0], [0, missing], [0, 0]])
        mask = None if mask is None else tf.pad(mask, [[0, 0], [0, missing]])
    parts = CORES if x.shape[0] is None else max(1, min(CORES, size // ROWS))
    rows = tf.maximum((size + parts - 1) // parts, ROWS) if x.shape[0] is None else -(-size // parts)
    results = []
    for k in range(parts):
        part = slice(k * rows, (k + 1) * rows)
        m = None if mask is None else tf.transpose(mask[part])[..., None]
        h, *last = recur(
            cell,
            tf.transpose(x[part], (1, 0, 2)),
            [s[part] for s in states],
            weights,
            m,
            tf.constant(0) + steps,
        )
        results.append((tf.transpose(h, (1, 0, 2)), *last))
    h, *last = (tf.concat(pieces, axis=0) for pieces in zip(*results, strict=True))
    return h[:, :steps], tuple(last)


class FastLoop:
    """Mixed into a Keras layer: takes the loop above where it can, and the layer's own elsewhere."""

    fast_cell: ClassVar[Cell]
    fast_activations: ClassVar[dict[str, Callable[..., Any]]]

    def can_be_fast(self, training: bool) -> bool:
        """Whether this layer's options are those of the loop above, on this machine."""
        layer: Any = self
        usual = all(getattr(layer.cell, name) is function for name, function in self.fast_activations.items())
        return (
            keras.backend.backend() == "tensorflow"
            and not tf.config.list_logical_devices("GPU")
            and usual
            and not layer.unroll
            and getattr(layer, "use_cudnn", "auto") is not True
            and not (training and layer.cell.recurrent_dropout)
            and not (training and layer.cell.dropout and getattr(layer.cell, "dropout_mask_count", 1) > 1)
            and layer.compute_dtype == layer.variable_dtype
            and layer.compute_dtype in ("float32", "float64")
        )

    def biases(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Biases of the products with x and with h, `(columns,)` each."""
        cell: Any = self.cell  # type: ignore[attr-defined]
        zero = tf.zeros(cell.recurrent_kernel.shape[-1], cell.compute_dtype)
        return (zero if cell.bias is None else tf.convert_to_tensor(cell.bias)), zero

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """The loop over time; arguments and results as in `keras.layers.RNN.inner_loop`."""
        layer: Any = self
        if not self.can_be_fast(training):
            return super().inner_loop(sequences, initial_state, mask=mask, training=training)  # type: ignore[misc]
        states = tuple(keras.tree.flatten(initial_state))
        weights = tuple(tf.convert_to_tensor(w) for w in (layer.cell.kernel, layer.cell.recurrent_kernel))
        if training and layer.cell.dropout:
            sequences = sequences * layer.cell.get_dropout_mask(sequences[:, 0, :])[:, None]
        if mask is not None:
            mask = tf.cast(keras.tree.flatten(mask)[0], tf.bool)
        if layer.go_backwards:
            sequences, mask = sequences[:, ::-1], None if mask is None else mask[:, ::-1]
        outputs, last = over_batch(self.fast_cell, sequences, states, weights + self.biases(), mask)
        if mask is not None:  # where a step is left out, Keras repeats the output before it, or says zero
            begun = mask if layer.zero_output_for_mask else tf.cumsum(tf.cast(mask, tf.int32), axis=1) > 0
            outputs = tf.where(begun[..., None], outputs, tf.zeros_like(outputs))
        return outputs[:, -1], outputs, list(last)


@keras.saving.register_keras_serializable("unrolled")
class SimpleRNN(FastLoop, keras.layers.SimpleRNN):
    """`keras.layers.SimpleRNN` (Elman 1990), faster on a CPU; same arguments, weights and results."""

    fast_cell = SIMPLE
    fast_activations: ClassVar = {"activation": keras.activations.tanh}


@keras.saving.register_keras_serializable("unrolled")
class LSTM(FastLoop, keras.layers.LSTM):
    """`keras.layers.LSTM` (Gers et al. 2000), faster on a CPU; same arguments, weights and results."""

    fast_cell = LONG
    fast_activations: ClassVar = {
        "activation": keras.activations.tanh,
        "recurrent_activation": keras.activations.sigmoid,
    }


@keras.saving.register_keras_serializable("unrolled")
class GRU(FastLoop, keras.layers.GRU):
    """`keras.layers.GRU` (Cho et al. 2014), faster on a CPU; same arguments, weights and results.

    With `reset_after=False` the product with h cannot be done in one, and Keras' own loop is taken.
    """

    fast_cell = GATED
    fast_activations = LSTM.fast_activations

    def can_be_fast(self, training: bool) -> bool:
        return super().can_be_fast(training) and self.cell.reset_after

    def biases(self) -> tuple[tf.Tensor, tf.Tensor]:
        if self.cell.bias is None:
            return super().biases()
        b, b_h = tf.unstack(tf.convert_to_tensor(self.cell.bias))
        return b, b_h
