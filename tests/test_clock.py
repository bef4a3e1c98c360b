"""What notebooks compute from times, which no record holds: cells with a clock whose answers are known."""

import math
import types

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from cells import run_cells

from utils import chat, plots, results, reviews, side_by_side, training
from utils.intervals import crossed, gain


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def passes(self, seconds, answer=None):
        self.now += seconds
        return answer


class Card:
    """What a cell writes on its card, by name."""

    def __init__(self):
        self.values, self.units, self.verdicts, self.more = {}, {}, {}, {}

    def add(self, name, value, unit="share", **more):
        self.values[name], self.units[name], self.more[name] = float(value), unit, more

    def claim(self, claim, name, value, unit="share", *, verdict, **more):
        self.add(name, value, unit, **more)
        self.verdicts[name] = f"{claim} {verdict}"


def quiet(*_, **__):
    """In place of what trains, draws or records."""


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def card():
    return Card()


@pytest.fixture
def drawn():
    """In place of utils.plots: `plots.show` leaves the figure as it is."""
    plt.close("all")
    yield types.SimpleNamespace(**{name: getattr(plots, name) for name in dir(plots)} | {"show": quiet})
    plt.close("all")


def lines(axes):
    return [np.asarray(line.get_xydata(), float).tolist() for line in axes.lines]


# ---- lab 02_truncation


def test_lab_02_times_each_round_in_cpu_seconds(clock):
    given = {"process_time": clock, "ROUNDS": 3, "np": np, "UNITS": 2, "tracemalloc": None}
    each = iter((1.0, 4.0, 2.0))
    made = run_cells("02_truncation", "memory", **given)
    assert made["seconds_of"](lambda: clock.passes(next(each))).tolist() == [1, 4, 2]


def test_lab_02_gives_the_peak_of_memory_and_the_median_of_the_times(clock):
    traced = types.SimpleNamespace(start=quiet, stop=quiet, get_traced_memory=lambda: (5, 77))
    each = iter((100.0, 1.0, 4.0, 2.0))  # the first is not timed: its memory is traced
    given = {"process_time": clock, "ROUNDS": 3, "np": np, "UNITS": 2, "tracemalloc": traced}
    given |= {"random_weights": quiet, "gradients": lambda *_: clock.passes(next(each))}
    made = run_cells("02_truncation", "memory", **given, forward=lambda x, *_: (x, x))
    assert made["update_costs"](10, 1) == (77, 2)


def test_lab_02_compares_the_costs_of_the_longest_and_the_shortest_update(card, capsys):
    costs = {1: [(100, 2.0), (700, 12.0)], 16: [(1000, 3.0), (97_000, 12.0)]}
    given = {"costs": {n: np.array(table) for n, table in costs.items()}, "LENGTHS": (10, 110), "UNITS": 12}
    run_cells("02_truncation", "memory-rows", **given, card=card)
    last = "110 steps against 10, streams"
    assert card.values == {
        f"memory of an update, {last}: 1": 7, f"time of an update, {last}: 1": 6,
        f"memory of an update, {last}: 16": 97, f"time of an update, {last}: 16": 4,
    }  # fmt: skip
    assert set(card.units.values()) == {"times"}
    said = capsys.readouterr().out.splitlines()
    assert said[0].endswith("7 times the memory, 6 times the time")
    assert said[2] == "60 bytes per step and stream, 5 per unit"


def test_lab_02_draws_memory_on_the_left_and_time_on_the_right(drawn):
    costs = {(10, 1): (50, 0.5), (20, 1): (90, 0.7)}
    given = {"update_costs": lambda *key: costs[key], "STREAMS": (1,), "LENGTHS": (10, 20)}
    run_cells("02_truncation", "memory-figure", np=np, plt=plt, plots=drawn, **given)
    memory, time = plt.gcf().axes
    assert lines(memory) == [[[10, 50], [20, 90]]]
    assert lines(time) == [[[10, 0.5], [20, 0.7]]]
    assert (memory.get_title(), time.get_title()) == ("memory, bytes", "CPU time, seconds")


def test_lab_02_times_steps_in_turn_in_a_loop_and_at_once():
    asked = []

    def step(x, h, *_):
        asked.append((x.shape, float(h.ravel()[0])))
        return h + 1

    def seconds_of(way):
        asked.clear()
        way()
        return list(asked)

    known = np.zeros((3, 5, 2)) + 10 * np.arange(5.0)[:, None]
    given = {"np": np, "LENGTHS": (4,), "UNITS": 2, "random_weights": lambda _: [0] * 5, "step": step}
    given |= {"seconds_of": seconds_of, "forward": lambda *_: (known, None)}
    in_turn, loop, at_once = run_cells("02_truncation", "turn", **given)["three_ways"](3)
    assert in_turn == [((3, 1), 0), ((3, 1), 1), ((3, 1), 2), ((3, 1), 3)]  # from each to the next
    assert loop == [((3, 1), 0), ((3, 1), 10), ((3, 1), 20), ((3, 1), 30)]
    assert at_once == [((3, 4, 1), 0)]


