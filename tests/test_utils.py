"""The small helpers: scales, checks, result cards, plots."""

import base64
import io
import json
import re

import keras
import matplotlib.pyplot as plt
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

from utils import first_screen, plots, results
from utils.checks import (
    cell_truths,
    central_differences,
    compiled_error,
    grid,
    max_difference,
    relative_error,
)
from utils.datasets import Source
from utils.results import ResultCard, build_folder, compare, decide
from utils.scales import SCALES, current_scale, scale


@pytest.fixture(autouse=True)
def _own_build_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_BUILD", str(tmp_path / "build"))
    monkeypatch.setenv("UNROLLED_SCALE", "quick")


@pytest.mark.parametrize("name", SCALES)
def test_scale_gives_the_value_of_the_scale_in_force(name, monkeypatch):
    monkeypatch.setenv("UNROLLED_SCALE", name)
    assert current_scale() == name
    assert scale(quick="quick", cpu="cpu", gpu="gpu") == name


def test_an_unknown_scale_is_refused_with_the_choices(monkeypatch):
    monkeypatch.setenv("UNROLLED_SCALE", "fast")
    with pytest.raises(ValueError, match="'fast'; set it to one of quick, cpu, gpu"):
        current_scale()


def test_without_a_choice_the_machine_decides(monkeypatch):
    tf = pytest.importorskip("tensorflow")
    monkeypatch.delenv("UNROLLED_SCALE")
    for devices, expected in [([], "cpu"), (["a GPU"], "gpu")]:
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind, found=devices: found)
        assert current_scale() == expected


def test_grid_is_evenly_spaced_in_row_order():
    assert grid(2, 3).tolist() == np.linspace(-0.5, 0.5, 6).reshape(2, 3).tolist()
    assert grid(3, low=1, high=3).tolist() == [1, 2, 3]


def test_max_difference_finds_the_largest_and_refuses_other_shapes():
    assert max_difference([1.0, 2.0], [1.5, -2.0]) == max_difference([1.5, -2.0], [1.0, 2.0]) == 4.0
    assert max_difference([], []) == 0.0
    with pytest.raises(ValueError, match=r"shape \(2,\) with shape \(2, 1\)"):
        max_difference([1, 2], [[1], [2]])


def test_relative_error_is_in_units_of_the_second():
    assert relative_error([1.0, 3.0], [1.0, -4.0]) == 7 / 4
    with pytest.raises(ValueError, match="all zero"):
        relative_error([1.0], [0.0])


def test_central_differences_find_a_known_slope_and_leave_the_weight_alone():
    weight = grid(2, 3)
    before = weight.copy()
    slope = central_differences(lambda: float(np.sum(weight**3)), weight)
    assert max_difference(slope, 3 * before**2) < 1e-9
    assert max_difference(weight, before) == 0
    with pytest.raises(ValueError, match="float64"):
        central_differences(lambda: 0.0, np.float32(weight))


def test_central_differences_are_the_slope_and_leave_the_weight_as_it_was():
    weight = grid(2, 2)
    slope = central_differences(lambda: float(np.sin(weight).sum()), weight)
    assert max_difference(slope, np.cos(grid(2, 2))) < 1e-9
    assert max_difference(weight, grid(2, 2)) == 0


def card() -> ResultCard:
    made = ResultCard("00_test", [Source("A play", "sample", "made in memory", "0" * 64)])
    made.add(
        "loss", 1.23456, "nats/char", data="A <b>play</b>", split="validation", parameters=10, seconds=2.6,
        claims=["C37"], holds=False, published=[(1.5, "somebody 2020")],
    )  # fmt: skip
    return made


def test_a_card_is_saved_whole_below_the_build_folder():
    made = card()
    path = made.save()
    assert path == build_folder("results") / "00_test.json"
    assert [p.name for p in path.parent.iterdir()] == ["00_test.json"]  # no part left behind
    assert json.loads(path.read_text())["results"] == [
        {
            "name": "loss", "value": 1.235, "unit": "nats/char", "data": "A <b>play</b>",
            "split": "validation", "scale": "quick", "parameters": 10, "seconds": 3,
            "kind": "claim", "claims": ["C37"], "verdict": "does not hold",
            "published": [{"value": 1.5, "source": "somebody 2020"}],
        }
    ]  # fmt: skip


