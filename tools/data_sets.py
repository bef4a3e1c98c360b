"""The data sets as the table of `data/README.md` states them, the one place where sizes and licences stand.

Not here: how they are fetched (`tools.data`).
"""

import re
from dataclasses import dataclass

from tools import notebooks

README = notebooks.ROOT / "data" / "README.md"
WEIGHTS = "weights of "  # how the title of a network's weights begins
COLUMNS = ("title", "function", "files", "bytes", "hash", "origin", "licence")


@dataclass(frozen=True)
class DataSet:
    """A data set, as the table states it.

    Attributes:
        name: what `GET` calls it: the function that loads it, or the folder of a network's weights.
        title: what a reader calls it.
        files: names below `UNROLLED_DATA`, and other words.
        parts: bytes of each official file.
        licence: the terms it comes under.
    """

    name: str
    title: str
    files: str
    parts: tuple[int, ...]
    licence: str

    @property
    def size(self) -> int:
        """Bytes of all official files."""
        return sum(self.parts)


def data_sets(text: str | None = None) -> list[DataSet]:
    """The data sets of the first table of `data/README.md`, in its order."""
    lines = (README.read_text(encoding="utf-8") if text is None else text).splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("| data set | function |"))
    found: list[DataSet] = []
    for line in lines[first + 2 :]:
        if not line.startswith("|"):
            break
        row = dict(zip(COLUMNS, (cell.strip() for cell in line.strip("|").split("|")), strict=True))
        parts = tuple(int(number.replace(",", "")) for number in sizes(row["bytes"]))
        if row["title"]:
            function = re.match(r"`(\w+)\(\)`$", row["function"])
            folder = re.match(r"`([\w-]+)/", row["files"])
            name = function[1] if function else folder[1] if folder else row["title"]
            found.append(DataSet(name, row["title"], row["files"], parts, row["licence"]))
        elif found:  # another file of the set above
            last = found[-1]
            files = f"{last.files} {row['files']}"
            found[-1] = DataSet(last.name, last.title, files, last.parts + parts, last.licence)
    return found


def sizes(said: str) -> list[str]:
    """The numbers of bytes in a cell: of "a or b", forms of one file, the first."""
    return re.findall(r"\d[\d,]*", said.split(" or ")[0])


def needed_by(wanted: DataSet) -> str:
    """The lessons and labs that read a data set, by their cards, or whose code names a network."""
    network = wanted.title.removeprefix(WEIGHTS) if wanted.title.startswith(WEIGHTS) else ""
    found = []
    for path in notebooks.all_notebooks():
        card = notebooks.read_json(notebooks.CARDS / f"{path.stem}.json") or {"sources": []}
        code = [cell.source for cell in notebooks.load(path).cells if cell.cell_type == "code"]
        reads = any(source["name"] == wanted.title for source in card["sources"])
        if reads or (network and any(network in source for source in code)):
            found.append(f"{path.name[:2]} labs" if notebooks.is_lab(path) else path.name[:2])
    return ", ".join(sorted(set(found)))


def megabytes(size: int) -> str:
    """A size for people."""
    return f"{size / 1e6:,.0f} MB" if size >= 10e6 else f"{size / 1e6:.1f} MB"
