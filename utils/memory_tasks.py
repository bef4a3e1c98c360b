"""Small tasks that ask a network to remember: adding, temporal order, copying, delayed echo.

Each is a function `(rng, batch, steps)` -> x and y, drawn afresh at each call, as
`utils.side_by_side.train` wants it; x is `(batch, steps, features)`, float32.

Not here: tasks that one notebook alone uses.
"""

from collections.abc import Callable, Sequence

import numpy as np

Pair = tuple[np.ndarray, np.ndarray]


def adding(rng: np.random.Generator, batch: int, steps: int) -> Pair:
    """The adding problem: two of many numbers are marked, say their sum at the end.

    To answer 1 always, the best without looking, costs a squared error of 1/6.
    Source: Hochreiter and Schmidhuber (1997), Long short-term memory, experiment 4, in the form of Le,
    Jaitly and Hinton (2015), A simple way to initialize recurrent networks of rectified linear units,
    section 4.1: numbers from 0 to 1, one mark in each half.

    Args:
        rng: draws the numbers and the marks.
        batch: number of sequences.
        steps: length of a sequence, at least 2.

    Returns:
        Numbers and marks `(batch, steps, 2)`; sums `(batch, 1, 1)`, float32.

    Raises:
        ValueError: there are fewer than 2 steps.
    """
    if steps < 2:
        raise ValueError(f"Two marks need at least 2 steps, not {steps}.")
    values, marks = rng.random((batch, steps)), np.zeros((batch, steps))
    marks[np.arange(batch), rng.integers(0, steps // 2, batch)] = 1
    marks[np.arange(batch), rng.integers(steps // 2, steps, batch)] = 1
    total = np.sum(values * marks, axis=1)
    return np.stack([values, marks], axis=-1).astype("float32"), total[:, None, None].astype("float32")


def temporal_order(rng: np.random.Generator, batch: int, steps: int) -> Pair:
    """Temporal order: an X or a Y early, another in the middle of four letters' babble; say which two.

    By guessing, 75 % are wrong.
    Source: Hochreiter and Schmidhuber (1997), Long short-term memory, experiment 6a, with places in
    proportion to the length: the first within steps/10 to steps/5, the second within steps/2 to 3 steps/5.

    Args:
        rng: draws the symbols and the places.
        batch: number of sequences.
        steps: length of a sequence, at least 10.

    Returns:
        Symbols one-hot `(batch, steps, 6)`, of which 4 is X and 5 is Y; the class, 2 * first + second,
        `(batch, 1)`, int32.

    Raises:
        ValueError: there are fewer than 10 steps.
    """
    if steps < 10:
        raise ValueError(f"Temporal order needs at least 10 steps, not {steps}.")
    symbols, rows = rng.integers(0, 4, (batch, steps)), np.arange(batch)
    first, second = rng.integers(0, 2, (2, batch))
    symbols[rows, rng.integers(steps // 10, steps // 5, batch)] = 4 + first
    symbols[rows, rng.integers(steps // 2, 3 * steps // 5, batch)] = 4 + second
    return np.eye(6, dtype="float32")[symbols], (2 * first + second)[:, None].astype("int32")


def copying(rng: np.random.Generator, batch: int, delay: int, letters: int = 5) -> Pair:
    """Copy: read some letters, wait, and repeat them on a signal; read=letters in training.

    By guessing, 75 % are wrong.
    Source: Hochreiter and Schmidhuber (1997) in the form of Arjovsky, Shah and Bengio (2016), Unitary
    evolution recurrent neural networks, section 4.1, with four letters in place of eight and the signal
    at each step of the answer.

    Args:
        rng: draws the letters.
        batch: number of sequences.
        delay: steps between the last letter and the signal, not the length of the sequence.
        letters: how many to repeat.

    Returns:
        Symbols one-hot `(batch, letters + delay + letters, 6)`: letters 0 to 3, blank 4, signal 5; the
        letters `(batch, letters)`, int32.
    """
    word = rng.integers(0, 4, (batch, letters))
    symbols = np.full((batch, letters + delay + letters), 4)
    symbols[:, :letters], symbols[:, -letters:] = word, 5
    return np.eye(6, dtype="float32")[symbols], word.astype("int32")


def delayed_echo(delays: Sequence[int]) -> Callable[[np.random.Generator, int, int], Pair]:
    """Delayed echo: streams of random bits; repeat the bit of some steps ago, each network its own delay.

    Each call of the task goes on where the one before ended, so train with carry=True and read=None. The
    bits before the first step are drawn as well, but nobody hears them.
    Source: the task by which Jaeger (2001), Short term memory in echo state networks, measures memory.

    Args:
        delays: in steps, one for each network, 0 or more.

    Returns:
        A task (rng, batch, steps) -> bits as -1 or 1 `(batch, steps, 1)`; for each delay the bit of so long
        ago `(networks, batch, steps)`, 0 or 1, int32.
    """
    longest, heard = max(delays), np.zeros((0, 0), "int32")

    def task(rng: np.random.Generator, batch: int, steps: int) -> Pair:
        nonlocal heard
        if len(heard) != batch:
            heard = rng.integers(0, 2, (batch, longest), dtype="int32")
        bits = np.concatenate([heard, rng.integers(0, 2, (batch, steps), dtype="int32")], axis=1)
        heard = bits[:, steps:]
        x = (2 * bits[:, longest:, None] - 1).astype("float32")
        return x, np.stack([bits[:, longest - delay : longest - delay + steps] for delay in delays])

    return task
