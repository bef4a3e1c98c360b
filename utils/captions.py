"""Captions as numbers, networks that write them from an image's features, their training, and BLEU.

Lesson 08 explains all this, and its labs share what stands here. A network is made of an image's features
`(N, D)`, the words so far `(N, T)` and a recurrent layer with H units; it gives logits `(N, T, V)`, and is
trained to predict the next word. Padding is 0, on the right, and changes nothing.

Not here: the captions and pictures (`utils.datasets`, `utils.photos`), features (`utils.features`), greedy
and beam search (`utils.decoding`).
"""

import collections
import itertools
import math
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from sacrebleu.metrics import BLEU

from utils import recurrent, training
from utils.decoding import Hypothesis, beam_search
from utils.training import Loss, size_for
from utils.training import rate_at as rate_at
from utils.training import start_again as start_again

PAD, START, END, UNKNOWN = range(4)
SPECIAL = ("<pad>", "<start>", "<end>", "<unknown>")
NEVER = (PAD, START, UNKNOWN)  # what is not to be written
WAYS = ("first step", "first input", "initial state", "every step")

Encoded = Sequence[Sequence[Sequence[int]]]  # for each picture its captions as lists of word numbers


def words(caption: str) -> list[str]:
    """The words of a caption in lower case, without punctuation; "tri-colored" and "don't" are one each."""
    return re.findall(r"[a-z0-9]+(?:['-][a-z0-9]+)*", caption.lower())


def make_vocabulary(captions: Sequence[Sequence[str]], rare: int = 1) -> list[str]:
    """The four special words, then all that are used at least `rare` times, in alphabetical order.

    Args:
        captions: of the training pictures, and of no others.
        rare: words that are used fewer times are left out.
    """
    counts = collections.Counter(
        word for several in captions for caption in several for word in words(caption)
    )
    return [*SPECIAL, *sorted(word for word, count in counts.items() if count >= rare)]


def encode(captions: Sequence[Sequence[str]], vocabulary: Sequence[str], longest: int = 22) -> list:
    """For each picture its captions as lists of word numbers, each from START to END.

    Args:
        captions: as written.
        vocabulary: as `make_vocabulary` makes it; other words become UNKNOWN.
        longest: words that are kept, END counted; a longer caption is cut and has no END.
    """
    number = {word: i for i, word in enumerate(vocabulary)}

    def one(caption: str) -> list[int]:
        return [START, *(number.get(word, UNKNOWN) for word in words(caption)), END][: 1 + longest]

    return [[one(caption) for caption in several] for several in captions]


def decode(tokens: Sequence[int], vocabulary: Sequence[str]) -> str:
    """Word numbers as text, up to END."""
    return " ".join(vocabulary[token] for token in itertools.takewhile(lambda token: token != END, tokens))


def pad(captions: Sequence[Sequence[int]], multiple: int = 4, least: int = 0) -> np.ndarray:
    """Captions as one array, `(captions, time)`, int32, with PAD on the right.

    Args:
        captions: word numbers, not empty.
        multiple: time - 1, the number of words to predict, is rounded up to a multiple of this, because
            the fast layers are compiled for each length.
        least: time - 1 is at least this.
    """
    longest = max(least, *(len(caption) - 1 for caption in captions), 1)
    padded = np.zeros((len(captions), 1 + math.ceil(longest / multiple) * multiple), np.int32)
    for row, caption in zip(padded, captions, strict=True):
        row[: len(caption)] = caption
    return padded


