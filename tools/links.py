"""`make links REPO=owner/name`: the project's web address, stated in pyproject.toml, written everywhere."""

import argparse
import re
import sys
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
home = Path("/content/unrolled")
if colab and not (home / mark).is_file():
    part = home.with_suffix(".part")  # the name of a clone until it is whole
    for folder in (home, part):
        shutil.rmtree(folder, ignore_errors=True)
    address = "https://github.com/{repository}"
    subprocess.run(["git", "clone", "-q", "--depth=1", address, part], check=True)
    part.rename(home)
asked = os.environ.get("UNROLLED_ROOT")
places = [Path(asked).expanduser()] if asked else [home] if colab else [Path.cwd(), *Path.cwd().parents]
root = next((place.resolve() for place in places if (place / mark).is_file()), None)
if root is None:
    message = f"{{asked or Path.cwd()}} is not in the project: open the notebook there, or set UNROLLED_ROOT."
    raise FileNotFoundError(message)
if colab:  # the small packages that Colab lacks
    needed = root / "requirements-colab.txt"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "-r", needed], check=True)
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


def colab(path: Path) -> str:
    """Where Colab opens a notebook."""
    return f"https://colab.research.google.com/github/{repository()}/blob/main/notebooks/{path.name}"


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


def write(new: str) -> None:
    """State a new address and write it into every notebook and the README."""
    from tools import readme  # here, because readme needs this module

    old = re.compile(rf"(github(?:\.com)?/){re.escape(repository())}(?![\w-])")
    text = PYPROJECT.read_text(encoding="utf-8")
    PYPROJECT.write_text(STATED.sub(f'Repository = "https://github.com/{new}"', text), encoding="utf-8")
    for path in notebooks.all_notebooks():
        notebook = notebooks.load(path)
        fresh = notebook.metadata.get("unrolled", {}).get("code_sha256") == notebooks.code_hash(notebook)
        for cell in notebook.cells:
            cell.source = old.sub(rf"\g<1>{new}", cell.source)
        setup, title = notebooks.find(notebook, "setup"), notebooks.find(notebook, "title")
        if setup is not None:
            setup.source = setup_cell()
        if title is not None:
            title.source = re.sub(r"(?m)^\[!\[Open in Colab\].*$", badge(path), title.source)
        if fresh:  # another address does not change what the code computes
            notebook.metadata["unrolled"]["code_sha256"] = notebooks.code_hash(notebook)
        notebooks.save(notebook, path)
    text = readme.README.read_text(encoding="utf-8")
    readme.README.write_text(old.sub(rf"\g<1>{new}", text), encoding="utf-8")
    readme.write()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository", help="owner/name")
    new = parser.parse_args().repository
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*/(?!\.+$)[\w.-]+", new):
        sys.exit(f"{new!r} is no repository; say it like this: make links REPO=owner/name")
    write(new)
    print(f"All links point to https://github.com/{new} now.")


if __name__ == "__main__":
    main()
