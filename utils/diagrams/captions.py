"""From a photo to words: convolutions, one vector or a grid of places, and a recurrent network."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyBboxPatch, Polygon, Rectangle

from utils.diagrams.chains import node_width
from utils.diagrams.language import vector
from utils.diagrams.shapes import LINE, Box, arrow, box, canvas, choose, label, text_width
from utils.plots import ORANGE, ROLE

WAYS = ("first step", "first input", "initial state", "every step")
IMAGE = "#8A5A00"  # arrows of the image: a brown that is no gate


def photo_box(axes: Axes, x: float, y: float, photo: np.ndarray | None) -> Box:
    """A photo, or a drawn one: sky, sun and two hills."""
    width, height = 0.86, 0.72
    low, bottom = x - width / 2, y - height / 2
    frame = FancyBboxPatch(
        (low, bottom), width, height, boxstyle="round,pad=0,rounding_size=0.05", facecolor="#CFE8F7",
        edgecolor=LINE, linewidth=1.2, zorder=3,
    )  # fmt: skip
    axes.add_patch(frame)
    if photo is not None:
        limits = axes.get_xlim(), axes.get_ylim()
        drawn = axes.imshow(
            photo, extent=(low, low + width, bottom, bottom + height), zorder=3.1, aspect="equal"
        )
        drawn.set_clip_path(frame)
        axes.set(xlim=limits[0], ylim=limits[1])
        return Box(x, y, width, height)
    far = [(0.0, 0.0), (0.0, 0.2), (0.3, 0.52), (0.62, 0.0)]
    near = [(0.25, 0.0), (0.6, 0.38), (0.86, 0.12), (0.86, 0.0)]
    shapes = [
        Circle((low + 0.66, bottom + 0.54), 0.09, color="#F2B632", lw=0),
        Polygon([(low + a, bottom + b) for a, b in far], color="#6FA287", lw=0),
        Polygon([(low + a, bottom + b) for a, b in near], color="#3F7D5E", lw=0),
    ]
    for shape in shapes:
        shape.set_zorder(3.1)
        axes.add_patch(shape)
        shape.set_clip_path(frame)
    return Box(x, y, width, height)


def convolutions(axes: Axes, x: float, y: float) -> None:
    """Layers of a convolutional network: ever smaller, ever more channels."""
    left = x
    for height, depth in ((0.72, 2), (0.52, 3), (0.34, 4)):
        for k in reversed(range(depth)):
            shift = 0.05 * k
            corner = (left + shift, y - height / 2 + shift - 0.05)
            slab = Rectangle(
                corner, 0.09, height, facecolor="#DCE4EA", edgecolor=LINE, lw=0.8, zorder=3 - 0.1 * k
            )
            axes.add_patch(slab)
        left += 0.12 + 0.05 * depth


def looked_at(axes: Axes, middle: float, beneath: float, photo: np.ndarray | None) -> Box:
    """A photo, convolutions and the vector, at the left, with their names; returns the vector."""
    picture = photo_box(axes, 0.58, middle, photo)
    convolutions(axes, 1.28, middle)
    one = vector(axes, 2.38, middle, 5, cells=6, width=0.24)
    arrow(axes, picture.right, (1.26, middle))
    arrow(axes, (2.02, middle), one.left)
    for x, text in ((0.58, "photo"), (1.54, "convolutions"), (2.42, "vector v")):
        label(axes, x, beneath, text)
    return one


def captioner(
    way: str = "first step",
    *,
    words: Sequence[str] = ("a", "dog", "runs"),
    photo: np.ndarray | None = None,
    cell: str = "LSTM",
    axes: Axes | None = None,
) -> Axes:
    """A photo, convolutions, one vector, a recurrent network, words.

    Args:
        way: how the vector v enters, of `WAYS`. "first step" adds it to what the first step computes, by
            a matrix of its own, as lecture L0's equation does; "every step" does so at each step; "first
            input" reads it in place of a word, before the start token; "initial state" makes h_0 of it.
        words: of the caption, without start and end.
        photo: height, width and 3 channels; a drawn one if None.
        cell: name of the recurrent layer.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.

    Raises:
        ValueError: the way is none of the choices.
    """
    choose("way", way, WAYS)
    low, middle, high = 0.74, 1.66, 2.58
    given, said = ["start", *words], [*words, "end"]
    extra = way in ("first input", "initial state")
    node = node_width([*given, *said])
    pitch, first = node + 0.3, 2.86 + node / 2
    columns = len(given) + extra
    width = first + (columns - 1) * pitch + node / 2 + 0.16
    axes = canvas(axes, width, high + 0.36)
    one = looked_at(axes, middle, 0.24, photo)
    label(axes, (first - node / 2 + width - 0.16) / 2, 0.24, f"{cell}, word by word")

    before: Box | None = None
    bus = one.bottom[1] + 0.17
    for t in range(columns):
        x = first + t * pitch
        k = t - extra
        name = f"$h_{{{t + 1 if way != 'initial state' else t}}}$"
        state = box(axes, x, middle, name, ROLE["state"], width=node, name="state")
        if before is not None:
            arrow(axes, before.right, state.left)
        fed = way == "every step" or (t == 0 and way in ("first step", "first input"))
        shift = 0.14 if fed and k >= 0 else 0.0
        if k >= 0:
            read = box(axes, x, low, given[k], ROLE["input"], width=node, name="input")
            arrow(axes, (x + shift, read.top[1]), (x + shift, state.bottom[1]))
            arrow(
                axes, state.top, box(axes, x, high, said[k], ROLE["output"], width=node, name="output").bottom
            )
        if fed:
            path = [(one.right[0], bus), (x - shift, bus), (x - shift, state.bottom[1])]
            arrow(axes, *path, color=IMAGE, width=2.2, zorder=2.3)
        elif t == 0:
            arrow(axes, one.right, state.left, color=IMAGE, width=2.2)
        before = state
    return axes


def places(axes: Axes, x: float, y: float, weights: np.ndarray, side: float = 0.78) -> Box:
    """A grid of places, each the more orange the more it is looked at."""
    field = side / len(weights)
    strongest = max(float(np.max(weights)), 1e-9)
    for (row, column), weight in np.ndenumerate(weights):
        corner = (x - side / 2 + column * field, y + side / 2 - (row + 1) * field)
        ground = Rectangle(corner, field, field, facecolor="white", edgecolor=LINE, lw=0.8, zorder=3)
        seen = Rectangle(
            corner, field, field, facecolor=ORANGE, alpha=float(weight) / strongest, lw=0, zorder=3.05
        )
        seen.set_gid("place")
        axes.add_patch(ground)
        axes.add_patch(seen)
    return Box(x, y, side, side)


LOOKS = ((0, 0, 0, 0), (0, 0.05, 0.1, 0), (0, 0.2, 0.5, 0), (0, 0.05, 0.1, 0))  # as a dog may be seen


def looking_captioner(
    *,
    words: Sequence[str] = ("a", "dog", "runs"),
    weights: Sequence[Sequence[float]] | np.ndarray = LOOKS,
    step: int = 1,
    photo: np.ndarray | None = None,
    axes: Axes | None = None,
) -> Axes:
    """A photo, convolutions, a grid of places; at each word the network looks at them again.

    The mean of the places sets the first state. What is seen, the context, joins the state after the step.

    Args:
        words: of the caption, without start and end.
        weights: how much step `step` looks at each place, `(rows, rows)`, from the top.
        step: from 0, the one whose look is drawn.
        photo: height, width and 3 channels; a drawn one if None.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.

    Raises:
        ValueError: the weights are no square, or the step is not there.
    """
    weights = np.asarray(weights, float)
    given, said = ["start", *words], [*words, "end"]
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1]:
        raise ValueError(f"The weights have shape {weights.shape}; give one for each place of a square.")
    if not 0 <= step < len(said):
        raise ValueError(f"step is {step}; the network's steps are 0 to {len(said) - 1}.")
    low, middle, joined, high = 0.74, 1.5, 2.86, 3.66
    node = node_width([*given, *said])
    pitch, first = node + 0.3, 3.5 + node / 2
    width = first + (len(given) - 1) * pitch + node / 2 + 0.16
    axes = canvas(axes, width, high + 0.36)
    picture = photo_box(axes, 0.58, middle, photo)
    convolutions(axes, 1.22, middle)
    grid = places(axes, 2.48, middle, weights)
    arrow(axes, picture.right, (1.2, middle))
    arrow(axes, (1.92, middle), grid.left)
    for x, text in ((0.58, "photo"), (1.48, "convolutions"), (2.48, "places")):
        label(axes, x, 0.24, text)
    label(axes, (first - node / 2 + width - 0.16) / 2, 0.24, "LSTM, word by word")
    context = box(axes, grid.x, 2.42, "context", ORANGE, width=text_width("context") + 0.24, name="context")
    arrow(axes, grid.top, context.bottom, color=ORANGE, width=2.4)
    before: Box | None = None
    for t in range(len(given)):
        x = first + t * pitch
        state = box(axes, x, middle, f"$h_{{{t + 1}}}$", ROLE["state"], width=node, name="state")
        read = box(axes, x, low, given[t], ROLE["input"], width=node, name="input")
        name = rf"$\tilde{{h}}_{{{t + 1}}}$"
        both = box(axes, x, joined, name, ROLE["state"], width=node, name="state with context")
        above = box(axes, x, high, said[t], ROLE["output"], width=node, name="output")
        arrow(axes, read.top, state.bottom)
        shift = 0.14 if t == step else 0.0
        arrow(axes, (x + shift, state.top[1]), (x + shift, both.bottom[1]))
        arrow(axes, both.top, above.bottom)
        if before is None:
            arrow(axes, grid.right, state.left, color=IMAGE, width=2.2)
            label(axes, (grid.right[0] + state.left[0]) / 2, middle + 0.14, "mean", color=IMAGE)
        else:
            arrow(axes, before.right, state.left)
        if t == step:
            end = (x - shift, both.bottom[1])
            arrow(axes, context.right, (x - shift, context.y), end, color=ORANGE, width=2.4, zorder=2.4)
        before = state
    return axes
