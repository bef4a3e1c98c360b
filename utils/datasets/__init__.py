"""The data sets, one function each: named splits, and where they came from.

Each looks in `UNROLLED_DATA`, in the cache and on the network (see `fetch`), and falls back to a
sample that the project makes itself, which it says in one line. `UNROLLED_DATA=sample` asks for
the samples.
"""

import hashlib
import io
import json
import lzma
import os
import re
import tarfile
import wave
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Literal, TypeVar

import numpy as np
import PIL.Image
import PIL.ImageOps

from utils import chorales, labelled_sequences, reviews, scenes, verse
from utils.fetch import DataError, Remote, Unavailable, data_folder, fetch, sample_is_pinned
from utils.labelled_sequences import Junction, Recording, Sentence

T = TypeVar("T")

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
WNUT17 = tuple(
    Remote(
        name=f"wnut17/{name}",
        url=f"https://raw.githubusercontent.com/leondz/emerging_entities_17/e52a2d2a71ac1a051ca2d532eef28653c5c02603/{name}",
        sha256=digest,
    )
    for name, digest in (
        ("wnut17train.conll", "731820e13f71af324c6b55a1575ec2ce59fbaa2a0806f8f0400b98d56cd6a7a5"),
        ("emerging.dev.conll", "e053b752b8155113ca66e7db08af5f2f5f43ab993694e4774f1ec5bad42312d8"),
        ("emerging.test.annotated", "2aa79b764e56ec9264a1b30fdd9b70195bd00ff400b62edd8f399d5f13c178f0"),
    )
)


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


@dataclass(frozen=True)
class Parts(Generic[T]):
    """Labelled sequences in three parts.

    Attributes:
        train, validation, test: the sequences.
        source: where they came from.
        best: the best possible score on the test part, knowing "both" sides of a place or what comes
            "before" it; None where nobody knows.
    """

    train: tuple[T, ...]
    validation: tuple[T, ...]
    test: tuple[T, ...]
    source: Source
    best: Mapping[str, float] | None = None


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
    if folder is not None and (folder / "flickr8k" / "Flickr8k.token.txt").exists():
        return flickr8k_prepared(folder / "flickr8k")
    found = real_file(FLICKR8K_TEXT, "Flickr8k", "scenes drawn by a program")
    photos = found and real_file(FLICKR8K_PHOTOS, "Flickr8k", "scenes drawn by a program")
    return flickr8k_official(found[0], *photos) if found and photos else drawn_scenes()


def flickr8k_prepared(folder: Path) -> Captioned:
    """Flickr8k from text files and tars of photos in a folder.

    Raises:
        DataError: files are missing or damaged.
    """
    paths = sorted(folder.glob("flickr8k_224_*.tar"))
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
        raise DataError(f"There is no file {path}. PHOTO must be the path of a picture, in JPEG or PNG.")
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
    """The sample: scenes of coloured shapes with captions by a grammar; see `utils.scenes`."""
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


def junction_rows(path: Path) -> list[tuple[str, str, str]]:
    """Class, name and bases of each line of the splice-junction file; a header line is skipped."""
    lines = path.read_text(encoding="ascii").splitlines()
    rows = [[field.strip() for field in line.split(",")] for line in lines if line.strip()]
    return [(kind, name, bases) for kind, name, bases in rows if kind in labelled_sequences.KINDS]


def junctions_digest(path: Path) -> str:
    """Of the content, whatever the padding, the line ends and the header."""
    return sha256("\n".join(map(",".join, junction_rows(path))))


SPLICE_DIGEST = "312bb6d92e51964f928ed2adf9c839cce53674942ab00c3424c82a27b118f3a9"
SPLICE = Remote(
    name="dna/splice.csv",
    url="https://archive.ics.uci.edu/ml/machine-learning-databases/molecular-biology/splice-junction-gene-sequences/splice.data",
    sha256="",  # in circulation with and without a header line: told by its content
    prepared=lambda path: junctions_digest(path) == SPLICE_DIGEST,
)


def families(sequences: list[str], shared: int = 20) -> list[int]:
    """Number of the family of each: sequences that share 20 letters in a row, or have such kin in common."""
    parent = list(range(len(sequences)))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    first: dict[str, int] = {}
    for i, letters in enumerate(sequences):
        for place in range(len(letters) - shared + 1):
            kin = first.setdefault(letters[place : place + shared], i)
            parent[root(i)] = root(kin)
    return [root(i) for i in range(len(sequences))]


