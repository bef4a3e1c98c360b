"""Networks that give each pixel a class: what they see, a head on it, their loss, and how they are scored.

Not here: the data (`datasets.segments`); mean field, which sharpens what they give (`utils.mean_field`).
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers, ops

from utils.datasets.segments import VOID, Segmented, Segments, drawn_landscapes, msrc21
from utils.features import Extractor, load_extractor
from utils.fetch import Unavailable

# Of MobileNetV2: fine and shallow, 28 x 28 places; coarser and deeper, 14 x 14; the last convolutions, 7 x 7.
LAYERS = ("block_6_expand_relu", "block_13_expand_relu", "out_relu")
BATCH = 50  # pictures that a network looks at at a time


def photos_or_landscapes() -> tuple[Segmented, Extractor | None]:
    """MSRC-21 and MobileNetV2, which looks at its photos; without one of them drawn landscapes, and None."""
    data = msrc21()
    if data.source.kind != "real":
        return data, None
    try:
        return data, load_extractor(["MobileNetV2"])
    except Unavailable as reason:
        print(f"{reason}. Drawn landscapes take the place of the photos.")
        return drawn_landscapes(), None


def maps_of(extractor: Extractor | None, part: Segments, flipped: bool = False) -> list[np.ndarray]:
    """What is seen in pictures at several resolutions, all lying as the pictures are.

    Args:
        extractor: MobileNetV2, which looks at the photos; None: the pictures themselves are all that is seen.
        part: of the data.
        flipped: left and right exchanged (as the pictures lie).

    Returns:
        Maps `(N, rows, columns, channels)`, float16; of pictures themselves one, colours from -1 to 1.
    """
    if extractor is None:
        seen = np.float16(part.pictures / 127.5 - 1)
        return [seen[:, :, ::-1] if flipped else seen]
    outputs = [extractor.model.get_layer(name).output for name in LAYERS]
    model = keras.Model(extractor.model.inputs[0], outputs)
    look = tf.function(lambda x: model(x, training=False))
    found: list[list[np.ndarray]] = []
    photos = part.photos
    if flipped:  # what lies mirrored at its diagonal was upright: there, up and down are exchanged
        upright = part.mirrored[:, None, None, None]
        photos = np.where(upright, photos[:, ::-1], photos[:, :, ::-1])
    for first in range(0, len(photos), BATCH):
        some = photos[first : first + BATCH]
        short = np.pad(some, [(0, BATCH - len(some)), (0, 0), (0, 0), (0, 0)])  # one shape, one graph
        maps = look(tf.constant(extractor.network.preprocess(np.float32(short))))
        found.append([np.float16(one[: len(some)]) for one in maps])
    whole = [np.concatenate(one) for one in zip(*found, strict=True)]
    for one in whole:
        one[part.mirrored] = one[part.mirrored].swapaxes(1, 2)
    return whole


def head(
    shapes: Sequence[Sequence[int]], size: tuple[int, int], classes: int, hidden: int, dropout: float = 0.0
) -> keras.Model:
    """From maps to scores of the classes for each pixel: fully convolutional, each place for itself.

    A dense layer reads each map at its own resolution; what they give is enlarged and added up (Long et al.
    2015 add up scores in this way).

    Args:
        shapes: of the maps, without the batch.
        size: height and width of the scores.
        classes: how many.
        hidden: units that are added up.
        dropout: of whole channels of the maps, and of the hidden units.

    Returns:
        A model from a list of maps to scores `(N, *size, classes)`.
    """
    maps = [keras.Input(tuple(shape)) for shape in shapes]
    read = [layers.Dense(hidden)(layers.SpatialDropout2D(dropout)(one)) for one in maps]
    enlarged = [ops.image.resize(one, size, interpolation="bilinear") for one in read]
    total = enlarged[0]
    for one in enlarged[1:]:
        total = total + one
    return keras.Model(maps, layers.Dense(classes)(layers.Dropout(dropout)(layers.ReLU()(total))))


def loss(truth: Any, scores: Any) -> Any:
    """Cross-entropy in nats a pixel; void pixels do not count.

    Args:
        truth: classes or `VOID`, `(N, H, W)`.
        scores: `(N, H, W, C)`.
    """
    truth = ops.cast(truth, "int32")
    counts = ops.cast(truth != VOID, "float32")
    each = ops.sparse_categorical_crossentropy(ops.maximum(truth, 0), scores, from_logits=True)
    return ops.sum(each * counts) / ops.maximum(ops.sum(counts), 1.0)


def learn(
    model: keras.Model,
    inputs: Any,
    truth: np.ndarray,
    *,
    epochs: int,
    rate: float,
    batch: int,
    seed: int,
    watched: Any = None,
) -> dict[str, list[float]]:
    """Train a network that gives scores, with Adam and a rate that falls along a cosine.

    Args:
        model: gives scores `(N, H, W, C)`; it goes on from the weights that it has.
        inputs: an array, or a list of them.
        truth: classes or `VOID`, `(N, H, W)`.
        epochs: how often all pictures are seen.
        rate: the learning rate at the beginning.
        batch: pictures at a time.
        seed: of the order of the pictures, and of dropout.
        watched: inputs and truth whose loss is noted after each epoch; none if None.

    Returns:
        "loss" and, if there is something watched, "val_loss", of each epoch, in nats a pixel.
    """
    keras.utils.set_random_seed(seed)
    falling = keras.optimizers.schedules.CosineDecay(rate, epochs * math.ceil(len(truth) / batch))
    model.compile(keras.optimizers.Adam(falling, clipnorm=1.0), loss, jit_compile=False)
    options = {"batch_size": batch, "epochs": epochs, "validation_data": watched, "verbose": 0}
    return model.fit(inputs, truth, **options).history


def confusion(truth: np.ndarray, guess: np.ndarray, classes: int) -> np.ndarray:
    """How often each class, in rows, was taken for each, in columns; void pixels do not count.

    Args:
        truth: classes or `VOID`, any shape.
        guess: classes, of the same shape.
        classes: how many.

    Returns:
        `(classes, classes)`, int.
    """
    counts = truth != VOID
    pairs = truth[counts].astype(int) * classes + guess[counts].astype(int)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def mean_iou(table: np.ndarray) -> float:
    """Mean over classes of intersection over union, in [0, 1]; classes without a pixel do not count.

    Args:
        table: as `confusion` gives it.
    """
    right, true, guessed = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    there = true > 0
    return float((right[there] / (true + guessed - right)[there]).mean())


def draw(
    columns: Sequence[np.ndarray],
    colors: np.ndarray,
    titles: Sequence[str],
    *,
    height: float = 0.85,
    names: Sequence[str] = (),
) -> None:
    """Rows of pictures and labellings side by side, on a new figure.

    Args:
        columns: each of pictures `(N, H, W, 3)` or of labellings `(N, H, W)`.
        colors: of the classes, RGB, `(C, 3)`, uint8; void is white.
        titles: of the columns.
        height: of a row, in inches.
        names: of the classes; those that cover a hundredth of a column of labellings get a place in a legend.
    """
    figure, axes = plt.subplots(
        len(columns[0]),
        len(columns),
        figsize=(6.8, height * len(columns[0]) + (0.9 if names else 0.3)),
        squeeze=False,
    )
    shown = np.concatenate([colors, np.full((1, 3), 255, np.uint8)])
    seen: set[int] = set()
    for below, column, title in zip(axes.T, columns, titles, strict=True):
        for ax, one in zip(below, column, strict=True):
            ax.imshow(one if one.ndim == 3 else shown[one], interpolation="nearest")
            ax.axis("off")
        below[0].set_title(title)
        if column.ndim == 3:
            seen |= {k for k in range(len(colors)) if np.mean(column == k) > 0.01}
    if names:
        boxes = [plt.Rectangle((0, 0), 1, 1, color=colors[k] / 255) for k in sorted(seen)]
        figure.legend(boxes, [names[k] for k in sorted(seen)], loc="outside lower center", ncols=6)
