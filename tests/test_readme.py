"""Every command of the README: run here, or by the test that is named.

A command that is neither is noticed; so is one of the table that the README no longer has.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import notebooks, readme

BIN = Path(sys.executable).parent

USE = ".venv/bin/python -m tools.use"
FRESH, WORKFLOW = "tools/nbval/fresh.py", ".github/workflows/test.yml"
HERE = {  # commands that are run here, and what they print
    "make help": "open JupyterLab",
    "make data": "flickr8k",
    ".venv/bin/python -m tools.form --notebook NN": "03_lstm",
}
ELSEWHERE = {  # what runs the others: a file of the project, and the words in it that do
    "make run": ("tests/test_run.py", "def test_one_comes_first_and_its_page_is_named("),
    "make run SCALE=cpu NOTEBOOK=06": ("tests/test_run.py", "def test_one_notebook_is_chosen("),
    "make run SCALE=cpu LAB=06": ("tests/test_run.py", "def test_one_notebook_is_chosen("),
    "UNROLLED_DATA=folder make lab": ("tests/test_real_data.py", "UNROLLED_DATA"),
    "UNROLLED_DATA=sample make run": ("Makefile", "export UNROLLED_DATA := sample"),  # with what tests run
    "make test": (WORKFLOW, "make test"),
    "make site": (".github/workflows/site.yml", "make site"),
    "make matrix": (WORKFLOW, "make matrix"),
    'make data GET="imdb multi30k" TO=folder': ("tests/test_data.py", "class Server"),
    "make refresh NOTEBOOK=NN": ("tests/test_harness.py", "def test_refresh_stores_a_notebook"),
    "make record NOTEBOOK=NN": ("tests/test_record.py", "def test_what_runs_do_not_agree_about_is_let_go("),
    "make bench": ("tests/test_bench.py", "def test_every_case_was_measured_by_everybody("),
    f'{USE} 06 "ROMEO:"': (FRESH, '("06", "file")'),  # `make test`, after this cell
    f'{USE} 07 "The end is wonderful."': (FRESH, '("07", "save")'),
    f"{USE} 08 data/photos/dog_snow.jpg": (FRESH, '("08", "file-check")'),
    f'{USE} 09 "Ein Hund rennt durch den Schnee."': (FRESH, '("09", "file-same")'),
    f"{USE} 12 said.wav": (FRESH, '("12", "file-check")'),
}
NEVER = {"make lab"}  # opens a browser and does not end


def commands(text):
    """What a page says to type: lines of its `sh` fences, and code in its sentences that begins like them."""
    fences = re.findall(r"(?ms)^```(?:sh|bash|console)\n(.*?)^```", text)
    lines = [line for fence in fences for line in fence.splitlines()]
    begins = r"(?:[A-Z_]+=\S+ )*(?:make [\w]|(?:\.venv/bin/)?(?:python3?|pip) -)"
    inline = re.findall(rf"`({begins}[^`]*)`", re.sub(r"(?ms)^```.*?^```", "", text))
    return {re.sub(r"\s+#.*", "", line).strip() for line in [*lines, *inline]} - {""}


TEXT = readme.README.read_text(encoding="utf-8")


def run(command):
    """A command with this Python, on what is installed here."""
    command = command.replace(".venv/bin/python", str(BIN / "python")).replace("NN", "03")
    command = re.sub(r"\bmake\b", f"make -o .venv/installed -o .venv-site/installed BIN={BIN}", command)
    return subprocess.run(
        ["bash", "-c", command], cwd=notebooks.ROOT, capture_output=True, text=True, check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))},
    )  # fmt: skip


def test_every_command_is_run_by_a_test_or_it_is_said_why_not():
    assert commands(TEXT) == {*HERE, *ELSEWHERE, *NEVER}


def test_commands_are_found():
    fence = "```sh\nmake run   # all\n\nA=b make x\n```"
    text = f"Type `make data`, not `make`.\n\n{fence}\n\n`A=b make it` `python -m y`"
    assert commands(text) == {"make data", "make run", "A=b make x", "A=b make it", "python -m y"}


@pytest.mark.parametrize("command", HERE)
def test_a_command_that_costs_nothing(command):
    ran = run(command)
    assert ran.returncode == 0, ran.stderr
    assert re.search(HERE[command], ran.stdout)


@pytest.mark.parametrize("command", [word for word in (*ELSEWHERE, *NEVER) if "make" in word])
def test_make_knows_what_to_do(command):
    ran = run(command.replace("make ", "make -n ", 1))
    assert ran.returncode == 0, ran.stderr
    ours = re.findall(r"-m tools\.(\w+)", ran.stdout)
    assert ours or re.search("-m (pytest|jupyterlab)|pytest", ran.stdout)
    assert all((notebooks.ROOT / "tools" / f"{module}.py").exists() for module in ours)


@pytest.mark.parametrize("command", ELSEWHERE)
def test_what_runs_a_command_is_there(command):
    file, words = ELSEWHERE[command]
    assert words in (notebooks.ROOT / file).read_text(encoding="utf-8")


def test_the_readme_is_short():
    assert len(TEXT.splitlines()) < 150
