"""What the data sets have in common: a record of where data came from, and the real file or a sample.

Not here: any data set; how a file is found, fetched and checked (`utils.fetch`).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, TypeVar

from utils.fetch import Remote, Unavailable, fetch, sample_is_pinned

T = TypeVar("T")
Three = tuple[tuple[T, ...], tuple[T, ...], tuple[T, ...]]


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
class Parts(Generic[T]):
    """Labelled sequences in three parts.

    Attributes:
        train, validation, test: the sequences.
        source: where they came from.
        best: the best possible score on the test part, knowing "both" sides of a place or what comes
            "before" it; None where nobody knows.
    """

    train: tuple[T, ...]
    validation: tuple[T, ...]
    test: tuple[T, ...]
    source: Source
    best: Mapping[str, float] | None = None


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