def test_a_card_shows_value_unit_verdict_and_published_figure():
    assert "1.235 nats/char" in repr(card())
    assert "C37 does not hold" in repr(card())
    assert "1.5 (somebody 2020)" in repr(card())
    assert "&lt;b&gt;play" in card()._repr_html_()


def test_a_card_keeps_a_count_whole_and_rounds_what_is_measured():
    made = ResultCard("00_test", data="numbers", split="none")
    made.add("weights", 12_004, "parameters")
    made.add("length", 12_004.0, "steps")
    assert "12004 parameters" in repr(made)
    assert "12000 steps" in repr(made)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "loss"}, "already has a row named 'loss'"),
        ({"value": float("nan")}, "must be a finite number"),
        ({"claims": ["C01"]}, "`claims` and `holds` together"),
        ({"holds": True}, "`claims` and `holds` together"),
    ],
)
def test_a_card_refuses_what_cannot_be_a_result(change, message):
    row = {"name": "other", "value": 1.0, "unit": "1", "data": "x", "split": "none"} | change
    with pytest.raises(ValueError, match=message):
        card().add(**row)


def test_a_card_tells_figures_checks_and_claims_apart():
    made = ResultCard("00_test", data="a play", split="test")
    made.add("loss", 1.5, "nats")
    made.check("C20", "difference", 1e-7, ok=True, split="none")
    made.claim("C24", "gain", -0.2, verdict="does not hold", data="another")
    made.claim("C24 C25", "gain, wide", 0.2, verdict=decide((-1, 1)))
    rows = made.results
    assert [row["kind"] for row in rows] == ["figure", "check", "claim", "claim"]
    assert [row["verdict"] for row in rows] == ["", "right", "does not hold", "not decided"]
    assert [row["claims"] for row in rows] == [[], ["C20"], ["C24"], ["C24", "C25"]]
    assert [row["split"] for row in rows] == ["test", "none", "test", "test"]
    assert [row["data"] for row in rows] == ["a play", "a play", "another", "a play"]
    assert "C20 right" in repr(made)
    assert "C24 does not hold" in made._repr_html_()


def test_a_check_that_is_not_right_raises_and_leaves_no_row():
    made = ResultCard("00_test", data="x", split="none")
    with pytest.raises(AssertionError, match=r"0\.5 nats is wrong"):
        made.check("C20", "difference", 0.5, "nats", ok=False)
    assert made.results == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"verdict": "maybe"}, "'maybe'; it must be one of holds, does not hold, not decided"),
        ({"claims": ""}, "say which claim"),
        ({"claims": "37"}, "'37' is no claim id"),
        ({"split": "dev"}, "one of train, validation, test, none"),
        ({"data": ""}, "give `data`"),
    ],
)
def test_a_card_refuses_what_cannot_be_a_claim(change, message):
    row = {"claims": "C01", "name": "x", "value": 1.0, "verdict": "holds", "data": "x", "split": "none"}
    with pytest.raises(ValueError, match=message):
        ResultCard("00_test").claim(**(row | change))


def test_a_card_says_how_often_its_test_sets_have_been_scored(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "STORED", tmp_path)
    for name, scored in (("01_a", {"A play": 3}), ("02_b", {"A play": 2, "Music": 9}), ("03_c", None)):
        stored = {"results": []} | ({"scored": scored} if scored else {})
        (tmp_path / f"{name}.json").write_text(json.dumps(stored))
    (tmp_path / "01_a.first.json").write_text("[]")
    made = card()
    assert made.note() == ""  # a row on the validation set only
    assert "stored runs" not in made._repr_html_()
    made.add("error", 1, data="A play, its half", split="test")
    made.add("drawn", 1, data="Music", split="test")  # is no source
    told = "scored the test set of A play 5 times. Choices were made on validation data."
    assert told in repr(made)
    assert told in made._repr_html_()
    made.choices = "Choices were made by the toss of a coin."
    assert "5 times. Choices were made by the toss of a coin." in repr(made)


