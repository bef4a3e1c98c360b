"""Predicting by counting."""

import numpy as np
import pytest

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
