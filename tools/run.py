"""`make run`: execute notebooks, write pages to read, end with a table of results.

One lesson first, so that there is something to look at within the first minute. Then the others, each in a
process of its own, as many at once as cores and memory allow; the page `index.html` links what is ready.
"""

import argparse
import contextlib
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import psutil
from tabulate import tabulate
from tqdm import tqdm

from tools import notebooks
from tools.pages import HEADERS, Row, index, write_page
from utils.environment import cores
from utils.folders import NoFolder, build_folder

FIRST = "03"  # the lesson that a newcomer sees first: short, and drawn gate by gate
MEMORY = {"quick": 1.5e9, "cpu": 4e9, "gpu": 8e9}  # bytes that a notebook may need at each scale
CONTAINER = Path("/sys/fs/cgroup")  # where Linux tells a container how much memory it may use


def run(
    path: Path, scale: str, build: Path, written: Sequence[str], pipe: Connection
) -> tuple[str, str, str]:
    """Execute one notebook and write its copy and page; data, headline result and published one.

    Args:
        path: of the notebook.
        scale: "quick", "cpu" or "gpu".
        build: the build folder.
        written: the names of all notebooks of this run, for the links between pages.
        pipe: is told the heading and the id of each cell when it starts.
    """
    notebook = notebooks.load(path)

    def show(heading: str, cell_id: str) -> None:
        pipe.send((heading, cell_id))

    try:
        notebooks.execute(notebook, folder=path.parent, scale=scale, build=build, on_cell=show)
    finally:
        notebooks.save(notebook, build / path.name)
        write_page(notebook, build / f"{path.stem}.html", written)
    card = notebooks.read_json(build / "results" / f"{path.stem}.json")
    return (notebooks.data_used(card), *notebooks.headline(card)) if card else ("?", "no result card", "-")


def work(path: Path, scale: str, build: Path, written: Sequence[str], pipe: Connection) -> None:
    """What a process does: one notebook. Its last message is "done" or "failed", and what the table says."""
    if hasattr(os, "setsid"):  # else Ctrl-C would reach it, too, which is the parent's to answer
        os.setsid()
    # notebooks that run side by side share a GPU: none may take all of its memory
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    try:
        pipe.send(("done", run(path, scale, build, written, pipe)))
    except Exception as error:  # whatever it is, the table says it
        lines = str(error).strip().splitlines() or [type(error).__name__]
        pipe.send(("failed", ("?", f"FAILED: {lines[0][:150]}", "-")))


def memory() -> float:
    """How many bytes are free, on the machine or in the container that this runs in."""
    free = psutil.virtual_memory().available
    with contextlib.suppress(OSError, ValueError):  # no container, or no limit
        most, used = (float((CONTAINER / f"memory.{name}").read_text()) for name in ("max", "current"))
        free = min(free, most - used)
    return free


