"""How a figure looks, beside what it shows: colours, strokes, sizes, words, limits and maps of colours.

For records of figures (`tools.nbval.record`). Nothing here depends on how matplotlib lays a figure out, which
differs between its versions: no place on the page, no tick that it chooses itself, no colour by default of a
part that is not drawn. What a colour map makes of numbers is known by the numbers and the map.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

SIDES = {"near": ("labelbottom", "labelleft"), "far": ("labeltop", "labelright"), "grid": ("gridOn",)}


def rgba(color: Any, visible: bool = True, alpha: float | None = None) -> tuple[float, ...]:
    """Red, green, blue and opacity; all zero where nothing is seen."""
    from matplotlib.colors import to_rgba

    found = to_rgba(color, alpha)
    return found if visible and found[3] else (0.0,) * 4


def several(colors: Iterable[Any], visible: bool = True) -> np.ndarray:
    return np.array([rgba(color, visible) for color in colors]).reshape(-1, 4)


def joined(texts: Iterable[Any]) -> str:
    return "\n".join(text.get_text() for text in texts if text.get_visible())


def words(axes: Any) -> dict[str, Any]:
    """Titles, labels, legend and texts, each by itself; where arrows point."""
    legend = axes.get_legend()
    titles = [axes.get_title(where) for where in ("left", "center", "right")]
    texts = [text for text in axes.texts if text.get_text().strip()]
    arrows = [note for note in axes.texts if getattr(note, "arrow_patch", None)]
    return {
        "titles": "\n".join([*titles, axes.get_xlabel(), axes.get_ylabel()]).strip(),
        "legend": joined([legend.get_title(), *legend.get_texts()]).strip() if legend else "",
        "texts": joined(texts),
        "colours of texts": several(sorted({rgba(text.get_color(), text.get_visible()) for text in texts})),
        "arrows": np.array([note.xy for note in arrows], float) if arrows else [],
        "colours of arrows": several(note.arrow_patch.get_edgecolor() for note in arrows),
    }


def ticks(axis: Any) -> str:
    """The labels that were given, not those that matplotlib chooses; on which sides; with a grid or not."""
    from matplotlib.category import StrCategoryLocator
    from matplotlib.ticker import FixedLocator, LogFormatter, NullFormatter, ScalarFormatter

    params = axis.get_tick_params()  # matplotlib 3.8 calls "labelleft" what is below
    shown = [side for side, names in SIDES.items() if any(params.get(name) for name in names)]
    formatter = axis.get_major_formatter()
    if isinstance(axis.get_major_locator(), FixedLocator | StrCategoryLocator):
        labels = [
            label.get_text() for label in axis.get_ticklabels()
        ]  # none on the inner ones of shared axes
        given = [*(f"{place:g}" for place in axis.get_ticklocs()), *labels]
    elif isinstance(formatter, ScalarFormatter | LogFormatter | NullFormatter):
        given = [type(formatter).__name__]
    else:
        given = [str(formatter(value, 0)) for value in axis.get_view_interval()]
    return "\n".join([*shown, *given])


def frame(axes: Any) -> dict[str, Any]:
    """Limits, scales, ticks, and what is drawn around."""
    from matplotlib.colors import to_hex

    place = axes.get_subplotspec()
    where = [int(x) for x in place.get_geometry()] if place else []
    parts = [*where, axes.get_aspect(), axes.get_xscale(), axes.get_yscale()]
    if axes.axison:
        parts += [name for name, spine in axes.spines.items() if spine.get_visible()]
        parts += [to_hex(axes.get_facecolor(), keep_alpha=True)]
    return {
        "limits": np.array([*axes.get_xlim(), *axes.get_ylim()], float),
        "frame": " ".join(map(str, parts)) if axes.get_visible() else "not to be seen",
        "ticks of x": ticks(axes.xaxis) if axes.axison else "",
        "ticks of y": ticks(axes.yaxis) if axes.axison else "",
    }


def lines(axes: Any) -> dict[str, Any]:
    found = list(axes.lines)
    marked = [line for line in found if line.get_marker() not in (None, "None", "none", "", " ")]
    colors = [rgba(line.get_color(), line.get_visible(), line.get_alpha()) for line in found]
    strokes = [
        f"{line.get_linestyle()} {line.get_drawstyle()} {line.get_linewidth():g}"
        + (f" {line.get_marker()} {line.get_markersize():g}" if line in marked else "")
        for line in found
    ]
    both = [(line.get_markerfacecolor(), line.get_markeredgecolor()) for line in marked]
    return {
        "colours of lines": np.array(colors),
        "strokes of lines": "\n".join(strokes),
        "colours of markers": several(color for pair in both for color in pair),
    }


def patches(axes: Any) -> dict[str, Any]:
    """Bars and other shapes."""
    found = list(axes.patches)
    edges = [(p.get_edgecolor(), p.get_visible() and p.get_linewidth() > 0) for p in found]
    return {
        "colours of shapes": np.array([rgba(p.get_facecolor(), p.get_visible()) for p in found]),
        "colours of edges": np.array([rgba(*edge) for edge in edges]),
        "strokes of edges": "\n".join(
            f"{p.get_linestyle()} {p.get_hatch()} {p.get_linewidth():g}" for p in found
        ),
    }


def mapped(artist: Any) -> dict[str, Any]:
    """The map from numbers to colours: at its ends and in its middle; its limits."""
    return {
        "map": np.array([artist.get_cmap()(x) for x in (0.0, 0.5, 1.0)]),
        "limits of the map": np.array([x for x in artist.get_clim() if x is not None], float),
        "scale of the map": type(artist.norm).__name__,
    }


def around(vertices: np.ndarray) -> list[float]:
    """Corners of the rectangle around a path, and the area within it, however it is closed."""
    vertices = vertices[np.isfinite(vertices).all(axis=1)]
    if not len(vertices):
        return [0.0] * 5
    (x, y), (more_x, more_y) = vertices.T, np.roll(vertices, -1, axis=0).T
    return [*vertices.min(0), *vertices.max(0), abs((x * more_y - more_x * y).sum()) / 2]


def collection(artist: Any) -> dict[str, Any]:
    """Points, filled areas, bundles of lines, meshes."""
    from matplotlib.collections import LineCollection, PathCollection

    visible = artist.get_visible()
    faces, edges = (several(colors, visible) for colors in (artist.get_facecolor(), artist.get_edgecolor()))
    found: dict[str, Any] = {"widths": np.array(artist.get_linewidth(), float)}
    if artist.get_array() is None:
        found |= {"colours": faces, "edges": edges}
    else:
        values: Any = np.ma.filled(np.ma.asarray(artist.get_array(), float), np.nan)
        found |= {"values": values, "edges": [] if np.array_equal(faces, edges) else edges, **mapped(artist)}
    if isinstance(artist, PathCollection):
        found["sizes"] = np.array(artist.get_sizes(), float)
    if isinstance(artist, LineCollection):
        given: Any = artist.get_linestyle()  # (shift, lengths of strokes and gaps or None)
        found["dashes"] = np.array([float(x) for shift, lengths in given for x in (shift, *(lengths or ()))])
    found["paths"] = np.array([around(np.asarray(path.vertices, float)) for path in artist.get_paths()])
    return known(found)


def image(artist: Any) -> dict[str, Any]:
    alpha = 1.0 if artist.get_alpha() is None else np.asarray(artist.get_alpha(), float)
    found: dict[str, Any] = {"extent": np.array(artist.get_extent(), float), "alpha": alpha}
    return found | (mapped(artist) if np.ndim(artist.get_array()) == 2 else {})


def known(found: dict[str, Any]) -> dict[str, Any]:
    """Without what is empty."""
    return {k: value for k, value in found.items() if (value if isinstance(value, str) else np.size(value))}


def looks(figure: Any) -> dict[str, Any]:
    """How a figure looks, before it is laid out: of the whole, and of each of its axes."""
    suptitle, found = getattr(figure, "_suptitle", None), {}
    whole = {
        "size": np.array(figure.get_size_inches()),
        "words": joined([*([suptitle] if suptitle else []), *(t for t in figure.texts if t is not suptitle)]),
        "legends": joined(text for legend in figure.legends for text in legend.get_texts()),
    }
    for number, axes in enumerate(figure.axes):
        here = words(axes) | frame(axes)
        if hasattr(axes, "_colorbar"):  # what a colour bar is made of differs between versions
            found[f"axes {number}"] = known(here)
            continue
        here |= lines(axes) | patches(axes)
        here["points"] = [collection(artist) for artist in axes.collections]
        here["pictures"] = [image(artist) for artist in axes.images]
        found[f"axes {number}"] = known(here)
    return known(whole) | found
