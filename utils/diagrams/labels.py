"""From a photo to a set of labels: each for itself, or one after the other by a recurrent network."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from utils.diagrams.captions import IMAGE, looked_at
from utils.diagrams.chains import node_width
from utils.diagrams.shapes import Box, arrow, box, canvas, label
from utils.plots import ROLE


def labeller(
    labels: Sequence[str] = ("sky", "tree", "snow"),
    *,
    chained: bool = True,
    photo: np.ndarray | None = None,
    cell: str = "LSTM",
    axes: Axes | None = None,
) -> Axes:
    """A photo, convolutions, one vector, labels.

    Args:
        labels: that the picture shows.
        chained: a recurrent network reads the labels so far, and the vector joins what it makes of them in
            x_t (Wang et al. 2016); else the vector alone decides on each label.
        photo: height, width and 3 channels; a drawn one if None.
        cell: name of the recurrent layer.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.

    Raises:
        ValueError: there is no label.
    """
    if not labels:
        raise ValueError("Give at least one label.")
    given, said = ["start", *labels], [*labels, "end"]
    node = node_width([*given, *said, "$x_1$"])
    pitch, first = node + 0.34, 3.0 + node / 2
    columns = given if chained else labels
    width = first + (len(columns) - 1) * pitch + node / 2 + 0.16
    low, state_row, meet_row, high = 0.74, 1.6, 2.5, 3.3
    height = high + 0.36 if chained else 2.46
    middle = meet_row if chained else 1.06
    axes = canvas(axes, width, height)
    beneath = middle - 0.82
    one = looked_at(axes, middle, beneath, photo)
    before: Box | None = None
    if not chained:
        for k, text in enumerate(said[:-1]):
            x = first + k * pitch
            out = box(axes, x, 2.0, text, ROLE["output"], width=node, name="output")
            score = box(axes, x, middle, rf"$\sigma(s_{k + 1})$", width=node, name="score")
            bus = middle - 0.44
            path = [(one.right[0], one.y), (one.right[0] + 0.14, one.y), (one.right[0] + 0.14, bus)]
            arrow(axes, *path, (x, bus), score.bottom, color=IMAGE, width=2.2, zorder=2.3)
            arrow(axes, score.top, out.bottom)
        label(axes, (first - node / 2 + width - 0.16) / 2, beneath, "each label for itself")
        return axes
    for t, text in enumerate(given):
        x = first + t * pitch
        read = box(axes, x, low, text, ROLE["input"], width=node, name="input")
        state = box(axes, x, state_row, f"$o_{{{t + 1}}}$", ROLE["state"], width=node, name="state")
        meet = box(axes, x, meet_row, f"$x_{{{t + 1}}}$", width=node, name="meet")
        out = box(axes, x, high, said[t], ROLE["output"], width=node, name="output")
        for below, above in ((read, state), (state, meet), (meet, out)):
            shift = 0.1 if above is meet else 0.0
            arrow(axes, (x + shift, below.top[1]), (x + shift, above.bottom[1]))
        if before is not None:
            arrow(axes, before.right, state.left)
        bus = (state_row + meet_row) / 2
        corner = one.right[0] + 0.14
        path = [
            (one.right[0], one.y),
            (corner, one.y),
            (corner, bus),
            (x - 0.1, bus),
            (x - 0.1, meet.bottom[1]),
        ]
        arrow(axes, *path, color=IMAGE, width=2.2, zorder=2.3)
        before = state
    label(axes, (first - node / 2 + width - 0.16) / 2, 0.24, f"{cell}, label by label")
    return axes
