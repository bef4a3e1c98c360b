"""`make run` on made-up notebooks: one first, the others side by side, and what is left of a stopped run."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import notebooks, run

NOTE = (
    "import pathlib, time\n"
    "log = pathlib.Path('{log}')\n"
    "note = lambda word: log.open('a').write('{name} ' + word + '\\n')"
)
CARD = (
    "from utils.results import ResultCard\n"
    "card = ResultCard('{name}', data='numbers', split='none')\n"
    "card.add('answer', 42, '1')\n"
    "card.save()"
)


def write(folder, name, *sources, lab=False):
    """A notebook whose cells note in a file when they begin and end."""
    path = folder / ("labs" if lab else "") / f"{name}.ipynb"
    path.parent.mkdir(exist_ok=True)
    note = NOTE.format(log=folder / "log", name=name)
    root = f"import sys; sys.path.insert(0, {str(notebooks.ROOT)!r})"
    cells = [new_markdown_cell(f"# Title of {name}"), new_code_cell(f"{root}\n{note}\nnote('begins')")]
    cells += [new_code_cell(source) for source in sources] + [new_code_cell("note('ends')")]
    nbformat.write(new_notebook(cells=cells), path)


def start(folder, *options, jobs="2"):
    """`make run` on the notebooks of a folder."""
    program = (
        "import sys; from pathlib import Path; from tools import notebooks, run;"
        f"notebooks.NOTEBOOKS = Path({str(folder)!r}); sys.argv = ['run', '--jobs', {jobs!r}, *{options!r}];"
        "sys.exit(run.main())"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program], cwd=notebooks.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, env=os.environ | {"UNROLLED_BUILD": str(folder / "build")},
    )  # fmt: skip


def log(folder):
    return (folder / "log").read_text().splitlines() if (folder / "log").exists() else []


def until(true, patience=60):
    """Wait for something."""
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A run in which everything happens: the folder, what was printed, and the exit status."""
    folder = tmp_path_factory.mktemp("notebooks")
    meet = (  # ends only if the other runs at the same time
        "other = {other!r} + ' begins'\n"
        "end = time.monotonic() + 60\n"
        "while other not in log.read_text():\n"
        "    assert time.monotonic() < end, 'alone'\n"
        "    time.sleep(0.05)"
    )
    write(folder, "01_a", "1 + 1")
    write(folder, f"{run.FIRST}_first", CARD.format(name=f"{run.FIRST}_first"))
    write(folder, "04_left", meet.format(other="05_right"))
    write(folder, "05_right", meet.format(other="04_left"))
    write(folder, "06_broken", "raise ValueError('no such luck')")
    write(folder, "07_killed", "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(60)")
    write(folder, "08_lesson", "1 + 1")
    write(folder, "08_lab", "1 + 1", lab=True)
    (folder / "97_cut_off.ipynb").write_text("{")
    process = start(folder)
    printed, _ = process.communicate(timeout=400)
    return folder, printed, process.returncode


def test_one_comes_first_and_its_page_is_named(ran):
    folder, printed, _ = ran
    first = f"{run.FIRST}_first"
    assert log(folder)[:2] == [f"{first} begins", f"{first} ends"]
    lines = printed.splitlines()
    page = os.path.relpath(folder / "build" / f"{first}.html", notebooks.ROOT)
    named = next(
        n for n, line in enumerate(lines) if re.match(rf"1 of 9: {re.escape(page)} after \d+ s$", line)
    )
    assert lines[named + 1].startswith("The other 8 follow, 2 at once")


def test_two_run_at_the_same_time(ran):
    assert {"04_left ends", "05_right ends"} <= set(log(ran[0]))


def test_a_lab_waits_for_its_lesson(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path)
    write(tmp_path, "07_other", lab=True)
    write(tmp_path, "08_lesson")
    write(tmp_path, "08_a_lab", lab=True)
    write(tmp_path, "08_b_lab", lab=True)
    build = tmp_path / "build"
    (build / "results").mkdir(parents=True)
    with run.progress([]) as bar:
        this = run.Run(notebooks.all_notebooks(), "quick", build, bar)
    order = []
    while row := this.next():
        order.append(row.name)
        row.state = "running"
        this.jobs[row.name] = run.Job(row, None, 0.0)
    assert order == ["08_lesson", "07_other"]
    del this.jobs["08_lesson"]
    assert this.next().name == "08_a_lab"
    this.next().state = "running"
    assert this.next().name == "08_b_lab"  # labs do not wait for each other


def test_a_failure_stops_no_other_and_is_told(ran):
    folder, printed, status = ran
    assert status == 1
    words = " ".join(printed.split())
    assert "FAILED: cell" in words
    assert "ValueError: no such luck" in words
    assert "FAILED: Notebook does not appear to be JSON" in words
    assert "FAILED: its process ended" in words
    assert "answer 42" in words
    assert "\r" not in printed  # this is no terminal
    assert "Traceback" not in printed
    for name in ("01_a", "04_left", "06_broken", "08_lesson", "08_lab"):
        assert (folder / "build" / f"{name}.html").exists()
        assert (folder / "build" / f"{name}.ipynb").exists()


