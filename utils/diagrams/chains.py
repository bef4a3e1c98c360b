"""Networks unrolled in time: the chain and its loop, and the five patterns of inputs and outputs."""

from collections.abc import Iterable, Sequence

from matplotlib.axes import Axes

from utils.diagrams.shapes import (
    HEIGHT,
    LINE,
    SMALL,
    Box,
    arrow,
    box,
    canvas,
    choose,
    curve,
    label,
    panel,
    text_width,
)
from utils.plots import BLACK, GREEN, ORANGE, PURPLE, RED, ROLE

PATTERNS = ("one to one", "one to many", "many to one", "many to many", "sequence to sequence")

SECOND = "#7A5195"  # the states of a second network, where a picture has two
ROW = 0.95  # inches from row to row


def node_texts(what: str, given: Sequence[str] | None, shown: Sequence[int], letter: str) -> dict[int, str]:
    """The text of each node that is shown: those given, or a letter with the number of the step."""
    if given is None:
        return {t: f"${letter}_{{{t + 1}}}$" for t in shown}
    if len(given) != len(shown):
        raise ValueError(
            f"{len(given)} {what} texts for {len(shown)} nodes; give one for each that is drawn."
        )
    return dict(zip(shown, given, strict=True))


def shown_steps(what: str, steps: int, which: Iterable[int] | None) -> list[int]:
    """The steps, from 0, at which something is drawn; all of them if None."""
    shown = list(range(steps)) if which is None else sorted(which)
    if any(not 0 <= t < steps for t in shown):
        raise ValueError(f"{what} at steps {shown}, but the steps are 0 to {steps - 1}.")
    return shown


def node_width(texts: Iterable[str]) -> float:
    """Of boxes that all these texts fit in."""
    return max([0.52, *(text_width(text) + 0.22 for text in texts)])


def _beside(axes: Axes, start: tuple[float, float], end: tuple[float, float], text: str) -> None:
    """The name of a weight: above a level arrow, right of an upright one."""
    x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    if text and start[1] == end[1]:
        label(axes, x - 0.03, y + 0.15, text)
    elif text:
        label(axes, x + 0.07, y - 0.02, text, align="left")


def unrolled(
    steps: int = 4,
    *,
    inputs: Iterable[int] | None = None,
    outputs: Iterable[int] | None = None,
    input_texts: Sequence[str] | None = None,
    state_texts: Sequence[str] | None = None,
    output_texts: Sequence[str] | None = None,
    weights: tuple[str, str, str] = ("", "", ""),
    start: str = "",
    folded: bool = False,
    names: bool = False,
    axes: Axes | None = None,
) -> Axes:
    """A recurrent network unrolled in time: columns are steps; inputs below, states, outputs on top.

    Args:
        steps: number of columns.
        inputs: the steps, from 0, that have an input; all if None, none if empty.
        outputs: likewise the steps that have an output.
        input_texts: one for each input drawn, in place of x_1, x_2 ...; "h", "e", "l" ...
        state_texts: one for each step, in place of h_1, h_2 ...
        output_texts: one for each output drawn, in place of y_1, y_2 ...
        weights: names of the weights from input to state, state to state, state to output, at the arrows.
        start: text of the state before the first step, such as "$h_0$"; not drawn if empty.
        folded: draw the network with its loop first, then unrolled.
        names: write "inputs", "states", "outputs" before the rows.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.

    Raises:
        ValueError: a step that is not there, or texts that do not fit the nodes.
    """
    given = shown_steps("Inputs", steps, inputs)
    answered = shown_steps("Outputs", steps, outputs)
    x_texts = node_texts("input", input_texts, given, "x")
    h_texts = node_texts("state", state_texts, range(steps), "h")
    y_texts = node_texts("output", output_texts, answered, "y")
    low = 0.36 if given else 0.36 - ROW
    middle, high = low + ROW, low + 2 * ROW
    node = node_width([*x_texts.values(), *h_texts.values(), *y_texts.values(), start])
    across = max(0.5, 0.34 + text_width(weights[1], SMALL)) if weights[1] else 0.42
    beside = max(text_width(weights[0], SMALL), text_width(weights[2], SMALL)) + 0.12 - node / 2
    pitch = node + max(across, beside)
    left = 0.14 + (0.72 if names else 0)
    fold = 0.0
    if folded:
        fold = node + 0.75 + (text_width(weights[1], SMALL) + 0.1 if weights[1] else 0.0) + 0.55
    first = left + fold + (pitch if start else 0) + node / 2
    width = first + (steps - 1) * pitch + node / 2 + max(0.14, beside + 0.1 if answered or given else 0)
    axes = canvas(axes, width, (high if answered else middle) + 0.36)

    def draw(x: float, y: float, text: str, role: str) -> Box:
        return box(axes, x, y, text, ROLE[role], width=node, height=HEIGHT, name=role)

    def upward(below: Box, above: Box, name: str) -> None:
        arrow(axes, below.top, above.bottom)
        _beside(axes, below.top, above.bottom, name)

    if names:
        rows = [(low, "inputs", given), (middle, "states", [0]), (high, "outputs", answered)]
        for y, name, drawn in rows:
            if drawn:
                label(axes, 0.12, y, name, align="left")
    if folded:
        x = left + node / 2
        state = draw(x, middle, "$h$", "state")
        if given:
            upward(draw(x, low, "$x$", "input"), state, weights[0])
        if answered:
            upward(state, draw(x, high, "$y$", "output"), weights[2])
        (right, y) = state.right
        curve(axes, (right, y + 0.11), (right + 0.6, y + 0.5), (right + 0.6, y - 0.5), (right, y - 0.11))
        if weights[1]:
            label(axes, right + 0.53, y, weights[1], align="left")
        label(axes, left + fold - 0.36, middle, "=", size=16)
    before = draw(first - pitch, middle, start, "state") if start else None
    for t in range(steps):
        x = first + t * pitch
        state = draw(x, middle, h_texts[t], "state")
        if before is not None:
            arrow(axes, before.right, state.left)
            _beside(axes, before.right, state.left, weights[1])
        if t in x_texts:
            upward(draw(x, low, x_texts[t], "input"), state, weights[0])
        if t in y_texts:
            upward(state, draw(x, high, y_texts[t], "output"), weights[2])
        before = state
    return axes


