"""What nbval leaves open; pytest loads it by `-p tools.nbval.plugin`.

A cell that fails stops its notebook, and a dead kernel is noticed at once. After each cell with a gap its
wrong answers and its solution run as tests of their own, in the same kernel; after one that saves a network
in a file, a fresh process must give the same answer with it. At quick scale on the samples what each cell
made is compared with the record of its notebook.
"""

import ast
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from nbformat import NotebookNode

try:
    from nbval.kernel import RunningKernel
    from nbval.plugin import IPyNbCell, IPyNbFile
except ImportError as error:  # pragma: no cover
    raise pytest.UsageError("nbval is not installed; run the notebooks with `make test`") from error

from tools import exercises, notebooks
from tools.nbval import record
from tools.nbval.fresh import FRESH

LOOK_EVERY = 1.0  # seconds between two looks at whether the kernel lives

take_message = RunningKernel.get_message
wait_for_reply, collect_cells = RunningKernel.await_reply, IPyNbFile.collect
start_kernel = IPyNbFile.setup


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--wrong-answers", default=exercises.WRONG_ANSWERS, help="file of the wrong answers")
    parser.addoption("--records", default=notebooks.RECORDS, help="folder of the records to compare with")
    parser.addoption("--record-to", help="folder for what each cell makes; nothing is compared then")


def await_reply(self: RunningKernel, msg_id: str, timeout: float | None = None) -> None:
    """nbval's method, in slices: it would wait for a dead kernel until the cell's time is over."""
    deadline = time.monotonic() + (float("inf") if timeout is None else timeout)
    while True:
        try:
            return wait_for_reply(self, msg_id, timeout=LOOK_EVERY)
        except Empty:
            if not self.is_alive():
                raise RuntimeError("The kernel died in this cell (out of memory, or a crash).") from None
            if time.monotonic() > deadline:
                raise


def execute_cell_input(self: RunningKernel, cell_input: str, allow_stdin: bool | None = None) -> str:
    """nbval's method; after the cell the kernel evaluates `self.expression`, if it is there."""
    expression = self.__dict__.pop("expression", None)
    return self.kc.execute(
        cell_input, store_history=False, allow_stdin=allow_stdin, stop_on_error=False,
        user_expressions={"record": expression} if expression else None,
    )  # fmt: skip


def get_message(self: RunningKernel, stream: str, timeout: float | None = None) -> dict[str, Any]:
    """nbval's method; what the kernel has evaluated is kept in `self.evaluated`."""
    message = take_message(self, stream, timeout)
    if message["msg_type"] == "execute_reply":
        self.evaluated = message["content"].get("user_expressions", {}).get("record")
    return message


RunningKernel.await_reply = await_reply
RunningKernel.execute_cell_input = execute_cell_input
RunningKernel.get_message = get_message


class Answer(IPyNbCell):
    """A source that no cell holds, e.g. an answer to an exercise in place of the cell with its gap."""

    begins = ""  # how a line of what the check prints must begin


def answer(before: IPyNbCell, what: str, source: str, begins: str) -> Answer:
    cell = NotebookNode(cell_type="code", source=source, outputs=[], metadata={}, execution_count=None)
    made = Answer.from_parent(
        before.parent,
        name=f"{before.name}, {what}",
        cell_num=before.cell_num,
        cell=cell,
        options=defaultdict(bool),
    )
    made.begins = begins
    return made


def collect(self: IPyNbFile) -> Iterator[pytest.Item]:
    """nbval's method, with wrong answers and the solution after each gap, a fresh process after a file."""
    wrong = exercises.wrong_answers(Path(self.config.getoption("--wrong-answers")))
    for item in collect_cells(self):
        yield item
        asked = FRESH.get((self.path.stem[:2], item.cell.id))
        if asked is not None and not notebooks.is_lab(self.path):
            yield answer(item, "in a fresh process", asked, "right")
        for number, gap in exercises.gaps(self.nb).items():
            if gap is item.cell:
                solution = exercises.solution(self.nb, number)
                for k, told in enumerate(wrong.get((self.path.stem[:2], number), []), 1):
                    source = f"{told}\n\n{exercises.behind(gap.source)}"
                    yield answer(item, f"wrong answer {k}", source, "wrong: ")
                if solution is not None:
                    yield answer(item, "solution", solution, "right")


def setup(self: IPyNbFile) -> None:
    """nbval's method; at quick scale each notebook has a build folder of its own.

    Otherwise it would go on with what another has trained, and what it makes would depend on their order.
    """
    folder = os.environ.get("UNROLLED_BUILD")
    if folder and os.environ.get("UNROLLED_SCALE") == "quick":
        with notebooks.environment(UNROLLED_BUILD=str(Path(folder, self.path.stem))):
            start_kernel(self)
    else:
        start_kernel(self)


