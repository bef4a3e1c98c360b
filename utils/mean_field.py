"""Mean field in a conditional random field whose every pixel is tied to every other, as a recurrent network.

"CRF as RNN" (Zheng et al. 2015), the inference of Krähenbühl and Koltun (2011) with exact Gaussian kernels:
no filter that approximates them and no custom op, so pictures must be small, some thousand pixels.

A step, with the same weights in each: what the neighbours say (a mean weighted by a kernel, once by place and
once by place and colour), how much each kernel counts for each class, what labels cost side by side, and the
scores of the network once more. Pixels are numbered row by row; `N` is the batch, `P = H W`, `C` classes.

Not here: the networks that give the scores (`utils.segmentation`).
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops


def gaussian(points: Any) -> Any:
    """How near points are to each other, by a Gaussian of deviation 1.

    Args:
        points: `(..., P, F)`, float32, each coordinate divided by the deviation wanted.

    Returns:
        `(..., P, P)`, in (0, 1], symmetric, 1 on the diagonal.
    """
    points = points - ops.mean(points, axis=-2, keepdims=True)  # small numbers, small errors of rounding
    half = -ops.sum(points**2, axis=-1, keepdims=True) / 2
    one = ops.ones_like(half)
    left, right = ops.concatenate([points, half, one], -1), ops.concatenate([points, one, half], -1)
    return ops.exp(ops.minimum(left @ ops.swapaxes(right, -1, -2), 0.0))


def line(count: int, width: float) -> np.ndarray:
    """A Gaussian between places on a line, `(count, count)`, float32; `width` is its deviation, in pixels."""
    places = np.arange(count, dtype="float32") / width
    return np.exp(-((places[:, None] - places) ** 2) / 2)


def places_and_colors(pictures: Any, place: float, color: float) -> Any:
    """Where each pixel is and what colour it has, in units of the two deviations.

    Args:
        pictures: RGB, `(N, H, W, 3)`, 0 to 255.
        place: deviation in pixels.
        color: deviation in units of colour, of 255.

    Returns:
        `(N, P, 5)`, float32.
    """
    high, wide = pictures.shape[1:3]
    grid = np.stack(np.meshgrid(np.arange(high), np.arange(wide), indexing="ij"), axis=-1)
    where = ops.convert_to_tensor(np.float32(grid.reshape(1, -1, 2) / place))
    colors = ops.reshape(ops.cast(pictures, "float32") / color, (-1, high * wide, 3))
    return ops.concatenate([ops.zeros_like(colors[..., :2]) + where, colors], axis=-1)


@keras.saving.register_keras_serializable("unrolled")
class Kernels(layers.Layer):
    """From pictures `(N, H, W, 3)` to their bilateral kernels, built once and used by all iterations.

    Returns the kernel `(N, P, P)` and the sums of its rows without the pixel itself, `(N, P, 1)`.

    Args:
        place: deviation in pixels.
        color: deviation in units of colour, of 255.
    """

    def __init__(self, place: float = 8.0, color: float = 20.0, **options: Any) -> None:
        super().__init__(**options)
        self.place, self.color = place, color

    def call(self, pictures: Any) -> Any:
        kernel = gaussian(places_and_colors(pictures, self.place, self.color))
        return kernel, ops.sum(kernel, axis=-1, keepdims=True) - 1 + 1e-6

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "place": self.place, "color": self.color}


@keras.saving.register_keras_serializable("unrolled")
class MeanField(layers.Layer):
    """Mean field for some iterations: a recurrent network whose time is the iteration.

    Called with scores `(N, H, W, C)` and what `Kernels` returns; gives the scores of the last iteration, of
    the same shape, which a softmax turns into how likely each class is (Zheng et al. 2015, algorithm 1).

    Args:
        iterations: how many; 0 gives the scores back.
        near: deviation of the kernel of places alone, in pixels.
        strength: with which both kernels begin, in nats: what it costs if all neighbours have another class.
    """

    def __init__(self, iterations: int = 5, near: float = 2.0, strength: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        self.iterations, self.near, self.strength = iterations, near, strength

    def build(self, scores_shape: Any, *rest: Any) -> None:
        _, high, wide, classes = scores_shape
        start = keras.initializers.Constant(self.strength)
        self.weights_near = self.add_weight(shape=(classes,), initializer=start, name="near")
        self.weights_alike = self.add_weight(shape=(classes,), initializer=start, name="alike")
        self.costs = self.add_weight(shape=(classes, classes), initializer=potts, name="costs")
        self.rows, self.columns = line(high, self.near), line(wide, self.near)
        self.sums = (self.rows.sum(1)[:, None] * self.columns.sum(1) - 1)[None, :, :, None]
        self.built = True

    def step(self, z: Any, scores: Any, kernel: Any, sums: Any) -> Any:
        """One iteration: from the scores z of the one before, `(N, H, W, C)`, to new ones."""
        q = ops.softmax(z, axis=-1)
        near = ops.einsum("ij,njwc->niwc", self.rows, ops.einsum("vw,njwc->njvc", self.columns, q))
        near = (near - q) / self.sums
        flat = ops.reshape(q, (-1, kernel.shape[-1], q.shape[-1]))
        alike = ops.reshape((kernel @ flat - flat) / sums, ops.shape(q))
        return scores - (self.weights_near * near + self.weights_alike * alike) @ self.costs

    def call(self, scores: Any, kernel: Any, sums: Any) -> Any:
        z = scores
        for _ in range(self.iterations):
            z = self.step(z, scores, kernel, sums)
        return z

    def compute_output_shape(self, scores_shape: Any, *rest: Any) -> Any:
        return scores_shape

    def get_config(self) -> dict[str, Any]:
        given = {"iterations": self.iterations, "near": self.near, "strength": self.strength}
        return {**super().get_config(), **given}


def potts(shape: Any, dtype: Any = None) -> Any:
    """Costs of labels side by side to begin with: 0 for the same, 1 for two others (Potts)."""
    return 1 - ops.eye(shape[0], dtype=dtype)


def guesses(
    runs: Sequence[tuple[MeanField, np.ndarray]],
    pictures: np.ndarray,
    kernels: Kernels,
    iterations: int,
    batch: int = 4,
) -> np.ndarray:
    """The likeliest class of each pixel after each iteration; kernels are built once for all runs.

    Args:
        runs: layers with their weights, each with scores `(N, H, W, C)`.
        pictures: that the scores are of, `(N, H, W, 3)`.
        kernels: makes the kernels.
        iterations: the last; layers that were trained for fewer go on.
        batch: pictures at a time.

    Returns:
        `(runs, iterations + 1, N, H, W)`, uint8, the first by the scores alone.
    """

    shapes = [tf.TensorSpec((None, *array.shape[1:])) for array in (pictures, *(u for _, u in runs))]

    @tf.function(input_signature=shapes)
    def labelled(picture: tf.Tensor, *scores: tf.Tensor) -> tf.Tensor:
        made = kernels(picture)
        found = []
        for (layer, _), given in zip(runs, scores, strict=True):
            steps = [given]
            for _ in range(iterations):
                steps.append(layer.step(steps[-1], given, *made))
            found.append(tf.stack([tf.argmax(z, axis=-1) for z in steps]))
        return tf.cast(tf.stack(found), tf.uint8)

    graph = labelled.get_concrete_function()  # called as it is, TensorFlow warns from the fifth one on
    parts = []
    for first in range(0, len(pictures), batch):
        rows = slice(first, first + batch)
        given = [tf.constant(array[rows], tf.float32) for array in (pictures, *(u for _, u in runs))]
        parts.append(graph(*given).numpy())
    return np.concatenate(parts, axis=2)
