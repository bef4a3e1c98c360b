"""Networks that listen: frames made ready, letters as numbers, batches, two networks, errors counted.

Two ways from sound to text. One says a symbol at each frame and is trained by CTC (`utils.ctc`). The other
listens with a pyramid of LSTMs, and writes by attention (Chan et al. 2016, "Listen, attend and spell"); its
decoder is that of `utils.seq2seq`. Lesson 12 explains both.

Not here: spectrograms (`utils.sound`); recordings (`utils.datasets`).
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jiwer
import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from utils import ctc, recurrent, seq2seq, training
from utils.captions import Words
from utils.decoding import Hypothesis, beam_search
from utils.pairs import Pairs
from utils.seq2seq import END, NEVER, START, Attention
from utils.sound import mel_bands

LETTERS = " ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"
CERTAIN = 1e4  # by how much the blank is ahead, in logits, where nothing is heard
LENGTHS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)  # to which batches are padded: few to compile for


def encode(text: str, alphabet: str = LETTERS) -> list[int]:
    """Characters as numbers from 1 on; 0 is the blank.

    Raises:
        ValueError: the alphabet lacks one of them.
    """
    strange = sorted(set(text) - set(alphabet))
    if strange:
        raise ValueError(f"The alphabet has no {strange[0]!r}; it is {alphabet!r}.")
    return [alphabet.index(letter) + 1 for letter in text]


def decode(symbols: Sequence[int], alphabet: str = LETTERS) -> str:
    """Numbers from 1 on as characters."""
    return "".join(alphabet[symbol - 1] for symbol in symbols)


def normalised(frames: np.ndarray) -> np.ndarray:
    """Each coefficient with mean 0 and variance 1 over a recording: so loudness and microphone do not count.

    Args:
        frames: `(time, features)`.
    """
    spread = frames.std(axis=0, keepdims=True)
    return ((frames - frames.mean(axis=0, keepdims=True)) / np.maximum(spread, 1e-5)).astype(np.float32)


def with_deltas(frames: np.ndarray, reach: int = 2) -> np.ndarray:
    """Frames beside their slopes and the slopes of these: (time, F) -> (time, 3 F) (Furui 1986).

    Args:
        frames: `(time, F)`.
        reach: the slope is that of a line through so many frames on each side.
    """

    def slope(x: np.ndarray) -> np.ndarray:
        padded = np.pad(x, ((reach, reach), (0, 0)), mode="edge")
        total = np.zeros_like(x)
        for k in range(1, reach + 1):
            total += k * (padded[reach + k : reach + k + len(x)] - padded[reach - k : reach - k + len(x)])
        return total / (2 * sum(k * k for k in range(1, reach + 1)))

    first = slope(frames)
    return np.concatenate([frames, first, slope(first)], axis=1)


def stacked(frames: np.ndarray, count: int = 3) -> np.ndarray:
    """So many frames side by side as one: (time, F) -> (time / count, count F), rounded up.

    The last frame is repeated where one is missing.
    """
    missing = -len(frames) % count
    padded = np.pad(frames, ((0, missing), (0, 0)), mode="edge")
    return padded.reshape(len(padded) // count, -1)


def faster(frames: np.ndarray, factor: float) -> np.ndarray:
    """The same speech, so many times as fast: frames between frames are mixed from both.

    Args:
        frames: `(time, F)`.
        factor: above 1 there are fewer frames, below 1 more.
    """
    places = np.linspace(0, len(frames) - 1, max(2, round(len(frames) / factor)))
    low = np.floor(places).astype(int)
    part = (places - low)[:, None].astype(frames.dtype)
    return (1 - part) * frames[low] + part * frames[np.minimum(low + 1, len(frames) - 1)]


def masked(
    frames: np.ndarray,
    rng: np.random.Generator,
    *,
    times: int = 2,
    longest: float = 0.08,
    channels: int = 1,
    widest: int = 2,
) -> np.ndarray:
    """Stretches of time, and some features, set to 0, the mean (SpecAugment, Park et al. 2019).

    Args:
        frames: normalised, `(time, F)`.
        rng: another one hides others.
        times: stretches of time that are hidden.
        longest: each, at most, as a share of the recording.
        channels: bands of neighbouring features that are hidden.
        widest: each, at most.
    """
    frames = frames.copy()
    for _ in range(times):
        length = rng.integers(0, int(longest * len(frames)) + 1)
        begin = rng.integers(0, len(frames) - length + 1)
        frames[begin : begin + length] = 0
    for _ in range(channels):
        width = rng.integers(0, widest + 1)
        begin = rng.integers(0, frames.shape[1] - width + 1)
        frames[:, begin : begin + width] = 0
    return frames


def pad(rows: Sequence[np.ndarray], lengths: Sequence[int] = LENGTHS) -> tuple[np.ndarray, np.ndarray]:
    """Recordings as one array `(N, T, F)`, float32, with zeros behind, and how many frames each has.

    Args:
        rows: `(time, F)` each.
        lengths: T is the first of these that suffices, else as long as the longest.
    """
    counts = np.array([len(row) for row in rows], np.int32)
    time = next((length for length in lengths if length >= counts.max()), int(counts.max()))
    padded = np.zeros((len(rows), time, rows[0].shape[1]), np.float32)
    for line, row in zip(padded, rows, strict=True):
        line[: len(row)] = row
    return padded, counts


Ready = Callable[[np.ndarray, np.random.Generator | None], np.ndarray]


def batches(
    frames: Sequence[np.ndarray],
    texts: Sequence[Sequence[int]],
    rng: np.random.Generator,
    size: int,
    ready: Ready,
    window: int = 10,
) -> Iterator[tuple[list[np.ndarray], np.ndarray]]:
    """Batches of recordings of like length, in random order, each made ready anew.

    Args:
        frames: of the recordings, `(time, F)` each.
        texts: numbers of their symbols.
        rng: another one gives other batches.
        size: recordings in a batch; what fills none is left out this time.
        ready: from the frames of a recording to what the network reads, changed a little by the generator.
        window: so many batches are drawn at random and sorted by length among themselves.

    Returns:
        `[frames (size, T, F), their counts (size,)]`, and texts `(size, L)`, int32, padded by 0.

    Raises:
        ValueError: there are too few recordings, or not one text for each.
    """
    if len(frames) != len(texts):
        raise ValueError(f"{len(frames)} recordings and {len(texts)} texts; give one for each.")
    if len(frames) < size:
        raise ValueError(f"{len(frames)} recordings do not fill a batch of {size}; take more.")
    order = rng.permutation(len(frames))[: len(frames) // size * size]
    for first in range(0, len(order), window * size):
        part = order[first : first + window * size]
        part[:] = sorted(part, key=lambda k: len(frames[k]))
    for k in rng.permutation(len(order) // size):
        rows = order[k * size : (k + 1) * size]
        padded, counts = pad([ready(frames[i], rng) for i in rows])
        yield [padded, counts], seq2seq.pad([texts[i] for i in rows])


@keras.saving.register_keras_serializable("unrolled")
class Heard(layers.Layer):
    """Where frames count: from counts `(N,)` and frames `(N, T, F)` to `(N, T)`, True up to each count."""

    supports_masking = True

    def call(self, frames: Any, counts: Any) -> Any:
        return ops.arange(ops.shape(frames)[1])[None, :] < ops.cast(counts, "int32")[:, None]

    def compute_output_shape(self, frames_shape: Any, counts_shape: Any) -> Any:
        return frames_shape[:2]

    def compute_output_spec(self, frames: Any, counts: Any) -> Any:
        return keras.KerasTensor(frames.shape[:2], "bool")

    def compute_mask(self, frames: Any, previous_mask: Any = None) -> None:
        return None


@keras.saving.register_keras_serializable("unrolled")
class Padded(layers.Layer):
    """Logits `(N, T, K)` in which the blank is certain where a mask `(N, T)` is False.

    So what is padded says nothing: loss and text are those of the frames that count.
    """

    supports_masking = True

    def call(self, logits: Any, heard: Any) -> Any:
        blank = CERTAIN * ops.one_hot(ctc.BLANK, logits.shape[-1], dtype=logits.dtype)
        return ops.where(heard[..., None], logits, blank)

    def compute_output_shape(self, logits_shape: Any, heard_shape: Any) -> Any:
        return logits_shape

    def compute_mask(self, logits: Any, previous_mask: Any = None) -> None:
        return None


@keras.saving.register_keras_serializable("unrolled")
class Spectrum(layers.Layer):
    """From sound `(N, time)`, int16, to frames `(N, T, 32 count)`: `log_mel`, `normalised`, `stacked` in one.

    So a network takes recordings as they are, all of one length, and can be stored as one file.

    Args:
        rate: samples per second of the sound; a recording lasts 32 ms at least.
        count: frames that are stacked.
    """

    def __init__(self, rate: int, count: int, **options: Any) -> None:
        super().__init__(**options)
        self.rate, self.count = rate, count

    def call(self, samples: Any) -> Any:
        length, hop = round(0.032 * self.rate), round(0.010 * self.rate)
        window = np.hanning(length).astype(np.float32)
        loud = ops.cast(samples, "float32") / 32768
        real, imaginary = ops.stft(loud, length, hop, length, window, center=False)
        bands = mel_bands(32, length // 2 + 1, self.rate).astype(np.float32)
        x = ops.log(ops.matmul(real**2 + imaginary**2, bands) + 1e-6)
        x -= ops.mean(x, axis=1, keepdims=True)
        x /= ops.maximum(ops.std(x, axis=1, keepdims=True), 1e-5)
        last = [x[:, -1:]] * (self.count - 1)  # to fill the last step; what is too much is cut off
        x = ops.concatenate([x, *last], axis=1)
        steps = ops.shape(x)[1] // self.count
        return ops.reshape(x[:, : steps * self.count], (-1, steps, 32 * self.count))

    def compute_output_spec(self, samples: Any) -> Any:
        return keras.KerasTensor((samples.shape[0], None, 32 * self.count), "float32")

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rate": self.rate, "count": self.count}


def listener(
    features: int,
    symbols: int,
    units: int,
    *,
    depth: int = 2,
    dense: int = 0,
    dropout: float = 0.0,
    lstm: Any = recurrent.LSTM,
) -> keras.Model:
    """A network from frames `(N, T, F)` and their counts `(N,)` to logits `(N, T, K)`, for CTC.

    Args:
        features: F.
        symbols: K, the blank counted.
        units: H, hidden units of each direction.
        depth: bidirectional layers on one another.
        dense: units of a layer below them, at each frame by itself; 0 for none.
        dropout: share of the numbers that are hidden between layers.
        lstm: the recurrent layer.
    """
    frames, counts = keras.Input((None, features)), keras.Input((), dtype="int32")
    mask, x = Heard()(frames, counts), frames
    if dense:
        x = layers.Dropout(dropout)(layers.Dense(dense, "relu")(x))
    for _ in range(depth):
        x = layers.Bidirectional(lstm(units, return_sequences=True))(x, mask=mask)
        x = layers.Dropout(dropout)(x)
    return keras.Model([frames, counts], Padded()(layers.Dense(symbols)(x), mask), name="ctc")


def train(
    model: keras.Model,
    frames: Sequence[np.ndarray],
    texts: Sequence[Sequence[int]],
    epochs: int,
    rate: float,
    *,
    ready: Ready,
    seed: int = 0,
    size: int = 16,
    report: Callable[[int, list[float]], Sequence[float]] | None = None,
    path: Path | None = None,
    eager: bool = False,
) -> list[list[float]]:
    """Train either network from new weights.

    Args:
        model: as `listener` or `speller` makes it.
        frames: of the recordings, `(time, F)` each.
        texts: numbers of their symbols; for a speller from START to END.
        epochs: how often all are heard.
        rate: the highest learning rate, see `training.rate_at`.
        ready: as for `batches`.
        seed: of the weights, of dropout and of the order.
        size: recordings in a batch.
        report: as for `training.train`.
        path: where the training is kept after each epoch, and goes on from, see `utils.resume`.
        eager: do not compile; for a few batches that is faster.

    Returns:
        As `training.train`.

    Raises:
        ValueError: a text is too long for its frames.
    """
    if model.name == "ctc":
        ctc.require_room(texts, [len(ready(one, None)) for one in frames])

    def epoch(rng: np.random.Generator) -> Iterator[tuple[list, np.ndarray]]:
        for (heard, counts), told in batches(frames, texts, rng, size, ready):
            if model.name == "ctc":
                ctc.require_room(
                    [row[row > 0].tolist() for row in told], counts
                )  # `ready` may make it faster
                yield [heard, counts], told
            else:
                yield [heard, counts, told[:, :-1]], told[:, 1:]

    loss = ctc.loss if model.name == "ctc" else seq2seq.smoothed
    count = len(frames) // size
    return training.train(
        model, epoch, count, epochs, rate, seed=seed, loss=loss, path=path, report=report, eager=eager
    )


def by_length(
    frames: Sequence[np.ndarray], ready: Ready, size: int
) -> Iterator[tuple[list[int], np.ndarray, np.ndarray]]:
    """Numbers of recordings of like length, their frames made ready and padded, and their counts."""
    order = sorted(range(len(frames)), key=lambda k: len(frames[k]))
    for first in range(0, len(order), size):
        rows = order[first : first + size]
        yield rows, *pad([ready(frames[k], None) for k in rows])


def logits_of(
    model: keras.Model, frames: Sequence[np.ndarray], ready: Ready, size: int = 32
) -> list[np.ndarray]:
    """What a listener says of each recording, `(T, K)` without the padding."""
    found: dict[int, np.ndarray] = {}
    for rows, heard, counts in by_length(frames, ready, size):
        logits = model.predict_on_batch([heard, counts])
        found |= {k: one[:count] for k, one, count in zip(rows, logits, counts, strict=True)}
    return [found[k] for k in range(len(frames))]


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Logarithms of probabilities, over the last axis."""
    return logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)


