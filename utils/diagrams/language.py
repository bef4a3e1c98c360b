"""Networks that read and write text: the shifted copy, the sampling loop, streams, words to an answer."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from utils.diagrams.chains import node_width
from utils.diagrams.shapes import (
    LINE,
    Box,
    arrow,
    box,
    canvas,
    curve,
    label,
    panel,
    text_width,
)
from utils.plots import ROLE

MONO = "monospace"
TINTS = ("#CDEBDF", "#D3E6F5", "#F4DDEA", "#FBE7C0", "#E3E0F0", "#E6E6E6")  # streams
FIRST_LINE = "First Citizen: Before we proceed any further, hear me speak."


def _visible(letter: str) -> str:
    return {" ": "␣", "\n": "↵", "$": r"\$"}.get(letter, letter)


def training_shift(text: str = "to be or not", *, axes: Axes | None = None) -> Axes:
    """A text, the network, and the same text shifted by one: at each place the target is the next character.

    Args:
        text: at least two characters; 8 to 13 look best.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.

    Raises:
        ValueError: the text is too short to be shifted.
    """
    if len(text) < 2:
        raise ValueError(f"{text!r} has {len(text)} characters; shifting by one needs at least two.")
    node, pitch, left, row = 0.38, 0.56, 0.92, 0.86
    steps = len(text) - 1
    axes = canvas(axes, left + node + (steps - 1) * pitch + 0.18, 2 * row + 0.72)
    rows = {"input": 0.36, "network": 0.36 + row, "target": 0.36 + 2 * row}
    for name, y in rows.items():
        label(axes, 0.14, y, name, align="left")
    before: Box | None = None
    for t in range(steps):
        x = left + node / 2 + t * pitch
        given = box(axes, x, rows["input"], _visible(text[t]), ROLE["input"], width=node, name="input")
        state = box(axes, x, rows["network"], "", ROLE["state"], width=node, name="state")
        target = _visible(text[t + 1])
        above = box(axes, x, rows["target"], target, ROLE["output"], width=node, name="output")
        arrow(axes, given.top, state.bottom)
        arrow(axes, state.top, above.bottom)
        if before is not None:
            arrow(axes, before.right, state.left)
        before = state
    return axes


def sampling_loop(
    given: str = "h",
    chances: Mapping[str, float] | None = None,
    drawn: str = "e",
    *,
    axes: Axes | None = None,
) -> Axes:
    """Writing by sampling: a character in, a probability for each next one, one drawn, which comes in next.

    Args:
        given: the character that comes in.
        chances: probability of each next character, as many as are to be shown; an example if None.
        drawn: the one that is drawn, a key of `chances`.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.

    Raises:
        ValueError: the character drawn is not among those shown.
    """
    chances = {"e": 0.55, "a": 0.2, "i": 0.15, "o": 0.1} if chances is None else chances
    if drawn not in chances:
        raise ValueError(f"{drawn!r} is drawn but not shown; choose one of {', '.join(map(repr, chances))}.")
    height = 0.27 * len(chances)
    middle = 0.85 + max(height, 1.1) / 2
    axes = canvas(axes, 6.6, middle + max(height, 1.1) / 2 + 0.4)
    start = box(axes, 0.5, middle, _visible(given), ROLE["input"], width=0.46, name="input")
    network = box(axes, 1.75, middle, "network", ROLE["state"], width=1.0, height=0.6, name="state")
    end = box(axes, 6.08, middle, _visible(drawn), ROLE["output"], width=0.46, name="output")
    arrow(axes, start.right, network.left)
    x, y = network.top
    curve(axes, (x + 0.16, y), (x + 0.55, y + 0.5), (x - 0.55, y + 0.5), (x - 0.16, y), color=ROLE["state"])
    label(axes, x + 0.42, y + 0.24, "state", align="left")
    left = 3.15
    arrow(axes, network.right, (left - 0.22, middle))
    longest = max(chances.values())
    for k, (letter, chance) in enumerate(chances.items()):
        y = middle + height / 2 - 0.27 * (k + 0.5)
        color = ROLE["output"] if letter == drawn else "#E3C7D6"
        label(axes, left - 0.05, y, _visible(letter))
        bar = Rectangle((left + 0.1, y - 0.09), 0.85 * chance / longest, 0.18, color=color, lw=0, zorder=3)
        axes.add_patch(bar)
        label(axes, left + 0.16 + 0.85 * chance / longest, y, f"{chance:.2f}", align="left")
    arrow(axes, (left + 1.5, middle), end.left)
    label(axes, (left + 1.5 + end.left[0]) / 2, middle + 0.17, "draw one")
    arrow(axes, end.bottom, (end.x, 0.4), (start.x, 0.4), start.bottom, dashed=True)
    label(axes, 3.3, 0.2, "what was drawn is the next input")
    return axes


def streams(text: str = FIRST_LINE, *, rows: int = 3, columns: int = 4, axes: Axes | None = None) -> Axes:
    """A text cut into streams, one for each row of a batch, and chunks; the state goes from chunk to chunk.

    Args:
        text: cut into `rows` streams of `columns` chunks; what is left over is not used.
        rows: streams, which are the examples of a batch.
        columns: chunks of a stream, which are the batches.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.

    Raises:
        ValueError: the text is too short for so many pieces.
    """
    size = len(text) // (rows * columns)
    if size < 1 or rows > len(TINTS):
        raise ValueError(
            f"{len(text)} characters in {rows} streams (at most {len(TINTS)}) of {columns} chunks; "
            "each chunk wants at least one."
        )
    letters = ["".join(_visible(c) for c in text[k * size : (k + 1) * size]) for k in range(rows * columns)]
    wide = 0.0836 * size + 0.26
    gap, left, row = 0.42, 1.0, 0.62
    whole = 0.0836 * size * rows * columns + 0.12 * rows
    width = max(left + columns * wide + (columns - 1) * gap + 0.2, whole + 0.3)
    left += (width - (left + columns * wide + (columns - 1) * gap + 0.2)) / 2
    height = (rows - 1) * row + 1.98
    axes = canvas(axes, width, height)
    x = (width - whole) / 2
    for k in range(rows):
        stream = "".join(letters[k * columns : (k + 1) * columns])
        span = 0.0836 * len(stream) + 0.12
        middle, y = x + span / 2, height - 0.6
        box(axes, middle, y, "", TINTS[k], width=span - 0.03, height=0.32, corner=0.05, name="stream")
        label(axes, middle, y, stream, size=10, family=MONO, color="black")
        label(axes, middle, height - 0.25, f"stream {k + 1}")
        x += span
    top = height - 1.56
    for k in range(rows):
        y = top - k * row
        label(axes, left - 0.12, y, f"stream {k + 1}", align="right")
        before: Box | None = None
        for j in range(columns):
            x = left + wide / 2 + j * (wide + gap)
            here = box(axes, x, y, "", TINTS[k], width=wide, height=0.4, name="chunk")
            label(axes, x, y, letters[k * columns + j], size=10, family=MONO, color="black")
            if before is not None:
                arrow(axes, before.right, here.left, color=ROLE["state"], width=2.2)
            before = here
    for j in range(columns):
        x = left + wide / 2 + j * (wide + gap)
        panel(axes, (x - wide / 2 - 0.09, 0.12), (x + wide / 2 + 0.09, top + 0.56), f"batch {j + 1}")
    return axes


def vector(axes: Axes, x: float, y: float, seed: int, cells: int = 4, width: float = 0.3) -> Box:
    """A vector: a column of cells, shaded by numbers that depend on the seed alone."""
    side = 0.19
    for k in range(cells):
        value = (math.sin(12.9898 * (seed % 89) + 78.233 * k) * 43758.5453) % 1
        shade = [1 - value * (1 - int(ROLE["input"][i : i + 2], 16) / 255) for i in (1, 3, 5)]
        low = y - side * cells / 2 + k * side
        axes.add_patch(
            Rectangle((x - width / 2, low), width, side, facecolor=shade, edgecolor=LINE, lw=0.8, zorder=3)
        )
    return Box(x, y, width, side * cells)


def embedding_to_answer(
    words: Sequence[str] = ("what", "a", "great", "film"),
    ids: Sequence[int] | None = None,
    *,
    answer: str = "positive",
    layer: str = "GRU",
    axes: Axes | None = None,
) -> Axes:
    """From words to one answer: ids, a vector for each id, a recurrent layer, its last state, the answer.

    Args:
        words: of the text, at most six or so.
        ids: the number of each word in the vocabulary; examples if None.
        answer: what the network says.
        layer: name of the recurrent layer.
        axes: to draw on; a new figure if None.

    Returns:
        The axes.

    Raises:
        ValueError: not one id for each word.
    """
    ids = [sum(map(ord, word)) * 7 % 997 for word in words] if ids is None else list(ids)
    if len(ids) != len(words):
        raise ValueError(f"{len(ids)} ids for {len(words)} words; give one for each.")
    node = node_width([*words, *map(str, ids)])
    pitch, left = node + 0.34, 1.05
    last = left + node / 2 + (len(words) - 1) * pitch
    wide = max(node, text_width(answer) + 0.3)
    axes = canvas(axes, max(last + node / 2, last + wide / 2) + 0.16, 4.55)
    rows = {"words": 0.32, "ids": 1.05, "embedding": 1.98, layer: 3.05, "answer": 4.15}
    for name, y in rows.items():
        label(axes, 0.14, y, name, align="left")
    before: Box | None = None
    for k, (word, number) in enumerate(zip(words, ids, strict=True)):
        x = left + node / 2 + k * pitch
        read = box(axes, x, rows["words"], word, "#FFFFFF", width=node, height=0.36)
        found = box(axes, x, rows["ids"], str(number), ROLE["input"], width=node, height=0.38, name="input")
        numbers = vector(axes, x, rows["embedding"], number)
        state = box(axes, x, rows[layer], f"$h_{{{k + 1}}}$", ROLE["state"], width=node, name="state")
        arrow(axes, (x, read.top[1] - 0.04), found.bottom)
        arrow(axes, found.top, numbers.bottom)
        arrow(axes, numbers.top, state.bottom)
        if before is not None:
            arrow(axes, before.right, state.left)
        before = state
    if before is not None:
        said = box(axes, before.x, rows["answer"], answer, ROLE["output"], width=wide, name="output")
        arrow(axes, before.top, said.bottom)
        label(axes, before.x - 0.1, (before.top[1] + said.bottom[1]) / 2, "Dense", align="right")
    return axes
