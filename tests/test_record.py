"""Records of what cells make: that each notebook has one, and that it notices what changes."""

import dataclasses
import io
import json
import sys
import time
import wave
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import keras
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from IPython.display import Audio
from matplotlib.colors import Normalize, PowerNorm

from tools import check, notebooks
from tools import record as make_record
from tools.nbval import record
from tools.nbval.looks import looks
from utils import plots


@pytest.mark.parametrize("path", notebooks.all_notebooks(), ids=lambda path: path.stem)
def test_each_notebook_has_a_record_of_all_its_cells(path):
    known = notebooks.read_json(notebooks.RECORDS / f"{path.stem}.json")
    assert known is not None, f"make record {notebooks.choice(path)}"
    cells = [c for c in check.code_cells(notebooks.load(path)) if "raises-exception" not in notebooks.tags(c)]
    assert list(known) == [cell.id for cell in cells], f"make record {notebooks.choice(path)}"


def test_how_each_recorded_figure_looks_could_be_told():
    for file in notebooks.RECORDS.glob("*.json"):
        for cell, leaves in notebooks.read_json(file).items():
            untold = [path for path in leaves if path.endswith(f"[{record.UNTOLD}]")]
            assert not untold, f"{file.stem}, {cell}: {untold}; tools/nbval/looks.py"


@pytest.mark.parametrize("path", notebooks.all_notebooks(), ids=lambda path: path.stem)
def test_the_scales_of_each_notebook_are_set_as_recorded(path):
    """What its stored outputs were made with: no test runs a notebook at these scales."""
    known = notebooks.read_json(notebooks.SETTINGS).get(path.stem)
    how = "if this is meant: .venv/bin/python -m tools.record --settings"
    assert known == make_record.settings(path), how


def test_there_is_no_record_of_a_notebook_that_is_gone():
    stems = {path.stem for path in notebooks.all_notebooks()}
    assert {file.stem for file in notebooks.RECORDS.glob("*.json")} == stems
    assert set(notebooks.read_json(notebooks.SETTINGS)) == stems


def test_settings_are_the_statements_that_ask_for_the_scale(tmp_path, monkeypatch):
    def written(name, *sources):
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / name)
        return tmp_path / name

    sources = "N = scale(quick=1,  cpu=2)  # many\nM = 3", "S = current_scale()", "scales = 5"
    path = written("01_a.ipynb", *sources)
    other = written("02_b.ipynb", "if True:\n    K = scale(quick=1, cpu=5)")
    kept = ["N = scale(quick=1, cpu=2)", "S = current_scale()"]
    assert make_record.settings(path) == kept
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(notebooks, "SETTINGS", tmp_path / "settings.json")
    make_record.store_settings([path, other])
    for name in ("01_a.ipynb", "02_b.ipynb"):
        written(name, "N = scale(quick=1, cpu=9)")
    make_record.store_settings([other])  # that of the other one is as it was
    stored = json.loads(notebooks.SETTINGS.read_text())
    assert stored == {"01_a": kept, "02_b": ["N = scale(quick=1, cpu=9)"]}


def seen(**values):
    """What is recorded of values by their names."""
    found = {}
    for name, value in values.items():
        found.update(record.leaves(name, value))
    return json.loads(json.dumps(found))


@dataclasses.dataclass
class Run:
    losses: list
    seconds: float


