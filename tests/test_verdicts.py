"""Verdicts of labs in which all networks fail at quick scale, so that all differences there are 0."""

import ast
import itertools
import math
import types

import numpy as np
import pytest
from cells import run_cells

from tools import check, notebooks
from utils import captions, intervals, results
from utils.intervals import crossed


class Card:
    """What a cell writes on its card, by name."""

    def __init__(self):
        self.values, self.units, self.verdicts = {}, {}, {}

    def add(self, name, value, unit="share", **_):
        self.values[name], self.units[name] = float(value), unit

    def claim(self, claim, name, value, unit="share", *, verdict, **_):
        self.add(name, value, unit)
        self.verdicts[name] = f"{claim}: {verdict}"


@pytest.fixture
def card():
    return Card()


def whole(values):
    """In place of an interval: all the values."""
    return float(np.min(values)), float(np.max(values))


STARTS = (
    "f 1, i 0 (Keras)", "f 1, i -3", "f ln u, i 0", "f ln u, i -ln u", "f 100, i 0 (1997)", "f 100, i -3",
)  # fmt: skip


@pytest.fixture
def remembered():
    """Errors of two seeds at two lengths: under 0.1 is solved."""

    def errors(*solved):
        return [(np.where(np.array(seeds), 0.05, 0.5), 0.01) for seeds in zip(*solved, strict=True)]

    one, both, none = (1, 0), (1, 1), (0, 0)  # at which of the two lengths a seed solves it
    found = {
        "SimpleRNN": errors(none, one), "f 1, i 0 (Keras)": errors(both, both),
        "f 1, i -3": errors(both, one), "f ln u, i 0": errors(none, none),
        "f ln u, i -ln u": errors(both, one),
        "f 100, i 0 (1997)": errors(one, none), "f 100, i -3": errors(both, both),
    }  # fmt: skip
    table = {steps: {name: pairs[k] for name, pairs in found.items()} for k, steps in enumerate((10, 30))}
    return {
        "np": np,
        "SOLVED": 0.1,
        "results": {"adding": table},
        "decide": results.decide,
        "bootstrap": whole,
    }


def test_lab_03_counts_the_lengths_that_each_seed_solves(remembered, card, capsys):
    run_cells("03_which", "intervals", "easier", "which-bias", "forget-bias", **remembered, card=card)
    assert card.values == {
        "lengths solved, LSTM as Keras starts it - SimpleRNN, adding": 1.5,
        "lengths solved, input gate nearly shut - half open, f 1": -0.5,
        "lengths solved, input gate nearly shut - half open, f ln u": 1.5,
        "lengths solved, input gate nearly shut - half open, f 100": 1.5,
        "lengths solved, f 100 - f 1, i 0": -1.5,
        "lengths solved, f 100 - f 1, i -3": 0.5,
    }
    assert list(card.verdicts.values()) == ["C24: holds", "C24: not decided", "C24: holds", "C24: holds"]
    assert card.units["lengths solved, LSTM as Keras starts it - SimpleRNN, adding"] == "of 2"
    assert "easier, adding          +1.5 (+1.0 to +2.0) lengths: holds" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [((0.1, 0.8), "holds"), ((0.92, 1.0), "does not hold"), ((0.5, 1.0), "not decided")],
)
def test_lab_03_says_that_there_is_no_guarantee_where_fewer_than_nine_in_ten_solve_it(
    interval, verdict, remembered, card, capsys
):
    counted = []

    def wilson(*given):
        counted.append(given)
        return interval

    run_cells(
        "03_which", "guarantee", **remembered, wilson=wilson, STARTS=STARTS, LENGTHS=(10, 30), card=card
    )
    assert counted == [(6, 12)]  # at the longest
    name = "no guarantee: starts and seeds that solve 30 steps"
    assert (card.values, card.verdicts) == ({name: 0.5}, {name: f"C24: {verdict}"})
    assert "6 of 12 solve 30 steps" in capsys.readouterr().out


