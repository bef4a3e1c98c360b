"""Pictures with a class for each pixel: MSRC-21, or drawn landscapes.

Not here: how landscapes are drawn (`utils.samples.landscapes`); networks that label pixels, and how they are
scored (`utils.segmentation`, `utils.mean_field`).
"""

import hashlib
import io
import lzma
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import PIL.Image

from utils.datasets.common import Source, real_file
from utils.fetch import DataError, Remote, data_folder, require_right, sample_is_pinned
from utils.samples import landscapes

HIGH, WIDE = 44, 64  # pixels of a labelled picture, lying
SIDE = 224  # pixels of a photo as a network trained on ImageNet sees it
MSRC_CLASSES = (
    "building", "grass", "tree", "cow", "horse", "sheep", "sky", "mountain", "aeroplane", "water", "face",
    "car", "bicycle", "flower", "sign", "bird", "book", "chair", "road", "cat", "dog", "body", "boat",
)  # fmt: skip
DROPPED = ("horse", "mountain")  # too few: MSRC-21 leaves them out
VOID = -1  # no class: not learnt, not scored
EIGHTHS = {"train": (0, 1, 2, 3), "validation": (4,), "test": (5, 6, 7)}  # of each series of photos
LARGEST = 2_000_000  # bytes of a photo or a labelling
NAMES_SHA256 = "06d4ab2dcf2471461579083ff7024bdccd294fd63708476878bd4a68c62918e2"
# The colours of the official labellings, void first; they and the address are from memory.
COLORS = (
    (0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 0, 128), (0, 128, 128),
    (128, 128, 128), (64, 0, 0), (192, 0, 0), (64, 128, 0), (192, 128, 0), (64, 0, 128), (192, 0, 128),
    (64, 128, 128), (192, 128, 128), (0, 64, 0), (128, 64, 0), (0, 192, 0), (128, 64, 128), (0, 192, 128),
    (128, 192, 128), (64, 64, 0), (192, 64, 0),
)  # fmt: skip
ERRORS = (
    OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile, ValueError,
    PIL.Image.DecompressionBombError,
)  # fmt: skip
SAMPLE = "landscapes drawn by a program"


@dataclass(frozen=True)
class Segments:
    """Pictures of one part, all lying, and the class of each pixel.

    Attributes:
        names: of the pictures.
        pictures: RGB, `(N, 44, 64, 3)`, uint8; upright ones are mirrored at their diagonal, so that they lie.
        labels: the class of each pixel, its place in the list of classes, or `VOID`, `(N, 44, 64)`, int8.
        photos: the same for a network trained on ImageNet, as they were taken, squeezed to
            `(N, 224, 224, 3)`, uint8; without photos, the pictures again.
        mirrored: which were upright, `(N,)`, bool.
    """

    names: tuple[str, ...]
    pictures: np.ndarray
    labels: np.ndarray
    photos: np.ndarray
    mirrored: np.ndarray

    def first(self, count: int | None) -> "Segments":
        """The first pictures of the part; all if None."""
        arrays = (self.pictures, self.labels, self.photos, self.mirrored)
        return Segments(self.names[:count], *(array[:count] for array in arrays))


@dataclass(frozen=True)
class Segmented:
    """Pictures with a class for each pixel, in three parts.

    Attributes:
        train, validation, test: the parts.
        classes: their names.
        colors: in which to show them, RGB, `(C, 3)`, uint8.
        source: where they came from.
    """

    train: Segments
    validation: Segments
    test: Segments
    classes: tuple[str, ...]
    colors: np.ndarray
    source: Source


def msrc21() -> Segmented:
    """MSRC-21 (Shotton et al. 2006), or drawn landscapes.

    In `UNROLLED_DATA` it may be the official archive, or, prepared, `msrc_v2/msrc_v2.tar.xz`: `images/*.jpg`,
    and `labels/*.png` with a number for each pixel, 0 for void, or a line of the list of 23 classes. The
    photos may be used for research that is not commercial; they must not be passed on.

    Returns:
        Real: 314, 78 and 199 photos, 21 classes. The split is ours, the official lists (276, 59 and 256) are
        not here: half, an eighth and three eighths of each series, by a hash of the names. Sample: as
        `drawn_landscapes` gives them.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or what it has of MSRC is damaged or another file.
    """
    if sample_is_pinned():
        return drawn_landscapes()
    folder = data_folder()
    if folder is not None and (folder / PREPARED.name).exists():
        require_right(PREPARED, folder / PREPARED.name)
        path, origin = folder / PREPARED.name, "UNROLLED_DATA"
    elif found := real_file(OFFICIAL, "MSRC-21", SAMPLE):
        path, origin = found
    else:
        return drawn_landscapes()
    try:
        return msrc_parts(read_archive(path), origin)
    except ERRORS as error:
        raise DataError(f"{path.name} cannot be read ({error}). Replace it, or remove it.") from error


