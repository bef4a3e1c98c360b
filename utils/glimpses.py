"""A network that looks at a picture glimpse by glimpse, RAM (Mnih et al. 2014), and its path drawn.

Lesson 18 builds the same network line by line. Not here: the pictures (`utils.scattered`).
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers, ops

from utils import plots

POINTS = 12  # of a patch, across and down
SIZES = (1, 2, 4)  # pixels across that a point of each patch covers
FRAMED = 1  # which patch is drawn
Choice = Callable[[Any, Any, bool], tuple[Any, Any]]


def sums_of(pictures: Any) -> Any:
    """Sums of all pixels above and to the left.

    Args:
        pictures: `(N, S, S)`, 0 to 255.

    Returns:
        `(N, S + 1, S + 1)`, float32, first row and column 0; white counts 1.
    """
    light = ops.pad(ops.cast(pictures, "float32") / 255, ((0, 0), (1, 0), (1, 0)))
    return ops.cumsum(ops.cumsum(light, axis=1), axis=2)


def glimpse(sums: Any, places: Any) -> Any:
    """Patches around a place, from sharp and small to blurred and large (section 3.1 of the paper).

    Args:
        sums: as `sums_of` returns them.
        places: `(N, 2)`, y and x from -1, the upper or left edge, to 1; beyond, the edge counts.

    Returns:
        `(N, 3, 12, 12)`, each point the mean of 1, 4 or 16 pixels, 0 to 1; beyond the edge it is black.
    """
    width = sums.shape[1]
    middle = ops.cast(ops.round((ops.clip(places, -1, 1) + 1) / 2 * (width - 1)), "int32")
    flat, found = ops.reshape(sums, (-1, width**2)), []
    for size in SIZES:
        grid = ((np.arange(POINTS + 1) - POINTS // 2) * size).astype("int32")
        at = ops.clip(middle[:, :, None] + grid, 0, width - 1)  # beyond the edge no sum grows
        corners = at[:, 0, :, None] * width + at[:, 1, None, :]
        s = ops.take_along_axis(flat, ops.reshape(corners, (-1, (POINTS + 1) ** 2)), axis=1)
        s = ops.reshape(s, (-1, POINTS + 1, POINTS + 1))
        found.append((s[:, 1:, 1:] - s[:, :-1, 1:] - s[:, 1:, :-1] + s[:, :-1, :-1]) / size**2)
    return ops.stack(found, axis=1)


def sampled(mean: Any, noise: Any, spread: float) -> tuple[Any, Any]:
    """A place drawn around its mean, and its log-probability up to a constant, `(N, 2)` and `(N,)`.

    The place counts as given, the mean does not: that is where REINFORCE's gradient comes from.
    """
    place = ops.stop_gradient(mean + spread * noise)
    return place, -ops.sum(ops.square((place - mean) / spread), axis=1) / 2


def learnt(mean: Any, noise: Any, training: bool, spread: float = 0.2) -> tuple[Any, Any]:
    """In training a place around the mean, else the mean itself."""
    return sampled(mean, noise, spread) if training else (mean, ops.zeros_like(mean[:, 0]))


def at_random(mean: Any, noise: Any, training: bool) -> tuple[Any, Any]:
    """A place anywhere; the error function makes uniform noise of normal noise."""
    return ops.erf(noise / 2**0.5), ops.zeros_like(mean[:, 0])


def frozen(mean: Any, noise: Any, training: bool) -> tuple[Any, Any]:
    """The mistake of stopping the gradient at the mean: it is drawn around, and never learnt."""
    return learnt(ops.stop_gradient(mean), noise, training)


@keras.saving.register_keras_serializable(package="unrolled")
class Ram(keras.Model):
    """Looks at pictures glimpse by glimpse; learns by cross-entropy and REINFORCE (Mnih et al. 2014).

    From pictures `(N, S, S)` to a list: logits `(N, T, 10)`, places `(N, T, 2)`, log-probabilities of the
    places and rewards that were expected before each glimpse, both `(N, T)`.

    Args:
        units: hidden units.
        count: T, how many glimpses.
        choose: how a place is chosen: "learnt", "at_random" or "frozen".
        fixed: T places (y, x), -1 to 1, the same for all pictures; then nothing is chosen.

    Raises:
        ValueError: another number of fixed places than of glimpses.
    """

    CHOICES: dict[str, Choice] = {"learnt": learnt, "at_random": at_random, "frozen": frozen}  # noqa: RUF012

    def __init__(
        self,
        units: int = 128,
        count: int = 6,
        choose: str = "learnt",
        fixed: Sequence[tuple[float, float]] = (),
        **kwargs: Any,
    ) -> None:
        if len(fixed) not in (0, count):
            raise ValueError(f"{count} glimpses need as many fixed places, or none; got {len(fixed)}.")
        super().__init__(**kwargs)
        self.units, self.count, self.choose = units, count, choose
        self.fixed = tuple(map(tuple, fixed))
        self.what, self.where, self.join = (layers.Dense(n, "relu") for n in (units, 64, units))
        self.lstm = layers.LSTMCell(units)
        self.label, self.aim, self.expect = layers.Dense(10), layers.Dense(2, "tanh"), layers.Dense(1)
        self.seed = keras.random.SeedGenerator(0)

    def get_config(self) -> dict[str, Any]:
        own = {"units": self.units, "count": self.count, "choose": self.choose, "fixed": self.fixed}
        return {**super().get_config(), **own}

    def call(self, pictures: Any, training: bool = False) -> list[Any]:
        zeros = ops.zeros((ops.shape(pictures)[0], self.units))
        sums, states, steps = sums_of(pictures), [zeros, zeros], []
        for step in range(self.count):
            mean = self.aim(states[0])
            noise = keras.random.normal(ops.shape(mean), seed=self.seed)
            place, log_p = self.CHOICES[self.choose](mean, noise, training)
            if self.fixed:
                place = ops.zeros_like(mean) + np.array(self.fixed[step], "float32")
                log_p = ops.zeros_like(log_p)
            expected = self.expect(ops.stop_gradient(states[0]))[:, 0]
            seen = self.what(ops.reshape(glimpse(sums, place), (-1, len(SIZES) * POINTS**2)))
            features = self.join(ops.concatenate([seen, self.where(place)], axis=1))
            _, states = self.lstm(features, states)
            steps.append((self.label(states[0]), place, log_p, expected))
        return [ops.stack(part, axis=1) for part in zip(*steps, strict=True)]

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        return hybrid(y, *y_pred)


def weights_of(count: int) -> np.ndarray:
    """How much each of so many glimpses at a digit counts: the last as much as all before it together."""
    early = [0.5 / (count - 1)] * (count - 1) if count > 1 else []
    return np.array([*early, 1 - sum(early)], "float32")


def hybrid(labels: Any, logits: Any, places: Any, log_p: Any, expected: Any) -> Any:
    """Cross-entropy, REINFORCE and the squared error of what was expected, a mean over pictures.

    Args:
        labels: `(N, 1)`; the others as `Ram` returns them.
    """
    count = logits.shape[1]
    truth, weights = ops.repeat(ops.cast(labels, "int32"), count, axis=1), weights_of(count)
    surprise = keras.losses.sparse_categorical_crossentropy(truth, logits, from_logits=True)
    right = ops.cast(ops.equal(ops.cast(ops.argmax(logits, axis=-1), "int32"), truth), "float32") * weights
    reward = ops.flip(ops.cumsum(ops.flip(right, axis=1), axis=1), axis=1)  # from this glimpse on
    better = ops.stop_gradient(reward - expected)
    terms = surprise * weights - 0.15 * better * log_p + 0.5 * ops.square(reward - expected)
    return ops.mean(ops.sum(terms, axis=1))


def pixel(places: np.ndarray, side: int) -> np.ndarray:
    """Places, -1 to 1, as positions in a drawn picture of so many pixels, 0 at the first one's middle."""
    return (np.clip(places, -1, 1) + 1) / 2 * side - 0.5


