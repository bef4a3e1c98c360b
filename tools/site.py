"""`make site`: what Sphinx makes the reading site from, out of the stored notebooks and result cards.

Nothing is executed, and nothing of TensorFlow or `utils.datasets` is imported: Sphinx and what it brings are
enough. `site/` has the configuration, the style and the pages written by hand, in which `<!-- name -->` is
filled in here; the pages of `data/` are taken as they are. All of it lands in one folder, laid out like the
project, so that links between notebooks lead where they lead in the project.
"""

import argparse
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import nbformat

from tools import cards, data_sets, links, notebooks, tiles
from tools.tiles import Missing

SITE = notebooks.ROOT / "site"
LECTURES = ("L0", "L1", "L2", "L3", "L4")
VERDICTS = ("holds", "does not hold", "not decided")  # as `utils.results` has them
GITHUB = "https://github.com"


def plain(text: str) -> str:
    """Text that Markdown shows as it stands, also in a cell of a table."""
    return re.sub(r"([\\`*_{}\[\]<>$|])", r"\\\1", " ".join(text.split()))


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], style: str = "sortable") -> str:
    """A table, which the reader can sort and sift if that is its style; the cells are Markdown."""
    lines = [headers, ["---"] * len(headers), *rows]
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f":::{{container}} {style}\n\n{body}\n\n:::"


def unbroken(text: str) -> str:
    """Text that stays on one line."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def link(path: Path, text: str) -> str:
    """A link from a page at the top to a notebook."""
    return f"[{plain(text)}](notebooks/{links.inside(path)})"


def labs_of(lesson: Path) -> list[Path]:
    """The labs of a lesson."""
    return [lab for lab in notebooks.labs() if lab.name[:2] == lesson.name[:2]]


def named(lectures: str) -> set[str]:
    """The lectures that a phrase such as "L0 to L2" or "L0, L1 and L4" names."""
    found = re.findall(r"L\d", lectures)
    if " to " in lectures and len(found) == 2:
        first, last = (LECTURES.index(lecture) for lecture in found)
        return set(LECTURES[first : last + 1])
    return set(found)


def run_time(notebook: nbformat.NotebookNode) -> str:
    """How long the stored run took, e.g. "4 min"."""
    seconds = notebook.metadata.get("unrolled", {}).get("seconds")
    return unbroken(notebooks.duration(seconds)) if seconds else ""


# The parts of the pages


def pictures() -> str:
    """The pictures of the home page."""
    return f'<div class="tiles">{"".join(tiles.shown(tile) for tile in tiles.TILES)}</div>'


def lesson_map() -> str:
    """The lessons, which lectures each mirrors, how long it runs and how many labs it has."""
    rows = []
    for path in notebooks.lessons():
        notebook = notebooks.load(path)
        lectures = named(notebooks.lectures(notebook))
        marks = ["●" if lecture in lectures else "" for lecture in LECTURES]
        rows.append([link(path, notebooks.title(notebook)), *marks, run_time(notebook)])
    return table(["lesson", *LECTURES, "run time"], rows, style="map")


def lab_map() -> str:
    """What each lab asks, with its lesson, its lectures and its run time."""
    rows = []
    for lesson in notebooks.lessons():
        for lab in labs_of(lesson):
            notebook = notebooks.load(lab)
            lectures = notebooks.lectures(notebook)
            asked = link(lab, notebooks.question(lab))
            rows.append([lesson.name[:2], asked, lectures, run_time(notebook)])
    return table(["lesson", "question", "lectures", "run time, 2 cores"], rows)


def contents() -> str:
    """The tree of pages, for the side bar."""
    lessons = [f"{notebooks.title(notebooks.load(p))} <notebooks/{p.stem}>" for p in notebooks.lessons()]
    labs = [
        f"{lab.name[:2]} {notebooks.question(lab)} <notebooks/labs/{lab.stem}>" for lab in notebooks.labs()
    ]
    about = ["results", "datasets", "Data sets in full <data/README>"]
    about += ["Free photos <data/photos/PHOTOS>", "tested"]
    parts = {"Lessons": lessons, "Labs": ["All questions <labs>", *labs], "About": about}
    trees = [
        "\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *entries, "```"])
        for caption, entries in parts.items()
    ]
    return "\n\n".join(trees)


def where(path: Path) -> str:
    """A notebook as the first column of a table of results."""
    return link(path, f"{path.name[:2]}{' lab' if notebooks.is_lab(path) else ''}")


def verdict(said: str) -> str:
    """A verdict in its colour."""
    return f'<span class="verdict {said.replace(" ", "-")}">{said}</span>'


def claims_table() -> str:
    """Claims of the lectures, those that hold first."""
    rows = [
        [
            verdict(said),
            cards.claims(row),
            plain(cards.name(row)),
            plain(cards.value(row)),
            plain(cards.data(row)),
            where(path),
        ]
        for said in VERDICTS
        for path, row in cards.of(cards.all_rows(), "claim", said)
    ]
    return table(["verdict", "claim", "measured", "value", "data", "where"], rows)


def table_of(kind: str) -> str:
    """Every figure, or every check."""
    rows = [
        [plain(cards.name(row)), plain(cards.value(row)), plain(cards.data(row)), where(path)]
        for path, row in cards.of(cards.all_rows(), kind)
    ]
    return table([kind, "value", "data", "where"], rows)


def published_table() -> str:
    """What stands beside published figures."""
    rows = [
        [plain(cards.name(row)), plain(cards.value(row)), plain(cards.published(row)), where(path)]
        for path, row in cards.all_rows()
        if row["published"]
    ]
    return table(["figure", "ours", "published", "where"], rows)


def data_table() -> str:
    """The data sets, with their sizes and terms."""
    rows = [
        [
            f"`{one.name}`",
            plain(one.title),
            unbroken(data_sets.megabytes(one.size)),
            data_sets.needed_by(one),
            one.licence,
        ]
        for one in data_sets.data_sets()
    ]
    return table(["GET", "data set", "size", "needed by", "licence"], rows)


def counts() -> str:
    """How many claims came out which way."""
    said = [notebooks.verdict(row) for _, row in cards.of(cards.all_rows(), "claim")]
    hold, fail, open_ = (said.count(verdict) for verdict in VERDICTS)
    return f"{hold} claims of the lectures hold, {fail} do not hold, {open_} are not decided."


PARTS: dict[str, Callable[[], str]] = {
    "tiles": pictures,
    "map": lesson_map,
    "labs": lab_map,
    "contents": contents,
    "counts": counts,
    "claims": claims_table,
    "published": published_table,
    "figures": partial(table_of, "figure"),
    "checks": partial(table_of, "check"),
    "datasets": data_table,
}


def filled(text: str) -> str:
    """A page written by hand, with its parts.

    Raises:
        Missing: it asks for a part that there is not.
    """

    def part(match: re.Match[str]) -> str:
        if match[1] not in PARTS:
            raise Missing(f"There is no part {match[1]!r}. There are: {', '.join(PARTS)}.")
        return PARTS[match[1]]()

    return re.sub(r"<!-- (\w+) -->", part, text)


# The notebooks


def ways_in(path: Path) -> str:
    """The buttons of a notebook: to run it, and to see its source."""
    source = f"{GITHUB}/{links.repository()}/blob/main/notebooks/{links.inside(path)}"
    return (
        f'<p class="ways"><a class="colab" href="{links.colab(path)}">Open in Colab</a> '
        f'<a href="{source}">Notebook on GitHub</a></p>'
    )


def is_folded(cell: nbformat.NotebookNode) -> bool:
    return (
        bool(cell.metadata.get("jupyter", {}).get("source_hidden")) or cell.metadata.get("cellView") == "form"
    )


def fold(cell: nbformat.NotebookNode) -> None:
    """Have a cell's code folded under the title that Colab shows."""
    first = re.match(r"#\s*@title (.+)", cell.source)
    shown = first[1].strip() if first else "Code"
    cell.metadata["tags"] = [*notebooks.tags(cell), "hide-input"]
    tell(cell, code_prompt_show=shown, code_prompt_hide=shown)


