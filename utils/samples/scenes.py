"""Sample pictures with captions: scenes of coloured shapes, and whether what is said of them is true.

They stand in for photos where there are none. A scene holds one thing or two; a small grammar writes
captions of it, and since everything in a scene is known, any caption can be checked word by word.
"""

import dataclasses
import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

SHAPES = ("circle", "square", "triangle")
COLORS = {"red": (204, 40, 30), "green": (30, 150, 60), "blue": (30, 80, 200), "yellow": (240, 200, 40)}
RADIUS = {"small": 0.13, "large": 0.22}  # in units of the picture's side
RELATIONS = ("left of", "right of", "above", "below")
OPENINGS = ("", "there is ", "the picture shows ")

PHRASE = rf"a (?:({'|'.join(RADIUS)}) )?({'|'.join(COLORS)}) ({'|'.join(SHAPES)})"
CAPTION = re.compile(rf"(?:{'|'.join(OPENINGS[1:])})?{PHRASE}(?: (and|{'|'.join(RELATIONS)}) {PHRASE})?")


@dataclass(frozen=True)
class Thing:
    """One thing in a scene.

    Attributes:
        shape: one of `SHAPES`.
        color: one of `COLORS`.
        size: one of `RADIUS`.
        x, y: its centre, from the upper left corner, in units of the picture's side.
    """

    shape: str
    color: str
    size: str
    x: float
    y: float


Scene = tuple[Thing, ...]


def make_scene(rng: np.random.Generator) -> Scene:
    """One thing somewhere, or two side by side or one above the other.

    Args:
        rng: of NumPy; the same state gives the same scene.

    Returns:
        The things; two of them differ in shape or colour.
    """
    kinds = list(itertools.product(SHAPES, COLORS))
    one, two = (kinds[i] for i in rng.choice(len(kinds), 2, replace=False))
    sizes = rng.choice(list(RADIUS), 2)
    if rng.random() < 0.3:
        x, y = rng.uniform(0.3, 0.7, 2)
        return (Thing(one[0], one[1], str(sizes[0]), float(x), float(y)),)
    along, across = rng.uniform((0.24, 0.71), (0.29, 0.76)), rng.uniform(0.35, 0.65, 2)
    places = list(zip(along, across, strict=True))
    if rng.random() < 0.5:
        places = [(x, y) for y, x in places]
    return tuple(
        Thing(kind[0], kind[1], str(size), float(x), float(y))
        for kind, size, (x, y) in zip((one, two), sizes, places, strict=True)
    )


def draw(scene: Scene, side: int = 64) -> np.ndarray:
    """A scene as a picture.

    Args:
        scene: what is in it.
        side: of the picture, in pixels.

    Returns:
        RGB on light grey, `(side, side, 3)`, uint8.
    """
    fine = 4 * side  # drawn larger and made smaller, for smooth edges
    picture = Image.new("RGB", (fine, fine), (225, 225, 225))
    pen = ImageDraw.Draw(picture)
    for thing in scene:
        x, y, r = (fine * value for value in (thing.x, thing.y, RADIUS[thing.size]))
        color = COLORS[thing.color]
        if thing.shape == "circle":
            pen.ellipse((x - r, y - r, x + r, y + r), fill=color)
        elif thing.shape == "square":
            pen.rectangle((x - 0.9 * r, y - 0.9 * r, x + 0.9 * r, y + 0.9 * r), fill=color)
        else:
            pen.polygon([(x, y - r), (x + r, y + 0.9 * r), (x - r, y + 0.9 * r)], fill=color)
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX))


def mask(thing: Thing, fields: int) -> np.ndarray:
    """How much of each field of a grid a thing covers, `(fields, fields)`, in [0, 1], from the top.

    Args:
        thing: of a scene.
        fields: in a row.
    """
    picture = draw((dataclasses.replace(thing, color="blue"),), 8 * fields).astype(float)
    covered = (225 - picture[..., 0]) / (225 - COLORS["blue"][0])  # in red, blue is far from the ground
    return covered.reshape(fields, 8, fields, 8).mean(axis=(1, 3))


def named_things(caption: str, scene: Scene) -> list[int | None]:
    """For each word of a true caption which thing of the scene it tells of: its size, colour or shape.

    Args:
        caption: lower case words with spaces between.
        scene: what is in the picture.

    Returns:
        A place in the scene, or None for words such as "a" and "above"; all None if the caption is not true.
    """
    told = caption.split()
    found: list[int | None] = [None] * len(told)
    if not all(true_words(caption, scene)):
        return found
    kinds = {(thing.color, thing.shape): k for k, thing in enumerate(scene)}  # no two are alike in both
    for i in range(len(told) - 1):
        if told[i] in COLORS:
            found[i] = found[i + 1] = kinds[told[i], told[i + 1]]
            if i and told[i - 1] in RADIUS:
                found[i - 1] = found[i]
    return found


