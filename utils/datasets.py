"""The data sets, one function each: named splits, and where they came from.

Each looks in `UNROLLED_DATA`, in the cache and on the network (see `fetch`), and falls back to a
sample that the project makes itself, which it says in one line. `UNROLLED_DATA=sample` asks for
the samples.
"""

import hashlib
import json
import lzma
import os
import re
import tarfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from utils import chorales, reviews, verse
from utils.fetch import Remote, Unavailable, data_folder, fetch, sample_is_pinned

SHAKESPEARE = Remote(
    name="shakespeare.txt",
    url="https://storage.googleapis.com/download.tensorflow.org/data/shakespeare.txt",
    sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
)

JSB = Remote(
    name="jsb/jsb-chorales-quarter.json",
    url="https://raw.githubusercontent.com/czhuang/JSB-Chorales-dataset/9a7f733ddb4ed91f48da64ac7f0f621c34aadd4d/jsb-chorales-quarter.json",
    sha256="2db9329f1881a1d3f49703ec556bf1d6f84b4f6c1d702c156536e93cf31e1c91",
)

# (half "train" or "test", label "pos" or "neg", number in that list) -> text of a review
Table = dict[tuple[str, str, int], str]


def read_prepared_imdb(path: Path) -> Table:
    """Reviews from lines such as ["train", "pos", "0_9.txt", "The text."], compressed by xz."""
    table: Table = {}
    with lzma.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            half, label, name, text = json.loads(line)
            table[half, label, int(name.split("_")[0])] = text
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
PREPARED_IMDB = Remote("aclImdb_reviews.jsonl.xz", IMDB.url, IMDB.sha256, prepared=is_whole_imdb)


@dataclass(frozen=True)
class Source:
    """Where a data set came from.

    Attributes:
        name: what a reader calls it, e.g. "Tiny Shakespeare".
        kind: "real", "sample" (embedded in the project) or "own" (a file of the reader's).
        origin: "UNROLLED_DATA", "cache", "download", "made in memory" or the name of the reader's file.
        sha256: of the content that was used.
    """

    name: str
    kind: Literal["real", "sample", "own"]
    origin: str
    sha256: str


@dataclass(frozen=True)
class Text:
    """A text in two parts, cut in order.

    Attributes:
        train: the first nine tenths.
        validation: the rest.
        source: where it came from.
        best_loss: nats per character of the validation text that a perfect model of its source
            pays, having read the rest; None where nobody knows.
    """

    train: str
    validation: str
    source: Source
    best_loss: float | None = None


@dataclass(frozen=True)
class Chorales:
    """Piano rolls of chorales, one step per quarter note, in three parts.

    Attributes:
        train, valid, test: arrays `(time, 88)`, bool; True where a key of the piano sounds.
        source: where they came from.
        best_loss: nats per step of the test part that the best model with 88 separate outputs pays;
            None where nobody knows.
    """

    train: tuple[np.ndarray, ...]
    valid: tuple[np.ndarray, ...]
    test: tuple[np.ndarray, ...]
    source: Source
    best_loss: float | None = None


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
    """

    train: Reviews
    validation: Reviews
    test: Reviews
    source: Source
    films_known: bool = False
    reader_ceiling: float | None = None
    counts_ceiling: float | None = None


def cut_at(text: str) -> int:
    """Where the validation part begins: after nine tenths of the characters."""
    return int(0.9 * len(text))


def split_text(text: str, source: Source, best_loss: float | None = None) -> Text:
    """A text cut in order, nine tenths to learn from."""
    cut = cut_at(text)
    return Text(text[:cut], text[cut:], source, best_loss)


def sha256(text: str) -> str:
    """Of the text as UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def real_file(remote: Remote, title: str, sample: str) -> tuple[Path, str] | None:
    """The real file, or None where a sample is to stand in: asked for, or announced in one line.

    Args:
        remote: what is wanted.
        title: of the data set, for the line.
        sample: what stands in, for the line.

    Returns:
        The file's path and where it was found, or None.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or its copy is damaged.
    """
    if sample_is_pinned():
        return None
    try:
        return fetch(remote)
    except Unavailable as reason:
        print(
            f"{title} cannot be had: {reason}. Instead: {sample}. For the real data, put {remote.name} "
            "into a folder and set UNROLLED_DATA to it."
        )
        return None


