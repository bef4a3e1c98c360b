"""The form of lessons and labs: the cells that each must have, and how large it may be.

`python -m tools.form` prints the measures of all, or of those named by --notebook and --lab.
"""

import argparse
import ast
import math
import re
import statistics
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
from tabulate import tabulate

from tools import exercises, links, notebooks

FOLDED = {"setup", "promise", "imports", "parameters"}
FOLDING = '{"jupyter": {"source_hidden": true}, "cellView": "form"}'
FIRST_TRAINED, LONGEST_PARAGRAPH = 25, 80  # cells, words
TRAINS = re.compile(r"(?<!def )\b(fit|train)\w*\(")


@dataclass(frozen=True)
class Limits:
    """How large a notebook may be; minutes are at cpu scale."""

    cells: int
    lines: int
    longest: int
    parameters: int
    words: tuple[int, int]  # of prose per line of code
    minutes: int


LESSON = Limits(cells=90, lines=349, longest=25, parameters=8, words=(4, 7), minutes=8)
LONG_LESSON = Limits(cells=90, lines=349, longest=25, parameters=8, words=(4, 7), minutes=15)
LAB = Limits(cells=60, lines=299, longest=30, parameters=12, words=(3, 6), minutes=30)
# Lessons that may take longer: what they train has a target to reach.
LONG = {"06", "08", "09", "10", "11", "12", "13", "14", "17"}
TWO_TARGETS = {"12", "17"}  # lessons that train for two of them: on two data sets; with windows and without
THREE_TARGETS = {"18"}  # for three, of 15 minutes each


def limits(path: Path) -> Limits:
    if notebooks.is_lab(path):
        return LAB
    if path.stem[:2] in THREE_TARGETS:
        return replace(LONG_LESSON, minutes=45)
    if path.stem[:2] in TWO_TARGETS:
        return replace(LONG_LESSON, minutes=20)
    return LONG_LESSON if path.stem[:2] in LONG else LESSON


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def count_lines(cell: nbformat.NotebookNode) -> int:
    return sum(bool(line.strip()) for line in cell.source.splitlines())


def parse(cell: nbformat.NotebookNode | None) -> ast.Module:
    """The cell's code; nothing for one that is not Python, which is a finding of its own."""
    try:
        return ast.parse(cell.source if cell is not None else "")
    except SyntaxError:
        return ast.parse("")


def parameters(notebook: nbformat.NotebookNode) -> list[str]:
    """The names that the cell `parameters` gives a value, without the card's."""
    names = []
    for node in parse(notebooks.find(notebook, "parameters")).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if targets and not (isinstance(node.value, ast.Call) and calls(node.value, "ResultCard")):  # type: ignore[attr-defined]
            names += [n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)]
    return names


def calls(node: ast.Call, name: str) -> bool:
    """Whether a call is of the function or the method of that name."""
    return name in (getattr(node.func, "id", None), getattr(node.func, "attr", None))


def paragraphs(cell: nbformat.NotebookNode) -> list[int]:
    """The words in each block between blank lines, formulas and code in the line counted as they stand.

    Headings, tables, blocks of code and solutions are no paragraphs; a list without blank lines is one.
    """
    text = re.sub(r"(?ms)^```.*?^```$|<details>.*?</details>|<!--.*?-->", "\n\n", cell.source)
    text = re.sub(r"(?m)^\s*(\||#+ ).*$", "\n\n", text)
    return [len(block.split()) for block in re.split(r"\n\s*\n", text)]


def words(notebook: nbformat.NotebookNode) -> int:
    """The words of all Markdown cells, which is what stands between spaces: nothing is left out."""
    return sum(len(cell.source.split()) for cell in notebook.cells if cell.cell_type == "markdown")


def first_trained(notebook: nbformat.NotebookNode) -> int | None:
    """Which cell is the first that trains, counted from 1 with all cells; None if there is none."""
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "code" and TRAINS.search(cell.source):
            return number
    return None


def check_measures(notebook: nbformat.NotebookNode, path: Path) -> list[str]:
    found, most = [], limits(path)
    lines = sum(map(count_lines, code_cells(notebook)))
    if len(notebook.cells) > most.cells:
        found.append(f"it has {len(notebook.cells)} cells, more than {most.cells}")
    if lines > most.lines:
        found.append(f"it has {lines} lines of code, more than {most.lines}")
    for cell in code_cells(notebook):
        if count_lines(cell) > most.longest:
            found.append(f"cell {cell.id!r} has {count_lines(cell)} lines, more than {most.longest}")
    names = parameters(notebook)
    if len(names) > most.parameters:
        found.append(f"it has {len(names)} parameters, more than {most.parameters}")
    for cell in notebook.cells:
        longest = max(paragraphs(cell), default=0) if cell.cell_type == "markdown" else 0
        if longest > LONGEST_PARAGRAPH:
            found.append(
                f"cell {cell.id!r} has a paragraph of {longest} words, more than {LONGEST_PARAGRAPH}"
            )
    ratio, (low, high) = words(notebook) / max(lines, 1), most.words
    if not low <= ratio <= high:
        found.append(f"it has {ratio:.1f} words of prose per line of code; {low} to {high} are wanted")
    trained = first_trained(notebook)
    if not notebooks.is_lab(path) and (trained or math.inf) > FIRST_TRAINED:
        found.append(f"nothing is trained (fit or train is called) within the first {FIRST_TRAINED} cells")
    seconds = notebook.metadata.get("unrolled", {}).get("seconds", 0)
    if seconds > 60 * most.minutes:
        found.append(f"it ran for {notebooks.duration(seconds)}, longer than {most.minutes} min")
    return found


