"""Dialogues as numbers, networks that answer, their training, their perplexity and their answers.

Lesson 10 explains all this, and its lab shares what stands here. A dialogue is a list of turns, a turn a list
of word numbers with END after it. There are two networks: `build_flat`, whose one LSTM reads and writes, and
which remembers what it has been given to read; and `build_hierarchical`, which reads each turn by itself and
has a second recurrent layer over the turns (after Serban et al. 2016). Padding is 0, on the right.

Not here: the dialogues (`utils.datasets`), greedy search and drawing (`utils.decoding`), n-grams
(`utils.ngrams`), attention (lesson 09).
"""

import collections
import math
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from utils import recurrent, resume
from utils.training import rate_at

PAD, END, UNKNOWN = range(3)
SPECIAL = ("<pad>", "<end>", "<unknown>")
NEVER = (PAD, UNKNOWN)  # what is not to be written
USUAL = 16  # words in a turn

Turn = Sequence[int]
Dialogue = Sequence[Turn]
Batch = tuple[list[np.ndarray], np.ndarray]  # inputs of a network, and the words that count


def words(text: str) -> list[str]:
    """Words, numbers and marks in lower case; "don ' t" and "don’t" are both one word, don't."""
    text = re.sub(r"(?<=[a-z]) ?['’] ?(?=(?:s|t|m|re|ve|ll|d)\b)", "'", text.lower())
    return re.findall(r"[a-z]+(?:'[a-z]+)*|[0-9]+|[^\sa-z0-9]", text)


def sentence(tokens: Sequence[str]) -> str:
    """Words and marks as a text: a mark stands at the word before it."""
    return re.sub(r" (?=[.,;:!?)])|(?<=\() ", "", " ".join(tokens))


def make_vocabulary(dialogues: Sequence[Sequence[str]], rare: int = 1) -> list[str]:
    """The three special words, then all that are used at least `rare` times, the most frequent first.

    Args:
        dialogues: of the training part, and of no other; each a list of turns as written.
        rare: words that are used fewer times are left out.
    """
    counts = collections.Counter(word for turns in dialogues for turn in turns for word in words(turn))
    kept = sorted(((-n, word) for word, n in counts.items() if n >= rare))
    return [*SPECIAL, *(word for _, word in kept)]


def encode(
    dialogues: Sequence[Sequence[str]], vocabulary: Sequence[str], longest: int = 40
) -> list[list[list[int]]]:
    """Dialogues as lists of turns, each a list of word numbers with END after it.

    Args:
        dialogues: lists of turns as written.
        vocabulary: as `make_vocabulary` makes it; other words become UNKNOWN.
        longest: words that are kept of a turn; END comes after the last of them.
    """
    number = {word: i for i, word in enumerate(vocabulary)}
    return [
        [[*(number.get(word, UNKNOWN) for word in words(turn)[:longest]), END] for turn in turns]
        for turns in dialogues
    ]


def decode(tokens: Sequence[int], vocabulary: Sequence[str]) -> str:
    """Word numbers as a text, without END."""
    return sentence([vocabulary[token] for token in tokens if token != END])