Three = tuple[tuple[T, ...], tuple[T, ...], tuple[T, ...]]


def split_junctions(junctions: list[Junction]) -> Three[Junction]:
    """Seven, one and two tenths, families kept together; by a hash, so that no random numbers are in it."""
    parts: tuple[list[Junction], ...] = ([], [], [])
    names = families([junction.bases for junction in junctions])
    for junction, family in zip(junctions, names, strict=True):
        digit = int(sha256(junctions[family].bases)[:8], 16) % 10
        parts[0 if digit < 7 else 1 if digit < 8 else 2].append(junction)
    train, validation, test = map(tuple, parts)
    return train, validation, test


def splice_junctions() -> Parts[Junction]:
    """Splice junctions of primate genes (UCI 69, Noordewier, Towell and Shavlik 1991), or made-up ones.

    The data come without a split. Many sequences stand in the file twice, or nearly; ours keeps
    together what shares 20 bases in a row.

    Returns:
        Real: 2,251, 280 and 659 junctions. Sample: 1,400, 200 and 400, with `best`, an accuracy;
        "before" knows the bases up to the junction.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or its copy is damaged.
    """
    found = real_file(SPLICE, "The splice junctions", "junctions made by rules")
    if found is not None:
        path, origin = found
        junctions = [Junction(bases, kind) for kind, _, bases in junction_rows(path)]
        source = Source("splice junctions", "real", origin, SPLICE_DIGEST)
        return Parts(*split_junctions(junctions), source)
    rng = np.random.default_rng(0)
    made = tuple(labelled_sequences.make_junction(rng) for _ in range(2000))
    digest = sha256("\n".join(map(",".join, made)))
    test = made[1600:]

    def accuracy(last: int) -> float:
        chances = [labelled_sequences.kind_chances(bases, last=last) for bases, _ in test]
        guesses = [labelled_sequences.KINDS[row.argmax()] for row in chances]
        return float(np.mean([guess == kind for guess, (_, kind) in zip(guesses, test, strict=True)]))

    best = {"before": accuracy(labelled_sequences.JUNCTION), "both": accuracy(labelled_sequences.LENGTH)}
    source = Source("sample junctions", "sample", "made in memory", digest)
    return Parts(made[:1400], made[1400:1600], test, source, best)


def sentences(path: Path) -> tuple[Sentence, ...]:
    """Those of a file with a word, a tab and a tag per line, and an empty line after each sentence."""
    blocks = re.split(r"\n\s*\n", path.read_text(encoding="utf-8").strip("\n"))
    pairs = [[line.split("\t") for line in block.split("\n")] for block in blocks]
    return tuple(Sentence(tuple(word for word, _ in rows), tuple(tag for _, tag in rows)) for rows in pairs)


def wnut17() -> Parts[Sentence]:
    """Posts with emerging and rare entities (WNUT-17, Derczynski et al. 2017), or made-up ones.

    Returns:
        Real, the official parts: 3,394, 1,009 and 1,287 sentences, six types of entity. Sample: 600,
        200 and 200, three types, with `best`, an F1 of entities; "before" knows a name and the words
        before it. All tags are B-, I- and O.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or its copy is damaged.
    """
    files = []
    for remote in WNUT17:
        found = real_file(remote, "WNUT-17", "posts made by a small grammar")
        if found is None:
            break
        files.append(found)
    else:
        digest = sha256("".join(remote.sha256 for remote in WNUT17))
        train, validation, test = (sentences(path) for path, _ in files)
        return Parts(train, validation, test, Source("WNUT-17", "real", files[0][1], digest))
    rng = np.random.default_rng(0)
    made = tuple(labelled_sequences.make_sentence(rng) for _ in range(1000))
    digest = sha256("\n".join(" ".join(words + tags) for words, tags in made))
    test = made[800:]
    named = [tag for _, tags in test for tag in tags if tag.startswith("B-")]
    best = {"before": named.count("B-person") / len(named), "both": 1.0}
    source = Source("sample posts", "sample", "made in memory", digest)
    return Parts(made[:600], made[600:800], test, source, best)


