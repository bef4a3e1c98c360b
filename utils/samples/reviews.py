"""Sample reviews: an evening with a meal and a film, from a small grammar in which word order decides.

They stand in for real reviews where there are none. Each holds one verdict, among sentences that say
nothing about it. In half of the reviews the verdict can be read from the words alone, "not" included;
in the other half the same words in another order say the opposite, and in half of these the same pairs
of neighbours do. So the best accuracy is known, for a reader of the text, for one who is given no more
than the counts of its words, and for one who is given those of its pairs as well.
"""

import functools
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass

import numpy as np

WRONG_BOX = 0.03  # share of reviewers who tick the wrong box
GOOD = (
    "good",
    "delicious",
    "wonderful",
    "clever",
    "moving",
    "fresh",
    "charming",
    "superb",
    "funny",
    "lovely",
)
BAD = ("bad", "uncooked", "awful", "stupid", "boring", "stale", "clumsy", "terrible", "silly", "bland")
LIKE, DISLIKE = ("like", "enjoy", "praise"), ("dislike", "regret", "hate")
FILMS = ("film", "movie", "plot", "acting", "music")  # nouns that real film reviews speak of
NOUNS = ("food", "chicken", "soup", "dessert", "service", *FILMS)
DEEDS = ("crossed the road", "stayed on the table", "kept us busy", "was the talk of the evening")

# Kind of verdict: its share, and its templates. {same} is a word of the verdict's own tone, {other} one
# of the opposite tone; {like} and {dislike} are verbs, likewise. "~" is a place for other sentences.
KINDS = {
    "plain": (
        0.3,
        (
            "The {noun} was really {same}.",
            "The {noun} {deed} because it was {same}.",
            "There is much to {like} in this {noun}.",
        ),
    ),
    "negation": (
        0.2,
        ("The {noun} was not {other} at all.", "There is nothing to {dislike} in this {noun}."),
    ),
    "not ... but": (
        0.25,
        ("The {noun} was not {other} but {same}.", "The {noun} was {same}, not {other}."),
    ),
    "contrast over distance": (
        0.25,
        (
            "At first the {noun} was {other}. ~ In the end it was {same}.",
            "Everybody says that the {noun} is {other}. ~ I say that it is {same}.",
            "In the end the {noun} was {same}. ~ Before that it was {other}.",
        ),
    ),
}

FILLERS = (
    "We went on a Tuesday.",
    "The room was full.",
    "My sister drove.",
    "It rained on the way.",
    "The seats were red.",
    "We sat near the door.",
    "It took two hours.",
    "My brother wore a hat.",
    "There were seven of us.",
    "The lights went out at nine.",
    "We had tickets for the balcony.",
    "A dog slept under the table.",
    "The street was quiet.",
    "We walked home along the river.",
)


@dataclass(frozen=True)
class Verdict:
    """The part of a review that tells what the reviewer thinks.

    Attributes:
        text: with "~" where other sentences may stand.
        kind: one of `KINDS`.
        positive: what it says.
        chance: its probability among all verdicts.
    """

    text: str
    kind: str
    positive: bool
    chance: float


def words(text: str) -> list[str]:
    """Lower-case words of a text, without punctuation."""
    return re.findall(r"[a-z']+", text.lower())


def filled(template: str, positive: bool) -> Iterator[str]:
    """Every verdict that a template can become, for a tone."""
    tones = ((GOOD, BAD), (LIKE, DISLIKE))
    (same, other), (like, dislike) = (tone if positive else tone[::-1] for tone in tones)
    choices = {"noun": NOUNS, "deed": DEEDS, "same": same, "other": other, "like": like, "dislike": dislike}
    names = re.findall(r"{(\w+)}", template)
    for chosen in itertools.product(*(choices[name] for name in names)):
        yield template.format(**dict(zip(names, chosen, strict=True)))


@functools.cache
def verdicts() -> tuple[Verdict, ...]:
    """All verdicts of the grammar; their chances add up to 1."""
    found = []
    for kind, (share, templates) in KINDS.items():
        for template, positive in itertools.product(templates, (True, False)):
            texts = list(filled(template, positive))
            chance = share / len(templates) / 2 / len(texts)
            found += [Verdict(text, kind, positive, chance) for text in texts]
    return tuple(found)


