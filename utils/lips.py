"""Small frames, words as labels of frames, strips of mouths, four networks: for lesson 13 and its lab.

Eyes and the window around a mouth are those that lesson 13 builds.

Not here: films (`utils.datasets.films`); drawn mouths (`utils.samples.mouths`).
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from matplotlib.axes import Axes

from utils import recurrent, training
from utils.datasets.films import FRAMES, HIGH, WIDE, Film
from utils.samples import mouths

RATE = 25  # frames per second
WINDOW = (32, 56)  # rows and columns of what a network sees of a film
FEATURES = 128  # numbers that eyes give for a frame
KINDS = ("one frame", "bag of frames", "shuffled", "LSTM")


def small(films: Sequence[Film], side: int = 4) -> np.ndarray:
    """Films in few pixels, `(N, 75, pixels)`, float32: each the mean of a square, less its mean in time.

    What is left is what moves; its standard deviation over a film is 1.

    Args:
        films: to be made smaller.
        side: of a square, in pixels.
    """
    found = []
    for film in films:
        squares = film.frames.reshape(FRAMES, HIGH // side, side, WIDE // side, side)
        moves = squares.mean(axis=(2, 4), dtype=np.float32).reshape(FRAMES, -1)
        moves -= moves.mean(axis=0)
        found.append(moves / max(float(moves.std()), 1e-5))
    return np.stack(found)


def window(
    frames: np.ndarray, rng: np.random.Generator | None = None, *, faster: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """What a network sees of a film: the middle of each frame, with mean 0 and variance 1 over the film.

    Args:
        frames: `(75, 40, 80)`, uint8.
        rng: where there is one, all frames alike are shifted by up to 3 pixels, mirrored or not, and the film
            is faster or slower by up to a tenth and begins up to 2 frames earlier or later.
        faster: whether its speed may change.

    Returns:
        The window, `(75, 32, 56)`, float32, and which frame of the film stands at each time, `(75,)`.
    """
    y, x, side, times = (HIGH - WINDOW[0]) // 2, (WIDE - WINDOW[1]) // 2, 1, np.arange(FRAMES)
    if rng is not None:
        y, x, side = y + rng.integers(-3, 4), x + rng.integers(-3, 4), rng.choice([1, -1])
        if faster:
            speed, begin, middle = rng.uniform(0.9, 1.1), rng.uniform(-2, 2), FRAMES // 2
            places = np.round((times - middle) * speed + middle + begin)
            times = np.clip(places, 0, FRAMES - 1).astype(int)
    seen = frames[times, y : y + WINDOW[0], x : x + WINDOW[1]][:, :, ::side].astype(np.float32)
    return (seen - seen.mean()) / max(float(seen.std()), 1e-5), times


def eyes(features: int = FEATURES, dropout: float = 0.3) -> keras.Model:
    """A network from windows `(N, 75, 32, 56)` to features of each frame for itself, `(N, 75, features)`.

    Args:
        features: numbers for each frame.
        dropout: share of what leaves the convolutions that is hidden in training.
    """
    windows = keras.Input((FRAMES, *WINDOW))
    x = ops.reshape(windows, (-1, *WINDOW, 1))  # all frames as one batch
    for filters, size in ((16, 5), (32, 3), (48, 3)):
        x = layers.Conv2D(filters, size, strides=2, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Dense(features, "relu")(layers.Dropout(dropout)(layers.Flatten()(x)))
    return keras.Model(windows, ops.reshape(x, (-1, FRAMES, features)), name="eyes")


def look(sees: keras.Model, films: Sequence[Film], views: int = 1) -> np.ndarray:
    """What eyes make of films, `(N, views, 75, features)`.

    Args:
        sees: as `eyes` makes it.
        films: to be looked at.
        views: how often; the first time as they are, then shifted and perhaps mirrored.
    """
    rng, found = np.random.default_rng(0), []
    for view in range(views):
        seen = [window(film.frames, rng if view else None, faster=False)[0] for film in films]
        found.append(np.concatenate([sees.predict_on_batch(one[None]) for one in seen]))
    return np.stack(found, axis=1)


def word_batches(
    films: Sequence[Film], words: Sequence[str], size: int
) -> Callable[[np.random.Generator], Iterator[tuple[np.ndarray, np.ndarray]]]:
    """Batches of windows and of the words at their frames, as `training.train` takes them.

    Args:
        films: to learn from.
        words: all there are, silence first.
        size: films in a batch.
    """
    labels = [words_at(film, words) for film in films]

    def batches(rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        order = rng.permutation(len(films))
        for first in range(0, len(order) - size + 1, size):
            rows = order[first : first + size]
            seen = [window(films[k].frames, rng) for k in rows]
            told = [labels[k][times] for k, (_, times) in zip(rows, seen, strict=True)]
            yield np.stack([one for one, _ in seen]), np.stack(told)

    return batches


def words_at(film: Film, words: Sequence[str]) -> np.ndarray:
    """Which word is said at each frame, `(75,)`, int32: its place in `words`, or 0 where none is said.

    A frame has the word that is said in its middle.

    Args:
        film: with the words' spans.
        words: all there are; the first stands for silence.
    """
    found, middle = np.zeros(FRAMES, np.int32), np.arange(FRAMES) + 0.5
    for begin, end, word in film.spans:
        found[(middle >= begin) & (middle < end)] = words.index(word)
    return found


def is_private(kind: str) -> bool:
    """Whether frames must not be stored: they are real, and the outputs are to be published."""
    return kind == "real" and bool(os.environ.get("UNROLLED_PUBLISH"))


def shown(film: Film, kind: str) -> np.ndarray:
    """The frames of a film; or of a drawn mouth that says the same words at the same times.

    Args:
        film: to be shown.
        kind: "real" or "sample", of the film's source.
    """
    return mouths.draw(film.spans) if is_private(kind) else film.frames


def strip(axes: Axes, frames: np.ndarray, every: int = 5) -> None:
    """Every so many-th frame of a film side by side, over seconds.

    Args:
        axes: to draw on.
        frames: `(75, 40, 80)`.
        every: the middle one of so many frames is shown; 75 can be divided by it.
    """
    row = np.concatenate(list(frames[every // 2 :: every]), axis=1)
    axes.imshow(row, cmap="gray", vmin=0, vmax=255, extent=(0, FRAMES / RATE, 0, 1), aspect="auto")
    axes.set_yticks([])
    axes.grid(False)


def to_grammar(text: str) -> str:
    """The sentence of GRID's grammar nearest to a text: the fewest letters changed, added or left out.

    Of equals the first in the alphabet.

    Args:
        text: in capital letters.
    """
    text = text.lower()
    best = [
        (count, "") for count in range(len(text) + 1)
    ]  # of so many letters read: changes, and words so far
    for place, slot in enumerate(mouths.SLOTS):
        ends = []
        for word in slot:
            row = best
            for letter in f" {word}" if place else word:
                new = [(row[0][0] + 1, row[0][1])]
                for j, other in enumerate(text):
                    ways = (row[j + 1], 1), (row[j], int(other != letter)), (new[j], 1)
                    new.append(min((way[0] + more, way[1]) for way, more in ways))
                row = new
            ends.append([(count, f"{words} {word}") for count, words in row])
        best = [min(several) for several in zip(*ends, strict=True)]
    return best[-1][1].strip().upper()


@keras.saving.register_keras_serializable("unrolled")
class OneFrame(layers.Layer):
    """The frame with a number, `(N, F)`, of films `(N, T, F)`.

    Args:
        number: of the frame.
    """

    def __init__(self, number: int, **options: Any) -> None:
        super().__init__(**options)
        self.number = number

    def call(self, frames: Any) -> Any:
        return frames[:, self.number]

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"number": self.number}


def guesser(
    kind: str,
    pixels: int,
    classes: int,
    units: int,
    *,
    frame: int = FRAMES // 2,
    dropout: float = 0.3,
    lstm: Any = recurrent.LSTM,
) -> keras.Model:
    """A network from films `(N, 75, pixels)` to logits `(N, classes)`.

    Args:
        kind: one of `KINDS`: a dense layer sees one frame, or each; or an LSTM reads all, in order or
            not: for "shuffled" the caller mixes them. What is made of several frames is pooled: each unit's
            average and its largest value go on.
        pixels: of a frame.
        classes: among which it chooses.
        units: hidden units.
        frame: which one frame.
        dropout: share of pixels and of units that are hidden in training.
        lstm: the recurrent layer.

    Raises:
        ValueError: there is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"There is no {kind!r}; there are {', '.join(KINDS)}.")
    frames = keras.Input((FRAMES, pixels))
    seen = layers.Dropout(dropout)(frames)
    if kind == "one frame":
        h = layers.Dense(units, "relu")(OneFrame(frame)(seen))
    else:
        reads = lstm(units, return_sequences=True) if kind != "bag of frames" else layers.Dense(units, "relu")
        states = reads(seen)
        pools = layers.GlobalAveragePooling1D(), layers.GlobalMaxPooling1D()
        h = layers.Concatenate()([pool(states) for pool in pools])
    return keras.Model(frames, layers.Dense(classes)(layers.Dropout(dropout)(h)), name=kind.replace(" ", "_"))