@pytest.mark.parametrize(
    ("at_once", "verdict"), [(2.5e-3, "not decided"), (1e-3, "holds"), (9e-3, "does not hold")]
)
def test_lab_02_weighs_each_time_in_turn_against_the_median_at_once(at_once, verdict, card, capsys):
    times = np.array([8e-3, 4e-3, 6e-3]), np.array([2e-3, 1e-3, 9e-3]), at_once * np.array([1, 9, 0.1])
    given = {"np": np, "STREAMS": (16,), "LENGTHS": (50,), "decide": results.decide}
    run_cells("02_truncation", "turn-claims", **given, three_ways=lambda _: times, card=card)
    name = "50 steps in turn against at once, streams: 16"
    assert card.verdicts == {name: f"C16 {verdict}"}
    assert card.values[name] == pytest.approx(6e-3 / at_once)
    assert card.units[name] == "times"
    said = " ".join(capsys.readouterr().out.split())
    assert "in turn 6.0 ms, loop over known states 2.0 ms, at once " in said
    assert f"at once {1e3 * at_once:.2f} ms: {4e-3 / at_once:.1f} to {8e-3 / at_once:.1f} times" in said


@pytest.fixture
def trained_until(clock):
    """Its `train_until`, in which a network says it right after some updates; 3 s each."""

    def made(right_after):
        updates = []

        def forward(x, h, weights):
            y = x * np.roll(x, 3, axis=1) if len(updates) >= right_after else -np.ones_like(x)
            return clock.passes(1, (np.zeros((len(x), x.shape[1] + 1, 2)), y))

        def gradients(*_):
            updates.append(1)
            return clock.passes(2, [np.zeros(1)])

        given = {"np": np, "UNITS": 2, "process_time": clock, "random_weights": lambda _: [np.zeros(1)]}
        made = run_cells("02_truncation", "race", **given, forward=forward, gradients=gradients)
        return made["train_until"]

    return made


def test_lab_02_counts_the_seconds_of_training_not_those_of_the_test(trained_until):
    assert trained_until(4)(10, 0.1, seed=0) == (12, 40)
    assert trained_until(4)(5, 0.1, seed=0) == (12, 20)
    assert trained_until(9)(10, 0.1, seed=0, limit=6) == (18, 60)  # not reached


def test_lab_02_chooses_the_rate_by_the_median_time_of_other_seeds(capsys):
    def train_until(size, rate, seed):
        if seed >= 100:  # a slow one among the good ones
            return {0.1: [1, 9, 2], 0.3: [3, 3, 3]}[rate][seed - 100], 0
        return size * rate * (seed + 1), 100 * size

    given = {"np": np, "SEEDS": 3, "SIZES": (10, 50), "RATES": (0.3, 0.1), "train_until": train_until}
    made = run_cells("02_truncation", "race-run", **given)
    assert made["chosen"] == {10: 0.1, 50: 0.1}
    assert made["race"][50][:, 0] == pytest.approx([5, 10, 15])
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "chunks of  10, rate 0.1: 2.000 s, 100 updates", "chunks of  50, rate 0.1: 10.000 s, 100 updates"
    ]  # fmt: skip


RACE = {10: np.array([[0.02, 1], [0.03, 1], [0.07, 1]]), 50: np.array([[0.09, 1], [0.08, 1], [0.3, 1]])}


def test_lab_02_draws_milliseconds(drawn):
    run_cells("02_truncation", "race-figure", np=np, plt=plt, plots=drawn, SEEDS=3, SIZES=(10, 50), race=RACE)
    axes = plt.gca()
    points = {10: [20, 30, 70], 50: [90, 80, 300]}
    assert axes.get_ylabel().endswith(", ms")
    expected = [[[size, y] for y in found] for size, found in points.items()] + [[[10, 30], [50, 90]]]
    for found, right in zip(lines(axes), expected, strict=True):
        assert np.allclose(found, right)


@pytest.mark.parametrize(("race", "verdict"), [(RACE, "holds"), ({10: RACE[50], 50: RACE[10]}, "does not")])
def test_lab_02_says_how_many_times_as_long_long_chunks_take(race, verdict, card, capsys):
    given = {"race": race, "SIZES": (5, 10, 50), "compare": results.compare, "np": np, "card": card}
    run_cells("02_truncation", "race-claim", **{**given, "race": race | {5: race[50]}})
    ((name, value),) = card.values.items()
    assert name == "time to learn, clue 3 steps back, chunks of 50 / 10"
    assert value == pytest.approx(np.median(race[50][:, 0]) / np.median(race[10][:, 0]))
    assert card.verdicts[name].startswith(f"C17 {verdict}")
    assert f"take {value:.1f} times as long" in capsys.readouterr().out


