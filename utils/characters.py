"""Networks that read and write text character by character: streams, training, loss, sampling.

A network here is a Keras model from `[ids, state]` to `[logits, new state]`: ids are `(N, T)`, the state
`(N, H)`, the logits `(N, T, V)`. The state goes in and comes out, so whoever calls it decides what becomes
of it. Characters are whole numbers; N is the number of rows, T of characters, V of symbols, H of units.

    from utils import characters

    records = characters.train(net, train_ids, validation_ids, epochs=4)
    characters.nats(net, validation_ids[None]).mean()
    characters.write(net, encode("ROMEO:"), 300, temperature=0.8)

Not here: the network itself, which lesson 06 and its lab show; counting models (`ngrams`).
"""

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from utils import resume

PIECE = 1000  # characters that are read in one call when a loss is computed


def needed(rows: int, chunk: int, at_most: int | None = None, window: int = 256) -> int:
    """How many characters a text must have: nine tenths hold a batch to learn from, the rest a window.

    Args:
        rows: streams that are read side by side, N.
        chunk: characters of a stream in one batch.
        at_most: characters of the text that are used, the notebook's `READ`.
        window: characters that are predicted on end in the validation part.

    Raises:
        ValueError: `at_most` is fewer.
    """
    least = max(math.ceil((rows * chunk + 1) / 0.9), 10 * (window + 1))
    if at_most is not None and at_most < least:
        raise ValueError(
            f"READ is {at_most:,}; {rows} streams of {chunk} characters need {least:,} at least."
        )
    return least


def usable(prompt: str, text: str) -> str:
    """The prompt, if all its characters occur in the text; else the text's beginning, and a line says so."""
    missing = sorted(set(prompt) - set(text))
    if prompt and not missing:
        return prompt
    reason = f"the text has no {missing}" if missing else "it was empty"
    print(f"PROMPT is now the beginning of the text, {text[:20]!r}: {reason}.")
    return text[:20]


def one_line(text: str) -> str:
    """Text on one line: each new line is shown as ↵."""
    return text.replace("\n", "↵")


def streams(ids: np.ndarray, rows: int, chunk: int) -> tuple[np.ndarray, np.ndarray]:
    """A text as batches, in which row r goes on where row r of the batch before ended.

    Args:
        ids: the text, `(T,)`.
        rows: streams that are read side by side, N.
        chunk: characters of a stream in one batch.

    Returns:
        Inputs and targets, `(batches, rows, chunk)` each; the target is the character after the input.
        What does not fill a batch at the end of a stream is left out.

    Raises:
        ValueError: the text is too short for one batch.
    """
    batches = (len(ids) - 1) // rows // chunk
    if batches < 1:
        raise ValueError(
            f"{len(ids):,} characters do not fill one batch of {rows} streams with {chunk} each; "
            f"{rows * chunk + 1:,} are needed, or fewer streams or a shorter chunk."
        )

    def cut(x: np.ndarray) -> np.ndarray:
        return x[: rows * batches * chunk].reshape(rows, batches, chunk).swapaxes(0, 1)

    return cut(ids), cut(ids[1:])


def empty(net: keras.Model, rows: int) -> tf.Tensor:
    """The state before anything was read, `(rows, H)`."""
    return tf.zeros((rows, net.inputs[1].shape[-1]))


def reader(net: keras.Model) -> Callable[[Any, Any], Any]:
    """The network as a function of ids `(N, T)` and state, made when first asked for.

    It is traced twice: for single characters, which need no loop, and for all other lengths.
    """
    if not hasattr(net, "reader"):
        state = tf.TensorSpec([None, net.inputs[1].shape[-1]])
        one, many = (
            tf.function(
                lambda ids, state: net([ids, state]),
                input_signature=[tf.TensorSpec([None, length], tf.int32), state],
            )
            for length in (1, None)
        )
        net.reader = lambda ids, state: (one if ids.shape[1] == 1 else many)(ids, state)
    return net.reader