def shakespeare() -> Text:
    """Tiny Shakespeare (Karpathy 2015), or a sample play made by a grammar.

    Returns:
        Real: 1,115,394 characters of 65 symbols, cut into 1,003,854 and 111,540.
        Sample: 200,000 characters of the same 65 symbols, with `best_loss`.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or its copy is damaged.
    """
    found = real_file(SHAKESPEARE, "Tiny Shakespeare", "a sample play made by a grammar")
    if found is not None:
        path, origin = found
        text = path.read_bytes().decode()  # bytes: line ends stay as they are, on Windows too
        return split_text(text, Source("Tiny Shakespeare", "real", origin, SHAKESPEARE.sha256))
    play = verse.sample_play()
    source = Source("sample play", "sample", "made in memory", sha256(play.text))
    cut = cut_at(play.text)
    return split_text(play.text, source, best_loss=float(play.information[cut:].mean()))


def piano_roll(chords: list[list[int]]) -> np.ndarray:
    """Chords as MIDI pitches, one list per step -> `(time, 88)`, bool."""
    roll = np.zeros((len(chords), chorales.KEYS_OF_PIANO), bool)
    for step, pitches in zip(roll, chords, strict=True):
        step[np.array(pitches, int) - chorales.LOWEST] = True
    return roll


def jsb_chorales() -> Chorales:
    """Bach's chorales (split of Boulanger-Lewandowski et al. 2012), or sample chorales by a grammar.

    Returns:
        Real: 229, 76 and 77 chorales, 13,807, 4,602 and 4,725 steps.
        Sample: 100, 30 and 30 chorales, with `best_loss`.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or its copy is damaged.
    """
    found = real_file(JSB, "The JSB chorales", "chorales made by a small grammar")
    if found is not None:
        path, origin = found
        parts = json.loads(path.read_text(encoding="utf-8"))
        train, valid, test = (tuple(map(piano_roll, parts[part])) for part in ("train", "valid", "test"))
        return Chorales(train, valid, test, Source("JSB chorales", "real", origin, JSB.sha256))
    rng = np.random.default_rng(0)
    made = [chorales.make_chorale(rng) for _ in range(160)]
    every = tuple(chorale.roll for chorale in made)
    digest = hashlib.sha256(np.packbits(np.concatenate(every)).tobytes()).hexdigest()
    best = float(np.concatenate([chorales.information(chorale) for chorale in made[130:]]).mean())
    source = Source("sample chorales", "sample", "made in memory", digest)
    return Chorales(every[:100], every[100:130], every[130:], source, best)


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
    """Whether a review of IMDB's training half is kept back: 1,250 positive ones and 1,250 negative ones.

    In both lists a film's reviews follow one another. Both go through the films in the same order,
    and the negative list ends with films that have no positive reviews: names in the texts show it.
    So the beginnings of both lists, cut at the same film, and the end of the negative one share no
    film with the rest, but perhaps the one at each of the three cuts.
    """
    return number < 1250 if label == "pos" else number < 340 or number >= 11_590


def take_reviews(table: Table, keys: list[tuple[str, str, int]]) -> Reviews:
    """Some reviews of a table, in the order of their numbers, so that labels alternate."""
    keys = sorted(keys, key=lambda key: (key[2], key[1]))
    labels = np.array([label == "pos" for _, label, _ in keys], np.int8)
    return Reviews(tuple(table[key] for key in keys), labels)


def imdb() -> Sentiment:
    """IMDB's 50,000 reviews (Maas et al. 2011), or sample reviews made by a grammar.

    From the official archive or, in `UNROLLED_DATA`, a prepared file, see `data/README.md`.

    Returns:
        Real: 22,500 reviews less those whose text, or whose film where the films are known,
        `validation` has as well; 2,500; and 25,000. The official archive lists the films, the
        prepared file does not. The test half is the official one, which shares no film with the rest.
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
    """Reviews from the grammar of `utils.reviews`, with the ceilings that it knows."""
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
    )


def text_file(path: str | Path) -> Text:
    """The reader's own text.

    Args:
        path: of a UTF-8 file with at least 10,000 characters.

    Returns:
        The text, cut like the others.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not UTF-8, or too short to learn from.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        what = f"{str(path)!r} is a folder" if path.is_dir() else f"There is no file {str(path)!r}"
        raise FileNotFoundError(f"{what}; give the path of a text file (here: {Path.cwd()}).")
    try:
        text = path.read_text(encoding="utf-8-sig")  # -sig: without the mark that some editors put first
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path.name} is not UTF-8 (byte {error.start}); save it as UTF-8 text first."
        ) from error
    if len(text) < 10_000:
        raise ValueError(
            f"{path.name} has {len(text):,} characters; 10,000 are needed, and half a million are better."
        )
    return split_text(text, Source(path.name, "own", path.name, sha256(text)))
