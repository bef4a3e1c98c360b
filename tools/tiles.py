"""The four stored outputs that show what the series is about: on the site's home page, and in the README.

They stay in their notebooks. For the site they are HTML; for the README they are written as files, since a
README can show neither HTML with colours nor what is stored in a notebook.
"""

import base64
import html
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat

from tools import links, notebooks

PHOTOS = 2  # of those that an output shows
LINES, COLUMNS = 10, 46  # of a coloured text, in a file
STEP, HEIGHT = 9.0, 22  # of a character, in pixels
COLOURED = re.compile(r'(?s)<span title="[^"]*" style="background:rgba\(([\d,]+),([\d.]+)\)">(.*?)</span>')


@dataclass(frozen=True)
class Tile:
    """A stored output that is shown.

    Attributes:
        lesson: first letters of the lesson's name.
        cell: id of the cell whose last output it is, a figure or HTML.
        says: what is to be seen there.
    """

    lesson: str
    cell: str
    says: str


TILES = (
    Tile("03", "read-picture", "An LSTM cell, drawn gate by gate as its equations come."),
    Tile("08", "first-screen", "Photos, and what a network says of them."),
    Tile("06", "colour", "Shakespeare, coloured by the one unit that knows where in the line it is."),
    Tile("09", "first-screen", "Where it looks in the German while it writes the English."),
)


class Missing(ValueError):
    """A page names something that the project does not have; the message says what."""


def find(tile: Tile) -> tuple[Path, str, nbformat.NotebookNode]:
    """The notebook of a tile, its title, and the output.

    Raises:
        Missing: there is no such lesson, cell or output.
    """
    path = next((path for path in notebooks.lessons() if path.name.startswith(tile.lesson)), None)
    notebook = notebooks.load(path) if path else None
    cell = notebooks.find(notebook, tile.cell) if notebook else None
    outputs = [output for output in cell.get("outputs", []) if "data" in output] if cell else []
    if not (path and notebook and outputs):
        raise Missing(f"Cell {tile.cell!r} of lesson {tile.lesson}, which is to be a picture, shows nothing.")
    return path, notebooks.title(notebook), outputs[-1]


# For the site


def shown(tile: Tile) -> str:
    """A tile as HTML for a page at the top of the site, which leads to its lesson.

    Raises:
        Missing: there is no such lesson, cell or output.
    """
    path, title, output = find(tile)
    return (
        f'<a class="tile" href="notebooks/{path.stem}.html"><div class="shown">{picture(output)}</div>'
        f"<strong>{html.escape(title)}</strong> <span>{html.escape(tile.says)}</span></a>"
    )


def picture(output: nbformat.NotebookNode) -> str:
    """An output as HTML: a figure with its alt text, or the HTML that it is, with few of its photos.

    Raises:
        Missing: it is neither.
    """
    data = output.data
    if "image/png" in data:
        return f'<img src="data:image/png;base64,{"".join(data["image/png"].split())}" alt="{alt(output)}">'
    if "text/html" not in data:
        raise Missing(f"An output of the types {', '.join(data)} cannot be a picture.")
    photos = re.findall(r"(?s)<figure.*?</figure>", data["text/html"])[:PHOTOS]
    markup = f'<div class="photos">{"".join(photos)}</div>' if photos else data["text/html"]
    return re.sub(r"\n\s*\n", "\n", markup)  # a blank line would end the HTML in Markdown


def alt(output: nbformat.NotebookNode) -> str:
    """The description of a figure, for an attribute."""
    return html.escape(output.metadata.get("image/png", {}).get("alt", ""))


# For the README


def files() -> dict[str, bytes]:
    """The files of the README's pictures, by their names."""
    found: dict[str, bytes] = {}
    for tile in TILES:
        output = find(tile)[2]
        if "image/png" in output.data:
            found[f"{tile.lesson}.png"] = base64.b64decode(output.data["image/png"])
        elif photos := stored_photos(output):
            found |= {f"{tile.lesson}_{n}.jpg": content for n, (content, _) in enumerate(photos, start=1)}
        else:
            found[f"{tile.lesson}.svg"] = drawn(output.data["text/html"]).encode()
    return found


def stored_photos(output: nbformat.NotebookNode) -> list[tuple[bytes, str]]:
    """The first photos of an output, as JPEG, each with what is said of it (for an attribute)."""
    pattern = r'<img src="data:image/jpeg;base64,([^"]+)" alt="([^"]*)"'
    found = re.findall(pattern, output.data.get("text/html", ""))[:PHOTOS]
    return [(base64.b64decode(content), said) for content, said in found]


def drawn(coloured: str) -> str:
    """The beginning of a coloured text, as `utils.plots.colored_text` makes it, as SVG."""
    rows: list[list[tuple[str, str, str]]] = [[]]
    for color, strength, piece in COLOURED.findall(coloured):
        rows[-1].append((color, strength, html.unescape(piece)[0]))
        if piece.endswith("\n") or len(rows[-1]) == COLUMNS:
            rows.append([])
    boxes, texts = [], []
    for row, pieces in enumerate(piece for piece in rows[:LINES] if piece):
        for column, (color, strength, _) in enumerate(pieces):
            boxes.append(
                f'<rect x="{column * STEP:g}" y="{row * HEIGHT}" width="{STEP:g}" height="{HEIGHT}" '
                f'fill="rgb({color})" fill-opacity="{strength}"/>'
            )
        text = html.escape("".join(character for _, _, character in pieces), quote=False)
        texts.append(f'<text y="{row * HEIGHT + 16}" textLength="{len(pieces) * STEP:g}">{text}</text>')
    lines = "\n".join(texts)
    width, height = COLUMNS * STEP, min(len(rows), LINES) * HEIGHT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height}" width="{width:g}">\n'
        f'<rect width="{width:g}" height="{height}" fill="white"/>\n{"".join(boxes)}\n'
        f'<g font-family="monospace" font-size="15" xml:space="preserve">\n{lines}\n</g>\n</svg>\n'
    )


def in_readme(tile: Tile, folder: str) -> str:
    """A tile as HTML for the README, whose pictures lie in `folder`.

    Raises:
        Missing: there is no such lesson, cell or output.
    """
    path, title, output = find(tile)
    photos = stored_photos(output)
    if photos:
        images = " ".join(
            f'<img src="{folder}/{tile.lesson}_{n}.jpg" width="48%" alt="{said}">'
            for n, (_, said) in enumerate(photos, start=1)
        )
        images += "<br>" + "; ".join(f"<i>{said}</i>" for _, said in photos)
    else:
        ending = "png" if "image/png" in output.data else "svg"
        images = f'<img src="{folder}/{tile.lesson}.{ending}" alt="{alt(output) or html.escape(tile.says)}">'
    where = f"notebooks/{links.inside(path)}"
    return f'<a href="{where}">{images}<br><b>{html.escape(title)}</b></a><br>{html.escape(tile.says)}'


def table(folder: str) -> str:
    """All tiles, two by two, for the README.

    Raises:
        Missing: there is no such lesson, cell or output.
    """
    cells = [f'<td width="50%" valign="top">{in_readme(tile, folder)}</td>' for tile in TILES]
    rows = ["\n".join(["<tr>", *cells[n : n + 2], "</tr>"]) for n in range(0, len(cells), 2)]
    return "\n".join(["<table>", *rows, "</table>"])
