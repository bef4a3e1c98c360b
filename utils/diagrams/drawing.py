"""A network that draws stroke by stroke: encoder, code, decoder and canvas (Gregor et al. 2015)."""

from itertools import pairwise

from matplotlib.axes import Axes

from utils.diagrams.shapes import LINE, arrow, box, canvas, label
from utils.plots import ORANGE, ROLE

ROWS = {"read": 0.62, "encoder": 1.38, "code": 2.14, "decoder": 2.9, "write": 3.66, "canvas": 4.42}
FIRST, PITCH, WIDE = 1.75, 2.05, 0.92  # inches: of the first column, from column to column, of a box


def strokes(steps: int = 3, *, encoder: bool = True, axes: Axes | None = None) -> Axes:
    """A network that draws: columns are strokes; from the picture up to the canvas, which is a sum.

    Args:
        steps: number of columns.
        encoder: whether there is a picture to look at; without, each code is noise.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.
    """
    right = FIRST + (steps - 1) * PITCH
    axes = canvas(axes, right + 0.9, 4.82)
    kinds = {"read": "input", "encoder": "state", "decoder": "state", "canvas": "output"}
    for row, name in zip(ROWS, ("reads", "encoder", "code", "decoder", "writes", "canvas"), strict=True):
        if encoder or row not in ("read", "encoder"):
            label(axes, 0.12, ROWS[row], name, align="left")
    if encoder:
        label(axes, (FIRST + right) / 2, 0.1, "picture $x$, at each stroke")
    before = None
    for t in range(1, steps + 1):
        x = FIRST + (t - 1) * PITCH
        texts = {
            "read": "read",
            "encoder": f"$h^{{enc}}_{{{t}}}$",
            "code": f"$z_{{{t}}}$" if encoder else f"noise $z_{{{t}}}$",
            "decoder": f"$h_{{{t}}}$",
            "write": "write",
            "canvas": f"$c_{{{t}}}$",
        }
        shown = [row for row in ROWS if encoder or row not in ("read", "encoder")]
        boxes = {
            row: box(
                axes,
                x,
                ROWS[row],
                texts[row],
                ORANGE if row == "code" else ROLE[kinds.get(row, "output" if row == "write" else "input")],
                width=WIDE,
                name=row,
            )
            for row in shown
        }
        for low, high in pairwise(shown):
            arrow(axes, boxes[low].top, boxes[high].bottom)
        if encoder:
            arrow(axes, (x, 0.2), boxes["read"].bottom)
        if before is not None:
            for row in ("encoder", "decoder", "canvas"):
                if row in boxes:
                    arrow(axes, before[row].right, boxes[row].left)
            if encoder:
                gap = x - PITCH / 2
                seen, heard = boxes["read"].left, boxes["encoder"].left
                arrow(
                    axes, (gap + 0.16, ROWS["canvas"]), (gap + 0.16, seen[1]), seen,
                    color=ROLE["output"], dashed=True,
                )  # fmt: skip
                begin, end = (gap - 0.2, ROWS["decoder"]), (heard[0], heard[1] + 0.14)
                arrow(axes, begin, (begin[0], end[1]), end, color=LINE, dashed=True)
        before = boxes
    return axes