def test_decide_goes_by_the_whole_interval():
    assert decide((0.1, 0.3)) == "holds"
    assert decide((-0.3, -0.1)) == "does not hold"
    assert decide((-0.1, 0.3)) == decide((0.0, 0.3)) == decide((-0.3, 0.0)) == "not decided"
    assert decide((0.1, 0.3), margin=0.05) == "holds"
    assert decide((0.1, 0.3), margin=0.2) == "not decided"
    assert decide((0.1, 0.3), margin=0.4) == "does not hold"
    for wrong in ((0.3, 0.1), (float("nan"), 1)):
        with pytest.raises(ValueError, match="is no interval"):
            decide(wrong)


def test_compare_goes_by_the_ranges_of_the_seeds():
    assert compare([0.8, 0.9], [0.6, 0.7]) == "holds"
    assert compare([0.6, 0.7], [0.8, 0.9]) == "does not hold"
    assert compare([0.6, 0.85], [0.8, 0.9]) == compare([0.8, 0.9], [0.7, 0.8]) == "not decided"
    assert compare([0.8, 0.9], [0.6, 0.7], higher_is_better=False) == "does not hold"
    assert compare([0.6, 0.7], 0.75, higher_is_better=False) == "holds"
    assert compare(0.9, [0.8]) == "not decided"  # one run on each side says nothing of seeds
    for wrong in ([], [float("nan")]):
        with pytest.raises(ValueError, match="cannot be compared"):
            compare(wrong, [1.0, 2.0])


def test_promise_shows_what_is_stored_and_says_when_nothing_is(tmp_path, monkeypatch, capsys):
    shown = []
    monkeypatch.setattr(first_screen, "STORED", tmp_path)
    monkeypatch.setattr(
        first_screen, "display", lambda data, metadata, raw: shown.append((data, metadata, raw))
    )
    first_screen.promise("03_lstm")
    assert capsys.readouterr().out.startswith("No run has been stored yet")
    picture = {
        "data": {"image/png": "eA==", "text/plain": "<Image>"},
        "metadata": {"image/png": {"alt": "A"}},
    }
    stored = [{"data": {"text/plain": "0.90"}, "metadata": {}}, picture]
    (tmp_path / "03_lstm.first.json").write_text(json.dumps(stored))
    first_screen.promise("03_lstm")
    assert capsys.readouterr().out == "0.90\n"
    assert shown == [(picture["data"], picture["metadata"], True)]
    for damaged in ("[", "[3]", '[{"data": {}}]'):
        (tmp_path / "03_lstm.first.json").write_text(damaged)
        first_screen.promise("03_lstm")
        assert capsys.readouterr().out.startswith("03_lstm.first.json is damaged")


def test_show_attaches_the_alt_text_and_closes_the_figure(monkeypatch):
    shown = []
    monkeypatch.setattr(plots, "display", shown.append)
    plt.plot([1, 2])
    plots.show("A line that rises.")
    data, metadata = shown[0]._repr_mimebundle_()
    assert metadata["image/png"]["alt"] == "A line that rises."
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert not plt.get_fignums()
    with pytest.raises(ValueError, match="no figure"):
        plots.show("Nothing.")
    with pytest.raises(ValueError, match="alt text"):
        plots.show(" ")


@pytest.mark.parametrize(("colours", "mode"), [("gray", "L"), ("viridis", "P")])
def test_grey_pictures_are_stored_without_colours(colours, mode, monkeypatch):
    shown = []
    monkeypatch.setattr(plots, "display", shown.append)
    fog = np.random.default_rng(0).random((40, 40))
    plt.imshow(fog, cmap=colours, interpolation="bicubic")
    plt.axis("off")
    plots.show("Fog.")
    stored = PIL.Image.open(io.BytesIO(base64.b64decode(shown[0]._repr_mimebundle_()[0]["image/png"])))
    assert stored.mode == mode
    red, green, _ = stored.convert("RGB").split()
    assert (red.tobytes() == green.tobytes()) == (mode == "L")
    assert np.ptp(np.asarray(red)) > 150  # and not one grey


def test_text_can_be_read_on_every_colour_of_the_series():
    for color in (*plots.ROLE.values(), *plots.GATE.values(), *plots.COLORS):
        assert plots.contrast(plots.ink(color), color) >= 4.5
    assert plots.contrast("black", "white") == pytest.approx(21)


def test_red_is_red_and_told_from_green_by_lightness():
    red, green, blue = plt.matplotlib.colors.to_rgb(plots.RED)
    assert red > 5 * max(green, blue)
    assert plots.contrast(plots.RED, "white") > 1.5 * plots.contrast(plots.GREEN, "white")
    assert plots.COLORS[:4] == (plots.BLUE, plots.ORANGE, plots.GREEN, plots.RED)


