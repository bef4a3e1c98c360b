"""The sample play: what it looks like, and that its information is what we say."""

import hashlib
import itertools
import re
import string

import numpy as np
import pytest

from utils.samples import verse

SYMBOLS = "\n !$&',-.3:;?" + string.ascii_letters


@pytest.fixture(scope="module")
def play():
    return verse.sample_play()


@pytest.fixture
def use(monkeypatch):
    """Puts another grammar in place of ours."""

    def put(rules):
        monkeypatch.setattr(verse, "grammar", lambda: rules)
        verse.beginnings.cache_clear()

    yield put
    verse.beginnings.cache_clear()


def scenes(text, number):
    """The first complete scenes of a play; each begins with the line before "Enter"."""
    return re.split(r"(?m)^(?=.*\nEnter )", text)[1 : number + 1]


def test_it_is_the_same_on_every_machine(play):
    assert (
        hashlib.sha256(play.text.encode()).hexdigest()
        == "a5e75097b13db4e829214167be3db8cb1fe413852ddf5cd907b300003e4d7462"
    )
    assert verse.write_play(1, 500).text != play.text[:500]


def test_it_has_the_65_symbols_of_tiny_shakespeare_in_the_part_to_learn_from(play):
    assert len(play.text) == len(play.information) == 200_000
    assert sorted(set(play.text[:180_000])) == sorted(SYMBOLS)
    assert sorted(set(play.text)) == sorted(SYMBOLS)
    assert min(play.text[:180_000].count(symbol) for symbol in SYMBOLS) >= 25


def feet(line):
    """A verse line's syllables, and whether every word of two falls on the right beat."""
    strong_first = {*verse.words("gentle"), "every", "others", "never", "ever"}
    weak_first = {*verse.words("upon"), *verse.words("again"), "unkind", "farewell", "to-night", "unhappy"}
    syllables, right = 0, True
    for word in re.findall(r"[a-z-]+", line.lower()):
        two = word in strong_first or word in weak_first
        right &= not two or (syllables % 2 == 1) == (word in strong_first)
        syllables += 3 if word == "unhappy" else 2 if two else 1
    return syllables, right


def test_every_verse_line_has_ten_syllables_weak_and_strong_in_turn(play):
    places = [
        line for name in verse.material() if name.startswith("place ") for line in verse.material()[name]
    ]
    known = "|".join(re.escape(place).replace(re.escape("{town}"), r"\w+") for place in places)
    prose = rf"Enter .*|Here is the bill.*|Read this.*|[A-Z ]+:||{known}"
    lines = [line for line in play.text.split("\n")[:-1] if not re.fullmatch(prose, line)]
    assert len(lines) > 3000
    for line in lines:
        assert feet(line) == (10, True), line


def test_scansion_notices_a_foot_too_many_and_a_wrong_beat():
    assert feet("The ship beyond the rock is cold again.") == (10, True)
    assert feet("The ship beyond the bitter rock is cold again.") == (12, True)
    assert feet("The rock bitter the ship is cold again.") == (10, False)


def test_couplets_rhyme_and_speakers_take_turns(play):
    rhymes = [line.replace("/", " ").split() for line in verse.material()["rhyme"]]
    ends = re.findall(
        r"(\w+)[,;:.]\n.*?(\w+)\.\n\n", "\n".join(re.findall(r"(?:So \w+s|Unhappy).*\n.*\n\n", play.text))
    )
    assert len(ends) > 100
    assert all(any(one in rhyme and two in rhyme for rhyme in rhymes) and one != two for one, two in ends)
    for scene in scenes(play.text, 50):
        speakers = re.findall(r"(?m)^([A-Z ]+):$", scene)
        assert set(speakers) <= set(re.findall(r"[A-Z][A-Z ]*[A-Z]", scene.split("\n")[1]))
        assert all(one != two for one, two in itertools.pairwise(speakers))


def test_information_adds_up_to_the_entropy_rate():
    long = verse.write_play(seed=7, characters=1_000_000)
    assert long.information.mean() == pytest.approx(verse.entropy_rate(), rel=0.01)


def test_another_probability_is_another_rate(use):
    rate = verse.entropy_rate()
    changed = dict(verse.grammar())
    changed["<stop>"] = [(0.2, parts) for _, parts in changed["<stop>"]]
    use(changed)
    assert verse.entropy_rate() > rate + 1e-4


def test_what_can_be_computed_by_hand(use):
    # heads: "a" and once more; tails: "bb" and the scene ends. Two tosses and 1 + 2 characters on average.
    use({"<scene>": [(0.5, ["a", "<scene>"]), (0.5, ["bb"])]})
    assert verse.entropy_rate() == pytest.approx(2 * np.log(2) / 3)
    assert verse.surprisals("abbb") == pytest.approx(np.log([2, 2, 1, 2]))


def test_probabilities_of_alternatives_add_up_to_one():
    for symbol, ways in verse.grammar().items():
        assert sum(p for p, _ in ways) == pytest.approx(1), symbol
        assert len({tuple(parts) for _, parts in ways}) == len(ways), symbol


def test_the_next_character_has_probability_one_in_all(play):
    def chance(text):
        try:
            return np.exp(-verse.surprisals(text)[-1])
        except ValueError:
            return 0.0

    for end in range(0, 250, 25):
        assert sum(chance(play.text[:end] + symbol) for symbol in SYMBOLS) == pytest.approx(1)


def surplus(text, information):
    """By how many nats the one derivation that was drawn is less probable than the text."""
    return information[: len(text)].sum() - verse.surprisals(text).sum()


def test_no_text_has_two_derivations():
    the_last_scene_ends = -np.log(1 - verse.SPEECHES_GO_ON)  # is booked, but not seen before the next begins
    for seed in range(100, 115):
        play = verse.write_play(seed, 6_000)
        whole = "".join(scenes(play.text, 100)[:-1])
        if whole:
            assert surplus(whole, play.information) == pytest.approx(the_last_scene_ends, abs=1e-6)


def test_two_derivations_would_be_noticed(use):
    use({"<scene>": [(0.5, ["a", "<b>"]), (0.5, ["ab"])], "<b>": [(1.0, ["b"])]})
    play = verse.write_play(0, 10)
    assert surplus(play.text, play.information) == pytest.approx(5 * np.log(2))


def test_the_loss_on_the_validation_part_is_right_in_the_fourth_digit(play):
    start = play.text.rindex("\nEnter ", 0, 180_000)
    start = play.text.rindex("\n", 0, start) + 1  # a scene depends on nothing before it
    exact = verse.surprisals(play.text[start:])[180_000 - start :].mean()
    assert play.information[180_000:].mean() == pytest.approx(exact, abs=5e-4)


@pytest.mark.parametrize(
    ("wrong", "place"),
    [("Hello", 0), ("A tower in Corinth.\nExit", 21), ("A tower in Corinth.\nEnter é", 26)],
)
def test_a_text_that_the_grammar_cannot_write_is_refused(wrong, place):
    with pytest.raises(ValueError, match=f"The grammar cannot write .* character {place} has probability 0"):
        verse.surprisals(wrong)
