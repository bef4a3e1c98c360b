"""Sample posts with named entities: what is said after a name tells what kind of name it is.

Nothing before a name does, so the best possible score is known: with both sides, and with what stands
before only.

Not here: the real data and the splits (`utils.datasets.sequences`).
"""

from typing import NamedTuple

import numpy as np

ENTITIES = {"person": 0.5, "location": 0.25, "corporation": 0.25}
OPENINGS = ("yesterday", "today", "they say that", "i heard that", "lol", "omg so", "well ,", "@you rt")
CUES = {
    "person": ("laughed", "sings", "slept in", "wrote to me"),
    "location": ("borders the sea", "lies in the north", "got snow", "has two rivers"),
    "corporation": ("sells shoes", "hires people", "pays no tax", "opened a shop"),
}
ENDINGS = ("", ".", "!", "again", "haha", ":)")
SYLLABLES = ("ka", "ro", "mi", "tel", "sun", "da", "vor", "li", "pen", "go")


class Sentence(NamedTuple):
    """Words, and a tag for each: O, or B- (first) or I- (further) with the type of entity."""

    words: tuple[str, ...]
    tags: tuple[str, ...]


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
