"""Sample pictures with labels: drawn scenes whose things keep company by a known table, some of it in mist.

A scene is of one kind: harbour, garden, night. The table says how often each thing is in a scene of each
kind; given the kind, the things are drawn one by one. Each thing has its place in the picture, and mist may
lie over some places. The labels name all things, those in the mist too. So they depend on each other, also
for somebody who sees the picture, and how likely a set of labels is can be told exactly.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

THINGS = ("boat", "fish", "gull", "flower", "tree", "bee", "moon", "owl")
KINDS = ("harbour", "garden", "night")
TABLE = np.array(
    [  # boat, fish, gull, flower, tree, bee, moon, owl
        [0.95, 0.80, 0.90, 0.02, 0.05, 0.02, 0.10, 0.02],
        [0.02, 0.10, 0.05, 0.95, 0.80, 0.90, 0.02, 0.05],
        [0.05, 0.02, 0.02, 0.10, 0.80, 0.02, 0.95, 0.90],
    ]
)  # how often a thing is in a scene of a kind; all kinds are equally frequent
SIDE = 64  # pixels of a picture
MIST = (196, 204, 210)
PLACES = tuple((x, y) for y in (0.17, 0.5, 0.83) for x in (0.17, 0.5, 0.83))[: len(THINGS)]
SETS = np.array(list(itertools.product((False, True), repeat=len(THINGS))))  # every set of things, (256, 8)


@dataclass(frozen=True)
class Scene:
    """What is in a picture.

    Attributes:
        things: which of `THINGS` are there, a truth for each.
        mist: over the places of which of them mist lies, likewise.
        shift: where the things stand, off their places, `(8, 2)`, in units of the picture's side.
    """

    things: tuple[bool, ...]
    mist: tuple[bool, ...]
    shift: tuple[tuple[float, float], ...]


def chances(shuffled: bool = False) -> np.ndarray:
    """The probability of each set of `SETS`, `(256,)`, before anything is seen.

    Args:
        shuffled: things keep no company: each is as frequent as before, whatever the others.
    """
    table = TABLE.mean(axis=0, keepdims=True) if shuffled else TABLE
    given = np.where(SETS[:, None], table, 1 - table).prod(axis=2)  # of each set in each kind
    return given.mean(axis=1)


def make_scene(rng: np.random.Generator, shuffled: bool = False) -> Scene:
    """A scene as the table has them.

    Args:
        rng: of NumPy; the same state gives the same scene.
        shuffled: see `chances`.
    """
    kinds = rng.integers(len(KINDS), size=len(THINGS)) if shuffled else np.full(8, rng.integers(len(KINDS)))
    things = rng.random(len(THINGS)) < TABLE[kinds, np.arange(len(THINGS))]
    mist = np.zeros(len(THINGS), bool)
    mist[rng.permutation(len(THINGS))[: rng.integers(3, len(THINGS))]] = True  # over 3 to 7 places
    shift = rng.uniform(-0.04, 0.04, (len(THINGS), 2))
    return Scene(tuple(things.tolist()), tuple(mist.tolist()), tuple((float(x), float(y)) for x, y in shift))


def labels(scene: Scene) -> tuple[str, ...]:
    """The names of the things in a scene, those in the mist too."""
    return tuple(name for name, there in zip(THINGS, scene.things, strict=True) if there)


def posterior(scene: Scene, shuffled: bool = False) -> np.ndarray:
    """The probability of each set of `SETS` for somebody who sees the picture and knows the table, `(256,)`.

    Args:
        scene: what is in the picture.
        shuffled: see `chances`.
    """
    clear = ~np.array(scene.mist)
    fits = (SETS[:, clear] == np.array(scene.things)[clear]).all(axis=1)
    weights = chances(shuffled) * fits
    return weights / weights.sum()


def best_nats(scene: Scene, shuffled: bool = False) -> tuple[float, float]:
    """What the labels of a scene cost at best, -log of their probability, in nats.

    Args:
        scene: what is in the picture.
        shuffled: see `chances`.

    Returns:
        For the set as a whole; and for a model to which the labels are independent given the picture.
        Averaged over many scenes no model of its kind is better.
    """
    p = posterior(scene, shuffled)
    truth = np.array(scene.things)
    whole = p[(truth == SETS).all(axis=1)][0]
    single = np.clip(p @ SETS, 0, 1)  # of each thing
    return float(-np.log(whole)), float(-np.log(np.where(truth, single, 1 - single)).sum())


def worth(scene: Scene) -> float:
    """What the company of the labels is worth to somebody who sees a scene, in nats.

    The expected cost of the labels one by one, less that of the set as a whole (total correlation).
    """
    p = posterior(scene)
    whole = p[p > 0]
    single = np.stack([p @ SETS, 1 - p @ SETS]).clip(1e-12, 1)
    return float((whole * np.log(whole)).sum() - (single * np.log(single)).sum())


def draw(scene: Scene, side: int = SIDE) -> np.ndarray:
    """A scene as a picture.

    Args:
        scene: what is in it.
        side: of the picture, in pixels.

    Returns:
        RGB, `(side, side, 3)`, uint8.
    """
    fine = 4 * side  # drawn larger and made smaller, for smooth edges
    picture = Image.new("RGB", (fine, fine), (248, 246, 240))
    pen = ImageDraw.Draw(picture)
    for place, name in enumerate(THINGS):
        x, y = (fine * value for value in PLACES[place])
        if scene.mist[place]:
            r = 0.165 * fine
            pen.rectangle((x - r, y - r, x + r, y + r), fill=MIST)
        elif scene.things[place]:
            dx, dy = scene.shift[place]
            sketch(pen, name, x + dx * fine, y + dy * fine, 0.11 * fine)
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX))


def sketch(pen: ImageDraw.ImageDraw, name: str, x: float, y: float, r: float) -> None:
    """One thing, about its centre, so large that it fits into a circle of this radius."""

    def around(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x + a * r, y + b * r) for a, b in points]

    if name == "boat":
        pen.polygon(around((-0.9, 0.3), (0.9, 0.3), (0.5, 0.8), (-0.5, 0.8)), fill=(120, 60, 30))
        pen.polygon(around((0, -0.9), (0, 0.2), (0.7, 0.2)), fill=(200, 60, 50))
    elif name == "fish":
        pen.ellipse(around((-0.9, -0.45), (0.5, 0.45)), fill=(30, 110, 200))
        pen.polygon(around((0.3, 0), (0.9, -0.5), (0.9, 0.5)), fill=(30, 110, 200))
    elif name == "gull":
        pen.line(
            around((-0.9, 0.2), (-0.4, -0.3), (0, 0.2), (0.4, -0.3), (0.9, 0.2)), (60, 60, 70), int(r / 4)
        )
    elif name == "flower":
        pen.line(around((0, 0), (0, 0.9)), (40, 140, 60), int(r / 6))
        for a, b in ((0, -0.65), (0.4, -0.25), (-0.4, -0.25), (0, 0.05)):
            pen.ellipse(around((a - 0.3, b - 0.3), (a + 0.3, b + 0.3)), fill=(220, 80, 160))
    elif name == "tree":
        pen.rectangle(around((-0.15, 0.2), (0.15, 0.9)), fill=(110, 70, 30))
        pen.ellipse(around((-0.7, -0.9), (0.7, 0.4)), fill=(30, 130, 60))
    elif name == "bee":
        pen.ellipse(around((-0.7, -0.4), (0.7, 0.4)), fill=(240, 190, 30))
        for a in (-0.3, 0.2):
            pen.rectangle(around((a - 0.1, -0.35), (a + 0.1, 0.35)), fill=(50, 40, 20))
    elif name == "moon":
        pen.ellipse(around((-0.8, -0.8), (0.8, 0.8)), fill=(240, 215, 90))
        pen.ellipse(around((-0.3, -0.9), (1.1, 0.6)), fill=(248, 246, 240))
    else:  # the owl
        pen.ellipse(around((-0.6, -0.9), (0.6, 0.9)), fill=(130, 90, 60))
        for a in (-0.28, 0.28):
            pen.ellipse(around((a - 0.22, -0.6), (a + 0.22, -0.16)), fill=(250, 240, 180))
