"""`make refresh`: execute at cpu scale on real data, and store outputs, result card and README tables.

Nothing is stored unless all of a notebook's cells ran, on real data, without a line on stderr.
"""

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat

from tools import notebooks, readme
from utils import results
from utils.environment import cores
from utils.folders import build_folder

SCALE = "cpu"
KEPT = ("cellView", "jupyter", "tags")  # what stays of a cell's metadata: tags, and that it is folded


class Refused(Exception):
    """Outputs that must not be stored."""


def is_stale(path: Path) -> bool:
    """Whether the stored outputs are from other code than the notebook holds now."""
    notebook = notebooks.load(path)
    stored = notebook.metadata.get("unrolled", {})
    return stored.get("code_sha256") != notebooks.code_hash(notebook)


def clean(notebook: nbformat.NotebookNode) -> None:
    """Remove what differs from run to run, and refuse what a reader should never see."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    count = 0
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict(
            {key: cell.metadata[key] for key in KEPT if cell.metadata.get(key)}
        )
        if cell.cell_type != "code":
            continue
        count += 1
        cell.execution_count = count
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                raise Refused(f"cell {cell.id!r} wrote to stderr: {output.text.strip()[:300]}")
            if output.output_type == "stream" and re.search(r"(?m)^WARNING:", output.text):
                raise Refused(f"cell {cell.id!r} printed a warning: {output.text.strip()[:300]}")
            if output.output_type == "execute_result":
                output.execution_count = count


def fill(text: str, pattern: str, value: str, what: str) -> str:
    """Replace the first match of a pattern in a cell by a value."""
    if not re.search(pattern, text):
        raise Refused(f"there is no place for {what}: nothing matches {pattern!r}")
    return re.sub(pattern, lambda match: value, text, count=1)


def fill_title(notebook: nbformat.NotebookNode, seconds: float) -> None:
    """Put the run time where a reader sees it first."""
    title = notebooks.find(notebook, "title")
    if title is None:
        raise Refused("it has no cell `title`")
    line = f"Run time: {notebooks.duration(seconds)} on {cores()} CPU cores."
    title.source = fill(title.source, r"(?m)^Run time:.*$", line, "the run time")


def fill_result(notebook: nbformat.NotebookNode) -> None:
    """Put what the first-screen cell printed into the cell `result`, where there is no `promise`."""
    shown, result = notebooks.first_screen(notebook), notebooks.find(notebook, "result")
    if shown is None or result is None:
        raise Refused("it needs cells `title` and `result`, and one cell tagged `first-screen`")
    block = f"```text\n{notebooks.stdout(shown).strip()}\n```"
    result.source = fill(result.source, r"(?s)```text\n.*?```", block, "the first-screen result")


def fill_promise(notebook: nbformat.NotebookNode) -> list[dict[str, Any]]:
    """Show in the cell `promise` what the first-screen cell showed; returns it, for `utils.first_screen`."""
    promise, shown = notebooks.find(notebook, "promise"), notebooks.first_screen(notebook)
    if promise is None or shown is None:
        raise Refused("it needs a cell `promise`, and one cell tagged `first-screen`")
    bundles = notebooks.bundles(shown)
    if not bundles:
        raise Refused(f"its first-screen cell {shown.id!r} shows nothing")
    promise.outputs = [notebooks.output_of(bundle) for bundle in bundles]
    return bundles


def checked_card(path: Path) -> dict[str, Any]:
    """The card a run has saved, if it may be published."""
    card = notebooks.read_json(path)
    if card is None:
        raise Refused("it saved no result card under its own name")
    if card["scale"] != SCALE:
        raise Refused(f"its card is from scale {card['scale']}")
    unreal = [source["name"] for source in card["sources"] if source["kind"] != "real"]
    if unreal:
        raise Refused(f"it ran on {', '.join(unreal)}; set UNROLLED_DATA to a folder with the real data")
    return card


def count_tests(card: dict[str, Any], path: Path) -> None:
    """Note on a card how often stored runs of its notebook have scored each data set's test set."""
    before = notebooks.read_json(notebooks.CARDS / f"{path.stem}.json") or {}
    scored = dict(before.get("scored", {}))
    for name in results.tested(card):
        scored[name] = scored.get(name, 0) + 1
    card["scored"] = scored


