"""Clips with sentences: MSVD, or films drawn by a program.

Not here: how films are drawn (`utils.samples.motions`); what a network sees in a frame (`utils.features`);
networks that describe clips (`utils.describing`).
"""

import hashlib
import importlib.util
import io
import json
import os
import re
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import PIL.Image

from utils.datasets.common import Source, real_file, sha256
from utils.datasets.pictures import Pictures
from utils.fetch import DataError, Remote, cache_folder, data_folder, fetch, sample_is_pinned, sha256_of
from utils.samples import motions

FRAMES, COLUMNS, ROWS, SIDE = (
    20,
    5,
    4,
    128,
)  # frames of a clip, columns and rows of a sheet, pixels of a frame
FIRST = (1200, 1300)  # clips in the order of their names: training, validation from here, test from here
LARGEST = 20_000_000  # bytes of a sheet or a film
CLIP = re.compile(r"(?:^|/)([\w-]{11}_\d+_\d+)\.(webp|avi)$")
SAMPLE = "films drawn by a program"
READER = "opencv-python-headless"  # reads films; Colab has it
SIZE = "about 1.7 GB"

# The archive of the University of Texas. Its hash is not known here: it is told by the names of its 1,970
# clips, and so is the list of sentences.
NAMES_SHA256 = "239c1ad5cf8093a0175dd8bee394cacb5227b14566b36e1aa6c29039a754f2e0"
CLIPS = Remote(
    "msvd/YouTubeClips.tar",
    "https://www.cs.utexas.edu/users/ml/clamp/videoDescription/YouTubeClips.tar",
    "",
    lambda path: names_digest(places_in(path, "avi")) == NAMES_SHA256,
)
SENTENCES = Remote(
    "msvd/AllVideoDescriptions.txt",
    "https://www.cs.utexas.edu/users/ml/clamp/videoDescription/AllVideoDescriptions.txt",
    "",
    lambda path: names_digest(read_sentences(path)) == NAMES_SHA256,
)
SHEETS = Remote(
    name="msvd/msvd468_20x128.tar",
    url=CLIPS.url,
    sha256="b0997c45515a8ffd88533d272bda7ba62fa85ef4ca53bb96806a15e80192524d",
    saved_as=CLIPS.name,
)
LINES = Remote(
    name="msvd/msvd476_captions.jsonl",
    url=SENTENCES.url,
    sha256="eb2550d133d6a405fbd8e74eaa8e6a877a4d8e9aab6e7adb81ac79dd30ce1b44",
    saved_as=SENTENCES.name,
)

Load = Callable[[str], np.ndarray]
Place = tuple[int, int]  # where a file begins in its archive, and its size


@dataclass(frozen=True)
class Clips:
    """Clips, and what people say about them.

    Attributes:
        names: of the clips, each once.
        captions: of each clip, as published.
        load: from a name to 20 frames, equally spaced in time, RGB, `(20, side, side, 3)`, uint8.
    """

    names: tuple[str, ...]
    captions: tuple[tuple[str, ...], ...]
    load: Load

    def first(self, count: int | None) -> "Clips":
        """The first clips of the part; all if None."""
        return Clips(self.names[:count], self.captions[:count], self.load)

    def pictures(self, side: int | None = None) -> Pictures:
        """All frames as pictures, 20 for each clip, one clip after the other.

        Args:
            side: in pixels, to which they are squeezed; None leaves them as they are.
        """

        def load(name: str) -> np.ndarray:
            clip, number = name.rsplit("#", 1)
            frame = self.load(clip)[int(number)]
            if side is None or len(frame) == side:
                return frame
            return np.asarray(PIL.Image.fromarray(frame).resize((side, side), PIL.Image.Resampling.BICUBIC))

        names = tuple(f"{name}#{k:02d}" for name in self.names for k in range(FRAMES))
        return Pictures(names, ((),) * len(names), load)


@dataclass(frozen=True)
class Described:
    """Clips with sentences, in three parts.

    Attributes:
        train, validation, test: the parts.
        source: where they came from.
        contents: what happens in each clip, by name; empty where nobody knows.
    """

    train: Clips
    validation: Clips
    test: Clips
    source: Source
    contents: Mapping[str, motions.Motion] = field(default_factory=dict)


def names_digest(names: Mapping[str, object]) -> str:
    """Of the names of clips, in whatever order and form they came."""
    return sha256("\n".join(sorted(names)))


