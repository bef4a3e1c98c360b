"""Films of a mouth that speaks: GRID's first speaker, or mouths drawn by a program.

Not here: how mouths are drawn (`utils.samples.mouths`); networks that read lips (`utils.lips`).
"""

import hashlib
import importlib.util
import io
import json
import os
import re
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from utils.datasets.common import Parts, Source, real_file, sha256
from utils.fetch import DataError, Remote, cache_folder, data_folder, fetch, sample_is_pinned, sha256_of
from utils.samples import mouths
from utils.samples.mouths import Span

FRAMES, HIGH, WIDE = mouths.FRAMES, mouths.HIGH, mouths.WIDE
COLUMNS, ROWS = 5, 15  # of a sheet
COUNT = 1000  # films
FEWEST = 74  # frames of a film; where the last is missing, the one before it stands twice
ASIDE = 100  # films of the validation part, and of the test part
LARGEST = 2_000_000  # bytes of a sheet, a film or an alignment; the largest film has 500,000
CUT = (slice(184, 240), slice(104, 216))  # rows and columns of the mouth in a film of 288 x 360
SILENCE = ("sil", "sp")
NAME = re.compile(r"(?:^|/)([blps][bgrw][abiw][a-z][0-9z][anps])\.(webp|mpg|align)$")
SAMPLE = "mouths drawn by a program"

# Zenodo's files of "The Grid Audio-Visual Speech Corpus". Their hashes are not known here: they are told by
# what is in them, the names of the 1,000 films and what is said in each.
SENTENCES = "ee9fcda63e481f3d95c50d53afb4d63c71ecd00293bcb4076bf36cd1c2af18f6"


@dataclass(frozen=True, eq=False)
class Film:
    """A mouth that says a sentence.

    Attributes:
        frames: grey, 25 a second, `(75, 40, 80)`, uint8.
        text: what is said, in capital letters.
        spans: for each word where it begins and ends, in frames, and the word.
        name: of the film.
    """

    frames: np.ndarray
    text: str
    spans: tuple[Span, ...]
    name: str


Spans = dict[str, tuple[Span, ...]]  # of each film, by its name


def text_of(spans: Sequence[Span]) -> str:
    """The words of an alignment, in capital letters."""
    return " ".join(word for _, _, word in spans).upper()


def sentences_digest(spans: Mapping[str, Sequence[Span]]) -> str:
    """Of all names and sentences, whatever form they came in."""
    return sha256("\n".join(f"{name} {text_of(spans[name])}" for name in sorted(spans)))


def without_silence(rows: Sequence[Sequence[Any]], name: str) -> tuple[Span, ...]:
    """The words of an alignment; of rows with first and last thousandth of a frame, and a word.

    Raises:
        ValueError: it is not six words in order.
    """
    found = tuple((int(a) / 1000, int(b) / 1000, str(word)) for a, b, word in rows if word not in SILENCE)
    edges = [edge for a, b, _ in found for edge in (a, b)]
    if len(found) != 6 or edges != sorted(edges) or edges[0] < 0 or edges[-1] > FRAMES:
        raise ValueError(f"the alignment of {name} is not six words within {FRAMES} frames")
    return found