def speller(
    features: int,
    symbols: int,
    units: int,
    *,
    floors: int = 2,
    embedding: int = 64,
    dropout: float = 0.0,
    lstm: Any = recurrent.LSTM,
) -> keras.Model:
    """A network from frames, their counts and the symbols so far to the logits of the next symbols.

    It listens with a pyramid: a bidirectional LSTM, and `floors` more of them, each of which reads the
    states below in pairs. It writes with the decoder of `utils.seq2seq`.

    Args:
        features: F.
        symbols: V, the four special ones counted.
        units: H, hidden units of each direction, and of the decoder.
        floors: how often the steps are halved.
        embedding: E, numbers in the vector of a symbol.
        dropout: share of the numbers that are hidden between layers.
        lstm: the recurrent layer.
    """
    frames, counts = keras.Input((None, features)), keras.Input((), dtype="int32")
    told = keras.Input((None,), dtype="int32")
    x, mask = frames, Heard(name="heard0")(frames, counts)
    for floor in range(floors + 1):
        if floor:
            counts_now = (counts + 2**floor - 1) // 2**floor
            x = Pairs()(layers.Dropout(dropout)(x))
            mask = Heard(name=f"heard{floor}")(x, counts_now)
        last = floor == floors
        layer = layers.Bidirectional(
            lstm(units, return_sequences=True, return_state=last), name="encoder" if last else f"floor{floor}"
        )
        x = layer(x, mask=mask)
    h, *ends = x
    v = ops.concatenate([ends[0], ends[2]], axis=-1)
    first = [layers.Dense(units, "tanh", name=name)(v) for name in ("h0", "c0")]
    table = Words(
        symbols, embedding, embeddings_initializer=keras.initializers.RandomNormal(stddev=0.1), name="words"
    )
    y = layers.Dropout(dropout)(table(told) * embedding**0.5)
    s = lstm(units, return_sequences=True, name="decoder")(y, initial_state=first)
    context = Attention(name="attention")(s, h, mask)[0]
    squeezed = layers.Dense(embedding, "tanh", name="squeeze")(ops.concatenate([context, s], axis=-1))
    return keras.Model(
        [frames, counts, told], table(layers.Dropout(dropout)(squeezed), score=True), name="attention"
    )