# ---- lab 04_one_gate_less


def lab_04(clock, **given):
    return run_cells("04_one", "time", np=np, perf_counter=clock, LAYERS=keras.layers, **given)


def test_lab_04_times_epochs_in_turn_without_the_validation(clock):
    order, seconds, losses = [], {"GRU": [1.0, 5.0, 2.0], "LSTM": [7.0, 8.0, 9.0]}, {}

    def musician(kind, rate, seed):
        name = {keras.layers.GRU: "GRU", keras.layers.LSTM: "LSTM"}[kind]
        losses[name] = iter([9.0, 8.0, {"GRU": 3.0, "LSTM": 4.0}[name]])
        left = list(seconds[name])

        def fit(x, y, **_):
            assert (x, y) == ("x", "y")
            order.append(name)
            clock.passes(left.pop(0))

        return types.SimpleNamespace(fit=fit, predict_on_batch=lambda _: clock.passes(100, name))

    given = {"EPOCHS": 9, "TARGET": 5, "x_train": "x", "y_train": "y", "x_valid": None, "y_valid": None}
    made = lab_04(clock, **given, musician=musician, nll=lambda _, name: next(losses[name]))
    found = made["race"]({"GRU": 0.1, "LSTM": 0.2}, seed=0)
    assert order == ["GRU", "LSTM"] * 3  # then both have reached it
    assert found == {"GRU": ([9, 8, 3], 2), "LSTM": ([9, 8, 4], 8)}


@pytest.mark.parametrize(
    ("losses", "epochs"), [([5, 4, 3], 2.5), ([5, 3.5], 2), ([5, 4, 2, 9], 2.25), ([5, 4, 4], 3), ([3, 2], 2)]
)
def test_lab_04_counts_epochs_with_fractions(losses, epochs, clock):
    assert lab_04(clock, TARGET=3.5)["epochs_to_target"](losses) == epochs


def test_lab_04_gives_each_cell_its_best_rate_on_other_seeds(capsys):
    asked = []

    def race(rates, seed):
        asked.append((dict(rates), seed))
        if seed >= 100:
            return {"GRU": ([10 * rates["GRU"]], 0), "LSTM": ([1 / rates["LSTM"]], 0)}
        return {"GRU": ([2.0 + 2 * seed], 0.1 + 0.2 * seed), "LSTM": ([4.0], 0.5)}

    given = {"np": np, "RATES": (0.1, 0.5), "TUNING": 2, "SEEDS": 2, "TARGET": 9, "race": race}
    given |= {"KINDS": {"GRU": None, "LSTM": None}, "epochs_to_target": lambda losses: losses[0]}
    made = run_cells("04_one", "time-run", **given)
    assert asked[-2:] == [({"GRU": 0.1, "LSTM": 0.5}, 0), ({"GRU": 0.1, "LSTM": 0.5}, 1)]
    assert [seed for _, seed in asked[:4]] == [100, 101] * 2
    assert made["epochs"].tolist() == [[2, 4], [4, 4]]
    said = capsys.readouterr().out.splitlines()
    assert said[-2:] == [
        "GRU  rate 0.1: 3.0 epochs to 9, 0.20 s an epoch", "LSTM rate 0.5: 4.0 epochs to 9, 0.50 s an epoch"
    ]  # fmt: skip


def test_lab_04_multiplies_epochs_by_their_time(card, capsys):
    epochs, seconds = np.array([[2.0, 4.0], [2.0, 8.0]]), np.array([[3.0, 2.0], [3.0, 1.0]])
    source = types.SimpleNamespace(source=types.SimpleNamespace(name="chorales"))
    given = {"np": np, "math": math, "decide": results.decide, "bach": source, "TARGET": 9, "UNITS": 8}
    spread = {"interval": lambda values: (values.min(), values.max())}
    run_cells("04_one", "time-claim", **given, **spread, epochs=epochs, seconds=seconds, card=card)
    assert card.values == pytest.approx({
        "time to 9 nats, GRU / LSTM, 8 units": 0.75, "epochs to it, GRU / LSTM": 8**-0.5,
        "time of an epoch, GRU / LSTM": 4.5**0.5,
    })  # fmt: skip
    assert "GRU / LSTM 0.75 (0.75 to 0.75)" in capsys.readouterr().out
    assert list(card.verdicts.values()) == ["C29 holds"]


def test_lab_04_draws_each_loss_when_its_epoch_has_ended(drawn):
    races = [{"GRU": ([3.0, 2.0], 5.0), "LSTM": ([4.0, 1.0], 7.0)}]
    run_cells("04_one", "time-figure", np=np, plt=plt, plots=drawn, races=races, TARGET=2, KINDS=races[0])
    assert lines(plt.gca())[:2] == [[[5, 3], [10, 2]], [[7, 4], [14, 1]]]


