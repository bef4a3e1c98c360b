"""The data sets, one function each: named splits, and where they came from.

Each looks in `UNROLLED_DATA`, in the cache and on the network (see `fetch`), and falls back to a
sample that the project makes itself, which it says in one line. `UNROLLED_DATA=sample` asks for
the samples.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from utils import chorales, verse
from utils.fetch import Remote, Unavailable, fetch, sample_is_pinned

SHAKESPEARE = Remote(
    name="shakespeare.txt",
    url="https://storage.googleapis.com/download.tensorflow.org/data/shakespeare.txt",
    sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
)

JSB = Remote(
    name="jsb/jsb-chorales-quarter.json",
    url="https://raw.githubusercontent.com/czhuang/JSB-Chorales-dataset/9a7f733ddb4ed91f48da64ac7f0f621c34aadd4d/jsb-chorales-quarter.json",
    sha256="2db9329f1881a1d3f49703ec556bf1d6f84b4f6c1d702c156536e93cf31e1c91",
)


@dataclass(frozen=True)
class Source:
    """Where a data set came from.

    Attributes:
        name: what a reader calls it, e.g. "Tiny Shakespeare".
        kind: "real", "sample" (embedded in the project) or "own" (a file of the reader's).
        origin: "UNROLLED_DATA", "cache", "download", "made in memory" or the name of the reader's file.
        sha256: of the content that was used.
    """

    name: str
    kind: Literal["real", "sample", "own"]
    origin: str
    sha256: str


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


@dataclass(frozen=True)
class Chorales:
    """Piano rolls of chorales, one step per quarter note, in three parts.

    Attributes:
        train, valid, test: arrays `(time, 88)`, bool; True where a key of the piano sounds.
        source: where they came from.
        best_loss: nats per step of the test part that the best model with 88 separate outputs pays;
            None where nobody knows.
    """

    train: tuple[np.ndarray, ...]
    valid: tuple[np.ndarray, ...]
    test: tuple[np.ndarray, ...]
    source: Source
    best_loss: float | None = None


def cut_at(text: str) -> int:
    """Where the validation part begins: after nine tenths of the characters."""
    return int(0.9 * len(text))


def split_text(text: str, source: Source, best_loss: float | None = None) -> Text:
    """A text cut in order, nine tenths to learn from."""
    cut = cut_at(text)
    return Text(text[:cut], text[cut:], source, best_loss)


def sha256(text: str) -> str:
    """Of the text as UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def real_file(remote: Remote, title: str, sample: str) -> tuple[Path, str] | None:
    """The real file, or None where a sample is to stand in: asked for, or announced in one line.

    Args:
        remote: what is wanted.
        title: of the data set, for the line.
        sample: what stands in, for the line.

    Returns:
        The file's path and where it was found, or None.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or its copy is damaged.
    """
    if sample_is_pinned():
        return None
    try:
        return fetch(remote)
    except Unavailable as reason:
        print(
            f"{title} cannot be had: {reason}. Instead: {sample}. For the real data, put {remote.name} "
            "into a folder and set UNROLLED_DATA to it."
        )
        return None


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


def piano_roll(chords: list[list[int]]) -> np.ndarray:
    """Chords as MIDI pitches, one list per step -> `(time, 88)`, bool."""
    roll = np.zeros((len(chords), chorales.KEYS_OF_PIANO), bool)
    for step, pitches in zip(roll, chords, strict=True):
        step[np.array(pitches, int) - chorales.LOWEST] = True
    return roll


def jsb_chorales() -> Chorales:
    """Bach's chorales (split of Boulanger-Lewandowski et al. 2012), or sample chorales by a grammar.

    Returns:
        Real: 229, 76 and 77 chorales, 13,807, 4,602 and 4,725 steps.
        Sample: 100, 30 and 30 chorales, with `best_loss`.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or its copy is damaged.
    """
    found = real_file(JSB, "The JSB chorales", "chorales made by a small grammar")
    if found is not None:
        path, origin = found
        parts = json.loads(path.read_text(encoding="utf-8"))
        train, valid, test = (tuple(map(piano_roll, parts[part])) for part in ("train", "valid", "test"))
        return Chorales(train, valid, test, Source("JSB chorales", "real", origin, JSB.sha256))
    rng = np.random.default_rng(0)
    made = [chorales.make_chorale(rng) for _ in range(160)]
    every = tuple(chorale.roll for chorale in made)
    digest = hashlib.sha256(np.packbits(np.concatenate(every)).tobytes()).hexdigest()
    best = float(np.concatenate([chorales.information(chorale) for chorale in made[130:]]).mean())
    source = Source("sample chorales", "sample", "made in memory", digest)
    return Chorales(every[:100], every[100:130], every[130:], source, best)


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