def nats(net: keras.Model, ids: np.ndarray) -> np.ndarray:
    """The loss at each character, the state carried from an empty one to the end of each row.

    Args:
        net: from `[ids, state]` to `[logits, new state]`.
        ids: `(N, T)`, T at least 2.

    Returns:
        Minus the log probability of each character given those before it in its row, nats, `(N, T - 1)`.

    Raises:
        ValueError: `ids` is not `(N, T)` with T at least 2.
    """
    if np.ndim(ids) != 2 or np.shape(ids)[1] < 2:
        raise ValueError(f"ids must be (rows, time) with two characters or more, not {np.shape(ids)}.")
    state, paid = empty(net, len(ids)), []
    for at in range(0, ids.shape[1] - 1, PIECE):
        x, y = ids[:, at : at + PIECE + 1][:, :-1], ids[:, at + 1 : at + PIECE + 1]
        logits, state = reader(net)(tf.constant(x, tf.int32), state)
        paid.append(keras.losses.sparse_categorical_crossentropy(y, logits, from_logits=True).numpy())
    return np.concatenate(paid, axis=1)


def windows(ids: np.ndarray, length: int) -> np.ndarray:
    """A text cut into windows that each give `length` predictions, `(windows, length + 1)`.

    Each window begins with the last character of the one before; what is left over is left out.

    Raises:
        ValueError: the text is too short for one.
    """
    count = (len(ids) - 1) // length
    if count < 1:
        raise ValueError(f"{len(ids):,} characters do not fill one window of {length + 1}.")
    return np.stack([ids[k * length : (k + 1) * length + 1] for k in range(count)])