# ---- lab 05_fast_layers


@pytest.fixture
def helpers(clock):
    time = types.SimpleNamespace(perf_counter=clock)
    return run_cells("05_fast", "race", np=np, keras=keras, time=time, ROUNDS=3, crossed=crossed)


def test_lab_05_races_in_turn_for_milliseconds_once_all_is_compiled(clock, helpers):
    order, each = [], {"a": iter((9, 9, 0.01, 0.03, 0.02)), "b": iter((9, 9, 0.5, 0.5, 0.6))}

    def runner(name):
        order.append(name)
        return clock.passes(next(each[name]), [np.zeros(2)])

    times = helpers["race"]({name: lambda name=name: runner(name) for name in each})
    assert order == ["a", "b"] * 5
    assert times["a"] == pytest.approx([10, 30, 20])
    assert times["b"] == pytest.approx([500, 500, 600])


def test_lab_05_takes_the_median_of_the_rounds_ratios(helpers, capsys):
    slow, fast = np.array([2.0, 4.0, 9.0]), np.array([1.0, 1.0, 3.0])
    assert helpers["faster"](slow, fast) == 3
    value, (low, high) = helpers["told"]("which", slow, fast)
    assert (value, low, high) == (3, 2, 4)
    assert capsys.readouterr().out.split() == ["which", "3.00", "times", "(2.00", "to", "4.00)"]


@pytest.mark.parametrize(("slow", "verdict"), [(20.0, "holds"), (14.0, "does not hold")])
def test_lab_05_counts_operations_a_second(slow, verdict, helpers, card, capsys):
    times = {"one after another": np.full(3, slow), "all at once": np.full(3, 10.0)}
    given = {"N": 64, "T": 100, "D": 64, "H": 256, "np": np, "decide": results.decide}
    given |= {"one_after_another": quiet, "all_at_once": quiet, "told": helpers["told"]}
    run_cells("05_fast", "slow-run", **given, card=card, race=lambda _: times)
    operations = 2 * 64 * 100 * (64 + 256) * 4 * 256  # a product and a sum for each weight
    name = "time, 100 products one after another / all at once"
    assert (card.values, card.units) == ({name: slow / 10}, {name: "times"})
    assert card.verdicts == {name: f"C36 {verdict}"}
    first, second, _ = (line.split() for line in capsys.readouterr().out.splitlines())
    said = f"{slow:.1f} ms {operations / (slow / 1000) / 1e9:.0f} billion operations a second"
    assert first == ["one", "after", "another", *said.split()]
    assert second[-7:] == ["10.0", "ms", "419", "billion", "operations", "a", "second"]


def test_lab_05_weighs_products_in_turn_against_both_other_ways(helpers, card, capsys):
    times = iter(
        ({"in turn": 30, "side by side": 20, "as one": 27}, {"in turn": 8, "side by side": 8, "as one": 4})
    )
    given = {"N": 64, "H": 256, "SMALL": (1, 32), "decide": results.decide, "told": helpers["told"]}
    race = {"race": lambda _: {way: np.full(3, float(t)) for way, t in next(times).items()}}
    run_cells("05_fast", "four-run", **given, **race, card=card, gates_over_time=quiet)
    name = "time, four products in turn / {}, batch {}, {} units"
    assert {key: (value, card.verdicts[key]) for key, value in card.values.items()} == {
        name.format("side by side", 64, 256): (1.5, "C35 holds"),
        name.format("as one", 64, 256): (pytest.approx(30 / 27), "C35 does not hold"),
        name.format("side by side", 1, 32): (1, "C35 does not hold"),
        name.format("as one", 1, 32): (2, "C35 holds"),
    }
    assert set(card.units.values()) == {"times"}


def test_lab_05_draws_each_gain_with_its_interval(drawn):
    gains = {"first": (1.5, (1.25, 2.0)), "second": (0.5, (0.25, 0.75))}
    run_cells("05_fast", "four-figure", plt=plt, plots=drawn, gains=gains)
    one, value, two, other, *_ = lines(plt.gca())
    assert (one, value) == ([[1.25, 0], [2, 0]], [[1.5, 0]])
    assert (two, other) == ([[0.25, 1], [0.75, 1]], [[0.5, 1]])