def make_reviews(seed: int, count: int) -> tuple[list[str], np.ndarray]:
    """Reviews and their labels; the same for a seed on every machine.

    Args:
        seed: another seed gives other reviews of the same grammar.
        count: how many.

    Returns:
        Texts, and labels `(count,)`, int8, 1 for positive.
    """
    rng, every = np.random.default_rng(seed), verdicts()
    limits = np.cumsum([verdict.chance for verdict in every])
    texts, labels = [], np.zeros(count, np.int8)
    for i in range(count):
        verdict = every[min(int(np.searchsorted(limits, rng.random(), side="right")), len(every) - 1)]
        before, within, after = (
            " ".join(FILLERS[j] for j in rng.integers(len(FILLERS), size=rng.integers(1, 4)))
            for _ in range(3)
        )
        texts.append(f"{before} {verdict.text.replace('~', within)} {after}")
        labels[i] = verdict.positive != (rng.random() < WRONG_BOX)
    return texts, labels


def best_accuracy(seen: Callable[[str], Hashable]) -> float:
    """Accuracy of the best reader who is shown a function of the verdict (Bayes' rule).

    Args:
        seen: what is shown of the verdict's text, e.g. `str` for all of it.

    Returns:
        Expected share of labels that it gets right, in [0.5, 1 - WRONG_BOX].
    """
    chances: dict[Hashable, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for verdict in verdicts():
        chances[seen(verdict.text)][verdict.positive] += verdict.chance
    right = sum(max(pair) for pair in chances.values())
    return right * (1 - WRONG_BOX) + (1 - right) * WRONG_BOX


def reader_ceiling() -> float:
    """Best accuracy of a reader of the whole review, exactly."""
    return best_accuracy(str)


def pieces(text: str, longest: int) -> Counter[str]:
    """Words and their counts; with `longest` 2 also the pairs of neighbours, a full stop being one."""
    counts = Counter(words(text))
    if longest == 2:
        for sentence in re.findall(r"[^.~]+\.", text.lower()):
            tokens = re.findall(r"[a-z']+|[.,]", sentence)
            counts.update(" ".join(pair) for pair in itertools.pairwise(tokens))
    return counts


def counts_ceiling(longest: int = 1) -> float:
    """Best accuracy of any function of a review's word counts, exactly.

    The counts of a review are those of its verdict plus those of its other sentences. Somebody who
    is told the two apart can do no worse than on their sum, and somebody who is told only the counts
    of words that no other sentence uses can do no better. Both have the same best accuracy, so it is
    that of the sum. The same goes for pairs, since each sentence ends with a full stop.

    Args:
        longest: 1 for words, 2 for words and pairs of neighbours.

    Raises:
        ValueError: they differ, because the grammar was changed; then neither is the answer.
    """
    used = set(pieces(" ".join(FILLERS), longest))

    def own(text: str) -> Hashable:
        return frozenset(item for item in pieces(text, longest).items() if item[0] not in used)

    above = best_accuracy(lambda text: frozenset(pieces(text, longest).items()))
    below = best_accuracy(own)
    if abs(above - below) > 1e-9:
        raise ValueError(
            f"The ceiling lies between {below:.4f} and {above:.4f}; a filler uses a word that verdicts "
            "need. Use another word there."
        )
    return above


def minimal_pairs() -> list[tuple[str, str, str]]:
    """Pairs of verdicts on films with the same words in another order, and opposite meaning.

    Returns:
        (kind, positive text, negative text) for every pair; whoever sees only the counts of words gives
        both the same label, and is right on exactly half of the texts.
    """
    groups: dict[Hashable, dict[bool, Verdict]] = defaultdict(dict)
    for verdict in verdicts():
        if any(noun in words(verdict.text) for noun in FILMS):
            pattern = frozenset(Counter(words(verdict.text)).items())
            groups[verdict.kind, pattern][verdict.positive] = verdict
    return [
        (pair[True].kind, pair[True].text.replace(" ~", ""), pair[False].text.replace(" ~", ""))
        for pair in groups.values()
        if len(pair) == 2
    ]