NUMBERS = np.random.default_rng(0).normal(size=(20, 5)).astype("float32")
CHANGES = {
    "a value": (1.5, 1.501),
    "a sign": (NUMBERS, -NUMBERS),
    "the order": (NUMBERS, NUMBERS[::-1]),
    "rows for columns": (NUMBERS, NUMBERS.T),
    "a step further": (np.arange(50), np.arange(1, 51)),
    "a hundredth more": (NUMBERS, 1.01 * NUMBERS),
    "one that is not finite": (NUMBERS, np.where(NUMBERS > 2, np.nan, NUMBERS)),
    "true for false": (NUMBERS > 0, NUMBERS < 0),
    "a word": ("the loss is 3", "the gain is 3"),
    "a number in a text": ("the loss is 3.25", "the loss is 3.52"),
    "one text of many": ([str(k) for k in range(40)], [str(k) for k in range(1, 41)]),
    "numbers of several lengths": ([[1, 2], [3]] * 9, [[2, 1], [3]] * 9),
    "a key": ({"loss": 1.0}, {"gain": 1.0}),
    "a value within": ({"loss": [1.0, {"a": 2}]}, {"loss": [1.0, {"a": 3}]}),
    "a field": (Run([1.0, 0.5], 3.0), Run([1.0, 0.6], 3.0)),
    "a tensor": (keras.ops.ones((2, 2)), keras.ops.zeros((2, 2))),
    "a set": ({"a", "b"}, {"a", "c"}),
    "how many": ([(1, "a")] * 5, [(1, "a")] * 6),
    "one array of many": ([NUMBERS] * 20, [*[NUMBERS] * 15, NUMBERS[::-1], *[NUMBERS] * 4]),
    "one row of many": (
        [{"a": 1.0, "b": "x"}] * 20,
        [*[{"a": 1.0, "b": "x"}] * 17, {"a": 1.01, "b": "x"}, *[{"a": 1.0, "b": "x"}] * 2],
    ),
    "one word of many rows": ([{"b": "x"}] * 20, [*[{"b": "x"}] * 17, {"b": "y"}, *[{"b": "x"}] * 2]),
    "one value of a large dict": (dict.fromkeys(range(40), 1e6), dict.fromkeys(range(40), 1e6) | {30: 2e6}),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_noticed(what):
    before, after = CHANGES[what]
    assert record.compare(record.merged([seen(x=before)] * 2), seen(x=before)) == []
    assert record.compare(record.merged([seen(x=before)] * 2), seen(x=after)) != []


def test_seconds_are_not_recorded():
    rows = [{"seconds": 1.0, "value": 2.0}] * 20
    before = seen(
        run=Run([1.0], 3.0), seconds=1.0, row={"seconds": 2.0, "value": 1.0}, rows=rows, all_seconds=[1.0]
    )
    rows = [{"seconds": 9.0, "value": 2.0}] * 20
    after = seen(
        run=Run([1.0], 9.0), seconds=9.0, row={"seconds": 9.0, "value": 1.0}, rows=rows, all_seconds=[2.0]
    )
    assert before == after
    assert "row[value]" in before


def test_weights_are_recorded():
    layer = keras.layers.Dense(3)
    layer.build((None, 2))
    before = seen(layer=layer)
    assert set(before) == {"layer.weights[0]", "layer.weights[1]"}
    layer.set_weights([1 + w for w in layer.get_weights()])
    assert len(record.compare(before, seen(layer=layer))) == 2


def test_what_has_no_value_is_passed_over():
    place = keras.Input((3,))
    assert seen(a=keras.layers.Dense, b=np, c=len, d=iter([1]), e=lambda: 1) == {}
    assert record.compare(seen(place=place), seen(place=keras.Input((4,)))) != []


def test_what_figures_show_is_recorded():
    def figure(values, title):
        _, axes = plt.subplots()
        axes.plot(values)
        axes.bar([0, 1], values[:2])
        axes.scatter([0, 1], values[:2])
        axes.imshow(np.outer(values, values))
        axes.set_title(title)
        axes.text(0, values[0], "first")
        found = seen(figure=record.drawn(plt.gcf()))
        plt.close()
        return found

    known = figure([1, 2, 3], "Loss")
    assert record.compare(known, figure([1, 2, 3], "Loss")) == []
    assert len(record.compare(known, figure([2, 1, 3], "Loss"))) == 5
    assert len(record.compare(known, figure([1, 2, 3], "Gain"))) == 1


def test_what_runs_do_not_agree_about_is_let_go():
    first = seen(loss=0.50, ratio=1.0, sample="a b", error=1e-9, kept=3)
    second = seen(loss=0.51, ratio=7.0, sample="a c", error=9e-9, kept=3)
    known = record.merged([first, second])
    assert known["sample"] is None
    assert known["ratio"]["numbers"] == [None]
    again = {"ratio": 99.0, "sample": "x", "error": 1e-8, "kept": 3}
    assert record.compare(known, seen(loss=0.53, **again)) == []
    assert len(record.compare(known, seen(loss=0.56, **again))) == 1
    assert len(record.compare(known, seen(loss=0.50, **again | {"kept": 4}))) == 1


def test_where_the_project_is_does_not_matter():
    here = {
        "python": sys.executable,
        "paths": [f"{notebooks.ROOT}/a"] * 3,
        "more": [f"{notebooks.ROOT}/b"] * 20,
    }
    known = seen(**here)
    there = seen(python="python", paths=["project/a"] * 3, more=["project/b"] * 20)
    assert record.compare(known, there) == []
    assert len(record.compare(known, seen(**here | {"paths": [f"{notebooks.ROOT}/c"] * 3}))) == 1


def test_a_new_name_and_a_missing_one_are_noticed():
    known = record.merged([seen(a=1, b=2)] * 2)
    assert record.compare(known, seen(a=1, b=2, c=3)) == ["c is new"]
    assert record.compare(known, seen(a=1)) == ["b is not made or not changed any more"]


def test_how_a_figure_looks_is_recorded():
    def figure(**changes):
        given = {
            "color": "red",
            "ls": "-",
            "scale": "linear",
            "names": "ab",
            "hatch": None,
            "top": 3,
            "vmax": 1,
        }
        given |= changes
        _, axes = plt.subplots()
        axes.plot([1, 2], color=given["color"], linestyle=given["ls"])
        axes.set_xticks([0, 1], list(given["names"]))
        axes.bar([0, 1], [1, 2], hatch=given["hatch"])
        axes.imshow([[0, 1]], vmax=given["vmax"], cmap=given.get("cmap"))
        axes.add_patch(plt.Circle((given.get("at", 0), 0), 0.1))
        axes.set_yscale(given["scale"])
        axes.set_ylim(0.1, given["top"])
        found = seen(figure=record.drawn(plt.gcf()))
        plt.close()
        return found

    known = figure()
    assert record.compare(known, figure()) == []
    changes = {
        "color": "blue",
        "ls": ":",
        "scale": "log",
        "names": "ba",
        "hatch": "/",
        "top": 4,
        "at": 1,
        "vmax": 2,
    }
    for what, value in (changes | {"cmap": "gray"}).items():
        change = {what: value}
        assert record.compare(known, figure(**change)) != [], change


def shown(html):
    return record.printed([{"output_type": "display_data", "data": {"text/html": html, "text/plain": "x"}}])


def test_how_words_look_is_recorded():
    known = shown('<p style="text-align:left">mine</p>')
    assert record.compare(known, shown('<p style="text-align:left">mine</p>')) == []
    assert record.compare(known, shown('<p style="text-align:right">mine</p>')) != []


@pytest.mark.parametrize("width", [1, 2])
def test_sounds_are_recorded(width):
    def played(hertz, rate=8000, seconds=1.0):
        wave_form = np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)
        samples = np.uint8(128 + 100 * wave_form) if width == 1 else np.int16(30_000 * wave_form)
        with io.BytesIO() as file, wave.open(file, "wb") as out:
            out.setparams((1, width, rate, len(samples), "NONE", ""))
            out.writeframes(samples.tobytes())
            return shown(Audio(file.getvalue())._repr_html_())

    known = played(440)
    assert "sound 0" in known
    assert record.compare(known, played(440)) == []
    for other in (played(220), played(440, seconds=0.9), played(440, rate=4000)):
        assert record.compare(known, other) != []
    loose = record.merged([known, {**known, "sound 0": record.numbers([0])}])
    assert loose["sound 0"] is None