def test_lab_05_tells_forwards_from_training_and_divides_by_version_1(helpers, card, capsys):
    names = ["1 eight products a step", *"23456", "keras.layers.LSTM", "utils.recurrent.LSTM"]
    forwards, runners = ({name: (what, k) for k, name in enumerate(names)} for what in (1.0, 32.0))

    def race(given):
        return {name: what * np.array([4.0, 1.0, 1.5]) / (k + 1) for name, (what, k) in given.items()}

    given = {"np": np, "forwards": forwards, "runners": runners, "race": race, "faster": helpers["faster"]}
    made = run_cells("05_fast", "speed", **given)
    said = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert said[0] == ["milliseconds", "forwards", "training", "as", "fast", "as", "version", "1"]
    assert said[2][-4:] == ["0.8", "24.0", "2.00", "times"]
    bars = {}
    stub = types.SimpleNamespace(bars=lambda values, **_: bars.update(values), show=quiet)
    run_cells("05_fast", "speed-figure", np=np, plots=stub, N=64, T=100, speed=made["speed"])
    assert bars[names[0]] == pytest.approx(6.4e3 / 48)  # steps in a millisecond: thousands in a second
    run_cells(
        "05_fast",
        "speed-card",
        card=card,
        speed=made["speed"],
        first=made["first"],
        faster=helpers["faster"],
    )
    own = "time per training step, keras.layers.LSTM / utils.recurrent.LSTM"
    rows = {f"time per training step, version 1 / version {k}": k for k in range(2, 7)}
    assert card.values == pytest.approx(rows | {own: 8 / 7})
    assert set(card.units.values()) == {"times"}
    assert "utils.recurrent.LSTM trains 1.1 times as fast as keras.layers.LSTM" in capsys.readouterr().out


# ---- lab 05_fewer_steps


def test_lab_05_times_the_epochs_of_each_shape_in_turn(clock):
    begun, order = [], []

    class Model:
        def __init__(self, name, seconds):
            self.name, self.seconds = name, seconds

        def fit(self, x, y, **options):
            assert np.array_equal(x[:, 0, 0], y)
            assert len(x) == 8  # whole batches
            order.append((self.name, options["initial_epoch"], options["epochs"]))
            clock.passes(self.seconds * options["epochs"])

        def predict_on_batch(self, x):
            clock.passes(100)
            return np.eye(9)[x[:, 0, 0].astype(int)]

    models = {"flat": Model("flat", 2.0), "every fourth": Model("every fourth", 0.5)}
    x = np.arange(10.0)[:, None, None] + np.zeros((1, 8, 1))
    time = types.SimpleNamespace(perf_counter=clock)
    given = {"np": np, "time": time, "SEEDS": 2, "BATCH": 4, "falling": quiet}
    made = run_cells(
        "05_fewer", "compete", **given, restart=lambda model, seed: begun.append((model.name, seed))
    )
    steps = np.broadcast_to(np.arange(8.0)[None, :, None], (3, 8, 1))
    answers, seconds = made["compete"](models, (x, np.arange(10.0)), steps, 2, 0.1, first=1)
    assert {shape: found.tolist() for shape, found in seconds.items()} == {
        "flat": [[2, 4]] * 2, "every fourth": [[0.5, 1]] * 2
    }  # fmt: skip
    assert begun == [(name, seed) for seed in (0, 1) for name in models]
    assert order == [(name, k, k + 1) for k in (0, 1) for name in models] * 2
    assert answers["flat"].tolist() == [[0, 0, 0]] * 2  # the first step that each sees
    assert answers["every fourth"].tolist() == [[1, 1, 1]] * 2
    assert made["seen_by"]("every fourth", steps, 1, first=1)[0][0, :, 0].tolist() == [1, 5]


RIGHT = np.tile([True, True, True, False], (2, 25))
WORSE = np.tile([True, True, False, False], (2, 25))


@pytest.mark.parametrize(
    ("pyramid", "right", "verdict"),
    [
        ([1.0, 1.0], RIGHT, "holds"),
        ([1.8, 1.8], RIGHT, "does not hold"),
        ([1.0, 1.0], WORSE, "does not hold"),
        ([1.0, 1.8], RIGHT, "not decided"),
    ],
)
def test_lab_05_asks_for_less_time_and_no_loss_of_accuracy(pyramid, right, verdict, card, capsys):
    given = {"np": np, "crossed": crossed, "gain": gain, "decide": results.decide, "card": card}
    given |= {name: getattr(results, name) for name in ("DOES_NOT_HOLD", "HOLDS", "NOT_DECIDED")}
    seconds = {"flat": [[2.0, 2.0]], "pyramid": [pyramid], "every fourth": [[0.5, 0.7]]}
    seconds = {shape: np.array(values) for shape, values in seconds.items()}
    answers = {"flat": RIGHT, "pyramid": right, "every fourth": WORSE}
    run_cells("05_fewer", "verdict", **given)["report"]("letters", answers, seconds)
    name = "time per epoch, flat / pyramid, letters"
    ratio = np.median(2 / np.array(pyramid))
    assert card.verdicts == {name: f"C34 {verdict}"}
    assert card.values[name] == pytest.approx(ratio)
    assert card.units[name] == "times"
    level = right.mean()
    assert card.values["accuracy, pyramid - flat, letters"] == pytest.approx(level - 0.75)
    assert card.values["accuracy, pyramid - every fourth, letters"] == pytest.approx(level - 0.5)
    said = capsys.readouterr().out.splitlines()
    assert said[0].split() == ["flat", "0.750", "(0.750", "to", "0.750),", "2.00", "s", "per", "epoch"]
    assert said[2].endswith("0.60 s per epoch")
    assert said[3].startswith(f"flat / pyramid {ratio:.2f} times the time (")
    assert said[-1] == f"C34: {verdict}"