def sequence_to_sequence(
    encoder: int = 3,
    decoder: int = 3,
    *,
    input_texts: Sequence[str] | None = None,
    output_texts: Sequence[str] | None = None,
    every_step: bool = False,
    names: tuple[str, str] = ("encoder", "decoder"),
    axes: Axes | None = None,
) -> Axes:
    """Two chained networks: the encoder reads all inputs, the decoder writes all outputs from its last state.

    Args:
        encoder: its number of steps.
        decoder: its number of steps.
        input_texts: one for each step of the encoder, in place of x_1, x_2 ...
        output_texts: one for each step of the decoder, in place of y_1, y_2 ...
        every_step: give the encoder's last state to each step of the decoder, not to the first alone.
        names: of the two networks.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.

    Raises:
        ValueError: as many texts as steps are wanted.
    """
    x_texts = node_texts("input", input_texts, range(encoder), "x")
    y_texts = node_texts("output", output_texts, range(decoder), "y")
    node = node_width([*x_texts.values(), *y_texts.values()])
    pitch, edge, gap = node + 0.34, 0.16, 0.36
    half = [edge * 2 + (steps - 1) * pitch + node for steps in (encoder, decoder)]
    low, middle, high = 0.4, 0.4 + ROW, 0.4 + 2 * ROW
    axes = canvas(axes, sum(half) + gap + 0.16, high + 0.36)
    panel(axes, (0.08, 0.08), (0.08 + half[0], high + 0.28))
    panel(axes, (0.08 + half[0] + gap, 0.08), (axes.get_xlim()[1] - 0.08, high + 0.28))
    first = 0.08 + edge + node / 2
    second = first + half[0] + gap
    label(axes, 0.08 + half[0] / 2, high, names[0])
    label(axes, 0.08 + half[0] + gap + half[1] / 2, low, names[1])
    before = None
    for t in range(encoder):
        x = first + t * pitch
        state = box(axes, x, middle, f"$h_{{{t + 1}}}$", ROLE["state"], width=node, name="state")
        arrow(axes, box(axes, x, low, x_texts[t], ROLE["input"], width=node, name="input").top, state.bottom)
        if before is not None:
            arrow(axes, before.right, state.left)
        before = state
    context = before
    for t in range(decoder):
        x = second + t * pitch
        state = box(axes, x, middle, f"$s_{{{t + 1}}}$", SECOND, width=node, name="decoder state")
        arrow(
            axes, state.top, box(axes, x, high, y_texts[t], ROLE["output"], width=node, name="output").bottom
        )
        if before is not None:
            arrow(axes, before.right, state.left, color=ROLE["state"] if before is context else LINE)
        if every_step and t > 0 and context is not None:
            fork, under = 0.08 + half[0] + gap / 2, middle - 0.46
            arrow(axes, (fork, middle), (fork, under), (x, under), state.bottom, color=ROLE["state"])
        before = state
    return axes


