"""The project's web address, stated in pyproject.toml, and what is made of it; tools.move writes another."""

import re
from pathlib import Path

from tools import notebooks

PYPROJECT = notebooks.ROOT / "pyproject.toml"
STATED = re.compile(r'(?m)^Repository = "https://github\.com/([\w.-]+/[\w.-]+)"$')
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"

SETUP = """\
# @title Set-up: finds the project; on Colab, fetches it
import os
import shutil
import subprocess
import sys
from pathlib import Path

colab, mark = "google.colab" in sys.modules, Path("utils", "environment.py")
home, asked = Path("/content/unrolled"), os.environ.get("UNROLLED_ROOT")
if colab and not (home / mark).is_file():
    part = home.with_suffix(".part")  # the name of a clone until it is whole
    for folder in (home, part):
        shutil.rmtree(folder, ignore_errors=True)
    address = "https://github.com/{repository}"
    subprocess.check_call(["git", "clone", "-q", "--depth=1", address, part])
    part.rename(home)
places = [Path(asked).expanduser()] if asked else [home] if colab else [Path.cwd(), *Path.cwd().parents]
root = next((place.resolve() for place in places if (place / mark).is_file()), None)
if root is None:
    message = f"{{asked or Path.cwd()}} is not in the project: open the notebook there, or set UNROLLED_ROOT."
    raise FileNotFoundError(message)
if colab:  # the small packages that Colab lacks
    subprocess.check_call([sys.executable, "-m", "pip", "install", "-qr", root / "requirements-colab.txt"])
sys.path.insert(0, str(root))
from utils.environment import prepare

prepare()"""


def repository() -> str:
    """owner/name, as pyproject.toml states it."""
    match = STATED.search(PYPROJECT.read_text(encoding="utf-8"))
    if match is None:
        raise ValueError('pyproject.toml has no line Repository = "https://github.com/owner/name".')
    return match[1]


def setup_cell() -> str:
    """The setup cell that stands in every notebook."""
    return SETUP.format(repository=repository())


def inside(path: Path) -> str:
    """Where a notebook is in the folder of notebooks."""
    return f"labs/{path.name}" if notebooks.is_lab(path) else path.name


def colab(path: Path) -> str:
    """Where Colab opens a notebook."""
    return f"https://colab.research.google.com/github/{repository()}/blob/main/notebooks/{inside(path)}"


def badge(path: Path) -> str:
    """The last line of a notebook's title cell."""
    return f"[![Open in Colab]({BADGE})]({colab(path)})"


def disagreeing(text: str) -> set[str]:
    """Addresses in a text that mean this project and are not the stated one; others' are welcome."""
    stated = repository()
    opened = set(re.findall(r"colab\.research\.google\.com/github/([\w.-]+/[\w.-]+)", text))
    named = set(re.findall(r"github\.com/([\w.-]+/[\w-]+)", text))
    name = stated.split("/")[1]
    return {a for a in opened | named if a != stated and (a in opened or a.split("/")[1] == name)}
