"""Translation: an encoder and a decoder, with and without attention; the tree of a beam search."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from utils.diagrams.chains import SECOND, node_width
from utils.diagrams.shapes import LINE, Box, arrow, box, canvas, label, panel, text_width
from utils.plots import ORANGE, ROLE

ROW = 0.9  # inches from row to row


def _chain(axes: Axes, xs: Sequence[float], y: float, node: float, after: Box | None) -> list[Box]:
    """States from left to right: an encoder's, or a decoder's that go on from the encoder's last."""
    letter, color, name = ("h", ROLE["state"], "state") if after is None else ("s", SECOND, "decoder state")
    states: list[Box] = []
    for k, x in enumerate(xs):
        states.append(box(axes, x, y, f"${letter}_{{{k + 1}}}$", color, width=node, name=name))
        if after is not None:
            handed = k == 0
            line, width = (ROLE["state"], 2.2) if handed else (LINE, 1.6)
            arrow(axes, after.right, states[-1].left, color=line, width=width)
        after = states[-1]
    return states


def encoder_decoder(
    source: Sequence[str] = ("ein", "Hund", "läuft"),
    target: Sequence[str] = ("a", "dog", "runs"),
    *,
    attention: Sequence[float] | bool = False,
    step: int = 1,
    axes: Axes | None = None,
) -> Axes:
    """Encoder and decoder: the sentence goes through one vector, or the decoder also looks back at each word.

    What it sees there, the context, joins its state after the step (Luong et al. 2015), not before.

    Args:
        source: the words read.
        target: the words written, without the end.
        attention: False for the last state alone; True, or a weight for each word of the source, to draw
            how step `step` of the decoder looks back: the wider the line, the more it looks there.
        step: of the decoder, from 0, whose attention is drawn.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.

    Raises:
        ValueError: not one weight for each word of the source, or the step is not there.
    """
    given, said = ["start", *target], [*target, "end"]
    looks = attention is not False
    if not 0 <= step < len(said):
        raise ValueError(f"step is {step}; the decoder's steps are 0 to {len(said) - 1}.")
    if isinstance(attention, bool):
        attention = [0.8 if k == step else 0.2 / max(1, len(source) - 1) for k in range(len(source))]
    if len(attention) != len(source):
        raise ValueError(f"{len(attention)} weights for {len(source)} words; give one for each.")
    node = node_width([*source, *given, *said])
    pitch, gap = node + 0.24, 0.42
    low, middle = 0.4, 0.4 + ROW
    joined = middle + 1.7 * ROW  # where state and context are joined
    high = (joined if looks else middle) + ROW
    first = 0.24 + node / 2
    xs = [first + k * pitch for k in range(len(source))]
    second = xs[-1] + node + 0.32 + gap
    ys = [second + k * pitch for k in range(len(said))]
    axes = canvas(axes, ys[-1] + node / 2 + 0.24, high + 0.68)
    panel(axes, (0.08, 0.08), (xs[-1] + node / 2 + 0.16, high + 0.6))
    panel(axes, (ys[0] - node / 2 - 0.16, 0.08), (ys[-1] + node / 2 + 0.16, high + 0.6))
    label(axes, (xs[0] + xs[-1]) / 2, high + 0.42, "encoder")
    label(axes, (ys[0] + ys[-1]) / 2, high + 0.42, "decoder")
    states = _chain(axes, xs, middle, node, None)
    for state, word in zip(states, source, strict=True):
        arrow(axes, box(axes, state.x, low, word, ROLE["input"], width=node, name="input").top, state.bottom)
    writers = _chain(axes, ys, middle, node, states[-1])
    for k, state in enumerate(writers):
        read = box(axes, state.x, low, given[k], ROLE["input"], width=node, name="input")
        arrow(axes, read.top, state.bottom)
        above = box(axes, state.x, high, said[k], ROLE["output"], width=node, name="output")
        if looks:
            name = rf"$\tilde{{s}}_{{{k + 1}}}$"
            squeezed = box(axes, state.x, joined, name, SECOND, width=node, name="decoder state with context")
            shift = 0.14 if k == step else 0.0
            arrow(axes, (state.x + shift, state.top[1]), (state.x + shift, squeezed.bottom[1]))
            state = squeezed
        arrow(axes, state.top, above.bottom)
    if looks:
        x, y, wide = (xs[0] + xs[-1]) / 2, middle + 0.98 * ROW, text_width("context") + 0.24
        context = box(axes, x, y, "context", ORANGE, width=wide, name="context")
        for state, weight in zip(states, attention, strict=True):
            end = (context.x + (state.x - context.x) * 0.3, context.bottom[1])
            arrow(axes, state.top, end, color=ORANGE, width=0.8 + 4.0 * weight)
        x, foot = ys[step] - 0.14, squeezed.bottom[1]
        arrow(axes, context.right, (x, y), (x, foot), color=ORANGE, width=2.4, zorder=2.4)
    return axes


