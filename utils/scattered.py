"""Pictures in which digits lie somewhere: alone, among pieces of other digits, or in pairs.

Not here: the digits themselves (`utils.datasets.digits`), networks that look for them (`utils.glimpses`).
"""

import numpy as np

SIDE, PIECE = 28, 8  # pixels: of a digit, of a piece of one
Part = tuple[np.ndarray, np.ndarray]  # digits (N, 28, 28) and labels (N,)


def paste(pictures: np.ndarray, patches: np.ndarray, y: np.ndarray, x: np.ndarray) -> None:
    """Lay a patch into each picture, in place; where there is something already, the lighter pixel stays.

    Args:
        pictures: `(N, S, S)`, uint8; they are changed.
        patches: `(N, s, s)`, uint8.
        y, x: row and column of each patch's upper left corner, `(N,)`, int.
    """
    row, s = np.arange(len(pictures))[:, None, None], np.arange(patches.shape[1])
    at = row, y[:, None, None] + s[:, None], x[:, None, None] + s
    pictures[at] = np.maximum(pictures[at], patches)


def drawn(rng: np.random.Generator, length: int, count: int) -> np.ndarray:
    """Numbers below `length` in random order, each once before one comes twice, `(count,)`."""
    return np.resize(rng.permutation(length), count)


def translated(
    rng: np.random.Generator, part: Part, count: int, side: int = 60
) -> tuple[np.ndarray, np.ndarray]:
    """A digit anywhere in a black picture (Mnih et al. 2014).

    Args:
        rng: draws digits and places.
        part: digits `(N, 28, 28)`, uint8, and their labels `(N,)`.
        count: how many pictures.
        side: of a picture, in pixels, at least 28.

    Returns:
        Pictures, `(count, side, side)`, uint8, and labels, `(count, 1)`.
    """
    digits, labels = part
    chosen = drawn(rng, len(digits), count)
    pictures = np.zeros((count, side, side), "uint8")
    paste(pictures, digits[chosen], *rng.integers(0, side - SIDE + 1, (2, count)))
    return pictures, labels[chosen, None]


def cluttered(
    rng: np.random.Generator, part: Part, count: int, side: int = 60, pieces: int = 4
) -> tuple[np.ndarray, np.ndarray]:
    """A digit anywhere, and pieces of 8 x 8 pixels of other digits of the part (Mnih et al. 2014).

    The arguments and what comes back are as in `translated`; `pieces` is their number in a picture.
    """
    pictures, labels = translated(rng, part, count, side)
    s = np.arange(PIECE)
    for _ in range(pieces):
        other = rng.integers(0, len(part[0]), count)[:, None, None]
        y, x = rng.integers(0, SIDE - PIECE + 1, (2, count, 1, 1))
        paste(pictures, part[0][other, y + s[:, None], x + s], *rng.integers(0, side - PIECE + 1, (2, count)))
    return pictures, labels


def pairs(rng: np.random.Generator, part: Part, count: int, side: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """Two digits anywhere, one wholly to the left of the other (after Ba et al. 2015).

    The arguments are as in `translated`; `side` is at least 56.

    Returns:
        Pictures, `(count, side, side)`, uint8, and labels from left to right, `(count, 2)`.
    """
    digits, labels = part
    chosen = np.stack([drawn(rng, len(digits), count) for _ in range(2)])
    pictures = np.zeros((count, side, side), "uint8")
    left = rng.integers(0, side - 2 * SIDE + 1, count)
    right = rng.integers(left + SIDE, side - SIDE + 1)
    for which, x in zip(chosen, (left, right), strict=True):
        paste(pictures, digits[which], rng.integers(0, side - SIDE + 1, count), x)
    return pictures, labels[chosen].T
