"""Writing with a network that predicts the next token: greedy, by drawing, and by beam search.

All three work on a batch, and on any model, which they see only as a step function: from the latest
token of every row and the rows' states to log-probabilities of the next token and the new states.

Not here: models, vocabularies and text.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

State = Any  # a tensor or array, or nested tuples, lists and dicts of them; the first axis is the row
Step = Callable[[np.ndarray, State], tuple[Any, State]]
ROUNDING = 1e-6  # of probabilities that add up to a share exactly, and were float32 logarithms before


@dataclass(frozen=True)
class Hypothesis:
    """A sequence that a model may have meant.

    Attributes:
        tokens: ids, without start and end token.
        log_probability: of the tokens, and of the end token if there is one, in nats.
        ended: whether the end token follows; otherwise the length limit cut it off.
    """

    tokens: tuple[int, ...]
    log_probability: float
    ended: bool

    def score(self, length_power: float) -> float:
        """Log-probability / length^power, the end token counted; power 1 is the mean per token.

        With power 0 short hypotheses win, since every further token costs (Wu et al. 2016, section 7).
        """
        return self.log_probability / (len(self.tokens) + self.ended) ** length_power


def take(state: State, rows: np.ndarray) -> State:
    """The states of some rows, in their order; a row may be taken more than once."""

    def pick(part: Any) -> Any:
        return part[rows] if isinstance(part, np.ndarray) else tf.gather(part, rows)

    return keras.tree.map_structure(pick, state)


def checked(log_p: Any, rows: int) -> np.ndarray:
    """The step's log-probabilities, `(rows, vocabulary)`, float32 or float64.

    Raises:
        ValueError: they have another shape, or the exponentials of a row do not sum to 1.
    """
    given = np.asarray(log_p)
    if given.ndim != 2 or len(given) != rows:
        raise ValueError(
            f"The step function gave shape {given.shape} for {rows} rows; it must give (rows, vocabulary)."
        )
    log_p = given if given.dtype in (np.float32, np.float64) else given.astype(np.float32)
    with np.errstate(over="ignore"):
        total = np.exp(log_p).sum(axis=1, dtype=np.float64)
    tolerance = 1e-3 if given.dtype.itemsize > 2 else 0.1  # half precision rounds the logarithms
    wrong = np.flatnonzero(~(np.abs(total - 1) < tolerance))  # NaN is no number near 1 either
    if len(wrong):
        raise ValueError(
            f"The step function's probabilities sum to {total[wrong[0]]:.3g} in row {wrong[0]}, and are "
            f"wrong in {len(wrong)} of {rows} rows; it must give log-probabilities: apply log-softmax to "
            "logits."
        )
    return log_p


def follow(
    step: Step,
    state: State,
    start: Sequence[int] | np.ndarray,
    end: int,
    max_length: int,
    choose: Callable[[np.ndarray], np.ndarray],
) -> list[Hypothesis]:
    """One hypothesis per row, a token at a time, as `choose` picks them; see `greedy` and `sample`."""
    latest = np.asarray(start, dtype=np.int32)
    open_rows = np.arange(len(latest))
    written: list[list[int]] = [[] for _ in latest]
    total, ended = np.zeros(len(latest)), np.zeros(len(latest), bool)
    for _ in range(max_length if len(latest) else 0):
        log_p, state = step(latest, state)
        log_p = checked(log_p, len(latest))
        latest = choose(log_p).astype(np.int32)
        total[open_rows] += log_p[np.arange(len(latest)), latest]
        going = latest != end
        ended[open_rows[~going]] = True
        open_rows, latest, state = open_rows[going], latest[going], take(state, np.flatnonzero(going))
        for row, token in zip(open_rows, latest, strict=True):
            written[row].append(int(token))
        if not len(open_rows):
            break
    return [
        Hypothesis(tuple(tokens), float(nats), bool(done))
        for tokens, nats, done in zip(written, total, ended, strict=True)
    ]


def nothing_left(rows: Sequence[int] | np.ndarray, count: int) -> ValueError:
    """The error for rows in which no token can be written."""
    return ValueError(
        f"Nothing can be written in {len(rows)} of {count} rows, row {rows[0]} for one: every token is "
        "banned or has probability 0."
    )


def without(log_p: np.ndarray, banned: Sequence[int]) -> np.ndarray:
    """Log-probabilities with those of banned tokens at minus infinity.

    Raises:
        ValueError: that leaves nothing in a row.
    """
    if not len(banned):
        return log_p
    allowed = np.array(log_p)
    allowed[:, list(banned)] = -np.inf
    stuck = np.flatnonzero(np.isneginf(allowed).all(axis=1))
    if len(stuck):
        raise nothing_left(stuck, len(allowed))
    return allowed


def greedy(
    step: Step,
    state: State,
    start: Sequence[int] | np.ndarray,
    end: int,
    max_length: int,
    banned: Sequence[int] = (),
) -> list[Hypothesis]:
    """The likeliest token at every step.

    Args:
        step: (latest tokens `(rows,)` int32, state) -> (log-probabilities `(rows, vocabulary)`, state).
            The number of rows changes from call to call.
        state: before the first step; the first axis of every part is the row.
        start: the token that every row begins with, `(rows,)`.
        end: the token that ends a sequence.
        max_length: steps at most, the one that gives the end token counted.
        banned: tokens that must not be written, e.g. padding.

    Returns:
        A hypothesis per row.

    Raises:
        ValueError: the step function gives something else than log-probabilities, or the ban leaves nothing.
    """
    return follow(step, state, start, end, max_length, lambda log_p: without(log_p, banned).argmax(axis=1))


def sample(
    step: Step,
    state: State,
    start: Sequence[int] | np.ndarray,
    end: int,
    max_length: int,
    rng: np.random.Generator,
    temperature: float = 1.0,
    top_p: float = 1.0,
    banned: Sequence[int] = (),
) -> list[Hypothesis]:
    """Tokens drawn with their probabilities; notebook 06 explains temperature and nucleus.

    Args:
        rng: of NumPy; the same state draws the same.
        temperature: above 0; the log-probabilities are divided by it.
        top_p: draw from the likeliest tokens that together have this probability (Holtzman et al.
            2020, section 3.1), in (0, 1].
        others: as in `greedy`.

    Returns:
        A hypothesis per row, with its log-probability under the model itself.

    Raises:
        ValueError: as in `greedy`, or temperature or top_p is out of range.
    """
    if not temperature > 0 or not 0 < top_p <= 1:
        raise ValueError(
            f"temperature is {temperature} and top_p {top_p}; they must be above 0 and in (0, 1]. "
            "For temperature 0, call greedy()."
        )

    def choose(log_p: np.ndarray) -> np.ndarray:
        scaled = np.float64(without(log_p, banned)) / temperature
        p = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        if top_p < 1:
            order = np.argsort(-p, axis=1, kind="stable")  # of tokens alike the first
            ranked = np.take_along_axis(p, order, axis=1)
            before = ranked.cumsum(axis=1) - ranked
            ranked[(before >= top_p - ROUNDING) & (before > 0)] = 0  # what comes before it suffices
            np.put_along_axis(p, order, ranked / ranked.sum(axis=1, keepdims=True), axis=1)
        # where the cumulated probabilities pass a uniform number; the last possible token catches rounding
        passed = p.cumsum(axis=1) > rng.random((len(p), 1)) * p.sum(axis=1, keepdims=True)
        return passed.argmax(axis=1)

    return follow(step, state, start, end, max_length, choose)


@dataclass(frozen=True)
class Beam:
    """The hypotheses that go on, over all rows; arrays of one length, sorted by row.

    Attributes:
        row: which input each belongs to, int.
        nats: its log-probability so far, float64.
        tokens: what it has written, `(hypotheses, steps)`, int32.
    """

    row: np.ndarray
    nats: np.ndarray
    tokens: np.ndarray


def extend(
    beam: Beam, log_p: np.ndarray, width: int, banned: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The likeliest `width` continuations of each row.

    Args:
        beam: the hypotheses to continue.
        log_p: of the next token after each, `(hypotheses, vocabulary)`.
        width: of the beam.
        banned: tokens that must not be written.

    Returns:
        Which hypothesis each continues, with which token, and its log-probability, sorted by row and
        then from likely to unlikely; of equals, the earlier hypothesis and the smaller token first.
    """
    best, tokens = tf.math.top_k(log_p, k=min(width + len(set(banned)), log_p.shape[1]))
    nats = (beam.nats[:, None] + best.numpy()).ravel()
    parent, tokens = np.repeat(np.arange(len(beam.row)), best.shape[1]), tokens.numpy().ravel()
    possible = np.isfinite(nats) & ~np.isin(tokens, list(banned))
    parent, tokens, nats = parent[possible], tokens[possible], nats[possible]
    order = np.lexsort((-nats, beam.row[parent]))
    row = beam.row[parent[order]]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    kept = order[rank < width]
    return parent[kept], tokens[kept], nats[kept]