def test_words_that_a_cell_shows_without_progress_bars():
    stream = {"output_type": "stream", "name": "stdout", "text": "loss 3\n"}
    bar = {"output_type": "stream", "name": "stderr", "text": "40%"}
    table = {"output_type": "display_data", "data": {"text/html": "<b>7</b> units", "text/plain": "x"}}
    picture = {"output_type": "display_data", "data": {"image/png": "", "text/plain": "x"}}
    assert record.printed([stream, bar, table, picture]) == {
        "output": record.text("loss 3\n\n 7  units"),
        "look of the output": record.text("<b></b>"),
    }
    assert record.printed([bar]) == {}


def picture(**changes):
    """A figure of every kind of part; each key changes one thing of it."""
    plain = {
        "color": "red",
        "ls": "-",
        "lw": 2,
        "marker": "o",
        "ms": 4,
        "mec": "black",
        "alpha": 1.0,
        "visible": True,
    }
    g = plain | changes
    known = g.get
    figure, ((a, b), (c, d)) = plt.subplots(2, 2, figsize=known("size", (6, 5)), layout="constrained")
    a.plot([1, 2, 3], label=known("legend", "loss"), **{key: g[key] for key in plain})
    a.legend(title=known("above", "run"))
    a.set(title=known("title", "A"), xlabel=known("xlabel", "step"), ylabel=known("ylabel", "loss (nats)"))
    a.set_title(known("left", "l"), loc="left")
    a.set_xlim(0, known("end", 4))
    a.set_yscale(known("scale", "linear"))
    a.grid(known("grid", True))
    a.set_facecolor(known("ground", "white"))
    a.spines["top"].set_visible(known("spine", True))
    a.xaxis.set_major_formatter(known("format", "{x:.0%}"))
    b.bar(list(known("ticks", "ab")), [1, 2], color=known("bar", "blue"), edgecolor=known("edge", "black"),
          lw=known("edge_width", 1), hatch=known("hatch"), ls=known("edge_style", "-"))  # fmt: skip
    b.scatter([0, 1], [1, 2], color=known("point", "green"), s=known("area", 9), marker=known("shape", "o"),
              edgecolor=known("rim", "red"), lw=known("rim_width", 1))  # fmt: skip
    b.fill_between([0, 1], [0, 0], [1, known("filled", 1)], color=known("fill", "orange"))
    b.hlines([1], 0, 1, linestyle=known("dashes", "--"))
    b.tick_params(labelleft=known("labels", True))
    norm = known("norm", Normalize)(vmin=0, vmax=known("vmax", 4))
    shown = c.imshow([[0, 1], [2, 3]], cmap=known("cmap", "viridis"), norm=norm, extent=known("extent"),
                     alpha=known("dim"))  # fmt: skip
    figure.colorbar(shown, ax=c, label=known("bar_label", "share"))
    d.scatter(
        [0, 1], [0, 1], c=known("values", [0, 1]), cmap=known("map", "Blues"), vmin=known("low", 0), vmax=2
    )
    d.annotate(known("note", "here"), known("at", (0.5, 0.5)), (0.1, 0.1), color=known("ink", "black"),
               arrowprops={"arrowstyle": "->", "color": known("arrow", "black")})  # fmt: skip
    d.axis(known("axis", "on"))
    figure.suptitle(known("whole", "All"))
    return figure