@keras.saving.register_keras_serializable("unrolled")
class Table(layers.Layer):
    """One table of word vectors, to read and to choose words, in two steps if there are many.

    Called with word numbers it gives their vectors. Called with vectors s `(N, T, E)` and `targets` `(N, T)`,
    it gives what each target costs, `-log p`, in nats, and 0 where the target is PAD.

    The first `frequent` words, and "a rarer one", are chosen among in a first softmax, the rarer ones in a
    second, which is computed only where it is needed (Goodman 2001; Grave et al. 2017). The logit of
    word w is s e_w + b_w in both, with e_w its vector.
    """

    def __init__(self, size: int, width: int, frequent: int = 1000, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size, self.width, self.frequent = size, width, min(frequent, size)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"size": self.size, "width": self.width, "frequent": self.frequent}

    def build(self, inputs_shape: Any = None, targets_shape: Any = None) -> None:
        small = keras.initializers.RandomNormal(stddev=0.05)
        # the last row stands for "a rarer word"
        self.vectors = self.add_weight(shape=(self.size + 1, self.width), initializer=small, name="vectors")
        self.bias = self.add_weight(shape=(self.size + 1,), initializer="zeros", name="bias")
        self.built = True

    def first(self, s: Any) -> Any:
        """Logits of the frequent words and, if there are others, of "a rarer one"."""
        parts = [part[: self.frequent] for part in (self.vectors, self.bias)]
        if self.size > self.frequent:
            more = self.vectors[-1:], self.bias[-1:]
            parts = [tf.concat(pair, axis=0) for pair in zip(parts, more, strict=True)]
        return tf.matmul(s, parts[0], transpose_b=True) + parts[1]

    def second(self, s: Any) -> Any:
        """Logits of the rarer words, `(..., size - frequent)`."""
        rows = slice(self.frequent, self.size)
        return tf.matmul(s, self.vectors[rows], transpose_b=True) + self.bias[rows]

    def call(self, inputs: Any, targets: Any = None) -> Any:
        if targets is None:
            return tf.gather(tf.convert_to_tensor(self.vectors), inputs)
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits
        places = tf.where(targets != PAD)
        s, word = tf.gather_nd(inputs, places), tf.gather_nd(targets, places)
        cost = nats(tf.minimum(word, self.frequent), self.first(s))
        if self.size > self.frequent:
            rarer = tf.where(word >= self.frequent)
            more = nats(tf.gather_nd(word, rarer) - self.frequent, self.second(tf.gather_nd(s, rarer)))
            cost = tf.tensor_scatter_nd_add(cost, rarer, more)
        return tf.scatter_nd(places, cost, tf.shape(targets, tf.int64))

    def log_p(self, s: Any) -> Any:
        """Log-probabilities of all words after s `(N, E)`: `(N, size)`."""
        first = tf.nn.log_softmax(self.first(s))
        if self.size == self.frequent:
            return first
        rest = first[:, -1:] + tf.nn.log_softmax(self.second(s))
        return tf.concat([first[:, :-1], rest], axis=-1)

    def compute_output_spec(self, inputs: Any, targets: Any = None) -> Any:
        shape = (*inputs.shape, self.width) if targets is None else targets.shape
        return keras.KerasTensor(shape, dtype=self.compute_dtype)


def build_flat(
    size: int, units: int, embedding: int = 128, dropout: float = 0.0, frequent: int = 1000, lstm: Any = None
) -> keras.Model:
    """One LSTM that reads and writes: what has been read is in its state when it begins to write.

    Args:
        size: V, words in the vocabulary.
        units: H.
        embedding: E, numbers that describe a word.
        dropout: share of the word vectors, and of what words are chosen from, dropped in training.
        frequent: see `Table`.
        lstm: `keras.layers.LSTM` or that of `utils.recurrent`, which is the default.

    Returns:
        A model of [words read or written so far `(N, T)`, words that come next `(N, T)`, PAD where they
        do not count] that gives the cost of each of the latter in nats, `(N, T)`.
    """
    tokens, targets = keras.Input((None,), dtype="int32"), keras.Input((None,), dtype="int32")
    table = Table(size, embedding, frequent, name="words")
    x = layers.Dropout(dropout)(table(tokens))
    h, *_ = (lstm or recurrent.LSTM)(units, return_sequences=True, return_state=True, name="rnn")(x)
    s = layers.Dense(embedding, name="squeeze")(layers.Dropout(dropout)(h))
    return keras.Model([tokens, targets], table(s, targets=targets), name="flat")


