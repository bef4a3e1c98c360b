"""Texts to write like: Tiny Shakespeare, the source of Python's library, or the reader's own.

Not here: the sample play (`utils.samples.verse`); texts with labels (`sentiment`, `sequences`).
"""

import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from utils.datasets.common import Source, real_file, sha256
from utils.fetch import Remote
from utils.samples import verse

SHAKESPEARE = Remote(
    name="shakespeare.txt",
    url="https://storage.googleapis.com/download.tensorflow.org/data/shakespeare.txt",
    sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
)


@dataclass(frozen=True)
class Text:
    """A text in two parts, cut in order.

    Attributes:
        train: the first nine tenths.
        validation: the rest.
        source: where it came from.
        best_loss: nats per character of the validation text that a perfect model of its source
            pays, having read the rest; None where nobody knows.
    """

    train: str
    validation: str
    source: Source
    best_loss: float | None = None


def cut_at(text: str) -> int:
    """Where the validation part begins: after nine tenths of the characters."""
    return int(0.9 * len(text))


def split_text(text: str, source: Source, best_loss: float | None = None) -> Text:
    """A text cut in order, nine tenths to learn from."""
    cut = cut_at(text)
    return Text(text[:cut], text[cut:], source, best_loss)


def shakespeare() -> Text:
    """Tiny Shakespeare (Karpathy 2015), or a sample play made by a grammar.

    Returns:
        Real: 1,115,394 characters of 65 symbols, cut into 1,003,854 and 111,540.
        Sample: 200,000 characters of the same 65 symbols, with `best_loss`.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or its copy is damaged.
    """
    found = real_file(SHAKESPEARE, "Tiny Shakespeare", "a sample play made by a grammar")
    if found is not None:
        path, origin = found
        text = path.read_bytes().decode()  # bytes: line ends stay as they are, on Windows too
        return split_text(text, Source("Tiny Shakespeare", "real", origin, SHAKESPEARE.sha256))
    play = verse.sample_play()
    source = Source("sample play", "sample", "made in memory", sha256(play.text))
    cut = cut_at(play.text)
    return split_text(play.text, source, best_loss=float(play.information[cut:].mean()))


def text_file(path: str | Path, needed: int = 10_000) -> Text:
    """The reader's own text.

    Args:
        path: of a UTF-8 file.
        needed: how many characters it must have at least; 10,000, or more if what is to be trained wants
            more.

    Returns:
        The text, cut like the others.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not UTF-8, too short, or has nothing in it to predict.
    """
    path = Path(os.path.expanduser(path))
    if not path.is_file():
        what = f"{str(path)!r} is a folder" if path.is_dir() else f"There is no file {str(path)!r}"
        raise FileNotFoundError(f"{what}; give the path of a text file (here: {Path.cwd()}).")
    try:
        text = path.read_text(encoding="utf-8-sig")  # -sig: without the mark that some editors put first
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path.name} is not UTF-8 (byte {error.start}); save it as UTF-8 text first."
        ) from error
    if "\0" in text:
        raise ValueError(
            f"{path.name} has NUL characters, the first at {text.index(chr(0)):,}: it is UTF-16, or no text; "
            "save it as UTF-8 text first."
        )
    needed = max(needed, 10_000)
    if len(text) < needed:
        raise ValueError(
            f"{path.name} has {len(text):,} characters; {needed:,} are needed (a tenth of them to check on), "
            "and half a million are better: prose, code, any text with a form of its own."
        )
    if len(set(text)) < 2:
        raise ValueError(
            f"{path.name} has one character only, {text[0]!r}, again and again: there is nothing to predict. "
            "Give a text of at least two different characters."
        )
    return split_text(text, Source(path.name, "own", path.name, sha256(text)))


def python_library(characters: int) -> Text:
    """The source code of Python's own standard library, which is on every machine that runs Python.

    Args:
        characters: about how many; whole files are taken, in an order that has nothing to do with their
            names, until there are as many.

    Returns:
        The text, cut like the others, from files that are plain ASCII. It differs a little from one
        Python version to the next.

    Raises:
        FileNotFoundError: this Python came without its library's source.
    """
    folder = Path(sysconfig.get_paths()["stdlib"])
    found, size = [], 0
    for path in sorted(folder.glob("*.py"), key=lambda path: sha256(path.name)):
        code = path.read_text(encoding="utf-8", errors="replace").expandtabs()
        if code.isascii() and size < characters:
            found.append(code)
            size += len(code)
    if not found:
        raise FileNotFoundError(f"{folder} holds no Python files; the library came without its source.")
    text = "\n".join(found)
    version = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    name = f"{version}, standard library"
    return split_text(text, Source(name, "real", "this machine", sha256(text)))