def test_lab_03_asks_of_what_replaces_tanh_that_it_is_not_much_worse(card, capsys):
    solved, half, none = (np.array(e) for e in ([0.01, 0.02], [0.01, 0.9], [0.8, 0.9]))
    errors = {
        "sigmoid, tanh": solved, "ReLU for tanh": half, "ReLU for tanh, biases": none, "hard gates": none,
        "other gates": solved,
    }  # fmt: skip
    newcombe = lambda one, other: (one.mean() - other.mean() - 0.1, one.mean() - other.mean() + 0.1)  # noqa: E731
    given = {"errors": errors, "SOLVED": 0.1, "newcombe": newcombe, "decide": results.decide, "card": card}
    run_cells("03_activations", "contest-verdict", **given)
    assert card.values == {
        "solved, ReLU for tanh - tanh": -0.5, "solved, ReLU for tanh, biases - tanh": -1,
        "solved, sigmoid gates - hard gates": 1, "solved, sigmoid gates - other gates": 0,
    }  # fmt: skip
    assert card.verdicts == {
        "solved, ReLU for tanh - tanh": "C27: does not hold",
        "solved, sigmoid gates - hard gates": "C27: holds",
        "solved, sigmoid gates - other gates": "C27: not decided",
    }
    errors["ReLU for tanh"] = solved
    run_cells("03_activations", "contest-verdict", **given)
    assert card.verdicts["solved, ReLU for tanh - tanh"] == "C27: holds"  # as good, within 0.3


def test_lab_03_compares_peepholes_seed_by_seed(card, capsys):
    solved = {"no peepholes": [0, 0, 1], "peepholes": [1, 1, 1], "from c_{t-1}": [0, 1, 0]}
    solved = {name: np.array(seeds, bool) for name, seeds in solved.items()}
    seen = []

    def bootstrap(values):
        seen.append(values.tolist())
        return whole(values)

    given = {"solved": solved, "bootstrap": bootstrap, "decide": results.decide, "card": card}
    run_cells("03_five", "timing-verdict", **given)
    assert seen == [[1, 1, 0], [0, 1, -1]]
    assert card.values == pytest.approx({
        "timing solved, peepholes - no peepholes": 2 / 3, "timing solved, from c_{t-1} - no peepholes": 0
    })  # fmt: skip
    assert list(card.verdicts.values()) == ["C25: not decided", "C25: not decided"]


@pytest.mark.parametrize("distances", [(2, 12, 30), (2, 8)])
def test_lab_02_asks_how_far_back_words_are_recalled(distances, card, capsys):
    last = len(distances) - 1
    plain, better = np.zeros((last + 1, 2)), np.zeros((last + 1, 2))
    plain[0], plain[1], better[last] = 1, (0.2, 0.3), (0.4, 0.7)
    lstm = np.ones((last + 1, 2))
    given = {"DISTANCES": list(distances), "plain": {"SimpleRNN": plain, "LSTM": lstm}, "card": card}
    run_cells("02_how", "recall-claims", **given, better={"SimpleRNN": better}, decide=results.decide)
    at, far = distances[1], distances[-1]
    simple = plain[-1].mean()
    assert card.values == pytest.approx({
        f"SimpleRNN, {at} words back, plain teaching": 0.25,
        f"SimpleRNN, {far} words back, better teaching": 0.55,
        f"LSTM - SimpleRNN, {far} words back, plain teaching": 1 - simple,
    })  # fmt: skip
    assert list(card.verdicts.values()) == ["C18: holds", "C18: not decided", "C18: holds"]


def test_lab_01_takes_wilsons_interval():
    stubs = {"np": np, "trained": {}, "side_by_side": None, "ACTIVATIONS": {}, "RATES": [], "STARTS": 1}
    wilson = run_cells("01_bounded", "measure", **stubs)["wilson"]
    for k, n in ((0, 20), (3, 10), (20, 20)):
        assert wilson(k, n) == pytest.approx(intervals.wilson(k, n), abs=1e-4)


