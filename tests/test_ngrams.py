"""Predicting by counting."""

from collections import Counter

import numpy as np
import pytest

from utils import ngrams
from utils.ngrams import Counts

TEXT = "the cat sat on the mat. the hat."


def test_counts_by_hand():
    counts = Counts("abab", 2, strength=1.0)
    p_b = (2 + 1 / 2) / (4 + 1)
    assert counts.chance("", "b", 1) == pytest.approx(p_b)
    assert counts.chance("a", "b", 2) == pytest.approx((2 + p_b) / (2 + 1))
    assert counts.chance("b", "b", 2) == pytest.approx((0 + p_b) / (1 + 1))  # the last b has no follower


@pytest.mark.parametrize("context", ["", "th", " the", "zzzz", "hat.", "."])
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_the_chances_after_any_context_add_up_to_one(context, n):
    counts = Counts(TEXT, 5)
    assert sum(counts.chance(context, c, n) for c in set(TEXT)) == pytest.approx(1)


def test_2500_symbols_at_n_7_still_add_up_to_one():
    rng = np.random.default_rng(0)
    text = "".join(chr(0x4E00 + k) for k in rng.integers(0, 2500, 20_000))
    counts = Counts(text, 7)
    for context in (text[100:106], text[-6:], "一" * 6):
        assert sum(counts.chance(context, c, 7) for c in set(text)) == pytest.approx(1)


def test_a_character_never_seen_has_a_chance():
    assert Counts(TEXT, 3, symbols=20).chance("th", "é", 3) > 0
    assert np.isfinite(Counts(TEXT, 3, symbols=20).nats("thé", 3)).all()


def test_nats_are_of_each_character_given_those_before():
    counts = Counts(TEXT, 3)
    paid = counts.nats("the", 3)
    chances = [counts.chance("", "t", 3), counts.chance("t", "h", 3), counts.chance("th", "e", 3)]
    np.testing.assert_allclose(paid, -np.log(chances))


def test_what_it_writes_follows_the_counts():
    counts = Counts("ab" * 500, 2, strength=1.0)
    written = counts.write("a", 400, 2, seed=1)
    assert len(written) == 400
    assert written == counts.write("a", 400, 2, seed=1) != counts.write("a", 400, 2, seed=2)
    pairs = [written[i : i + 2] for i in range(399)]
    assert np.mean([pair in ("ab", "ba") for pair in pairs]) > 0.98
    uniform = Counts("ab" * 500, 1, strength=1.0).write("", 400, 1)
    assert 0.4 < np.mean([letter == "a" for letter in uniform]) < 0.6


def test_how_often_it_writes_a_character_is_its_chance():
    counts = Counts(TEXT, 3)
    expected = counts.chance("th", "e", 3)
    drawn = [counts.write("th", 1, 3, seed=seed) for seed in range(2000)]
    assert np.mean([letter == "e" for letter in drawn]) == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("settings", [{"longest": 0}, {"longest": 40}, {"longest": 3, "strength": 0}])
def test_senseless_settings_are_refused(settings):
    with pytest.raises(ValueError, match="n must be at least 1"):
        Counts(TEXT, **settings)


# ---- Kneser-Ney


def test_kneser_ney_by_hand():
    """One sequence a b a b a c: n1, n2, n3 are not all there, so each discount is one half."""
    model = ngrams.KneserNey([[0, 1, 0, 1, 0, 2]], 2, symbols=4)
    # unigrams: a was seen after "nothing" and after b, b after a, c after a: 2, 1, 1 of 4
    one = {0: (1.5 + 1.5 / 4) / 4, 1: (0.5 + 1.5 / 4) / 4, 2: (0.5 + 1.5 / 4) / 4, 3: 1.5 / 4 / 4}
    for word, p in one.items():
        assert model.chance([9], word) == pytest.approx(p)  # 9 was never seen
    # after a: b twice, c once
    assert model.chance([0], 1) == pytest.approx((1.5 + 1.0 * one[1]) / 3)
    assert model.chance([0], 3) == pytest.approx(1.0 * one[3] / 3)
    assert model.chance([5, 7, 0], 2) == pytest.approx((0.5 + 1.0 * one[2]) / 3)
    assert model.chance([], 0) == pytest.approx((0.5 + 0.5 * one[0]) / 1)  # it begins with a


def test_kneser_neys_discounts_are_those_of_chen_and_goodman():
    found = ngrams.KneserNey.discounts(Counter({1: 100, 2: 40, 3: 20, 4: 12}))
    y = 100 / 180
    assert found == pytest.approx((1 - 2 * y * 0.4, 2 - 3 * y * 0.5, 3 - 4 * y * 0.6))


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_kneser_neys_chances_add_up_to_one(order):
    rng = np.random.default_rng(0)
    text = [rng.zipf(1.6, 300).clip(max=30).tolist() for _ in range(20)]
    model = ngrams.KneserNey(text, order, symbols=31)
    for context in ([], [1], [1, 1, 2], [1, 2, 1, 1, 3, 1], text[0][:9], [30, 29, 28, 27]):
        total = sum(model.chance(context, word) for word in range(31))
        assert total == pytest.approx(1)


def test_kneser_ney_sees_a_context_as_long_as_it_says_and_learns_from_it():
    cycle = [k for _ in range(200) for k in (0, 0, 1, 0, 1, 1)]
    nats = [ngrams.KneserNey([cycle], n, symbols=2).nats(cycle)[10:].mean() for n in (1, 2, 3, 4)]
    assert nats[0] > nats[1] > nats[2] > 4 * nats[3]
    model = ngrams.KneserNey([cycle], 3, symbols=2)
    assert model.nats([0, 1, 0, 0])[3] == pytest.approx(-np.log(model.chance([1, 0], 0)))


@pytest.mark.parametrize("wrong", [([], 2, 3), ([[]], 2, 3), ([[1]], 0, 3), ([[1]], 2, 0)])
def test_kneser_ney_refuses_what_it_cannot_count(wrong):
    with pytest.raises(ValueError, match="each must be at least 1"):
        ngrams.KneserNey(*wrong)