def standardised(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Features of each part less the mean of "train", over its standard deviation (a tenth of the mean
    deviation is added, so that a feature that hardly ever changes is not blown up).

    Args:
        found: features `(pictures, D)` of each part, "train" among them.
    """
    mean, deviation = found["train"].mean(axis=0), found["train"].std(axis=0)
    scale = deviation + 0.1 * deviation.mean() + 1e-12
    return {name: np.float32((x - mean) / scale) for name, x in found.items()}


@keras.saving.register_keras_serializable("unrolled")
class Words(layers.Embedding):
    """One table that embeds words and scores them (Press and Wolf 2017; Inan et al. 2017).

    Called with word numbers `(N, T)`, int32, it gives their embeddings `(N, T, E)`; called with vectors
    `(N, T, E)` and `score=True`, the logit of each word, x E^T + b, `(N, T, V)`.
    """

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        self.bias = self.add_weight(shape=(self.input_dim,), initializer="zeros", name="bias")

    def save_own_variables(self, store: Any) -> None:
        layers.Layer.save_own_variables(self, store)  # an Embedding's stores its table alone

    def load_own_variables(self, store: Any) -> None:
        layers.Layer.load_own_variables(self, store)

    def call(self, inputs: Any, score: bool = False) -> Any:
        if score:
            return ops.matmul(inputs, ops.transpose(self.embeddings)) + self.bias
        return super().call(inputs)

    def compute_output_spec(self, inputs: Any, score: bool = False) -> Any:
        if not score:
            return super().compute_output_spec(inputs)
        return keras.KerasTensor((*inputs.shape[:-1], self.input_dim), dtype=self.compute_dtype)


def build(
    way: str,
    image_size: int,
    vocabulary_size: int,
    units: int,
    *,
    embedding: int = 128,
    dropout: float = 0.0,
    cell: Any = recurrent.LSTM,
) -> keras.Model:
    """A network from image features and the words so far to the logits of the next words.

    The ways in which the image v enters the recurrence:

    - "first step": h_1 = f(W_xh x_1 + W_hh h_0 + W_ih v), and no v afterwards (Karpathy and Fei-Fei 2015,
      equations 13 to 15, and lecture L0);
    - "first input": v, squeezed to the size of a word, comes in before the first word (Vinyals et al. 2015);
    - "initial state": h_0 = tanh(W v + b), and c_0 likewise if there is one;
    - "every step": as "first step", but v is added at each one.

    Args:
        way: one of `WAYS`.
        image_size: D, numbers that describe an image.
        vocabulary_size: V.
        units: H.
        embedding: E, numbers that describe a word.
        dropout: share of the features and of h that is dropped in training; of the embeddings half of it.
        cell: a recurrent layer of Keras or `utils.recurrent`: SimpleRNN, GRU or LSTM.

    Returns:
        A model of [features `(N, D)` float32, words `(N, T)` int32] that gives `(N, T, V)`, float32; not
        compiled, and named after the way.

    Raises:
        ValueError: there is no such way.
    """
    if way not in WAYS:
        raise ValueError(f"{way!r} is no way for an image to enter; the ways are {', '.join(WAYS)}.")
    image, tokens = keras.Input((image_size,)), keras.Input((None,), dtype="int32")
    v = layers.Dropout(dropout)(image)
    small = keras.initializers.RandomNormal(stddev=0.05)  # so that all words are scored alike at first
    table = Words(vocabulary_size, embedding, embeddings_initializer=small, name="words")
    x = layers.Dropout(dropout / 2)(table(tokens))
    rnn = cell(units, return_sequences=True, name="rnn")
    if way == "initial state":
        count = 2 if isinstance(rnn, layers.LSTM) else 1  # an LSTM has h and c
        h = rnn(x, initial_state=[layers.Dense(units, "tanh", name=f"h{i}")(v) for i in range(count)])
    else:
        v = layers.Dense(embedding, name="image")(v)[:, None]
        if way == "first input":
            h = rnn(ops.concatenate([v, x], axis=1))[:, 1:]
        else:  # [x_t, v] W = x_t W_xh + v W_ih
            later = ops.zeros_like(x[:, 1:])
            v = ops.concatenate([v, later if way == "first step" else later + v], axis=1)
            h = rnn(ops.concatenate([x, v], axis=2))
    squeezed = layers.Dense(embedding, name="squeeze")(layers.Dropout(dropout)(h))
    return keras.Model([image, tokens], table(squeezed, score=True), name=way.replace(" ", "_"))


def count_parameters(way: str, image_size: int, vocabulary_size: int, units: int, **more: Any) -> int:
    """How many parameters the network has that `build` makes of these arguments."""
    return build(way, image_size, vocabulary_size, units, **more).count_params()


def units_for(budget: int, way: str, image_size: int, vocabulary_size: int, **more: Any) -> int:
    """The hidden units with which a network comes nearest to a number of parameters.

    Args:
        budget: the number of parameters that is wanted.
        others: as for `build`.
    """
    return size_for(budget, lambda units: count_parameters(way, image_size, vocabulary_size, units, **more))


def loss_per_word(tokens: Any, logits: Any) -> Any:
    """Cross-entropy in nats, the mean over words; PAD does not count.

    Args:
        tokens: the true next words, `(N, T)`, int.
        logits: `(N, T, V)`.
    """
    counts = ops.cast(ops.not_equal(tokens, PAD), logits.dtype)
    nats = keras.losses.sparse_categorical_crossentropy(tokens, logits, from_logits=True)
    return ops.sum(nats * counts) / ops.sum(counts)


def smoothed(tokens: Any, logits: Any) -> Any:
    """The loss where a tenth of the weight goes to all words alike (Szegedy et al. 2016, section 7)."""
    counts = ops.cast(ops.not_equal(tokens, PAD), logits.dtype)
    all_words = ops.logsumexp(logits, axis=-1) - ops.mean(logits, axis=-1)
    return 0.9 * loss_per_word(tokens, logits) + 0.1 * ops.sum(all_words * counts) / ops.sum(counts)


def batches(
    seen: np.ndarray, captions: Encoded, rng: np.random.Generator, size: int = 64, least: int = 0
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Batches of captions of like length with the features of their images, in random order.

    Args:
        seen: features, `(pictures, D)`.
        captions: of each picture.
        rng: another one gives other batches.
        size: captions in a batch; what fills none is left out this time.
        least: words in a batch at least, see `pad`; as many as the longest caption has makes all batches
            equally long, so that all is compiled once.

    Returns:
        Features `(size, D)` and word numbers from START on, `(size, 1 + T)`, int32.

    Raises:
        ValueError: there are too few captions.
    """
    pairs = [(i, caption) for i, several in enumerate(captions) for caption in several]
    if len(pairs) < size:
        raise ValueError(f"{len(pairs)} captions do not fill a batch of {size}; take more pictures.")
    order = rng.permutation(len(pairs))[: len(pairs) // size * size]
    for first in range(0, len(order), 50 * size):  # sort within 50 batches
        part = order[first : first + 50 * size]
        part[:] = sorted(part, key=lambda k: len(pairs[k][1]))
    for k in rng.permutation(len(order) // size):
        pictures, chosen = zip(*(pairs[i] for i in order[k * size : (k + 1) * size]), strict=True)
        yield seen[list(pictures)], pad(chosen, least=least)


def only_start(tokens: np.ndarray) -> np.ndarray:
    """Words so far, `(N, T)`, all replaced by START: the input of a network without the previous word."""
    return np.full_like(tokens, START)


def train(
    model: keras.Model,
    seen: np.ndarray,
    captions: Encoded,
    epochs: int,
    rate: float,
    *,
    seed: int = 0,
    size: int = 64,
    least: int = 0,
    loss: Loss = loss_per_word,
    hear: bool = True,
    validation: tuple[np.ndarray, Encoded] | None = None,
    path: Path | None = None,
    report: Callable[[int, list[float]], Sequence[float]] | None = None,
    eager: bool = False,
) -> list[list[float]]:
    """Train a network from new weights, with Adam, clipped gradients and the true previous word as input.

    A model that was trained before is not compiled again, which would take longer than to train it: seeds
    and learning rates are tried one after the other with the same model.

    Args:
        model: as `build` makes it.
        seen: features, `(pictures, D)`.
        captions: of each picture, as `encode` gives them.
        epochs: how often it goes through all captions.
        rate: the highest learning rate, see `rate_at`.
        seed: of the weights, of dropout and of the order of the captions.
        size, least: of the batches, see `batches`.
        loss: from words `(N, T)` and logits `(N, T, V)` to a number.
        hear: False hides the previous words: the input is START at every step.
        validation: features and captions that are scored after each epoch.
        path: where the training is kept after each epoch, and goes on from, see `utils.resume`.
        report: called after each epoch with its number, from 1, and its figures; it returns further figures,
            as many each time, that are kept with them.
        eager: do not compile; for a few batches that is faster.

    Returns:
        For each epoch the mean training loss (of the batches, with dropout), the validation loss in nats
        per word (nan without validation), the seconds of training, and what `report` returned.
    """

    def epoch(rng: np.random.Generator) -> Iterator[tuple[list, np.ndarray]]:
        for image, tokens in batches(seen, captions, rng, size, least):
            before = tokens[:, :-1] if hear else only_start(tokens[:, :-1])
            yield [image, before], tokens[:, 1:]

    return training.train(
        model,
        epoch,
        sum(map(len, captions)) // size,
        epochs,
        rate,
        seed=seed,
        loss=loss,
        score=(lambda: nats_per_word(model, *validation, hear=hear)) if validation else None,
        path=path,
        report=report,
        eager=eager,
    )


def word_nats(
    model: keras.Model, seen: np.ndarray, tokens: np.ndarray, *, hear: bool = True, size: int = 256
) -> np.ndarray:
    """What each word of some captions costs, -log p, `(N, T)` in nats; 0 where there is padding.

    Args:
        model: as `build` makes it.
        seen: features, one row a caption, `(N, D)`.
        tokens: captions from START on, `(N, 1 + T)`, int32.
        hear: False hides the previous words.
        size: of the batches; the last one is filled up, so that all is compiled once.
    """
    nats = np.zeros((len(tokens), tokens.shape[1] - 1), np.float32)
    for first in range(0, len(tokens), size):
        rows = np.resize(np.arange(first, min(first + size, len(tokens))), size)
        target = tokens[rows, 1:]
        before = tokens[rows, :-1] if hear else only_start(tokens[rows, :-1])
        logits = np.asarray(model.predict_on_batch([seen[rows], before]))
        log_p = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
        nats[rows] = -np.take_along_axis(log_p, target[..., None], axis=-1)[..., 0] * (target != PAD)
    return nats


def one_each(seen: np.ndarray, captions: Encoded) -> tuple[np.ndarray, np.ndarray]:
    """Captions with the features of their images, a row for each caption: `(N, D)` and `(N, 1 + T)`."""
    rows = np.repeat(np.arange(len(seen)), [len(several) for several in captions])
    return seen[rows], pad([caption for several in captions for caption in several])


def nats_per_word(model: keras.Model, seen: np.ndarray, captions: Encoded, *, hear: bool = True) -> float:
    """Mean cross-entropy per word over all captions of some pictures, in nats."""
    image, tokens = one_each(seen, captions)
    return float(word_nats(model, image, tokens, hear=hear).sum() / np.count_nonzero(tokens[:, 1:]))


def begin(model: keras.Model, seen: np.ndarray) -> Any:
    """The state before the first word, for features `(N, D)`; `stepper` takes it.

    Returns:
        What comes in beside the first word, `(N, 0)` or `(N, E)`, and the states of the recurrent layer.
    """
    rnn, image = model.get_layer("rnn"), tf.constant(seen, tf.float32)
    count = 2 if isinstance(rnn, layers.LSTM) else 1
    if model.name == "initial_state":
        return tf.zeros((len(image), 0)), [model.get_layer(f"h{i}")(image) for i in range(count)]
    zeros, v = [tf.zeros((len(image), rnn.units))] * count, model.get_layer("image")(image)
    if model.name == "first_input":  # it came in before the first word
        return tf.zeros((len(image), 0)), list(rnn.cell(v, zeros)[1])
    return v, zeros


def stepper(model: keras.Model, hear: bool = True) -> Callable[[np.ndarray, Any], tuple[Any, Any]]:
    """(latest words `(N,)`, state) -> (log-probabilities `(N, V)`, state), as `utils.decoding` wants it.

    It is made once for each network, and goes with its weights when they change.

    Args:
        model: as `build` makes it.
        hear: False for a network that was trained without the previous word.
    """
    made = model.__dict__.setdefault("unrolled_steppers", {})
    if hear in made:
        return made[hear]
    table, rnn, squeeze = (model.get_layer(name) for name in ("words", "rnn", "squeeze"))
    beside = rnn.cell.kernel.shape[0] - table.output_dim
    count = 2 if isinstance(rnn, layers.LSTM) else 1
    signature = (
        tf.TensorSpec((None,), tf.int32),
        (tf.TensorSpec((None, beside)), [tf.TensorSpec((None, rnn.units))] * count),
    )

    @tf.function(input_signature=signature, autograph=False)
    def step(latest: tf.Tensor, state: Any) -> Any:
        v, states = state
        latest = latest if hear else tf.fill(tf.shape(latest), START)
        h, states = rnn.cell(tf.concat([table(latest), v], axis=1), states)
        later = v if model.name == "every_step" else tf.zeros_like(v)
        return tf.nn.log_softmax(table(squeeze(h), score=True)), (later, list(states))

    made[hear] = step
    return step


def together(models: Sequence[keras.Model]) -> Callable[[np.ndarray, Any], tuple[Any, Any]]:
    """One step function for several networks: the logarithm of the mean of their probabilities.

    Its state is the list of their states, `[begin(model, seen) for model in models]`.
    """
    steps = [stepper(model) for model in models]

    def step(latest: np.ndarray, states: Any) -> Any:
        found = [one(latest, state) for one, state in zip(steps, states, strict=True)]
        mean = tf.reduce_logsumexp(tf.stack([log_p for log_p, _ in found]), axis=0) - math.log(len(found))
        return mean, [state for _, state in found]

    return step


def write(
    model: keras.Model | Sequence[keras.Model],
    seen: np.ndarray,
    *,
    width: int = 3,
    power: float = 0.3,
    longest: int = 22,
    hear: bool = True,
) -> list[Hypothesis]:
    """The best caption of each image that beam search finds.

    Args:
        model: a network, or several that write together.
        seen: features, `(N, D)`.
        width: of the beam; 1 is greedy.
        power: of the length by which log-probabilities are divided, see `utils.decoding`.
        longest: words at most, END counted.
        hear: see `stepper`.
    """
    if isinstance(model, keras.Model):
        step, state = stepper(model, hear), begin(model, seen)
    else:
        step, state = together(model), [begin(one, seen) for one in model]
    found = beam_search(step, state, [START] * len(seen), END, longest, width, power, NEVER)
    return [hypotheses[0] for hypotheses in found]


def texts(found: Sequence[Hypothesis], vocabulary: Sequence[str]) -> list[str]:
    """What `write` found, as text."""
    return [decode(hypothesis.tokens, vocabulary) for hypothesis in found]


def plain(captions: Sequence[Sequence[str]]) -> list[list[str]]:
    """Captions in the form that is scored: lower case, without punctuation."""
    return [[" ".join(words(caption)) for caption in several] for several in captions]


def bleu_sums(texts: Sequence[str], references: Sequence[Sequence[str]]) -> np.ndarray:
    """What BLEU is computed from, caption by caption, by sacrebleu.

    Args:
        texts: a caption for each picture, in plain form.
        references: what people wrote of each, in plain form; there may be any number of them.

    Returns:
        `(pictures, 10)`, int: matched pieces of 1 to 4 words, all pieces of 1 to 4 words, the length, and
        that of the nearest reference. Sums over pictures are what `bleu_of` takes, so that a draw of
        pictures costs nothing (bootstrap).
    """
    scorer = BLEU(lowercase=True, tokenize="none", effective_order=True)
    scored = [scorer.sentence_score(one, list(people)) for one, people in zip(texts, references, strict=True)]
    return np.array([[*s.counts, *s.totals, s.sys_len, s.ref_len] for s in scored])


def bleu_of(sums: np.ndarray) -> tuple[float, float, float, float]:
    """BLEU-1 to BLEU-4 in percent (Papineni et al. 2002), with the penalty for captions that are too short.

    Args:
        sums: `(10,)`, a sum of rows of `bleu_sums`.
    """
    counts, totals, lengths = sums[:4], sums[4:8], sums[8:]
    found = [
        BLEU.compute_bleu(
            list(map(int, counts)), list(map(int, totals)), int(lengths[0]), int(lengths[1]),
            smooth_method="exp", max_ngram_order=n,
        ).score
        for n in (1, 2, 3, 4)
    ]  # fmt: skip
    return found[0], found[1], found[2], found[3]


def bleu(texts: Sequence[str], references: Sequence[Sequence[str]]) -> tuple[float, float, float, float]:
    """BLEU-1 to BLEU-4 in percent, as sacrebleu counts it: case:lc, tok:none, smooth:exp."""
    return bleu_of(bleu_sums(texts, references).sum(axis=0))


def signature(references: int) -> str:
    """How sacrebleu counts here, as it is to be stated beside a score."""
    scorer = BLEU(lowercase=True, tokenize="none")
    scorer.corpus_score(["a"], [["a"]] * references)
    return str(scorer.get_signature())