def test_lab_04_compares_solve_rates_by_newcombes_interval(card, capsys):
    """Newcombe 1998, method 10: 9 of 10 less 3 of 10 is 0.6 (0.17 to 0.81), as his program has it."""
    made = run_cells("04_gru_or", "rate-gap", math=math)
    low, high = made["wilson"](3)
    assert (low, high) == pytest.approx((0.1078, 0.6032), abs=1e-4)
    gap, (down, up) = made["rate_gap"](9, 3)
    (low_a, high_a), (low_b, high_b) = made["wilson"](9), made["wilson"](3)
    assert gap == pytest.approx(0.6)
    assert down == pytest.approx(0.6 - math.hypot(0.9 - low_a, high_b - 0.3))
    assert up == pytest.approx(0.6 + math.hypot(high_a - 0.9, 0.3 - low_b))
    sums = {"SimpleRNN": [0.5] * 10, "GRU": [0.001] * 10, "LSTM": [0.001] * 3 + [0.5] * 7}
    sums = {name: np.array(errors) for name, errors in sums.items()}
    given = {"np": np, "sums": sums, "rate_gap": made["rate_gap"], "decide": results.decide, "card": card}
    run_cells("04_gru_or", "claims-sums", **given)
    assert card.values == pytest.approx({
        "better on small: solve rate of GRU - LSTM, adding": 0.7,
        "solve rate of worse gated cell - SimpleRNN, adding": 0.3,
    })  # fmt: skip
    assert list(card.verdicts.values()) == ["C30: holds", "C31: not decided"]


@pytest.mark.parametrize(
    ("interval", "verdicts"),
    [
        ((2.0, 3.0), ("does not hold", "holds", "does not hold")),
        ((-0.5, 0.5), ("holds", "not decided", "not decided")),
        ((-3.0, -2.0), ("does not hold", "does not hold", "holds")),
        ((-2.0, 2.0), ("not decided",) * 3),
    ],
)
def test_lab_04_asks_for_similar_cells_within_one_per_cent(interval, verdicts, card):
    pairs = {("GRU", "LSTM"): (sum(interval) / 2, interval), ("GRU", "SimpleRNN"): (9, (8, 10))}
    pairs[("LSTM", "SimpleRNN")] = (5, (-1, 11))
    found = {(task, *pair): values for task in ("Bach", "Shakespeare") for pair, values in pairs.items()}
    where = types.SimpleNamespace(source=types.SimpleNamespace(name="data"))
    run_cells("04_gru_or", "claims", found=found, bach=where, text=where, decide=results.decide, card=card)
    similar, small, big = verdicts
    assert card.verdicts == {
        "similar: GRU's loss below LSTM's, Bach": f"C30: {similar}",
        "better on small: GRU's loss below LSTM's, Bach": f"C30: {small}",
        "worse gated cell's loss below SimpleRNN's, Bach": "C31: not decided",
        "similar: GRU's loss below LSTM's, Shakespeare": f"C30: {similar}",
        "worse on big: GRU's loss below LSTM's, Shakespeare": f"C30: {big}",
        "worse gated cell's loss below SimpleRNN's, Shakespeare": "C31: not decided",
    }


def test_lab_02_counts_the_rates_at_which_each_seed_diverges(card, capsys):
    counts = {
        ("no clipping", np.inf): [[1, 1], [1, 1], [1, 0]], ("clip norm", 1.0): [[0, 0], [0, 1], [1, 0]],
        ("slide's rule", 1.0): [[1, 1], [1, 1], [1, 1]],
    }  # fmt: skip
    given = {
        "counts": {rule: np.array(table) for rule, table in counts.items()},
        "RATES": (1, 2, 3),
        "np": np,
    }
    run_cells("02_clipping", "claims", **given, compare=results.compare, card=card)
    assert card.values == {
        "rates that diverge, clip norm": 1, "rates that diverge, slide's rule": 3,
        "rates that diverge, no clipping": 2.5,
    }  # fmt: skip
    assert list(card.verdicts.values()) == ["C15: holds", "C15: not decided"]
    assert set(card.units.values()) == {"of 3"}


