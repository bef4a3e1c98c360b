"""Many small networks of one kind, trained side by side: several seeds, starts and learning rates at once.

Each weight array gets one more axis in front, one entry per network. `@` multiplies the matrices pair by
pair, so the step function of a lesson works unchanged, and a batch of matrix products costs far less than
as many small ones in turn. No weight is shared: each network has its own start, its own clipping and its
own rate, and does what it would do alone.

A network is one recurrent layer and a dense layer on h. A short example, two rates for each of three seeds:

    from keras import layers, ops
    from utils import side_by_side
    from utils.memory_tasks import adding

    def step(x, h, Wx, Wh, b):
        return ops.tanh(x @ Wx + h @ Wh + b)

    start = side_by_side.initial(lambda: layers.SimpleRNN(32), inputs=2, outputs=1, seeds=range(3))
    trained = side_by_side.train(
        step, side_by_side.join(start, start), adding, steps=50, updates=400,
        rate=[1e-2] * 3 + [1e-3] * 3, loss=side_by_side.squared_error,
    )
    trained.losses.shape  # (6, 400): networks, updates
    x, y = adding(np.random.default_rng(9), 1000, 50)
    side_by_side.evaluate(step, trained.weights, x, y, side_by_side.squared_error)  # (6,)

**The step.** `step(x, *states, *weights)` -> the new states, h first; whatever else it returns is left
out. So `step(x, h, Wx, Wh, b)` for a cell with one state, `step(x, h, c, Wx, Wh, b)` for one with two,
and more weights where the cell has more. Its number of arguments tells how many states there are. Write
it with `keras.ops` or TensorFlow, not with NumPy.

**The weights.** A list: those of the cell in Keras' order, then W and b of the dense layer. A matrix
`(D, H)` becomes `(networks, D, H)`, a bias `(H,)` becomes `(networks, 1, H)`. The two biases of Keras' GRU,
`(2, 3H)`, become `(2, networks, 1, 3H)`, so that `b[0]` and `b[1]` mean what they mean in the lesson. In
each array, therefore, the third axis from the end counts the networks.

**The data.** `task(rng, batch, steps)` -> x and y, drawn afresh for each update: x `(batch, steps, D)` for
all networks alike, or `(networks, batch, steps, D)`. y goes to the loss as it is.

**The loss.** `loss(y, outputs)` -> one number per network, `(networks,)`, from outputs
`(networks, batch, read, K)`.

Not here: masks and padding (let the loss leave out what does not count), several layers, the tasks
(`utils.memory_tasks`).
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import keras
import numpy as np
import tensorflow as tf

Step = Callable[..., Any]
Task = Callable[[np.random.Generator, int, int], tuple[Any, Any]]
Loss = Callable[[Any, tf.Tensor], tf.Tensor]
Arrays = list[np.ndarray]

NETWORKS = -3  # the axis that counts them


@dataclass(frozen=True, eq=False)
class Trained:
    """What training leaves.

    Attributes:
        weights: as they were given, after the last update.
        losses: of each update, before it is made, `(networks, updates)`.
        seconds: that the updates took, without the first one, which compiles.
    """

    weights: Arrays
    losses: np.ndarray
    seconds: float


def stacked(networks: Sequence[Sequence[np.ndarray]]) -> Arrays:
    """The weights of several networks as one list of arrays.

    Args:
        networks: of each network its arrays, in one order and of equal shapes; at least one network. A
            third array with two rows counts as two biases.

    Returns:
        Arrays whose third axis from the end counts the networks, as the module's docstring says.

    Raises:
        ValueError: there is no network, or their arrays differ in number or shape.
    """
    shapes = [[np.shape(array) for array in arrays] for arrays in networks]
    if not shapes or any(each != shapes[0] for each in shapes):
        raise ValueError(f"Networks side by side are of one kind; found arrays of the shapes {shapes}.")
    found = []
    for position, arrays in enumerate(zip(*networks, strict=True)):
        together = np.stack([np.atleast_2d(array) for array in arrays])
        # rows of a bias are added one by one, so the networks stand behind them: b[0] is the first bias
        two_biases = position == 2 and len(shapes[0][2]) == 2 and shapes[0][2][0] == 2
        found.append(together.swapaxes(0, 1)[:, :, None] if two_biases else together)
    return found


def initial(make: Callable[[], Any], inputs: int, outputs: int, seeds: Sequence[int]) -> Arrays:
    """Starting weights as Keras draws them, one network for each seed.

    Keras' random seed is set for each network, and stays as the last one left it.

    Args:
        make: makes a recurrent layer or a cell, `lambda: layers.LSTM(32)` or a cell of your own with
            all options: its initialisers are used, its other settings are the step's affair.
        inputs: features of x, D.
        outputs: of the dense layer, K.
        seeds: one for each network.

    Returns:
        The stacked weights of the cell, then W `(networks, H, K)` and b `(networks, 1, K)` of the dense
        layer, in the layer's dtype.

    Raises:
        ValueError: there is no seed.
    """
    networks = []
    for seed in seeds:
        keras.utils.set_random_seed(seed)
        made = make()
        cell = getattr(made, "cell", made)
        cell.build((None, inputs))
        dense = keras.layers.Dense(outputs, dtype=cell.dtype_policy)
        dense.build((None, cell.units))
        networks.append([*cell.get_weights(), *dense.get_weights()])
    return stacked(networks)


def join(*stacks: Sequence[np.ndarray]) -> Arrays:
    """Networks of several stacks in one, the first stack's first: starts or rates side by side."""
    return [np.concatenate(arrays, axis=NETWORKS) for arrays in zip(*stacks, strict=True)]


