"""From one sequence to another: words as numbers, the masked loss, batches, attention, encoder and decoder.

Lesson 09 explains all this, and what comes after it shares what stands here. A network is made of a source
`(N, S)`, the words so far `(N, T)`, an encoder and a decoder with H units; it gives logits `(N, T, V)` and is
trained to say the next word. Padding is 0, on the right, and changes nothing.

Not here: the sentences (`utils.datasets`), greedy and beam search (`utils.decoding`).
"""

import collections
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from utils import recurrent, training
from utils.captions import Words
from utils.decoding import Hypothesis, beam_search
from utils.training import Loss, size_for

PAD, UNKNOWN, START, END = range(4)  # as `keras.layers.TextVectorization` has the first two
SPECIAL = ("<pad>", "<unknown>", "<start>", "<end>")
NEVER = (PAD, START, UNKNOWN)  # what is not to be written

Numbers = Sequence[Sequence[int]]  # texts as lists of word numbers


def words(text: str) -> list[str]:
    """Words and marks in lower case: "A man's t-shirt." is a, man, 's, t-shirt and a full stop."""
    text = re.sub(r"'s\b", " 's", text.lower().replace("’", "'"))
    return re.findall(r"'s\b|\w+(?:[-'.,]\w+)*|[^\w\s]", text)


@keras.saving.register_keras_serializable("unrolled")
def standard(text: tf.Tensor) -> tf.Tensor:
    """The same for TensorFlow, and <end> behind it: what `keras.layers.TextVectorization` is to split.

    Args:
        text: string, of any shape.

    Returns:
        Words and marks with a space between them, string, of the same shape.
    """
    text = tf.strings.regex_replace(tf.strings.lower(text, "utf-8"), "’", "'")
    text = tf.strings.regex_replace(text, r"'s\b", " 's")
    letter = r"[\p{L}\p{M}\p{N}_]"
    pieces = rf"'s\b|{letter}+(?:[-'.,]{letter}+)*|[^\p{{L}}\p{{M}}\p{{N}}_\s]"
    return tf.strings.regex_replace(text, f"({pieces})", r" \1 ") + " <end>"


def sentence(told: Sequence[str]) -> str:
    """Words and marks as a text: a mark stands at the word before it."""
    return re.sub(r" (?=[.,;:!?)]|'s\b)|(?<=\() ", "", " ".join(told))


def make_vocabulary(texts: Sequence[Sequence[str]], rare: int = 1) -> list[str]:
    """The four special words, then all that are used at least `rare` times, in alphabetical order.

    Args:
        texts: of the training part, and of no other, as lists of words.
        rare: words that are used fewer times are left out.
    """
    counts = collections.Counter(word for told in texts for word in told)
    return [*SPECIAL, *sorted(word for word, count in counts.items() if count >= rare)]


def encode(
    texts: Sequence[Sequence[str]], vocabulary: Sequence[str], *, start: bool = False, longest: int = 60
) -> list[list[int]]:
    """Texts as lists of word numbers, each with END after it.

    Args:
        texts: as lists of words.
        vocabulary: as `make_vocabulary` makes it; other words become UNKNOWN.
        start: whether START stands before each, as it must where the text is to be written.
        longest: words that are kept, END counted; a longer text is cut and has no END.
    """
    number = {word: i for i, word in enumerate(vocabulary)}
    rows = [[*(number.get(word, UNKNOWN) for word in told), END][:longest] for told in texts]
    return [[START, *row] if start else row for row in rows]


def decode(tokens: Sequence[int], vocabulary: Sequence[str]) -> list[str]:
    """Word numbers as words."""
    return [vocabulary[token] for token in tokens]


def pad(rows: Numbers, least: int = 1) -> np.ndarray:
    """Lists of word numbers as one array, `(rows, time)`, int32, with PAD on the right.

    Args:
        rows: word numbers.
        least: time is at least this.
    """
    padded = np.zeros((len(rows), max([least, *map(len, rows)])), np.int32)
    for line, row in zip(padded, rows, strict=True):
        line[: len(row)] = row
    return padded