def test_lab_05_draws_accuracy_against_the_median_time(drawn):
    shapes = ("flat", "pyramid", "every fourth")
    right = {shape: np.array([[1, 0], [1, 1]], bool) for shape in shapes}
    times = {shape: np.array([[1.0, 2.0, 9.0]]) * (k + 1) for k, shape in enumerate(shapes)}
    given = {"digit_right": right, "digit_seconds": times, "dna_right": right, "SEEDS": 2, "SHAPES": shapes}
    dna = {shape: 10 * values for shape, values in times.items()}
    run_cells("05_fewer", "figure", np=np, plt=plt, plots=drawn, **given, dna_seconds=dna)
    for axes, unit in zip(plt.gcf().axes, (2, 20), strict=True):
        assert lines(axes) == [[[unit * k, 0.5], [unit * k, 1]] for k in (1, 2, 3)]
        assert axes.get_xlabel() == "seconds per epoch"


# ---- seconds of training, told and on the card

NETWORK = types.SimpleNamespace(count_params=lambda: 1234, name="net")
UNREAL = types.SimpleNamespace(source=types.SimpleNamespace(kind="sample", name="sample", sha256=""))


def test_lab_06_tells_minutes(card, capsys):
    told = types.SimpleNamespace(
        train=lambda *_, **__: [[2.0, 1.75, 30.0], [1.5, 1.25, 90.0]],
        nats=lambda *_: np.ones((1, 300)), windows=quiet,
    )  # fmt: skip
    given = {"net": NETWORK, "train_ids": None, "validation_ids": np.zeros(100), "EPOCHS": 2, "kept": None}
    given |= {"report": quiet, "SETTINGS": {}, "text": UNREAL, "card": card, "characters": told}
    stub = types.SimpleNamespace(bootstrap=lambda _: (0, 0))
    made = run_cells("06_against", "train", "windows", **given, intervals=stub)
    assert "2 epochs, 2.0 minutes, validation loss 1.250" in capsys.readouterr().out
    assert made["costs"] == {"parameters": 1234, "seconds": 120}
    assert {more["seconds"] for more in card.more.values()} == {120}


def test_lesson_06_tells_minutes_and_draws_both_losses(card, drawn, capsys):
    given = {
        "records": [[2.0, 1.75, 30.0], [1.5, 1.25, 60.0]],
        "EPOCHS": 2,
        "ngram_losses": {3: 1.6},
        "best_n": 3,
    }
    given |= {"net": NETWORK, "validation_ids": np.zeros(9), "text": UNREAL, "card": card, "math": math}

    def nats(net, ids):
        return np.full((1, 9), 3.0 if isinstance(ids, str) and "256" in ids else math.log(4))

    stub = types.SimpleNamespace(nats=nats, windows=lambda ids, length: f"windows of {length}")
    run_cells("06_char", "curve", "loss", "published", np=np, plt=plt, plots=drawn, characters=stub, **given)
    training_loss, validation_loss, _ = lines(plt.gca())
    assert (training_loss, validation_loss) == ([[1, 2], [2, 1.5]], [[1, 1.75], [2, 1.25]])
    said = capsys.readouterr().out
    assert "1.3863 nats per character, 2.00 bits" in said
    assert "after 1.5 minutes of training" in said
    assert list(card.values.values()) == pytest.approx([math.log(4), 3, 1.6])
    networks = [more for name, more in card.more.items() if "n-gram" not in name]
    assert [more["seconds"] for more in networks] == [90, 90]
    assert [more["parameters"] for more in networks] == [1234, 1234]


