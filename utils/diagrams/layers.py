"""Several recurrent layers: one on another, one in each direction, and a pyramid with fewer steps above."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from utils.diagrams.chains import SECOND, node_texts, node_width
from utils.diagrams.shapes import HEIGHT, LINE, Box, arrow, box, canvas, label, text_width
from utils.plots import ROLE

ROW = 0.86  # inches from row to row


def _state(axes: Axes, x: float, y: float, text: str, color: str, width: float, name: str = "state") -> Box:
    return box(axes, x, y, text, color, width=width, height=HEIGHT, name=name)


def stacked(layers: int = 3, steps: int = 4, *, names: bool = True, axes: Axes | None = None) -> Axes:
    """A deep recurrent network: the states of each layer are the inputs of the next.

    Args:
        layers: number of recurrent layers.
        steps: number of columns.
        names: write the number of each layer before its row.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.

    Raises:
        ValueError: no layer or no step.
    """
    if layers < 1 or steps < 1:
        raise ValueError(f"{layers} layers of {steps} steps; draw at least one of each.")
    node, pitch = 0.6, 1.12
    left = 0.95 if names else 0.16
    axes = canvas(axes, left + node + (steps - 1) * pitch + 0.16, (layers + 1) * ROW + 0.72)
    rows = [0.36 + k * ROW for k in range(layers + 2)]
    if names:
        for k in range(1, layers + 1):
            label(axes, 0.14, rows[k], f"layer {k}", align="left")
    before: list[Box | None] = [None] * (layers + 1)
    for t in range(steps):
        x = left + node / 2 + t * pitch
        below = box(axes, x, rows[0], f"$x_{{{t + 1}}}$", ROLE["input"], width=node, name="input")
        for k in range(1, layers + 1):
            text = f"$h_{{{t + 1}}}^{{({k})}}$" if layers > 1 else f"$h_{{{t + 1}}}$"
            state = _state(axes, x, rows[k], text, ROLE["state"], node)
            arrow(axes, below.top, state.bottom)
            previous = before[k]
            if previous is not None:
                arrow(axes, previous.right, state.left)
            before[k] = below = state
        output = box(axes, x, rows[-1], f"$y_{{{t + 1}}}$", ROLE["output"], width=node, name="output")
        arrow(axes, below.top, output.bottom)
    return axes


def bidirectional(
    steps: int = 4,
    *,
    input_texts: Sequence[str] | None = None,
    output_texts: Sequence[str] | None = None,
    names: bool = True,
    axes: Axes | None = None,
) -> Axes:
    """Two rows of states over the same inputs, one from the left, one from the right; both feed each output.

    Args:
        steps: number of columns.
        input_texts: one for each step, in place of x_1, x_2 ...
        output_texts: one for each step, in place of y_1, y_2 ...
        names: write the direction before each row.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.

    Raises:
        ValueError: as many texts as steps are wanted.
    """
    x_texts = node_texts("input", input_texts, range(steps), "x")
    y_texts = node_texts("output", output_texts, range(steps), "y")
    node, shift = 0.52, 0.31
    wide = max(2 * shift + node, node_width([*x_texts.values(), *y_texts.values()]))
    pitch = wide + 0.36
    left = 1.05 if names else 0.16
    low, forward, backward, high = 0.36, 0.36 + ROW, 0.36 + 1.8 * ROW, 0.36 + 2.8 * ROW
    axes = canvas(axes, left + wide + (steps - 1) * pitch + 0.16, high + 0.36)
    if names:
        label(axes, 0.14, forward, "forward", align="left")
        label(axes, 0.14, backward, "backward", align="left")
    ahead: list[Box] = []
    behind: list[Box] = []
    for t in range(steps):
        x = left + wide / 2 + t * pitch
        given = box(axes, x, low, x_texts[t], ROLE["input"], width=wide, name="input")
        output = box(axes, x, high, y_texts[t], ROLE["output"], width=wide, name="output")
        first, second = rf"$\overrightarrow{{h}}_{{{t + 1}}}$", rf"$\overleftarrow{{h}}_{{{t + 1}}}$"
        ahead.append(_state(axes, x - shift, forward, first, ROLE["state"], node))
        behind.append(_state(axes, x + shift, backward, second, SECOND, node, "backward state"))
        for state in (ahead[t], behind[t]):
            arrow(axes, (state.x, given.top[1]), state.bottom)
            arrow(axes, state.top, (state.x, output.bottom[1]))
    for t in range(1, steps):
        arrow(axes, ahead[t - 1].right, ahead[t].left, color=ROLE["state"], width=2.2)
        arrow(axes, behind[t].left, behind[t - 1].right, color=SECOND, width=2.2)
    return axes


def pyramid(layers: int = 3, steps: int = 8, *, names: bool = True, axes: Axes | None = None) -> Axes:
    """A pyramid: each state of a layer reads two neighbours below, so each layer has half the steps.

    Args:
        layers: number of recurrent layers.
        steps: of the lowest, a multiple of 2 to the power of `layers` - 1.
        names: write the number of steps after each row.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.

    Raises:
        ValueError: the steps cannot be halved so often.
    """
    if layers < 1 or steps < 1 or steps % 2 ** (layers - 1):
        raise ValueError(f"{steps} steps cannot be halved {layers - 1} times; a pyramid needs that.")
    node, pitch, row = 0.46, 0.7, 0.86
    right = 0.22 + text_width("8 steps") if names else 0.0
    axes = canvas(axes, 0.32 + node + (steps - 1) * pitch + right, layers * row + 0.72)
    below = [
        box(
            axes,
            0.16 + node / 2 + t * pitch,
            0.36,
            f"$x_{{{t + 1}}}$",
            ROLE["input"],
            width=node,
            name="input",
        )
        for t in range(steps)
    ]
    end = below[-1].right[0] + 0.2
    for k in range(layers):
        y, count = 0.36 + (k + 1) * row, steps // 2**k
        group = len(below) // count
        states: list[Box] = []
        for t in range(count):
            read = below[t * group : (t + 1) * group]
            text = f"$h_{{{t + 1}}}^{{({k + 1})}}$" if layers > 1 else f"$h_{{{t + 1}}}$"
            state = _state(axes, sum(one.x for one in read) / group, y, text, ROLE["state"], node)
            for one in read:
                shift = 0.0 if group == 1 else 0.1 * (1 if one.x > state.x else -1)
                arrow(axes, one.top, (state.x + shift, state.bottom[1]))
            if states:
                arrow(axes, states[-1].right, state.left)
            states.append(state)
        if names:
            label(axes, end, y, f"{count} step{'s' * (count > 1)}", color=LINE, align="left")
        below = states
    return axes