def begin(model: keras.Model, frames: np.ndarray, counts: np.ndarray) -> Any:
    """The state of a speller before the first symbol, as `seq2seq.stepper` takes it.

    Args:
        model: as `speller` makes it.
        frames: `(N, T, F)`.
        counts: `(N,)`.
    """
    if "unrolled_ears" not in model.__dict__:
        top = max(layer.name for layer in model.layers if isinstance(layer, Heard))
        h, *first = (model.get_layer(name).output for name in ("encoder", "h0", "c0"))
        model.__dict__["unrolled_ears"] = keras.Model(
            model.inputs[:2], [*first, h[0], model.get_layer(top).output]
        )
    *first, h, mask = model.__dict__["unrolled_ears"]([tf.constant(frames), tf.constant(counts)])
    return list(first), h, tf.cast(mask, tf.bool)


def spell(
    model: keras.Model,
    frames: Sequence[np.ndarray],
    ready: Ready,
    *,
    width: int = 1,
    power: float = 1.0,
    longest: int = 60,
    size: int = 50,
) -> list[Hypothesis]:
    """The best text of each recording that beam search finds.

    Args:
        model: as `speller` makes it.
        frames: of the recordings, `(time, F)` each.
        ready: as for `batches`.
        width: of the beam; 1 is greedy.
        power: of the length by which log-probabilities are divided, see `utils.decoding`.
        longest: symbols at most, END counted.
        size: recordings that are heard at once.
    """
    step = seq2seq.stepper(model)
    found: dict[int, Hypothesis] = {}
    for rows, heard, counts in by_length(frames, ready, size):
        state = begin(model, heard, counts)
        best = beam_search(step, state, [START] * len(rows), END, longest, width, power, NEVER)
        found |= {k: hypotheses[0] for k, hypotheses in zip(rows, best, strict=True)}
    return [found[k] for k in range(len(frames))]


