"""A dialogue read turn by turn: the hierarchical encoder, with a recurrent layer over the turns."""

import itertools
from collections.abc import Sequence

from matplotlib.axes import Axes

from utils.diagrams.chains import SECOND, node_width
from utils.diagrams.shapes import Box, arrow, box, canvas, label, panel
from utils.plots import ORANGE, ROLE


def hierarchical(
    turns: Sequence[Sequence[str]] = (("hi", "!"), ("hello", ","), ("bye", ".")), *, axes: Axes | None = None
) -> Axes:
    """An encoder reads each turn, a layer over the turns keeps what they said, a decoder writes the next.

    The context goes to the decoder as a whole: to each of its steps.

    Args:
        turns: the words of each, at least two turns; what follows each is what is written after it.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.

    Raises:
        ValueError: fewer than two turns, or one without words.
    """
    if len(turns) < 2 or not all(map(len, turns)):
        raise ValueError(f"{len(turns)} turns; give at least two, each with at least one word.")
    node = node_width([word for turn in turns for word in turn])
    pitch, gap, left = node + 0.22, 0.5, 1.16
    words, encoder, middle, decoder, said = 0.4, 1.2, 2.15, 3.1, 3.9
    counts = [max(len(turn), len(after)) for turn, after in itertools.pairwise(turns)]
    width = left + sum(counts) * pitch + len(counts) * gap
    axes = canvas(axes, width, said + 0.42)
    for y, text in ((encoder, "encoder"), (middle, "context"), (decoder, "decoder")):
        label(axes, 0.1, y, text, align="left")
    before: Box | None = None
    x = left
    for k, (turn, after) in enumerate(itertools.pairwise(turns)):
        end = x + counts[k] * pitch
        panel(axes, (x - 0.12, 0.1), (end + 0.02, encoder + 0.36))
        panel(axes, (x - 0.12, decoder - 0.36), (end + 0.02, said + 0.32))
        last: Box | None = None
        for j, word in enumerate(turn):
            state = box(
                axes, x + node / 2 + j * pitch, encoder, "", ROLE["state"], width=node, name="encoder"
            )
            read = box(axes, state.x, words, word, ROLE["input"], width=node, name="input")
            arrow(axes, read.top, state.bottom)
            if last is not None:
                arrow(axes, last.right, state.left)
            last = state
        assert last is not None
        known = box(axes, last.x, middle, f"$c_{{{k + 1}}}$", ORANGE, width=node, name="context")
        arrow(axes, last.top, known.bottom, color=ORANGE, width=2.2)
        if before is not None:
            arrow(axes, before.right, known.left, color=ORANGE, width=2.2)
        arrow(axes, known.top, (known.x, decoder - 0.36), color=ORANGE, width=2.2)
        before, last = known, None
        for j, word in enumerate(after):
            state = box(axes, x + node / 2 + j * pitch, decoder, "", SECOND, width=node, name="decoder")
            written = box(axes, state.x, said, word, ROLE["output"], width=node, name="output")
            arrow(axes, state.top, written.bottom)
            if last is not None:
                arrow(axes, last.right, state.left)
            last = state
        x = end + gap
    return axes
