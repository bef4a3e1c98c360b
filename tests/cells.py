"""Single cells of a notebook, run by a test in a namespace of its own."""

from typing import Any

from tools import notebooks


def run_cells(stem: str, *ids: str, **given: Any) -> dict[str, Any]:
    """The names that some cells of a notebook define.

    Args:
        stem: first letters of its name; if a lesson and a lab begin so, of the lesson.
        ids: of the cells, in order.
        given: names that the cells use.

    Raises:
        KeyError: there is no such cell.
    """
    path = next(path for path in notebooks.all_notebooks() if path.stem.startswith(stem))
    cells, names = {cell.id: cell.source for cell in notebooks.load(path).cells}, dict(given)
    for name in ids:
        exec(compile(cells[name], f"{path.stem}, cell {name}", "exec"), names)
    return names
