"""The sample reviews: what the grammar writes, and that its ceilings are what they are said to be."""

import re
from collections import Counter, defaultdict

import numpy as np
import pytest

from utils.samples import reviews

TEXTS, LABELS = reviews.make_reviews(seed=1, count=20_000)


def verdict_in(text: str) -> reviews.Verdict:
    """The verdict of a review, found by leaving out the other sentences."""
    sentences = re.findall(r"[^.]+\.", text)
    bare = "".join(s for s in sentences if s.strip() not in reviews.FILLERS).strip()
    return BARE[bare]


BARE = {verdict.text.replace(" ~", ""): verdict for verdict in reviews.verdicts()}


def test_chances_add_up_and_every_kind_has_its_share():
    every = reviews.verdicts()
    assert sum(verdict.chance for verdict in every) == pytest.approx(1)
    for kind, (share, _) in reviews.KINDS.items():
        for tone in (True, False):
            both = [verdict.chance for verdict in every if (verdict.kind, verdict.positive) == (kind, tone)]
            assert sum(both) == pytest.approx(share / 2)


def test_a_verdict_has_one_meaning():
    assert len(BARE) == len(reviews.verdicts()) == len({verdict.text for verdict in reviews.verdicts()})


def test_reviews_are_drawn_with_the_chances_of_their_verdicts():
    found = [verdict_in(text) for text in TEXTS]
    for kind, (share, _) in reviews.KINDS.items():
        drawn = np.mean([verdict.kind == kind for verdict in found])
        assert drawn == pytest.approx(share, abs=4 * np.sqrt(share / len(TEXTS)))
    right = np.mean([verdict.positive == label for verdict, label in zip(found, LABELS, strict=True)])
    assert right == pytest.approx(reviews.reader_ceiling(), abs=4 * np.sqrt(0.03 / len(TEXTS)))


def test_the_same_seed_gives_the_same_reviews():
    again, labels = reviews.make_reviews(seed=1, count=50)
    assert again == TEXTS[:50]
    assert (labels == LABELS[:50]).all()
    assert reviews.make_reviews(seed=2, count=50)[0] != again


def test_the_two_sentences_of_the_lecture_can_be_written():
    assert BARE["The food was really good."].positive
    assert not BARE["The chicken crossed the road because it was uncooked."].positive
    assert not BARE["There is nothing to like in this movie."].positive


def test_the_ceilings():
    assert reviews.reader_ceiling() == pytest.approx(0.97)
    # plain verdicts and negations, 0.3 + 0.2, can be told by the counts; the other half is a coin toss
    assert reviews.counts_ceiling() == pytest.approx(0.5 * 0.97 + 0.5 * 0.5)
    # "not ... but", 0.25, can be told by the pairs, and contrast over distance cannot
    assert reviews.counts_ceiling(longest=2) == pytest.approx(0.75 * 0.97 + 0.25 * 0.5)


def test_no_function_of_the_counts_does_better_on_drawn_reviews():
    """The best rule is looked up in the grammar: for each multiset of verdict words, its likelier label."""
    used = set(reviews.words(" ".join(reviews.FILLERS)))

    def own(text):
        return frozenset(Counter(word for word in reviews.words(text) if word not in used).items())

    chances = defaultdict(lambda: [0.0, 0.0])
    for verdict in reviews.verdicts():
        chances[own(verdict.text)][verdict.positive] += verdict.chance
    said = np.array([np.argmax(chances[own(text)]) for text in TEXTS])
    spread = np.sqrt(0.25 / len(TEXTS))
    assert (said == LABELS).mean() == pytest.approx(reviews.counts_ceiling(), abs=4 * spread)


def test_a_filler_that_uses_a_verdicts_word_is_refused(monkeypatch):
    assert reviews.counts_ceiling() > 0.7
    words = " ".join(reviews.GOOD + reviews.BAD)
    monkeypatch.setattr(reviews, "FILLERS", (f"We had heard {words}.",))
    with pytest.raises(ValueError, match=r"The ceiling lies between .* Use another word"):
        reviews.counts_ceiling()


def test_pieces():
    counts = {
        "it": 2,
        "was": 1,
        "is": 1,
        "bad": 1,
        "it was": 1,
        "was bad": 1,
        "bad .": 1,
        "it is": 1,
        "is .": 1,
    }
    assert reviews.pieces("It was bad. ~ It is.", longest=2) == counts
    assert reviews.pieces("It was bad. ~ It is.", longest=1) == {"it": 2, "was": 1, "is": 1, "bad": 1}


def test_minimal_pairs_have_equal_counts_and_opposite_meaning():
    pairs = reviews.minimal_pairs()
    assert len(pairs) == 2500
    assert {kind for kind, _, _ in pairs} == {"not ... but", "contrast over distance"}
    told = {kind for kind, *texts in pairs if len({frozenset(reviews.pieces(t, 2)) for t in texts}) == 2}
    assert told == {"not ... but"}
    for kind, positive, negative in pairs:
        assert Counter(reviews.words(positive)) == Counter(reviews.words(negative))
        assert (BARE[positive].positive, BARE[negative].positive) == (True, False)
        assert BARE[positive].kind == kind