def test_lessons_on_reviews_tell_the_seconds_of_all_epochs(card, capsys):
    rows = [[0.5, 0.4, 0.75, 20.0], [0.3, 0.2, 0.875, 40.0]]
    given = {"train": lambda *_, **__: rows, "few": (), "EPOCHS": 2, "EAGER": True, "x_check": None, "np": np}
    given |= {"predict": lambda *_: np.array([1.0, -1.0]), "y_check": np.array([True, True]), "hits": {}}
    run_cells("07_sent", "trial", layers=keras.layers, keras=keras, V=9, **given)["trial"]("it", None)
    assert capsys.readouterr().out == "it: validation accuracy 0.500, after 60 s\n"

    part = types.SimpleNamespace(train=None, validation=None)
    given |= {"data": part, "READ": 1, "LENGTH": 1, "numbers": lambda *_: ((), ()), "UNITS": 1, "PAIRS": 1}
    given |= {"V": 1, "reader": None, "resume": types.SimpleNamespace(place=quiet)}
    given |= {"wide_and_deep": lambda: NETWORK, "asked": [0] * 3, "MY_REVIEW": ""}
    made = run_cells("07_sent", "whole-train", **given)
    assert capsys.readouterr().out == "1,234 parameters, 60 s\n"
    tested = {"our network": 0.5, "our bag of words and pairs": 0.5}
    given = {"data": UNREAL, "best": NETWORK, "seconds": made["seconds"], "tested": tested, "rows": rows}
    run_cells("07_sent", "test-card", **given, hits={}, FEW=1, card=card)
    assert card.more["test accuracy of one network"]["seconds"] == 60
    assert card.values["validation accuracy of one network"] == 0.875

    given = {"SEEDS": 1, "learn": lambda *_: (None, rows), "chosen": {"GRU": "ab", "average": "cd"}}
    run_cells("07_does", "train", **given)
    assert capsys.readouterr().out.splitlines()[0] == "GRU, seed 0: validation accuracy 0.875, 60 s"


@pytest.mark.parametrize(("stem", "curve"), [("08_image", "curve"), ("11_caption", "curve")])
def test_lessons_on_photos_put_the_seconds_of_all_epochs_on_the_card(stem, curve, card, drawn, tmp_path):
    (tmp_path / "08_image_captioning.json").write_text('{"results": []}')
    epochs = [[3.0, 2.5, 100.0, 2.0, 7, 7], [2.0, 1.5, 200.0, 1.0, 7, 7]]
    given = {"epochs": epochs, "EPOCHS": 2, "model": NETWORK, "test_scores": [4.0, 3, 2, 1], "BEAM": 3}
    given |= {"real": False, "json": __import__("json"), "results": types.SimpleNamespace(STORED=tmp_path)}
    run_cells(stem, curve, "papers", np=np, plt=plt, plots=drawn, card=card, **given)
    assert {(more["seconds"], more["parameters"]) for more in card.more.values()} == {(300, 1234)}
    assert list(card.values.values()) == [4, 3, 2, 1]
    assert lines(plt.gca())[0] == [[1, 2], [2, 1]]  # the losses without dropout


def test_lesson_09_times_the_training_of_an_epoch_alone(clock, capsys):
    def kept(*_):
        clock.passes(1000)

    stub = types.SimpleNamespace(place=quiet, go_on=lambda *_: [], keep=kept)
    translating = types.SimpleNamespace(batches=None, nats_per_word=lambda *_: clock.passes(100, 2.5))
    given = {
        "np": np,
        "time": types.SimpleNamespace(perf_counter=clock),
        "resume": stub,
        "seq2seq": translating,
    }
    given |= dict.fromkeys(("UNITS", "PAIRS", "RARE", "EAGER", "translator", "build"))
    given |= {"data": UNREAL, "EPOCHS": 2, "learnt": None, "held": [[1], [2]]}
    given |= {"one_epoch": lambda *rest: clock.passes(3 + rest[2], 1.5)}
    history = run_cells("09_", "train", **given, greedy=lambda *_: np.array([[8, 9]]))["train"](NETWORK)
    assert history.tolist() == [[1.5, 2.5, 3, 8, 9], [1.5, 2.5, 4, 8, 9]]
    assert capsys.readouterr().out.splitlines()[1] == "epoch 2: 2.500 nats a word on validation"


def test_lesson_09_puts_the_seconds_of_each_network_on_its_own_rows(card):
    one, two = (types.SimpleNamespace(count_params=lambda k=k: k, name=f"net {k}") for k in (1, 2))
    epochs = {k: np.array([[9.0, 8.0, k, 7.0], [9.0, 8.0, 10.0 * k, 7.0]]) for k in (1, 2)}
    given = {"vector": one, "vector_epochs": epochs[1], "model": two, "epochs": epochs[2], "BEAM": 4}
    given |= {"best": {"net 1": 0.5, "net 2": 1.0}, "papers": {"without": {}, "with": {}}, "ours": {}}
    given |= {
        "translate": lambda network, _, width, power: [network.name, width, power],
        "test_sources": None,
    }
    scorer = types.SimpleNamespace(corpus_score=lambda texts, _: types.SimpleNamespace(score=texts[1]))
    run_cells("09_", "test-score", **given, scorer=scorer, people=None, real=False, card=card)
    costs = {name: (more["parameters"], more["seconds"]) for name, more in card.more.items()}
    assert costs == {
        "BLEU without attention (greedy)": (1, 11), "BLEU without attention (beam 4)": (1, 11),
        "BLEU with attention (greedy)": (2, 22), "BLEU with attention (beam 4)": (2, 22),
    }  # fmt: skip
    assert list(card.values.values()) == [1, 4, 1, 4]


