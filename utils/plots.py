"""One style for the figures of the whole series, coloured text, and figures with knobs to turn.

Lines take `COLORS`: Okabe and Ito's, which colour-blind readers can tell apart (Okabe and Ito 2008,
"Color Universal Design"), with a red that is red: dark, so that its lightness alone tells it from
the green. What a thing *is* takes its colour from `ROLE` and `GATE`, the same in every diagram, heat
map and line of the series. A plotting cell ends with `show("what the figure shows")`.
"""

import base64
import html
import importlib.util
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import PIL.Image
from IPython import get_ipython
from IPython.display import HTML, Image, display
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, BLACK = (
    "#0072B2", "#E69F00", "#009E73", "#C1121F", "#CC79A7", "#56B4E9", "#F0E442", "#000000",
)  # fmt: skip
GREY = "#999999"
COLORS = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, BLACK)

# Within one picture of a cell, the gates differ in hue or lightness for colour-blind readers too.
ROLE = {"input": "#63C29F", "state": BLUE, "output": PURPLE, "cell": SKY}
GATE = {
    "forget": "#BF4D00", "input": "#006B54", "output": "#5B2A86", "candidate": ORANGE,
    "reset": "#A3195B", "update": "#726F00",
}  # fmt: skip


def use_style() -> None:
    """Set matplotlib's defaults: readable at 600 pixels wide, light grid, colour-blind safe."""
    plt.rcParams.update(
        {
            "figure.figsize": (6.4, 3.2),
            "figure.dpi": 110,
            "figure.facecolor": "white",  # opaque, with a margin: a figure stands on a dark page too
            "savefig.facecolor": "white",
            "figure.constrained_layout.use": True,
            "figure.constrained_layout.w_pad": 0.08,
            "figure.constrained_layout.h_pad": 0.08,
            "font.size": 10,
            "axes.titlesize": 11,
            "axes.prop_cycle": plt.cycler(color=COLORS),
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "grid.color": "#dddddd",
            "legend.frameon": False,
            "lines.linewidth": 1.8,
        }
    )