def mixed(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Films whose frames are in random order, each film in one of its own; `(N, T, F)`."""
    places = np.tile(np.arange(frames.shape[1]), (len(frames), 1))
    return np.take_along_axis(frames, rng.permuted(places, axis=1)[..., None], axis=1)


ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def train(
    model: keras.Model,
    frames: np.ndarray,
    labels: np.ndarray,
    epochs: int,
    rate: float,
    *,
    seed: int,
    size: int = 32,
    change: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None,
    path: Path | None = None,
    eager: bool = False,
) -> list[list[float]]:
    """Train a network that gives each film one label.

    Args:
        model: as `guesser` makes it.
        frames: `(N, 75, pixels)`.
        labels: a number for each film, `(N,)`.
        epochs: how often all are seen.
        rate: the highest learning rate, see `training.rate_at`.
        seed: of the weights, of dropout and of the order of the films.
        size: films in a batch.
        change: what is done to the frames of a batch, such as `mixed`.
        path: where the training is kept, see `utils.resume`.
        eager: do not compile.

    Returns:
        As `training.train`.
    """

    def batches(rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        order = rng.permutation(len(frames))
        for first in range(0, len(order) - size + 1, size):
            rows = order[first : first + size]
            yield (change(frames[rows], rng) if change else frames[rows]), labels[rows]

    count = len(frames) // size
    return training.train(
        model, batches, count, epochs, rate, seed=seed, loss=ENTROPY, path=path, eager=eager
    )
