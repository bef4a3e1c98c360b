"""What all tools know of the notebooks: where they are, how they are executed, what is stored with them."""

import argparse
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat.v4 import new_output

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
CARDS = NOTEBOOKS / "results"
RECORDS = ROOT / "tests" / "records"  # of what the cells of each notebook make at quick scale
SETTINGS = ROOT / "tests" / "settings.json"  # what differs between the scales, of each notebook
LECTURES = re.compile(r"lectures? (L\d(?:(?:,? and |, | to )L\d)*)")


def lessons() -> list[Path]:
    """The lessons, in lecture order."""
    return sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))


def labs() -> list[Path]:
    """The labs, in the order of their lessons."""
    return sorted((NOTEBOOKS / "labs").glob("[0-9]*.ipynb"))


def is_lab(path: Path) -> bool:
    return path.parent.name == "labs"


def all_notebooks(lesson: str = "", lab: str = "") -> list[Path]:
    """Lessons and labs, or those whose names start with what is given.

    Args:
        lesson: first letters of a lesson's name, e.g. "06", or "all".
        lab: likewise of a lab's; if one of the two is given, nothing of the other kind is taken.

    Raises:
        SystemExit: nothing starts with what is given.
    """
    if not (lesson or lab):
        return [*lessons(), *labs()]
    chosen = []
    for kind, start, paths in (("notebook", lesson, lessons()), ("lab", lab, labs())):
        found = [path for path in paths if start and path.name.startswith("" if start == "all" else start)]
        if start and not found:
            names = ", ".join(path.stem for path in paths) or "none"
            sys.exit(f"No {kind} starts with {start!r}. There are: {names}.")
        chosen += found
    return chosen


def add_choice(parser: argparse.ArgumentParser) -> None:
    """The two arguments by which a command takes some notebooks: --notebook and --lab."""
    parser.add_argument("--notebook", default="", help="first letters of lessons, e.g. 06, or all")
    parser.add_argument("--lab", default="", help="first letters of labs, e.g. 06, or all")


def choice(path: Path) -> str:
    """How `make` is told to take this notebook: "NOTEBOOK=06" or "LAB=06_against"."""
    return f"LAB={path.stem}" if is_lab(path) else f"NOTEBOOK={path.stem[:2]}"


def load(path: Path) -> nbformat.NotebookNode:
    """The notebook in format 4, as it stands in the file."""
    return nbformat.read(path, as_version=4)