def at_once(scale: str) -> int:
    """How many notebooks may run at the same time: one per core, as far as the memory lasts.

    At gpu scale one: they would share one GPU.
    """
    return 1 if scale == "gpu" else max(1, min(cores(), int(memory() // MEMORY[scale])))


@dataclass
class Job:
    """A notebook that runs.

    Attributes:
        row: what the table and the page say of it.
        process: in which it runs.
        start: when, in seconds of `time.perf_counter`.
        cells: how many of its cells have begun.
        heading: what the last of them stands under.
    """

    row: Row
    process: Any
    start: float
    cells: int = 0
    heading: str = ""


class Run:
    """Notebooks that are executed, and what is shown of it: a bar or lines, the index, the table.

    Attributes:
        rows: of all notebooks, in order.
    """

    def __init__(self, paths: Sequence[Path], scale: str, build: Path, bar: tqdm) -> None:
        self.paths = {path.stem: path for path in paths}
        self.scale, self.build, self.bar = scale, build, bar
        self.rows = [Row(path.stem, headline(path)) for path in paths]
        self.jobs: dict[Connection, Job] = {}
        # a clean process from which the others branch off, ready to work
        methods = multiprocessing.get_all_start_methods()
        self.context: Any = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
        if "forkserver" in methods:
            self.context.set_forkserver_preload(["tools.pages"])
        for row in self.rows:
            self.forget(row)  # what an earlier run left would pass for this one's
        self.write_index()

    def forget(self, row: Row) -> None:
        """Remove what a run of a notebook has written."""
        for name in (f"results/{row.name}.json", f"{row.name}.ipynb", f"{row.name}.html"):
            (self.build / name).unlink(missing_ok=True)

    def write_index(self) -> None:
        """Bring the page that links the others up to date."""
        part = self.build / "index.part"
        part.write_text(index(self.rows), encoding="utf-8")
        part.replace(self.build / "index.html")

    def page(self, name: str) -> str:
        """Where a page is, for the terminal."""
        return os.path.relpath(self.build / f"{name}.html")

    def say(self, line: str) -> None:
        """A line above the bar."""
        self.bar.write(line, file=sys.stdout)
        sys.stdout.flush()

    def begin(self, row: Row) -> None:
        ours, theirs = self.context.Pipe(duplex=False)
        path = self.paths[row.name]
        arguments = (path, self.scale, self.build, tuple(self.paths), theirs)
        process = self.context.Process(target=work, args=arguments, daemon=True)
        row.state = "running"
        self.jobs[ours] = Job(row, process, time.perf_counter())
        process.start()
        theirs.close()
        self.write_index()

    def next(self) -> Row | None:
        """The next that may begin: a lab waits for its lesson, whose network it may go on from."""
        running = {job.row.name for job in self.jobs.values()}
        for row in self.rows:
            path = self.paths[row.name]
            before = [name for name in running if notebooks.is_lab(path) and name[:2] == row.name[:2]]
            before = [name for name in before if not notebooks.is_lab(self.paths[name])]
            if row.state == "waiting" and not before:
                return row
        return None

    def execute(self, most: int) -> None:
        """Execute the one that a newcomer sees first, then all others, so many at once."""
        if len(self.rows) > 1:
            first = next((row for row in self.rows if row.name.startswith(FIRST)), self.rows[0])
            self.begin(first)
            self.listen()
            links, others = self.page("index"), len(self.rows) - 1
            self.say(f"The other {others} follow, {most} at once; {links} links what is ready.")
        while any(row.state == "waiting" for row in self.rows):
            while len(self.jobs) < most and (row := self.next()):
                self.begin(row)
            self.listen(len(self.jobs) - 1)
        self.listen()

    def listen(self, most: int = 0) -> None:
        """Wait until no more than so many run."""
        while len(self.jobs) > most:
            for pipe in wait(list(self.jobs)):
                self.hear(pipe)  # type: ignore[arg-type]

    def hear(self, pipe: Connection) -> None:
        """Take in what a process says, or that it has ended."""
        job = self.jobs[pipe]
        try:
            said, what = pipe.recv()
        except (EOFError, OSError):
            said, what = "failed", ("?", "FAILED: its process ended (out of memory, or killed)", "-")
        if isinstance(what, tuple):
            self.end(pipe, said, what)
            return
        job.cells += 1
        self.bar.update()
        if self.bar.disable and said != job.heading:  # not a terminal: a line for each part
            self.say(f"{job.row.name}: {said}")
        job.heading = said
        running = [f"{job.row.name[:2]} {job.heading}" for job in self.jobs.values()]
        self.bar.set_postfix_str(" | ".join(running)[:90])

    def end(self, pipe: Connection, state: str, what: tuple[str, str, str]) -> None:
        job = self.jobs.pop(pipe)
        pipe.close()
        job.process.join()
        data, result, published = what
        job.row.state = state
        seconds = f"{time.perf_counter() - job.start:.0f}"
        job.row.cells = (self.scale, data, seconds, result, published)
        self.bar.update(count_cells(self.paths[job.row.name]) - job.cells)  # those that a failure left out
        self.write_index()
        done = sum(row.state in ("done", "failed") for row in self.rows)
        page = self.page(job.row.name)
        how = f"after {seconds} s" if state == "done" else f"FAILED after {seconds} s"
        self.say(f"{done} of {len(self.rows)}: {page} {how}")

    def stop(self) -> None:
        """End what runs; finished pages stay, unfinished ones do not."""
        self.say(f"Stopped. {len(self.jobs)} that were running are given up.")
        for job in self.jobs.values():
            job.process.terminate()
        for pipe, job in self.jobs.items():
            job.process.join(20)
            job.process.kill()
            pipe.close()
            self.forget(job.row)
        self.jobs.clear()
        for row in self.rows:
            if row.state in ("waiting", "running"):
                row.state = "stopped"
        self.write_index()

    def table(self) -> str:
        """What came out, of those that were executed."""
        rows = [[row.name, *row.cells] for row in self.rows if row.state in ("done", "failed")]
        widths = [None, None, 30, None, 50, 40]
        return tabulate(rows, headers=HEADERS, disable_numparse=True, maxcolwidths=widths if rows else None)


def headline(path: Path) -> str:
    """The title of a notebook; its name, if the file cannot be read."""
    try:
        return notebooks.title(notebooks.load(path))
    except Exception:  # a file that is no notebook fails when it is run
        return path.stem


def count_cells(path: Path) -> int:
    """Cells of a file; none in one that is not JSON."""
    return path.read_text(encoding="utf-8").count('"cell_type":')


@contextlib.contextmanager
def progress(paths: Sequence[Path]) -> Iterator[tqdm]:
    """A bar over the cells of all notebooks; where there is no terminal, it is not shown."""
    form = "{l_bar}{bar:20}|{postfix}"
    total = sum(map(count_cells, paths))
    with tqdm(total=total, file=sys.stdout, bar_format=form, disable=None) as bar:
        yield bar


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", choices=("quick", "cpu", "gpu"), default="quick")
    parser.add_argument("--jobs", default="", help="how many at once; as many as cores and memory allow")
    notebooks.add_choice(parser)
    options = parser.parse_args()
    if options.jobs and not (options.jobs.isdecimal() and int(options.jobs)):
        sys.exit(f"JOBS is {options.jobs!r}; it must be a whole number, 1 or more.")
    paths = notebooks.all_notebooks(options.notebook, options.lab)
    try:
        build = build_folder()
    except NoFolder as error:
        sys.exit(str(error))
    (build / "results").mkdir(exist_ok=True)
    most = int(options.jobs or at_once(options.scale))
    with progress(paths) as bar:
        this = Run(paths, options.scale, build, bar)
        try:
            this.execute(most)
        except KeyboardInterrupt:
            this.stop()
    print(this.table())
    print(f"\nTo read them: {this.page('index')}")
    states = {row.state for row in this.rows}
    return 130 if "stopped" in states else 1 if "failed" in states else 0


if __name__ == "__main__":
    sys.exit(main())
