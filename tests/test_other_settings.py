"""No lesson dies of a reader's settings: `make settings` runs them, `make test` sees that none is missing."""

import ast

import pytest
from other_settings import OTHERS

from tools import form, notebooks

LESSONS = notebooks.lessons()
RUNS = [(path, run) for path in LESSONS for run in range(len(OTHERS[path.stem[:2]]))]


def with_settings(source, settings):
    """The cell `parameters` with other values in place of its own; names that it lacks are left out."""
    lines = source.splitlines()
    for node in reversed(ast.parse(source).body):
        name = getattr(node.targets[0], "id", "") if isinstance(node, ast.Assign) else ""
        if name in settings:
            lines[node.lineno - 1 : node.end_lineno] = [f"{name} = {settings[name]}"]
    return "\n".join(lines)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_there_are_two_other_settings_of_each_parameter(path):
    notebook = notebooks.load(path)
    names, runs = form.parameters(notebook), OTHERS[path.stem[:2]]
    assert len(runs) == 2
    given = notebooks.find(notebook, "parameters").source
    for name in names:
        assert all(name in run for run in runs), f"tests/other_settings.py lacks {name} of {path.stem}"
        assert len({run[name] for run in runs}) == 2
    for run in runs:
        assert set(form.parameters(notebook)) == set(names)
        changed = with_settings(given, run)
        assert changed != given
        assert all(f"{name} = {run[name]}\n" in f"{changed}\n" for name in names)


def test_settings_are_put_in_the_place_of_those_of_the_lesson():
    source = "# @title P\nA = scale(\n    quick=1, cpu=2\n)  # of a\nB = 3\ncard = Card(A)"
    assert with_settings(source, {"A": "7", "C": "0"}) == "# @title P\nA = 7\nB = 3\ncard = Card(A)"


@pytest.mark.slow
@pytest.mark.parametrize(("path", "run"), RUNS, ids=lambda value: getattr(value, "stem", value))
def test_a_lesson_runs_to_the_end_with(path, run, tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_DATA", "sample")
    notebook = notebooks.load(path)
    cell = notebooks.find(notebook, "parameters")
    cell.source = with_settings(cell.source, OTHERS[path.stem[:2]][run])
    notebooks.execute(notebook, folder=path.parent, scale="quick", build=tmp_path)
    assert (tmp_path / "results" / f"{path.stem}.json").exists()