def test_lab_01_compares_large_with_small_networks_at_eight_times_the_length(card, capsys):
    by_size = {16: [[1, 1, 1], [0.1, 0.2, 0.4]], 64: [[1, 1, 1], [0.5, 0.7, 0.6]]}
    by_size = {units: np.array(lines) for units, lines in by_size.items()}
    given = {"np": np, "LENGTHS": [4, 32], "BITS": 4, "by_size": by_size, "compare": results.compare}
    run_cells("01_what", "sizes-claim", **given, card=card)
    name = "learnt parity, 32 bits all right: 64 units minus 16"
    assert card.values == {name: pytest.approx(0.4)}
    assert card.verdicts == {name: "C04: holds"}
    assert "16 units, 32 bits all right: 0.10 to 0.40, median 0.20" in capsys.readouterr().out


def test_lab_08_measures_what_helps_on_the_other_half_and_on_the_same_networks(card, capsys):
    """Counts of which BLEU-4 is 100 or 0: all n-grams match, or none."""
    hit, miss = ([4, 3, 2, 1, 4, 3, 2, 1, 4, 4], [0, 0, 0, 0, 4, 3, 2, 1, 4, 4])
    rng_free = {"np": np, "captions": captions, "crossed": crossed, "DRAWS": 50, "half": 2}
    given = rng_free | {"seen": {"dev": np.zeros((4, 1))}, "vocabulary": [], "people": []}
    made = run_cells("08_what", "bleu4", "gained", **given)
    ours = np.array([[miss, miss, hit, hit]] * 2, float)
    theirs = np.array([[hit, hit, miss, miss]] * 2, float)
    assert made["bleu4"](ours[:, 2:]) == pytest.approx(100)
    for same in (True, False):
        gain, low, high = made["gained"](ours, theirs, same=same)
        assert (gain, low, high) == pytest.approx((100, 100, 100))
    mixed = np.array([[miss, miss, hit, hit], [miss, miss, miss, miss]], float)
    gain, low, high = made["gained"](mixed, mixed, same=True)
    assert (gain, low, high) == (0, 0, 0)  # the same networks on both sides
    _, low, high = made["gained"](mixed, mixed)
    assert low < 0 < high


def test_lab_09_compares_short_with_long_sentences(card, capsys):
    hit, miss = ([4, 3, 2, 1, 4, 3, 2, 1, 4, 4], [0, 0, 0, 0, 4, 3, 2, 1, 4, 4])
    given = {"np": np, "captions": captions, "bins": np.repeat([0, 1, 2], 20), "LAST": 2, "sums": {}}
    made = run_cells("09_is", "verdicts", "measures", **given)
    ours = made["with_bins"](np.repeat([[hit, miss, hit]], 20, axis=1).astype(float))
    theirs = made["with_bins"](np.repeat([[hit, hit, miss]], 20, axis=1).astype(float))
    assert [made["at"](ours, k) for k in range(3)] == pytest.approx([100, 0, 100])
    assert made["share_lost"](ours, theirs) == pytest.approx(1)
    assert made["ahead"](ours, theirs) == pytest.approx(100)
    marked = {"attention": ours, "one vector": theirs, "twice the vector": theirs, "reversed": ours}
    more = {"marked": marked, "intervals": intervals, "DRAWS": 20, "decide": results.decide, "card": card}
    run_cells("09_is", "verdict-1", "verdict-2", "verdict-2-card", "verdict-3", **{**made, **more})
    assert card.values == pytest.approx({
        "share of attention's BLEU: short less long": 1, "long sentences, attention less the best other": 0,
        "long sentences, twice the vector less one": 0,
    })  # fmt: skip
    assert list(card.verdicts.values()) == ["C44: holds", "C44: does not hold", "C44: does not hold"]


def test_lab_09_turns_sentences_but_not_their_ends():
    turned = run_cells("09_is", "training-do")["turned"]
    assert turned([[5, 6, 7, 3], [8, 3]]) == [[7, 6, 5, 3], [8, 3]]


# ---- what is chosen by scores that are all 0 at quick scale