def batches(
    sources: Numbers, targets: Numbers, rng: np.random.Generator, size: int = 64, window: int = 50
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Batches of pairs of like length, in random order: little of them is padding.

    Args:
        sources: word numbers, END at the end.
        targets: likewise, from START on.
        rng: another one gives other batches.
        size: pairs in a batch; what fills none is left out this time.
        window: so many batches are drawn at random and sorted by length among themselves.

    Returns:
        Sources `(size, S)` and targets `(size, 1 + T)`, int32.

    Raises:
        ValueError: there are too few pairs, or not one target for each source.
    """
    if len(sources) != len(targets):
        raise ValueError(f"{len(sources)} sources and {len(targets)} targets; give one for each.")
    if len(sources) < size:
        raise ValueError(f"{len(sources)} pairs do not fill a batch of {size}; take more.")
    order = rng.permutation(len(sources))[: len(sources) // size * size]
    for first in range(0, len(order), window * size):
        part = order[first : first + window * size]
        part[:] = sorted(part, key=lambda k: (len(targets[k]), len(sources[k])))
    for k in rng.permutation(len(order) // size):
        rows = order[k * size : (k + 1) * size]
        yield pad([sources[i] for i in rows]), pad([targets[i] for i in rows])


def loss_per_word(told: Any, logits: Any, smoothing: float = 0.0) -> Any:
    """Cross-entropy in nats, the mean over words; PAD does not count.

    Args:
        told: the words that should have been said, `(N, T)`, int.
        logits: `(N, T, V)`.
        smoothing: share of the weight that goes to all words alike (Szegedy et al. 2016, section 7).
    """
    counts = ops.cast(ops.not_equal(told, PAD), logits.dtype)
    right = ops.take_along_axis(logits, ops.cast(told, "int32")[..., None], axis=-1)[..., 0]
    wanted = (1 - smoothing) * right + smoothing * ops.mean(logits, axis=-1) if smoothing else right
    return ops.sum((ops.logsumexp(logits, axis=-1) - wanted) * counts) / ops.sum(counts)


def smoothed(told: Any, logits: Any) -> Any:
    """`loss_per_word` with a tenth of the weight for all words alike."""
    return loss_per_word(told, logits, 0.1)


@keras.saving.register_keras_serializable("unrolled")
class Attention(layers.Layer):
    """Where a decoder looks: the mean of the encoder's states, weighted by how well each fits.

    The score of state h_j for the decoder's state s_t is s_t W h_j / sqrt(D); the weights are its softmax
    over j, and the context is c_t = sum_j weight_tj h_j (Luong et al. 2015, section 3.1, "general"; the root
    is that of Vaswani et al. 2017, section 3.2.1: without it the weights soon are all 0 or 1, and the softmax
    hardly learns). All t are done at once, so the decoder must not wait for c_t.

    Called with s `(N, T, H)`, h `(N, S, D)` and a mask `(N, S)`, True where h counts, it gives the context
    `(N, T, D)` and the weights `(N, T, S)`, 0 where the mask is False.
    """

    def build(self, s_shape: Any, h_shape: Any, mask_shape: Any = None) -> None:
        self.kernel = self.add_weight(
            shape=(s_shape[-1], h_shape[-1]), initializer="glorot_uniform", name="kernel"
        )
        self.built = True

    def call(self, s: Any, h: Any, mask: Any = None) -> tuple[Any, Any]:
        wanted = ops.matmul(s, self.kernel) / h.shape[-1] ** 0.5
        scores = ops.matmul(wanted, ops.transpose(h, (0, 2, 1)))
        if mask is not None:
            scores = ops.where(mask[:, None, :], scores, -1e9)
        weights = ops.softmax(scores, axis=-1)
        return ops.matmul(weights, h), weights

    def compute_output_shape(self, s_shape: Any, h_shape: Any, mask_shape: Any = None) -> Any:
        return (*s_shape[:-1], h_shape[-1]), (*s_shape[:-1], h_shape[1])


def build(
    source_size: int,
    target_size: int,
    units: int,
    *,
    attention: bool = True,
    embedding: int = 256,
    dropout: float = 0.0,
    encoder_units: int | None = None,
    lstm: Any = recurrent.LSTM,
) -> keras.Model:
    """A network from a source and the words so far to the logits of the next words.

    A bidirectional LSTM reads; its last states v set the first state of the LSTM that writes. With attention
    each word is chosen from that LSTM's state and the context of `Attention`; without, from its state and v,
    which it is also given at each step beside the word (Cho et al. 2014). One table reads and scores the
    words that are written; to be read, they are multiplied by sqrt(E) (Vaswani et al. 2017, section 3.4):
    its numbers are small, so that at first all words are scored alike.

    Args:
        source_size: words that can be read.
        target_size: V, words that can be written.
        units: H, of the decoder.
        attention: whether it looks back at each word; else v is all it knows.
        embedding: E, numbers that describe a word.
        dropout: share of the embeddings, and of what words are chosen from, that is dropped in training.
        encoder_units: of each direction; H if None. v has twice as many numbers.
        lstm: `keras.layers.LSTM` or that of `utils.recurrent`.

    Returns:
        A model of [sources `(N, S)`, words `(N, T)`], both int32, that gives `(N, T, V)`, float32; not
        compiled, and named "attention" or "one_vector".
    """
    source, told = keras.Input((None,), dtype="int32"), keras.Input((None,), dtype="int32")
    mask = ops.not_equal(source, PAD)
    small = keras.initializers.RandomNormal(stddev=0.1)  # so that all words are scored alike at first
    large = keras.initializers.RandomNormal(stddev=1.0)  # so that they do not look alike
    x = layers.Embedding(source_size, embedding, embeddings_initializer=large, name="read")(source)
    reader = lstm(encoder_units or units, return_sequences=True, return_state=True)
    h, *ends = layers.Bidirectional(reader, name="encoder")(layers.Dropout(dropout)(x), mask=mask)
    v = ops.concatenate([ends[0], ends[2]], axis=-1)
    first = [layers.Dense(units, "tanh", name=name)(v) for name in ("h0", "c0")]
    table = Words(target_size, embedding, embeddings_initializer=small, name="words")
    y = layers.Dropout(dropout)(table(told) * embedding**0.5)
    if not attention:
        again = ops.zeros_like(y[:, :, :1]) + v[:, None]
        y = ops.concatenate([y, again], axis=-1)
    s = lstm(units, return_sequences=True, name="decoder")(y, initial_state=first)
    context = Attention(name="attention")(s, h, mask)[0] if attention else again
    both = ops.concatenate([context, s], axis=-1)
    squeezed = layers.Dense(embedding, "tanh", name="squeeze")(both)
    logits = table(layers.Dropout(dropout)(squeezed), score=True)
    return keras.Model([source, told], logits, name="attention" if attention else "one_vector")


def units_for(budget: int, source_size: int, target_size: int, **more: Any) -> int:
    """The hidden units with which a network comes nearest to a number of parameters.

    Args:
        budget: the number of parameters that is wanted.
        others: as for `build`.
    """
    return size_for(budget, lambda units: build(source_size, target_size, units, **more).count_params())


def train(
    model: keras.Model,
    sources: Numbers,
    targets: Numbers,
    epochs: int,
    rate: float,
    *,
    seed: int = 0,
    size: int = 64,
    loss: Loss = smoothed,
    validation: tuple[Numbers, Numbers] | None = None,
    path: Path | None = None,
    eager: bool = False,
) -> list[list[float]]:
    """Train a network from new weights, with Adam, clipped gradients and the true previous word as input.

    A model that was trained before is not compiled again, which would take longer than to train it a little.

    Args:
        model: as `build` makes it.
        sources: word numbers, as `encode` gives them.
        targets: likewise, from START on.
        epochs: how often all pairs are read.
        rate: the highest learning rate, see `training.rate_at`.
        seed: of the weights, of dropout and of the order of the pairs.
        size: pairs in a batch.
        loss: from words `(N, T)` and logits `(N, T, V)` to a number.
        validation: sources and targets that are scored after each epoch.
        path: where the training is kept after each epoch, and goes on from, see `utils.resume`.
        eager: do not compile; for a few batches that is faster.

    Returns:
        For each epoch the mean training loss (of the batches, with dropout), the validation loss in nats
        per word (nan without validation), and the seconds of training.
    """

    def epoch(rng: np.random.Generator) -> Iterator[tuple[list, np.ndarray]]:
        for source, told in batches(sources, targets, rng, size):
            yield [source, told[:, :-1]], told[:, 1:]

    return training.train(
        model,
        epoch,
        len(sources) // size,
        epochs,
        rate,
        seed=seed,
        loss=loss,
        score=(lambda: nats_per_word(model, *validation)) if validation else None,
        path=path,
        eager=eager,
    )


def nats_per_word(model: keras.Model, sources: Numbers, targets: Numbers, size: int = 128) -> float:
    """Mean cross-entropy per word, END counted, in nats; the true words before each are given."""
    total, count = 0.0, 0
    for first in range(0, len(sources), size):
        source, told = pad(sources[first : first + size]), pad(targets[first : first + size])
        words_now = int(np.count_nonzero(told[:, 1:]))
        logits = model([tf.constant(source), tf.constant(told[:, :-1])], training=False)
        total += float(loss_per_word(told[:, 1:], logits)) * words_now
        count += words_now
    return total / count


def begin(model: keras.Model, source: np.ndarray) -> Any:
    """The state before the first word, for sources `(N, S)`; `stepper` takes it.

    Returns:
        The decoder's states [h, c], `(N, H)` each; what it may look at, `(N, S, D)`, which is v alone,
        `(N, 1, D)`, without attention; and where that counts, `(N, S)`.
    """
    source = tf.constant(source, tf.int32)
    mask = tf.not_equal(source, PAD)
    h, *ends = model.get_layer("encoder")(model.get_layer("read")(source), mask=mask)
    v = tf.concat([ends[0], ends[2]], axis=-1)
    first = [model.get_layer(name)(v) for name in ("h0", "c0")]
    if model.name == "attention":
        return first, h, mask
    return first, v[:, None], tf.ones((len(source), 1), tf.bool)


def stepper(model: keras.Model) -> Callable[[np.ndarray, Any], tuple[Any, Any]]:
    """(latest words `(N,)`, state) -> (log-probabilities `(N, V)`, state), as `utils.decoding` wants it.

    It is made once for each network, and goes with its weights when they change.

    Args:
        model: as `build` makes it.
    """
    if "unrolled_stepper" in model.__dict__:
        return model.__dict__["unrolled_stepper"]
    table, decoder, squeeze = (model.get_layer(name) for name in ("words", "decoder", "squeeze"))
    look = model.get_layer("attention") if model.name == "attention" else None
    wide = squeeze.kernel.shape[0] - decoder.units
    signature = (
        tf.TensorSpec((None,), tf.int32),
        (
            [tf.TensorSpec((None, decoder.units))] * 2,
            tf.TensorSpec((None, None, wide)),
            tf.TensorSpec((None, None), tf.bool),
        ),
    )

    @tf.function(input_signature=signature, autograph=False)
    def step(told: tf.Tensor, state: Any) -> Any:
        states, h, mask = state
        x = table(told) * table.output_dim**0.5
        x = x if look else tf.concat([x, h[:, 0]], axis=1)
        s, states = decoder.cell(x, states)
        context = look(s[:, None], h, mask)[0][:, 0] if look else h[:, 0]
        squeezed = squeeze(tf.concat([context, s], axis=1))
        return tf.nn.log_softmax(table(squeezed, score=True)), (list(states), h, mask)

    model.__dict__["unrolled_stepper"] = step
    return step


def write(
    model: keras.Model,
    sources: Numbers,
    *,
    width: int = 5,
    power: float = 1.0,
    longest: int = 60,
    size: int = 100,
) -> list[Hypothesis]:
    """The best target of each source that beam search finds.

    Args:
        model: as `build` makes it.
        sources: word numbers, as `encode` gives them.
        width: of the beam; 1 is greedy.
        power: of the length by which log-probabilities are divided, see `utils.decoding`.
        longest: words at most, END counted.
        size: sources that are searched at once; those of like length are.
    """
    step, order = stepper(model), sorted(range(len(sources)), key=lambda k: len(sources[k]))
    found: dict[int, Hypothesis] = {}
    for first in range(0, len(order), size):
        rows = order[first : first + size]
        state = begin(model, pad([sources[k] for k in rows]))
        best = beam_search(step, state, [START] * len(rows), END, longest, width, power, NEVER)
        found |= {k: hypotheses[0] for k, hypotheses in zip(rows, best, strict=True)}
    return [found[k] for k in range(len(sources))]


def look_back(model: keras.Model, source: Sequence[int], told: Sequence[int]) -> np.ndarray:
    """Where the network looks as it says each word, `(T, S)`, rows that sum to 1.

    Args:
        model: with attention.
        source: word numbers of one text.
        told: what is said, from START on; the last one is said, but not read.
    """
    (first, h, mask), table = begin(model, pad([source])), model.get_layer("words")
    x = table(tf.constant([list(told[:-1])])) * table.output_dim**0.5
    s = model.get_layer("decoder")(x, initial_state=first)
    return np.asarray(model.get_layer("attention")(s, h, mask)[1])[0]
