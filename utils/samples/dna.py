"""Sample DNA for splice junctions: random bases with the words of a junction, at times misspelt.

What is before a place and what is behind it both matter, and the best possible score is known: with both
sides, and with what stands before only.

Not here: the real data and the splits (`utils.datasets.sequences`).
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


class Junction(NamedTuple):
    """A stretch of DNA, 60 letters of ACGT (and D, N, R, S where it is uncertain), and its kind."""

    bases: str
    kind: str


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