def looks(model: keras.Model, frames: np.ndarray, told: Sequence[int]) -> np.ndarray:
    """Where a speller looks as it writes each symbol, `(symbols, steps of the top floor)`.

    Args:
        model: as `speller` makes it.
        frames: of one recording, made ready, `(T, F)`.
        told: what it writes, from START on; the last one is written, but not read.
    """
    heard, counts = pad([frames])
    (first, h, mask), table = begin(model, heard, counts), model.get_layer("words")
    x = table(tf.constant([list(told[:-1])])) * table.output_dim**0.5
    s = model.get_layer("decoder")(x, initial_state=first)
    weights = np.asarray(model.get_layer("attention")(s, h, mask)[1])[0]
    return weights[:, : int(np.asarray(mask)[0].sum())]


def word_errors(said: Sequence[str], heard: Sequence[str]) -> float:
    """Word error rate of all texts together, in percent, as jiwer counts it.

    Args:
        said: the true texts, none empty.
        heard: what was made of them.
    """
    return 100 * float(jiwer.wer(list(said), list(heard)))


def letter_errors(said: Sequence[str], heard: Sequence[str]) -> float:
    """The same for characters, spaces counted: the character error rate."""
    return 100 * float(jiwer.cer(list(said), list(heard)))


def errors_each(said: Sequence[str], heard: Sequence[str], *, letters: bool = False) -> np.ndarray:
    """Errors and length of each text, `(texts, 2)`: so that sums over any texts give their rate.

    Args:
        said: the true texts, none empty.
        heard: what was made of them.
        letters: count characters, not words.
    """
    count = jiwer.process_characters if letters else jiwer.process_words
    rows = []
    for one, other in zip(said, heard, strict=True):
        out = count(one, other)
        rows.append(
            [out.substitutions + out.deletions + out.insertions, out.hits + out.substitutions + out.deletions]
        )
    return np.array(rows, float)