@keras.saving.register_keras_serializable("unrolled")
class OverTurns(layers.Layer):
    """A GRU over the turns of each dialogue: from a vector for each turn to what is known before each.

    Called with vectors `(rows, H)` and the row of each turn, `(N, K)`, -1 where there is none, it gives the
    context before each turn, `(rows, C)`: 0 before the first. With `memory` 1 its state begins anew at each
    turn: the same layer, without earlier turns; with None it is passed on from turn to turn.
    """

    def __init__(self, units: int, memory: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if memory not in (1, None):
            raise ValueError(f"memory is {memory!r}; give 1 for the last turn only, None for all turns.")
        self.units, self.memory = units, memory
        self.gru = layers.GRU(units, return_sequences=True, name="gru")

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"units": self.units, "memory": self.memory}

    def build(self, vectors_shape: Any, grid_shape: Any = None) -> None:
        self.gru.build((None, None, vectors_shape[-1]))
        self.built = True

    def call(self, vectors: Any, grid: Any) -> Any:
        places, real = tf.maximum(grid, 0), tf.where(grid >= 0)
        if self.memory == 1:
            known = tf.gather(self.gru(vectors[:, None])[:, 0], places)
        else:
            known = self.gru(tf.gather(vectors, places))  # padding is at the end: it changes nothing
        before = tf.pad(known[:, :-1], [[0, 0], [1, 0], [0, 0]])
        rows = tf.gather_nd(grid, real)[:, None]
        return tf.scatter_nd(rows, tf.gather_nd(before, real), (tf.shape(vectors)[0], self.units))

    def compute_output_spec(self, vectors: Any, grid: Any) -> Any:
        return keras.KerasTensor((vectors.shape[0], self.units), dtype=self.compute_dtype)


@keras.saving.register_keras_serializable("unrolled")
class Before(layers.Layer):
    """The vector of the turn before each, `(rows, H)`: 0 before the first; arguments as of `OverTurns`."""

    def call(self, vectors: Any, grid: Any) -> Any:
        later, places = grid[:, 1:], tf.where(grid[:, 1:] >= 0)
        found = tf.gather(vectors, tf.gather_nd(grid[:, :-1], places))
        return tf.scatter_nd(tf.gather_nd(later, places)[:, None], found, tf.shape(vectors))

    def compute_output_spec(self, vectors: Any, grid: Any) -> Any:
        return keras.KerasTensor(vectors.shape, dtype=self.compute_dtype)


def build_hierarchical(
    size: int,
    units: int,
    embedding: int = 128,
    dropout: float = 0.0,
    frequent: int = 1000,
    context: int = 64,
    memory: int | None = None,
    lstm: Any = None,
) -> keras.Model:
    """A GRU over the turns beside the LSTM that reads and writes (after Serban et al. 2016, figure 1).

    The LSTM of `build_flat` reads each turn by itself, and begins the next one in the state that this left.
    What the GRU over the turns knows is added to each word vector that is read while writing.

    Args:
        context: units of the GRU over turns, C.
        memory: None for all turns; 1 for the last one only, with the same layers, see `OverTurns`.
        others: as in `build_flat`.

    Returns:
        A model of [turns, from END on, `(rows, T)`; the same turns, from their first word on, `(rows, T)`,
        PAD where they do not count; the row of each turn of each dialogue, `(N, K)`, -1 where there is none]
        that gives the cost of each word in nats, `(rows, T)`.
    """
    tokens, targets = keras.Input((None,), dtype="int32"), keras.Input((None,), dtype="int32")
    grid = keras.Input((None,), dtype="int32")
    table = Table(size, embedding, frequent, name="words")
    rnn = (lstm or recurrent.LSTM)(units, return_sequences=True, return_state=True, name="rnn")
    x = layers.Dropout(dropout)(table(tokens))
    _, h, c = rnn(x, mask=tokens != PAD)
    known = OverTurns(context, memory, name="context")(layers.Dropout(dropout)(h), grid)
    known = layers.Dense(embedding, use_bias=False, kernel_initializer="zeros", name="known")(known)
    last = Before(name="last")(keras.ops.concatenate([h, c], axis=-1), grid)
    h, *_ = rnn(x + known[:, None], initial_state=[last[:, :units], last[:, units:]])
    s = layers.Dense(embedding, name="squeeze")(layers.Dropout(dropout)(h))
    return keras.Model([tokens, targets, grid], table(s, targets=targets), name="hierarchical")


