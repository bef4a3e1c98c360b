"""Connectionist temporal classification: paths that collapse to one text, and the lattice of all of them."""

import itertools
from collections.abc import Sequence

from matplotlib.axes import Axes

from utils.diagrams.chains import node_width
from utils.diagrams.shapes import LINE, PALE_LINE, Box, arrow, box, canvas, label
from utils.plots import ORANGE, ROLE

BLANK = "–"
QUIET = "#CFE3F3"  # of a blank: a pale symbol


def collapsed(path: str, blank: str = BLANK) -> str:
    """What is left of a path, a character for each frame: runs become one, blanks are dropped."""
    pairs = zip(path, blank + path, strict=False)
    return "".join(symbol for symbol, before in pairs if symbol not in (before, blank))


def collapsing(
    paths: Sequence[str] = ("BB–EEE–", "–B–E–––", "BEEEEEE"), *, blank: str = BLANK, axes: Axes | None = None
) -> Axes:
    """Paths, a symbol for each frame, and the text that each stands for.

    Args:
        paths: of one length.
        blank: the character of a path that says nothing.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.

    Raises:
        ValueError: there is no path, or they differ in length.
    """
    if not paths or len({len(path) for path in paths}) != 1 or not paths[0]:
        raise ValueError(f"Give paths of one length, at least one frame; these are {list(paths)}.")
    frames, pitch, row = len(paths[0]), 0.56, 0.62
    wide = node_width([collapsed(path, blank) or "nothing" for path in paths])
    end = 0.2 + frames * pitch + 1.5 + wide
    axes = canvas(axes, end + 0.16, len(paths) * row + 0.62)
    label(axes, 0.2 + frames * pitch / 2, len(paths) * row + 0.4, "a symbol for each frame")
    label(axes, end - wide / 2, len(paths) * row + 0.4, "text")
    for k, path in enumerate(paths):
        y = (len(paths) - k - 0.5) * row + 0.1
        for t, symbol in enumerate(path):
            color, name = (QUIET, "blank") if symbol == blank else (ROLE["state"], "symbol")
            last = box(axes, 0.2 + (t + 0.5) * pitch, y, symbol, color, width=0.46, name=name)
        text = collapsed(path, blank)
        told = box(axes, end - wide / 2, y, text or "nothing", ROLE["output"], width=wide, name="output")
        arrow(axes, last.right, told.left)
        label(axes, (last.right[0] + told.left[0]) / 2 - 0.05, y + 0.15, "collapse")
    return axes


def ctc_lattice(
    text: str = "BE",
    frames: int = 6,
    *,
    path: str | None = None,
    blank: str = BLANK,
    axes: Axes | None = None,
) -> Axes:
    """All paths of a text: a row for each of its symbols and for the blanks around them, a column a frame.

    From one frame to the next a path stays, or goes one state down, or skips a blank between two symbols that
    differ. States through which no path of the text leads are pale.

    Args:
        text: one or more symbols.
        frames: how many there are.
        path: a path of the text, a character for each frame, to be drawn in orange; None for none.
        blank: the character that says nothing.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.

    Raises:
        ValueError: no symbol, too few frames for the text, or a path of another text.
    """
    needed = len(text) + sum(a == b for a, b in itertools.pairwise(text))
    if not text or frames < needed:
        raise ValueError(
            f"{text!r} in {frames} frames: give at least one symbol, and {needed} frames for it."
        )
    if path is not None and (collapsed(path, blank) != text or len(path) != frames):
        raise ValueError(f"The path {path!r} does not say {text!r} in {frames} frames.")
    states = blank + blank.join(text) + blank
    skips = [s >= 2 and states[s] != blank and states[s] != states[s - 2] for s in range(len(states))]

    def before(s: int) -> list[int]:
        return [k for k, there in ((s, True), (s - 1, s >= 1), (s - 2, skips[s])) if there]

    begun = [{0, 1}]
    for _ in range(1, frames):
        begun.append({s for s in range(len(states)) if begun[-1] & set(before(s))})
    ending = [{len(states) - 1, len(states) - 2}]
    for _ in range(1, frames):
        ending.insert(0, {k for s in ending[0] for k in before(s)})
    alive = [one & other for one, other in zip(begun, ending, strict=True)]
    pitch, row, left, node = 0.98, 0.66, 0.75, 0.42
    height = len(states) * row + 0.66
    axes = canvas(axes, left + frames * pitch + 0.1, height)
    label(axes, left + frames * pitch / 2, 0.24, "frame")
    boxes: dict[tuple[int, int], Box] = {}
    for s, symbol in enumerate(states):
        y = height - (s + 0.5) * row - 0.1
        label(axes, 0.3, y, symbol)
        for t in range(frames):
            lit = s in alive[t]
            color = QUIET if symbol == blank else ROLE["state"]
            x, name = left + (t + 0.5) * pitch, "blank" if symbol == blank else "symbol"
            boxes[s, t] = box(
                axes, x, y, symbol, color, width=node, height=node, lit=lit, corner=node / 2,
                name=name if lit else "dead",
            )  # fmt: skip
    for t in range(frames):
        label(axes, left + (t + 0.5) * pitch, 0.5, str(t + 1))
    way = _states_of(path, states, skips) if path is not None else []
    for t in range(1, frames):
        for s in sorted(alive[t]):
            for k in before(s):
                if k not in alive[t - 1]:
                    continue
                one, other = boxes[k, t - 1], boxes[s, t]
                taken = bool(way) and way[t - 1 : t + 1] == [k, s]
                start, end = one.toward((other.x, other.y)), other.toward((one.x, one.y))
                color, width = (ORANGE, 3.0) if taken else (LINE if path is None else PALE_LINE, 1.2)
                arrow(axes, start, end, color=color, width=width, zorder=2.4 if taken else 2)
    return axes


def _states_of(path: str, states: str, skips: Sequence[bool]) -> list[int]:
    """The states through which a path leads."""
    found = [0 if path[0] == states[0] else 1]
    for symbol in path[1:]:
        s = found[-1]
        steps = [s, s + 1, s + 2]
        found.append(
            next(k for k in steps if k < len(states) and states[k] == symbol and (k < s + 2 or skips[k]))
        )
    return found