def test_lesson_09_chooses_the_power_by_validation_bleu(capsys):
    scores = {("a", 1, 1.0): 9, ("a", 4, 0.7): 2, ("a", 4, 1.0): 1, ("a", 4, 1.3): 0}
    scores |= {("b", 1, 1.0): 9, ("b", 4, 0.7): 1, ("b", 4, 1.0): 2, ("b", 4, 1.3): 3}
    networks = [types.SimpleNamespace(name=name) for name in "ab"]
    data = types.SimpleNamespace(validation=types.SimpleNamespace(target="people"))

    def bleu(found, people):
        assert people == "people"
        return scores[found]

    def translate(network, sources, width=4, power=1.0):
        assert sources == "validation"
        return network.name, width, power

    given = {"vector": networks[0], "model": networks[1], "held": ["validation"], "data": data, "BEAM": 4}
    made = run_cells("09_trans", "powers", **given, bleu=bleu, translate=translate)
    assert made["best"] == {"a": 0.7, "b": 1.3}
    assert "b: greedy 9.0; beam 4, power 0.7: 1.0, power 1.0: 2.0, power 1.3: 3.0" in capsys.readouterr().out


def test_lab_08_chooses_on_the_first_half(card, capsys):
    """Counts of which BLEU-4 is 100 or 0; what is chosen must not be what is best on the second half."""
    hit, miss = ([4, 3, 2, 1, 4, 3, 2, 1, 4, 4], [0, 0, 0, 0, 4, 3, 2, 1, 4, 4])
    rows = {"first": [hit, miss], "second": [miss, hit], "none": [miss, miss]}
    rows = {name: np.array([halves], float) for name, halves in rows.items()}
    counted = {(3, 0.3): rows["none"], (3, 0.0): rows["second"], (9, 0.3): rows["first"]}
    asked = []

    def write(team, setting):
        asked.append(setting)
        return team

    teams = {"plain": rows["second"], "smoothed": rows["first"]}
    given = {"np": np, "captions": captions, "seen": {"dev": None}, "vocabulary": [], "people": []}
    made = run_cells("08_what", "bleu4", **given)
    more = {"counted": counted, "half": 1, "networks": "plain", "doubting": "smoothed", "write": write}
    more |= {
        "sums": lambda team: teams[team[0]],
        "changes": {},
        "gained": lambda *_: (1.0, 0.5, 2.0),
        "SEEDS": 2,
    }
    made = run_cells("08_what", "choose", **{**made, **more})
    assert made["chosen"] == (9, 0.3)
    assert asked == [(9, 0.3)] * 2
    assert made["plan"] == ("smoothed", (9, 0.3))
    assert made["changes"][made["ALL"]][0] is rows["first"]
    assert "chosen on the first half: smoothed, 2 together, beam 9, power 0.3" in capsys.readouterr().out


def test_lab_08_shows_another_photo_and_none(card, capsys):
    seen, shown = {"dev": np.arange(8.0).reshape(4, 2)}, []

    def write(networks, x):
        shown.append(x)
        return len(shown)

    given = {
        "np": np,
        "seen": seen,
        "write": write,
        "sums": lambda found: np.full((1, 4), float(found)),
        "half": 2,
    }
    given |= {
        "bleu4": lambda rows: rows.mean(),
        "counted": {"usual": np.array([[0, 0, 5.0, 7]])},
        "USUAL": "usual",
    }
    given |= {"networks": None, "gained": lambda *_, same: (0, *(1.0, 2.0) * same), "decide": results.decide}
    run_cells("08_what", "look", **given, card=card)
    other, mean = shown
    assert not (other == seen["dev"]).all(axis=1).any()
    assert sorted(other.ravel()) == list(range(8))
    assert not mean.any()
    assert card.values == {
        "BLEU-4, the right photo": 6, "BLEU-4, another photo": 1, "BLEU-4, the mean photo": 2
    }  # fmt: skip
    assert capsys.readouterr().out.count("gains 1.0 to 2.0: holds") == 2


