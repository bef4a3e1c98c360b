"""`make links REPO=owner/name`: another web address of the project, written everywhere."""

import argparse
import re
import sys

from tools import links, notebooks, readme


def write(new: str) -> None:
    """State a new address and write it into every notebook and the README."""
    old = re.compile(rf"(github(?:\.com)?/){re.escape(links.repository())}(?![\w-])")
    text = links.PYPROJECT.read_text(encoding="utf-8")
    links.PYPROJECT.write_text(
        links.STATED.sub(f'Repository = "https://github.com/{new}"', text), encoding="utf-8"
    )
    for path in notebooks.all_notebooks():
        notebook = notebooks.load(path)
        fresh = notebook.metadata.get("unrolled", {}).get("code_sha256") == notebooks.code_hash(notebook)
        for cell in notebook.cells:
            cell.source = old.sub(rf"\g<1>{new}", cell.source)
        setup, title = notebooks.find(notebook, "setup"), notebooks.find(notebook, "title")
        if setup is not None:
            setup.source = links.setup_cell(path.stem)
        if title is not None:
            title.source = re.sub(r"(?m)^\[!\[Open in Colab\].*$", links.badge(path), title.source)
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
