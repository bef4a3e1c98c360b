"""SimpleRNN, LSTM and GRU as Keras has them, with a loop inside that trains faster on a CPU.

Each is a subclass that changes nothing but the loop over time: the products with the inputs are done
before it for all steps at once, the backward pass is written by hand (notebooks 02 to 04 derive it),
and the gradient of each matrix is one product after the loop. Where there is no such loop for an
option, and always on a GPU (cuDNN), Keras' own is taken; the results are the same.

Not here: what the cells are, which notebooks 01, 03 and 04 teach.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import keras
import tensorflow as tf

Tensors = tuple[tf.Tensor, ...]


class Cell(NamedTuple):
    """One step and its way back, for the loop below.

    Attributes:
        step: (a_x, a_h, states) -> (new states, what the way back needs); a_x is x_t W + b, a_h is
            h_{t-1} U + b', both `(batch, columns)`, and the states are `(batch, units)`, h first.
        back: (gradients of the new states, saved, old states, new states) -> (gradients of the old
            states but for the way through a_h, gradient of a_x, gradient of a_h).
    """

    step: Callable[[tf.Tensor, tf.Tensor, Tensors], tuple[Tensors, Tensors]]
    back: Callable[[Tensors, Tensors, Tensors, Tensors], tuple[Tensors, tf.Tensor, tf.Tensor]]


def simple_step(a_x: tf.Tensor, a_h: tf.Tensor, states: Tensors) -> tuple[Tensors, Tensors]:
    # h_t = tanh(x_t W + h_{t-1} U + b)
    return (tf.tanh(a_x + a_h),), ()


def simple_back(grads: Tensors, saved: Tensors, old: Tensors, new: Tensors) -> Any:
    # dL/da = dL/dh_t * (1 - h_t^2)
    da = grads[0] * (1 - new[0] * new[0])
    return (tf.zeros_like(da),), da, da


def lstm_step(a_x: tf.Tensor, a_h: tf.Tensor, states: Tensors) -> tuple[Tensors, Tensors]:
    i, f, g, o = tf.split(a_x + a_h, 4, axis=-1)
    i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
    # c_t = f_t * c_{t-1} + i_t * g_t,  h_t = o_t * tanh(c_t)
    c = f * states[1] + i * g
    return (o * tf.tanh(c), c), (i, f, g, o)


def lstm_back(grads: Tensors, saved: Tensors, old: Tensors, new: Tensors) -> Any:
    i, f, g, o = saved
    (dh, dc), tanh_c = grads, tf.tanh(new[1])
    # dL/dc_t = dL/dc_t from later + dL/dh_t * o_t * (1 - tanh(c_t)^2)
    dc = dc + dh * o * (1 - tanh_c * tanh_c)
    # sigma' = sigma (1 - sigma), tanh' = 1 - tanh^2
    da_i, da_f = dc * g * i * (1 - i), dc * old[1] * f * (1 - f)
    da = tf.concat([da_i, da_f, dc * i * (1 - g * g), dh * tanh_c * o * (1 - o)], axis=-1)
    return (tf.zeros_like(dh), dc * f), da, da


def gru_step(a_x: tf.Tensor, a_h: tf.Tensor, states: Tensors) -> tuple[Tensors, Tensors]:
    x_z, x_r, x_g = tf.split(a_x, 3, axis=-1)
    h_z, h_r, u = tf.split(a_h, 3, axis=-1)
    z, r = tf.sigmoid(x_z + h_z), tf.sigmoid(x_r + h_r)
    g = tf.tanh(x_g + r * u)
    # h_t = z_t * h_{t-1} + (1 - z_t) * g_t
    return (z * states[0] + (1 - z) * g,), (z, r, g, u)


def gru_back(grads: Tensors, saved: Tensors, old: Tensors, new: Tensors) -> Any:
    (z, r, g, u), (dh,) = saved, grads
    da_g = dh * (1 - z) * (1 - g * g)
    da_z, da_r = dh * (old[0] - g) * z * (1 - z), da_g * u * r * (1 - r)
    # g_t = tanh(x_g + r_t * u_t): the product with h reaches g only through r
    da_h = tf.concat([da_z, da_r, da_g * r], axis=-1)
    return (dh * z,), tf.concat([da_z, da_r, da_g], axis=-1), da_h


SIMPLE, LONG, GATED = Cell(simple_step, simple_back), Cell(lstm_step, lstm_back), Cell(gru_step, gru_back)


def over_time(
    body: Callable[..., tuple[tf.Tensor, Tensors, Tensors]], steps: tf.Tensor, carry: Tensors, rows: int
) -> Any:
    """Loop (k, carry) -> (t to write at, carry, rows); the last carry, and each row stacked over time."""
    arrays = tuple(tf.TensorArray(tf.float32, steps) for _ in range(rows))

    def one(k: tf.Tensor, carry: Tensors, arrays: Any) -> Any:
        t, carry, new_rows = body(k, carry)
        return k + 1, carry, tuple(a.write(t, row) for a, row in zip(arrays, new_rows, strict=True))

    _, carry, arrays = tf.while_loop(
        lambda k, *_: k < steps, one, (tf.constant(0), carry, arrays), maximum_iterations=steps
    )
    return carry, tuple(a.stack() for a in arrays)


def flat(a: tf.Tensor) -> tf.Tensor:
    """`(time, batch, n)` -> `(time * batch, n)`."""
    return tf.reshape(a, (-1, a.shape[-1]))


def recur(
    cell: Cell,
    x: tf.Tensor,
    states: Sequence[tf.Tensor],
    W: tf.Tensor,
    U: tf.Tensor,
    b: tf.Tensor,
    b_h: tf.Tensor,
    mask: tf.Tensor | None = None,
) -> tuple[tf.Tensor, Tensors]:
    """A recurrent layer over a whole batch, with its gradient by hand.

    Args:
        cell: the step and its way back.
        x: inputs `(time, batch, features)`, float32; time comes first.
        states: before the first step, each `(batch, units)`, float32; h is the first.
        W: `(features, columns)`, float32.
        U: `(units, columns)`, float32.
        b: bias of the product with x, `(columns,)`, float32.
        b_h: bias of the product with h, `(columns,)`, float32.
        mask: 1 where a step counts, 0 where the states stay as they are, `(time, batch, 1)`, float32.

    Returns:
        h of every step `(time, batch, units)`, and the last states.
    """
    steps, count = tf.shape(x)[0], len(states)
    saved_count = {SIMPLE: 0, LONG: 4, GATED: 4}[cell]

    @tf.custom_gradient
    def run(x: tf.Tensor, W: tf.Tensor, U: tf.Tensor, b: tf.Tensor, b_h: tf.Tensor, *start: tf.Tensor) -> Any:
        # x_t W + b for all steps at once
        a_x = tf.reshape(flat(x) @ W + b, (steps, tf.shape(x)[1], W.shape[-1]))

        def forward(t: tf.Tensor, old: Tensors) -> Any:
            new, saved = cell.step(a_x[t], old[0] @ U + b_h, old)
            if mask is not None:
                new = tuple(mask[t] * n + (1 - mask[t]) * o for n, o in zip(new, old, strict=True))
            return t, new, (*new, *saved)

        last, rows = over_time(forward, steps, start, count + saved_count)
        after, saved = rows[:count], rows[count:]
        before = tuple(tf.concat([s[None], a[:-1]], axis=0) for s, a in zip(start, after, strict=True))

        def gradient(dh_all: tf.Tensor, *grads: tf.Tensor) -> Tensors:
            U_T = tf.transpose(U)

            def backward(k: tf.Tensor, carry: Tensors) -> Any:
                t = steps - 1 - k
                carry = (carry[0] + dh_all[t], *carry[1:])
                here = carry if mask is None else tuple(mask[t] * g for g in carry)
                at = [tuple(row[t] for row in rows) for rows in (saved, before, after)]
                old, da_x, da_h = cell.back(here, *at)
                old = (old[0] + da_h @ U_T, *old[1:])
                if mask is not None:
                    old = tuple(o + (1 - mask[t]) * g for o, g in zip(old, carry, strict=True))
                return t, old, (da_x,) if da_x is da_h else (da_x, da_h)

            d_start, das = over_time(backward, steps, grads, 2 if cell is GATED else 1)
            da_x, da_h = flat(das[0]), flat(das[-1])
            # one product for each matrix: dL/dW = X^T dA, dL/dU = H^T dA
            dW = tf.matmul(flat(x), da_x, transpose_a=True)
            dU = tf.matmul(flat(before[0]), da_h, transpose_a=True)
            dx = tf.reshape(tf.matmul(da_x, W, transpose_b=True), tf.shape(x))
            return dx, dW, dU, tf.reduce_sum(da_x, axis=0), tf.reduce_sum(da_h, axis=0), *d_start

        return (after[0], *last), gradient

    h_all, *last = run(x, W, U, b, b_h, *states)
    return h_all, tuple(last)


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
            and not (training and layer.cell.recurrent_dropout)
            and layer.compute_dtype == layer.variable_dtype == "float32"
        )

    def biases(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Biases of the products with x and with h, `(columns,)` each."""
        cell: Any = self.cell  # type: ignore[attr-defined]
        zero = tf.zeros(cell.recurrent_kernel.shape[-1])
        return (zero if cell.bias is None else tf.convert_to_tensor(cell.bias)), zero

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """The loop over time; arguments and results as in `keras.layers.RNN.inner_loop`."""
        layer: Any = self
        if not self.can_be_fast(training):
            return super().inner_loop(sequences, initial_state, mask=mask, training=training)  # type: ignore[misc]
        states = tuple(keras.tree.flatten(initial_state))
        if training and layer.cell.dropout:
            sequences = sequences * layer.cell.get_dropout_mask(sequences[:, 0, :])[:, None]
        x = tf.transpose(sequences, (1, 0, 2))
        weight = None
        if mask is not None:
            mask = keras.tree.flatten(mask)[0]
            weight = tf.cast(tf.transpose(mask), tf.float32)[..., None]
        if layer.go_backwards:
            x, weight = x[::-1], None if weight is None else weight[::-1]
        W, U = (tf.convert_to_tensor(kernel) for kernel in (layer.cell.kernel, layer.cell.recurrent_kernel))
        outputs, last = recur(self.fast_cell, x, states, W, U, *self.biases(), weight)
        if weight is not None:  # where a step is left out, Keras repeats the output before, or says zero
            heard = weight if layer.zero_output_for_mask else tf.minimum(tf.cumsum(weight, axis=0), 1.0)
            outputs = outputs * heard
        return outputs[-1], tf.transpose(outputs, (1, 0, 2)), list(last)


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
