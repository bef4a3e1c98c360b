"""Reviews and what their writers thought: IMDB's.

Not here: the grammar of the sample reviews, and the ceilings it knows (`utils.samples.reviews`).
"""

import json
import lzma
import os
import re
import tarfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from utils.datasets.common import Source, real_file, sha256
from utils.fetch import Remote, data_folder
from utils.samples import reviews

# (half "train" or "test", label "pos" or "neg", number in that list) -> text of a review
Table = dict[tuple[str, str, int], str]

STARS = {"pos": range(7, 11), "neg": range(1, 5)}  # of ten


def read_prepared_imdb(path: Path) -> Table:
    """Reviews from lines such as ["train", "pos", "0_9.txt", "The text."], compressed by xz.

    Raises:
        ValueError: the stars, which stand in the name of a review, are not those of its label.
    """
    table: Table = {}
    with lzma.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            half, label, name, text = json.loads(line)
            number, stars = map(int, name.removesuffix(".txt").split("_"))
            if stars not in STARS[label]:
                raise ValueError(f"{half}/{label}/{name} has {stars} stars; expected {STARS[label]}.")
            table[half, label, number] = text
    return table


def is_whole_imdb(path: Path) -> bool:
    """Whether a prepared file holds 25,000 reviews in each half, 12,500 positive and 12,500 negative."""
    table = read_prepared_imdb(path)
    counts = Counter((half, label) for half, label, _ in table)
    wanted = {(half, label): 12_500 for half in ("train", "test") for label in ("pos", "neg")}
    numbers = {number for _, _, number in table}
    return counts == wanted and numbers == set(range(12_500)) and all(map(str.strip, table.values()))


# The authors publish no hash; this is the one that Hugging Face's and Julia's loaders pin. Its md5,
# 7c2ac02c03563afcf9b574c7e56c153a, is torchtext's.
IMDB = Remote(
    name="aclImdb_v1.tar.gz",
    url="https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
    sha256="c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
)
PREPARED_IMDB = Remote(
    name="aclImdb_reviews.jsonl.xz",
    url=IMDB.url,
    sha256="",  # told by its content
    prepared=is_whole_imdb,
    saved_as=IMDB.name,
)


@dataclass(frozen=True)
class Reviews:
    """Texts and what their writers thought.

    Attributes:
        texts: as written, marks such as <br /> included.
        labels: `(len(texts),)`, int8, 1 for positive and 0 for negative.
    """

    texts: tuple[str, ...]
    labels: np.ndarray


@dataclass(frozen=True)
class Sentiment:
    """Reviews in three parts.

    Attributes:
        train, validation, test: the parts.
        source: where they came from.
        films_known: whether it is known which film each review of `train` and `validation` is about;
            then no film is on both sides.
        reader_ceiling: expected accuracy of the best reader; None where nobody knows.
        counts_ceiling: that of the best function of the counts of words; None where nobody knows.
        pairs_ceiling: that of the best function of the counts of words and of pairs of neighbours.
    """

    train: Reviews
    validation: Reviews
    test: Reviews
    source: Source
    films_known: bool = False
    reader_ceiling: float | None = None
    counts_ceiling: float | None = None
    pairs_ceiling: float | None = None


def read_imdb_archive(path: Path) -> tuple[Table, dict[tuple[str, int], str]]:
    """Reviews from the official archive, read through once; nothing of it is unpacked to disk.

    Returns:
        The reviews, and (label, number) -> film for those of the training half.
    """
    table: Table = {}
    films: dict[tuple[str, int], str] = {}
    with tarfile.open(path, "r|gz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            review = re.fullmatch(r"aclImdb/(train|test)/(pos|neg)/(\d+)_\d+\.txt", member.name)
            listed = re.fullmatch(r"aclImdb/train/urls_(pos|neg)\.txt", member.name)
            if file and review:
                table[review[1], review[2], int(review[3])] = file.read().decode()
            elif file and listed:  # line n is the address of the film that review n is about
                lines = file.read().decode().splitlines()
                films |= {(listed[1], number): line for number, line in enumerate(lines)}
    return table, films


def is_for_validation(label: str, number: int) -> bool:
    """Whether a review of IMDB's training half is kept back: 1,249 positive ones and 1,256 negative ones.

    In both lists a film's reviews follow one another. Both go through the films in the same order,
    and the negative list ends with films that have no positive reviews: names in the texts show it.
    So the beginnings of both lists, cut behind the same film ("The Golden Child"), and the end of the
    negative one, cut before a film ("A Nightmare on Elm Street 5"), share no film with the rest.
    """
    return number < 1249 if label == "pos" else number < 341 or number >= 11_585


def take_reviews(table: Table, keys: list[tuple[str, str, int]]) -> Reviews:
    """Some reviews of a table, in the order of their numbers: neighbours of a label share films."""
    keys = sorted(keys, key=lambda key: (key[2], key[1]))
    labels = np.array([label == "pos" for _, label, _ in keys], np.int8)
    return Reviews(tuple(table[key] for key in keys), labels)


def imdb() -> Sentiment:
    """IMDB's 50,000 reviews (Maas et al. 2011), or sample reviews made by a grammar.

    From the official archive or, in `UNROLLED_DATA`, a prepared file, see `data/README.md`.

    Returns:
        Real: 22,495 reviews less those whose text, or whose film where the films are known,
        `validation` has as well; 2,505; and 25,000. The official archive lists the films, the
        prepared file does not. The test half is the official one. Reviews of a film follow one
        another, so a part of a part should be drawn at random.
        Sample: 4,000, 500 and 1,500, with ceilings.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or its copy is damaged.
    """
    folder = data_folder()
    has = {file: folder is not None and os.path.lexists(folder / file.name) for file in (IMDB, PREPARED_IMDB)}
    wanted = PREPARED_IMDB if has[PREPARED_IMDB] and not has[IMDB] else IMDB
    found = real_file(wanted, "The IMDB reviews", "reviews made by a small grammar")
    if found is None:
        return sample_reviews()
    path, origin = found
    table, films = (read_prepared_imdb(path), {}) if wanted is PREPARED_IMDB else read_imdb_archive(path)
    kept = [key for key in table if key[0] == "train" and is_for_validation(*key[1:])]
    barred = {films.get(key[1:]) for key in kept} - {None}
    known = {table[key] for key in kept}  # some reviews were posted twice, word for word
    rest = [key for key in table if key[0] == "train" and not is_for_validation(*key[1:])]
    rest = [key for key in rest if films.get(key[1:]) not in barred and table[key] not in known]
    digest = sha256(json.dumps(sorted(table.items()), ensure_ascii=False))
    return Sentiment(
        train=take_reviews(table, rest),
        validation=take_reviews(table, kept),
        test=take_reviews(table, [key for key in table if key[0] == "test"]),
        source=Source("IMDB reviews", "real", origin, digest),
        films_known=bool(films),
    )


def sample_reviews() -> Sentiment:
    """Reviews from the grammar of `utils.samples.reviews`, with the ceilings that it knows."""
    texts, labels = reviews.make_reviews(seed=0, count=6000)
    train, validation, test = (
        Reviews(tuple(texts[part]), labels[part])
        for part in (slice(4000), slice(4000, 4500), slice(4500, None))
    )
    digest = sha256(json.dumps([texts, labels.tolist()]))
    return Sentiment(
        train,
        validation,
        test,
        Source("sample reviews", "sample", "made in memory", digest),
        reader_ceiling=reviews.reader_ceiling(),
        counts_ceiling=reviews.counts_ceiling(),
        pairs_ceiling=reviews.counts_ceiling(longest=2),
    )