def rows(dialogues: Sequence[Dialogue], memory: int | None, first: int = 1) -> list[tuple[list[int], list]]:
    """What a flat network reads and writes, row by row.

    Args:
        dialogues: as `encode` gives them.
        memory: 0 for turns by themselves; 1 for each turn with the one before it; None for whole dialogues.
        first: the number of the first turn that counts; 1 leaves out the opening ones.

    Returns:
        For each row its words, END after each turn, and its turns that count as (dialogue, turn, where its
        words begin, where they end).
    """
    found: list[tuple[list[int], list]] = []
    for d, turns in enumerate(dialogues):
        if memory is not None:
            for k in range(first, len(turns)):
                read = [word for turn in turns[max(0, k - memory) : k] for word in turn]
                found.append(([*read, *turns[k]], [(d, k, len(read), len(read) + len(turns[k]))]))
            continue
        ends = np.cumsum([0, *map(len, turns)]).tolist()
        spans = [(d, k, ends[k], ends[k + 1]) for k in range(first, len(turns))]
        found.append(([word for turn in turns for word in turn], spans))
    return found


def few_lengths(steps: int) -> int:
    """The next of 8, 12, 16, 24, 32, 48, ...: the fast layers are compiled for each length."""
    doubling = 2 ** max(3, math.ceil(math.log2(max(steps, 1))))
    return doubling * 3 // 4 if steps <= doubling * 3 // 4 and doubling > 8 else doubling


