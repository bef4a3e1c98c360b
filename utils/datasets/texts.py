"""Texts to write like: Tiny Shakespeare, or the reader's own.

Not here: the sample play (`utils.samples.verse`); texts with labels (`sentiment`, `sequences`).
"""

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


def text_file(path: str | Path) -> Text:
    """The reader's own text.

    Args:
        path: of a UTF-8 file with at least 10,000 characters.

    Returns:
        The text, cut like the others.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not UTF-8, or too short to learn from.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        what = f"{str(path)!r} is a folder" if path.is_dir() else f"There is no file {str(path)!r}"
        raise FileNotFoundError(f"{what}; give the path of a text file (here: {Path.cwd()}).")
    try:
        text = path.read_text(encoding="utf-8-sig")  # -sig: without the mark that some editors put first
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path.name} is not UTF-8 (byte {error.start}); save it as UTF-8 text first."
        ) from error
    if len(text) < 10_000:
        raise ValueError(
            f"{path.name} has {len(text):,} characters; 10,000 are needed, and half a million are better."
        )
    return split_text(text, Source(path.name, "own", path.name, sha256(text)))