IPyNbFile.collect, IPyNbFile.setup = collect, setup


def record_file(item: IPyNbCell) -> Path:
    return Path(item.config.getoption("--records"), f"{item.path.stem}.json")


def is_recorded(item: pytest.Item) -> bool:
    """Whether an item is a cell of a notebook with a record, at quick scale on the samples."""
    if not isinstance(item, IPyNbCell) or isinstance(item, Answer):
        return False
    quick = os.environ.get("UNROLLED_SCALE") == "quick" and os.environ.get("UNROLLED_DATA") == "sample"
    stored = record_file(item).exists() and not other_versions(item.config)
    return quick and bool(item.config.getoption("--record-to") or stored)


def other_versions(config: pytest.Config) -> str:
    """With what the records were made, if other versions are installed; what is trained differs with them."""
    file = Path(config.getoption("--records"), "VERSIONS")
    made = file.read_text(encoding="utf-8").strip() if file.exists() else ""
    return "" if made in ("", notebooks.main_versions()) else made


def pytest_report_header(config: pytest.Config) -> str | None:
    made = other_versions(config)
    return f"records are not compared: they were made with {made}" if made else None


def ask(item: IPyNbCell) -> None:
    """Ask the kernel to say what the cell has made."""
    module = "__import__('tools.nbval.record', fromlist=['look'])"
    item.parent.kernel.expression = f"{module}.look(globals(), {record.names(item.cell.source)})"


def made(item: IPyNbCell) -> dict[str, record.Leaf]:
    """What the cell has made, as the kernel said, and what it has shown."""
    said = item.parent.kernel.evaluated
    if said is None or said["status"] != "ok":
        raise AssertionError(f"What this cell made cannot be told: {said}")
    return json.loads(ast.literal_eval(said["data"]["text/plain"])) | record.printed(item.test_outputs)


def keep_or_compare(item: IPyNbCell) -> None:
    """Keep what a cell made, if that is asked for; compare it with the record, if not."""
    stored, found = item.parent.__dict__.setdefault("made", {}), made(item)
    stored[item.cell.id] = found
    folder = item.config.getoption("--record-to")
    if folder:
        Path(folder, f"{item.path.stem}.json").write_text(json.dumps(stored), encoding="utf-8")
        return
    lines = record.compare(notebooks.read_json(record_file(item)).get(item.cell.id, {}), found)
    how = f"This is not what was recorded; if it is meant: make record {notebooks.choice(item.path)}"
    assert not lines, "\n".join([how, *lines])


def printed(item: IPyNbCell) -> list[str]:
    """The lines that a cell has printed in this run."""
    streams = (output for output in item.test_outputs if output.output_type == "stream")
    return [line for output in streams for line in output.text.splitlines()]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    """What nbval does not look at: an error that must come, what an exercise's check says, the record."""
    if isinstance(item, IPyNbCell) and is_recorded(item):
        ask(item)
        if item.config.getoption("--record-to"):
            item.options["check"] = False  # a run that is to be recorded may differ
    result = yield
    if not isinstance(item, IPyNbCell):
        return result
    if item.options["check_exception"]:
        assert any(o.output_type == "error" for o in item.test_outputs), "This cell no longer raises."
    gap = "exercise" in item.cell.metadata.get("tags", [])
    begins = "not yet" if gap else item.begins if isinstance(item, Answer) else ""
    if begins:
        lines = printed(item)
        said = "; ".join(lines) or "nothing"
        assert any(line.startswith(begins) for line in lines), f"It must say {begins!r} and says: {said}"
        assert "your answer raises" not in said, f"An answer that is tried must not raise: {said}"
    if is_recorded(item) and not item.options["check_exception"]:
        keep_or_compare(item)
    return result


def pytest_runtest_makereport(item: pytest.Item, call: Any) -> None:
    """Remember the first cell of a notebook that did not run; one that ran and is wrong stops nothing."""
    if isinstance(item, IPyNbCell) and call.excinfo and not call.excinfo.errisinstance(pytest.skip.Exception):
        ran = "outputs differ" in str(call.excinfo.value) or call.excinfo.errisinstance(AssertionError)
        if not (ran or isinstance(item, Answer) or hasattr(item.parent, "stopped_at")):
            item.parent.stopped_at = item.name


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what comes after a cell that failed: it would only fail because of it."""
    stopped_at = getattr(item.parent, "stopped_at", None)
    if stopped_at is not None:
        pytest.skip(f"{stopped_at} of this notebook failed")
