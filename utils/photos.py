"""Photos to be described or labelled: which there are, what looks at them, and how they are shown.

`eyes` is here a Keras model from pictures, `(N, height, width, 3)` uint8, to features `(N, D)`.

Not here: captions and networks that write them (`captions`), the data (`datasets`), networks trained on
ImageNet and their features on disk (`features`).
"""

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

import keras
import numpy as np
import tensorflow as tf
from IPython import get_ipython
from IPython.display import HTML, clear_output
from keras import ops
from matplotlib.colors import to_rgb

from utils import features, plots
from utils.datasets import (
    Described,
    Labelled,
    Pictures,
    company_scenes,
    corel5k,
    drawn_clips,
    drawn_scenes,
    flickr8k,
    msvd,
)
from utils.datasets.pictures import Captioned
from utils.fetch import Unavailable

Data = TypeVar("Data", Captioned, Labelled, Described)


def photos_or_scenes(networks: Sequence[str]) -> tuple[Captioned, features.Extractor | None]:
    """Flickr8k and a network that looks at its photos; without one of them the drawn scenes, and None.

    Args:
        networks: names in `features.NETWORKS`, the one wanted most first.
    """
    return with_extractor(flickr8k(), drawn_scenes, networks)


def labels_or_scenes(networks: Sequence[str]) -> tuple[Labelled, features.Extractor | None]:
    """Corel-5K and a network that looks at its photos; without one of them drawn company, and None.

    Args:
        networks: names in `features.NETWORKS`, the one wanted most first.
    """
    return with_extractor(corel5k(), company_scenes, networks)


def clips_or_films(networks: Sequence[str]) -> tuple[Described, features.Extractor | None]:
    """MSVD and a network that looks at its frames; without one of them drawn films, and None.

    Args:
        networks: names in `features.NETWORKS`, the one wanted most first.
    """
    return with_extractor(msvd(), drawn_clips, networks)


def with_extractor(
    data: Data, drawn: Callable[[], Data], networks: Sequence[str]
) -> tuple[Data, features.Extractor | None]:
    """Data and a network that looks at its photos; what is drawn in their place and None if there is none."""
    if data.source.kind != "real":
        return data, None
    try:
        return data, features.load_extractor(networks)
    except Unavailable as reason:
        print(f"{reason}. The drawn scenes take the place of the photos.")
        return drawn(), None


def field_eyes(side: int = 64, fields: int = 8) -> keras.Model:
    """Eyes for drawn scenes, which learn nothing: the mean colour of each of 8 x 8 fields, 192 numbers.

    Args:
        side: of the pictures, in pixels.
        fields: in a row; they must divide the side.
    """
    picture = keras.Input((side, side, 3), dtype="uint8")
    x = keras.layers.AveragePooling2D(side // fields)(keras.layers.Rescaling(1 / 255)(picture))
    return keras.Model(picture, keras.layers.Flatten()(x))


def eyes_of(extractor: features.Extractor) -> keras.Model:
    """A network from photos, `(N, 224, 224, 3)` uint8, to features `(N, D)`, each row of length 1."""
    photo = keras.Input((features.SIDE, features.SIDE, 3), dtype="uint8")
    prepared = extractor.network.preprocess(ops.cast(photo, "float32"))
    found = extractor.model(prepared)[extractor.network.features]
    return keras.Model(photo, keras.layers.UnitNormalization()(found))


def look(eyes: keras.Model, pictures: np.ndarray) -> np.ndarray:
    """Features of a few pictures, `(N, D)`.

    Args:
        eyes: from pictures as it wants them, uint8, to features.
        pictures: RGB, `(N, height, width, 3)`, uint8; they are squeezed to the size that it wants.
    """
    fitted = tf.cast(tf.round(tf.image.resize(pictures, eyes.input_shape[1:3])), "uint8")
    return eyes.predict(fitted, verbose=0)


def features_of(
    eyes: keras.Model, extractor: features.Extractor | None, part: Pictures, sha256: str
) -> np.ndarray:
    """Features of all pictures of a part of the data, `(pictures, D)`, as `look` gives them.

    Those of photos are extracted once and kept on disk.

    Args:
        eyes: looks at the pictures if there is no extractor.
        extractor: looks at photos.
        part: of the data.
        sha256: of the data set.
    """
    if extractor is None:
        return look(eyes, np.stack([part.load(name) for name in part.names]))
    found = features.extract(extractor, part, sha256)[extractor.network.features]
    if get_ipython() is not None:
        clear_output(wait=True)  # the lines that told how far it was
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def gallery(part: Pictures, indices: Sequence[int], texts: Sequence[str], *, private: bool) -> HTML | None:
    """Pictures with texts; only their names where they are private and the output is to be published.

    Args:
        part: of the data.
        indices: of the pictures.
        texts: below each.
        private: the pictures may not be passed on.
    """
    if private and os.environ.get("UNROLLED_PUBLISH"):
        print("\n\n".join(f"{part.names[i]}\n{text}" for i, text in zip(indices, texts, strict=True)))
        return None
    return plots.captioned([part.load(part.names[i]) for i in indices], texts, width=224)


def heat_over(picture: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """A picture in pale grey, and orange over it where it is looked at.

    Args:
        picture: RGB, `(height, width, 3)`, uint8.
        weights: how much is looked at each place, `(rows, columns)`, at least 0; the largest is full orange.

    Returns:
        `(height, width, 3)`, uint8.
    """
    heat = np.float32(weights / max(float(weights.max()), 1e-9))[..., None]
    heat = 0.75 * np.clip(tf.image.resize(heat, picture.shape[:2], method="bicubic").numpy(), 0, 1)
    pale = 60 + 0.75 * picture.mean(axis=2, keepdims=True)
    return np.uint8(np.round((1 - heat) * pale + heat * 255 * np.array(to_rgb(plots.ORANGE))))


def grids_of(
    eyes: keras.Model, extractor: features.Extractor | None, part: Pictures, sha256: str
) -> np.ndarray:
    """What is seen at each place of all pictures of a part of the data, `(pictures, places, channels)`.

    That of photos is extracted once, and stays on disk.

    Args:
        eyes: give the places of pictures, where there is no extractor.
        extractor: looks at photos.
        part: of the data.
        sha256: of the data set.
    """
    if extractor is None:
        return look(eyes, np.stack([part.load(name) for name in part.names]))
    found = features.extract_grid(extractor, part, sha256)
    if get_ipython() is not None:
        clear_output(wait=True)  # the lines that told how far it was
    return found
