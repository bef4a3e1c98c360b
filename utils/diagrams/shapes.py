"""What every diagram is made of: boxes, arrows, labels. Lengths are inches at full size.

A diagram draws on axes whose unit is one inch of the picture at full size. On smaller axes, such
as one of three subplots, boxes, lines and letters shrink together.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path
from matplotlib.textpath import TextPath

from utils.plots import ink

Point = tuple[float, float]

WIDEST = 6.8  # inches: as wide as a notebook's column
SIZE = 11  # points: letters in boxes
SMALL = 10  # points: labels beside arrows
LINE = "#3A3A3A"  # arrows and labels
PALE, PALE_LINE, PALE_INK = "#F1F1F1", "#CFCFCF", "#6E6E6E"  # what is not lit
HEIGHT = 0.44  # inches: of a box
BELT = 0.34  # inches: width of the band of a state that runs through a cell
PANEL = "#F3F6F9"  # the ground behind parts that belong together


@dataclass(frozen=True)
class Box:
    """Where a box lies: centre and size. Arrows start and end at its sides."""

    x: float
    y: float
    width: float
    height: float

    @property
    def top(self) -> Point:
        """Middle of the upper side."""
        return self.x, self.y + self.height / 2

    @property
    def bottom(self) -> Point:
        """Middle of the lower side."""
        return self.x, self.y - self.height / 2

    @property
    def left(self) -> Point:
        """Middle of the left side."""
        return self.x - self.width / 2, self.y

    @property
    def right(self) -> Point:
        """Middle of the right side."""
        return self.x + self.width / 2, self.y

    def toward(self, point: Point) -> Point:
        """Where the straight line from the centre to a point leaves the box."""
        dx, dy = point[0] - self.x, point[1] - self.y
        reach = max(abs(dx) / (self.width / 2), abs(dy) / (self.height / 2))
        return self.x + dx / reach, self.y + dy / reach


def choose(name: str, value: object, choices: Iterable[object]) -> None:
    """Refuse an option that is none of the choices.

    Raises:
        ValueError: names the option, its value and the choices.
    """
    choices = list(choices)
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; choose one of {', '.join(map(repr, choices))}.")


def canvas(axes: Axes | None, width: float, height: float) -> Axes:
    """Empty axes with inches as units, from (0, 0) at the lower left; a new figure if none are given."""
    if axes is None:
        shrink = min(1.0, WIDEST / width)
        figure = plt.figure(figsize=(width * shrink, height * shrink), layout="none")
        axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.set_aspect("equal")
    axes.axis("off")
    within: Any = axes.figure
    engine = within.get_layout_engine()
    if engine is not None:
        engine.execute(within.figure)
    return axes


def scale(axes: Axes) -> float:
    """How much smaller than full size these axes are drawn, 1 at full size."""
    axes.apply_aspect()
    low, high = axes.get_xlim()
    within: Any = axes.figure
    return axes.get_window_extent().width / within.dpi / (high - low)


def text_width(text: str, size: float = SIZE) -> float:
    """Width of a text in inches at full size; of the longest line if there are several."""
    lines = [line for line in text.split("\n") if line.strip()]
    return max(
        (float(TextPath((0, 0), line, size=size / 72).get_extents().width) for line in lines), default=0.0
    )


def label(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    *,
    color: str = LINE,
    size: float = SMALL,
    align: str = "center",
    family: str = "sans-serif",
) -> None:
    """A text beside what it names; `align` is left, center or right.

    Lines are set on their base line, so that neighbours stand level whichever letters they hold.
    """
    style: dict[str, Any] = {"fontsize": size * scale(axes), "family": family, "ha": align, "va": "baseline"}
    lines = text.split("\n")
    for k, line in enumerate(lines):
        base = y + ((len(lines) - 1) / 2 - k) * 1.25 * size / 72 - 0.36 * size / 72
        axes.text(x, base, line, color=color, zorder=5, **style)


def box(
    axes: Axes,
    x: float,
    y: float,
    text: str = "",
    color: str = PALE,
    *,
    width: float = 0.56,
    height: float = HEIGHT,
    lit: bool = True,
    size: float = SIZE,
    corner: float = 0.09,
    name: str = "",
) -> Box:
    """A box with rounded corners and a text in it, in its colour or, unlit, pale.

    Args:
        x: of the centre; `y` likewise.
        corner: radius; half the height makes a pill or a circle.
        name: to find the patch again, as its gid.
    """
    corner = min(corner, width / 2, height / 2)
    ground = color if lit else PALE
    patch = FancyBboxPatch(
        (x - width / 2, y - height / 2),
        width,
        height,
        boxstyle=f"round,pad=0,rounding_size={corner}",
        facecolor=ground,
        edgecolor=PALE_LINE if ground == PALE else ground,
        linewidth=1.0 * scale(axes),
        mutation_aspect=1,
        zorder=3,
    )
    patch.set_gid(name or None)
    axes.add_patch(patch)
    if text:
        label(axes, x, y, text, color=ink(ground) if lit else PALE_INK, size=size)
    return Box(x, y, width, height)


def panel(axes: Axes, low: Point, high: Point, text: str = "", color: str = PANEL) -> None:
    """A pale ground between two corners, behind boxes that belong together; its text below the upper side."""
    patch = FancyBboxPatch(
        low,
        high[0] - low[0],
        high[1] - low[1],
        boxstyle="round,pad=0,rounding_size=0.12",
        facecolor=color,
        edgecolor="none",
        zorder=0.5,
    )
    axes.add_patch(patch)
    if text:
        label(axes, (low[0] + high[0]) / 2, high[1] - 0.16, text)


def _rounded(points: Sequence[Point], radius: float) -> Path:
    """A line through points, its corners rounded."""
    corners = np.asarray(points, float)
    vertices, codes = [corners[0]], [Path.MOVETO]
    for before, here, after in zip(corners, corners[1:], corners[2:], strict=False):
        cut = min(radius, np.hypot(*(here - before)) / 2, np.hypot(*(after - here)) / 2)
        vertices.append(here - cut * (here - before) / np.hypot(*(here - before)))
        vertices += [here, here + cut * (after - here) / np.hypot(*(after - here))]
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    return Path([*vertices, corners[-1]], [*codes, Path.LINETO])


def _line(axes: Axes, path: Path, color: str, width: float, dashed: bool, zorder: float) -> None:
    size = scale(axes)
    patch = PathPatch(path, facecolor="none", edgecolor=color, linewidth=width * size, zorder=zorder)
    patch.set_capstyle("butt")
    patch.set_joinstyle("round")
    if dashed:
        patch.set_linestyle((0, (3.5, 2.0)))
    axes.add_patch(patch)


def _head(
    axes: Axes, tip: np.ndarray, before: np.ndarray, color: str, width: float, zorder: float
) -> np.ndarray:
    """The head of an arrow that comes from `before`; returns where its line may end."""
    length, half = 0.06 + 0.035 * width, 0.03 + 0.018 * width
    along = (tip - before) / np.hypot(*(tip - before))
    across = np.array([-along[1], along[0]])
    base = tip - length * along
    axes.add_patch(
        Polygon([tip, base + half * across, base - half * across], color=color, lw=0, zorder=zorder)
    )
    return tip - 0.9 * length * along


def arrow(
    axes: Axes,
    *points: Point,
    color: str = LINE,
    width: float = 1.6,
    head: bool = True,
    dashed: bool = False,
    radius: float = 0.13,
    zorder: float = 2,
) -> None:
    """An arrow through points, with rounded corners, whose tip touches the last; `width` in points."""
    line = [np.asarray(point, float) for point in points]
    if head:
        line[-1] = _head(axes, line[-1], line[-2], color, width, zorder)
    _line(axes, _rounded([(float(x), float(y)) for x, y in line], radius), color, width, dashed, zorder)


def curve(
    axes: Axes,
    start: Point,
    one: Point,
    two: Point,
    end: Point,
    *,
    color: str = LINE,
    width: float = 1.6,
    dashed: bool = False,
    zorder: float = 2,
) -> None:
    """A curved arrow (a cubic Bézier with two control points) whose tip touches the end."""
    tip = _head(axes, np.asarray(end, float), np.asarray(two, float), color, width, zorder)
    codes = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
    _line(axes, Path([start, one, two, tuple(tip)], codes), color, width, dashed, zorder)


def operation(
    axes: Axes, x: float, y: float, sign: str, *, lit: bool = True, width: float = 0.3, height: float = 0.3
) -> Box:
    """A white circle, or a pill if wider, with a sign in it: multiply, add, tanh."""
    patch: Circle | FancyBboxPatch
    if width == height:
        patch = Circle((x, y), width / 2)
    else:
        style = f"round,pad=0,rounding_size={height / 2}"
        patch = FancyBboxPatch((x - width / 2, y - height / 2), width, height, boxstyle=style)
    patch.set(
        facecolor="white" if lit else PALE,
        edgecolor=LINE if lit else PALE_LINE,
        linewidth=1.3 * scale(axes),
        zorder=3.5,
    )
    axes.add_patch(patch)
    size = (SIZE + 2 * (sign in "×+") if len(sign) == 1 else SMALL) * height / 0.3
    label(axes, x, y, sign, color=LINE if lit else PALE_INK, size=size)
    return Box(x, y, width, height)


def belt(
    axes: Axes, y: float, start: float, end: float, color: str, *, lit: bool = True, name: str = ""
) -> None:
    """A band with a pointed end, for a state that runs straight through a cell."""
    half, point = 0.17, 0.2
    ground = color if lit else PALE
    corners = [
        (start, y - half),
        (end - point, y - half),
        (end, y),
        (end - point, y + half),
        (start, y + half),
    ]
    patch = Polygon(
        corners, facecolor=ground, edgecolor=ground if lit else PALE_LINE, lw=scale(axes), zorder=1.5
    )
    patch.set_gid(name or None)
    axes.add_patch(patch)
