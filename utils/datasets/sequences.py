"""Labelled sequences of letters and of words: splice junctions, and posts with named entities.

Not here: the made-up ones (`utils.samples.dna`, `utils.samples.posts`); spoken digits (`speech`).
"""

import re
from pathlib import Path

import numpy as np

from utils.datasets.common import Parts, Source, Three, real_file, sha256
from utils.fetch import Remote
from utils.samples import dna, posts
from utils.samples.dna import Junction
from utils.samples.posts import Sentence


def junction_rows(path: Path) -> list[tuple[str, str, str]]:
    """Class, name and bases of each line of the splice-junction file; a header line is skipped."""
    lines = path.read_text(encoding="ascii").splitlines()
    rows = [[field.strip() for field in line.split(",")] for line in lines if line.strip()]
    return [(kind, name, bases) for kind, name, bases in rows if kind in dna.KINDS]


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
    made = tuple(dna.make_junction(rng) for _ in range(2000))
    digest = sha256("\n".join(map(",".join, made)))
    test = made[1600:]

    def accuracy(last: int) -> float:
        chances = [dna.kind_chances(bases, last=last) for bases, _ in test]
        guesses = [dna.KINDS[row.argmax()] for row in chances]
        return float(np.mean([guess == kind for guess, (_, kind) in zip(guesses, test, strict=True)]))

    best = {"before": accuracy(dna.JUNCTION), "both": accuracy(dna.LENGTH)}
    source = Source("sample junctions", "sample", "made in memory", digest)
    return Parts(made[:1400], made[1400:1600], test, source, best)


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
    made = tuple(posts.make_sentence(rng) for _ in range(1000))
    digest = sha256("\n".join(" ".join(words + tags) for words, tags in made))
    test = made[800:]
    named = [tag for _, tags in test for tag in tags if tag.startswith("B-")]
    best = {"before": named.count("B-person") / len(named), "both": 1.0}
    source = Source("sample posts", "sample", "made in memory", digest)
    return Parts(made[:600], made[600:800], test, source, best)