def can_improve(nats: float, done: list[float], width: int, max_length: int, length_power: float) -> bool:
    """Whether a row's likeliest open hypothesis may still come among its best `width`.

    Its log-probability can only fall, and no length divides it by more than the largest one.
    """
    return len(done) < width or nats / max_length**length_power > sorted(done)[-width]


def beam_search(
    step: Step,
    state: State,
    start: Sequence[int] | np.ndarray,
    end: int,
    max_length: int,
    beam_width: int,
    length_power: float = 1.0,
    banned: Sequence[int] = (),
) -> list[list[Hypothesis]]:
    """The best hypotheses found by keeping the `beam_width` likeliest beginnings at every step.

    A hypothesis is complete with the end token or at `max_length`; a row is searched until no open
    hypothesis can beat its complete ones. With width 1 this is `greedy`; with a width above the number
    of possible sequences it is exhaustive.

    Args:
        beam_width: beginnings that are kept per row, at least 1.
        length_power: complete hypotheses are ranked by log-probability / length^power; see
            `Hypothesis.score`.
        others: as in `greedy`.

    Returns:
        For each row up to `beam_width` hypotheses, the best first.

    Raises:
        ValueError: as in `greedy`, or the width is below 1, or the power below 0.
    """
    if beam_width < 1 or length_power < 0:
        raise ValueError(
            f"beam_width is {beam_width} and length_power {length_power}; they must be at least 1 and 0."
        )
    rows = len(start)
    complete: list[list[Hypothesis]] = [[] for _ in range(rows)]
    scores: list[list[float]] = [[] for _ in range(rows)]
    beam = Beam(np.arange(rows), np.zeros(rows), np.zeros((rows, 0), np.int32))
    latest = np.asarray(start, dtype=np.int32)
    for length in range(1, max_length + 1 if rows else 0):
        log_p, state = step(latest, state)
        parent, tokens, nats = extend(beam, checked(log_p, len(latest)), beam_width, banned)
        stuck = [row for row in sorted({*beam.row} - {*beam.row[parent]}) if not complete[row]]
        if stuck:
            raise nothing_left(stuck, rows)
        finished = (tokens == end) | (length == max_length)
        for i in np.flatnonzero(finished):
            whole = (*beam.tokens[parent[i]].tolist(), int(tokens[i]))
            ended = whole[-1] == end
            found = Hypothesis(whole[:-1] if ended else whole, float(nats[i]), ended)
            complete[beam.row[parent[i]]].append(found)
            scores[beam.row[parent[i]]].append(found.score(length_power))
        row = beam.row[parent]
        likeliest = dict(zip(row[~finished][::-1], nats[~finished][::-1], strict=True))  # the first wins
        worth = {
            r: can_improve(best, scores[r], beam_width, max_length, length_power)
            for r, best in likeliest.items()
        }
        going = np.flatnonzero(~finished & np.array([worth.get(r, False) for r in row], bool))
        if not len(going):
            break
        latest, state = tokens[going].astype(np.int32), take(state, parent[going])
        written = np.concatenate([beam.tokens[parent[going]], latest[:, None]], axis=1)
        beam = Beam(row[going], nats[going], written)
    return [
        sorted(found, key=lambda h: h.score(length_power), reverse=True)[:beam_width] for found in complete
    ]