def places_in(path: Path, kind: str) -> dict[str, Place]:
    """Where the clips of a kind are in a tar that is not compressed, by name; nothing is unpacked.

    Args:
        path: of the archive.
        kind: "webp" or "avi".

    Raises:
        ValueError: a clip is too large.
        OSError, EOFError, tarfile.TarError: the archive is damaged.
    """
    found = {}
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            match = CLIP.search(member.name)
            if not member.isreg() or match is None or match[2] != kind:
                continue
            if member.size > LARGEST:
                raise ValueError(f"{member.name} has {member.size:,} bytes")
            found[match[1]] = (member.offset_data, member.size)
    return found


def read_sentences(path: Path) -> dict[str, tuple[str, ...]]:
    """The official sentences of each clip, in lower case and without marks, as the prepared ones are.

    Raises:
        ValueError, OSError: it is no such file.
    """
    found: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, _, text = line.partition(" ")
        plain = " ".join(re.findall(r"[a-z0-9]+", text.lower()))
        if plain and not line.startswith("#"):
            found.setdefault(name, []).append(plain)
    return {name: tuple(several) for name, several in found.items()}


def read_lines(path: Path) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Sentences and part of each clip, from a file with a JSON object in each line.

    Raises:
        ValueError, KeyError, TypeError, OSError: a line has another form.
    """
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    captions = {str(row["clip"]): tuple(str(text) for text in row["captions"]) for row in rows}
    return captions, {str(row["clip"]): str(row["split"]) for row in rows}


def from_sheet(data: bytes, name: str) -> np.ndarray:
    """The frames of a sheet, row by row, `(20, 128, 128, 3)`, uint8.

    Raises:
        DataError: it is no sheet of that size, or damaged.
    """
    try:
        with PIL.Image.open(io.BytesIO(data)) as picture:
            if picture.size != (COLUMNS * SIDE, ROWS * SIDE):
                raise ValueError(f"it has {picture.size[0]} x {picture.size[1]} pixels")
            sheet = np.asarray(picture.convert("RGB"))
    except (OSError, ValueError) as error:
        raise DataError(f"The sheet of {name} cannot be read ({error}). Get {SHEETS.name} again.") from error
    return sheet.reshape(ROWS, SIDE, COLUMNS, SIDE, 3).swapaxes(1, 2).reshape(FRAMES, SIDE, SIDE, 3)


def from_film(data: bytes, name: str) -> np.ndarray:
    """20 equally spaced frames of a film, squeezed to `(20, 128, 128, 3)`, uint8.

    Raises:
        DataError: it is no film that can be read.
    """
    import cv2  # type: ignore[import-not-found]

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.avi"
        path.write_bytes(data)
        reader, frames = cv2.VideoCapture(str(path)), []
        there, picture = reader.read()
        while there:
            small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
            frames.append(small[..., ::-1])  # OpenCV has blue first
            there, picture = reader.read()
        reader.release()
    if not frames:
        raise DataError(f"{name} has no frame that can be read. Get {CLIPS.name} again.")
    which = np.linspace(0, len(frames) - 1, FRAMES).round().astype(int)
    return np.stack([frames[k] for k in which]).astype(np.uint8)


def loader(path: Path, places: Mapping[str, Place], read: Callable[[bytes, str], np.ndarray]) -> Load:
    """From a name to frames, straight from an archive; the last few clips stay in memory."""

    @lru_cache(8)
    def load(name: str) -> np.ndarray:
        offset, size = places[name]
        with path.open("rb") as file:
            file.seek(offset)
            return read(file.read(size), name)

    return load


def msvd() -> Described:
    """MSVD (Chen and Dolan 2011): clips of some ten seconds with about 40 sentences each; or drawn films.

    In `UNROLLED_DATA` it may be the official archive and list of sentences, or, prepared, a tar of sheets of
    20 frames with `msvd/msvd476_captions.jsonl`. The official files are fetched from the University of
    Texas; to read the films, OpenCV is needed. The split is that of Venugopalan et al. (2015): by name,
    1,200 clips to learn from, 100, and 670. The clips belong to who uploaded them: no frame may be published.

    Returns:
        Official: 1,200, 100 and 670 clips. Prepared: 279, 22 and 167 of them. Sample: as `drawn_clips` gives.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or its copy is damaged.
    """
    if sample_is_pinned():
        return drawn_clips()
    folder = data_folder()
    packed = folder is not None and os.path.lexists(folder / SHEETS.name)
    found = pair(folder) if packed else official(folder)
    if found is None:
        return drawn_clips()
    (clips_at, origin), (told_at, _) = found
    try:
        if packed:
            captions, parts = read_lines(told_at)
            places, digest = places_in(clips_at, "webp"), SHEETS.sha256
            load = loader(clips_at, places, from_sheet)
        else:
            captions, places, digest = (
                read_sentences(told_at),
                places_in(clips_at, "avi"),
                sha256_of(clips_at),
            )
            order = sorted(captions)
            parts = {name: "train" if k < FIRST[0] else "val" if k < FIRST[1] else "test"
                     for k, name in enumerate(order)}  # fmt: skip
            load = loader(clips_at, places, from_film)
        require_whole(places, captions, parts)
    except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error, tarfile.TarError) as error:
        again = f"Get {clips_at.name} and {told_at.name} again."
        raise DataError(f"MSVD cannot be read ({error}). {again}") from error

    def part(split: str) -> Clips:
        names = tuple(name for name in sorted(places) if parts[name] == split)
        return Clips(names, tuple(captions[name] for name in names), load)

    source = Source("MSVD", "real", origin, digest)
    return Described(part("train"), part("val"), part("test"), source)


def require_whole(
    places: Mapping[str, Place], captions: Mapping[str, Sequence[str]], parts: Mapping[str, str]
) -> None:
    """Refuse clips without sentences, or of a part that there is not.

    Raises:
        ValueError: such a clip, or no clip at all.
    """
    if not places:
        raise ValueError("no clip is there")
    missing = sorted(set(places) - set(captions))
    if missing:
        raise ValueError(f"{len(missing)} clips, such as {missing[0]}, have no sentence")
    for name in sorted(places):
        if not captions[name]:
            raise ValueError(f"{name} has no sentence")
        if parts[name] not in ("train", "val", "test"):
            raise ValueError(f"{name} is a clip of the part {parts[name]!r}")


def pair(folder: Path | None) -> tuple[tuple[Path, str], tuple[Path, str]]:
    """The prepared sheets and sentences.

    Raises:
        DataError: one of them is damaged or missing.
    """
    if folder is None or not os.path.lexists(folder / LINES.name):
        raise DataError(f"UNROLLED_DATA has {SHEETS.name}, but no {LINES.name}. Put both there, or neither.")
    return fetch(SHEETS), fetch(LINES)


def official(folder: Path | None) -> tuple[tuple[Path, str], tuple[Path, str]] | None:
    """The official archive and sentences, fetched where they are not there; None for the sample.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or its copy is damaged.
    """
    if importlib.util.find_spec("cv2") is None:
        print(
            f"MSVD's clips cannot be read: `pip install {READER}` brings what reads them. "
            f"Instead: {SAMPLE}. For MSVD, install it; {SIZE} are then fetched once."
        )
        return None
    places = [place / CLIPS.name for place in (folder, cache_folder()) if place is not None]
    if not any(map(os.path.lexists, places)):
        print(f"MSVD's clips are fetched once, {SIZE}.")
    told = real_file(SENTENCES, "MSVD", SAMPLE)
    clips = told and real_file(CLIPS, "MSVD", SAMPLE)
    return (clips, told) if clips and told else None


def drawn_clips(count: int = 1200) -> Described:
    """The sample: drawn films, see `utils.samples.motions`; each stands beside its twin.

    Args:
        count: films to learn from; a twelfth of that for validation, a sixth for the test; all even.

    Raises:
        ValueError: the numbers of films are not even.
    """
    counts = {"train": count, "validation": count // 12, "test": count // 6}
    if any(number % 2 for number in counts.values()):
        raise ValueError(f"{count} films to learn from make {counts}; each number must be even.")
    rng = np.random.default_rng(0)
    made: list[motions.Motion] = []
    while len(made) < sum(counts.values()):
        one = motions.make_motion(rng)
        made += [one, motions.twin(one)]
    contents = {f"drawn{k:04d}": motion for k, motion in enumerate(made)}
    captions = {
        name: tuple(motions.write_caption(motion, rng) for _ in range(5)) for name, motion in contents.items()
    }

    @lru_cache(8)
    def load(name: str) -> np.ndarray:
        return motions.draw(contents[name])

    def part(names: Sequence[str]) -> Clips:
        return Clips(tuple(names), tuple(captions[name] for name in names), load)

    first, second = counts["train"], counts["train"] + counts["validation"]
    names = list(contents)
    digest = hashlib.sha256(repr((contents, captions)).encode()).hexdigest()
    source = Source("drawn films", "sample", "made in memory", digest)
    return Described(part(names[:first]), part(names[first:second]), part(names[second:]), source, contents)
