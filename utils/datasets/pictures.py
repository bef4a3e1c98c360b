"""Pictures with captions: Flickr8k, or drawn scenes; and a photo of the reader's own.

Not here: how scenes are drawn and described (`utils.samples.scenes`); what a network sees in a picture
(`utils.features`).
"""

import hashlib
import io
import re
import tarfile
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageOps

from utils.datasets.common import Source, real_file, sha256
from utils.fetch import DataError, Remote, data_folder, sample_is_pinned
from utils.samples import scenes

# The University of Illinois no longer serves the archives; this copy is the one that courses use, and
# its MD5 sums are those that other projects pin as well. The captions and photos are for
# non-commercial research and education.
FLICKR8K_TEXT = Remote(
    name="flickr8k/Flickr8k_text.zip",
    url="https://github.com/jbrownlee/Datasets/releases/download/Flickr8k/Flickr8k_text.zip",
    sha256="md5:bf6c1abcb8e4a833b7f922104de18627",
)
FLICKR8K_PHOTOS = Remote(
    name="flickr8k/Flickr8k_Dataset.zip",
    url="https://github.com/jbrownlee/Datasets/releases/download/Flickr8k/Flickr8k_Dataset.zip",
    sha256="md5:f18a1e2920de5bd84dae7cf08ec78978",
)
FLICKR8K_LISTS = {part: f"Flickr_8k.{part}Images.txt" for part in ("train", "dev", "test")}
FLICKR8K_FILES = ("Flickr8k.token.txt", *FLICKR8K_LISTS.values())
PHOTO_SIDE = 224  # pixels
PREPARED_TARS = "flickr8k_224_*.tar"  # of photos of that size, below UNROLLED_DATA


@dataclass(frozen=True)
class Pictures:
    """Pictures, and what people say about them.

    Attributes:
        names: of the pictures, each once.
        captions: of each picture, as published.
        load: from a name to the picture, RGB, `(height, width, 3)`, uint8.
    """

    names: tuple[str, ...]
    captions: tuple[tuple[str, ...], ...]
    load: Callable[[str], np.ndarray]


@dataclass(frozen=True)
class Captioned:
    """Pictures with captions, in three parts, split by picture.

    Attributes:
        train, dev, test: the parts.
        source: where they came from.
        quirks: what is odd in the published files, with how often it occurs.
        contents: what is in each picture, by name; empty where nobody knows.
    """

    train: Pictures
    dev: Pictures
    test: Pictures
    source: Source
    quirks: Mapping[str, int] = field(default_factory=dict)
    contents: Mapping[str, scenes.Scene] = field(default_factory=dict)


def flickr8k() -> Captioned:
    """Flickr8k (Hodosh et al. 2013) with its official split, or drawn scenes.

    In `UNROLLED_DATA` it may be the official archives, or `flickr8k/` with Flickr8k.token.txt, the three
    lists Flickr_8k.*Images.txt and the photos in any number of tars, `flickr8k_224_*.tar`.

    Returns:
        Real: 6,000, 1,000 and 1,000 photos, `(224, 224, 3)`, with five captions each.
        Sample: 2,000, 300 and 300 scenes, `(64, 64, 3)`, with five captions each, and what is in them.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or what it has of Flickr8k is damaged or incomplete.
    """
    if sample_is_pinned():
        return drawn_scenes()
    folder = data_folder()
    if folder is not None and any((folder / "flickr8k").glob(PREPARED_TARS)):
        return flickr8k_prepared(folder / "flickr8k")
    found = real_file(FLICKR8K_TEXT, "Flickr8k", "scenes drawn by a program")
    photos = found and real_file(FLICKR8K_PHOTOS, "Flickr8k", "scenes drawn by a program")
    return flickr8k_official(found[0], *photos) if found and photos else drawn_scenes()


def flickr8k_prepared(folder: Path) -> Captioned:
    """Flickr8k from text files and tars of photos in a folder.

    Raises:
        DataError: files are missing or damaged.
    """
    paths = sorted(folder.glob(PREPARED_TARS))
    places: dict[str, tuple[Path, int, int]] = {}
    try:
        texts = {name: (folder / name).read_text(encoding="utf-8") for name in FLICKR8K_FILES}
        for path in paths:
            with tarfile.open(path) as tar:
                for member in filter(tarfile.TarInfo.isfile, tar):
                    places[Path(member.name).name] = (path, member.offset_data, member.size)
    except (OSError, tarfile.TarError, UnicodeDecodeError) as error:
        raise DataError(
            f"flickr8k/ in UNROLLED_DATA cannot be read ({error}). Replace the file, or remove the folder to "
            "fetch the official archives."
        ) from error

    def load(name: str) -> np.ndarray:
        path, offset, size = places[name]
        with path.open("rb") as file:
            file.seek(offset)
            return photo(file.read(size), name)

    digest = hashlib.sha256()
    for path in (*paths, *(folder / name for name in FLICKR8K_FILES)):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    source = Source("Flickr8k", "real", "UNROLLED_DATA", digest.hexdigest())
    return flickr8k_parts(texts, places, load, source)


