"""`tools.use` on a small file, and what it says where it cannot help.

That each lesson's file gives the same answer in a fresh process is tested in the lessons' own kernels, see
`tools/nbval/fresh.py`; there, at quick scale, the layers are Keras' own.
"""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tools import notebooks, use
from tools.nbval import fresh
from utils import characters, recurrent
from utils.checks import max_difference

TEXT = "ROMEO:\nO, speak!"


class Card:
    """Takes a check as a result card does."""

    def check(self, *told, ok, **more):
        assert ok


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The file that the cells of lesson 06 save, with the layers of cpu scale; and what they know."""
    folder = tmp_path_factory.mktemp("build")
    symbols = sorted(set(TEXT))
    names = {
        "keras": keras, "np": np, "tf": tf, "GRU": recurrent.GRU, "UNITS": 8, "characters": characters,
        "vocabulary": symbols, "build_folder": lambda name: folder, "max_difference": max_difference,
        "encode": lambda text: np.array([symbols.index(symbol) for symbol in text]), "card": Card(),
        "PROMPT": TEXT[:7],
    }  # fmt: skip
    lesson = notebooks.load(notebooks.all_notebooks("06")[0])
    exec(
        notebooks.find(lesson, "build").source.replace("build(UNITS, V)", f"build(8, {len(symbols)})"), names
    )
    exec(notebooks.find(lesson, "file").source, names)
    return folder / "writer.keras", names


def ask(*given):
    command = [sys.executable, "-m", "tools.use", *map(str, given)]
    return subprocess.run(command, cwd=notebooks.ROOT, capture_output=True, text=True, check=False)


def test_the_layers_of_cpu_scale_write_the_same_in_a_fresh_process(written):
    path, names = written
    net, symbols = names["net"], names["vocabulary"]
    ids = characters.write(net, names["encode"](TEXT), 40, temperature=0.5, seed=7)[0]
    ran = ask("06", TEXT, "--file", path, "--length", 40, "--temperature", 0.5, "--seed", 7)
    assert ran.stdout == TEXT + "".join(symbols[i] for i in ids) + "\n", ran.stderr
    assert ran.stderr == ""


@pytest.mark.parametrize(
    ("text", "said"), [("é", "knows no ['é']; it knows '\\n !,:EMORaekps'"), ("", "empty text")]
)
def test_a_strange_character_is_named(text, said, written):
    options = type("Options", (), {"temperature": 1.0, "seed": 0, "length": 5})
    with pytest.raises(ValueError, match="knows no") as refused:
        use.goes_on(use.load(written[0], ("recurrent",)), text, options)
    assert said in str(refused.value)


@pytest.mark.parametrize("lesson", use.USES)
def test_a_missing_file_is_named_with_how_to_make_it(lesson, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("UNROLLED_BUILD", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["use", lesson, "x"])
    assert use.main() == 1
    said = capsys.readouterr().err
    assert use.USES[lesson].file in said
    assert f"make run SCALE=cpu NOTEBOOK={lesson}" in said


@pytest.mark.parametrize("lesson", use.USES)
def test_each_file_is_what_its_lesson_saves_and_is_asked_for_in_a_fresh_process(lesson):
    notebook = notebooks.load(notebooks.all_notebooks(lesson)[0])
    assert any(f'"{use.USES[lesson].file}"' in cell.source for cell in notebook.cells)
    [cell] = [cell for number, cell in fresh.FRESH if number == lesson]
    assert notebooks.find(notebook, cell) is not None


def test_a_file_that_no_tool_uses_is_noticed():
    saved = set()
    for path in notebooks.lessons():
        code = "\n".join(cell.source for cell in notebooks.load(path).cells if cell.cell_type == "code")
        saved |= {path.name[:2]} if '.keras"' in code else set()
    assert saved <= set(use.USES)


def test_fresh_answers_are_compared(capsys):
    fresh.compare("a", "a")
    fresh.compare("a", "b")
    fresh.compare_chance(0.51234, "0.5123 praise")
    fresh.compare_chance(0.51234, "0.5129 praise")
    fresh.compare_chance(0.51234, "an error")
    said = [line.split(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert said == ["right", "wrong", "right", "wrong", "wrong"]
