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
import subprocess
import sys
from pathlib import Path

colab = "google.colab" in sys.modules
asked = os.environ.get("UNROLLED_ROOT") or ("/content/unrolled" if colab else ".")
place = Path(os.path.expanduser(asked)).resolve()
if colab and not place.exists():  # the clone has another name until it is whole
    clone = 'rm -rf "$0.part" && git clone -q --depth=1 "$1" "$0.part" && mv "$0.part" "$0"'
    subprocess.run(["sh", "-c", clone, place, "https://github.com/{repository}"], check=True)
root = next((path for path in [place, *place.parents] if (path / "utils/environment.py").is_file()), None)
if root is None:
    raise FileNotFoundError(f"{{place}} is not in the project: open the notebook there or set UNROLLED_ROOT.")
sys.path.insert(0, str(root))
from utils.environment import prepare

prepare({devices})"""
CPU_DEVICES = {"19_more_devices": "devices=2"}  # lessons that want TensorFlow to see more than one


def repository() -> str:
    """owner/name, as pyproject.toml states it."""
    match = STATED.search(PYPROJECT.read_text(encoding="utf-8"))
    if match is None:
        raise ValueError('pyproject.toml has no line Repository = "https://github.com/owner/name".')
    return match[1]


def setup_cell(stem: str = "") -> str:
    """The setup cell that stands in every notebook; `stem` is the notebook's name without its ending."""
    return SETUP.format(repository=repository(), devices=CPU_DEVICES.get(stem, ""))


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