def pick(weights: Sequence[np.ndarray], networks: Sequence[int]) -> Arrays:
    """The stack of the networks with these numbers, in this order."""
    return [np.take(array, networks, axis=NETWORKS) for array in weights]


def squared_error(y: Any, outputs: tf.Tensor) -> tf.Tensor:
    """Mean squared error per network, `(networks,)`.

    Args:
        y: numbers `(batch, read, K)`, or with the networks in front.
        outputs: `(networks, batch, read, K)`.
    """
    return tf.reduce_mean((outputs - y) ** 2, axis=(1, 2, 3))


def cross_entropy(y: Any, outputs: tf.Tensor) -> tf.Tensor:
    """Mean cross-entropy per network, `(networks,)`, in nats.

    Args:
        y: classes `(batch, read)`, int, or with the networks in front.
        outputs: logits `(networks, batch, read, K)`.
    """
    y = tf.broadcast_to(y, tf.shape(outputs)[:-1])
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, outputs), axis=(1, 2))


def share_wrong(y: Any, outputs: tf.Tensor) -> tf.Tensor:
    """Share of wrong classes per network, `(networks,)`; arguments as for `cross_entropy`."""
    wrong = tf.argmax(outputs, axis=-1, output_type=tf.int32) != tf.cast(y, tf.int32)
    return tf.reduce_mean(tf.cast(wrong, outputs.dtype), axis=(1, 2))


def states_of(step: Step, weights: Sequence[Any]) -> int:
    """How many states a step has: its arguments without x and the weights of the cell."""
    arguments = inspect.signature(step).parameters.values()
    named = [a for a in arguments if a.kind in (a.POSITIONAL_ONLY, a.POSITIONAL_OR_KEYWORD)]
    count = sum(a.default is a.empty for a in named) - 1 - (len(weights) - 2)
    if count < 1:  # so too where they hide behind a star
        names = ", ".join(str(a) for a in arguments)
        raise ValueError(
            f"step({names}) must have these arguments, each written out: x, one or more states, and the "
            f"{len(weights) - 2} weights of the cell."
        )
    return count


