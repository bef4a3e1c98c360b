"""Connectionist temporal classification (CTC, Graves et al. 2006): loss, decoding, alignment.

A network says at each frame one of K symbols; 0 is the blank, "nothing new". A path, a symbol for each frame,
stands for the text that is left when runs become one and blanks are dropped. Lesson 12 explains all this.

Not here: networks that listen (`utils.speech`); writing with a network that chooses the next token
(`utils.decoding`).
"""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

BLANK = 0


def collapse(path: Sequence[int] | np.ndarray) -> list[int]:
    """The text of a path: each run of a symbol once, then without blanks."""
    path = [int(symbol) for symbol in path]
    return [a for a, before in zip(path, [BLANK, *path], strict=False) if a not in (before, BLANK)]


def frames_needed(text: Sequence[int]) -> int:
    """The fewest frames in which a text can be said: one a symbol, and a blank between two alike."""
    return len(text) + sum(a == b for a, b in itertools.pairwise(text))


def require_room(texts: Sequence[Sequence[int]], frames: Sequence[int] | np.ndarray) -> None:
    """Refuse texts that are too long for their frames, whose loss would be infinite.

    Raises:
        ValueError: there is one; it is named.
    """
    for k, (text, count) in enumerate(zip(texts, frames, strict=True)):
        if frames_needed(text) > count:
            raise ValueError(
                f"Text {k} has {len(text)} symbols and needs {frames_needed(text)} frames, but its "
                f"sound gives {count}. Stack fewer frames, or leave it out."
            )


def with_blanks(text: Sequence[int]) -> np.ndarray:
    """A text of L symbols as the 2 L + 1 states of the lattice: a blank before, between and after."""
    states = np.full(2 * len(text) + 1, BLANK)
    states[1::2] = text
    return states


def forward(log_p: np.ndarray, text: Sequence[int]) -> np.ndarray:
    """Log-probabilities of all ways to each state of the lattice, `(T, 2 L + 1)` (Graves 2006, section 4.1).

    Args:
        log_p: of each symbol at each frame, `(T, K)`.
        text: L symbols.
    """
    states = with_blanks(text)
    skip = np.zeros(len(states), bool)  # from a symbol to the next one, if it is another
    skip[2:] = (states[2:] != BLANK) & (states[2:] != states[:-2])
    alpha = np.full((len(log_p), len(states)), -np.inf)
    alpha[0, :2] = log_p[0, states[:2]]
    for t in range(1, len(log_p)):
        one = np.append(-np.inf, alpha[t - 1, :-1])
        two = np.append([-np.inf, -np.inf], alpha[t - 1])[: len(states)]
        ways = np.logaddexp(alpha[t - 1], one)
        alpha[t] = np.where(skip, np.logaddexp(ways, two), ways) + log_p[t, states]
    return alpha


def log_likelihood(log_p: np.ndarray, text: Sequence[int]) -> float:
    """Log-probability of all paths that collapse to a text, in nats; minus infinity if there is none."""
    return float(np.logaddexp.reduce(forward(log_p, text)[-1, -2:]))


def posterior(log_p: np.ndarray, text: Sequence[int]) -> np.ndarray:
    """How likely the lattice's states are at each frame, given the text, `(T, 2 L + 1)`; rows sum to 1.

    Args:
        log_p: of each symbol at each frame, `(T, K)`.
        text: L symbols that the frames have room for.

    Raises:
        ValueError: they have not.
    """
    require_room([text], [len(log_p)])
    states = with_blanks(text)
    there = forward(log_p, text)
    back = forward(log_p[::-1], text[::-1])[::-1, ::-1]  # the same the other way round
    both = there + back - log_p[:, states]  # which both have counted
    return np.exp(both - np.logaddexp.reduce(both, axis=1, keepdims=True))


def loss(texts: Any, logits: Any) -> Any:
    """Mean over the batch of -log p(text), in nats; with it Keras trains a network.

    It is `keras.losses.CTC`, but by the operation that TensorFlow has for lists of labels: on a CPU that is
    faster, and where lengths differ from batch to batch it does not make TensorFlow print lines about loops.

    Args:
        texts: symbols from 1 on, padded by 0, `(N, L)`.
        logits: `(N, T, K)`; at frames that are padding, the blank is certain, see `utils.speech.Padded`.
    """
    labels = tf.sparse.from_dense(tf.cast(texts, tf.int32))
    frames = tf.fill(tf.shape(logits)[:1], tf.shape(logits)[1])
    each = tf.nn.ctc_loss(labels, logits, None, frames, logits_time_major=False, blank_index=BLANK)
    return tf.reduce_mean(each)


def greedy(logits: np.ndarray) -> list[list[int]]:
    """The text of the likeliest path, of each row of `(N, T, K)`."""
    return [collapse(row) for row in np.argmax(logits, axis=-1)]


class Spike(NamedTuple):
    """A symbol of the likeliest path.

    Attributes:
        symbol: which.
        begin, end: the first of its frames, and the one behind the last.
        peak: the frame at which it is likeliest.
    """

    symbol: int
    begin: int
    end: int
    peak: int


def spikes(logits: np.ndarray) -> list[Spike]:
    """Where the likeliest path says its symbols: their runs of frames, from `(T, K)`."""
    path = np.argmax(logits, axis=-1)
    edges = [0, *(np.flatnonzero(np.diff(path)) + 1), len(path)]
    log_p = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    found = []
    for begin, end in itertools.pairwise(edges):
        symbol = int(path[begin])
        if symbol != BLANK:
            peak = int(begin + np.argmax(log_p[begin:end, symbol]))
            found.append(Spike(symbol, int(begin), int(end), peak))
    return found


def beam(log_p: np.ndarray, width: int = 10, least: float = 1e-4) -> list[tuple[tuple[int, ...], float]]:
    """The likeliest texts, by prefix beam search (Graves et al. 2006, section 3.2; Hannun et al. 2014).

    A beam of texts, not of paths: of each the paths that end in a blank are added up, and those that end in
    its last symbol. With a width above the number of texts it is exact.

    Args:
        log_p: of each symbol at each frame, `(T, K)`.
        width: texts that are kept at each frame.
        least: symbols that are less likely at a frame are not tried there; 0 tries all.

    Returns:
        Texts and their log-probabilities in nats, the best first.
    """
    kept: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, -np.inf)}
    for row in np.asarray(log_p, float):
        tried = [int(k) for k in np.flatnonzero(row >= np.log(max(least, 1e-300))) if k != BLANK]
        grown: dict[tuple[int, ...], list[float]] = defaultdict(lambda: [-np.inf, -np.inf])
        for text, (blank, symbol) in kept.items():
            both = np.logaddexp(blank, symbol)
            same = grown[text]
            same[0] = np.logaddexp(same[0], both + row[BLANK])
            if text:  # the last symbol goes on
                same[1] = np.logaddexp(same[1], symbol + row[text[-1]])
            for k in tried:  # after a blank a symbol may come again
                before = blank if text and k == text[-1] else both
                key = (*text, k)
                longer = grown[key]
                longer[1] = np.logaddexp(longer[1], before + row[k])
        possible = [(text, (nats[0], nats[1])) for text, nats in grown.items() if max(nats) > -np.inf]
        kept = dict(sorted(possible, key=lambda one: -np.logaddexp(*one[1]))[:width])
    return [(text, float(np.logaddexp(*nats))) for text, nats in kept.items()]
