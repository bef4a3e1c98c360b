"""What all tools know of the notebooks: where they are, how they are executed, what is stored with them."""

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

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
CARDS = NOTEBOOKS / "results"


def all_notebooks(selected: str = "") -> list[Path]:
    """The notebooks in lecture order, or those whose name starts with `selected`, e.g. "06".

    Raises:
        SystemExit: nothing starts with `selected`.
    """
    paths = sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
    chosen = [path for path in paths if path.name.startswith(selected)]
    if selected and not chosen:
        names = ", ".join(path.stem for path in paths)
        sys.exit(f"No notebook starts with {selected!r}. There are: {names}.")
    return chosen


def load(path: Path) -> nbformat.NotebookNode:
    """The notebook in format 4, as it stands in the file."""
    return nbformat.read(path, as_version=4)


def save(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write the notebook whole or not at all."""
    part = path.with_suffix(f".{os.getpid()}.part")
    nbformat.write(notebook, part)
    part.replace(path)


def build_folder() -> Path:
    """The folder for what is not stored: `UNROLLED_BUILD`, or `build/`."""
    folder = Path(os.environ.get("UNROLLED_BUILD") or ROOT / "build").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def tags(cell: nbformat.NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def find(notebook: nbformat.NotebookNode, cell_id: str) -> nbformat.NotebookNode | None:
    """The cell with that id."""
    return next((cell for cell in notebook.cells if cell.id == cell_id), None)


def title(notebook: nbformat.NotebookNode) -> str:
    """The text of the first H1."""
    for cell in notebook.cells:
        match = re.search(r"(?m)^# (.+)$", cell.source) if cell.cell_type == "markdown" else None
        if match:
            return match[1].strip()
    return "untitled"


def stdout(cell: nbformat.NotebookNode) -> str:
    """What the cell printed."""
    return "".join(o.text for o in cell.outputs if o.output_type == "stream" and o.name == "stdout")


def code_hash(notebook: nbformat.NotebookNode) -> str:
    """sha256 of all code cells: their ids and sources."""
    cells = [(cell.id, cell.source) for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def versions() -> dict[str, str]:
    """Versions of Python and of what the results depend on."""
    installed = {  # tensorflow-cpu is the same library under another name
        package.metadata["Name"].lower().replace("_", "-").removesuffix("-cpu"): package.version
        for package in importlib.metadata.distributions()
    }
    names = ("tensorflow", "keras", "numpy", "matplotlib")
    return {"python": platform.python_version()} | {name: installed[name] for name in names}


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
    scale: str,
    build: Path,
    on_cell: Callable[[str, str], None] = lambda heading, cell_id: None,
) -> None:
    """Run all cells in a fresh kernel, in the notebooks' folder; outputs are stored in `notebook`.

    Args:
        notebook: is changed; after an error it holds the outputs up to the error.
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
        resources={"metadata": {"path": str(NOTEBOOKS)}},
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


def read_card(path: Path) -> dict[str, Any] | None:
    """A result card, or None if there is none."""
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
    """The first figure of a card with its unit, and the published ones beside it."""
    if not card["results"]:
        return "an empty result card", "-"
    row = card["results"][0]
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