def test_the_table_is_in_order(ran):
    table = ran[1][ran[1].index("\nnotebook ") :]
    names = re.findall(r"(?m)^(\d\d_\w+)", table)
    assert names == [path.stem for path in sorted(ran[0].glob("*.ipynb"))] + ["08_lab"]


def test_the_index_links_all_pages_at_the_end(ran):
    page = (ran[0] / "build" / "index.html").read_text()
    assert "9 of 9 notebooks" in page
    assert "refresh" not in page
    assert "answer 42" in page


def test_a_stopped_run_keeps_the_pages_that_are_finished_and_no_others(tmp_path):
    write(tmp_path, f"{run.FIRST}_first", "1 + 1")
    write(tmp_path, "04_slow", "import os\nnote(str(os.getpid()))\ntime.sleep(600)")
    write(tmp_path, "05_slow", "time.sleep(600)")
    build = tmp_path / "build"
    build.mkdir()
    for name in ("04_slow.html", "index.html"):
        (build / name).write_text("of an earlier run")
    process = start(tmp_path)
    until(lambda: len([line for line in log(tmp_path) if line.endswith("begins")]) == 3)
    until(lambda: re.search(r"(?m)^04_slow \d+$", (tmp_path / "log").read_text()))
    page = (build / "index.html").read_text()
    assert "1 of 3 notebooks" in page  # readable while the others run
    assert page.count("running") == 2
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=400)
    assert process.returncode == 130
    assert "Traceback" not in printed
    assert sorted(path.name for path in build.glob("*.html")) == [f"{run.FIRST}_first.html", "index.html"]
    assert (build / "index.html").read_text().count("stopped") == 2
    assert f"{run.FIRST}_first" in printed[printed.index("\nnotebook ") :]
    kernel = int(re.search(r"(?m)^04_slow (\d+)$", (tmp_path / "log").read_text())[1])
    until(lambda: not alive(kernel))


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = f"/proc/{pid}/stat"
    return not os.path.exists(stat) or open(stat).read().rsplit(")", 1)[1].split()[0] != "Z"


def test_a_run_leaves_nothing_of_an_earlier_one(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path)
    write(tmp_path, "01_a")
    build = tmp_path / "build"
    (build / "results").mkdir(parents=True)
    for name in ("01_a.html", "01_a.ipynb", "results/01_a.json", "02_b.html"):
        (build / name).write_text("old")
    with run.progress([]) as bar:
        run.Run(notebooks.all_notebooks(), "quick", build, bar)
    assert sorted(path.name for path in build.rglob("*.*")) == ["02_b.html", "index.html"]


@pytest.mark.parametrize(
    ("scale", "cores", "free", "limit", "expected"),
    [
        ("quick", 8, 64e9, None, 8),
        ("quick", 8, 6e9, None, 4),
        ("cpu", 8, 6e9, None, 1),
        ("cpu", 8, 1e9, None, 1),
        ("gpu", 8, 64e9, None, 1),
        ("quick", 8, 64e9, ("8000000000", "5000000000"), 2),
        ("quick", 8, 64e9, ("max", "5000000000"), 8),
    ],
)
def test_as_many_at_once_as_cores_and_memory_allow(
    scale, cores, free, limit, expected, tmp_path, monkeypatch
):
    memory = type("Memory", (), {"available": free})
    monkeypatch.setattr(run, "cores", lambda: cores)
    monkeypatch.setattr(run.psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr(run, "CONTAINER", tmp_path)
    for name, text in zip(("max", "current"), limit or (), strict=False):
        (tmp_path / f"memory.{name}").write_text(text + "\n")
    assert run.at_once(scale) == expected


@pytest.mark.parametrize("jobs", ["0", "-1", "two"])
def test_a_number_of_jobs_that_is_none(jobs, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["run", f"--jobs={jobs}"])
    with pytest.raises(
        SystemExit, match=re.escape(f"JOBS is {jobs!r}; it must be a whole number, 1 or more.")
    ):
        run.main()


def test_cards_are_read_from_the_run(ran):
    card = json.loads((ran[0] / "build" / "results" / f"{run.FIRST}_first.json").read_text())
    assert card["results"][0]["value"] == 42


def test_one_notebook_is_chosen(tmp_path):
    write(tmp_path, "06_a", "1 + 1")
    write(tmp_path, "07_b", "1 + 1")
    write(tmp_path, "06_lab", "1 + 1", lab=True)
    for options, name in ((["--notebook", "06"], "06_a"), (["--lab", "06", "--scale", "cpu"], "06_lab")):
        printed, _ = start(tmp_path, *options, jobs="").communicate(timeout=400)
        assert f"1 of 1: {os.path.relpath(tmp_path / 'build' / name, notebooks.ROOT)}.html" in printed
        assert log(tmp_path)[-1] == f"{name} ends"
    assert not any(line.startswith("07_b") for line in log(tmp_path))
