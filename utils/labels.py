"""Label sets: as numbers and in an order, two networks that give them, how likely they are, and how good.

Lesson 15 explains all this, and its lab shares what stands here. A picture has features `(N, D)` and a set of
V labels. `independent` gives each label a probability of its own; `chain` gives one label after the other, as
a caption is written: its numbers are those of `utils.captions`, the labels behind the four special ones.

Not here: the pictures (`utils.datasets`), features (`utils.features`), training of the chain
(`captions.train`), beam search (`utils.decoding`).
"""

import collections
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from utils import recurrent, training
from utils.captions import END, NEVER, PAD, SPECIAL, START, Words, only_start
from utils.decoding import Hypothesis, beam_search

ORDERS = ("frequent first", "rare first", "random")
FIRST = len(SPECIAL)  # the number of the first label

Labels = Sequence[Sequence[str]]  # of each picture
Step = Callable[[np.ndarray, Any], tuple[Any, Any]]


def as_matrix(labels: Labels, words: Sequence[str]) -> np.ndarray:
    """Which labels each picture has, `(pictures, V)`, bool.

    Args:
        labels: of each picture; labels that are not in `words` do not count.
        words: the V labels.
    """
    number = {word: k for k, word in enumerate(words)}
    found = np.zeros((len(labels), len(words)), bool)
    for row, several in zip(found, labels, strict=True):
        row[[number[word] for word in several if word in number]] = True
    return found


def ranks(labels: Labels, words: Sequence[str], order: str, seed: int = 0) -> np.ndarray:
    """The place of each label in an order, `(V,)`, int.

    Args:
        labels: of the training pictures.
        words: the V labels.
        order: "frequent first", "rare first", or "random": one that the seed gives, the same for all.
        seed: for "random".

    Raises:
        ValueError: there is no such order.
    """
    if order not in ORDERS:
        raise ValueError(f"{order!r} is no order of labels; they are {', '.join(ORDERS)}.")
    count = collections.Counter(word for several in labels for word in several)
    falling = sorted(range(len(words)), key=lambda k: (-count[words[k]], words[k]))
    if order == "random":
        falling = np.random.default_rng(seed).permutation(len(words)).tolist()
    elif order == "rare first":
        falling = falling[::-1]
    return np.argsort(falling)


def sequences(matrix: np.ndarray, rank: np.ndarray) -> list[list[list[int]]]:
    """For each picture one sequence of numbers, from START to END, in the form that `captions.train` takes.

    Args:
        matrix: which labels each picture has, `(pictures, V)`, bool.
        rank: the place of each label, `(V,)`; or `(pictures, V)`, then each picture has its own order.
    """
    rank = np.broadcast_to(rank, matrix.shape)
    found = []
    for row, places in zip(matrix, rank, strict=True):
        there = np.flatnonzero(row)
        found.append([[START, *(FIRST + there[np.argsort(places[there])]).tolist(), END]])
    return found


def independent(size: int, count: int, hidden: int = 0, dropout: float = 0.0) -> keras.Model:
    """A network that gives each label a score of its own: logits `(N, V)` from features `(N, D)`.

    Args:
        size: D, features of a picture.
        count: V, labels.
        hidden: units of a hidden layer of rectified linear units; none if 0.
        dropout: share of the features that is dropped in training, and of the hidden units.
    """
    v = keras.Input((size,))
    x = looked_at(v, hidden, dropout)
    return keras.Model(v, layers.Dense(count)(x), name="independent")