def archive_files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the photos and labellings in a tar or zip; nothing is unpacked to disk.

    Raises:
        ValueError: a file is too large.
        OSError, EOFError, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile: the archive is damaged.
    """

    def wanted(name: str, size: int) -> bool:
        if PurePosixPath(name).suffix.lower() not in (".jpg", ".png", ".bmp"):
            return False
        if size > LARGEST:
            raise ValueError(f"{name} has {size:,} bytes")
        return True

    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if wanted(info.filename, info.file_size):
                    yield info.filename, archive.read(info)
        return
    with tarfile.open(path, "r:*") as tar:
        for member in tar:
            if member.isreg() and wanted(member.name, member.size):
                opened = tar.extractfile(member)
                assert opened is not None  # it is a regular file
                yield member.name, opened.read()


def read_archive(path: Path) -> dict[str, tuple[bytes, bytes]]:
    """Photo and labelling of each name, from the official archive or the prepared one.

    Raises:
        ValueError: a photo has no labelling or the other way round, or they are not MSRC's.
        The errors of `archive_files`.
    """
    photos, labels = {}, {}
    for name, content in archive_files(path):
        stem = PurePosixPath(name).stem
        if PurePosixPath(name).parent.name.lower() in ("labels", "groundtruth"):
            labels[stem.removesuffix("_GT")] = content
        else:
            photos[stem] = content
    odd = sorted(photos.keys() ^ labels.keys())
    if odd:
        raise ValueError(f"{odd[0]} is a photo without labels, or labels without a photo")
    if hashlib.sha256("\n".join(sorted(photos)).encode()).hexdigest() != NAMES_SHA256:
        raise ValueError(f"its {len(photos)} photos are not those of MSRC")
    return {name: (photos[name], labels[name]) for name in photos}


def is_msrc(path: Path) -> bool:
    """Whether an archive has the photos of MSRC by their names, each with its labelling."""
    return len(read_archive(path)) > 0


OFFICIAL = Remote(
    name="msrc_v2/msrc_objcategimagedatabase_v2.zip",
    url="https://download.microsoft.com/download/3/3/9/339D8A24-47D7-412F-A1E8-1A415BC48A15/"
    "msrc_objcategimagedatabase_v2.zip",
    sha256="",  # not known here
    prepared=is_msrc,
)
PREPARED = Remote(
    name="msrc_v2/msrc_v2.tar.xz",
    url=OFFICIAL.url,
    sha256="ef06ce5adb1cc82b7b28799911f0dad27935c6fb26c71beb603f5d20fb96c2f3",
    saved_as=OFFICIAL.name,
)


def classes_of(content: bytes, name: str) -> PIL.Image.Image:
    """The class of each pixel of a labelling, 0 for void, from numbers or from the official colours.

    Raises:
        ValueError: there is another number or colour in it.
        OSError: it is no picture.
    """
    picture = PIL.Image.open(io.BytesIO(content))
    if picture.mode == "L":
        numbers = np.asarray(picture)
    else:
        pixels = np.asarray(picture.convert("RGB")).astype(int) @ (65536, 256, 1)
        table = {red * 65536 + green * 256 + blue: k for k, (red, green, blue) in enumerate(COLORS)}
        found, where = np.unique(pixels, return_inverse=True)
        numbers = np.array([table.get(int(color), 255) for color in found], np.uint8)[where]
        numbers = numbers.reshape(pixels.shape)
    if numbers.max() > len(MSRC_CLASSES):
        raise ValueError(f"the labels of {name} hold a value that is no class")
    return PIL.Image.fromarray(numbers)


def lying(picture: PIL.Image.Image) -> PIL.Image.Image:
    """A picture, mirrored at its diagonal if it is upright."""
    upright = picture.height > picture.width
    return picture.transpose(PIL.Image.Transpose.TRANSPOSE) if upright else picture


def split(names: Iterable[str]) -> dict[str, list[str]]:
    """The names of each part: eighths by a hash, of each series, which the number at the beginning tells."""
    parts: dict[str, list[str]] = {part: [] for part in EIGHTHS}
    counted: Counter[str] = Counter()
    for name in sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest()):
        series = name.partition("_")[0]
        place = counted[series] % 8
        counted[series] += 1
        parts[next(part for part, places in EIGHTHS.items() if place in places)].append(name)
    return parts


def msrc_parts(files: Mapping[str, tuple[bytes, bytes]], origin: str) -> Segmented:
    """MSRC-21 from photos and labellings.

    Raises:
        ValueError, OSError: a file is no picture, a photo and its labelling differ in size, or a class is
            unknown.
    """
    kept = tuple(name for name in MSRC_CLASSES if name not in DROPPED)
    places = [VOID, *(kept.index(name) if name in kept else VOID for name in MSRC_CLASSES)]
    digest = hashlib.sha256()
    rows: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray, bool]] = {}
    for name in sorted(files):
        photo = PIL.Image.open(io.BytesIO(files[name][0])).convert("RGB")
        labels = classes_of(files[name][1], name)
        if photo.size != labels.size:
            raise ValueError(f"photo {name} is {photo.size}, its labels are {labels.size}")
        small = lying(photo).resize((WIDE, HIGH), PIL.Image.Resampling.BOX)
        fields = lying(labels).resize((WIDE, HIGH), PIL.Image.Resampling.NEAREST)
        squeezed = photo.resize((SIDE, SIDE), PIL.Image.Resampling.BILINEAR)
        classes = np.array(places, np.int8)[np.asarray(fields)]
        rows[name] = np.asarray(small), classes, np.asarray(squeezed), photo.height > photo.width
        digest.update(b"".join(files[name]))

    def part(names: Sequence[str]) -> Segments:
        pictures, classes, photos, upright = (np.stack(x) for x in zip(*map(rows.get, names), strict=True))  # type: ignore[arg-type]
        return Segments(tuple(names), pictures, classes, photos, upright)

    train, validation, test = (part(names) for names in split(files).values())
    colors = np.array([COLORS[1 + MSRC_CLASSES.index(name)] for name in kept], np.uint8)
    source = Source("MSRC-21", "real", origin, digest.hexdigest())
    return Segmented(train, validation, test, kept, colors, source)


def without_labels(names: Sequence[str], photos: np.ndarray) -> Segments:
    """Photos of which nobody has said what is in them, to be labelled.

    Args:
        names: of the photos.
        photos: RGB, `(N, 224, 224, 3)`, uint8.

    Returns:
        The same with pictures `(N, 44, 64, 3)`; all labels are `VOID`, none is mirrored.
    """
    size = (WIDE, HIGH)
    small = [np.asarray(PIL.Image.fromarray(one).resize(size, PIL.Image.Resampling.BOX)) for one in photos]
    void = np.full((len(photos), HIGH, WIDE), VOID, np.int8)
    return Segments(tuple(names), np.stack(small), void, photos, np.zeros(len(photos), bool))


def drawn_landscapes(
    train: int = 120,
    other: int = 40,
    size: tuple[int, int] = (HIGH, WIDE),
    noise: float = landscapes.NOISE,
    seed: int = 0,
) -> Segmented:
    """The sample: drawn landscapes under noise; see `utils.samples.landscapes`.

    Args:
        train: pictures to learn from.
        other: pictures of the validation part, and of the test part.
        size: height and width in pixels.
        noise: standard deviation of the noise, of 255.
        seed: another one draws others.
    """
    rng = np.random.default_rng(seed)
    labels = np.stack([landscapes.draw_labels(rng, *size) for _ in range(train + 2 * other)]).astype(np.int8)
    pictures = np.stack([landscapes.paint(one, rng, noise) for one in labels])
    digest = hashlib.sha256(labels.tobytes() + pictures.tobytes()).hexdigest()

    def part(first: int, last: int) -> Segments:
        names = tuple(f"landscape{k:04d}" for k in range(first, last))
        shown = pictures[first:last]
        return Segments(names, shown, labels[first:last], shown, np.zeros(len(names), bool))

    return Segmented(
        part(0, train),
        part(train, train + other),
        part(train + other, train + 2 * other),
        landscapes.CLASSES,
        np.array(list(landscapes.COLORS.values()), np.uint8),
        Source("drawn landscapes", "sample", "made in memory", digest),
    )
