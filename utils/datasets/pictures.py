"""Pictures with captions: Flickr8k, or drawn scenes; free photos, and a photo of the reader's own.

Not here: how scenes are drawn and described (`utils.samples.scenes`); what a network sees in a picture
(`utils.features`).
"""

import hashlib
import io
import os
import re
import tarfile
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageOps

from utils.datasets.common import Source, real_file, sha256
from utils.fetch import DataError, Remote, Unavailable, data_folder, fetch, sample_is_pinned
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
PREPARED_TARS = "flickr8k_224_*.tar"  # of photos of that size, below UNROLLED_DATA; also .tar.gz
FREE_PHOTOS = Path(__file__).resolve().parents[2] / "data" / "photos"  # PHOTOS.md there names their authors
COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ")  # what such a file begins with, whatever its name


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

    In `UNROLLED_DATA` it may be the official archives; or a folder `flickr8k/` with the photos, in any
    number of tars, `flickr8k_224_*.tar`, or unpacked, in whatever folder they are (`Flicker8k_Dataset`,
    Kaggle's `Images`), and with the text files, unpacked or in Flickr8k_text.zip.

    Returns:
        Real: 6,000, 1,000 and 1,000 photos, `(224, 224, 3)`, with five captions each.
        Sample: 2,000, 300 and 300 scenes, `(64, 64, 3)`, with five captions each, and what is in them.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or what it has of Flickr8k is damaged or incomplete.
    """
    if sample_is_pinned():
        return drawn_scenes()
    folder = data_folder()
    if folder is not None and (folder / "flickr8k").is_dir():
        names = (PREPARED_TARS, PREPARED_TARS + ".gz")
        tars = sorted(path for name in names for path in (folder / "flickr8k").glob(name))
        packed = (folder / FLICKR8K_PHOTOS.name).exists()
        files = [] if tars or packed else unpacked(folder / "flickr8k", "*.jpg")
        if tars or files:
            return flickr8k_folder(folder / "flickr8k", tars, files)
    found = real_file(FLICKR8K_TEXT, "Flickr8k", "scenes drawn by a program")
    photos = found and real_file(FLICKR8K_PHOTOS, "Flickr8k", "scenes drawn by a program")
    return flickr8k_official(found[0], *photos) if found and photos else drawn_scenes()


def unpacked(folder: Path, pattern: str) -> list[Path]:
    """Files in a folder and below, sorted, without what a Mac leaves beside them."""
    found = sorted(folder.rglob(pattern))
    return [path for path in found if not path.name.startswith("._") and "__MACOSX" not in path.parts]


def flickr8k_folder(folder: Path, tars: Sequence[Path], files: Sequence[Path]) -> Captioned:
    """Flickr8k from text files and photos in a folder.

    Args:
        folder: where the text files are, there or below or in Flickr8k_text.zip.
        tars: of photos, or
        files: the photos themselves.

    Raises:
        DataError: files are missing or damaged.
    """
    places: dict[str, tuple[Path, int, int | None]] = {path.name: (path, 0, None) for path in files}
    contents: dict[str, bytes] = {}  # of compressed tars, in which there are no places to go to
    digest = hashlib.sha256()
    try:
        for path in tars:
            with path.open("rb") as begun, tarfile.open(path) as tar:
                compressed = begun.read(6).startswith(COMPRESSED)
                for member in filter(tarfile.TarInfo.isfile, tar):
                    name = Path(member.name).name
                    places[name] = (path, member.offset_data, member.size)
                    file = tar.extractfile(member) if compressed else None
                    if file:
                        contents[name] = file.read()
        texts = flickr8k_texts(folder, f"{len(places):,} photos")
        for path in (*tars, *files):
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    except (OSError, EOFError, zlib.error, tarfile.TarError, UnicodeDecodeError) as error:
        raise DataError(
            f"flickr8k/ in UNROLLED_DATA cannot be read ({error}). Replace the file, or remove the folder to "
            "fetch the official archives."
        ) from error

    def load(name: str) -> np.ndarray:
        if name in contents:
            return photo(contents[name], name)
        path, offset, size = places[name]
        with path.open("rb") as file:
            file.seek(offset)
            return photo(file.read(size), name)

    for name in FLICKR8K_FILES:
        digest.update(hashlib.sha256(texts[name].encode()).digest())
    source = Source("Flickr8k", "real", "UNROLLED_DATA", digest.hexdigest())
    return flickr8k_parts(texts, places, load, source)


def flickr8k_texts(folder: Path, beside: str) -> dict[str, str]:
    """The text files, from a folder, from below it, or else from the official archive.

    Args:
        folder: of Flickr8k in `UNROLLED_DATA`.
        beside: what else was found there, for the message.

    Raises:
        DataError: some are missing, and the archive cannot be had; or it is damaged.
        OSError, UnicodeDecodeError: a file cannot be read.
    """
    paths = {name: unpacked(folder, name) for name in FLICKR8K_FILES}
    missing = [name for name, found in paths.items() if not found]
    if not missing:
        return {name: found[0].read_text(encoding="utf-8-sig") for name, found in paths.items()}
    try:
        return official_texts(fetch(FLICKR8K_TEXT)[0])
    except Unavailable as reason:
        kaggle = (
            " and Kaggle's captions.txt, which has no split" if (folder / "captions.txt").exists() else ""
        )
        raise DataError(
            f"flickr8k/ in UNROLLED_DATA has {beside}{kaggle}, but no {' and no '.join(missing)}. Put "
            f"Flickr8k_text.zip into it, from {FLICKR8K_TEXT.url} ({reason})."
        ) from reason


def official_texts(path: Path) -> dict[str, str]:
    """The text files from their archive."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode("utf-8-sig") for name in FLICKR8K_FILES}


def flickr8k_official(text: Path, photos: Path, origin: str) -> Captioned:
    """Flickr8k from its two official archives."""
    texts = official_texts(text)
    archive = zipfile.ZipFile(photos)
    members = [name for name in archive.namelist() if name.endswith(".jpg") and "__MACOSX" not in name]
    places = {Path(name).name: name for name in members}

    def load(name: str) -> np.ndarray:
        return photo(archive.read(places[name]), name)

    digest = hashlib.sha256((FLICKR8K_TEXT.sha256 + FLICKR8K_PHOTOS.sha256).encode()).hexdigest()
    return flickr8k_parts(texts, places, load, Source("Flickr8k", "real", origin, digest))


def rgb(picture: PIL.Image.Image) -> PIL.Image.Image:
    """A picture in 8 bits for each of red, green and blue, as one would see it.

    What is transparent lies on white. Grey of more than 8 bits is scaled: in 16 bits 65,535 is white; in
    32 bits, or with a fraction, the first of 1, 255 and 65,535 that is not below the brightest pixel.
    """
    if picture.mode == "F" or picture.mode.startswith("I"):
        values = np.nan_to_num(np.asarray(picture, np.float64), posinf=0, neginf=0)
        has_16_bits = picture.mode.startswith("I;16") or (picture.mode == "I" and picture.format == "PNG")
        whites = (65535,) if has_16_bits else (1, 255, 65535)
        black, brightest = min(values.min(), 0), values.max()
        white = next((white for white in whites if white >= brightest), brightest)
        grey = np.round(255 * (values - black) / (white - black))
        return PIL.Image.fromarray(np.uint8(grey)).convert("RGB")
    if "transparency" in picture.info or picture.mode in ("RGBA", "LA", "PA", "RGBa"):
        picture = picture.convert("RGBA")
        return PIL.Image.alpha_composite(PIL.Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    return picture.convert("RGB")


def turned(picture: PIL.Image.Image, name: str) -> PIL.Image.Image:
    """A picture turned as its camera says; as it is stored where that makes no sense, with a line."""
    try:
        found = PIL.ImageOps.exif_transpose(picture)
        found.format = picture.format  # a copy has none
        return found
    except Exception as error:  # whatever numbers stand in there, the picture itself is sound
        print(f"What {name} says of its camera makes no sense ({error}), so it is not turned.")
        return picture


def squeezed(picture: PIL.Image.Image) -> np.ndarray:
    """`(224, 224, 3)`, uint8."""
    if picture.size != (PHOTO_SIDE, PHOTO_SIDE):
        picture = picture.resize((PHOTO_SIDE, PHOTO_SIDE), PIL.Image.Resampling.BICUBIC)
    return np.asarray(picture)


def photo(content: bytes, name: str) -> np.ndarray:
    """A picture file as RGB, squeezed to `(224, 224, 3)`, uint8.

    Raises:
        DataError: it is no picture.
    """
    try:
        return squeezed(rgb(PIL.Image.open(io.BytesIO(content))))
    except OSError as error:
        raise DataError(f"{name} is no picture that can be read; fetch its archive again.") from error


def own_photo(path: str | Path) -> np.ndarray:
    """A reader's own picture as RGB, squeezed to `(224, 224, 3)`, uint8; turned as its camera says.

    Raises:
        DataError: there is no such file, or no picture in it that can be read.
    """
    path = Path(os.path.expanduser(path))
    if not path.is_file():
        raise DataError(
            f"There is no file {path}. PHOTO must be the path of a picture, in JPEG or PNG "
            f"(here: {Path.cwd()})."
        )
    try:
        with PIL.Image.open(path) as stored:
            stored.load()
            return squeezed(rgb(turned(stored, path.name)))
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError) as error:
        raise DataError(
            f"{path.name} cannot be read as a picture ({error}). Save it as a JPEG or PNG file of less than "
            "100 million pixels, and name that."
        ) from error


def free_photos() -> dict[str, Path]:
    """The photos that come with the project and may be passed on: name, such as "dog_snow", and file.

    Authors and licences stand in `data/photos/PHOTOS.md`. No network was trained on them here.
    """
    return {path.stem: path for path in sorted(FREE_PHOTOS.glob("*.jpg"))}


def flickr8k_captions(tokens: str) -> tuple[dict[str, tuple[str, ...]], int]:
    """Captions by photo, from lines "name#number<TAB>caption".

    Returns:
        The captions, and how many are keyed to a name that goes on after ".jpg": these of one photo
        end in ".jpg.1"; they are given to the photo without it.
    """
    captions: dict[str, list[str]] = defaultdict(list)
    odd = 0
    for line in filter(str.strip, tokens.splitlines()):
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
