"""`make matrix`: tests and notebooks at quick scale on the sets of packages that users have.

colab   what Colab has installed, and on top of it only what the notebooks' set-up cell installs
lowest  the oldest Python and the lowest versions that the requirements allow
newest  the newest Python and the newest versions that they allow
beyond  the same without upper bounds, to see what is coming; only run when it is asked for

`lowest:short` runs the tests and the notebooks of `SHORT` only. Each set gets an environment in the user's
cache folder, named by a hash of what is in it; it is made anew when that changes, and `newest` each week.
This file and what it imports need nothing but Python's standard library.
"""

import datetime
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from utils.folders import ROOT, expanded

SHORT = ("05", "07")  # their masks are what older versions of Keras lose
COLAB = (  # its own list of August 2026
    "tensorflow==2.20.0", "keras==3.13.2", "numpy==2.1.3", "matplotlib==3.10.0", "pillow",
    "ipython==7.34.0", "ipykernel==6.17.1", "ipywidgets==7.7.1", "jupyter_client==7.4.9", "traitlets==5.7.1",
)  # fmt: skip
STYLE_AND_READING = ("mypy", "ruff", "jupyterlab")  # tests and notebooks run without


@dataclass(frozen=True)
class Set:
    """A Python and what is installed into it.

    Attributes:
        pythons: versions, the first one found is taken.
        packages: requirements as pip takes them.
        period: names the span of time after which the environment is made anew.
    """

    pythons: tuple[str, ...]
    packages: tuple[str, ...]
    period: str = ""


def requirements(name: str) -> list[str]:
    """The requirements that a file states, without comments and without the files that it names."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    stated = [line.split("#")[0].strip() for line in lines]
    return [line for line in stated if line and not line.startswith("-")]


def sets() -> dict[str, Set]:
    """All sets by their names."""
    colab = requirements("requirements-colab.txt")
    every = [r for r in requirements("requirements.txt") if not r.startswith(STYLE_AND_READING)]
    pinned = {re.split(r"[=<>]", package)[0] for package in COLAB}
    testing = [r for r in every if re.split(r"[=<>]", r)[0] not in pinned]
    lowest = [re.sub(r">=([\d.]+).*", r"==\1", requirement) for requirement in [*colab, *every]]
    beyond = [re.sub(r",?<\d+(\.\d+)*", "", requirement) for requirement in [*colab, *every]]
    year, week, _ = datetime.date.today().isocalendar()
    return {
        "colab": Set(("3.13", "3.12", "3.11"), (*COLAB, *colab, *testing)),
        "lowest": Set(("3.10",), tuple(lowest)),
        "newest": Set(("3.13",), (*colab, *every), period=f"{year}-{week}"),
        "beyond": Set(("3.13",), tuple(beyond), period=f"{year}-{week}"),
    }


def find_python(versions: tuple[str, ...]) -> Path | None:
    """The first of these Pythons that runs: on the PATH, or among pyenv's."""
    pyenv = Path(os.path.expanduser(os.environ.get("PYENV_ROOT") or "~/.pyenv")) / "versions"
    for version in versions:
        found = shutil.which(f"python{version}")
        built = sorted(pyenv.glob(f"{version}.*/bin/python"), key=lambda path: path.parts[-3])
        for path in [*([Path(found)] if found else []), *reversed(built)]:
            asked = "import sys; print('%d.%d' % sys.version_info[:2])"
            ran = subprocess.run([path, "-c", asked], capture_output=True, text=True, check=False)
            if ran.stdout.strip() == version:  # pyenv's stand-ins answer with an error
                return path
    return None


def cache_folder() -> Path:
    """Where environments are kept between runs."""
    cache = os.environ.get("UNROLLED_CACHE") or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return expanded(cache).absolute() / "unrolled-matrix"


def environment(name: str, chosen: Set, python: Path) -> Path:
    """The folder of a set's environment, made if it is not there whole.

    Raises:
        subprocess.CalledProcessError: it could not be installed; pip says why.
    """
    version = subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout
    content = "\n".join([version, chosen.period, *chosen.packages])
    folder = cache_folder() / f"{name}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
    whole = folder / "whole"
    if not whole.exists():
        for old in cache_folder().glob(f"{name}-*"):
            shutil.rmtree(old)
        print(f"{name}: installing for {version.strip()} ...", flush=True)
        subprocess.run([python, "-m", "venv", folder], check=True)
        pip = ["-m", "pip", "--disable-pip-version-check", "install", "--quiet", *chosen.packages]
        subprocess.run([folder / "bin" / "python", *pip], check=True)
        whole.touch()
    return folder


def versions(folder: Path) -> str:
    """The versions in an environment of what matters most."""
    names = ["tensorflow", "keras", "numpy", "matplotlib", "ipython"]
    ask = f"from importlib.metadata import version\nfor name in {names}: print(name, version(name))"
    ran = subprocess.run([folder / "bin" / "python", "-c", ask], capture_output=True, text=True, check=True)
    return ", ".join(ran.stdout.splitlines())


def run(name: str, chosen: Set, short: bool) -> tuple[bool, str]:
    """Whether a set's tests and notebooks pass, and a sentence that says so."""
    python = find_python(chosen.pythons)
    if python is None:
        return True, f"NOT RUN: there is no Python {' or '.join(chosen.pythons)} here"
    start = time.perf_counter()
    try:
        folder = environment(name, chosen, python)
    except subprocess.CalledProcessError:
        return False, "FAILED: it could not be installed"
    installed = time.perf_counter() - start
    print(f"{name}: {versions(folder)}", flush=True)
    command = ["make", "--no-print-directory", "pytest", f"BIN={folder / 'bin'}"]
    if short:
        found = [str(path) for n in SHORT for path in ROOT.glob(f"notebooks/{n}_*.ipynb")]
        command.append(f"TESTED=tests {' '.join(os.path.relpath(path, ROOT) for path in found)}")
    ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    closing = ran.stdout.strip().splitlines()[-1].strip("= ") if ran.stdout.strip() else "it printed nothing"
    if ran.returncode:
        print(ran.stdout)
    what = "tests, notebooks " + " and ".join(SHORT) if short else "tests, all notebooks"
    version = folder.joinpath("pyvenv.cfg").read_text(encoding="utf-8")
    number = re.search(r"(?m)^version = (.+)$", version)
    said = f"{'FAILED' if ran.returncode else 'passed'}: {what}: {closing}; installed in {installed:.0f} s"
    return not ran.returncode, f"Python {number[1] if number else '?'}, {versions(folder)}\n    {said}"


def main(wanted: list[str]) -> int:
    """Run the sets named, e.g. `colab lowest:short`, or all; the exit status."""
    known = sets()
    for want in wanted:
        if want.removesuffix(":short") not in known:
            sys.exit(f"There is no set {want!r}. There are: {', '.join(known)}, each also as NAME:short.")
    said, passed = [], True
    for want in wanted or [name for name in known if name != "beyond"]:
        name = want.removesuffix(":short")
        right, sentence = run(name, known[name], short=want != name)
        said.append(f"{name}: {sentence}")
        passed = passed and right
    print("\n".join(said))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
