"""Sample pictures with a label for each pixel: drawn landscapes under coloured noise.

They stand in for photos with pixel labels where there are none. A landscape is made of flat regions, each of
one class with its colour; each picture has a light of its own, and each pixel noise of its own. So one pixel
alone is often mistaken for another class, water for sky or a tree for grass; its neighbours know better.
"""

import numpy as np
from PIL import Image, ImageDraw

COLORS = {
    "sky": (150, 190, 235),
    "water": (95, 150, 205),
    "grass": (125, 175, 85),
    "tree": (60, 120, 65),
    "house": (190, 120, 105),
}
CLASSES = tuple(COLORS)
LIGHT, NOISE = 12.0, 34.0  # standard deviations, of 255: of a picture's light, of each value of a pixel


def draw_labels(rng: np.random.Generator, height: int = 48, width: int = 64) -> np.ndarray:
    """A landscape: sky, grass, perhaps water before or behind it, a house or two, some trees.

    Args:
        rng: of NumPy; the same state gives the same landscape.
        height, width: of the picture, in pixels.

    Returns:
        The class of each pixel as its place in `CLASSES`, `(height, width)`, uint8.
    """
    sky, water, grass, tree, house = range(len(CLASSES))
    picture = Image.new("L", (width, height), sky)
    pen = ImageDraw.Draw(picture)
    horizon = rng.uniform(0.3, 0.55) * height
    slope = rng.uniform(-0.12, 0.12) * height
    ground = [(0, horizon - slope), (width, horizon + slope), (width, height), (0, height)]
    pen.polygon(ground, fill=grass)
    if rng.random() < 0.7:  # a lake, whose near shore is another slant
        near = horizon + rng.uniform(0.15, 0.4) * height
        tilt = rng.uniform(-0.15, 0.15) * height
        lake = [*ground[:2], (width, near + tilt), (0, near - tilt)]
        if rng.random() < 0.5:  # or the sea in front
            lake = [(0, near - tilt), (width, near + tilt), *ground[2:]]
        pen.polygon(lake, fill=water)
    for _ in range(rng.integers(0, 4)):
        side, x = rng.uniform(0.15, 0.3) * height, rng.uniform(0.05, 0.7) * width
        y = rng.uniform(0.5, 0.9) * height
        pen.rectangle((x, y - side, x + 1.3 * side, y), fill=house)
        roof = [(x - 0.15 * side, y - side), (x + 1.45 * side, y - side), (x + 0.65 * side, y - 1.7 * side)]
        pen.polygon(roof, fill=house)
    for _ in range(rng.integers(1, 4)):
        r, x, y = rng.uniform(0.09, 0.18) * height, rng.uniform(0, 1) * width, rng.uniform(0.5, 0.95) * height
        pen.rectangle((x - 0.2 * r, y - 2 * r, x + 0.2 * r, y), fill=tree)
        pen.ellipse((x - r, y - 3.4 * r, x + r, y - 1.2 * r), fill=tree)
    return np.asarray(picture)


def paint(labels: np.ndarray, rng: np.random.Generator, noise: float = NOISE) -> np.ndarray:
    """A noisy picture of a landscape.

    Args:
        labels: of its pixels, places in `CLASSES`, `(height, width)`.
        rng: of NumPy; the same state paints the same picture.
        noise: standard deviation of the noise, of 255; 0 for a clean picture with a light of its own.

    Returns:
        RGB, `(height, width, 3)`, uint8.
    """
    light = rng.normal(0, LIGHT, 3)
    clean = np.array(list(COLORS.values()), float)[labels] + light
    return np.uint8(np.clip(np.round(clean + rng.normal(0, 1, clean.shape) * noise), 0, 255))
