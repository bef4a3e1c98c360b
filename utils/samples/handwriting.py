"""Sample handwriting: digits drawn with a round pen along a few curves, each time a little otherwise.

Not here: MNIST and the parts (`utils.datasets.digits`).
"""

import numpy as np
import PIL.Image
import PIL.ImageDraw

SIDE = 28  # pixels, as MNIST has them
FINER = 4  # times as many pixels while drawing

# Pen strokes in a square with corners (-1, -1), top left, and (1, 1): an arc is (x, y, radius across, radius
# down, from, to), angles in degrees, clockwise from the right; everything else is a chain of points.
Arc = tuple[float, float, float, float, float, float]
Chain = list[tuple[float, float]]
STROKES: dict[int, list[Arc | Chain]] = {
    0: [(0, 0, 0.55, 0.85, 0, 360)],
    1: [[(-0.3, -0.5), (0.05, -0.85), (0.05, 0.85)]],
    2: [(0, -0.4, 0.5, 0.45, -170, 30), [(0.43, -0.17), (-0.55, 0.8), (0.55, 0.8)]],
    3: [(-0.05, -0.42, 0.5, 0.42, -150, 90), (-0.05, 0.42, 0.55, 0.42, -90, 150)],
    4: [[(0.1, -0.85), (-0.6, 0.25), (0.6, 0.25)], [(0.25, -0.25), (0.25, 0.85)]],
    5: [[(0.5, -0.8), (-0.4, -0.8), (-0.45, -0.1)], (-0.05, 0.3, 0.5, 0.5, -140, 140)],
    6: [(0.6, 0.35, 1.1, 1.2, -180, -100), (0, 0.4, 0.5, 0.45, 0, 360)],
    7: [[(-0.55, -0.8), (0.55, -0.8), (-0.1, 0.85)]],
    8: [(0, -0.42, 0.4, 0.4, 0, 360), (0, 0.42, 0.5, 0.42, 0, 360)],
    9: [(0, -0.4, 0.45, 0.42, 0, 360), [(0.45, -0.4), (0.3, 0.85)]],
}


def points_of(stroke: Arc | Chain) -> np.ndarray:
    """A stroke as a chain of points, `(points, 2)`, each an x to the right and a y downwards."""
    if isinstance(stroke, list):
        return np.array(stroke, float)
    x, y, across, down, begin, end = stroke
    angles = np.radians(np.linspace(begin, end, 25))
    return np.stack([x + across * np.cos(angles), y + down * np.sin(angles)], axis=1)


def draw_digit(rng: np.random.Generator, digit: int) -> np.ndarray:
    """A digit in white on black, `(28, 28)`, uint8: turned, slanted, stretched, with a thin or thick pen."""
    turn, slant = rng.normal(0, 0.12), rng.normal(0, 0.2)
    rotate = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    bend = np.diag(rng.uniform((0.75, 0.9), (1.1, 1.1))) @ np.array([[1, 0], [-slant, 1]]) @ rotate
    width = rng.uniform(1.8, 3.6) * FINER
    picture = PIL.Image.new("L", (SIDE * FINER, SIDE * FINER))
    pen = PIL.ImageDraw.Draw(picture)
    for stroke in STROKES[digit]:
        wobble = rng.normal(0, 0.04, 2)
        points = (points_of(stroke) + wobble) @ bend * 9.5 * FINER + SIDE * FINER / 2
        corners = [tuple(point) for point in points]
        pen.line(corners, fill=255, width=round(width), joint="curve")
        for x, y in (corners[0], corners[-1]):  # round ends
            pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=255)
    return np.asarray(picture.resize((SIDE, SIDE), PIL.Image.Resampling.BOX))


def draw_digits(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Drawn digits in random order, `(count, 28, 28)`, uint8, and what they are, `(count,)`, int."""
    labels = rng.permutation(np.arange(count) % 10)
    return np.stack([draw_digit(rng, int(digit)) for digit in labels]), labels