def test_lab_07_ranks_pairs_and_reads_a_grammar(card, capsys):
    ranked = {"GRU": np.array([[1, 1, 0.5, 0], [1, 0, 1, 1]]), "average": np.array([[0.5, 0.5, 1, 0]] * 2)}
    far, near = np.array([True, True, False, False]), np.array([False, False, True, True])
    checked = []
    card.check = lambda claim, name, value, unit, *, ok, **_: checked.append((value, bool(ok)))
    given = {"apart": {"average": np.array([[1e-6, 1e-5, 3, 3]])}, "far": far, "near": near, "ranked": ranked}
    run_cells("07_does", "pairs-claims", **given, compare=results.compare, card=card)
    assert checked == [(1e-5, True)]
    assert card.values == {
        "contrast over distance ranked right, GRU (no bag above 0.5)": 0.75,
        "'not ... but' ranked right, GRU": 0.625, "'not ... but' ranked right, average": 0.5,
    }  # fmt: skip
    assert list(card.verdicts.values()) == ["C40: not decided"]  # a seed is at one half
    made = types.SimpleNamespace(counts_ceiling=0.7, pairs_ceiling=0.8, reader_ceiling=0.9)
    reads = {"GRU": [0.85, 0.87], "average": [0.6, 0.8]}
    run_cells("07_does", "grammar-claims", np=np, made=made, reads=reads, compare=results.compare, card=card)
    assert card.verdicts["accuracy where order decides, GRU"] == "C40: holds"
    assert card.values["accuracy where order decides, GRU"] == pytest.approx(0.86)
    assert card.values["the same, average"] == pytest.approx(0.7)
    names = ("bag of words", "and pairs", "perfect reader")
    assert [card.values[f"highest possible there, {name}"] for name in names] == [0.7, 0.8, 0.9]


@pytest.mark.parametrize(("stem", "cells"), [("08_image", "choose-power"), ("11_cap", "choose-do")])
def test_lessons_on_photos_choose_the_power_by_mean_bleu_on_dev(stem, cells, capsys):
    scored = {0.0: (9, 0, 0, 0), 0.2: (2, 2, 2, 9), 0.4: (3, 3, 3, 3), 0.7: (4, 4, 4, 4), 1.0: (9, 2, 2, 2)}
    asked = []

    def score(part, width, power):
        asked.append((part, width, power))
        return scored[power]

    stub = types.SimpleNamespace(bleu=lambda found, people: score(*found))
    given = {"np": np, "BEAM": 3, "captions": stub, "score": score, "show_bleu": lambda *_: None}
    given |= {"seen": {"dev": "dev"}, "people": {"dev": None}, "four": None}
    write = lambda part, width, power: (part, width, power)  # noqa: E731
    assert run_cells(stem, cells, **given, write=write)["BEST"] == {"width": 3, "power": 0.7}
    assert {part for part, *_ in asked} == {"dev"}
    tried = {power for _, width, power in asked if width == 3}
    assert len(tried) >= 3
    assert min(tried) < 0.7 <= max(tried)


def test_lab_05_gives_the_range_of_the_seeds(card, capsys):
    hits = np.zeros((3, 4, 12), bool)
    hits[0, :1], hits[1, :2], hits[2, :] = True, True, True
    data = types.SimpleNamespace(source=types.SimpleNamespace(kind="sample", name="data"))
    model = types.SimpleNamespace(count_params=lambda: 1)
    given = {"HERE": 5, "right": {"forward": hits, "both": hits[1:]}, "dna": data, "card": card}
    given |= {"dna_models": {"forward": model, "both": model}, "by_votes": {"all letters": np.array([1, 0])}}
    run_cells("05_both", "dna-table", **given)
    names = {
        way: np.array([[[k, 4, 4]] for k in found]) for way, found in (("both", (1, 3)), ("forward", (2, 2)))
    }
    given = {"names": names | {"word by word": names["both"]}, "f1": lambda runs: runs[..., 0].mean() / 4}
    given |= {"f1_gain": None, "told": lambda *_, **__: None, "posts": data, "np": np, "card": card}
    run_cells("05_both", "posts-table", **given, crossed=lambda *_: (-0.5, 0.25))
    said = capsys.readouterr().out.splitlines()
    assert said[0].split() == ["forward,", "at", "the", "junction", "0.583", "(0.250", "to", "1.000)"]
    assert said[1].endswith("0.750 (0.500 to 1.000)")
    assert said[5].endswith("votes, all letters          0.500")
    assert said[6].split() == ["both", "0.500", "(0.250", "to", "0.750)"]
    assert said[-1] == "forward - word by word: -0.500 to +0.250"