def members(path: Path, kind: str) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the files of a kind in a tar or zip; nothing is unpacked to disk.

    Args:
        path: of the archive.
        kind: the ending: "webp", "mpg" or "align".

    Raises:
        ValueError: a file is too large.
        OSError, EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile: the archive is damaged.
    """

    def wanted(name: str, size: int) -> str:
        match = NAME.search(name)
        if match is None or match[2] != kind or (kind == "align" and "/s1/" not in f"/{name}"):
            return ""  # whatever else is in there is not read
        if size > LARGEST:
            raise ValueError(f"{name} has {size:,} bytes")
        return match[1]

    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if name := wanted(info.filename, info.file_size):
                    yield name, archive.read(info)
        return
    with tarfile.open(path, "r:*") as tar:
        for member in tar:
            if member.isreg() and (name := wanted(member.name, member.size)):
                opened = tar.extractfile(member)
                assert opened is not None  # it is a regular file
                yield name, opened.read()


def read_aligns(path: Path) -> Spans:
    """The alignments of speaker 1 in the official archive.

    Raises:
        ValueError, OSError, EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile: it is damaged.
    """
    found = {}
    for name, data in members(path, "align"):
        found[name] = without_silence([line.split() for line in data.decode("ascii").splitlines()], name)
    return found


def is_aligns(path: Path) -> bool:
    """Whether a file has what is said in the 1,000 films."""
    return sentences_digest(read_aligns(path)) == SENTENCES


def is_films(path: Path) -> bool:
    """Whether a file has the 1,000 films, by their names; they are not looked at."""
    with zipfile.ZipFile(path) as archive:
        found = {
            match[1] for name in archive.namelist() if (match := NAME.search(name)) and match[2] == "mpg"
        }
    return len(found) == COUNT


FILMS = Remote("grid/s1.zip", "https://zenodo.org/records/3625687/files/s1.zip", "", is_films)
ALIGNS = Remote(
    "grid/alignments.zip", "https://zenodo.org/records/3625687/files/alignments.zip", "", is_aligns
)
SHEETS = Remote(
    name="grid/grid_s1_mouth_75x40x80.tar",
    url=FILMS.url,
    sha256="86e7d55200d09baa5f471590d53039e025a69f1aeb5bbc58d8e47e86e0a3df2e",
    saved_as=FILMS.name,
)
LINES = Remote(
    name="grid/grid_s1_alignments.jsonl",
    url=ALIGNS.url,
    sha256="845e35c5473d77936b1eebb831b81992e99aa84170125ed8590827c679842706",
    saved_as=ALIGNS.name,
)
SIZE = "about 430 MB"
READER = "opencv-python-headless"  # reads MPEG films; Colab has it


def read_lines(path: Path) -> tuple[Spans, dict[str, int]]:
    """Alignments, and how many frames each film has, from a file with a JSON object in each line.

    Raises:
        ValueError, KeyError, TypeError: a line has another form.
    """
    spans, frames = {}, {}
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        spans[str(row["id"])] = without_silence(row["align"], row["id"])
        frames[str(row["id"])] = int(row["frames"])
    return spans, frames


def from_sheet(data: bytes, name: str, frames: int = FRAMES) -> np.ndarray:
    """The crops of a sheet, row by row, `(75, 40, 80)`, uint8; the last one twice where a frame is missing.

    Raises:
        ValueError: it is no sheet, or has another size, or the film too few frames.
        OSError: it is damaged.
    """
    with PIL.Image.open(io.BytesIO(data)) as picture:
        if picture.size != (COLUMNS * WIDE, ROWS * HIGH):
            raise ValueError(f"{name} is a sheet of {picture.size[0]} x {picture.size[1]} pixels")
        sheet = np.asarray(picture.convert("L"))
    crops = sheet.reshape(ROWS, HIGH, COLUMNS, WIDE).swapaxes(1, 2).reshape(FRAMES, HIGH, WIDE)
    return whole(crops[:frames], name)


def whole(crops: np.ndarray, name: str) -> np.ndarray:
    """75 frames: where the last is missing, the one before it stands twice.

    Raises:
        ValueError: more are missing.
    """
    if len(crops) < FEWEST:
        raise ValueError(f"{name} has {len(crops)} frames, expected {FRAMES}")
    return np.concatenate([crops, crops[-1:]])[:FRAMES]


def from_film(data: bytes, name: str) -> np.ndarray:
    """The mouth in an MPEG film, `(75, 40, 80)`, uint8.

    Raises:
        ValueError: it is no film of GRID.
    """
    import cv2  # type: ignore[import-not-found]

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mpg"
        path.write_bytes(data)
        reader = cv2.VideoCapture(str(path))
        crops: list[np.ndarray] = []
        while len(crops) < FRAMES:
            there, picture = reader.read()
            if not there:
                break
            if picture.shape[:2] != (288, 360):
                raise ValueError(f"{name} has {picture.shape[1]} x {picture.shape[0]} pixels, not 360 x 288")
            mouth = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[CUT]
            crops.append(cv2.resize(mouth, (WIDE, HIGH), interpolation=cv2.INTER_AREA))
        reader.release()
    return whole(np.array(crops, np.uint8).reshape(-1, HIGH, WIDE), name)


def checked(spans: Spans, name: str) -> Spans:
    """The same, if they are those of all films.

    Raises:
        ValueError: films are missing, or say something else.
    """
    if len(spans) != COUNT or sentences_digest(spans) != SENTENCES:
        raise ValueError(f"{name} tells of {len(spans):,} films, expected {COUNT:,}, or of other sentences")
    return spans


def kept(
    path: Path, names: Sequence[str], read: Callable[[], Iterator[tuple[str, np.ndarray]]]
) -> np.ndarray:
    """Films as one array `(films, 75, 40, 80)`, uint8; on disk, where a later call finds them.

    Args:
        path: of the file in the cache; other films have another one.
        names: of the films, in the order of the array.
        read: gives the name and frames of each film, in any order.

    Raises:
        ValueError: a film is missing.
    """
    shape = (len(names), FRAMES, HIGH, WIDE)
    with suppress(OSError, ValueError, EOFError):  # not there, or not whole
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        if (found.shape, found.dtype) == (shape, np.uint8):
            return found
    films, missing, places = np.zeros(shape, np.uint8), set(names), {name: k for k, name in enumerate(names)}
    for name, frames in read():
        if name in places:
            films[places[name]] = frames
            missing.discard(name)
    if missing:
        told = "1 film is" if len(missing) == 1 else f"{len(missing):,} films are"
        raise ValueError(f"{told} missing, such as {min(missing)}")
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            np.save(file, films)
        part.replace(path)
    except OSError:  # no room, or nobody may write: then they stay in memory
        with suppress(OSError):
            part.unlink(missing_ok=True)
        return films
    return np.load(path, mmap_mode="r", allow_pickle=False)


def real() -> tuple[list[str], np.ndarray, Spans, str, str] | None:
    """Names, films, alignments, where they came from, and a hash; None for the sample.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or its copy is damaged.
    """
    folder = None if sample_is_pinned() else data_folder()
    packed = folder is not None and os.path.lexists(folder / SHEETS.name)
    found = pair(SHEETS, LINES) if packed else official(folder)
    if found is None:
        return None
    (films_at, origin), (spans_at, _) = found
    try:
        if packed:
            spans, frames = read_lines(spans_at)
            digest, kind = SHEETS.sha256, "webp"
        else:
            spans, frames, digest, kind = read_aligns(spans_at), {}, sha256_of(films_at), "mpg"
        names = sorted(checked(spans, spans_at.name), key=sha256)

        def read() -> Iterator[tuple[str, np.ndarray]]:
            for name, data in members(films_at, kind):
                if kind == "webp":
                    yield name, from_sheet(data, name, frames.get(name, FRAMES))
                else:
                    yield name, from_film(data, name)

        films = kept(cache_folder() / "grid" / f"mouths_{digest[:16]}.npy", names, read)
    except (
        OSError, EOFError, ValueError, KeyError, TypeError, zlib.error, tarfile.TarError, zipfile.BadZipFile
    ) as error:  # fmt: skip
        again = f"Get {films_at.name} and {spans_at.name} again."
        raise DataError(f"GRID cannot be read ({error}). {again}") from error
    return names, films, spans, origin, digest


def pair(films: Remote, spans: Remote) -> tuple[tuple[Path, str], tuple[Path, str]]:
    """The prepared films and alignments.

    Raises:
        DataError: one of them is damaged or missing.
    """
    folder = data_folder()
    if folder is None or not os.path.lexists(folder / spans.name):
        raise DataError(f"UNROLLED_DATA has {films.name}, but no {spans.name}. Put both there, or neither.")
    return fetch(films), fetch(spans)


def official(folder: Path | None) -> tuple[tuple[Path, str], tuple[Path, str]] | None:
    """The official archives, fetched where they are not there; None for the sample.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or its copy is damaged.
    """
    if sample_is_pinned():
        return None
    if importlib.util.find_spec("cv2") is None:
        print(
            f"GRID's films cannot be read: `pip install {READER}` brings what reads them. "
            f"Instead: {SAMPLE}. For GRID, install it; {SIZE} are then fetched once."
        )
        return None
    places = [place / FILMS.name for place in (folder, cache_folder()) if place is not None]
    if not any(map(os.path.lexists, places)):
        print(f"GRID's first speaker is fetched once, {SIZE}.")
    spans = real_file(ALIGNS, "GRID", SAMPLE)
    films = spans and real_file(FILMS, "GRID", SAMPLE)
    return (films, spans) if films and spans else None


def grid() -> Parts[Film]:
    """GRID (Cooke et al. 2006), its first speaker: 1,000 sentences of six words; or drawn mouths.

    Each film lasts 3 s, 75 frames, of which the mouth is cut out. The official films are fetched from Zenodo
    and cut out here; for that OpenCV is needed. A folder may hold the mouths, prepared. They are kept in the
    cache, 240 MB, and read from there. Parts are ours, by the hash of a film's name: the first 100 are the
    test part, the next 100 the validation part. Every sentence is said once, so no sentence is in two parts.

    Returns:
        Real: 800, 100 and 100 films. Sample: 120, 30 and 30.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or its copy is damaged.
    """
    found = real()
    if found is None:
        return drawn_films()
    names, films, spans, origin, digest = found
    every = [
        Film(frames, text_of(spans[name]), spans[name], name)
        for name, frames in zip(names, films, strict=True)
    ]
    return Parts(
        tuple(every[2 * ASIDE :]),
        tuple(every[ASIDE : 2 * ASIDE]),
        tuple(every[:ASIDE]),
        Source("GRID", "real", origin, digest),
    )


def drawn_films(count: int = 120) -> Parts[Film]:
    """The sample: drawn mouths, see `utils.samples.mouths`.

    Args:
        count: films to learn from; a quarter of that each for validation and test.
    """
    rng = np.random.default_rng(0)
    made: dict[str, mouths.Drawn] = {}
    while len(made) < count + 2 * (count // 4):  # no sentence twice
        one = mouths.make_film(rng)
        made[text_of(one.spans)] = one
    films = [Film(one.frames, text, one.spans, f"drawn{k:04d}") for k, (text, one) in enumerate(made.items())]
    digest = hashlib.sha256(repr([film.spans for film in films]).encode())
    for film in films:
        digest.update(film.frames.tobytes())
    first, second = count, count + count // 4
    return Parts(
        tuple(films[:first]),
        tuple(films[first:second]),
        tuple(films[second:]),
        Source("drawn mouths", "sample", "made in memory", digest.hexdigest()),
    )