def make(notebook: nbformat.NotebookNode, path: Path, build: Path) -> float:
    """Execute a notebook, and make of it what is to be stored; returns the seconds it took.

    The card, and what the first screen shows, are left in the folder `results` of `build`.
    """
    shown = ""

    def show(heading: str, cell_id: str) -> None:
        nonlocal shown
        if heading != shown:
            print(f"  {heading}", flush=True)
        shown = heading

    start = time.perf_counter()
    try:
        # stored outputs are passed on: notebooks show no photo that may not be
        with notebooks.environment(UNROLLED_PUBLISH="1"):
            notebooks.execute(notebook, folder=path.parent, scale=SCALE, build=build, on_cell=show)
    except notebooks.CellFailed as error:
        raise Refused(str(error)) from error
    seconds = time.perf_counter() - start
    card = checked_card(build / "results" / f"{path.stem}.json")
    count_tests(card, path)
    (build / "results" / f"{path.stem}.json").write_text(
        json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    clean(notebook)
    fill_title(notebook, round(seconds))  # as it is stored: 449.6 s is 7 min, 450 s is 8
    if notebooks.find(notebook, "promise") is not None:
        first = json.dumps(fill_promise(notebook), indent=1, ensure_ascii=False) + "\n"
        (build / "results" / notebooks.first_file(path).name).write_text(first, encoding="utf-8")
    elif not notebooks.is_lab(path):
        fill_result(notebook)
    provenance = {
        "code_sha256": notebooks.code_hash(notebook),
        "scale": SCALE,
        "data": {source["name"]: source["sha256"] for source in card["sources"]},
        "versions": notebooks.versions(),
        "seconds": round(seconds),
    }
    notebook.metadata["unrolled"] = nbformat.from_dict(provenance)
    return seconds


def refresh(path: Path, build: Path | None = None) -> float:
    """Execute and store one notebook; returns the seconds it took.

    Args:
        path: of the notebook.
        build: the build folder of the run; a fresh one if None.

    Raises:
        Refused: the outputs must not be stored; the executed copy is in `build/` to be looked at.
    """
    before = path.read_bytes()
    notebook = notebooks.load(path)
    with tempfile.TemporaryDirectory() as folder:
        build = build or Path(folder)
        try:
            seconds = make(notebook, path, build)
            if path.read_bytes() != before:  # a run takes minutes: somebody may have gone on writing
                raise Refused("it was changed while it ran; refresh it again")
        except Refused as reason:
            failed = build_folder() / f"failed-{path.name}"
            notebooks.save(notebook, failed)
            raise Refused(f"{reason}\n  What it printed is in {os.path.relpath(failed)}.") from reason
        notebooks.CARDS.mkdir(exist_ok=True)
        for made in (build / "results").glob(f"{path.stem}.*"):
            part = notebooks.CARDS / f"{made.name}.part"
            shutil.copyfile(made, part)
            part.replace(notebooks.CARDS / made.name)
    notebooks.save(notebook, path)
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    notebooks.add_choice(parser)
    options = parser.parse_args()
    paths = notebooks.all_notebooks(options.notebook, options.lab)
    if not (options.notebook or options.lab):
        paths = [path for path in paths if is_stale(path)]
    failures = 0
    # A fresh build folder: no earlier training is resumed. One for all: a lab finds its lesson's network.
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            print(path.stem, flush=True)
            try:
                print(f"  stored after {notebooks.duration(refresh(path, Path(folder)))}", flush=True)
            except Refused as reason:
                failures += 1
                print(f"{path.stem} is left as it was: {reason}", flush=True)
    if not paths:
        print("All stored outputs belong to the code as it is; nothing to refresh.")
    readme.write()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