def train(
    net: keras.Model,
    ids: np.ndarray,
    validation: np.ndarray,
    *,
    epochs: int,
    rows: int = 64,
    chunk: int = 64,
    rate: float = 4e-3,
    decay: float = 0.0,
    forget: float = 0.0,
    seed: int = 0,
    kept: Path | None = None,
    report: Callable[[int, list[float]], None] | None = None,
) -> list[list[float]]:
    """Train with the state carried from chunk to chunk, the gradient cut between them (truncated BPTT).

    AdamW (Loshchilov and Hutter 2019), gradients clipped to norm 1, the rate falling along a cosine to 0.

    Args:
        net: from `[ids, state]` to `[logits, new state]`.
        ids: the text to learn from, `(T,)`.
        validation: the text whose loss is taken after each epoch, `(T,)`, cut into `rows` streams if it
            is long enough, else read as one.
        epochs: readings of the text.
        rows: streams side by side, N.
        chunk: characters between two updates.
        rate: of AdamW, in the first update.
        decay: of the weights, AdamW's.
        forget: share of the streams whose state is emptied before a batch, so that the network learns to
            begin anywhere.
        seed: of what is forgotten; set Keras' own before the network is built.
        kept: the file in which the training is kept after each epoch, to go on from (`utils.resume`).
        report: called after each epoch with its number, from 1, and its record.

    Returns:
        For each epoch training loss and validation loss, nats per character, and seconds.

    Raises:
        ValueError: the text is too short for one batch, or `kept` belongs to another network.
    """
    x, y = streams(ids, rows, chunk)
    fewer = min(rows, (len(validation) - 1) // chunk) or 1
    cut = streams(validation, fewer, (len(validation) - 1) // fewer)
    held_out = np.concatenate([cut[0][0], cut[1][0][:, -1:]], axis=1)  # (streams, time + 1)
    falling = keras.optimizers.schedules.CosineDecay(rate, max(epochs * len(x), 1))
    net.compile(keras.optimizers.AdamW(falling, weight_decay=decay, clipnorm=1.0))
    records = resume.go_on(kept, net)

    @tf.function
    def update(inputs: tf.Tensor, targets: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            logits, state = net([inputs, state], training=True)
            losses = keras.losses.sparse_categorical_crossentropy(targets, logits, from_logits=True)
            loss = tf.reduce_mean(losses)
        net.optimizer.apply(tape.gradient(loss, net.trainable_variables), net.trainable_variables)
        return loss, state

    for epoch in range(len(records), epochs):
        rng, start = np.random.default_rng([seed, epoch]), time.perf_counter()
        state, losses = empty(net, rows), []
        for inputs, targets in zip(x, y, strict=True):
            remember = rng.random((rows, 1)) >= forget
            loss, state = update(tf.constant(inputs), tf.constant(targets), state * np.float32(remember))
            losses.append(loss)
        validation_loss = float(nats(net, held_out).mean())
        records.append([float(np.mean(losses)), validation_loss, time.perf_counter() - start])
        if kept is not None:
            resume.keep(kept, net, records)
        if report is not None:
            report(epoch + 1, records[-1])
    return records


def distribution(
    logits: Any, temperature: float = 1.0, top_k: int | None = None, nucleus: float | None = None
) -> np.ndarray:
    """The probabilities to draw from.

    Args:
        logits: `(N, V)`.
        temperature: divides the logits; 0 leaves the likeliest alone.
        top_k: so many of the likeliest stay; those that tie with the last stay too. All if None.
        nucleus: the likeliest stay that together hold this share, in (0, 1] (Holtzman et al. 2020). All if
            None.

    Returns:
        `(N, V)`, float64, rows that add up to 1.

    Raises:
        ValueError: a setting outside its range.
    """
    if not (temperature >= 0 and math.isfinite(temperature)):
        raise ValueError(f"temperature is {temperature}; it must be 0 or more.")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k is {top_k}; it must be 1 or more.")
    if nucleus is not None and not 0 < nucleus <= 1:
        raise ValueError(f"nucleus is {nucleus}; it must be in (0, 1].")
    logits = np.asarray(logits, dtype=np.float64)
    logits = (logits - logits.max(axis=-1, keepdims=True)) / max(temperature, 1e-6)
    p = np.exp(logits)
    p /= p.sum(axis=-1, keepdims=True)
    ranked = -np.sort(-p, axis=-1)
    if top_k is not None:
        p = np.where(p >= ranked[:, min(top_k, p.shape[-1]) - 1, None], p, 0)
    if nucleus is not None:
        needed = (ranked.cumsum(axis=-1) < nucleus - 1e-12).sum(axis=-1)[:, None]
        last = np.take_along_axis(ranked, needed.clip(max=p.shape[-1] - 1), axis=-1)
        p = np.where(p >= last, p, 0)
    return p / p.sum(axis=-1, keepdims=True)


def write(
    net: keras.Model,
    prompt: Sequence[int],
    length: int,
    *,
    rows: int = 1,
    seed: int = 0,
    **settings: Any,
) -> np.ndarray:
    """Continuations of a prompt: draw a character, feed it back, again and again.

    Args:
        net: from `[ids, state]` to `[logits, new state]`.
        prompt: ids, at least one.
        length: characters to write.
        rows: how many continuations, side by side.
        seed: of the draws.
        settings: of `distribution`.

    Returns:
        ids `(rows, length)`, without the prompt.

    Raises:
        ValueError: the prompt is empty.
    """
    if not len(prompt):
        raise ValueError("The prompt is empty; give at least one character to begin with.")
    rng, written = np.random.default_rng(seed), np.zeros((rows, length), np.int32)
    ids, state = np.tile(np.asarray(prompt, np.int32), (rows, 1)), empty(net, rows)
    for t in range(length):
        logits, state = reader(net)(tf.constant(ids), state)
        chances = distribution(logits[:, -1], **settings).cumsum(axis=-1)
        drawn = (rng.random((rows, 1)) * chances[:, -1:] >= chances).sum(axis=-1)
        written[:, t] = drawn.clip(max=chances.shape[-1] - 1)
        ids = written[:, t : t + 1]
    return written