def test_gate_maps_run_from_white_to_the_colour_of_the_gate():
    for name, color in plots.GATE.items():
        assert plt.matplotlib.colors.to_hex(plots.gate_map(name)(0.0)) == "#ffffff"
        assert plt.matplotlib.colors.to_hex(plots.gate_map(name)(1.0)).upper() == color
    with pytest.raises(ValueError, match=r"the names are .*forget"):
        plots.gate_map("forgotten")


def test_bars_are_in_order_and_published_ones_grey():
    axes = plots.bars({"a": 1.0, "b": 2.0}, xlabel="x", published=["b"])
    widths = [bar.get_width() for bar in axes.patches]
    colors = [plt.matplotlib.colors.to_hex(bar.get_facecolor()).upper() for bar in axes.patches]
    plt.close()
    assert widths == [1.0, 2.0]
    assert colors == [plots.BLUE, plots.GREY]


def test_bars_of_published_figures_can_be_hatched():
    axes = plots.bars({"a": 1.0, "b": 2.0}, xlabel="x", hatched=["b"])
    plt.close()
    assert [bar.get_hatch() for bar in axes.patches] == [None, "///"]


def test_a_heat_table_writes_each_number_in_ink_that_can_be_read():
    _, axes = plt.subplots()
    picture = plots.heat_table(
        np.array([[0.0, 1.0, 0.126]]), {"one": 1}, "abc", cmap=plots.gate_map("output"), axes=axes
    )
    written = [(text.get_text(), text.get_color()) for text in axes.texts]
    places = [text.get_position() for text in axes.texts]
    labels = [[label.get_text() for label in axis.get_ticklabels()] for axis in (axes.yaxis, axes.xaxis)]
    plt.close()
    assert written == [("0.00", "black"), ("1.00", "white"), ("0.13", "black")]
    assert places == [(0, 0), (1, 0), (2, 0)]
    assert labels == [["one"], ["a", "b", "c"]]
    assert picture.get_clim() == (0, 1)
    assert plots.heat_table([[0.2, 0.3]], "a", "bc", cmap="Blues").get_clim() == (0, 1)
    plt.close()


def test_loss_curves_are_solid_for_validation_and_dashed_for_training():
    histories = {"a": {"loss": [3.0, 1.0], "val_loss": [2.0, 1.5]}, "b": {"loss": [1.0], "val_loss": [4.0]}}
    axes = plots.losses(histories, unit="nats")
    drawn = [(line.get_linestyle(), line.get_color(), list(line.get_ydata())) for line in axes.lines]
    plt.close()
    assert drawn[:2] == [("--", plots.BLUE, [3, 1]), ("-", plots.BLUE, [2, 1.5])]
    assert drawn[2:4] == [("--", plots.ORANGE, [1]), ("-", plots.ORANGE, [4])]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b", "training"]
    assert list(axes.lines[0].get_xdata()) == [1, 2]


def test_captioned_pictures_are_jpeg_with_an_alt_text():
    picture = np.zeros((30, 60, 3), np.uint8)
    shown = plots.captioned([picture, picture], ["a <dog>\nsure", "two"], width=40).data
    found = re.findall(r'src="data:image/jpeg;base64,([^"]+)" alt="([^"]*)"', shown)
    assert [alt for _, alt in found] == ["a &lt;dog&gt;", "two"]
    assert PIL.Image.open(io.BytesIO(base64.b64decode(found[0][0]))).size == (40, 20)
    assert "<b>a &lt;dog&gt;</b><br>sure" in shown
    with pytest.raises(ValueError, match="1 pictures but 2 texts"):
        plots.captioned([picture], ["a", "b"])


def test_colored_text_escapes_and_colours_by_sign():
    shown = plots.colored_text("<\n", [0.5, -2.0], limit=1.0).data
    assert "&lt;" in shown
    assert "rgba(86,180,233,0.50)" in shown
    assert "rgba(230,159,0,1.00)" in shown
    with pytest.raises(ValueError, match="2 pieces of text but 1 values"):
        plots.colored_text("ab", [1.0])


