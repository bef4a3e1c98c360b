"""Pictures of handwritten digits: MNIST, or drawn ones.

Not here: how digits are drawn (`utils.samples.handwriting`); spoken digits (`utils.datasets.speech`).
"""

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from utils.datasets.common import Source, real_file
from utils.fetch import DataError, Remote
from utils.samples import handwriting

# Of the pixels and labels, one array after the other, so that a file written anew counts as the same.
CONTENT = "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16"
NAMES = ("x_train", "y_train", "x_test", "y_test")
VALIDATION = 10_000  # the last of the training part, as is usual


def arrays_of(path: Path) -> tuple[np.ndarray, ...]:
    """The four arrays of an `mnist.npz`; nothing in it is unpickled.

    Raises:
        DataError: it is damaged or not of this form.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = tuple(file[name] for name in NAMES)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path.name} cannot be read ({error}). Replace it, or remove it.") from error
    return arrays


def has_mnist(path: Path) -> bool:
    """Whether a file holds MNIST's arrays, however it is packed."""
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays_of(path)))
    return digest.hexdigest() == CONTENT


MNIST = Remote(
    name="mnist.npz",
    url="https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
    sha256="731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
    prepared=has_mnist,
)


@dataclass(frozen=True)
class Digits:
    """Pictures of single digits in three parts.

    Attributes:
        train, validation, test: pictures, white on black, `(N, 28, 28)`, uint8, and digits `(N,)`, int.
        source: where they came from.
    """

    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    source: Source


def mnist(count: int | None = None) -> Digits:
    """MNIST (LeCun, Cortes and Burges), or digits drawn by a program.

    Args:
        count: training pictures at most, the first ones, and as many of each other part; all if None.

    Returns:
        Real: 50,000, 10,000 and 10,000 pictures; validation is the end of the official training part.
        Sample: 1,000, 300 and 300.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or its copy is damaged.
    """
    found = real_file(MNIST, "MNIST", "digits drawn by a program")
    if found is not None:
        path, origin = found
        x, y, x_test, y_test = arrays_of(path)
        parts = [(x[:-VALIDATION], y[:-VALIDATION]), (x[-VALIDATION:], y[-VALIDATION:]), (x_test, y_test)]
        source = Source("MNIST", "real", origin, CONTENT)
    else:
        drawn, labels = handwriting.draw_digits(np.random.default_rng(0), 1600)
        bounds = ((0, 1000), (1000, 1300), (1300, 1600))
        parts = [(drawn[a:b], labels[a:b]) for a, b in bounds]
        source = Source(
            "drawn digits", "sample", "made in memory", hashlib.sha256(drawn.tobytes()).hexdigest()
        )
    train, validation, test = ((x[:count], y[:count].astype(int)) for x, y in parts)
    return Digits(train, validation, test, source)
