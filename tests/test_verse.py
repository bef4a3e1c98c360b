"""The sample play: what it looks like, and that its information is what we say."""

import functools
import hashlib
import re
import string

import numpy as np
import pytest

from utils import verse

SYMBOLS = "\n !$&',-.3:;?" + string.ascii_letters


@pytest.fixture(scope="module")
def play():
    return verse.sample_play()


def test_it_is_the_same_on_every_machine(play):
    assert (
        hashlib.sha256(play.text.encode()).hexdigest()
        == "83de8920331806b63fcb4495c5ecafaaad406ebfd256b41f46379e40e0b7ba59"
    )
    assert verse.write_play(1, 500).text != play.text[:500]


def test_it_has_the_65_symbols_of_tiny_shakespeare_in_the_part_to_learn_from(play):
    assert len(play.text) == len(play.information) == 200_000
    assert sorted(set(play.text[:180_000])) == sorted(SYMBOLS)
    assert sorted(set(play.text)) == sorted(SYMBOLS)


def test_a_verse_line_has_ten_syllables(play):
    two = "within among beyond upon to-night begin beside depart never unkind every"
    syllables = dict.fromkeys([*two.split(), *verse.material()["gentle"][0].split()], 2)
    prose = r"Enter .*|The bill of .*|Received at .*|[A-Z ]+:|"
    lines = [line for line in play.text[:50_000].split("\n")[:-1] if not re.fullmatch(prose, line)]
    assert len(lines) > 500
    for line in lines:
        words = re.findall(r"[a-z-]+", line.lower())
        assert sum(syllables.get(word, 1) for word in words) == 10, line


def test_information_adds_up_to_the_entropy_rate():
    long = verse.write_play(seed=7, characters=1_500_000)
    assert long.information.mean() == pytest.approx(verse.entropy_rate(), rel=0.01)


def test_another_probability_is_another_rate(monkeypatch):
    rate = verse.entropy_rate()
    changed = {k: list(v) for k, v in verse.grammar().items()}
    changed["<stop>"] = [(0.2, parts) for _, parts in changed["<stop>"]]
    monkeypatch.setattr(verse, "grammar", lambda: changed)
    assert verse.entropy_rate() > rate + 1e-3


def test_the_rate_of_a_grammar_that_can_be_computed_by_hand(monkeypatch):
    # heads: "a" and once more, tails: "bb" and stop. Two tosses on average, 1 * 1 + 2 characters.
    coin = {"<scene>": [(0.5, ["a", "<scene>"]), (0.5, ["bb"])]}
    monkeypatch.setattr(verse, "grammar", lambda: coin)
    assert verse.entropy_rate() == pytest.approx(2 * np.log(2) / 3)


def test_probabilities_of_alternatives_add_up_to_one():
    for symbol, ways in verse.grammar().items():
        assert sum(p for p, _ in ways) == pytest.approx(1), symbol
        assert len({tuple(parts) for _, parts in ways}) == len(ways), symbol


def test_no_text_has_two_derivations(play):
    scenes = re.split(r"(?m)^(?=Enter )", play.text[:40_000])[1:-1]
    assert len(scenes) > 5
    for scene in scenes:
        assert derivations(scene) == 1, scene


def derivations(text: str) -> int:
    """In how many ways the grammar makes a scene, by trying all of them."""
    rules = verse.grammar()

    @functools.cache
    def ends(part: str, start: int) -> dict[int, int]:
        """Where a part that begins at `start` can end, and in how many ways."""
        if part not in rules:
            return {start + len(part): 1} if text.startswith(part, start) else {}
        found: dict[int, int] = {}
        for _, parts in rules[part]:
            reached = {start: 1}
            for piece in parts:
                following: dict[int, int] = {}
                for place, ways in reached.items():
                    for end, more in ends(piece, place).items():
                        following[end] = following.get(end, 0) + ways * more
                reached = following
            for end, ways in reached.items():
                found[end] = found.get(end, 0) + ways
        return found

    return ends("<scene>", 0).get(len(text), 0)


def test_two_derivations_would_be_noticed(monkeypatch):
    doubled = {"<scene>": [(0.5, ["a", "<b>"]), (0.5, ["ab"])], "<b>": [(1.0, ["b"])]}
    monkeypatch.setattr(verse, "grammar", lambda: doubled)
    assert derivations("ab") == 2
