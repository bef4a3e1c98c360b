"""The project's web address, stated in pyproject.toml, and what is made of it; tools.move writes another."""

import re
from pathlib import Path

from tools import notebooks

PYPROJECT = notebooks.ROOT / "pyproject.toml"
STATED = re.compile(r'(?m)^Repository = "https://github\.com/([\w.-]+/[\w.-]+)"$')
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"

SETUP = """\
import os
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow tells errors only
root = Path("..").resolve()
if "google.colab" in sys.modules:  # Colab: fetch the project, and the small packages it lacks
    root = Path("/content/unrolled")
    if not root.exists():
        address = "https://github.com/{repository}"
        subprocess.run(["git", "clone", "-q", "--depth=1", address, root], check=True)
    needed = root / "requirements-colab.txt"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "-r", needed], check=True)
sys.path.insert(0, str(root))"""


def repository() -> str:
    """owner/name, as pyproject.toml states it."""
    match = STATED.search(PYPROJECT.read_text(encoding="utf-8"))
    if match is None:
        raise ValueError('pyproject.toml has no line Repository = "https://github.com/owner/name".')
    return match[1]


def setup_cell() -> str:
    """The setup cell that stands in every notebook."""
    return SETUP.format(repository=repository())


def colab(path: Path) -> str:
    """Where Colab opens a notebook."""
    inside = f"labs/{path.name}" if notebooks.is_lab(path) else path.name
    return f"https://colab.research.google.com/github/{repository()}/blob/main/notebooks/{inside}"


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
