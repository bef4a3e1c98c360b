"""Dialogues of two people: DailyDialog without its repeats, or made-up ones.

Not here: the made-up ones (`utils.samples.dialogues`); words, numbers and networks (`utils.chat`).
"""

import hashlib
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from utils.datasets.common import Source, real_file, sha256
from utils.fetch import DataError, Remote, data_folder, sample_is_pinned
from utils.samples import dialogues as made

PARTS = ("train", "validation", "test")
HASHES = {
    "train": "2128f3b82140b7d72d8d5bb989e5982a0394e4e40655995270d84c7eeee373b1",
    "validation": "2ad64701fe3a4449e7a6ee7cdc6c2a71c80f77b8a34f708ac0532395f499081c",
    "test": "3c323651cdfb09f7b529f850eddf96a638fc6cc9b43330b77956ab248484a1a8",
}
RUN = 10  # words in a row that two dialogues have in common if one is taken for a copy of the other
LARGEST = 30_000_000  # bytes of a file in the archive; the largest has 6 million
Turns = tuple[str, ...]


@dataclass(frozen=True)
class Dialogues:
    """Dialogues in three parts, each a list of turns as written.

    Attributes:
        train, validation, test: the dialogues.
        source: where they came from.
        removed: how many were left out of each part, by reason; nothing of made-up ones.
    """

    train: tuple[Turns, ...]
    validation: tuple[Turns, ...]
    test: tuple[Turns, ...]
    source: Source
    removed: Mapping[str, int]


def texts_of(archive: Path | io.BytesIO, depth: int = 0) -> Iterator[tuple[str, bytes]]:
    """The files `dialogues_*.txt` in an archive, and in the archives in it; nothing is unpacked to disk."""
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            name = Path(member.filename).name
            wanted = name in {f"dialogues_{part}.txt" for part in PARTS}
            if member.file_size > LARGEST or not (wanted or (name.endswith(".zip") and depth == 0)):
                continue
            content = opened.read(member)
            if wanted:
                yield name, content
            else:
                yield from texts_of(io.BytesIO(content), depth + 1)


def read_archive(path: Path) -> dict[str, bytes]:
    """The three parts in the archive, if their content is right.

    Raises:
        ValueError: one is missing, or is another file.
    """
    found = {}
    for name, content in texts_of(path):
        part = name.removeprefix("dialogues_").removesuffix(".txt")
        if hashlib.sha256(content).hexdigest() == HASHES[part]:
            found[part] = content
    if set(found) != set(PARTS):
        raise ValueError(f"no right dialogues_*.txt for {sorted(set(PARTS) - set(found))}")
    return found


def is_archive(path: Path) -> bool:
    """Whether a file is the archive, told by the three texts in it: no hash of the whole is published."""
    try:
        return bool(read_archive(path))
    except (ValueError, OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile):
        return False


ARCHIVE = Remote(
    name="dailydialog/ijcnlp_dailydialog.zip",
    url="https://yanran.li/files/ijcnlp_dailydialog.zip",
    sha256="",
    prepared=is_archive,
)


def unpacked() -> dict[str, bytes] | None:
    """The three texts in the folder `UNROLLED_DATA`, or None if none of them is there.

    Raises:
        DataError: one is missing or has another hash.
    """
    folder = None if sample_is_pinned() else data_folder()
    paths = {part: Path(f"dailydialog/dialogues_{part}.txt") for part in PARTS}
    if folder is None or not any((folder / path).exists() for path in paths.values()):
        return None
    found = {}
    for part, path in paths.items():
        try:
            found[part] = (folder / path).read_bytes()
        except OSError as error:
            raise DataError(
                f"{path} in UNROLLED_DATA cannot be read ({error.strerror}); put all three parts of "
                "DailyDialog there, or the archive, or none of them."
            ) from error
        digest = hashlib.sha256(found[part]).hexdigest()
        if digest != HASHES[part]:
            raise DataError(
                f"{path} in UNROLLED_DATA is damaged or another file: its hash is {digest}, expected "
                f"{HASHES[part]}. Replace it, or remove it to look elsewhere."
            )
    return found


def turns_of(content: bytes) -> list[Turns]:
    """The dialogues of a file with one a line, `__eou__` after each turn; empty turns are left out."""
    lines = content.decode("utf-8").split("\n")
    dialogues = [tuple(t.strip() for t in line.split("__eou__") if t.strip()) for line in lines]
    return [turns for turns in dialogues if turns]


def letters(turns: Turns) -> str:
    """What is left of a dialogue without case, spaces and marks."""
    return re.sub(r"[\W_]+", "", "".join(turns).lower())


def runs(turns: Turns, length: int = RUN) -> set[str]:
    """Every run of so many words in a dialogue, without case and marks; across turns, too."""
    words = re.findall(r"[a-z0-9]+", " ".join(turns).lower().replace("'", ""))
    return {" ".join(words[i : i + length]) for i in range(len(words) - length + 1)}


def without_repeats(
    parts: Mapping[str, Sequence[Turns]], length: int = RUN
) -> tuple[dict[str, tuple[Turns, ...]], dict[str, int]]:
    """Each dialogue once; and none that shares a run of words with a part that is scored.

    Args:
        parts: the dialogues of "train", "validation" and "test".
        length: of the run, in words.

    Returns:
        The parts without the dialogues that are the same as an earlier one of their part, and without
        those that have a run of `length` words in common with one of the test part or, if they are of the
        training part, of the validation part; and how many were left out, by part and reason.
    """
    kept: dict[str, tuple[Turns, ...]] = {}
    removed: dict[str, int] = {}
    scored: set[str] = set()
    for part in reversed(PARTS):
        once = list({letters(turns): turns for turns in reversed(parts[part])}.values())[::-1]
        fresh = tuple(turns for turns in once if not runs(turns, length) & scored)
        removed[f"{part}, the same again"] = len(parts[part]) - len(once)
        if scored:
            removed[f"{part}, like one that is scored"] = len(once) - len(fresh)
        kept[part] = fresh
        scored = scored.union(*(runs(turns, length) for turns in fresh))
    return kept, removed


def dailydialog(*, repeats: bool = False) -> Dialogues:
    """DailyDialog (Li et al. 2017) in its official parts, less its repeats; or dialogues made by a grammar.

    Args:
        repeats: leave them in, to see what they do; a perplexity of such data says little.

    Returns:
        Real: 9,471, 961 and 996 dialogues, with what was removed. Sample: 1,200, 200 and 200, whose best
        possible perplexity `utils.samples.dialogues` knows.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or its copy is damaged.
    """
    content, origin = unpacked(), "UNROLLED_DATA"
    if content is None:
        found = real_file(ARCHIVE, "DailyDialog", "dialogues made by a small grammar")
        if found is not None:
            content, origin = read_archive(found[0]), found[1]
    if content is not None:
        every = {part: tuple(turns_of(content[part])) for part in PARTS}
        parts, removed = (every, {}) if repeats else without_repeats(every)
        digest = sha256("".join(HASHES[part] for part in PARTS))
        return Dialogues(**parts, source=Source("DailyDialog", "real", origin, digest), removed=removed)
    drawn = made.make_dialogues(0, 1600)
    digest = sha256("\n".join(" ".join(turns) for turns in drawn))
    source = Source("sample dialogues", "sample", "made in memory", digest)
    return Dialogues(drawn[:1200], drawn[1200:1400], drawn[1400:], source, {})