def check_folded(notebook: nbformat.NotebookNode) -> list[str]:
    found = []
    for cell in code_cells(notebook):
        if cell.id in FOLDED or re.fullmatch(r"exercise-\d+-check", cell.id):
            hidden = cell.metadata.get("jupyter", {}).get("source_hidden") is True
            if not (hidden and cell.metadata.get("cellView") == "form"):
                found.append(f"cell {cell.id!r} is not folded: its metadata must be {FOLDING}")
            if not re.match(r"# ?@title \S", cell.source):
                found.append(f"cell {cell.id!r} does not begin with a line `# @title ...`, which Colab shows")
    return found


def check_start(notebook: nbformat.NotebookNode, path: Path, first: list[str]) -> list[str]:
    """The title cell, and the code cells that come first."""
    found = []
    if not notebook.cells or notebook.cells[0].id != "title":
        found.append("the first cell must be `title`")
    if [cell.id for cell in code_cells(notebook)][: len(first)] != first:
        found.append(f"the first code cells must be {', '.join(first)}")
    setup, given = notebooks.find(notebook, "setup"), notebooks.find(notebook, "parameters")
    if setup is None or setup.source != links.setup_cell(path.stem) or "setup" not in notebooks.tags(setup):
        found.append("the setup cell differs from tools/links.py; `make links` with the address writes it")
    if given is None or "parameters" not in notebooks.tags(given):
        found.append("there is no cell `parameters` tagged so")
    elif "scale(" not in given.source:
        found.append("the parameters cell states no constant by scale(...)")
    title = notebooks.find(notebook, "title")
    text = title.source.strip() if title is not None else ""
    if text.split("\n")[-1] != links.badge(path):
        found.append(f"the title cell must end with {links.badge(path)}")
    if not notebooks.LECTURES.search(text):
        found.append("the title cell must say what it mirrors, e.g. `Mirrors lectures L0 and L2`")
    return found


def check_exercises(notebook: nbformat.NotebookNode, path: Path) -> list[str]:
    found = []
    gaps = exercises.gaps(notebook)
    if not {1, 2, 3} <= set(gaps):
        found.append("there must be cells exercise-1-gap, exercise-2-gap and exercise-3-gap")
    ids = [cell.id for cell in notebook.cells]
    for number, cell in gaps.items():
        around = [f"exercise-{number}", f"exercise-{number}-check", cell.id, f"solution-{number}"]
        if [name for name in ids if name in around] not in (around, around[:1] + around[2:]):
            found.append(f"exercise {number} must be {', '.join(around)} in order, or without the check")
        if "exercise" not in notebooks.tags(cell):
            found.append(f"cell {cell.id!r} must be tagged exercise")
        if not any(isinstance(n, ast.Constant) and n.value is ... for n in ast.walk(parse(cell))):
            found.append(f"cell {cell.id!r} has no gap `...`")
        shown = notebooks.find(notebook, f"solution-{number}")
        if exercises.solution(notebook, number) is None or "<details>" not in shown.source:  # type: ignore[union-attr]
            found.append(f"cell solution-{number} must hold one ```python fence within <details>")
        else:
            checks, told = exercises.behind(cell.source), exercises.solution(notebook, number) or ""
            if not told.endswith(checks):
                found.append(f"cell solution-{number} must end as {cell.id!r} does: {checks!r}")
        if not exercises.wrong_answers().get((path.stem[:2], number)):
            found.append(f"tests/wrong_answers.py has no wrong answer to exercise {number}")
    return found


def check_lesson(notebook: nbformat.NotebookNode, path: Path) -> list[str]:
    found = check_start(notebook, path, ["setup", "promise", "imports", "parameters"])
    title = notebooks.title(notebook)
    if not title.startswith(f"{path.stem[:2]} "):
        found.append(f"its title {title!r} must begin with its number")
    promise = notebooks.find(notebook, "promise")
    if promise is None or "promise" not in notebooks.tags(promise):
        found.append("there is no cell `promise` tagged so")
    elif f'promise("{path.stem}")' not in promise.source:
        found.append(f'the cell `promise` must call promise("{path.stem}")')
    for name in ("pitfalls", "exercises", "next"):
        if notebooks.find(notebook, name) is None:
            found.append(f"there is no cell {name!r}")
    after = [other for other in notebooks.lessons() if other.name > path.name]
    last = notebooks.find(notebook, "next")
    if after and last is not None and f"({after[0].name})" not in last.source.strip().split("\n")[-1]:
        found.append(f"the last line of cell 'next' must lead to {after[0].name}")
    return [*found, *check_exercises(notebook, path)]


