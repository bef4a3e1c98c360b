"""Gradients that run back through an unrolled network, and truncated ones that stop at a cut."""

from collections.abc import Iterable

from matplotlib.axes import Axes

from utils.diagrams.chains import shown_steps
from utils.diagrams.shapes import LINE, Box, arrow, box, canvas, label, panel
from utils.plots import GREY, RED, ROLE

LOSS = "#FBE3E1"  # boxes of losses: pale red
APART = 0.075  # inches from the middle of a box to the arrow forward, and to the arrow back


def backward(
    steps: int = 4,
    *,
    losses: Iterable[int] | None = None,
    shrink: float = 1.0,
    inputs: bool = True,
    labels: bool = False,
    axes: Axes | None = None,
) -> Axes:
    """The unrolled network with its losses, and red arrows that run back from each along the chain.

    Args:
        steps: number of columns.
        losses: the steps, from 0, that have a loss; all if None.
        shrink: how much of the gradient is left after each step back; the red arrows grow thinner by it.
        inputs: draw the inputs.
        labels: write the derivative at each red arrow along the chain.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.

    Raises:
        ValueError: a step that is not there, no loss at all, or a factor outside (0, 1].
    """
    answered = shown_steps("Losses", steps, losses)
    if not answered:
        raise ValueError("No loss, so no gradient; give at least one step.")
    if not 0 < shrink <= 1:
        raise ValueError(f"shrink is {shrink}; it wants a factor above 0, at most 1.")
    node, row = 0.56, 0.9
    pitch = 1.42 if labels else 1.15
    low = 0.36 if inputs else 0.36 - row + (0.32 if labels else 0)
    middle, high = low + row, low + 2 * row
    axes = canvas(axes, 0.2 + node + (steps - 1) * pitch + 0.2, high + 0.36)
    states = [
        box(
            axes,
            0.2 + node / 2 + t * pitch,
            middle,
            f"$h_{{{t + 1}}}$",
            ROLE["state"],
            width=node,
            name="state",
        )
        for t in range(steps)
    ]
    for t, state in enumerate(states):
        if t > 0:
            (x0, y), (x1, _) = states[t - 1].right, state.left
            arrow(axes, (x0, y + APART), (x1, y + APART))
        if inputs:
            given = box(axes, state.x, low, f"$x_{{{t + 1}}}$", ROLE["input"], width=node, name="input")
            arrow(axes, given.top, state.bottom)
        if t in answered:
            loss = box(axes, state.x, high, f"$L_{{{t + 1}}}$", LOSS, width=node, name="loss")
            arrow(axes, (state.x - APART, state.top[1]), (state.x - APART, loss.bottom[1]))
    _red(axes, states, answered, high - 0.22, shrink, labels)
    return axes


def _red(axes: Axes, states: list[Box], losses: list[int], top: float, shrink: float, labels: bool) -> None:
    """The gradient: down from each loss, then back from state to state."""
    flow = 0.0
    for t in reversed(range(max(losses) + 1)):
        state = states[t]
        if t in losses:
            x = state.x + APART
            arrow(axes, (x, top), (x, state.top[1]), color=RED, width=2.6, zorder=2.5)
            flow = 1.0
        if t > 0:
            flow *= shrink
            (x0, y), (x1, _) = state.left, states[t - 1].right
            width = max(0.5, 3.2 * flow) if shrink < 1 else 2.6
            arrow(axes, (x0, y - APART), (x1, y - APART), color=RED, width=width, zorder=2.5)
            if labels:
                text = rf"$\frac{{\partial h_{{{t + 1}}}}}{{\partial h_{{{t}}}}}$"
                label(axes, (x0 + x1) / 2, y - 0.36, text, color=RED, size=12)


def chunks(
    steps: int = 9, size: int = 3, *, losses: bool = True, key: bool = True, axes: Axes | None = None
) -> Axes:
    """Truncated backpropagation: the state crosses each cut forward, the gradient stops at it.

    Args:
        steps: number of columns.
        size: steps in a chunk.
        losses: draw a loss over each state.
        key: say below what the arrows mean.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.

    Raises:
        ValueError: `size` is not in 1 to `steps`.
    """
    if not 1 <= size <= steps:
        raise ValueError(f"size is {size}; a chunk has 1 to {steps} of the {steps} steps.")
    node, row, pitch, cut = 0.5, 0.82, 0.82, 0.3
    below = 0.42 if key else 0.0
    low = below + 0.36
    middle, high = low + row, low + (2 * row if losses else row)
    top = high + 0.62

    def column(t: int) -> float:
        return 0.22 + node / 2 + t * pitch + (t // size) * cut

    width = column(steps - 1) + node / 2 + 0.22
    axes = canvas(axes, width, top)
    for k in range(0, steps, size):
        last = min(k + size, steps) - 1
        low_left = (column(k) - node / 2 - 0.1, below + 0.06)
        panel(axes, low_left, (column(last) + node / 2 + 0.1, top - 0.06), f"chunk {k // size + 1}")
        if last + 1 < steps:
            x = (column(last) + column(last + 1)) / 2
            arrow(axes, (x, below + 0.06), (x, top - 0.06), color=GREY, width=1.2, head=False, dashed=True)
    before = None
    for t in range(steps):
        x = column(t)
        state = box(axes, x, middle, f"$h_{{{t + 1}}}$", ROLE["state"], width=node, name="state")
        given = box(axes, x, low, f"$x_{{{t + 1}}}$", ROLE["input"], width=node, name="input")
        arrow(axes, given.top, state.bottom)
        if losses:
            loss = box(axes, x, high, f"$L_{{{t + 1}}}$", LOSS, width=node, name="loss")
            arrow(axes, (x - APART, state.top[1]), (x - APART, loss.bottom[1]))
            arrow(axes, (x + APART, loss.bottom[1]), (x + APART, state.top[1]), color=RED, width=2.2)
        if before is not None:
            _link(axes, before, state, stopped=t % size == 0)
        before = state
    if key:
        _key(axes, width)
    return axes


def _link(axes: Axes, before: Box, state: Box, stopped: bool) -> None:
    """Forward and back between two states, or forward alone, with a bar where the gradient stops."""
    (x0, y), (x1, _) = before.right, state.left
    arrow(axes, (x0, y + APART), (x1, y + APART), color=ROLE["state"] if stopped else LINE, width=2.2)
    if not stopped:
        arrow(axes, (x1, y - APART), (x0, y - APART), color=RED, width=2.2)
        return
    wall = (x0 + x1) / 2
    arrow(axes, (x1, y - APART), (wall, y - APART), color=RED, width=2.2, head=False)
    arrow(axes, (wall, y - APART - 0.12), (wall, y - APART + 0.1), color=RED, width=3, head=False)


def _key(axes: Axes, width: float) -> None:
    y, x = 0.22, width / 2 - 2.75
    arrow(axes, (x, y), (x + 0.4, y), color=ROLE["state"], width=2.2)
    label(axes, x + 0.5, y, "state, carried on", align="left")
    arrow(axes, (x + 2.2, y), (x + 1.85, y), color=RED, width=2.2)
    label(axes, x + 2.3, y, "gradient", align="left")
    arrow(axes, (x + 3.7, y), (x + 3.42, y), color=RED, width=2.2, head=False)
    arrow(axes, (x + 3.42, y - 0.11), (x + 3.42, y + 0.11), color=RED, width=3, head=False)
    label(axes, x + 3.8, y, "stopped at the cut", align="left")