# ---- utils


def network():
    inputs = keras.Input((1,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    model.compile("sgd", "mse", run_eagerly=True)
    return model


def test_training_gives_its_seconds_without_those_of_score_and_report(clock, monkeypatch):
    monkeypatch.setattr(training.time, "perf_counter", clock)

    def batches(_):
        for _ in range(3):
            clock.passes(2)
            yield np.ones((2, 1)), np.ones((2, 1))

    rows = training.train(
        network(), batches, 3, 2, 0.1, seed=0, loss=keras.losses.MeanSquaredError(), eager=True,
        score=lambda: clock.passes(100, 0.5), report=lambda *_: clock.passes(1000, [7.0]),
    )  # fmt: skip
    assert [row[1:] for row in rows] == [[0.5, 6, 7]] * 2


def test_training_of_a_chat_gives_its_seconds_alone(clock, monkeypatch):
    monkeypatch.setattr(chat.time, "perf_counter", clock)

    def batches(*_):
        for _ in range(3):
            clock.passes(2)
            yield (np.ones((2, 1)), np.ones((2, 1))), None

    monkeypatch.setattr(chat, "batches", batches)
    monkeypatch.setattr(chat, "loss", lambda *_: clock.passes(100, 0.5))
    rows = chat.train(
        network(), [], None, 2, 0.1, seed=0, validation=[1], after=lambda *_: clock.passes(1000, [7.0])
    )
    assert [row[1:] for row in rows] == [[0.5, 6, 7]] * 2


def test_training_on_reviews_gives_its_seconds_alone(clock, monkeypatch):
    monkeypatch.setattr(reviews.time, "perf_counter", clock)

    def batches(*_):
        for _ in range(3):
            clock.passes(2)
            yield np.ones((2, 1)), np.ones((2, 1))

    monkeypatch.setattr(reviews, "batches", batches)
    monkeypatch.setattr(reviews, "predict", lambda *_: clock.passes(100, np.zeros(2)))
    told = []

    def report(epoch, row):
        clock.passes(1000)
        told.append(row[3])

    ids, labels = np.ones((6, 1), int), np.array([1, 0, 1, 0, 1, 0])
    rows = reviews.train(
        network(), ids, labels, 2, 0.1, size=2, validation=(ids, labels[:2]), report=report, eager=True
    )
    assert [row[3] for row in rows] == told == [6, 6]


def test_networks_side_by_side_give_their_seconds_without_the_first_update(clock, monkeypatch):
    monkeypatch.setattr(side_by_side, "perf_counter", clock)

    def task(rng, batch, steps):
        return clock.passes(2, (np.ones((batch, steps, 1)), np.zeros((batch, 1), int)))

    start = side_by_side.initial(lambda: keras.layers.SimpleRNN(2), 1, 2, [0])

    def step(x, h, Wx, Wh, b):
        return keras.ops.tanh(x @ Wx + h @ Wh + b)

    seen = []
    found = side_by_side.train(
        step, start, task, steps=2, updates=4, rate=0.1, loss=side_by_side.cross_entropy, batch=2,
        compiled=False, every=2, watch=lambda number, so_far: seen.append((number, so_far.seconds)),
    )  # fmt: skip
    assert found.seconds == 6
    assert seen == [(2, 2), (4, 6)]


# ---- lesson 19


def test_lesson_19_gives_the_seconds_of_a_step_in_each_part(clock):
    class Model:
        def fit(self, x, y, batch_size, **_):
            return clock.passes(0.5 * len(x) / batch_size, types.SimpleNamespace(history={"loss": [len(x)]}))

    timer = types.SimpleNamespace(default_timer=clock)
    made = run_cells("19", "fit-parts", np=np, keras=keras, timeit=timer)
    x = np.zeros((10, 4, 3))
    found, seconds = made["fit_in_parts"](Model(), x, x, 2)
    assert found.tolist() == [20, 20]
    assert seconds.tolist() == [0.5, 0.5]


def test_lesson_19_tells_the_median_step_without_the_first_part(card, capsys):
    seconds = {"one device": [9.0, 0.1, 0.3, 0.2]}
    run_cells("19", "speed", seconds=seconds, ROWS=10, CHUNK=5, card=card, np=np)
    told = " ".join(capsys.readouterr().out.split())
    assert told == "one device 200.0 ms a step, 250 characters a second"
    assert card.values == {"speed, one device": pytest.approx(250)}
