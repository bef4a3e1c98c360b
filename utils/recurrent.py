"""SimpleRNN, LSTM and GRU as Keras has them, with a loop inside that trains faster on a CPU.

Each is a subclass that changes nothing but the loop over time (notebook 05 builds it step by step). The
products with the inputs are done before it for all steps at once; the backward pass is written by hand
(notebooks 02 to 04 derive it), and the gradient of each matrix is one product after the loop. XLA
compiles the loop, once for each batch size and length, and each core runs it on its own part of the
batch. Where there is no such loop for an option, and always on a GPU (cuDNN), Keras' own is taken; the
results are the same.

Not here: what the cells are, which notebooks 01, 03 and 04 teach.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, ClassVar

import keras
import tensorflow as tf

from utils.environment import cores

Tensors = tuple[tf.Tensor, ...]

CORES = min(cores(), 8)
ROWS = 16  # of a part of the batch at least; with fewer, reading the matrix takes longer than its product


@dataclass(frozen=True, eq=False)
class Cell:
    """One step and its way back, for the loop below.

    Every array holds one gate, or one state, `(batch, units)`: slices of a wider one would cost more
    than the arithmetic on them.

    Attributes:
        step: (a_x, a_h, states) -> (new states, gates, rest); a_x is x_t W + b and a_h is h_{t-1} U + b',
            gate by gate; the first state is h. Gates and rest are what the way back needs.
        back: (gradients of the new states, gates, rest, old states, new states) -> (gradients of the old
            states but for the way through a_h, gradients of a_x, gradients of a_h).
        gates: how many columns W and U have for each unit.
        kept: how many gates a step hands to the way back; they take the place of a_x.
        rest: how many arrays besides.
        split: whether the gradient of the last gate differs between a_x and a_h.
    """

    step: Callable[[Tensors, Tensors, Tensors], tuple[Tensors, Tensors, Tensors]]
    back: Callable[[Tensors, Tensors, Tensors, Tensors, Tensors], tuple[Tensors, Tensors, Tensors]]
    gates: int
    kept: int
    rest: int = 0
    split: bool = False

    @property
    def blocks(self) -> tuple[int, ...]:
        """In how many gates each the gradient of a_h is collected; one product each."""
        return (self.gates - 1, 1) if self.split else (self.gates,)


def sigmoid(a: tf.Tensor) -> tf.Tensor:
    # by tanh, which XLA computes faster than exp
    return 0.5 * tf.tanh(0.5 * a) + 0.5


def simple_step(a_x: Tensors, a_h: Tensors, states: Tensors) -> tuple[Tensors, Tensors, Tensors]:
    # h_t = tanh(x_t W + h_{t-1} U + b)
    return (tf.tanh(a_x[0] + a_h[0]),), (), ()


def simple_back(
    grads: Tensors, gates: Tensors, rest: Tensors, old: Tensors, new: Tensors
) -> tuple[Tensors, Tensors, Tensors]:
    (dh,), (h,) = grads, new
    # dL/da = dL/dh_t (1 - h_t^2)
    da = dh * (1 - h * h)
    return (tf.zeros_like(dh),), (da,), (da,)


def lstm_step(a_x: Tensors, a_h: Tensors, states: Tensors) -> tuple[Tensors, Tensors, Tensors]:
    a_i, a_f, a_g, a_o = (x + h for x, h in zip(a_x, a_h, strict=True))
    i, f, g, o = sigmoid(a_i), sigmoid(a_f), tf.tanh(a_g), sigmoid(a_o)
    # c_t = f_t c_{t-1} + i_t g_t; h_t = o_t tanh(c_t)
    c = f * states[1] + i * g
    return (o * tf.tanh(c), c), (i, f, g, o), ()


def lstm_back(
    grads: Tensors, gates: Tensors, rest: Tensors, old: Tensors, new: Tensors
) -> tuple[Tensors, Tensors, Tensors]:
    (dh, dc), (i, f, g, o), c_old, tanh_c = grads, gates, old[1], tf.tanh(new[1])
    dh_o = dh * o
    dh_h = dh_o * tanh_c
    # dL/dc_t = dL/dc_t from later + dL/dh_t o_t (1 - tanh(c_t)^2)
    dc = dc + dh_o - dh_h * tanh_c
    # sigma' = sigma (1 - sigma) and tanh' = 1 - tanh^2
    kept, added = f * c_old, i * g
    da = (dc * (added - added * i), dc * (kept - kept * f), dc * (i - added * g), dh_h - dh_h * o)
    return (tf.zeros_like(dh), dc * f), da, da


def gru_step(a_x: Tensors, a_h: Tensors, states: Tensors) -> tuple[Tensors, Tensors, Tensors]:
    z, r, u = sigmoid(a_x[0] + a_h[0]), sigmoid(a_x[1] + a_h[1]), a_h[2]
    g = tf.tanh(a_x[2] + r * u)
    # h_t = z_t h_{t-1} + (1 - z_t) g_t
    return (g + z * (states[0] - g),), (z, r, g), (u,)


def gru_back(
    grads: Tensors, gates: Tensors, rest: Tensors, old: Tensors, new: Tensors
) -> tuple[Tensors, Tensors, Tensors]:
    (dh,), (z, r, g), (u,), (h_old, *_) = grads, gates, rest, old
    dh_z = dh * z
    da_g = (dh - dh_z) * (1 - g * g)
    # g_t = tanh(x_g + r_t u_t): the product with h reaches g only through r
    da_u = da_g * r
    da_z, da_r = dh * (h_old - g) * (z - z * z), da_u * (u - u * r)
    return (dh_z,), (da_z, da_r, da_g), (da_z, da_r, da_u)


SIMPLE = Cell(simple_step, simple_back, gates=1, kept=0)
LONG = Cell(lstm_step, lstm_back, gates=4, kept=4)
GATED = Cell(gru_step, gru_back, gates=3, kept=3, rest=1, split=True)


def empty(steps: tf.Tensor, like: tf.Tensor, gates: int = 1) -> tf.TensorArray:
    """To collect arrays of `gates` times the width of `like`, `(batch, units)`, one for each step."""
    return tf.TensorArray(like.dtype, steps, element_shape=(like.shape[0], gates * like.shape[1]))


def write(rows: Sequence[tf.TensorArray], t: tf.Tensor, values: Sequence[tf.Tensor]) -> Any:
    return tuple(row.write(t, value) for row, value in zip(rows, values, strict=True))


def read(stacks: Sequence[tf.Tensor], t: tf.Tensor) -> Tensors:
    return tuple(stack[t] for stack in stacks)


def stacked(rows: Sequence[tf.TensorArray]) -> Tensors:
    return tuple(row.stack() for row in rows)


def choose(mask: tf.Tensor | None, yes: Sequence[tf.Tensor], no: Sequence[tf.Tensor]) -> Tensors:
    """`yes` where the mask is True or missing, else `no`, pair by pair."""
    return tuple(yes) if mask is None else tuple(tf.where(mask, a, b) for a, b in zip(yes, no, strict=True))


def forward(
    cell: Cell, steps: tf.Tensor, x: tf.Tensor, mask: tf.Tensor | None, start: Tensors, weights: Tensors
) -> tuple[tf.Tensor, Tensors, tuple[Tensors, ...]]:
    """The loop over time.

    Returns:
        h of every step, `(batch, time, units)`; the last states; and what the way back needs, with time
        first: the inputs, all states from the first on, the gates, and the rest.
    """
    x, mask = time_first(x, mask)
    length, units = tf.shape(x)[0], start[0].shape[-1]
    Ws, Us, bs, bs_h = (tf.split(a, cell.gates, axis=-1) for a in weights)
    # x_t W + b for all steps at once, gate by gate; the gates will take its place in memory
    products = (tf.reshape(flat(x) @ W + b, (length, -1, units)) for W, b in zip(Ws, bs, strict=True))
    a_x = tuple(empty(length, start[0]).unstack(product) for product in products)
    states = tuple(empty(length + 1, s).write(0, s) for s in start)
    rest = tuple(empty(length, start[0]) for _ in range(cell.rest))

    def step(t: tf.Tensor, old: Tensors, a_x: Any, states: Any, rest: Any) -> Any:
        a_h = tuple(old[0] @ U + b for U, b in zip(Us, bs_h, strict=True))
        new, gates, more = cell.step(tuple(a.read(t) for a in a_x), a_h, old)
        new = choose(None if mask is None else mask[t], new, old)
        a_x = write(a_x, t, gates) if gates else a_x
        return t + 1, new, a_x, write(states, t + 1, new), write(rest, t, more)

    loop = (tf.constant(0), start, a_x, states, rest)
    _, last, a_x, states, rest = tf.while_loop(lambda t, *_: t < steps, step, loop)
    all_states = stacked(states)
    h_all = tf.transpose(all_states[0][1:], (1, 0, 2))
    return h_all, last, ((x,), all_states, stacked(a_x[: cell.kept]), stacked(rest))


def backward(
    cell: Cell,
    steps: tf.Tensor,
    dh_all: tf.Tensor,
    grads: Tensors,
    mask: tf.Tensor | None,
    U: tf.Tensor,
    saved: tuple[Tensors, ...],
) -> tuple[Tensors, Tensors]:
    """The same loop the other way.

    Returns:
        The gradients of the first states; and of a_h at every step, in blocks, with that of the last
        gate of a_x after them if it differs.
    """
    (x,), states, *kept = saved
    dh_all, mask = time_first(dh_all, mask)
    parts = [tf.transpose(part) for part in columns(U, cell.blocks)]

    def step(t: tf.Tensor, grads: Tensors, rows: Any) -> Any:
        grads = (grads[0] + dh_all[t], *grads[1:])
        gates, rest = (read(stacks, t) for stacks in kept)
        old, da_x, da_h = cell.back(grads, gates, rest, read(states, t), read(states, t + 1))
        m = None if mask is None else mask[t]
        da_x, da_h = (choose(m, da, [tf.zeros_like(a) for a in da]) for da in (da_x, da_h))
        blocks = (tf.concat(da_h[:-1], axis=-1), da_h[-1]) if cell.split else (tf.concat(da_h, axis=-1),)
        through = tf.add_n([da @ part for da, part in zip(blocks, parts, strict=True)])
        old = choose(m, (old[0] + through, *old[1:]), grads)
        return t - 1, old, write(rows, t, blocks + da_x[-1:] if cell.split else blocks)

    widths = (*cell.blocks, 1) if cell.split else cell.blocks
    loop = (steps - 1, grads, tuple(empty(tf.shape(x)[0], grads[0], n) for n in widths))
    _, d_start, rows = tf.while_loop(lambda t, *_: t >= 0, step, loop)
    return d_start, stacked(rows)


def products(
    cell: Cell, das: Tensors, weights: Tensors, saved: tuple[Tensors, ...]
) -> tuple[tf.Tensor, Tensors]:
    """Gradients of the inputs, and of the weights: one product for each block of a matrix.

    They stay out of the loops' programs: TensorFlow's own large products are faster than XLA's.
    """
    (x,), (h, *_), *_ = saved
    blocks = tuple(map(flat, das))
    da_h, da_x = (blocks[:-1], (blocks[0], blocks[-1])) if cell.split else (blocks, blocks)
    parts = columns(weights[0], cell.blocks)
    dx = tf.add_n([tf.matmul(da, part, transpose_b=True) for da, part in zip(da_x, parts, strict=True)])
    dx = tf.transpose(tf.reshape(dx, tf.shape(x)), (1, 0, 2))
    # dL/dW = X^T dA; dL/dU = H^T dA, H from the start on
    dW, dU = side_by_side(flat(x), da_x), side_by_side(flat(h[:-1]), da_h)
    # a sum over steps is a product too, and a fast one
    ones = tf.ones_like(blocks[0][:, :1])
    return dx, (dW, dU, side_by_side(ones, da_x)[0], side_by_side(ones, da_h)[0])


def time_first(x: tf.Tensor, mask: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor | None]:
    """`(time, batch, features)`, and the mask as `(time, batch, 1)`."""
    return tf.transpose(x, (1, 0, 2)), None if mask is None else tf.transpose(mask)[..., None]


def columns(matrix: tf.Tensor, blocks: Sequence[int]) -> Sequence[tf.Tensor]:
    """The columns of a matrix by blocks, each so many gates wide."""
    units = matrix.shape[-1] // sum(blocks)
    return tf.split(matrix, [n * units for n in blocks], axis=-1)


def side_by_side(a: tf.Tensor, blocks: Sequence[tf.Tensor]) -> tf.Tensor:
    """a^T [block, block, ...]."""
    return tf.concat([tf.matmul(a, block, transpose_a=True) for block in blocks], axis=-1)


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
    states: Tensors,
    weights: Tensors,
    mask: tf.Tensor | None,
    steps: tf.Tensor,
) -> Tensors:
    """A recurrent layer over a batch, with its gradient by hand.

    The batch is cut in parts that go side by side: each core works on one, none waits for another.

    Args:
        cell: the step and its way back.
        x: inputs, `(batch, time, features)`.
        states: before the first step, each `(batch, units)`; h is the first.
        weights: W `(features, columns)`, U `(units, columns)`, and the biases of the products with x
            and with h, `(columns,)` each.
        mask: True where a step counts, False where the states stay as they are, `(batch, time)`.
        steps: how many to take; what follows in x is padding.

    Returns:
        h of every step, `(batch, time, units)`, and the last states. All of one dtype, that of x.
    """
    parts = parts_of(x.shape[0] or tf.shape(x)[0])
    masks = [None if mask is None else mask[part] for part in parts]

    @tf.custom_gradient
    def run(*args: tf.Tensor) -> Any:
        x, *weights = map(tf.stop_gradient, args[:5])  # no tape is to follow the loop as well
        start = [tf.stop_gradient(state) for state in args[5:]]
        results = [
            compiled(forward, cell)(steps, x[part], m, tuple(s[part] for s in start), tuple(weights))
            for part, m in zip(parts, masks, strict=True)
        ]
        h_all, last, saved = zip(*results, strict=True)

        def gradient(dh_all: tf.Tensor, *d_last: tf.Tensor) -> Tensors:
            dh_all, *ends = map(tf.convert_to_tensor, (dh_all, *d_last))  # of tf.gather they come as slices
            grads = []
            for part, m, kept in zip(parts, masks, saved, strict=True):
                d_states = tuple(d[part] for d in ends)
                d_start, das = compiled(backward, cell)(steps, dh_all[part], d_states, m, weights[1], kept)
                grads.append((d_start, *products(cell, das, tuple(weights), kept)))
            d_start, dx, d_weights = zip(*grads, strict=True)
            summed = (tf.add_n(pieces) for pieces in zip(*d_weights, strict=True))
            return no_second_derivative(tf.concat(dx, axis=0), *summed, *joined(d_start))

        return (tf.concat(h_all, axis=0), *joined(last)), gradient

    return run(x, *weights, *states)


def joined(parts: Sequence[Tensors]) -> Tensors:
    """Several tensors of each part of a batch as those of the whole batch."""
    return tuple(tf.concat(pieces, axis=0) for pieces in zip(*parts, strict=True))


def padded_length(steps: tf.Tensor) -> tf.Tensor:
    """The next of 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, ...: four lengths to compile for per doubling."""
    doublings = tf.math.log(tf.cast(steps, tf.float32)) / math.log(2)
    unit = tf.bitwise.left_shift(tf.constant(1), tf.maximum(tf.cast(doublings, tf.int32) - 2, 0))
    return -(-steps // unit) * unit


def parts_of(size: int | tf.Tensor) -> list[slice]:
    """The parts into which a batch is cut, one for each core; fewer, or empty ones, if it is small.

    Args:
        size: of the batch; a tensor where it is not known yet.
    """
    if isinstance(size, int):
        rows = max(-(-size // CORES), ROWS)
        return [slice(begin, begin + rows) for begin in range(0, size, rows)]
    rows = tf.maximum(-(-size // CORES), ROWS)
    return [slice(k * rows, (k + 1) * rows) for k in range(CORES)]


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
        if sequences.shape[1] == 1 and mask is None and not layer.unroll:  # as in writing: no loop is needed
            x = keras.ops.cast(sequences[:, 0], layer.compute_dtype)
            output, states = layer.cell(x, initial_state, training=training)
            return output, output[:, None], states
        flags = None if mask is None else keras.tree.flatten(mask)[0]
        if flags is not None and len(flags.shape) == 3 and flags.shape[-1] == 1:  # Keras takes this form, too
            flags = flags[..., 0]
        if not self.can_be_fast(training) or (flags is not None and len(flags.shape) != 2):
            return super().inner_loop(sequences, initial_state, mask=mask, training=training)  # type: ignore[misc]
        states = tuple(keras.tree.flatten(initial_state))
        weights = tuple(tf.convert_to_tensor(w) for w in (layer.cell.kernel, layer.cell.recurrent_kernel))
        sequences = tf.cast(sequences, layer.compute_dtype)  # integers and truth values are numbers, too
        if training and layer.cell.dropout:
            sequences = sequences * layer.cell.get_dropout_mask(sequences[:, 0, :])[:, None]
        mask = None if flags is None else tf.cast(flags, tf.bool)
        if layer.go_backwards:
            sequences, mask = sequences[:, ::-1], None if mask is None else mask[:, ::-1]
        steps, unknown = tf.shape(sequences)[1], sequences.shape[1] is None
        if unknown:
            missing = [[0, 0], [0, padded_length(steps) - steps]]
            sequences = tf.pad(sequences, [*missing, [0, 0]])
            mask = None if mask is None else tf.pad(mask, missing)
        outputs, *last = recur(self.fast_cell, sequences, states, weights + self.biases(), mask, steps)
        if unknown:
            outputs, mask = outputs[:, :steps], None if mask is None else mask[:, :steps]
        if mask is not None:  # where a step is left out, Keras repeats the output before it, or says zero
            begun = mask if layer.zero_output_for_mask else tf.cumsum(tf.cast(mask, tf.int32), axis=1) > 0
            outputs = tf.where(begun[..., None], outputs, tf.zeros_like(outputs))
        return outputs[:, -1], outputs, last


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