@keras.saving.register_keras_serializable("tests")
class Leaky(keras.layers.Layer):
    """A cell that works, with slips to switch on."""

    def __init__(self, units=4, slip="", **options):
        super().__init__(**options)
        self.units = self.output_size = self.state_size = units
        self.slip = slip

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")

    def call(self, x, states):
        h = 0.5 * states[0] + keras.ops.tanh(x @ self.kernel)
        return h, [0.9 * h if self.slip == "states" else h]

    def get_config(self):
        return {**super().get_config(), "units": self.units, "slip": self.slip}


def test_cell_truths_of_a_sound_cell_and_of_keras_own():
    for make_cell in (Leaky, lambda: keras.layers.LSTMCell(4), lambda: keras.layers.GRUCell(4)):
        assert cell_truths(make_cell) == {"states": True, "mask": True, "save and load": True}


def test_cell_truths_find_what_is_wrong():
    assert not cell_truths(lambda: Leaky(slip="states"))["states"]


def test_cell_truths_raise_for_a_cell_that_cannot_be_loaded():
    class Unregistered(Leaky):
        pass

    with pytest.raises(TypeError, match="Unregistered"):
        cell_truths(Unregistered)


def test_compiled_error_is_small_for_keras_and_seen_where_compiling_changes_a_layer():
    assert compiled_error([keras.layers.RNN(Leaky(), return_sequences=True)]) < 1e-5

    class Changed(keras.layers.Dense):
        def call(self, x, mask=None):
            return (1.0 if tf.executing_eagerly() else 1.5) * super().call(x)

    assert compiled_error([Changed(2)]) > 0.1


class Shell:
    """What IPython hands out in a kernel; whether a cell may ask for input tells who runs it."""

    def __init__(self, may_ask):
        self.kernel = self
        self._allow_stdin = may_ask


@pytest.fixture
def live(monkeypatch):
    """A notebook that somebody sits at, and the list of what it shows."""
    shown = []
    monkeypatch.setattr(plots, "is_live", lambda: True)
    monkeypatch.setattr(plots, "display", shown.append)
    return shown


def test_a_notebook_is_live_where_somebody_sits_at_it(monkeypatch):
    assert not plots.is_live()  # in a test
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    monkeypatch.setattr(plots, "get_ipython", lambda: Shell(may_ask=True))
    assert plots.is_live()
    for variable in ("PYTEST_CURRENT_TEST", "UNROLLED_PUBLISH"):
        monkeypatch.setenv(variable, "1")
        assert not plots.is_live()
        monkeypatch.delenv(variable)
    for shell in (None, object(), Shell(may_ask=False)):  # a script, a terminal, nbconvert
        monkeypatch.setattr(plots, "get_ipython", lambda found=shell: found)
        assert not plots.is_live()


def test_turn_draws_once_by_default_where_nobody_can_turn(live, monkeypatch, capsys):
    monkeypatch.setattr(plots, "is_live", lambda: False)
    plots.turn(lambda a=2, b="x": f"{a}{b}", a=(0, 4), b="y")
    plots.turn(lambda a=2: None, a=(0, 4))
    assert live == ["2x"]
    assert capsys.readouterr().out == ""
    with pytest.raises(ValueError, match="no default for a, c"):
        plots.turn(lambda a, b=1: None, a=(0, 4), b=(0, 4), c=(0, 4))


def test_turn_draws_again_for_each_value_where_somebody_turns(live):
    ipywidgets = pytest.importorskip("ipywidgets")
    drawn = []
    plots.turn(lambda a=2, b=0.5, c="x": drawn.append((a, b, c)), a=(0, 4), b=(0.0, 1.0, 0.1), c="x")
    assert isinstance(live[0], ipywidgets.interactive)
    live[0].children[0].value = 3
    live[0].children[1].value = 0.7
    assert drawn[-2:] == [(3, 0.5, "x"), (3, 0.7, "x")]
    assert drawn[:-2] in ([(2, 0.5, "x")], [])  # ipywidgets 7, Colab's, draws first when it is displayed


def test_turn_says_in_a_line_that_there_are_no_widgets(live, monkeypatch, capsys):
    monkeypatch.setattr(plots.importlib.util, "find_spec", lambda name: None)
    plots.turn(lambda a=2: a, a=(0, 4))
    assert live == [2]
    assert capsys.readouterr().out.startswith("ipywidgets is not installed")
