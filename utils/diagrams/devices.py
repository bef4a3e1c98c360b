"""One training on several devices: who has which rows, what is added up, and what stays where it is."""

from matplotlib.axes import Axes

from utils.diagrams.shapes import arrow, box, canvas, curve, label, operation, panel
from utils.plots import RED, ROLE


def data_parallel(rows: tuple[str, str] = ("upper rows", "lower rows"), *, axes: Axes | None = None) -> Axes:
    """Two replicas of a recurrent network: each carries its rows' states, their gradients are added up.

    Args:
        rows: what each device reads, a word or two.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.
    """
    middle, apart, center = 1.75, 1.02, 2.62
    axes = canvas(axes, 6.6, 2 * middle)
    add = operation(axes, 5.9, middle, "+")
    for device, (text, side) in enumerate(zip(rows, (1, -1), strict=True)):
        y = middle + side * apart
        panel(axes, (0.12, y - 0.62), (5.1, y + 0.62))
        label(axes, 0.24, y + side * 0.44, f"device {device}", align="left")
        given = box(axes, 0.86, y, text, ROLE["input"], width=1.2, name="input")
        replica = box(axes, center, y, "replica", ROLE["state"], width=1.1, name="state")
        grads = box(axes, 4.4, y, "gradient", RED, width=1.1, name="gradient")
        arrow(axes, given.right, replica.left)
        arrow(axes, replica.right, grads.left)
        start, end = (center + 0.18, y + side * 0.22), (center - 0.18, y + side * 0.22)
        over = y + side * 0.66
        curve(axes, start, (center + 0.56, over), (center - 0.56, over), end, color=ROLE["state"])
        label(axes, center + 0.46, y + side * 0.42, "its rows' state", align="left")
        arrow(axes, grads.right, (add.x, y), (add.x, middle + side * 0.15), color=RED)
        arrow(axes, add.left, (center, middle), (center, y - side * 0.22))
    label(axes, (center + add.left[0]) / 2 + 0.2, middle + 0.14, "the same update for both")
    return axes