def describe(cell: nbformat.NotebookNode) -> None:
    """Have the alt text that stands with a stored figure stand with the picture of the page."""
    figures = [output for output in cell.get("outputs", []) if "image/png" in output.get("data", {})]
    said = [output.metadata.get("image/png", {}).get("alt", "") for output in figures]
    if any(said):
        tell(cell, image={"alt": " ".join(said)})


def tell(cell: nbformat.NotebookNode, **options: Any) -> None:
    """Set options of MyST-NB for one cell."""
    cell.metadata["mystnb"] = cell.metadata.get("mystnb", {}) | options


def page(path: Path) -> nbformat.NotebookNode:
    """A notebook as the site shows it: buttons for the badge, folded cells, described figures."""
    notebook = notebooks.load(path)
    for cell in notebook.cells:
        if cell.id == "title":
            badge = re.compile(r"(?m)^\[!\[Open in Colab\].*$")
            cell.source = badge.sub(lambda _: ways_in(path), cell.source)
        if cell.cell_type == "code":
            describe(cell)
            if is_folded(cell):
                fold(cell)
    return notebook


# All of it


def sources() -> dict[str, bytes]:
    """Every file that Sphinx reads, by its path."""
    found = {path.name: filled(path.read_text(encoding="utf-8")).encode() for path in SITE.glob("*.md")}
    for path in (notebooks.ROOT / "data").rglob("*.md"):
        found[path.relative_to(notebooks.ROOT).as_posix()] = path.read_bytes()
    for path in notebooks.all_notebooks():
        found[f"notebooks/{links.inside(path)}"] = nbformat.writes(page(path)).encode()
    return found


def write(folder: Path, files: dict[str, bytes]) -> None:
    """Make a folder hold these files and no others; what is as it should be is not touched.

    Sphinx reads again what has changed, and only that.
    """
    for old in [path for path in folder.rglob("*") if path.is_file()]:
        if old.relative_to(folder).as_posix() not in files:
            old.unlink()
    for name, content in files.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the sources are written")
    write(parser.parse_args().folder, sources())


if __name__ == "__main__":
    main()