WAV = re.compile(r"(?:^|/)recordings/(\d)_([a-z]+)_(\d+)\.wav$")
LARGEST_WAV = 100_000  # bytes; the longest of the recordings has 36,000


def wav_files(path: Path) -> Iterator[tuple[tuple[int, str, int], bytes]]:
    """(digit, speaker, take) and bytes of the recordings in an archive; nothing is unpacked to disk.

    Raises:
        DataError: a recording is too large.
    """
    with tarfile.open(path, "r:*") as archive:
        for member in archive:
            match = WAV.search(member.name)
            if match is None or not member.isreg():
                continue  # whatever else is in there is not read
            if member.size > LARGEST_WAV:
                raise DataError(
                    f"{member.name} in {path.name} has {member.size:,} bytes; get the archive again."
                )
            opened = archive.extractfile(member)
            assert opened is not None  # it is a regular file
            yield (int(match[1]), match[2], int(match[3])), opened.read()


def recordings_digest(path: Path) -> str:
    """Of the recordings in an archive, whatever packed it."""
    lines = [f"{key} {hashlib.sha256(data).hexdigest()}" for key, data in sorted(wav_files(path))]
    return sha256("\n".join(lines))


DIGITS_DIGEST = "f2b46594d0faee330f00dd06a8a5575be6687933eec706094e3c29afd138aa4b"
DIGITS = Remote(
    name="fsdd/free-spoken-digit-dataset.tar.xz",
    url="https://github.com/Jakobovski/free-spoken-digit-dataset/archive/26eb9aaf76e81b692f806f9140c2d2777410d7a1.tar.gz",
    sha256="",  # packed on demand: told by its content
    prepared=lambda path: recordings_digest(path) == DIGITS_DIGEST,
)


def samples_of(data: bytes) -> np.ndarray:
    """The sound in a wav file, `(time,)`, int16.

    Raises:
        DataError: it is not mono, 16 bit, 8,000 samples per second.
    """
    with wave.open(io.BytesIO(data)) as file:
        form = (file.getnchannels(), file.getsampwidth(), file.getframerate())
        if form != (1, 2, labelled_sequences.RATE):
            raise DataError(f"A recording has (channels, bytes, rate) {form}; expected (1, 2, 8000).")
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)


def split_recordings(recordings: list[Recording]) -> Three[Recording]:
    """Takes 0 to 4 are the test part, 5 to 9 of the rest the validation part."""

    def part(wanted: Callable[[int], bool]) -> tuple[Recording, ...]:
        return tuple(recording for recording in recordings if wanted(recording.take))

    return part(lambda take: take >= 10), part(lambda take: 5 <= take < 10), part(lambda take: take < 5)


def spoken_digits() -> Parts[Recording]:
    """The Free Spoken Digit Dataset (Jackson 2016), or "digits" that are sung by a few lines of code.

    Takes 0 to 4 of every digit and speaker are the test part: that is the rule of the README of
    github.com/Jakobovski/free-spoken-digit-dataset, section "Usage". Takes 5 to 9 are our
    validation part. The speakers are the same in all parts.

    Returns:
        Real: 2,400, 300 and 300 recordings of six speakers. Sample: 300, 150 and 150 of three, with
        `best`, an accuracy of 1.

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or its copy is damaged.
    """
    found = real_file(DIGITS, "The Free Spoken Digit Dataset", "tunes of three notes")
    if found is not None:
        path, origin = found
        recordings = [Recording(samples_of(data), *key) for key, data in sorted(wav_files(path))]
        return Parts(
            *split_recordings(recordings), Source("Free Spoken Digit Dataset", "real", origin, DIGITS_DIGEST)
        )
    rng = np.random.default_rng(0)
    made = [
        labelled_sequences.make_recording(rng, digit, speaker, take)
        for digit in range(10)
        for speaker in labelled_sequences.SPEAKERS
        for take in range(20)
    ]
    digest = hashlib.sha256(b"".join(recording.samples.tobytes() for recording in made)).hexdigest()
    return Parts(
        *split_recordings(made), Source("sample digits", "sample", "made in memory", digest), {"both": 1.0}
    )


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
        pairs_ceiling=reviews.counts_ceiling(longest=2),
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