def album(pictures: np.ndarray, labels: np.ndarray) -> None:
    """Pictures side by side, grey, each with its labels above.

    Args:
        pictures: `(N, S, S)`.
        labels: `(N, K)`, of K digits in each picture.
    """
    _, axes = plt.subplots(1, len(pictures), figsize=(6.4, 7.8 / len(pictures)), squeeze=False)
    for ax, picture, digits in zip(axes[0], pictures, labels, strict=True):
        ax.imshow(picture, cmap="gray")
        ax.set_title(" ".join(map(str, digits)), fontsize=11, pad=3)
        ax.axis("off")


def draw_paths(pictures: np.ndarray, places: np.ndarray, said: np.ndarray, columns: int = 2) -> None:
    """Each picture with the path of its glimpses, and beside it what each glimpse saw in its middle patch.

    The path begins at a ring and ends at an orange dot.

    Args:
        pictures: `(N, S, S)`.
        places: of the glimpses, `(N, T, 2)`.
        said: the label that the network would have given after each glimpse, `(N, T)`.
        columns: how many pictures stand side by side.
    """
    steps, half = places.shape[1], (places.shape[1] + 1) // 2
    rows, wide = -(-len(pictures) // columns), half + 2
    inches = min(6.8, 0.8 * columns * wide)
    figure = plt.figure(figsize=(inches, 2.4 * rows * inches / (columns * wide)))
    grid = figure.add_gridspec(2 * rows, columns * wide)
    for k, (picture, path) in enumerate(zip(pictures, places, strict=True)):
        top, left = k // columns * 2, k % columns * wide
        ax = figure.add_subplot(grid[top : top + 2, left : left + 2])
        y, x = pixel(path, picture.shape[0]).T
        ax.imshow(picture, cmap="gray")
        ax.plot(x, y, color=plots.SKY, lw=1.5, marker="o", ms=3)
        ax.plot(x[0], y[0], "o", mfc="none", mec=plots.SKY, ms=7)
        ax.plot(x[-1], y[-1], "o", color=plots.ORANGE, ms=6)
        ax.axis("off")
        seen = glimpse(sums_of(np.repeat(picture[None], steps, axis=0)), path)[:, FRAMED]
        for t in range(steps):
            ax = figure.add_subplot(grid[top + t // half, left + 2 + t % half])
            ax.imshow(seen[t], cmap="gray", vmin=0, vmax=1)
            ax.set_title(str(said[k, t]), fontsize=9, pad=2)
            ax.axis("off")
