"""`make run`: execute every notebook, write pages to read, end with a table of results."""

import argparse
import html
import os
import sys
import time
from pathlib import Path

import jinja2
import nbconvert
import nbformat
from tabulate import tabulate
from tqdm import tqdm

from tools import notebooks
from utils.folders import NoFolder, build_folder

HEADERS = ("notebook", "scale", "data", "seconds", "headline result", "published")


# nbconvert's page, with two things that it leaves out: folded cells stay folded, under the title that Colab
# shows, and each figure's alt text stands in its tag.
PAGE = """
{%- extends 'lab/index.html.j2' -%}
{%- block input_group -%}
{%- if cell.metadata.get('jupyter', {}).get('source_hidden') -%}
<details>
<summary style="cursor: pointer; padding: 2px 12px; font: 14px sans-serif">
{{ cell.source.split('\\n')[0].split('@title')[-1] | escape_html }}
</summary>
{{ super() }}
</details>
{%- else -%}
{{ super() }}
{%- endif -%}
{%- endblock input_group -%}
{%- block data_png scoped -%}
<div class="jp-RenderedImage jp-OutputArea-output {{ extra_class }}" tabindex="0">
<img src="data:image/png;base64,{{ output.data['image/png'] }}"
 alt="{{ (output | get_metadata('alt', 'image/png') or '') | escape_html }}">
</div>
{%- endblock data_png -%}
"""


def write_page(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write a notebook as HTML."""
    templates = jinja2.DictLoader({"page.html.j2": PAGE})
    exporter = nbconvert.HTMLExporter(
        template_name="lab", template_file="page.html.j2", extra_loaders=[templates]
    )
    page, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": notebooks.title(notebook)}})
    path.write_text(page, encoding="utf-8")


def run(path: Path, scale: str, build: Path, bar: tqdm) -> tuple[str, str, str]:
    """Execute one notebook and write its copy and page; data, headline result and published one."""
    card_path = build / "results" / f"{path.stem}.json"
    for old in (card_path, build / path.name, build / f"{path.stem}.html"):
        old.unlink(missing_ok=True)  # what an earlier run left would pass for this one's
    notebook = notebooks.load(path)
    shown = ""

    def show(heading: str, cell_id: str) -> None:
        nonlocal shown
        if bar.disable and heading != shown:  # not a terminal: a line for each part
            print(f"{path.stem}: {heading}", flush=True)
        shown = heading
        bar.set_postfix_str(f"{path.stem}: {heading} [{cell_id}]"[:70])
        bar.update()

    try:
        notebooks.execute(notebook, folder=path.parent, scale=scale, build=build, on_cell=show)
    finally:
        notebooks.save(notebook, build / path.name)
        write_page(notebook, build / f"{path.stem}.html")
    card = notebooks.read_json(card_path)
    return (notebooks.data_used(card), *notebooks.headline(card)) if card else ("?", "no result card", "-")


def index(rows: list[list[str]]) -> str:
    """The page that links the others."""
    linked = [[f'<a href="{row[0]}.html">{row[0]}</a>', *map(html.escape, row[1:])] for row in rows]
    table = tabulate(linked, headers=HEADERS, tablefmt="unsafehtml", disable_numparse=True)
    style = "body{font-family:sans-serif;margin:2em} td,th{text-align:left;padding:.3em 1em .3em 0}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Unrolled</title>'
        f"<style>{style}</style><h1>Unrolled</h1>{table}</html>"
    )


def count_cells(paths: list[Path]) -> int:
    """Cells of all these files; none in one that is not JSON."""
    return sum(path.read_text(encoding="utf-8").count('"cell_type":') for path in paths)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", choices=("quick", "cpu", "gpu"), default="quick")
    notebooks.add_choice(parser)
    options = parser.parse_args()
    paths = notebooks.all_notebooks(options.notebook, options.lab)
    try:
        build = build_folder()
    except NoFolder as error:
        sys.exit(str(error))
    (build / "results").mkdir(exist_ok=True)

    rows, passed = [], True
    form = "{l_bar}{bar:20}|{postfix}"
    with tqdm(total=count_cells(paths), file=sys.stdout, bar_format=form, disable=None) as bar:
        for number, path in enumerate(paths, start=1):
            start = time.perf_counter()
            try:
                data, result, published = run(path, options.scale, build, bar)
            except Exception as error:  # whatever it is, the other notebooks are still to run
                passed = False
                lines = str(error).strip().splitlines() or [type(error).__name__]
                data, result, published = "?", f"FAILED: {lines[0][:150]}", "-"
            seconds = f"{time.perf_counter() - start:.0f}"
            rows.append([path.stem, options.scale, data, seconds, result, published])
            bar.update(count_cells(paths[:number]) - bar.n)  # cells that a failure left out
    print(tabulate(rows, headers=HEADERS, disable_numparse=True, maxcolwidths=[None, None, 30, None, 50, 40]))
    (build / "index.html").write_text(index(rows), encoding="utf-8")
    print(f"\nTo read them: {os.path.relpath(build / 'index.html')}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
