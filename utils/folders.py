"""Where things are read from and written to: paths as readers write them, and the build folder.

Not here: which file of the data is wanted, and from where (`fetch`). Only Python's standard library is used.
"""

import os
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class NoFolder(RuntimeError):
    """A folder cannot be found or written to; the message says what to do."""


def expanded(named: str | Path) -> Path:
    """A path in which `~` at the start is replaced by the home folder that it means.

    Raises:
        NoFolder: there is no such home folder: no user of that name, or the variable HOME is missing.
    """
    path = Path(os.path.expanduser(named))
    if not str(path).startswith("~"):
        return path
    raise NoFolder(f"{str(named)!r} begins with a home folder that does not exist; write the whole path.")


def build_folder(*parts: str) -> Path:
    """A folder for what a run leaves behind, made if it does not exist.

    Args:
        parts: names of folders below `UNROLLED_BUILD`, or `build/` of the project if that is unset.

    Returns:
        The absolute path.

    Raises:
        NoFolder: it cannot be made or written to.
    """
    named = os.environ.get("UNROLLED_BUILD")
    try:
        folder = (expanded(named) if named else ROOT / "build").resolve().joinpath(*parts)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except NoFolder as error:
        raise NoFolder(f"UNROLLED_BUILD is of no use: {error}") from error
    except OSError as error:
        raise NoFolder(
            f"{folder} cannot be written to ({error.strerror}). Set UNROLLED_BUILD to a folder of yours."
        ) from error


def settle_build() -> None:
    """Find out before the work begins, not after it, where its results can be written.

    If the project is read-only, a temporary folder takes the place of `build/` for this process and those
    that it starts, and a line says so.

    Raises:
        NoFolder: `UNROLLED_BUILD` is set to what cannot be written to.
    """
    try:
        build_folder()
    except NoFolder as error:
        if os.environ.get("UNROLLED_BUILD"):
            raise
        os.environ["UNROLLED_BUILD"] = tempfile.mkdtemp(prefix="unrolled-")
        print(f"{error} Until then it is {os.environ['UNROLLED_BUILD']}, which the system will remove.")