def check_lab(notebook: nbformat.NotebookNode, path: Path) -> list[str]:
    found = check_start(notebook, path, ["setup", "imports", "parameters"])
    title = notebooks.title(notebook)
    if not re.fullmatch(rf"Lab {path.stem[:2]}: .+\?", title):
        found.append(f"its title {title!r} must be like `Lab {path.stem[:2]}: The question?`")
    if not re.search(rf"\]\(\.\./{path.stem[:2]}_\w+\.ipynb\)", notebook.cells[0].source):
        found.append("the title cell must link the lesson that it belongs to")
    kinds = [
        "rule" if cell.cell_type == "markdown" and cell.id.startswith("rule") else
        "claim" if cell.cell_type == "code" and "card.claim(" in cell.source else ""
        for cell in notebook.cells
    ]  # fmt: skip
    if "rule" not in kinds or "claim" in kinds[: kinds.index("rule")]:
        found.append("the rule of the verdict must stand in a cell `rule...` before the first card.claim")
    return found


def measured(node: ast.AST) -> set[str]:
    """The names in an expression that stand for values, without functions and modules."""
    found: set[str] = set()
    for part in ast.iter_child_nodes(node):
        if isinstance(part, ast.Name):
            found.add(part.id)
        elif not (isinstance(node, ast.Call) and part is node.func):
            found |= measured(part)
    return found | ({node.id} if isinstance(node, ast.Name) else set())


def bounded(node: ast.Assert) -> set[str]:
    """The names that an assertion compares with a bound, by < or > and the like."""
    order = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
    sizes = [n for n in ast.walk(node.test) if isinstance(n, ast.Compare)]
    return {name for n in sizes if any(isinstance(op, order) for op in n.ops) for name in measured(n)}


def check_claims(notebook: nbformat.NotebookNode) -> list[str]:
    """Nothing guards a claim by an assertion, and nothing is asserted of a test split."""
    found, guarded = [], set()
    for cell in code_cells(notebook):
        for node in ast.walk(parse(cell)):
            if isinstance(node, ast.Assert):
                names = bounded(node)
                guarded |= names
                found += [
                    f"cell {cell.id!r} asserts a bound on {name!r}; nothing is asserted on a test set"
                    for name in sorted(names)
                    if re.search(r"(^|_)test(_|$)", name)
                ]
        for node in ast.walk(parse(cell)):
            if isinstance(node, ast.Call) and calls(node, "claim"):
                given = [keyword.value for keyword in node.keywords if keyword.arg in ("value", "verdict")]
                names = {name for value in [*node.args[2:3], *given] for name in measured(value)}
                found += [
                    f"cell {cell.id!r} makes a claim of {name!r}, which an assert has guarded"
                    for name in sorted(names & guarded)
                ]
    return found


def check_links(notebook: nbformat.NotebookNode, path: Path) -> list[str]:
    """Links to other notebooks lead somewhere."""
    found = []
    for cell in notebook.cells:
        for link in re.findall(r"\]\(([\w./-]+\.ipynb)", cell.source) if cell.cell_type == "markdown" else []:
            if not (path.parent / link).exists():
                found.append(f"cell {cell.id!r} links to {link}, which is not there")
    return found


def check_card_cell(notebook: nbformat.NotebookNode) -> list[str]:
    last = notebook.cells[-1]
    if last.id != "card" or "nbval-ignore-output" not in notebooks.tags(last):
        return ["the last cell must be `card`, tagged nbval-ignore-output"]
    return []


def check_form(notebook: nbformat.NotebookNode, path: Path) -> list[str]:
    """What a lesson or a lab of the present form has wrong with its frame and its measures."""
    own = check_lab if notebooks.is_lab(path) else check_lesson
    return [
        *own(notebook, path),
        *check_folded(notebook),
        *check_card_cell(notebook),
        *check_claims(notebook),
        *check_links(notebook, path),
        *check_measures(notebook, path),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    notebooks.add_choice(parser)
    options = parser.parse_args()
    rows = []
    for path in notebooks.all_notebooks(options.notebook, options.lab):
        notebook = notebooks.load(path)
        lengths = [count_lines(cell) for cell in code_cells(notebook)]
        longest = max((max(paragraphs(c)) for c in notebook.cells if c.cell_type == "markdown"), default=0)
        rows.append(
            [path.stem, len(notebook.cells), sum(lengths), max(lengths), statistics.median(lengths),
             len(parameters(notebook)), words(notebook) / sum(lengths), longest, first_trained(notebook)]
        )  # fmt: skip
    headers = ["", "cells", "code lines", "longest cell", "median", "parameters", "words/line",
               "longest paragraph", "first trained"]  # fmt: skip
    print(tabulate(rows, headers=headers, floatfmt=".1f"))


if __name__ == "__main__":
    main()
