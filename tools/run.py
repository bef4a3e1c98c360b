"""`make run`: execute every notebook, write pages to read, end with a table of results."""

import argparse
import html
import os
import sys
import time
from pathlib import Path

import nbconvert
from nbclient.exceptions import CellExecutionError, DeadKernelError
from tabulate import tabulate
from tqdm import tqdm

from tools import notebooks

HEADERS = ("notebook", "scale", "data", "seconds", "headline result", "published")


def short_error(error: Exception) -> str:
    """The last line of what went wrong, without colours."""
    if isinstance(error, CellExecutionError):
        return f"{error.ename}: {error.evalue}".splitlines()[0][:100]
    return str(error).strip().splitlines()[-1][:100]


def run(path: Path, scale: str, build: Path, bar: tqdm) -> tuple[list[str], bool]:
    """Execute one notebook and write its copy and page; its row of the table, and whether it passed."""
    notebook = notebooks.load(path)
    card_path = build / "results" / f"{path.stem}.json"
    card_path.unlink(missing_ok=True)  # a card of an earlier run would pass for this one's
    failure = ""

    def show(heading: str) -> None:
        bar.set_postfix_str(f"{path.stem}: {heading}"[:60])
        bar.update()

    start = time.perf_counter()
    try:
        notebooks.execute(notebook, scale=scale, build=build, on_cell=show)
    except (CellExecutionError, DeadKernelError) as error:
        failure = short_error(error)
    seconds = time.perf_counter() - start

    notebooks.save(notebook, build / path.name)
    page, _ = nbconvert.HTMLExporter(template_name="lab").from_notebook_node(
        notebook, {"metadata": {"name": notebooks.title(notebook)}}
    )
    (build / f"{path.stem}.html").write_text(page, encoding="utf-8")

    card = notebooks.read_card(card_path)
    data = notebooks.data_used(card) if card else "?"
    result, published = notebooks.headline(card) if card and not failure else ("no result card", "-")
    if failure:
        result = f"FAILED: {failure}"
    return [path.stem, scale, data, f"{seconds:.0f}", result, published], not failure


def index(rows: list[list[str]]) -> str:
    """The page that links the others."""
    linked = [[f'<a href="{row[0]}.html">{row[0]}</a>', *map(html.escape, row[1:])] for row in rows]
    table = tabulate(linked, headers=HEADERS, tablefmt="unsafehtml", disable_numparse=True)
    style = "body{font-family:sans-serif;margin:2em} td,th{text-align:left;padding:.3em 1em .3em 0}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Unrolled</title>'
        f"<style>{style}</style><h1>Unrolled</h1>{table}</html>"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", choices=("quick", "cpu", "gpu"), default="quick")
    parser.add_argument("--notebook", default="", help="first letters of the names to run, e.g. 06")
    options = parser.parse_args()
    paths = notebooks.all_notebooks(options.notebook)
    build = Path(os.environ.get("UNROLLED_BUILD") or notebooks.ROOT / "build").resolve()
    (build / "results").mkdir(parents=True, exist_ok=True)

    cells = sum(len(notebooks.load(path).cells) for path in paths)
    rows, passed = [], True
    with tqdm(total=cells, unit="cell", file=sys.stdout, bar_format="{l_bar}{bar:20}| {postfix}") as bar:
        for path in paths:
            row, good = run(path, options.scale, build, bar)
            rows.append(row)
            passed = passed and good
    print(tabulate(rows, headers=HEADERS, disable_numparse=True, maxcolwidths=[None, None, 30, None, 50, 40]))
    (build / "index.html").write_text(index(rows), encoding="utf-8")
    print(f"\nTo read them: {os.path.relpath(build / 'index.html')}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
