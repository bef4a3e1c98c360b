"""From a photo to a class for each pixel: a network's scores, and mean field unrolled over them."""

import numpy as np
from matplotlib.axes import Axes

from utils.diagrams.captions import IMAGE, convolutions, photo_box
from utils.diagrams.shapes import arrow, box, canvas, label
from utils.plots import ROLE


def mean_field(steps: int = 3, *, photo: np.ndarray | None = None, axes: Axes | None = None) -> Axes:
    """Mean field as a recurrent network: scores and kernels of a picture enter each iteration alike.

    Args:
        steps: iterations that are drawn.
        photo: height, width and 3 channels; a drawn one if None.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.

    Raises:
        ValueError: there is no iteration.
    """
    if steps < 1:
        raise ValueError(f"{steps} iterations; draw at least one.")
    low, middle, high = 0.72, 1.56, 2.4
    node, pitch, first = 0.62, 1.16, 3.5
    width = first + steps * pitch + node / 2 + 0.16
    axes = canvas(axes, width, high + 0.4)
    picture = photo_box(axes, 0.58, middle, photo)
    convolutions(axes, 1.12, low)
    scores = box(axes, 2.42, low, "scores $u$", ROLE["input"], width=1.0, name="input")
    kernels = box(axes, 2.42, high, "kernels", ROLE["output"], width=1.0, name="kernels")
    arrow(axes, picture.bottom, (picture.x, low), (1.1, low))
    arrow(axes, (1.86, low), scores.left)
    arrow(axes, picture.top, (picture.x, high), kernels.left, color=IMAGE)
    states = [
        box(axes, first + t * pitch, middle, f"$Q_{{{t}}}$", ROLE["state"], width=node, name="state")
        for t in range(steps + 1)
    ]
    for t, state in enumerate(states):
        arrow(axes, scores.right, (state.x, low), state.bottom)
        if t:
            arrow(axes, states[t - 1].right, state.left)
            arrow(axes, kernels.right, (state.x, high), state.top, color=IMAGE)
    label(axes, 0.58, 0.24, "photo")
    label(axes, 1.48, 0.24, "convolutions")
    text = "mean field, the same weights in each iteration" if steps > 2 else "mean field"
    label(axes, first + steps * pitch / 2, 0.24, text)
    return axes
