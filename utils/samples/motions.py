"""Sample films with sentences: a coloured shape that moves, and whether what is said of it is true.

They stand in for clips where there are none. Each film has a twin, which shows the same frames in another
order and of which something else is true; so who does not see the order can only guess.
"""

import dataclasses
import re
from dataclasses import dataclass

import numpy as np

from utils.samples import scenes
from utils.samples.scenes import COLORS, SHAPES

FRAMES, SIDE = 20, 32  # of a film; pixels of a frame
BACK = {"left": "right", "right": "left", "up": "down", "down": "up"}
WAYS = tuple(BACK)
PLANS = ("moves", "stops", "waits", "returns")
VERBS, JOINS = ("moves", "goes"), ("then", "and")

CAPTION = re.compile(
    rf"a ({'|'.join(COLORS)}) ({'|'.join(SHAPES)}) (?:(waits) (?:{'|'.join(JOINS)}) )?(?:{'|'.join(VERBS)}) "
    rf"({'|'.join(WAYS)})(?: (?:{'|'.join(JOINS)}) (stops|comes back))?"
)


@dataclass(frozen=True)
class Motion:
    """What happens in a film.

    Attributes:
        color: one of `scenes.COLORS`.
        shape: one of `scenes.SHAPES`.
        way: where it moves, one of `WAYS`; if it comes back, where it moves first.
        plan: one of `PLANS`: it moves all the time; moves and stops; waits and moves; moves and comes back.
        ends: the least and the largest place along its way, in units of the picture's side.
        across: its place across the way, likewise.
        pause: frames in which it rests, if it stops or waits.
    """

    color: str
    shape: str
    way: str
    plan: str
    ends: tuple[float, float]
    across: float
    pause: int


def make_motion(rng: np.random.Generator) -> Motion:
    """What happens in one film; each way and each plan is as likely as any other.

    Args:
        rng: of NumPy; the same state gives the same film.
    """
    color, shape, way, plan = (str(rng.choice(names)) for names in (list(COLORS), SHAPES, WAYS, PLANS))
    low, high, across = rng.uniform((0.24, 0.7, 0.4), (0.3, 0.76, 0.6))
    return Motion(color, shape, way, plan, (float(low), float(high)), float(across), int(rng.integers(6, 12)))


def twin(motion: Motion) -> Motion:
    """The film with the same frames in another order, that moves the other way."""
    plan = {"stops": "waits", "waits": "stops"}.get(motion.plan, motion.plan)
    return dataclasses.replace(motion, way=BACK[motion.way], plan=plan)


def places(motion: Motion) -> np.ndarray:
    """How far along its way the shape is in each frame, `(20,)`, from 0 to 1."""
    if motion.plan == "returns":
        there = np.linspace(0, 1, FRAMES // 2)
        return np.concatenate([there, there[::-1]])
    pause = 0 if motion.plan == "moves" else motion.pause
    moving = np.linspace(0, 1, FRAMES - pause)
    return np.pad(moving, (pause, 0) if motion.plan == "waits" else (0, pause), "edge")


def draw(motion: Motion, side: int = SIDE) -> np.ndarray:
    """A film, RGB on light grey, `(20, side, side, 3)`, uint8.

    Args:
        motion: what happens.
        side: of a frame, in pixels.
    """
    (low, high), frames = motion.ends, []
    for share in places(motion):
        share = 1 - share if motion.way in ("left", "up") else share
        along = low + round(share, 6) * (high - low)
        x, y = (along, motion.across) if motion.way in ("left", "right") else (motion.across, along)
        frames.append(scenes.draw((scenes.Thing(motion.shape, motion.color, "large", x, y),), side))
    return np.stack(frames)


def write_caption(motion: Motion, rng: np.random.Generator) -> str:
    """A true sentence, such as "a red circle moves left then stops".

    Args:
        motion: what happens.
        rng: of NumPy; the same state writes the same.
    """
    verb, join = str(rng.choice(VERBS)), str(rng.choice(JOINS))
    first = f"waits {join} " if motion.plan == "waits" else ""
    last = {"stops": f" {join} stops", "returns": f" {join} comes back"}.get(motion.plan, "")
    return f"a {motion.color} {motion.shape} {first}{verb} {motion.way}{last}"


def told(caption: str) -> tuple[str, str, str, str] | None:
    """Colour, shape, way and plan that a sentence tells; None if the grammar could not have written it."""
    found = CAPTION.fullmatch(caption)
    if found is None or (found[3] and found[5]):
        return None
    plan = found[3] or {"stops": "stops", "comes back": "returns"}.get(found[5] or "", "moves")
    return found[1], found[2], found[4], plan


def truth(motion: Motion) -> tuple[str, str, str, str]:
    """Colour, shape, way and plan of a film, as `told` gives them."""
    return motion.color, motion.shape, motion.way, motion.plan


def true_words(caption: str, motion: Motion) -> list[bool]:
    """For each word of a sentence whether it is true of a film; all False if it is no sentence.

    What a sentence leaves out, such as that the shape stops, makes none of its words false.
    """
    words, found = caption.split(), told(caption)
    if found is None:
        return [False] * len(words)
    color, shape, way, plan = (one == other for one, other in zip(found, truth(motion), strict=True))
    facts = {found[0]: color, found[1]: shape, found[2]: way}
    return [facts.get(word, plan if word in ("waits", "stops", "comes", "back") else True) for word in words]