LOOKS = {
    "color": "blue",
    "ls": "--",
    "lw": 3,
    "marker": "s",
    "ms": 5,
    "mec": "white",
    "alpha": 0.5,
    "visible": False,
    "size": (6, 6),
    "legend": "gain",
    "above": "runs",
    "title": "B",
    "xlabel": "epoch",
    "ylabel": "loss",
    "left": "r",
    "end": 5,
    "scale": "log",
    "grid": False,
    "ground": "grey",
    "spine": False,
    "format": "{x:.2f}",
    "ticks": "ac",
    "bar": "navy",
    "edge": "red",
    "edge_width": 2,
    "hatch": "/",
    "edge_style": ":",
    "point": "lime",
    "area": 16,
    "shape": "^",
    "rim": "black",
    "rim_width": 2,
    "norm": partial(PowerNorm, 0.5),
    "filled": 2,
    "fill": "gold",
    "dashes": ":",
    "labels": False,
    "cmap": "magma",
    "vmax": 5,
    "extent": (0, 1, 0, 1),
    "dim": 0.5,
    "bar_label": "loss",
    "values": [1, 0],
    "map": "Reds",
    "low": -1,
    "note": "there",
    "at": (0.5, 0.6),
    "ink": "red",
    "arrow": "red",
    "axis": "off",
    "whole": "Each",
}


@pytest.fixture(scope="module")
def plain_looks():
    found = seen(figure=looks(picture()))
    plt.close("all")
    return found


@pytest.mark.parametrize("what", LOOKS)
def test_each_change_of_how_a_figure_looks_is_noticed(plain_looks, what):
    found = seen(figure=looks(picture(**{what: LOOKS[what]})))
    plt.close("all")
    assert record.compare(plain_looks, found) != []


