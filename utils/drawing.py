"""Networks that draw: DRAW, with or without windows (Gregor et al. 2015), as lesson 17 defines them.

Here: the code that an encoder sends and its price, windows and their filters, the network and its strokes.
Not here: the digits (`utils.datasets.digits`), training, pictures of strokes (`utils.diagrams.drawing`).
"""

from collections.abc import Iterator
from typing import Any

import keras
from keras import layers, ops

SIDE = 28  # pixels, of a picture
Tensor = Any  # of the backend


def pixels(x: Tensor, logits: Tensor) -> Tensor:
    """-ln p(x | logits), the sum over pixels, 0 or 1, in nats: `(N, P)` twice, float -> `(N,)`."""
    return ops.sum(ops.softplus(logits) - x * logits, axis=-1)


def divergence(mean: Tensor, spread: Tensor) -> Tensor:
    """Kullback-Leibler divergence of N(mean, spread^2) from N(0, 1), in nats: `(N, L)` twice -> `(N,)`.

    Source: Kingma and Welling (2014), appendix B.
    """
    return ops.sum((ops.square(mean) + ops.square(spread) - 1) / 2 - ops.log(spread), axis=-1)


@keras.saving.register_keras_serializable("unrolled")
class Code(layers.Layer):
    """From features `(N, D)` to a code z `(N, size)` of N(mean, spread^2); its price joins the loss."""

    def __init__(self, size: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = size
        self.mean, self.log_spread = layers.Dense(size), layers.Dense(size)
        self.seed = keras.random.SeedGenerator(0)

    def call(self, features: Tensor) -> Tensor:
        mean, spread = self.mean(features), ops.exp(self.log_spread(features))
        self.add_loss(ops.mean(divergence(mean, spread)))
        return mean + spread * keras.random.normal(ops.shape(mean), seed=self.seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}


def filters(center: Tensor, distance: Tensor, blur: Tensor, count: int, side: int = SIDE) -> Tensor:
    """Weights of the pixels along one axis for each point of a window.

    Args:
        center, distance, blur: of the window, between its points, and of a point (a standard deviation);
            in pixels, counted from 0, `(N,)`, float.
        count: points along the axis.
        side: pixels along the axis.

    Returns:
        `(N, count, side)`; each row adds up to 1, but where a point is far outside the picture.
        Gregor et al. (2015), equations 19, 20, 25 and 26.
    """
    offsets = ops.arange(count, dtype="float32") - (count - 1) / 2
    m = center[:, None] + offsets * distance[:, None]
    a = ops.arange(side, dtype="float32")
    weights = ops.exp(-ops.square(a - m[:, :, None]) / (2 * ops.square(blur)[:, None, None]))
    return weights / (ops.sum(weights, axis=2, keepdims=True) + 1e-8)


@keras.saving.register_keras_serializable("unrolled")
class Window(layers.Layer):
    """From a state `(N, H)` to a window of points x points: equations 21 to 26.

    Its result is `F_x, F_y (N, points, 28), gamma (N, 1), place (N, 3)`, of which the place is for showing:
    centre across, centre down, side, in pixels.
    """

    def __init__(self, points: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.points, self.five = points, layers.Dense(5)

    def call(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        five = self.five(h)
        middle = (SIDE - 1) / 2
        center_x, center_y = middle * (five[:, 0] + 1), middle * (five[:, 1] + 1)
        distance = (SIDE - 1) / (self.points - 1) * ops.exp(five[:, 2])
        blur, gamma = ops.exp(five[:, 3] / 2), ops.exp(five[:, 4:])
        fx, fy = (filters(center, distance, blur, self.points) for center in (center_x, center_y))
        return fx, fy, gamma, ops.stack([center_x, center_y, distance * (self.points - 1)], axis=1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "points": self.points}


@keras.saving.register_keras_serializable("unrolled")
class Draw(keras.Model):
    """From pictures `(N, 784)`, 0 or 1, to canvases `(N, 784)`, whose sigmoid is the probability of white.

    Args:
        steps: strokes, at least 1.
        units: hidden units of the encoder and of the decoder.
        latent: numbers in the code of each stroke.
        points: side of the patch that a window reads or writes, at least 2; without windows if None.

    Raises:
        ValueError: there is no stroke, or a window of a single point.
    """

    def __init__(self, steps: int, units: int, latent: int, points: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if steps < 1 or (points is not None and points < 2):
            raise ValueError(
                f"{steps} strokes, {points} points: give 1 stroke at least, and 2 points or None."
            )
        self.steps, self.units, self.latent, self.points = steps, units, latent, points
        self.encoder, self.decoder = layers.LSTMCell(units), layers.LSTMCell(units)
        self.code, self.paint = Code(latent), layers.Dense(points**2 if points else SIDE**2)
        self.blank = self.add_weight(shape=(SIDE**2,), initializer="zeros", name="blank")
        if points:
            self.reader, self.writer = Window(points), Window(points)

    def read(self, x: Tensor, error: Tensor, h: Tensor) -> Tensor:
        """What the encoder sees of picture and error, `(N, 784)` each: all of it, or two patches."""
        if self.points is None:
            return ops.concatenate([x, error], axis=1)
        fx, fy, gamma, _ = self.reader(h)
        both = ops.reshape(ops.stack([x, error], axis=1), (-1, 2, SIDE, SIDE))
        patches = fy[:, None] @ both @ ops.transpose(fx, (0, 2, 1))[:, None]
        return gamma * ops.reshape(patches, (-1, 2 * self.points**2))

    def write(self, h: Tensor) -> Tensor:
        """What a stroke adds to the canvas, `(N, 784)`."""
        if self.points is None:
            return self.paint(h)
        fx, fy, gamma, _ = self.writer(h)
        patch = ops.reshape(self.paint(h), (-1, self.points, self.points))
        return ops.reshape(ops.transpose(fy, (0, 2, 1)) @ patch @ fx, (-1, SIDE**2)) / gamma

    def strokes(self, x: Tensor = None, noise: Tensor = None) -> Iterator[tuple[Tensor, Tensor]]:
        """After each stroke the canvas `(N, 784)` and the decoder's state `(N, units)`: equations 3 to 9.

        Args:
            x: pictures to draw again, `(N, 784)`, 0 or 1.
            noise: without them, codes for new ones, `(steps, N, latent)`.
        """
        count = ops.shape(noise[0] if x is None else x)[0]
        canvas = ops.zeros((count, SIDE**2)) + self.blank
        enc, dec = ([ops.zeros((count, self.units))] * 2 for _ in range(2))
        for t in range(self.steps):
            if x is None:
                z = noise[t]
            else:
                r = self.read(x, x - ops.sigmoid(canvas), dec[0])
                _, enc = self.encoder(ops.concatenate([r, dec[0]], axis=1), enc)
                z = self.code(enc[0])
            _, dec = self.decoder(z, dec)
            canvas = canvas + self.write(dec[0])
            yield canvas, dec[0]

    def call(self, x: Tensor) -> Tensor:
        return list(self.strokes(x))[-1][0]

    def get_config(self) -> dict[str, Any]:
        size = {"steps": self.steps, "units": self.units, "latent": self.latent, "points": self.points}
        return {**super().get_config(), **size}
