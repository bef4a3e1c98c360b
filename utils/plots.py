"""One style for the figures of the whole series, and coloured text.

Colours are Okabe and Ito's, which colour-blind readers can tell apart (Okabe and Ito 2008,
"Color Universal Design"). A plotting cell ends with `show("what the figure shows")`.
"""

import html
from collections.abc import Mapping, Sequence
from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
import PIL.Image
from IPython.display import HTML, Image, display
from matplotlib.axes import Axes

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, BLACK = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000",
)  # fmt: skip
GREY = "#999999"
COLORS = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, BLACK)


def use_style() -> None:
    """Set matplotlib's defaults: readable at 600 pixels wide, light grid, colour-blind safe."""
    plt.rcParams.update(
        {
            "figure.figsize": (6.4, 3.2),
            "figure.dpi": 110,
            "figure.constrained_layout.use": True,
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
    picture = PIL.Image.open(drawn).convert("RGB")
    picture.quantize(128, dither=PIL.Image.Dither.NONE).save(stored, format="png", optimize=True)
    # as metadata, where pages look for it: IPython 7, which Colab has, knows no Image(alt=...)
    display(Image(stored.getvalue(), format="png", metadata={"alt": alt}))
    plt.close(figure)


def bars(values: Mapping[str, float], *, xlabel: str, published: Sequence[str] = (), digits: int = 2) -> Axes:
    """Horizontal bars, the first on top, each with its number; published figures in grey.

    Args:
        values: label and length of each bar.
        xlabel: what is measured, with its unit.
        published: the labels that are quoted from elsewhere, drawn in grey.
        digits: after the decimal point, in the printed numbers.

    Returns:
        The axes, for changes.
    """
    names = list(values)
    _, axes = plt.subplots(figsize=(6.4, 0.5 + 0.32 * len(names)))
    colors = [GREY if name in published else BLUE for name in names]
    drawn = axes.barh(names, list(values.values()), color=colors, height=0.7)
    axes.bar_label(drawn, fmt=f"%.{digits}f", padding=3)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.12)
    axes.set_xlabel(xlabel)
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
