"""The exercises of a lesson: cells with a gap, their solutions, and wrong answers to them."""

import ast
import re
import runpy
from pathlib import Path

import nbformat

from tools import notebooks

WRONG_ANSWERS = notebooks.ROOT / "tests" / "wrong_answers.py"
GAP = re.compile(r"exercise-(\d+)-gap")


def gaps(notebook: nbformat.NotebookNode) -> dict[int, nbformat.NotebookNode]:
    """The cells with a gap, by the numbers of their exercises."""
    found = ((GAP.fullmatch(cell.id), cell) for cell in notebook.cells)
    return {int(match[1]): cell for match, cell in found if match}


def solution(notebook: nbformat.NotebookNode, number: int) -> str | None:
    """The source that replaces a gap cell, from the fence in cell `solution-<number>`."""
    cell = notebooks.find(notebook, f"solution-{number}")
    fences = re.findall(r"(?ms)^```python\n(.*?)^```$", cell.source) if cell is not None else []
    return fences[0].rstrip("\n") if len(fences) == 1 else None


def behind(source: str) -> str:
    """The lines of a gap cell behind its gap: those that check an answer."""
    statements = ast.parse(source).body
    open_ = [
        s for s in statements if any(isinstance(n, ast.Constant) and n.value is ... for n in ast.walk(s))
    ]
    lines = source.splitlines()[open_[-1].end_lineno if open_ else 0 :]
    return "\n".join(lines).strip("\n")


def wrong_answers(path: Path | None = None) -> dict[tuple[str, int], list[str]]:
    """Wrong answers, by the numbers of lesson and exercise: sources in place of the gap, without a check."""
    found = runpy.run_path(str(path or WRONG_ANSWERS))["WRONG"]
    return {key: [told] if isinstance(told, str) else told for key, told in found.items()}