def pattern(name: str, axes: Axes | None = None) -> Axes:
    """One of the five patterns of inputs and outputs, as a small unrolled picture.

    Args:
        name: one of `PATTERNS`.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.

    Raises:
        ValueError: no pattern has this name.
    """
    choose("name", name, PATTERNS)
    if name == "one to one":
        return unrolled(1, axes=axes)
    if name == "one to many":
        return unrolled(3, inputs=[0], input_texts=["$x$"], axes=axes)
    if name == "many to one":
        return unrolled(3, outputs=[2], output_texts=["$y$"], axes=axes)
    if name == "many to many":
        return unrolled(3, axes=axes)
    return sequence_to_sequence(3, 3, axes=axes)


def patterns(axes: Axes | None = None) -> Axes:
    """The five patterns of inputs and outputs in one row, with their names.

    Args:
        axes: to draw on; a new figure if None.

    Returns:
        The axes.
    """
    side, pitch, gap = 0.22, 0.42, 0.36
    columns = {name: 1 if name == "one to one" else 3 for name in PATTERNS} | {PATTERNS[-1]: 6}
    shapes = {  # the columns that have an input, and those that have an output
        PATTERNS[0]: ([0], [0]),
        PATTERNS[1]: ([0], [0, 1, 2]),
        PATTERNS[2]: ([0, 1, 2], [2]),
        PATTERNS[3]: ([0, 1, 2], [0, 1, 2]),
        PATTERNS[4]: ([0, 1, 2], [3, 4, 5]),
    }
    width = sum((n - 1) * pitch + side for n in columns.values()) + gap * 4 + 0.5
    axes = canvas(axes, width, 2.3)
    low, middle, high = 0.28 + 0.42, 0.28 + 1.02, 0.28 + 1.62
    x0 = 0.25 + side / 2
    for name, count in columns.items():
        before = None
        for t in range(count):
            x = x0 + t * pitch
            color = SECOND if name == PATTERNS[4] and t > 2 else ROLE["state"]
            state = box(axes, x, middle, "", color, width=side, height=0.3, corner=0.06, name="state")
            if t in shapes[name][0]:
                below = box(
                    axes, x, low, "", ROLE["input"], width=side, height=0.3, corner=0.06, name="input"
                )
                arrow(axes, below.top, state.bottom, width=1.3)
            if t in shapes[name][1]:
                above = box(
                    axes, x, high, "", ROLE["output"], width=side, height=0.3, corner=0.06, name="output"
                )
                arrow(axes, state.top, above.bottom, width=1.3)
            if before is not None:
                arrow(axes, before.right, state.left, width=1.3)
            before = state
        label(
            axes, x0 + (count - 1) * pitch / 2, 0.26, name.replace(" to ", "\nto ", 1) if count < 6 else name
        )
        x0 += (count - 1) * pitch + side + gap
    return axes


def tower_and_chain(layers: int = 3, axes: Axes | None = None) -> Axes:
    """A deep network, other weights in each layer, beside a recurrent one, the same weights at each step.

    Args:
        layers: of the tower, and steps of the chain.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.
    """
    row, node, pitch, left = 0.86, 0.52, 1.0, 1.1
    height = layers * row + 1.06
    first = left + 1.85
    axes = canvas(axes, max(first + layers * pitch + 0.6, first + 2.9), height)
    bottom = 0.7
    below = box(axes, left, bottom, "$x$", ROLE["input"], width=node, name="input")
    for k in range(layers):
        here = box(
            axes, left, bottom + (k + 1) * row, f"$a_{{{k + 1}}}$", ROLE["state"], width=node, name="state"
        )
        color = (ORANGE, GREEN, RED, PURPLE, BLACK)[k % 5]
        arrow(axes, below.top, here.bottom, color=color, width=2.6)
        label(axes, left + 0.1, (below.top[1] + here.bottom[1]) / 2, f"$W_{{{k + 1}}}$", align="left")
        below = here
    label(axes, left, 0.22, "each layer its own weights")
    low = bottom + (layers - 1) * row / 2
    before = box(axes, first, low + row, "$h_0$", ROLE["state"], width=node, name="state")
    for k in range(layers):
        x = first + (k + 1) * pitch
        here = box(axes, x, low + row, f"$h_{{{k + 1}}}$", ROLE["state"], width=node, name="state")
        arrow(axes, before.right, here.left, color=ORANGE, width=2.6)
        label(axes, (before.x + x) / 2 - 0.03, low + row + 0.18, "$W_h$")
        given = box(axes, x, low, f"$x_{{{k + 1}}}$", ROLE["input"], width=node, name="input")
        arrow(axes, given.top, here.bottom)
        label(axes, x + 0.08, (given.top[1] + here.bottom[1]) / 2, "$W_x$", align="left")
        before = here
    label(axes, first + layers * pitch / 2, 0.22, "each step the same weights")
    return axes
