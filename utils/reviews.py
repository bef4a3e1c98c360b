"""Reviews as numbers, batches of them, training, and the layers by which networks read them (lesson 07).

Padding is always at the right, and every review begins with the word `[START]`, so that none is empty:
cuDNN refuses anything else. Not here: the reviews (`utils.datasets`), and the networks themselves.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from utils import resume

START, UNKNOWN = "[START]", 1  # the first word of every review; the number of a word that is not in the list
BUCKET = 64  # batches are as long as a multiple of this: the fast layers are compiled for each length


@keras.saving.register_keras_serializable("unrolled")
def simplify(texts: tf.Tensor) -> tf.Tensor:
    """Strings in, strings of words and marks with spaces between them out: "Isn't" becomes "is n_t"."""
    texts = tf.strings.regex_replace(tf.strings.lower(texts), "<br />", " ")
    texts = tf.strings.regex_replace(texts, "[\u2018\u2019]", "'")  # typographic apostrophes
    texts = tf.strings.regex_replace(texts, r"n't\b", " n_t")
    texts = tf.strings.regex_replace(texts, r"'s\b", " _s")
    texts = tf.strings.regex_replace(texts, r"([!?.,;:()\"])", r" \1 ")
    texts = tf.strings.regex_replace(texts, r"[^a-z0-9_!?.,;:()\"]+", " ")
    return tf.strings.join([f"{START} ", texts])


def word_list(texts: Sequence[str], words: int) -> layers.TextVectorization:
    """A layer that gives the most frequent words of some texts a number each.

    Args:
        texts: the training reviews, and no others.
        words: how many numbers at most; 0 is padding, 1 a word that is not in the list.
    """
    vectorize = layers.TextVectorization(words, standardize=simplify)
    vectorize.adapt(tf.constant(texts), batch_size=500)
    return vectorize


def encode(texts: Sequence[str], vectorize: layers.TextVectorization, most: int) -> np.ndarray:
    """Texts to word numbers.

    Args:
        texts: as written.
        vectorize: as `word_list` makes it.
        most: words of a text that are kept: its first quarter of them, and its last three.

    Returns:
        `(len(texts), most)`, int32, padded with 0 at the right.
    """
    rows = np.zeros((len(texts), most), np.int32)
    for start in range(0, len(texts), 500):
        numbers = vectorize(tf.constant(texts[start : start + 500])).numpy()
        for row, ids in zip(rows[start : start + 500], numbers, strict=True):
            ids = ids[: np.count_nonzero(ids)]
            head = most // 4 if len(ids) > most else len(ids)
            kept = np.concatenate([ids[:head], ids[len(ids) - (min(len(ids), most) - head) :]])
            row[: len(kept)] = kept
    return rows


def is_right_padded(ids: np.ndarray) -> bool:
    """Whether in each row words come first, at least one, and then only padding."""
    filled = ids != 0
    return bool(filled[:, 0].all() and (filled[:, 1:] <= filled[:, :-1]).all())


def longest(ids: np.ndarray) -> int:
    """The columns that some rows need, a multiple of `BUCKET` if there are as many."""
    return min(-(-np.count_nonzero(ids, axis=1).max() // BUCKET) * BUCKET, ids.shape[1])


def batches(
    ids: np.ndarray, labels: np.ndarray, rng: np.random.Generator, size: int = 64
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Batches of reviews of similar length, in random order; what fills no batch is left out this time.

    Args:
        ids: word numbers, `(reviews, time)`, padded at the right.
        labels: `(reviews,)`, 0 or 1.
        rng: another one gives other batches.
        size: reviews in a batch.

    Returns:
        Word numbers `(size, as long as needed)`, int32, and labels `(size, 1)`, float32.

    Raises:
        ValueError: too few reviews, or padding that is not at the right.
    """
    if len(ids) < size:
        raise ValueError(f"{len(ids)} reviews do not fill a batch of {size}; take more reviews.")
    if not is_right_padded(ids):
        raise ValueError("Padding must be at the right, and no review empty: cuDNN refuses anything else.")
    chosen = rng.permutation(len(ids))[: len(ids) // size * size]
    order = chosen[np.argsort(np.count_nonzero(ids[chosen], axis=1) + rng.uniform(-20, 20, len(chosen)))]
    for k in rng.permutation(len(ids) // size):
        rows = order[k * size : (k + 1) * size]
        yield ids[rows, : longest(ids[rows])], labels[rows, None].astype(np.float32)


def train(
    model: keras.Model,
    ids: np.ndarray,
    labels: np.ndarray,
    epochs: int,
    rate: float,
    *,
    validation: tuple[np.ndarray, np.ndarray] | None = None,
    seed: int = 0,
    size: int = 64,
    path: Path | None = None,
    eager: bool = False,
    report: Any = None,
) -> list[list[float]]:
    """Train with Adam, a learning rate that falls along a cosine, and clipped gradients.

    Args:
        model: word numbers `(N, T)` to logits `(N, 1)`.
        ids: word numbers, `(reviews, time)`, padded at the right.
        labels: `(reviews,)`, 0 or 1.
        epochs: how often all are read.
        rate: the first learning rate.
        validation: word numbers and labels that are scored after each epoch.
        seed: of the order of the reviews.
        size: reviews in a batch.
        path: where the training is kept after each epoch, and goes on from, see `utils.resume`.
        eager: do not compile; for a few batches that is faster.
        report: called with the number of an epoch and its row after each.

    Returns:
        For each epoch training loss, validation loss and accuracy (nan without validation), and seconds.
    """
    steps = epochs * (len(ids) // size)
    schedule = keras.optimizers.schedules.CosineDecay(rate, max(steps, 1), alpha=0.02)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(schedule, clipnorm=1.0)
    model.compile(optimizer, loss, run_eagerly=eager, jit_compile=False)
    history = resume.go_on(path, model)
    for epoch in range(len(history), epochs):
        start, scored = time.perf_counter(), [float("nan")] * 2
        losses = []
        for batch in batches(ids, labels, np.random.default_rng((seed, epoch)), size):
            model.reset_metrics()  # else some versions of Keras give the mean of the batches so far
            losses.append(model.train_on_batch(*batch))
        seconds = time.perf_counter() - start
        if validation is not None:
            logits = predict(model, validation[0])
            scored = [cross_entropy(logits, validation[1]), accuracy(logits, validation[1])]
        history.append([float(np.mean(losses)), *scored, seconds])
        if path is not None:
            resume.keep(path, model, history)
        if report is not None:
            report(epoch + 1, history[-1])
    return history


def predict(model: keras.Model, ids: np.ndarray, size: int = 250) -> np.ndarray:
    """The model's logits, `(len(ids),)`: above 0 means positive.

    Args:
        model: word numbers `(N, T)` to logits `(N, 1)`.
        ids: word numbers, padded at the right.
        size: of the batches; the fast layers are compiled for each size, so all have the same.
    """
    order, logits = np.argsort(np.count_nonzero(ids, axis=1)), np.zeros(len(ids), np.float32)
    size = min(size, len(ids))
    for start in range(0, len(ids), size):
        rows = np.resize(order[start : start + size], size)
        logits[rows] = np.asarray(model.predict_on_batch(ids[rows, : longest(ids[rows])]))[:, 0]
    return logits


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Share of logits, `(N,)`, that are on the side of 0 of their labels, `(N,)`."""
    return float(np.mean((logits > 0) == labels))


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean cross-entropy in nats of logits, `(N,)`, and labels, `(N,)`, 0 or 1."""
    return float(np.mean(np.logaddexp(0, np.where(labels == 1, -1, 1) * logits)))


@keras.saving.register_keras_serializable("unrolled")
class MeanMax(layers.Layer):
    """Mean and maximum over the steps that are not padding, (N, T, H) -> (N, 2H)."""

    supports_masking = True

    def call(self, states: Any, mask: Any = None) -> Any:
        there = ops.ones_like(states[..., :1], "bool") if mask is None else ops.expand_dims(mask, -1)
        count = ops.maximum(ops.sum(ops.cast(there, states.dtype), axis=1), 1)
        mean = ops.sum(ops.where(there, states, 0), axis=1) / count
        lowest = ops.min(states, axis=1, keepdims=True)  # a constant like 1e9 is inf in float16
        return ops.concatenate([mean, ops.max(ops.where(there, states, lowest), axis=1)], axis=-1)

    def compute_mask(self, states: Any, mask: Any = None) -> None:
        return None  # there are no steps any more


@keras.saving.register_keras_serializable("unrolled")
class HideWords(layers.Layer):
    """In training, replaces a share of the words by another number; padding stays.

    Args:
        share: of the words, in [0, 1).
        by: the number that they get, `UNKNOWN` or 0.
    """

    def __init__(self, share: float, by: int = UNKNOWN, **options: Any) -> None:
        super().__init__(**options)
        self.share, self.by, self.seeds = share, by, keras.random.SeedGenerator(0)

    def call(self, ids: Any, training: bool = False) -> Any:
        if not training:
            return ids
        hide = keras.random.uniform(ops.shape(ids), seed=self.seeds) < self.share
        return ops.where(ops.logical_and(hide, ids != 0), self.by, ids)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "share": self.share, "by": self.by}


def pair_numbers(ids: Any, pairs: int) -> Any:
    """For each word a number from 1 to `pairs` - 1 for it and the next; 0 where there is no next.

    Computed from the two words' numbers, so that no list is needed; now and then two pairs share one.

    Args:
        ids: word numbers, `(N, T)`, int32, padded with 0 at the right.
        pairs: how many numbers there are.
    """
    following = ops.pad(ids[:, 1:], [[0, 0], [0, 1]])
    return ops.where(following != 0, 1 + (ids * 40_503 + following * 7_919) % (pairs - 1), 0)


@keras.saving.register_keras_serializable("unrolled")
class Bag(layers.Layer):
    """A bag of words: a weight for each distinct word of a review, and their sum, (N, T) -> (N, 1).

    That is logistic regression on which words occur; the weights start at zero.

    Args:
        words: size of the vocabulary.
        pairs: how many numbers the pairs of neighbouring words share; 0 for words only.
        hide: share of the words and pairs that are left out in training.
    """

    def __init__(self, words: int, pairs: int = 0, hide: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.words, self.pairs, self.hide = words, pairs, hide
        self.hidden = HideWords(hide, by=0)

    def build(self, shape: Any) -> None:
        self.table = self.add_weight(shape=(self.words + self.pairs, 1), initializer="zeros", name="table")
        self.bias = self.add_weight(shape=(1,), initializer="zeros", name="bias")

    def call(self, ids: Any, training: bool = False) -> Any:
        if self.pairs:
            pairs = pair_numbers(ids, self.pairs)
            ids = ops.concatenate([ids, ops.where(pairs != 0, self.words + pairs, 0)], axis=1)
        ids = ops.sort(ids, axis=1)  # what occurs twice stands side by side, and counts once
        before = ops.pad(ids[:, :-1], [[0, 0], [1, 0]])
        ids = self.hidden(ops.where(ids != before, ids, 0), training=training)
        weights = ops.take(self.table, ids, axis=0) * ops.cast(ids != 0, self.compute_dtype)[..., None]
        return ops.sum(weights, axis=1) + self.bias

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "words": self.words, "pairs": self.pairs, "hide": self.hide}