def beam_steps(
    step: Step,
    state: State,
    start: int,
    end: int,
    width: int,
    steps: int,
    banned: Sequence[int] = (),
    dropped: int = 2,
) -> list[list[tuple[int, int, float, bool]]]:
    """How a beam grows for one input: the continuations of each step, also some that are dropped.

    `diagrams.beam_tree` draws it. Complete hypotheses stay in the beam's place, but do not go on.

    Args:
        step, start, end, banned: as in `beam_search`, for one row.
        state: before the first step, of one row.
        width: of the beam.
        steps: how many to take, at most; fewer where all that is kept has ended.
        dropped: how many continuations to give besides, the likeliest of those that are not kept.

    Returns:
        For each step its continuations, in the order of what they continue and then from likely to
        unlikely: which of the step before it continues (its place there), the token, the log-probability
        so far, and whether it is kept.

    Raises:
        ValueError: the step function gives something else than log-probabilities, or the ban leaves nothing.
    """
    latest, nats, places = np.array([start], np.int32), np.zeros(1), [0]
    grown: list[list[tuple[int, int, float, bool]]] = []
    for _ in range(steps):
        log_p, state = step(latest, state)
        total = nats[:, None] + without(checked(log_p, len(latest)), banned)
        best = np.argsort(-total, axis=None, kind="stable")[: width + dropped]
        best = best[np.isfinite(total.ravel()[best])]
        rows, tokens = np.divmod(best, total.shape[1])
        order = np.argsort(rows, kind="stable")
        rows, tokens, kept = rows[order], tokens[order], order < width
        grown.append(
            [
                (places[row], int(token), float(total[row, token]), bool(stays))
                for row, token, stays in zip(rows, tokens, kept, strict=True)
            ]
        )
        going = np.flatnonzero(kept & (tokens != end))
        if not len(going):
            break
        latest, nats, places = tokens[going].astype(np.int32), total[rows[going], tokens[going]], [*going]
        state = take(state, rows[going])
    return grown