def train_independent(
    model: keras.Model,
    v: np.ndarray,
    matrix: np.ndarray,
    epochs: int,
    rate: float,
    *,
    seed: int = 0,
    size: int = 64,
    report: Callable[[int, list[float]], Sequence[float]] | None = None,
) -> list[list[float]]:
    """Train a network of independent labels as `captions.train` trains a chain: new weights, Adam, its rates.

    Args:
        model: as `independent` makes it.
        v: features, `(pictures, D)`.
        matrix: which labels each picture has, `(pictures, V)`, bool.
        epochs, rate, seed, size, report: as in `captions.train`.

    Returns:
        For each epoch the mean training loss, in nats a picture, and what `report` returned.
    """

    def epoch(rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        order = rng.permutation(len(v))
        for first in range(0, count * size, size):
            rows = order[first : first + size]
            yield v[rows], np.float32(matrix[rows])

    count = max(len(v) // size, 1)
    history = training.train(
        model, epoch, count, epochs, rate, seed=seed, loss=nats_per_picture, report=report
    )
    return [[row[0], *row[3:]] for row in history]


def nats_per_picture(matrix: Any, logits: Any) -> Any:
    """Binary cross-entropy in nats, added up over labels, the mean over pictures."""
    nats = keras.losses.binary_crossentropy(matrix, logits, from_logits=True)
    return ops.mean(nats) * logits.shape[-1]


def looked_at(v: Any, hidden: int, dropout: float) -> Any:
    """Features, with dropout and perhaps a hidden layer and more dropout behind it."""
    x = layers.Dropout(dropout)(v)
    return layers.Dropout(dropout)(layers.Dense(hidden, "relu", name="hidden")(x)) if hidden else x


def chain(
    size: int,
    count: int,
    units: int,
    *,
    embedding: int = 64,
    hidden: int = 0,
    dropout: float = 0.0,
    cell: Any = recurrent.LSTM,
) -> keras.Model:
    """CNN-RNN (Wang et al. 2016, equations 4 to 6): the labels so far and the picture meet in one vector.

        x_t = relu(U_o o_t + U_I v),    s_t = U_l^T x_t

    o_t is what a recurrent layer makes of the labels so far, and U_l the table of their embeddings.

    Args:
        size: D, features of a picture.
        count: V, labels.
        units: H, of the recurrent layer.
        embedding: E, numbers that describe a label.
        hidden: units of a hidden layer between v and x_t; none if 0.
        dropout: share of v, of the hidden units and of o_t that is dropped in training.
        cell: a recurrent layer of Keras or `utils.recurrent`.

    Returns:
        A model of [features `(N, D)`, numbers so far `(N, T)`] that gives logits `(N, T, 4 + V)`.
    """
    v, so_far = keras.Input((size,)), keras.Input((None,), dtype="int32")
    small = keras.initializers.RandomNormal(stddev=0.05)
    table = Words(FIRST + count, embedding, embeddings_initializer=small, name="words")
    o = cell(units, return_sequences=True, name="rnn")(table(so_far))
    seen = layers.Dense(embedding, name="see")(looked_at(v, hidden, dropout))
    told = layers.Dense(embedding, use_bias=False, name="tell")(layers.Dropout(dropout)(o))
    meet = layers.ReLU()(told + seen[:, None])
    return keras.Model([v, so_far], table(meet, score=True), name="chain")


def begin(model: keras.Model, v: np.ndarray) -> Any:
    """The state of a chain before the first label, for features `(N, D)`; `stepper` takes it.

    Returns:
        The picture's part of x_t, the states of the recurrent layer, and which numbers may not come any
        more, `(N, 4 + V)`, bool.
    """
    rnn, seen = model.get_layer("rnn"), tf.constant(v, tf.float32)
    for name in ("hidden", "see"):
        if any(layer.name == name for layer in model.layers):
            seen = model.get_layer(name)(seen)
    count = 2 if isinstance(rnn, layers.LSTM) else 1
    barred = np.zeros((len(seen), model.output_shape[-1]), bool)
    barred[:, list(NEVER)] = True
    return seen, [tf.zeros((len(seen), rnn.units))] * count, tf.constant(barred)


def stepper(model: keras.Model, repeats: bool = False) -> Step:
    """(latest numbers `(N,)`, state) -> (log-probabilities `(N, 4 + V)`, state), for `utils.decoding`.

    Args:
        model: as `chain` makes it.
        repeats: let a label come again; else what has come has probability 0, and the rest adds up to 1.
    """
    made = model.__dict__.setdefault("unrolled_steppers", {})
    if repeats in made:
        return made[repeats]
    table, rnn, tell = (model.get_layer(name) for name in ("words", "rnn", "tell"))
    count = 2 if isinstance(rnn, layers.LSTM) else 1
    signature = (
        tf.TensorSpec((None,), tf.int32),
        (
            tf.TensorSpec((None, table.output_dim)),
            [tf.TensorSpec((None, rnn.units))] * count,
            tf.TensorSpec((None, table.input_dim), tf.bool),
        ),
    )

    @tf.function(input_signature=signature, autograph=False)
    def step(latest: tf.Tensor, state: Any) -> Any:
        seen, states, barred = state
        if not repeats:
            barred = barred | tf.one_hot(latest, barred.shape[1], True, False, dtype=tf.bool)
        o, states = rnn.cell(table(latest), states)
        scores = table(tf.nn.relu(tell(o) + seen), score=True)
        log_p = tf.nn.log_softmax(tf.where(barred, -np.inf, scores))
        return log_p, (seen, list(states), barred)

    made[repeats] = step
    return step


def write(
    model: keras.Model, v: np.ndarray, *, width: int = 5, longest: int = 6, repeats: bool = False
) -> list[list[Hypothesis]]:
    """The likeliest sequences of labels that beam search finds for each picture, the best first.

    Args:
        model: as `chain` makes it.
        v: features, `(N, D)`.
        width: of the beam; 1 is greedy.
        longest: numbers at most, END counted.
        repeats: let a label come again.
    """
    start = np.full(len(v), START)
    return beam_search(stepper(model, repeats), begin(model, v), start, END, longest, width, 0.0, NEVER)


def marginals(found: Sequence[Sequence[Hypothesis]], count: int) -> np.ndarray:
    """How likely each label is by the sequences that a beam has found, `(pictures, V)`.

    Args:
        found: hypotheses of each picture; their probabilities are scaled to add up to 1.
        count: V.
    """
    shares = np.zeros((len(found), count))
    for row, several in zip(shares, found, strict=True):
        weights = np.exp([one.log_probability for one in several])
        for one, weight in zip(several, weights / weights.sum(), strict=True):
            row[np.array(one.tokens, int) - FIRST] += weight
    return shares


def chain_nats(
    model: keras.Model, v: np.ndarray, matrix: np.ndarray, rank: np.ndarray, *, hear: bool = True
) -> np.ndarray:
    """What each picture's set of labels costs a chain, -log p, `(N,)`, in nats.

    Only a label that comes later in the order may follow, and END. So each set has one sequence, and the
    probabilities of all sets add up to 1.

    Args:
        model: as `chain` makes it, trained with this order.
        v: features, `(N, D)`.
        matrix: which labels each picture has, `(N, V)`, bool.
        rank: the place of each label in the order, `(V,)`.
        hear: False hides the labels before from the network, as in `captions.train`; the order still holds.
    """
    longest = 2 + max(int(matrix.sum(axis=1).max(initial=0)), 1)
    tokens = np.zeros((len(v), longest), np.int32)
    for row, several in zip(tokens, sequences(matrix, rank), strict=True):
        row[: len(several[0])] = several[0]
    place = np.concatenate([np.full(FIRST, -1), rank])  # of each number; special ones come before all
    place[END] = len(rank)  # the end comes after all
    before = tokens[:, :-1] if hear else only_start(tokens[:, :-1])
    scores = np.float64(model.predict([v, before], verbose=0, batch_size=250))
    allowed = place > place[tokens[:, :-1], None]  # after START everything but the special ones
    scores[~allowed] = -np.inf
    top = scores.max(axis=2, keepdims=True, initial=-1e9)
    with np.errstate(divide="ignore", invalid="ignore"):  # after the end nothing may follow
        log_p = scores - top - np.log(np.exp(scores - top).sum(axis=2, keepdims=True))
    nats = -np.take_along_axis(log_p, tokens[:, 1:, None], axis=2)[..., 0]
    return np.where(tokens[:, 1:] != PAD, nats, 0).sum(axis=1)


def independent_nats(logits: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """What each picture's set of labels costs if labels are independent, -log p, `(N,)`, in nats.

    Args:
        logits: of each label, `(N, V)`.
        matrix: which labels each picture has, `(N, V)`, bool.
    """
    return np.logaddexp(0, np.where(matrix, -1, 1) * np.float64(logits)).sum(axis=1)


def given_count_nats(logits: np.ndarray, matrix: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The same for a model that knows besides how many labels pictures have: conditional Bernoulli.

        p(set) = p(n) prod_k odds_k / e_n(odds),   k in the set, n its size

    e_n is the elementary symmetric polynomial: the sum over all sets of that size.

    Args:
        logits: of each label, `(N, V)`.
        matrix: which labels each picture has, `(N, V)`, bool.
        counts: p(n) for n = 0, 1, ..., `(sizes,)` or, for each picture its own, `(N, sizes)`.

    Raises:
        ValueError: a set is larger than `counts` knows.
    """
    size = matrix.sum(axis=1)
    counts = np.broadcast_to(counts, (len(matrix), np.shape(counts)[-1]))
    if size.max(initial=0) >= counts.shape[1]:
        raise ValueError(f"A set has {size.max()} labels, but counts go to {counts.shape[1] - 1}.")
    log_odds = np.float64(logits)
    log_sums = np.full(counts.shape, -np.inf)  # log e_n of the labels so far
    log_sums[:, 0] = 0
    for column in log_odds.T:
        log_sums[:, 1:] = np.logaddexp(log_sums[:, 1:], log_sums[:, :-1] + column[:, None])
    rows = np.arange(len(size))
    return log_sums[rows, size] - np.where(matrix, log_odds, 0).sum(axis=1) - np.log(counts[rows, size])


@dataclass(frozen=True)
class Scores:
    """How well label sets fit, as papers on image annotation count.

    Attributes:
        precision, recall: the mean over words of each word's precision and recall; 0 where it is never
            given, or is on no picture.
        f1: of these two means.
        n_plus: words that are given rightly at least once.
        f1_image: of all labels of all pictures together (micro), often called "per image".
    """

    precision: float
    recall: float
    f1: float
    n_plus: int
    f1_image: float


def score(truth: np.ndarray, guess: np.ndarray) -> Scores:
    """Scores of label sets.

    Args:
        truth: which labels each picture has, `(N, V)`, bool.
        guess: which it is given, `(N, V)`, bool.

    Raises:
        ValueError: the shapes differ.
    """
    if truth.shape != guess.shape:
        raise ValueError(f"Truth {truth.shape} and guess {guess.shape} must have one shape.")
    right = (truth & guess).sum(axis=0)
    given, there = guess.sum(axis=0), truth.sum(axis=0)
    precision, recall = (float((right / np.maximum(of, 1)).mean()) for of in (given, there))
    both = precision + recall
    return Scores(
        precision,
        recall,
        2 * precision * recall / both if both else 0.0,
        int((right > 0).sum()),
        float(2 * right.sum() / max(given.sum() + there.sum(), 1)),
    )