def test_the_layout_of_a_figure_is_not_looked_at(plain_looks):
    """Where matplotlib puts things, and which ticks it takes, differs between its versions."""
    figure = picture()
    figure.canvas.draw()
    assert record.compare(plain_looks, seen(figure=looks(figure))) == []
    plt.close("all")


def test_what_is_not_drawn_has_no_colour():
    _, (one, two) = plt.subplots(1, 2)
    one.bar([0], [1], edgecolor="red", lw=0)
    two.bar([0], [1], edgecolor="blue", lw=0)
    found = looks(plt.gcf())
    assert found["axes 0"]["colours of edges"].tolist() == [[0.0] * 4]
    assert found["axes 1"]["colours of edges"].tolist() == [[0.0] * 4]
    plt.close("all")


def test_the_looks_of_what_notebooks_show_are_kept(monkeypatch):
    monkeypatch.setattr(plots, "show", plots.show)  # is given back at the end
    monkeypatch.setattr(plots, "display", lambda shown: None)
    monkeypatch.setattr(sys, "_recorded", True, raising=False)
    monkeypatch.delenv("UNROLLED_SHAKEN", raising=False)
    record.begin()
    picture()
    plots.show("All parts.")
    found = json.loads(record.look({}, []))
    assert found["figure 0[alt]"] == record.text("All parts.")
    assert "looks of figure 0[axes 1][points]" in found

    def fails(figure):
        raise KeyError("a new kind")

    monkeypatch.setattr(record, "looks", fails)
    picture()
    plots.show("All parts.")
    assert f"looks of figure 0[{record.UNTOLD}]" in json.loads(record.look({}, []))


def test_records_that_do_not_know_how_figures_look_are_compared_without():
    made = {"figure 0[alt]": record.text("a"), "looks of figure 0[size]": record.numbers([6, 3])}
    older = {"figure 0[alt]": record.text("a")}
    assert record.compare(older, made) == []
    assert record.compare(made, older) == ["looks of figure 0[size] is not made or not changed any more"]
    more = made | {"looks of figure 0[words]": record.text("All")}
    assert record.compare(made, more) == ["looks of figure 0[words] is new"]
    assert record.compare(older, more | {"figure 1[alt]": record.text("b")}) == ["figure 1[alt] is new"]


def test_what_was_let_go_stays_so_if_that_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "RECORDS", tmp_path)
    made = {"cell": seen(port=34337, pair=[1.0, 2.0], loss=0.5, new=3)}
    (tmp_path / "01_a.json").write_text(
        json.dumps(
            {"cell": {**made["cell"], "port": None, "pair": made["cell"]["pair"] | {"numbers": [1.0, None]}}}
        )
    )
    run = tmp_path / "run"
    run.mkdir()
    (run / "01_a.json").write_text(json.dumps(made))
    path = notebooks.NOTEBOOKS / "01_a.ipynb"
    make_record.store(path, [run, run], keep=True)
    kept = notebooks.read_json(tmp_path / "01_a.json")["cell"]
    assert kept["port"] is None
    assert kept["pair"]["numbers"] == [1.0, None]
    assert kept["loss"] == made["cell"]["loss"]
    assert kept["new"] == made["cell"]["new"]
    make_record.store(path, [run, run])
    assert notebooks.read_json(tmp_path / "01_a.json") == made


def test_two_at_once_do_not_undo_each_others_settings(tmp_path, monkeypatch):
    for name in ("01_a.ipynb", "02_b.ipynb"):
        cells = [nbformat.v4.new_code_cell(f"N = scale(quick=1, cpu={name[1]})")]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / name)
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(notebooks, "SETTINGS", tmp_path / "settings.json")
    read = notebooks.read_json

    def slowly(path):
        known = read(path)
        time.sleep(0.3)
        return known

    monkeypatch.setattr(notebooks, "read_json", slowly)
    with ThreadPoolExecutor(2) as both:
        list(
            both.map(lambda name: make_record.store_settings([tmp_path / name]), ["01_a.ipynb", "02_b.ipynb"])
        )
    assert read(notebooks.SETTINGS) == {
        "01_a": ["N = scale(quick=1, cpu=1)"],
        "02_b": ["N = scale(quick=1, cpu=2)"],
    }
