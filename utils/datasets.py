"""The data sets, one function each: named splits, and where they came from."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Source:
    """Where a data set came from.

    Attributes:
        name: what a reader calls it, e.g. "Tiny Shakespeare".
        kind: "real", "sample" (embedded in the project) or "own" (a file of the reader's).
        origin: "UNROLLED_DATA", "cache", "download", "made in memory" or the path of the reader's file.
        sha256: of the content that was used.
    """

    name: str
    kind: Literal["real", "sample", "own"]
    origin: str
    sha256: str
