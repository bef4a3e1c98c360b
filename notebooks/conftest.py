"""What nbval leaves open: a cell that fails stops its notebook, and a dead kernel is noticed at once."""

import time
from queue import Empty
from typing import Any

import pytest

try:
    from nbval.kernel import RunningKernel
    from nbval.plugin import IPyNbCell
except ImportError as error:  # pragma: no cover
    raise pytest.UsageError("nbval is not installed; run the notebooks with `make test`") from error

LOOK_EVERY = 1.0  # seconds between two looks at whether the kernel lives

wait_for_reply = RunningKernel.await_reply


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


RunningKernel.await_reply = await_reply


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    """A cell that shows an error must still raise it; nbval does not look when outputs are not compared."""
    result = yield
    if isinstance(item, IPyNbCell) and item.options["check_exception"]:
        assert any(o.output_type == "error" for o in item.test_outputs), "This cell no longer raises."
    return result


def pytest_runtest_makereport(item: pytest.Item, call: Any) -> None:
    """Remember the first cell of a notebook that did not run; one whose output differs did run."""
    if isinstance(item, IPyNbCell) and call.excinfo and not call.excinfo.errisinstance(pytest.skip.Exception):
        ran = "outputs differ" in str(call.excinfo.value)
        if not ran and not hasattr(item.parent, "stopped_at"):
            item.parent.stopped_at = item.name


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what comes after a cell that failed: it would only fail because of it."""
    stopped_at = getattr(item.parent, "stopped_at", None)
    if stopped_at is not None:
        pytest.skip(f"{stopped_at} of this notebook failed")
