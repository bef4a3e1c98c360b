"""Sample DNA, sentences and spoken digits, made by rules, for when the real ones cannot be had.

What is before a place and what is behind it both matter in the DNA and in the sentences, and the
best possible score is known: with both sides, and with what stands before only.

Not here: the real data and the splits (`datasets`).
"""

from typing import NamedTuple

import numpy as np

KINDS = ("EI", "IE", "N")  # of places in DNA: exon to intron, intron to exon, neither
BASES, JUNCTION, LENGTH = "ACGT", 30, 60  # the junction is between base 29 and base 30, from 0
BEFORE = {"EI": "AAACAG", "IE": "TTTCAG", "": ""}  # the exon's or the intron's last bases
BEHIND = {"EI": "GTAAGT", "IE": "GGAGAA", "": ""}
# (what is before, what is behind, kind, share): with one side only it may still be neither
SITES = (
    ("EI", "EI", "EI", 0.25),
    ("IE", "IE", "IE", 0.25),
    *((kind, "", "N", 0.125) for kind in ("EI", "IE")),
    *(("", kind, "N", 0.125) for kind in ("EI", "IE")),
)
SLIP = 0.05  # share of the bases of a word that are replaced by another

ENTITIES = {"person": 0.5, "location": 0.25, "corporation": 0.25}
OPENINGS = ("yesterday", "today", "they say that", "i heard that", "lol", "omg so", "well ,", "@you rt")
CUES = {
    "person": ("laughed", "sings", "slept in", "wrote to me"),
    "location": ("borders the sea", "lies in the north", "got snow", "has two rivers"),
    "corporation": ("sells shoes", "hires people", "pays no tax", "opened a shop"),
}
ENDINGS = ("", ".", "!", "again", "haha", ":)")
SYLLABLES = ("ka", "ro", "mi", "tel", "sun", "da", "vor", "li", "pen", "go")

SPEAKERS = {"low": 230.0, "middle": 320.0, "high": 450.0}  # frequency of the lowest note, hertz
NOTES = (1.0, 1.4, 2.4)  # in units of it; no two steps between notes are alike
TUNES = ("012", "021", "102", "120", "201", "210", "010", "020", "121", "202")  # of the digits 0 to 9
RATE = 8000  # samples per second


class Junction(NamedTuple):
    """A stretch of DNA, 60 letters of ACGT (and D, N, R, S where it is uncertain), and its kind."""

    bases: str
    kind: str


class Sentence(NamedTuple):
    """Words, and a tag for each: O, or B- (first) or I- (further) with the type of entity."""

    words: tuple[str, ...]
    tags: tuple[str, ...]


class Recording(NamedTuple):
    """A digit spoken once.

    Attributes:
        samples: sound pressure at 8,000 per second, `(time,)`, int16.
        digit: 0 to 9.
        speaker: a name.
        take: number of the recording, for this speaker and digit.
    """

    samples: np.ndarray
    digit: int
    speaker: str
    take: int


def make_junction(rng: np.random.Generator) -> Junction:
    """Random bases with the words of one of `SITES` next to the junction, at times misspelt."""
    before, behind, kind, _ = SITES[rng.choice(len(SITES), p=[share for *_, share in SITES])]
    bases = rng.choice(list(BASES), LENGTH)
    word = list(BEFORE[before] + BEHIND[behind])
    start = JUNCTION - len(BEFORE[before])
    for place, base in enumerate(word, start):
        others = BASES.replace(base, "")
        bases[place] = rng.choice(list(others)) if rng.random() < SLIP else base
    return Junction("".join(bases), kind)


def kind_chances(bases: str, first: int = 0, last: int = LENGTH) -> np.ndarray:
    """Probability of each kind, given the bases from `first` up to and without `last`.

    Args:
        bases: 60 letters, as `make_junction` makes them.

    Returns:
        `(3,)`, float64, in the order of `KINDS`.
    """
    chances = np.zeros(len(KINDS))
    for before, behind, kind, share in SITES:
        word, start = BEFORE[before] + BEHIND[behind], JUNCTION - len(BEFORE[before])
        for place, base in enumerate(word, start):
            if first <= place < last:  # in units of the chance of a random base, 1/4
                share *= 4 * (1 - SLIP if bases[place] == base else SLIP / 3)
        chances[KINDS.index(kind)] += share
    return chances / chances.sum()


def make_sentence(rng: np.random.Generator) -> Sentence:
    """A short post; what is said after a name tells what kind of name it is, nothing before it does."""

    def name() -> str:
        return "".join(rng.choice(SYLLABLES, rng.integers(2, 4))).capitalize()

    entity = str(rng.choice(list(ENTITIES), p=list(ENTITIES.values())))
    names = [name() for _ in range(rng.integers(1, 3))] if rng.random() < 0.8 else []
    opening, cue, ending = (str(rng.choice(part)).split() for part in (OPENINGS, CUES[entity], ENDINGS))
    words = [*opening, *(names or ["nobody"]), *cue, *ending]
    tags = ["O"] * len(words)
    for place in range(len(names)):
        tags[len(opening) + place] = f"{'I' if place else 'B'}-{entity}"
    return Sentence(tuple(words), tuple(tags))


def make_recording(rng: np.random.Generator, digit: int, speaker: str, take: int) -> Recording:
    """A "digit": three notes sung with an overtone and some noise; their order tells which one."""
    pitch = SPEAKERS[speaker] * rng.uniform(0.97, 1.03)
    notes = [np.full(rng.integers(500, 1000), pitch * NOTES[int(n)]) for n in TUNES[digit]]
    hertz = np.convolve(np.concatenate(notes), np.ones(160) / 160, mode="same")  # glides of 20 ms
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    sound = np.sin(phase) + 0.4 * np.sin(2 * phase) + rng.normal(0, 0.1, len(phase))
    loudness = rng.uniform(2000, 8000) * np.hanning(len(phase)) ** 0.3
    return Recording(np.int16(sound * loudness), digit, speaker, take)
