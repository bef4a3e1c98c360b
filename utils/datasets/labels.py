"""Pictures with labels: Corel-5K, or drawn scenes whose things keep company.

Not here: how scenes are drawn (`utils.samples.company`); label sets as numbers, and networks that give them
(`utils.labels`); what a network sees in a picture (`utils.features`).
"""

import hashlib
import json
import lzma
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from utils.datasets.common import Source, sha256
from utils.datasets.pictures import Pictures, photo, unpacked
from utils.fetch import DataError, data_folder, sample_is_pinned
from utils.samples import company

LISTS = {"training": "training_label.txt", "test": "test_label.txt", "words": "words.txt"}
TABLES = {"training": "train.json", "test": "test.json"}
TARS = "corel5k_images*.tar*"
COUNTS = (
    4500,
    499,
)  # photos of the training part, from which the validation part is cut, and of the test part
VALIDATION = 500
WHAT_TO_PUT = (
    "no official address offers Corel-5K any more. If you have it, put into the folder corel5k/ of "
    "UNROLLED_DATA training_label.txt, test_label.txt and words.txt, or train.json and test.json, and the "
    "photos, unpacked in any folder below or in corel5k_images*.tar.xz"
)

Labels = tuple[str, ...]
Listed = dict[str, Labels]  # the labels of each photo, by its number


@dataclass(frozen=True)
class Labelled:
    """Pictures with several labels each, in three parts.

    Attributes:
        train, validation, test: the parts; the "captions" of a picture are its labels, each a word.
        words: the labels that are counted, in alphabetical order.
        source: where they came from.
        scenes: what is in each picture, by name; empty where nobody knows.
    """

    train: Pictures
    validation: Pictures
    test: Pictures
    words: Labels
    source: Source
    scenes: Mapping[str, company.Scene] = field(default_factory=dict)


def corel5k() -> Labelled:
    """Corel-5K (Duygulu et al. 2002) with its usual split, or drawn scenes.

    There is no official download. `UNROLLED_DATA` may have a folder `corel5k/` with the photos, `<id>.jpeg`
    or `.jpg`, in tars `corel5k_images*.tar.xz` or unpacked in any folder below, and either the lists
    `training_label.txt` and `test_label.txt` ("id word word ...", numbers of lines in `words.txt`), or
    `train.json` and `test.json` ("samples", each with "image_name" and "image_labels").

    Returns:
        Real: 4,000, 500 and 499 photos, `(224, 224, 3)`, with 0 to 5 labels; `words` are those that occur in
        the training part (with the validation part) and in the test part, 260, as published results count.
        Sample: as `company_scenes` gives them.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or what it has of Corel-5K is damaged or incomplete.
    """
    if sample_is_pinned():
        return company_scenes()
    folder = data_folder()
    if folder is None or not (folder / "corel5k").is_dir():
        print(f"Corel-5K cannot be had: {WHAT_TO_PUT}. Instead: scenes drawn by a program.")
        return company_scenes()
    try:
        training, test = read_labels(folder / "corel5k")
        photos = read_photos(folder / "corel5k")
    except (
        OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, ValueError, LookupError, TypeError
    ) as error:  # fmt: skip
        raise DataError(
            f"corel5k/ in UNROLLED_DATA cannot be read ({error}). Replace the file, or remove the folder."
        ) from error
    return corel5k_parts(training, test, photos)


def read_labels(folder: Path) -> tuple[Listed, Listed]:
    """The labels of each photo of the training and the test part, from either form of the files.

    Raises:
        DataError: there is neither.
        ValueError, LookupError, TypeError, OSError: a file is not in its form or cannot be read.
    """
    lists = {part: unpacked(folder, name) for part, name in LISTS.items()}
    if all(lists.values()):
        texts = {part: paths[0].read_text(encoding="utf-8-sig") for part, paths in lists.items()}
        words = texts["words"].split()
        return from_list(texts["training"], words), from_list(texts["test"], words)
    tables = {part: unpacked(folder, name) for part, name in TABLES.items()}
    if all(tables.values()):
        read = {part: json.loads(paths[0].read_text("utf-8-sig")) for part, paths in tables.items()}
        return from_table(read["training"]), from_table(read["test"])
    missing = [name for part, name in LISTS.items() if not lists[part]]
    raise DataError(f"corel5k/ in UNROLLED_DATA has no {' and no '.join(missing)}: {WHAT_TO_PUT}.")