def test_lab_17_wants_all_seeds_lower(card, capsys):
    def bounds(*values):
        return np.array([[value, 0.0] for value in values])

    results_of = {
        "10": bounds(5, 6), "1": bounds(7, 8), "1, as much work": bounds(5.5, 9),
        "1, and long code": bounds(6, 9),
        "10, windows": bounds(6.5, 7.5), "10, as small": bounds(8, 9),
    }  # fmt: skip
    run_cells("17_strokes", "claims", most=10, results=results_of, compare=results.compare, card=card)
    name = "bound, strokes: "
    assert card.verdicts == {
        f"{name}10, less 1": "C51: holds",
        f"{name}10, less 1, as much work": "C51: not decided",
        f"{name}10, less 1, and long code": "C51: not decided",
        f"{name}10, windows, less 10": "C51: does not hold",
        f"{name}10, windows, less 10, as small": "C51: holds",
    }
    assert card.values[f"{name}10, less 1"] == -2


# ---- checks of identities: each can come out either way

VALUES = (-1e9, -1.0, 0.0, 0.5, 1.0, 1e9, "", ())


class Unknown(ast.NodeTransformer):
    """Puts a variable of its own in the place of whatever a condition measures: names, calls, entries."""

    STAY = (ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Constant, ast.IfExp)

    def __init__(self):
        self.names, self.constants = {}, []

    def generic_visit(self, node):
        if isinstance(node, ast.Constant):
            self.constants.append(node.value)
        if isinstance(node, ast.expr) and not isinstance(node, self.STAY):
            return ast.Name(self.names.setdefault(ast.unparse(node), f"_{len(self.names)}"), ast.Load())
        return super().generic_visit(node)


def outcomes(condition: str) -> set[bool]:
    """What a condition can be, whatever is measured (not a number left out)."""
    unknown = Unknown()
    tree = unknown.visit(ast.parse(condition, mode="eval"))
    code, found = compile(ast.fix_missing_locations(tree), "condition", "eval"), set()
    names = unknown.names.values()
    for values in itertools.product((*VALUES, *unknown.constants), repeat=len(names)):
        if sum(isinstance(value, float) and value < 0 for value in values) > 1:
            continue  # counts are not negative; what is measured may be
        try:
            found.add(bool(eval(code, dict(zip(names, values, strict=True)))))
        except (ArithmeticError, TypeError):
            continue
    return found


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("error < 1e-6", {True, False}),
        ("f(a) == f(a)", {True}),
        ("-0.1 < gap < 0.5 + 200 / n", {True, False}),
        ("gap > -0.1 or gap < 0.5 + 200 / n", {True}),
        ("rows.all() and not rows.all()", {False}),
        ("'unk' in words or count == 0", {True, False}),
    ],
)
def test_conditions_that_cannot_fail_are_found(condition, found):
    assert outcomes(condition) == found


def test_every_check_of_a_notebook_can_fail():
    conditions = {}
    for path in notebooks.all_notebooks():
        for cell in check.code_cells(notebooks.load(path)):
            tree = ast.parse(cell.source)
            told = {
                ast.unparse(target): node.value
                for node in ast.walk(tree) if isinstance(node, ast.Assign) for target in node.targets
            }  # fmt: skip
            for call in ast.walk(tree):
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "card.check":
                    [ok] = [ast.unparse(word.value) for word in call.keywords if word.arg == "ok"]
                    conditions[path.stem, cell.id, ok] = ast.unparse(told[ok]) if ok in told else ok
    assert len(conditions) > 70
    assert [where for where, text in conditions.items() if outcomes(text) != {True, False}] == []