def relation_holds(relation: str, one: Thing, two: Thing) -> bool:
    """Whether the first thing is left of, right of, above or below the second, `and` included."""
    return {
        "and": True,
        "left of": two.x - one.x > 0.3,
        "right of": one.x - two.x > 0.3,
        "above": two.y - one.y > 0.3,
        "below": one.y - two.y > 0.3,
    }[relation]


def phrase(thing: Thing, rng: np.random.Generator) -> str:
    """E.g. "a small red circle"; half of them leave out the size."""
    size = f"{thing.size} " if rng.random() < 0.5 else ""
    return f"a {size}{thing.color} {thing.shape}"


def write_caption(scene: Scene, rng: np.random.Generator) -> str:
    """A true caption that names every thing in a scene.

    Args:
        scene: what is in the picture.
        rng: of NumPy; the same state writes the same.

    Returns:
        Lower case words with spaces between, e.g. "there is a red circle above a small blue square".
    """
    opening = str(rng.choice(OPENINGS, p=(0.6, 0.2, 0.2)))
    things = [scene[i] for i in rng.permutation(len(scene))]
    if len(things) == 1:
        return opening + phrase(things[0], rng)
    fitting = [relation for relation in RELATIONS if relation_holds(relation, *things)]
    relation = "and" if rng.random() < 0.3 else str(rng.choice(fitting))
    return f"{opening}{phrase(things[0], rng)} {relation} {phrase(things[1], rng)}"


def all_captions(scene: Scene) -> dict[str, float]:
    """Every caption that `write_caption` may write of a scene, with its probability."""
    openings = dict(zip(OPENINGS, (0.6, 0.2, 0.2), strict=True))
    phrases = {
        thing: (f"a {thing.color} {thing.shape}", f"a {thing.size} {thing.color} {thing.shape}")
        for thing in scene
    }
    endings: dict[str, float] = {}
    for order in itertools.permutations(scene):
        named = list(itertools.product(*(phrases[thing] for thing in order)))
        fitting = [relation for relation in RELATIONS if len(order) > 1 and relation_holds(relation, *order)]
        share = 1 / len(named) / len(list(itertools.permutations(scene)))
        for told in named:
            if len(told) == 1:
                endings[told[0]] = share
                continue
            for relation in ("and", *fitting):
                endings[f" {relation} ".join(told)] = share * (
                    0.3 if relation == "and" else 0.7 / len(fitting)
                )
    return {opening + told: p * q for opening, p in openings.items() for told, q in endings.items()}


def beginnings(scene: Scene) -> dict[tuple[str, ...], float]:
    """How likely a caption of a scene is to begin with these words; its end is the word "".

    So the true probability of each next word is known: that of the longer beginning over the shorter one's.
    """
    found: dict[tuple[str, ...], float] = {}
    for told, p in all_captions(scene).items():
        words = (*told.split(), "")
        for count in range(len(words) + 1):
            found[words[:count]] = found.get(words[:count], 0.0) + p
    return found


def best_nats(captions: Sequence[str], scene: Scene) -> list[list[float]]:
    """What each word of some captions of a scene must cost, -log of its true probability, in nats.

    Args:
        captions: such as `write_caption` may write of the scene.
        scene: what is in the picture.

    Returns:
        For each caption a number for each of its words, and one for the end after them.
    """
    begun, found = beginnings(scene), []
    for told in captions:
        words = (*told.split(), "")
        shares = [begun[words[: k + 1]] / begun[words[:k]] for k in range(len(words))]
        found.append([-math.log(share) for share in shares])
    return found


def true_words(caption: str, scene: Scene) -> list[bool]:
    """For each word of a caption whether it is true of a scene.

    The things that are named are matched with those in the scene so that most words are true.

    Args:
        caption: lower case words with spaces between.
        scene: what is in the picture.

    Returns:
        One truth per word; all False if the grammar could not have written the caption.
    """
    found = CAPTION.fullmatch(caption)
    if found is None:
        return [False] * len(caption.split())
    first, relation, second = found.groups()[:3], found[4], found.groups()[4:]
    opening = [True] * len(re.split(r"\ba ", caption)[0].split())

    def truths(one: Thing | None, two: Thing | None) -> list[bool]:
        words = opening + told_truly(first, one)
        if relation is not None:
            holds = one is not None and two is not None and relation_holds(relation, one, two)
            words += [holds] * len(relation.split()) + told_truly(second, two)
        return words

    pairs = itertools.permutations([*scene, None, None], 2)  # None: it names a thing that is not there
    return max((truths(one, two) for one, two in pairs), key=sum)


def told_truly(words: tuple[str | None, ...], thing: Thing | None) -> list[bool]:
    """Truth of "a", size (if told), colour and shape of one thing; all False of no thing."""
    size, color, shape = words
    if thing is None:
        return [False] * (3 + (size is not None))
    told = [] if size is None else [size == thing.size]
    return [True, *told, color == thing.color, shape == thing.shape]


def is_exact(caption: str, scene: Scene) -> bool:
    """Whether a caption names every thing in a scene, and nothing but the truth."""
    named = len(re.findall(PHRASE, caption))
    return named == len(scene) and all(true_words(caption, scene))
