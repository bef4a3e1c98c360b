"""Sample films of a mouth that speaks: each letter has a shape of its own, so that every word can be seen.

The sentences are those of GRID: six words, of which each place has its own few. When each letter is said is
known.

Not here: the real films they stand in for (`utils.datasets.films`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

FRAMES, HIGH, WIDE = 75, 40, 80
COMMANDS = ("bin", "lay", "place", "set")
COLOURS = ("blue", "green", "red", "white")
PREPOSITIONS = ("at", "by", "in", "with")
LETTERS = tuple("abcdefghijklmnopqrstuvxyz")  # without w, whose name has three syllables
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ADVERBS = ("again", "now", "please", "soon")
SLOTS = (COMMANDS, COLOURS, PREPOSITIONS, LETTERS, DIGITS, ADVERBS)
# how far open, how wide, whether teeth show and the tongue: no two letters alike
SHAPES = {
    letter: (0.15 + 0.28 * (k % 4), 0.55 + 0.25 * (k // 4 % 3), (k // 12) % 2, k // 24)
    for k, letter in enumerate("aeioubcdfghjklmnpqrstvwxyz")
}
CLOSED = (0.0, 0.7, 0, 0)

Span = tuple[float, float, str]


class Drawn(NamedTuple):
    """A film of a drawn mouth.

    Attributes:
        frames: grey, 25 a second, `(75, 40, 80)`, uint8.
        spans: for each word its first frame, the one behind its last, and the word.
    """

    frames: np.ndarray
    spans: tuple[Span, ...]


def make_film(rng: np.random.Generator) -> Drawn:
    """A sentence by the grammar: 1.6 to 2.2 frames a letter, pauses before and after it.

    Args:
        rng: another one draws another film.
    """
    words = [str(rng.choice(slot)) for slot in SLOTS]
    lengths = [rng.uniform(1.6, 2.2) * len(word) + 1 for word in words]
    begin = rng.uniform(3, max(4.0, FRAMES - sum(lengths) - 3))
    spans = []
    for word, length in zip(words, lengths, strict=True):
        spans.append((float(begin), float(min(begin + length, FRAMES)), word))
        begin += length
    return Drawn(draw(spans, rng), tuple(spans))


def draw(spans: Sequence[Span], rng: np.random.Generator | None = None) -> np.ndarray:
    """A mouth that says words at given times, `(75, 40, 80)`, grey, uint8.

    Args:
        spans: first frame, the frame behind the last, and the word.
        rng: of place, light and noise, which differ from film to film; None for a film without these.
    """
    shapes = np.tile(np.array(CLOSED, float), (FRAMES, 1))
    for begin, end, word in spans:
        for t in range(max(0, int(np.ceil(begin))), min(FRAMES, int(np.ceil(end)))):
            shapes[t] = SHAPES[word[min(int((t - begin) / (end - begin) * len(word)), len(word) - 1)]]
    before = np.concatenate([shapes[:1], shapes[:-1]])
    shapes[:, :2] = 0.8 * shapes[:, :2] + 0.2 * before[:, :2]  # lips take time
    dx, dy, light, noise = (0.0, 0.0, 0.0, 0.0)
    if rng is not None:
        (dx, dy), light, noise = rng.uniform(-3, 3, 2), rng.uniform(-12, 12), 4.0
    opening, width, teeth, tongue = (column[:, None, None] for column in shapes.T)
    y = (np.arange(HIGH)[None, :, None] - HIGH / 2 - dy) / (HIGH / 2)
    x = (np.arange(WIDE)[None, None, :] - WIDE / 2 - dx) / (WIDE / 2 * 0.8 * width)
    arch = np.clip(1 - x**2, 0, None)
    inner, outer = 0.62 * opening * np.sqrt(arch), (0.16 + 0.68 * opening) * np.sqrt(arch) + 0.06 * arch
    picture = np.full((FRAMES, HIGH, WIDE), 170.0)
    picture = np.where(np.abs(y) < outer, 105.0, picture)
    hole = np.abs(y) < inner
    picture = np.where(hole, 35.0, picture)
    picture = np.where(hole & (teeth > 0) & (y < -0.35 * inner), 225.0, picture)
    picture = np.where(hole & (tongue > 0) & (y > 0.25 * inner), 140.0, picture)
    if rng is not None:
        picture = picture + light + noise * rng.standard_normal(picture.shape, np.float32)
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)