def from_list(text: str, words: Sequence[str]) -> Listed:
    """Labels from lines "id number number ..."; a number counts lines of the list of words from 1.

    Raises:
        ValueError: a number is none or out of range.
    """
    found: Listed = {}
    for line in filter(str.strip, text.splitlines()):
        name, *numbers = map(int, line.split())
        wrong = [number for number in numbers if not 1 <= number <= len(words)]
        if wrong:
            raise ValueError(f"photo {name} has word {wrong[0]}, but there are {len(words)}")
        found[str(name)] = tuple(dict.fromkeys(words[number - 1] for number in numbers))
    return found


def from_table(table: Any) -> Listed:
    """Labels from `{"samples": [{"image_name": ..., "image_labels": [...]}, ...]}`."""
    return {
        Path(sample["image_name"]).stem: tuple(dict.fromkeys(map(str, sample["image_labels"])))
        for sample in table["samples"]
    }


def read_photos(folder: Path) -> dict[str, bytes]:
    """The files of the photos by their number, from tars or unpacked."""
    found: dict[str, bytes] = {}
    for pattern in ("*.jpg", "*.jpeg"):
        found |= {path.stem: path.read_bytes() for path in unpacked(folder, pattern)}
    for path in unpacked(folder, TARS):
        with tarfile.open(path) as tar:
            for member in filter(tarfile.TarInfo.isfile, tar):
                file = tar.extractfile(member)
                if file and Path(member.name).suffix in (".jpg", ".jpeg"):
                    found[Path(member.name).stem] = file.read()
    return found


def corel5k_parts(training: Listed, test: Listed, photos: Mapping[str, bytes]) -> Labelled:
    """Corel-5K from its labels and photos.

    Raises:
        DataError: photos or labels are missing, or a photo is in both parts.
    """
    both = training.keys() & test.keys()
    missing = [name for name in (*training, *test) if name not in photos]
    if (len(training), len(test)) != COUNTS or both or missing:
        raise DataError(
            f"corel5k/ in UNROLLED_DATA is incomplete or another data set: {len(training):,} training and "
            f"{len(test):,} test photos with labels (expected {COUNTS[0]:,} and {COUNTS[1]:,}), "
            f"{len(both)} in both, {len(missing):,} without a picture. Replace the files."
        )
    words = {word for labels in training.values() for word in labels}
    words &= {word for labels in test.values() for word in labels}
    order = [sorted(training, key=int)[i] for i in np.random.default_rng(0).permutation(len(training))]
    digest = hashlib.sha256(repr((sorted(training.items()), sorted(test.items()))).encode())
    for name in sorted((*training, *test)):
        digest.update(photos[name])
    every = training | test

    def part(names: Sequence[str]) -> Pictures:
        labels = tuple(tuple(word for word in every[name] if word in words) for name in names)
        return Pictures(tuple(names), labels, lambda name: photo(photos[name], f"photo {name}"))

    return Labelled(
        part(order[VALIDATION:]),
        part(order[:VALIDATION]),
        part(sorted(test, key=int)),
        tuple(sorted(words)),
        Source("Corel-5K", "real", "UNROLLED_DATA", digest.hexdigest()),
    )


def company_scenes(count: int = 2000, *, shuffled: bool = False, seed: int = 0) -> Labelled:
    """The sample: drawn scenes whose things keep company; see `utils.samples.company`.

    Args:
        count: scenes to learn from.
        shuffled: each thing is as frequent as before, whatever the others.
        seed: another one draws other scenes.

    Returns:
        `count` scenes, and an eighth of that each for validation and test, `(64, 64, 3)`, with up to 8
        labels, and what is in them.
    """
    rng, other = np.random.default_rng(seed), count // 8
    made = {f"scene{i:04d}": company.make_scene(rng, shuffled) for i in range(count + 2 * other)}

    def load(name: str) -> np.ndarray:
        return company.draw(made[name])

    def part(first: int, last: int) -> Pictures:
        names = tuple(made)[first:last]
        return Pictures(names, tuple(company.labels(made[name]) for name in names), load)

    source = Source("drawn company", "sample", "made in memory", sha256(repr(made)))
    return Labelled(
        part(0, count),
        part(count, count + other),
        part(count + other, count + 2 * other),
        tuple(sorted(company.THINGS)),
        source,
        made,
    )
