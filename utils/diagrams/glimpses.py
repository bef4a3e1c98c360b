"""A network that looks at a picture glimpse by glimpse (Mnih et al. 2014)."""

from matplotlib.axes import Axes

from utils.diagrams.shapes import Box, arrow, box, canvas, label
from utils.plots import ORANGE, ROLE

ROWS = {"picture": 0.2, "glimpse": 0.95, "state": 1.8, "answer": 2.65}
FIRST, PITCH, WIDE = 1.75, 1.6, 0.8  # inches: of the first column, from column to column, of a box


def glimpses(steps: int = 3, *, last: str = "digit", axes: Axes | None = None) -> Axes:
    """Columns are glimpses: what is seen changes the state, and the state says where to look next.

    Args:
        steps: how many glimpses, at least two.
        last: what the last state says.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.

    Raises:
        ValueError: there is one glimpse or none, so that nothing says where to look.
    """
    if steps < 2:
        raise ValueError(f"{steps} glimpses; give at least two.")
    right = FIRST + (steps - 1) * PITCH
    axes = canvas(axes, right + 0.6, 3.05)
    for row, name in (("glimpse", "glimpse"), ("state", "state"), ("answer", "where next")):
        label(axes, 0.12, ROWS[row], name, align="left")
    label(axes, (FIRST + right) / 2, ROWS["picture"], "picture")
    before: Box | None = None
    for t in range(1, steps + 1):
        x = FIRST + (t - 1) * PITCH
        seen = box(axes, x, ROWS["glimpse"], f"$g_{{{t}}}$", ROLE["input"], width=WIDE, name="input")
        state = box(axes, x, ROWS["state"], f"$h_{{{t}}}$", ROLE["state"], width=WIDE, name="state")
        text, color = (f"$l_{{{t + 1}}}$", ORANGE) if t < steps else (last, ROLE["output"])
        answer = box(axes, x, ROWS["answer"], text, color, width=WIDE, name="output")
        arrow(axes, (x, ROWS["picture"] + 0.12), seen.bottom)
        arrow(axes, seen.top, state.bottom)
        arrow(axes, state.top, answer.bottom)
        if before is not None:
            arrow(axes, before.right, state.left)
        if t < steps:  # where the next glimpse lies
            between = x + PITCH / 2
            path = [answer.right, (between, answer.y), (between, seen.y), (x + PITCH - WIDE / 2, seen.y)]
            arrow(axes, *path, color=ORANGE, width=2.0, zorder=1.8)
        before = state
    return axes