def contrast(color: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21, as WCAG 2.1 defines it; text wants 4.5 on its ground.

    Args:
        color: any colour that matplotlib knows.
        other: likewise; the order does not matter.
    """

    def luminance(name: str) -> float:
        channels = np.array(to_rgb(name))
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.2126, 0.7152, 0.0722))

    dark, light = sorted((luminance(color), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def ink(color: str) -> str:
    """Black or white, whichever reads better on a ground of this colour."""
    return max(("white", "black"), key=lambda text: contrast(text, color))


def gate_map(name: str) -> LinearSegmentedColormap:
    """A map for a quantity in [0, 1]: white where the gate is shut, its colour where it is open.

    Args:
        name: of a gate, a key of `GATE`; or of a role without a gate of its name: "cell", "state".

    Returns:
        The map, for `imshow(..., cmap=gate_map("forget"), vmin=0, vmax=1)` with a colour bar.

    Raises:
        ValueError: no gate and no role has this name.
    """
    colors = ROLE | GATE
    if name not in colors:
        raise ValueError(f"No colour for {name!r}; the names are {', '.join(colors)}.")
    return LinearSegmentedColormap.from_list(f"gate {name}", ["white", colors[name]])


def show(alt: str) -> None:
    """Show the current figure with a text for readers who cannot see it, and close it.

    The picture is stored with 128 colours, which the eye cannot tell from all of them in a line
    drawing, and takes a third of the bytes in the notebook.

    Args:
        alt: what the figure shows, a sentence or two.

    Raises:
        ValueError: `alt` is empty, or there is no figure.
    """
    if not alt.strip():
        raise ValueError("A figure needs an alt text: say in a sentence what it shows.")
    if not plt.get_fignums():
        raise ValueError("There is no figure to show: draw one before calling show().")
    figure = plt.gcf()
    drawn, stored = BytesIO(), BytesIO()
    figure.savefig(drawn, format="png")
    picture = PIL.Image.open(drawn).convert("RGB").quantize(128, dither=PIL.Image.Dither.NONE)
    picture.save(stored, format="png", optimize=True)
    red, green, blue = picture.convert("RGB").split()
    if red.tobytes() == green.tobytes() == blue.tobytes():  # a photo-like grey takes less without colours
        grey = BytesIO()
        red.save(grey, format="png", optimize=True)
        stored = min(stored, grey, key=lambda file: file.getbuffer().nbytes)
    # as metadata, where pages look for it: IPython 7, which Colab has, knows no Image(alt=...)
    display(Image(stored.getvalue(), format="png", metadata={"alt": alt}))
    plt.close(figure)


def bars(
    values: Mapping[str, float],
    *,
    xlabel: str,
    published: Sequence[str] = (),
    hatched: Sequence[str] = (),
    digits: int = 2,
) -> Axes:
    """Horizontal bars, the first on top, each with its number; baselines grey, published figures hatched.

    Args:
        values: label and length of each bar.
        xlabel: what is measured, with its unit.
        published: the labels of what ours is held against, baselines or figures from elsewhere: grey.
        hatched: the labels of published figures where grey would not tell them apart: hatched.
        digits: after the decimal point, in the printed numbers.

    Returns:
        The axes, for changes.
    """
    names = list(values)
    _, axes = plt.subplots(figsize=(6.4, 0.5 + 0.32 * len(names)))
    colors = [GREY if name in published else BLUE for name in names]
    drawn = axes.barh(names, list(values.values()), color=colors, height=0.7)
    for name, bar in zip(names, drawn, strict=True):
        if name in hatched:
            bar.set(facecolor="white", edgecolor=BLACK, hatch="///")
    axes.bar_label(drawn, fmt=f"%.{digits}f", padding=3)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.12)
    axes.set_xlabel(xlabel)
    return axes


def heat_table(
    values: Any, rows: Sequence[Any], columns: Sequence[Any], *, cmap: Any, axes: Axes | None = None
) -> AxesImage:
    """A table as a heat map, each number written in its field.

    Args:
        values: numbers in [0, 1], `(rows, columns)`.
        rows: a label for each row, from the top.
        columns: a label for each column.
        cmap: the map from numbers to colours.
        axes: where to draw; the current axes if None.

    Returns:
        The picture, for a colour bar.
    """
    axes = plt.gca() if axes is None else axes
    picture = axes.imshow(values, cmap=cmap, vmin=0, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        color = ink(to_hex(picture.cmap(float(value))))
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=color)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_xticks(range(len(columns)), list(columns))
    axes.grid(False)
    return picture


def losses(
    runs: Mapping[str, Mapping[str, Sequence[float]]], *, unit: str, colors: Sequence[str] = COLORS
) -> Axes:
    """Loss curves: validation loss against the epoch, and the training loss dashed in the same colour.

    Args:
        runs: label and history of each training, as Keras' `fit(...).history`: the lists "loss" and
            "val_loss", one number per epoch.
        unit: of the loss, e.g. "nats per character".
        colors: of the runs, at least as many.

    Returns:
        The axes, for changes.
    """
    _, axes = plt.subplots()
    for (name, history), color in zip(runs.items(), colors, strict=False):
        epochs = range(1, len(history["loss"]) + 1)
        marker = "o" if len(epochs) < 10 else ""
        axes.plot(epochs, history["loss"], "--", marker=marker, ms=3, lw=1, color=color)
        axes.plot(epochs, history["val_loss"], marker=marker, ms=5, color=color, label=name)
    axes.plot([], [], "--", lw=1, color=GREY, label="training")
    axes.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
    axes.set(xlabel="epoch", ylabel=f"loss ({unit})")
    axes.legend()
    return axes


def colored_text(text: Sequence[str], values: Sequence[float], *, limit: float = 1.0) -> HTML:
    """Text whose background tells a number per piece: blue for positive, orange for negative.

    Args:
        text: the pieces, characters or words; a newline is shown and kept.
        values: one number per piece; white at 0, full colour at `-limit` and `limit`.
        limit: the size of number that gets the full colour.

    Returns:
        HTML for the notebook. The value also stands in each piece's tooltip.

    Raises:
        ValueError: the numbers of pieces and values differ.
    """
    if len(text) != len(values):
        raise ValueError(f"{len(text)} pieces of text but {len(values)} values; give one value per piece.")
    spans = []
    for piece, value in zip(text, values, strict=True):
        strength = float(np.clip(abs(value) / limit, 0, 1))
        red, green, blue = (86, 180, 233) if value > 0 else (230, 159, 0)
        shown = html.escape(piece).replace("\n", "↵\n")
        color = f"rgba({red},{green},{blue},{strength:.2f})"
        spans.append(f'<span title="{value:+.2f}" style="background:{color}">{shown}</span>')
    style = "white-space:pre-wrap;font-family:monospace;line-height:1.6;color:black;background:white"
    return HTML(f'<div style="{style}">{"".join(spans)}</div>')


def captioned(pictures: Sequence[np.ndarray], texts: Sequence[str], *, width: int = 200) -> HTML:
    """Pictures side by side, each with a text below; as many in a row as there is room for.

    They are stored as JPEG within the HTML, which takes a tenth of what a figure of photos would.

    Args:
        pictures: RGB, `(height, width, 3)`, uint8.
        texts: one for each; the first line is the picture's text for who cannot see it, and bold.
        width: of a picture on the page, in pixels.

    Returns:
        HTML for the notebook.

    Raises:
        ValueError: the numbers of pictures and texts differ.
    """
    if len(pictures) != len(texts):
        raise ValueError(f"{len(pictures)} pictures but {len(texts)} texts; give one text per picture.")
    shown = []
    for pixels, text in zip(pictures, texts, strict=True):
        picture, stored = PIL.Image.fromarray(pixels), BytesIO()
        height = round(picture.height * width / picture.width)
        picture.resize((width, height), PIL.Image.Resampling.LANCZOS).save(
            stored, "jpeg", quality=72, optimize=True
        )
        data = base64.b64encode(stored.getvalue()).decode()
        first, *more = (html.escape(line) for line in text.split("\n"))
        image = f'<img src="data:image/jpeg;base64,{data}" alt="{first}" width="{width}" height="{height}">'
        rest = "".join(f"<br>{line}" for line in more)
        shown.append(
            f'<figure style="margin:0;width:{width}px">{image}'
            f'<figcaption style="line-height:1.3"><b>{first}</b>{rest}</figcaption></figure>'
        )
    style = "display:flex;flex-wrap:wrap;gap:14px;align-items:flex-start"
    return HTML(f'<div style="{style}">{"".join(shown)}</div>')


def is_live() -> bool:
    """Whether somebody sits at this notebook, who could move a slider.

    Not so in tests and stored runs, which say so in the environment, nor where nbconvert or another
    program runs the cells, which lets no cell ask for input.
    """
    if "PYTEST_CURRENT_TEST" in os.environ or "UNROLLED_PUBLISH" in os.environ:
        return False
    kernel = getattr(get_ipython(), "kernel", None)
    return kernel is not None and getattr(kernel, "_allow_stdin", True)


def turn(draw: Callable[..., Any], **knobs: Any) -> None:
    """Let the reader turn the knobs of a figure; where nobody can, show it as it is by default.

    Args:
        draw: draws and shows something for the values of the knobs, `show(...)` included, or returns
            something to be shown. The default of each argument is the value that is shown first, and
            the only one in a stored notebook.
        knobs: for each argument of `draw`: `(low, high)` or `(low, high, step)` for a slider, a list for
            a choice, a text for a field to type in, True or False for a box to tick.

    Where ipywidgets is not installed, one line says so.

    Raises:
        ValueError: an argument has no default.
    """
    given = inspect.signature(draw).parameters
    lacking = [name for name in knobs if name not in given or given[name].default is inspect.Parameter.empty]
    if lacking:
        raise ValueError(f"draw() has no default for {', '.join(lacking)}, which pages without knobs show.")
    live = is_live()
    if live and importlib.util.find_spec("ipywidgets") is None:
        print("ipywidgets is not installed: this is the figure for one value. Install it to turn the knobs.")
        live = False
    if not live:
        result = draw()
        if result is not None:
            display(result)
        return
    import ipywidgets

    widget = ipywidgets.interactive(draw, **knobs)
    for knob in widget.children:
        if hasattr(knob, "continuous_update"):
            knob.continuous_update = False  # draw when the slider is let go, or the text is entered
    display(widget)
