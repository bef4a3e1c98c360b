"""Sentences and their translations: Multi30k's.

Not here: the grammars of the sample sentences (`utils.samples.sentences`).
"""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

from utils.datasets.common import Source, real_file, sha256
from utils.fetch import Remote
from utils.samples import sentences

COMMIT = "a3d2e0d26b56f3846f66a952536ffed4e401d05a"
HASHES = {
    "train.de": "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
    "train.en": "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
    "train.fr": "622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c",
    "val.de": "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
    "val.en": "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
    "val.fr": "ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9",
    "test_2016_flickr.de": "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
    "test_2016_flickr.en": "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
    "test_2016_flickr.fr": "6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90",
}
MULTI30K = {
    name: Remote(
        name=f"multi30k/{name}.gz",
        url=f"https://raw.githubusercontent.com/multi30k/dataset/{COMMIT}/data/task1/raw/{name}.gz",
        sha256=digest,
    )
    for name, digest in HASHES.items()
}


@dataclass(frozen=True)
class Pairs:
    """Sentences and their translations, as people wrote them.

    Attributes:
        source: the sentences.
        target: of each its translation.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]


@dataclass(frozen=True)
class Translations:
    """Sentences with their English in three parts.

    Attributes:
        train, validation, test: the parts.
        language: of the sources, "de" or "fr".
        source: where they came from.
    """

    train: Pairs
    validation: Pairs
    test: Pairs
    language: str
    source: Source


def lines(path: Path) -> tuple[str, ...]:
    """Those of a text file packed by gzip, without what surrounds them."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return tuple(line.strip() for line in file)


def multi30k(language: str = "de") -> Translations:
    """Multi30k (Elliott et al. 2016), descriptions of photos in two languages, or made-up sentences.

    To be downloaded, 1.3 MB: six files of the official repository.

    Args:
        language: of the sources, "de" or "fr"; the targets are English.

    Returns:
        Real, the official parts: 29,000, 1,014 and 1,000 (test 2016, Flickr) sentences. Sample: 3,000, 200
        and 200, by a grammar in which every sentence has one right translation.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or its copy is damaged.
        ValueError: there is no such language.
    """
    if language not in sentences.LANGUAGES:
        raise ValueError(f"language is {language!r}; it must be one of {', '.join(sentences.LANGUAGES)}.")
    names = [f"{part}.{side}" for part in ("train", "val", "test_2016_flickr") for side in (language, "en")]
    files = []
    for name in names:
        found = real_file(MULTI30K[name], "Multi30k", "sentences made by two small grammars")
        if found is None:
            return sample_sentences(language)
        files.append(found)
    texts = [lines(path) for path, _ in files]
    train, validation, test = (Pairs(*texts[first : first + 2]) for first in (0, 2, 4))
    digest = sha256("".join(HASHES[name] for name in names))
    source = Source("Multi30k", "real", files[0][1], digest)
    return Translations(train, validation, test, language, source)


def sample_sentences(language: str) -> Translations:
    """Sentences from the grammars of `utils.samples.sentences`; no sentence is in two parts."""
    pairs = sentences.make_pairs(language, 3400)
    digest = sha256(json.dumps(pairs, ensure_ascii=False))
    train, validation, test = (
        Pairs(*map(tuple, zip(*pairs[part], strict=True)))
        for part in (slice(3000), slice(3000, 3200), slice(3200, None))
    )
    source = Source("sample sentences", "sample", "made in memory", digest)
    return Translations(train, validation, test, language, source)