def save(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write the notebook whole or not at all."""
    part = path.with_suffix(f".{os.getpid()}.part")
    nbformat.write(notebook, part)
    part.replace(path)


def tags(cell: nbformat.NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def find(notebook: nbformat.NotebookNode, cell_id: str) -> nbformat.NotebookNode | None:
    """The cell with that id."""
    return next((cell for cell in notebook.cells if cell.id == cell_id), None)


def first_screen(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode | None:
    """The cell tagged so, whose output the reader sees first; None if there is not exactly one."""
    shown = [cell for cell in notebook.cells if "first-screen" in tags(cell)]
    return shown[0] if len(shown) == 1 else None


def first_file(path: Path) -> Path:
    """Where the output of a lesson's first-screen cell is kept beside its card."""
    return CARDS / f"{path.stem}.first.json"


def bundles(cell: nbformat.NotebookNode) -> list[dict[str, Any]]:
    """What a cell shows, each output as `data` (types and contents) and `metadata`."""
    found = []
    for output in cell.outputs:
        if output.output_type == "stream":
            found.append({"data": {"text/plain": output.text.rstrip("\n")}, "metadata": {}})
        elif output.output_type in ("display_data", "execute_result"):
            found.append({"data": dict(output.data), "metadata": dict(output.metadata)})
    return found


def output_of(bundle: dict[str, Any]) -> nbformat.NotebookNode:
    """The output that `utils.first_screen.promise` makes of such a bundle."""
    data, metadata = bundle["data"], bundle["metadata"]
    if list(data) == ["text/plain"]:
        return new_output("stream", name="stdout", text=data["text/plain"] + "\n")
    return new_output("display_data", data=data, metadata=metadata)


def title(notebook: nbformat.NotebookNode) -> str:
    """The text of the first H1."""
    for cell in notebook.cells:
        match = re.search(r"(?m)^# (.+)$", cell.source) if cell.cell_type == "markdown" else None
        if match:
            return match[1].strip()
    return "untitled"


def lectures(notebook: nbformat.NotebookNode) -> str:
    """The lectures that the title cell names, e.g. "L0, L1 and L4"; empty if it names none."""
    cell = find(notebook, "title")
    found = LECTURES.search(cell.source if cell else "")
    return found[1] if found else ""


def question(lab: Path) -> str:
    """What a lab asks, without its number."""
    return re.sub(r"^Lab \d+: ", "", title(load(lab)))


def stdout(cell: nbformat.NotebookNode) -> str:
    """What the cell printed."""
    return "".join(o.text for o in cell.outputs if o.output_type == "stream" and o.name == "stdout")


def code_hash(notebook: nbformat.NotebookNode) -> str:
    """sha256 of the code but for `setup`, which computes nothing.

    Where a cell ends and another begins, and blank lines, do not change what is computed.
    """
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.id != "setup"]
    lines = [line for cell in cells for line in cell.source.splitlines() if line.strip()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def versions() -> dict[str, str]:
    """Versions of Python and of what the results depend on."""
    installed = {  # tensorflow-cpu is the same library under another name
        package.metadata["Name"].lower().replace("_", "-").removesuffix("-cpu"): package.version
        for package in importlib.metadata.distributions()
    }
    names = ("tensorflow", "keras", "numpy", "matplotlib")
    return {"python": platform.python_version()} | {name: installed[name] for name in names}


def main_versions() -> str:
    """Versions of what decides about the numbers, less their last part: `tensorflow 2.21, keras 3.15`."""
    shown = (f"{name} {'.'.join(version.split('.')[:2])}" for name, version in versions().items())
    return ", ".join(part for part in shown if part.split()[0] in ("tensorflow", "keras", "numpy"))


class CellFailed(Exception):
    """A cell raised, or its kernel died; says which cell and why, on one line."""


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set environment variables for the kernels that start inside the `with` block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def execute(
    notebook: nbformat.NotebookNode,
    *,
    folder: Path,
    scale: str,
    build: Path,
    on_cell: Callable[[str, str], None] = lambda heading, cell_id: None,
) -> None:
    """Run all cells in a fresh kernel; outputs are stored in `notebook`.

    Args:
        notebook: is changed; after an error it holds the outputs up to the error.
        folder: where the kernel runs; the notebook's own.
        scale: `UNROLLED_SCALE` for the kernel.
        build: `UNROLLED_BUILD` for the kernel.
        on_cell: called before each cell with the heading it stands under and its id.

    What the kernel and TensorFlow's C++ code write to stderr goes to `kernel.log` in `build`.

    Raises:
        CellFailed: a cell raised, or the kernel died.
    """
    heading, at = "", ""

    def started(cell: nbformat.NotebookNode, cell_index: int) -> None:
        nonlocal heading, at
        found = re.findall(r"(?m)^#+ (.+)$", cell.source) if cell.cell_type == "markdown" else []
        heading = found[-1] if found else heading
        at = cell.id
        on_cell(heading, at)

    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        coalesce_streams=True,
        record_timing=False,
        on_cell_start=started,
    )
    variables = {
        "UNROLLED_SCALE": scale,
        "UNROLLED_BUILD": str(build),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",  # figures, whatever the shell has set
        "PYTEST_CURRENT_TEST": "notebook",  # else ipykernel hands TensorFlow's C-level log to the notebook
    }
    with environment(**variables), (build / "kernel.log").open("a") as log:
        try:
            client.execute(stderr=log)
        except CellExecutionError as error:
            reason = f"{error.ename}: {error.evalue}".splitlines()[0]
            raise CellFailed(f"cell {at!r}: {reason}") from error
        except DeadKernelError as error:
            raise CellFailed(f"cell {at!r}: the kernel died (out of memory, or a crash)") from error


def read_json(path: Path) -> Any:
    """What a file holds, e.g. a result card; None if there is no file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def kind(row: dict[str, Any]) -> str:
    """What a row of a card is: "figure", "check" or "claim"; on cards of before that, figure or claim."""
    return row.get("kind") or ("claim" if row["claims"] else "figure")


def verdict(row: dict[str, Any]) -> str:
    """What a row of a card says of its claim or identity; empty for a figure."""
    if "verdict" in row:
        return row["verdict"]
    return {True: "holds", False: "does not hold"}[row["holds"]] if "holds" in row else ""


def headline(card: dict[str, Any]) -> tuple[str, str]:
    """The first figure of a card, or its first row if it has none, with its unit and the published ones."""
    if not card["results"]:
        return "an empty result card", "-"
    row = next((row for row in card["results"] if row.get("kind") == "figure"), card["results"][0])
    unit = "" if row["unit"] == "1" else f" {row['unit']}"
    published = "; ".join(f"{p['value']:g} ({p['source']})" for p in row["published"])
    return f"{row['name']} {row['value']:g}{unit}", published or "-"


def data_used(card: dict[str, Any]) -> str:
    """Whether a card's figures are from real data."""
    used = [f"{source['name']} ({source['kind']})" for source in card["sources"]]
    return ", ".join(used) or "made in the notebook"


def duration(seconds: float) -> str:
    """Seconds for people: "38 s", "12 min"."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