def forward(
    step: Step, weights: Sequence[Any], x: tf.Tensor, read: int | None, start: Sequence[tf.Tensor]
) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
    """The loop over time and the dense layer on the last `read` steps; arguments as for `run`, as tensors."""
    *inner, W, b = weights
    x = tf.transpose(x, (1, 0, 2) if x.shape.rank == 3 else (2, 0, 1, 3))  # steps in front
    steps = x.shape[0]
    silent = 0 if read is None else steps - read
    if not 0 <= silent < steps:
        raise ValueError(f"There are {steps} steps, so read={read} is not possible.")
    shape = tf.TensorShape((W.shape[0], x.shape[-2], W.shape[1]))

    def stepped(t: tf.Tensor, states: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
        new = step(x[t], *states, *inner)
        new = tuple(new)[: len(states)] if isinstance(new, tuple | list) else (new,)
        return tuple(tf.ensure_shape(state, shape) for state in new)

    def listen(t: tf.Tensor, states: tuple[tf.Tensor, ...]) -> Any:
        return t + 1, stepped(t, states)

    def speak(t: tf.Tensor, states: tuple[tf.Tensor, ...], kept: tf.TensorArray) -> Any:
        states = stepped(t, states)
        return t + 1, states, kept.write(t - silent, states[0])

    t, states = tf.constant(0), tuple(start)
    if silent:
        t, states = tf.while_loop(
            lambda t, _: t < silent, listen, (t, states), maximum_iterations=silent, parallel_iterations=1
        )
    kept = tf.TensorArray(W.dtype, steps - silent, element_shape=shape)
    _, states, kept = tf.while_loop(
        lambda t, *_: t < steps,
        speak,
        (t, states, kept),
        maximum_iterations=steps - silent,
        parallel_iterations=1,
    )
    h = tf.transpose(kept.stack(), (1, 2, 0, 3))  # (networks, batch, read, H)
    rows = tf.reshape(h, (h.shape[0], h.shape[1] * h.shape[2], h.shape[3]))
    return tf.reshape(rows @ W + b, (*h.shape[:3], W.shape[-1])), states


def as_tensor(values: Any, dtype: Any) -> tf.Tensor:
    """Numbers with a fraction in the weights' dtype, whole ones as they are."""
    values = tf.convert_to_tensor(values)
    return tf.cast(values, dtype) if values.dtype.is_floating else values


def silence(step: Step, weights: Sequence[np.ndarray], x: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """States of zeros, `(networks, batch, H)` each, after a look at the shape of x."""
    W = weights[-2]
    if x.ndim not in (3, 4) or (x.ndim == 4 and x.shape[0] != W.shape[0]):
        raise ValueError(
            f"x must be (batch, steps, features) or ({W.shape[0]} networks, batch, steps, features), "
            f"not {tuple(x.shape)}."
        )
    zero = tf.zeros((W.shape[0], x.shape[-3], W.shape[1]), W.dtype)
    return (zero,) * states_of(step, weights)


def clipped(grads: Sequence[tf.Tensor], norm: float) -> list[tf.Tensor]:
    """Gradients scaled to at most this norm, over all weights of a network, for each network on its own."""
    squares = [tf.reduce_sum(g**2, axis=[*range(g.shape.rank - 3), -2, -1]) for g in grads]
    factor = norm / tf.maximum(tf.sqrt(tf.add_n(squares)), norm)
    return [g * factor[:, None, None] for g in grads]


def say(done: int, so_far: Trained) -> None:
    """A line of progress, for `watch`: the median over the networks of the mean of some last losses."""
    last = so_far.losses[:, -min(done, 20) :].mean(axis=1)
    print(
        f"{done:5} updates: loss {np.median(last):.4f}, "
        f"best {np.min(last):.4f}, worst {np.max(last):.4f} of {len(last)} networks"
    )


def train(
    step: Step,
    weights: Sequence[np.ndarray],
    task: Task,
    steps: int,
    updates: int,
    *,
    rate: float | Sequence[float] | np.ndarray,
    loss: Loss,
    read: int | None = 1,
    batch: int = 32,
    clip: float | None = 1.0,
    carry: bool = False,
    seed: int = 7,
    watch: Callable[[int, Trained], Any] | None = None,
    every: int | None = None,
    compiled: bool = True,
) -> Trained:
    """Trains all networks on the same fresh batches with Adam (Kingma and Ba 2015; Keras' settings).

    Args:
        step: the cell's step, as the module's docstring says.
        weights: where to start, a stack; left as it is.
        task: draws a batch: x and y.
        steps: length of the sequences, handed to the task.
        updates: how many batches.
        rate: the learning rate, one for all networks or one for each.
        loss: of each network, from y and the outputs.
        read: how many of the last steps the dense layer looks at; None for all.
        batch: sequences in a batch, handed to the task.
        clip: the norm to which the gradient of each network is clipped, over all its weights (Pascanu,
            Mikolov and Bengio 2013); None for no clipping.
        carry: whether each batch goes on from the states in which the one before ended, as in truncated
            backpropagation; the gradient ends at the border. If not, each starts from zeros.
        seed: of the random numbers that the task gets.
        watch: called with the number of updates done and what there is so far, to print (`say`), to test or
            to draw.
        every: so many updates, and after the last; a tenth of them if None.
        compiled: whether XLA compiles the update: it takes some seconds, and then runs faster.

    Returns:
        The weights after training, the losses and the time.

    Raises:
        ValueError: rates, step, data or loss do not fit the networks.
    """
    dtype, networks = weights[-2].dtype, weights[-2].shape[0]
    if np.ndim(rate) > 0 and np.shape(rate) != (networks,):
        raise ValueError(f"{networks} networks need one rate or {networks} of them, not {np.shape(rate)}.")
    rates = tf.constant(np.broadcast_to(rate, networks)[:, None, None], dtype)
    trained = [tf.Variable(array) for array in weights]
    means, squares = ([tf.Variable(tf.zeros_like(array)) for array in weights] for _ in range(2))

    def update(x: tf.Tensor, y: tf.Tensor, states: Any, number: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            outputs, states = forward(step, trained, x, read, states)
            each = loss(y, outputs)
            if each.shape != (networks,):
                raise ValueError(f"The loss must give {networks} numbers, one per network, not {each.shape}.")
            total = tf.reduce_sum(each)
        grads = tape.gradient(total, trained, unconnected_gradients="zero")
        grads = grads if clip is None else clipped(grads, clip)
        # w -= rate * m / (1 - 0.9^n) / (sqrt(v / (1 - 0.999^n)) + eps), as Keras computes it
        scale = rates * tf.sqrt(1 - 0.999**number) / (1 - 0.9**number)
        for w, m, v, g in zip(trained, means, squares, grads, strict=True):
            m.assign_add(0.1 * (g - m))
            v.assign_add(0.001 * (g**2 - v))
            w.assign_sub(scale * m / (tf.sqrt(v) + 1e-7))
        return each, states

    made = tf.function(update, jit_compile=compiled, autograph=False)
    rng, began, states = np.random.default_rng(seed), perf_counter(), None
    losses: list[np.ndarray] = []
    every = every or max(updates // 10, 1)

    def so_far() -> Trained:
        found = np.stack(losses, axis=1) if losses else np.zeros((networks, 0))
        return Trained([w.numpy() for w in trained], found, perf_counter() - began)

    for number in range(1, updates + 1):
        x, y = (as_tensor(values, dtype) for values in task(rng, batch, steps))
        if states is None or not carry:
            states = silence(step, weights, x)
        each, states = made(x, y, states, tf.constant(number, dtype))
        losses.append(each.numpy())
        if number == 1:
            began = perf_counter()
        if watch and (number % every == 0 or number == updates):
            watch(number, so_far())
    return so_far()


def run(
    step: Step,
    weights: Sequence[np.ndarray],
    x: Any,
    read: int | None = 1,
    start: Sequence[Any] | None = None,
    compiled: bool = False,
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """What the networks say to given sequences.

    Args:
        step: the cell's step, as the module's docstring says.
        weights: a stack.
        x: `(batch, steps, D)` for all, or `(networks, batch, steps, D)`.
        read: how many of the last steps the dense layer looks at; None for all.
        start: the states before the first step, `(networks, batch, H)` each; zeros if None.
        compiled: whether XLA compiles it; worth it for long runs.

    Returns:
        Outputs `(networks, batch, read, K)`, and the last states, `(networks, batch, H)` each.

    Raises:
        ValueError: shapes or the step do not fit.
    """
    x = as_tensor(x, weights[-2].dtype)
    zeros = silence(step, weights, x)
    states = zeros if start is None else tuple(as_tensor(state, x.dtype) for state in start)
    inner = [tf.constant(array) for array in weights]
    made = tf.function(
        lambda x, states: forward(step, inner, x, read, states), jit_compile=compiled, autograph=False
    )
    # made anew at each call on purpose; called as it is, TensorFlow warns of that from the fifth call on
    outputs, states = made.get_concrete_function(x, states)(x, states)
    return outputs.numpy(), tuple(state.numpy() for state in states)


def evaluate(
    step: Step, weights: Sequence[np.ndarray], x: Any, y: Any, error: Loss, read: int | None = 1
) -> np.ndarray:
    """The error of each network on given sequences.

    Args:
        step: the cell's step, as the module's docstring says.
        weights: a stack.
        x: `(batch, steps, D)` for all, or `(networks, batch, steps, D)`.
        y: what `error` compares with.
        error: from y and the outputs, as a loss.
        read: how many of the last steps the dense layer looks at; None for all.

    Returns:
        One number per network, `(networks,)`, float64.
    """
    outputs, _ = run(step, weights, x, read)
    return np.asarray(error(as_tensor(y, outputs.dtype), tf.constant(outputs)), "float64")


def walk(
    step: Step, weights: Sequence[np.ndarray], x: Any, start: Sequence[tf.Tensor] | None = None
) -> list[tuple[tf.Tensor, ...]]:
    """All states along given sequences, step by step, so that a gradient tape can see each of them.

    Args:
        step: the cell's step, as the module's docstring says.
        weights: a stack.
        x: `(batch, steps, D)`.
        start: the states before the first step, `(networks, batch, H)` each; zeros if None.

    Returns:
        T + 1 entries, that before the first step in front: the states, `(networks, batch, H)` each.

    Raises:
        ValueError: shapes or the step do not fit.
    """
    x = as_tensor(x, weights[-2].dtype)
    zeros = silence(step, weights, x)
    path = [zeros if start is None else tuple(start)]
    for t in range(x.shape[1]):
        new = step(x[:, t], *path[-1], *weights[:-2])
        path.append(tuple(new)[: len(zeros)] if isinstance(new, tuple | list) else (new,))
    return path


def state_gradients(step: Step, weights: Sequence[np.ndarray], x: Any, y: Any, loss: Loss) -> np.ndarray:
    """The gradient of the loss at the end with respect to every state on the way: c, or h where c is not.

    Args:
        step: the cell's step, as the module's docstring says.
        weights: a stack.
        x: `(batch, steps, D)`.
        y: what the loss compares the answer at the last step with, `(batch, 1, ...)`.
        loss: from y and the outputs, as in training.

    Returns:
        `(T + 1, networks, batch, H)`, float64 (squares of faint float32 numbers would be 0), the state
        before the first step in front; of c including what goes through the h of the same step.

    Raises:
        ValueError: shapes or the step do not fit.
    """
    x = as_tensor(x, weights[-2].dtype)
    start = [tf.identity(zeros) for zeros in silence(step, weights, x)]  # h and c apart, for the tape
    with tf.GradientTape() as tape:
        tape.watch(start)
        path = walk(step, weights, x, start)
        answers = path[-1][0] @ weights[-2] + weights[-1]
        total = tf.reduce_sum(loss(as_tensor(y, x.dtype), answers[:, :, None]))
    return np.stack(tape.gradient(total, [states[-1] for states in path])).astype("float64")


def tuned(
    step: Step,
    start: Callable[[Sequence[int]], Arrays],
    task: Task,
    steps: int,
    updates: int,
    *,
    rates: Sequence[float],
    seeds: Sequence[int],
    tuning_seeds: Sequence[int] = (100, 101),
    loss: Loss,
    read: int | None = 1,
    **options: Any,
) -> tuple[Trained, float]:
    """Trains networks at the learning rate that did best on other networks and other sequences.

    For each rate, the networks of `tuning_seeds` are trained on sequences of their own, and asked for 500
    more. The rate with the lowest mean of the logarithm of their losses is taken; if there is only one rate,
    nothing is tried.

    Args:
        step: the cell's step, as the module's docstring says.
        start: from seeds to starting weights, a stack with one network for each.
        task: draws a batch: x and y.
        steps: length of the sequences.
        updates: how many batches, for each network.
        rates: to choose from.
        seeds: of the networks that are returned.
        tuning_seeds: of those on which the rate is chosen; none of `seeds`.
        loss: of each network, from y and the outputs.
        read: how many of the last steps the dense layer looks at; None for all.
        options: of `train`, e.g. `compiled`; not rate and not seed.

    Returns:
        What training leaves of the networks of `seeds`, and the rate.

    Raises:
        ValueError: a seed is in both, or there is no rate.
    """
    both = sorted(set(seeds) & set(tuning_seeds))
    if both or not len(rates):
        raise ValueError(f"Choose among one rate or more, {list(rates)}, on other seeds than {both}.")
    best = float(rates[0])
    if len(rates) > 1:
        fresh = join(*[start(tuning_seeds)] * len(rates))
        each = np.repeat(rates, len(tuning_seeds))
        tried = train(step, fresh, task, steps, updates, rate=each, loss=loss, read=read, seed=21, **options)
        x, y = task(np.random.default_rng(22), 500, steps)
        losses = evaluate(step, tried.weights, x, y, loss, read=read).reshape(len(rates), -1)
        losses = np.where(np.isfinite(losses), losses, 1e9)
        best = float(rates[int(np.log(losses + 1e-9).mean(axis=1).argmin())])
    trained = train(step, start(seeds), task, steps, updates, rate=best, loss=loss, read=read, **options)
    return trained, best