def shifted(sequences: Sequence[Sequence[int]], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Words so far, from an END on, and the words that come next: both `(size, T)`, PAD on the right."""
    targets = np.zeros((size, few_lengths(max(map(len, sequences)))), np.int32)
    for line, row in zip(targets, sequences, strict=False):
        line[: len(row)] = row
    before = np.roll(targets, 1, axis=1)
    before[:, 0] = END
    return np.where(targets == PAD, PAD, before), targets  # the last END has nothing after it


def flat_batches(
    lines: Sequence[tuple[list[int], list]], words: int, rng: np.random.Generator | None = None
) -> Iterator[tuple[Batch, list]]:
    """Batches of rows of like length for a flat network, each of about so many words.

    With as many rows in each batch, and the mean over its words as the loss, the words of short turns would
    count more than those of long ones.

    Args:
        lines: as `rows` gives them.
        words: in a batch, padding included; for each length there is a fixed number of rows, at least one,
            and a batch that has fewer is filled up with padding.
        rng: for another order; without it, the order is that of the lengths.

    Yields:
        The batch; and the places of its turns, as (row of the batch, dialogue, turn, begin, end).
    """
    lengths = np.array([len(row) for row, _ in lines])
    order = np.argsort(lengths, kind="stable") if rng is None else rng.permutation(len(lines))
    part = len(order) if rng is None else max(1, 50 * words // max(1, int(lengths.mean())))
    groups: list[list[int]] = []
    for begin in range(0, len(order), part):  # sort within about 50 batches
        some = order[begin : begin + part]
        groups.append([])
        for i in some[np.argsort(lengths[some], kind="stable")]:
            if groups[-1] and len(groups[-1]) >= words // few_lengths(lengths[i]):
                groups.append([])
            groups[-1].append(i)
    for g in range(len(groups)) if rng is None else rng.permutation(len(groups)):
        chosen = [lines[i] for i in groups[g]]
        size = max(1, words // few_lengths(max(len(row) for row, _ in chosen)))
        before, targets = shifted([row for row, _ in chosen], size)
        spans = [(row, *span) for row, (_, several) in enumerate(chosen) for span in several]
        counts = np.zeros(targets.shape, bool)
        for row, _, _, start, end in spans:
            counts[row, start:end] = True
        targets[~counts] = PAD
        yield ([before, targets], targets), spans


def turn_batches(
    dialogues: Sequence[Dialogue], size: int, rng: np.random.Generator | None = None, first: int = 1
) -> Iterator[tuple[Batch, list]]:
    """Batches of whole dialogues for a hierarchical network, a row for each turn.

    Args:
        dialogues: as `encode` gives them.
        size: rows in a batch, which the dialogues fill as far as they go.
        rng: as in `flat_batches`, whose results these are like.
        first: the number of the first turn that counts, see `rows`.

    Raises:
        ValueError: a dialogue has more turns than a batch has rows.
    """
    longest = np.array([max(map(len, turns)) for turns in dialogues])
    order = np.argsort(longest, kind="stable")
    if rng is not None:
        order = rng.permutation(len(dialogues))
        for begin in range(0, len(order), 50 * size // 8):
            part = order[begin : begin + 50 * size // 8]
            part[:] = part[np.argsort(longest[part], kind="stable")]
    groups: list[list[int]] = [[]]
    filled = 0
    for d in order:
        if len(dialogues[d]) > size:
            raise ValueError(f"A dialogue has {len(dialogues[d])} turns; a batch has {size} rows.")
        if filled + len(dialogues[d]) > size:
            groups.append([])
            filled = 0
        groups[-1].append(d)
        filled += len(dialogues[d])
    for g in range(len(groups)) if rng is None else rng.permutation(len(groups)):
        group = groups[g]
        before, targets = shifted([turn for d in group for turn in dialogues[d]], size)
        grid = np.full((len(group), max(len(dialogues[d]) for d in group)), -1, np.int32)
        spans, row = [], 0
        for line, d in zip(grid, group, strict=True):
            line[: len(dialogues[d])] = np.arange(row, row + len(dialogues[d]))
            spans += [(row + k, d, k, 0, len(dialogues[d][k])) for k in range(first, len(dialogues[d]))]
            if first:
                targets[row : row + first] = PAD  # the opening turn answers nothing
            row += len(dialogues[d])
        yield ([before, targets, grid], targets), spans


def batches(
    model: keras.Model,
    dialogues: Sequence[Dialogue],
    memory: int | None,
    size: int = 128,
    rng: np.random.Generator | None = None,
    first: int = 1,
) -> Iterator[tuple[Batch, list]]:
    """Batches for a network of either kind; see `flat_batches` and `turn_batches`.

    Args:
        memory: of a flat network, see `rows`.
        size: turns in a batch: as many for a hierarchical network; for a flat one the words that they have
            on average, `USUAL` each, and those of the turns that are read before them.
    """
    if model.name == "hierarchical":
        return turn_batches(dialogues, size, rng, first)
    return flat_batches(rows(dialogues, memory, first), USUAL * size * (1 + (memory or 0)), rng)


def loss_per_word(targets: Any, nats: Any) -> Any:
    """The mean cost of the words that count.

    Args:
        targets: the words, `(N, T)`, PAD where they do not count.
        nats: what each costs, `(N, T)`, as the networks give it.
    """
    counts = keras.ops.cast(keras.ops.not_equal(targets, PAD), nats.dtype)
    return keras.ops.sum(nats) / keras.ops.maximum(keras.ops.sum(counts), 1.0)


def ready(model: keras.Model, eager: bool = False) -> keras.Model:
    """The network, compiled with Adam and clipped gradients."""
    model.compile(
        keras.optimizers.Adam(1e-3, clipnorm=1.0), loss_per_word, run_eagerly=eager, jit_compile=False
    )
    return model


def begin_as(model: keras.Model, other: keras.Model) -> keras.Model:
    """Give a network the weights of a flat one: its words, its LSTM, its squeeze."""
    for name in ("words", "rnn", "squeeze"):
        model.get_layer(name).set_weights(other.get_layer(name).get_weights())
    return model


def train(
    model: keras.Model,
    dialogues: Sequence[Dialogue],
    memory: int | None,
    epochs: int,
    rate: float,
    *,
    seed: int = 0,
    size: int = 128,
    first: int = 1,
    validation: Sequence[Dialogue] = (),
    after: Callable[[int, float], Sequence[float]] | None = None,
    path: Path | None = None,
) -> list[list[float]]:
    """Train a network further, with the true words before each as input.

    Args:
        model: as `ready` gives it.
        dialogues: as `encode` gives them.
        memory, size, first: see `batches`.
        epochs: how often all is read.
        rate: the highest learning rate, see `training.rate_at`.
        seed: of the order of the batches.
        validation: dialogues that are scored after each epoch.
        after: called with the number of each epoch and its validation loss; what it returns is kept, too.
        path: where the training is kept after each epoch, and goes on from, see `utils.resume`.

    Returns:
        For each epoch the training loss (the mean over batches, with dropout), the validation loss in nats
        per word, the seconds of training, and what `after` gave.
    """
    history = resume.go_on(path, model)
    count = sum(1 for _ in batches(model, dialogues, memory, size, np.random.default_rng(0), first))
    for epoch in range(len(history), epochs):
        start, losses = time.perf_counter(), []
        rng = np.random.default_rng((seed, epoch))
        for k, ((inputs, targets), _) in enumerate(batches(model, dialogues, memory, size, rng, first)):
            model.optimizer.learning_rate = rate_at(epoch * count + k, epochs * count, rate)
            model.reset_metrics()  # else some versions of Keras give the mean of the batches so far
            losses.append(float(model.train_on_batch(inputs, targets)))
        seconds = time.perf_counter() - start
        nats = loss(model, validation, memory) if validation else math.nan
        history.append([float(np.mean(losses)), nats, seconds, *(after(epoch, nats) if after else ())])
        if path is not None:
            resume.keep(path, model, history)
    return history


def word_nats(
    model: keras.Model, dialogues: Sequence[Dialogue], memory: int | None, size: int = 128
) -> list[list[np.ndarray]]:
    """What each word of some dialogues costs, in nats, the true words before it being known.

    Args:
        others: as in `batches`.

    Returns:
        For each dialogue an array for each of its turns, END included; an empty one for the opening turn,
        which answers nothing.
    """
    found = [[np.zeros(0, np.float32)] * len(turns) for turns in dialogues]
    for (inputs, _), spans in batches(model, dialogues, memory, size):
        nats = np.asarray(forward(model)(inputs))
        for row, d, k, begin, end in spans:
            found[d][k] = nats[row, begin:end]
    return found


def turn_nats(
    model: keras.Model, dialogues: Sequence[Dialogue], memory: int | None, size: int = 128
) -> list[np.ndarray]:
    """The sums of `word_nats` over each turn: an array for each dialogue, nan for the opening turn."""
    costs = word_nats(model, dialogues, memory, size)
    return [np.array([nats.sum() if len(nats) else np.nan for nats in turns]) for turns in costs]


def forward(model: keras.Model) -> Callable[[list[np.ndarray]], Any]:
    """The network without dropout, as one compiled function."""
    if "unrolled_forward" not in model.__dict__:
        compiled = tf.function(lambda inputs: model(inputs, training=False), reduce_retracing=True)
        model.__dict__["unrolled_forward"] = compiled
    compiled = model.__dict__["unrolled_forward"]
    return lambda inputs: compiled([tf.constant(part) for part in inputs])


def answers_of(dialogues: Sequence[Dialogue]) -> int:
    """The words, END included, of all turns but the opening ones."""
    return sum(len(turn) for turns in dialogues for turn in turns[1:])


def loss(model: keras.Model, dialogues: Sequence[Dialogue], memory: int | None) -> float:
    """Mean cost of a word of the answers, END included, in nats; its exponential is the perplexity."""
    nats = turn_nats(model, dialogues, memory)
    return float(sum(np.nansum(costs) for costs in nats) / answers_of(dialogues))


def later_answers(dialogues: Sequence[Dialogue], strange: bool = False) -> list[list[Turn]]:
    """A dialogue for each answer from the third turn on: all turns up to it, the answer last.

    Args:
        dialogues: at least one.
        strange: whether the turns before the last two are those of another dialogue, the next in the list:
            its opening ones, as many as there were, or all it has if these are fewer.
    """
    found = []
    for i, turns in enumerate(dialogues):
        other = dialogues[(i + 1) % len(dialogues)] if strange else turns
        found += [[*other[: k - 1], *turns[k - 1 : k + 1]] for k in range(2, len(turns))]
    return found


def last_loss(model: keras.Model, dialogues: Sequence[Dialogue], memory: int | None) -> float:
    """Mean cost of a word of the last turn of each dialogue, in nats."""
    nats = [costs[-1] for costs in turn_nats(model, dialogues, memory)]
    return float(sum(nats) / sum(len(turns[-1]) for turns in dialogues))


def begin(model: keras.Model, contexts: Sequence[Dialogue], memory: int | None) -> Any:
    """The state in which a network begins an answer: [h, c], `(contexts, H)` each.

    A hierarchical one has a third part, what its context adds to each word vector, `(contexts, E)`.

    Args:
        model: of either kind.
        contexts: what has been said so far, for each answer a list of turns, at least one.
        memory: of a flat network: 0 hears nothing, 1 the last turn, None all.
    """
    if model.name == "hierarchical":
        if "unrolled_start" not in model.__dict__:
            start = [model.get_layer(name).output for name in ("last", "known")]
            model.__dict__["unrolled_start"] = keras.Model(model.inputs, start)
        longer = [[*turns, [END]] for turns in contexts]  # the last one is still to be said
        before, targets = shifted([turn for turns in longer for turn in turns], sum(map(len, longer)))
        grid = np.full((len(longer), max(map(len, longer))), -1, np.int32)
        ends = np.cumsum([len(turns) for turns in longer])
        for line, turns, end in zip(grid, longer, ends, strict=True):
            line[: len(turns)] = np.arange(end - len(turns), end)
        inputs = [tf.constant(part) for part in (before, targets, grid)]
        last, known = model.__dict__["unrolled_start"](inputs, training=False)
        h, c = tf.split(tf.gather(last, ends - 1), 2, axis=-1)
        return [h, c, tf.gather(known, ends - 1)]
    rnn, table = model.get_layer("rnn"), model.get_layer("words")
    if memory == 0:
        return [tf.zeros((len(contexts), rnn.units))] * 2
    heard = [[w for turn in turns[-(memory or len(turns)) :] for w in turn] for turns in contexts]
    before, targets = shifted(heard, len(heard))
    mask = tf.constant(targets != PAD)  # END of the last turn is read when the answer begins
    _, *state = rnn(table(tf.constant(before)), mask=mask)
    return state


def stepper(model: keras.Model) -> Callable[[np.ndarray, Any], tuple[Any, Any]]:
    """(latest words `(N,)`, state) -> (log-probabilities `(N, V)`, state), as `utils.decoding` wants it.

    It is made once for each network, and goes with its weights when they change.
    """
    if "unrolled_stepper" in model.__dict__:
        return model.__dict__["unrolled_stepper"]
    table, rnn, squeeze = (model.get_layer(name) for name in ("words", "rnn", "squeeze"))
    sizes = [rnn.units, rnn.units, *([table.width] if model.name == "hierarchical" else [])]
    signature = (tf.TensorSpec((None,), tf.int32), [tf.TensorSpec((None, size)) for size in sizes])

    @tf.function(input_signature=signature, autograph=False)
    def step(tokens: tf.Tensor, state: Any) -> Any:
        h, c, *known = state
        h, new = rnn.cell(sum(known, table(tokens)), [h, c])
        return table.log_p(squeeze(h)), [*new, *known]

    model.__dict__["unrolled_stepper"] = step
    return step