@dataclass(frozen=True)
class Branch:
    """One word of a beam search.

    Attributes:
        word: what was added.
        parent: number, from 0, of the branch of the step before that it goes on from.
        score: of the sentence so far, such as its log-probability.
        kept: whether it is among those that go on.
    """

    word: str
    parent: int
    score: float
    kept: bool = True


def beam_tree(steps: Sequence[Sequence[Branch]], *, start: str = "start", axes: Axes | None = None) -> Axes:
    """A beam search as a tree: a column for each step; what was kept in colour, what was dropped pale.

    The branch with the best score of the last step, and all that lead to it, are drawn with wide lines.

    Args:
        steps: the branches of each step, in the order in which they are drawn, from the top.
        start: the word that all start from.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.

    Raises:
        ValueError: no step, or a branch whose parent is not there.
    """
    if not steps or not all(steps):
        raise ValueError("A tree needs at least one branch in each step.")
    counts = [1, *map(len, steps)]
    for k, step in enumerate(steps):
        for branch in step:
            if not 0 <= branch.parent < counts[k]:
                raise ValueError(
                    f"{branch.word!r} of step {k + 1} has parent {branch.parent}; "
                    f"step {k} has branches 0 to {counts[k] - 1}."
                )
    wide = [node_width([start])] + [
        max(node_width([branch.word for branch in step]), text_width("-0.00", 8.5) + 0.2) for step in steps
    ]
    gap, row = 0.62, 0.62
    height = max(counts) * row + 0.3
    axes = canvas(axes, sum(wide) + gap * len(steps) + 0.3, height)
    best = max(range(len(steps[-1])), key=lambda k: (steps[-1][k].kept, steps[-1][k].score))
    path = {}
    for k in reversed(range(len(steps))):
        path[k] = best
        best = steps[k][best].parent
    before = [box(axes, 0.15 + wide[0] / 2, height / 2, start, ROLE["input"], width=wide[0], name="start")]
    x = 0.15 + wide[0]
    for k, step in enumerate(steps):
        x += gap
        here = []
        for j, branch in enumerate(step):
            y = height / 2 + (len(step) - 1) / 2 * row - j * row
            text = f"{branch.word}\n{branch.score:.2f}".replace("-", "−")
            name = "kept" if branch.kept else "dropped"
            look: dict[str, Any] = {"lit": branch.kept, "width": wide[k + 1], "height": 0.48, "size": 9.5}
            one = box(axes, x + wide[k + 1] / 2, y, text, ROLE["state"], name=name, **look)
            parent = before[branch.parent]
            chosen = path[k] == j
            color = ROLE["state"] if chosen else LINE if branch.kept else "#BBBBBB"
            arrow(axes, parent.right, one.left, color=color, width=3 if chosen else 1.3)
            here.append(one)
        x += wide[k + 1]
        before = here
    return axes