def flickr8k_official(text: Path, photos: Path, origin: str) -> Captioned:
    """Flickr8k from its two official archives."""
    with zipfile.ZipFile(text) as archive:
        texts = {name: archive.read(name).decode() for name in FLICKR8K_FILES}
    archive = zipfile.ZipFile(photos)
    members = [name for name in archive.namelist() if name.endswith(".jpg") and "__MACOSX" not in name]
    places = {Path(name).name: name for name in members}

    def load(name: str) -> np.ndarray:
        return photo(archive.read(places[name]), name)

    digest = hashlib.sha256((FLICKR8K_TEXT.sha256 + FLICKR8K_PHOTOS.sha256).encode()).hexdigest()
    return flickr8k_parts(texts, places, load, Source("Flickr8k", "real", origin, digest))


def photo(content: bytes, name: str) -> np.ndarray:
    """A picture file as RGB, squeezed to `(224, 224, 3)`, uint8.

    Raises:
        DataError: it is no picture.
    """
    try:
        picture = PIL.Image.open(io.BytesIO(content)).convert("RGB")
    except OSError as error:
        raise DataError(f"{name} is no picture that can be read; fetch its archive again.") from error
    if picture.size != (PHOTO_SIDE, PHOTO_SIDE):
        picture = picture.resize((PHOTO_SIDE, PHOTO_SIDE), PIL.Image.Resampling.BICUBIC)
    return np.asarray(picture)


def own_photo(path: str | Path) -> np.ndarray:
    """A reader's own picture as RGB, squeezed to `(224, 224, 3)`, uint8; turned as its camera says.

    Raises:
        DataError: there is no such file, or no picture in it that can be read.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise DataError(
            f"There is no file {path}. PHOTO must be the path of a picture, in JPEG or PNG "
            f"(here: {Path.cwd()})."
        )
    try:
        with PIL.Image.open(path) as stored:
            picture = PIL.ImageOps.exif_transpose(stored).convert("RGB")
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError) as error:
        raise DataError(
            f"{path.name} cannot be read as a picture ({error}). Save it as a JPEG or PNG file of less than "
            "100 million pixels, and name that."
        ) from error
    return np.asarray(picture.resize((PHOTO_SIDE, PHOTO_SIDE), PIL.Image.Resampling.BICUBIC))


def flickr8k_captions(tokens: str) -> tuple[dict[str, tuple[str, ...]], int]:
    """Captions by photo, from lines "name#number<TAB>caption".

    Returns:
        The captions, and how many are keyed to a name that goes on after ".jpg": these of one photo
        end in ".jpg.1"; they are given to the photo without it.
    """
    captions: dict[str, list[str]] = defaultdict(list)
    odd = 0
    for line in tokens.splitlines():
        key, _, caption = line.partition("\t")
        name = key.rpartition("#")[0]
        odd += not name.endswith(".jpg")
        captions[re.sub(r"(\.jpg)\.\d+$", r"\1", name)].append(caption.strip())
    return {name: tuple(found) for name, found in captions.items()}, odd


def flickr8k_parts(
    texts: Mapping[str, str], photos: Iterable[str], load: Callable[[str], np.ndarray], source: Source
) -> Captioned:
    """Flickr8k from the content of its text files and the names of the photos that are there.

    Raises:
        DataError: a photo of the split is missing, or it has not five captions.
    """
    captions, odd = flickr8k_captions(texts["Flickr8k.token.txt"])
    there = set(photos)
    parts = {part: tuple(texts[file].split()) for part, file in FLICKR8K_LISTS.items()}
    every = [name for names in parts.values() for name in names]
    missing = [name for name in every if name not in there or len(captions.get(name, ())) != 5]
    if missing:
        raise DataError(
            f"Flickr8k is incomplete: {len(missing)} of {len(every)} photos of its split, {missing[0]} for "
            "one, have no picture or not five captions. Replace the files, or remove them."
        )
    quirks = {
        "captions whose key has something after .jpg": odd,
        "photos with captions but in no part of the split": len(set(captions) - set(every)),
        "captions given twice to one photo": sum(5 - len(set(captions[name])) for name in every),
        "captions of one or two words": sum(
            len(re.findall(r"\w+", text)) < 3 for name in every for text in captions[name]
        ),
    }
    train, dev, test = (
        Pictures(names, tuple(captions[name] for name in names), load) for names in parts.values()
    )
    return Captioned(train, dev, test, source, quirks)


def drawn_scenes() -> Captioned:
    """The sample: scenes of coloured shapes with captions by a grammar; see `utils.samples.scenes`."""
    rng = np.random.default_rng(0)
    made = {f"scene{i:04d}": scenes.make_scene(rng) for i in range(2600)}
    captions = {
        name: tuple(scenes.write_caption(scene, rng) for _ in range(5)) for name, scene in made.items()
    }

    def load(name: str) -> np.ndarray:
        return scenes.draw(made[name])

    def part(first: int, last: int) -> Pictures:
        names = tuple(made)[first:last]
        return Pictures(names, tuple(captions[name] for name in names), load)

    source = Source("drawn scenes", "sample", "made in memory", sha256(repr((made, captions))))
    return Captioned(part(0, 2000), part(2000, 2300), part(2300, 2600), source, contents=made)
