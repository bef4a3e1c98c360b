"""The stored benchmark: its table is of its numbers, and the numbers are plausible measurements."""

import json

import pytest

from tools import bench

STORED = bench.ROOT / "bench"
RESULTS = json.loads((STORED / "results.json").read_text(encoding="utf-8"))


def test_the_stored_table_is_of_the_stored_numbers():
    table = (STORED / "table.md").read_text(encoding="utf-8")
    assert table == bench.as_markdown(RESULTS), "run `make bench`"


def test_every_case_was_measured_by_everybody():
    cases = {(r["cell"], r["hidden"], r["batch"], r["pass"], r["who"]) for r in RESULTS["cases"]}
    who = [bench.KERAS, bench.COMPILED, bench.OURS]
    who += [bench.TORCH] if "PyTorch" in RESULTS["machine"]["versions"] else []
    expected = {
        (cell, *size, k, name)
        for cell in bench.CELLS
        for size in bench.SIZES
        for k in bench.PASSES
        for name in [*who, *([bench.ALONE] if k == bench.FORWARD else [])]
    }
    assert cases == expected
    steps = {(r["cell"], r["batch"], r["pass"], r["who"]) for r in RESULTS["steps"]}
    assert steps == {
        (cell, n, bench.TOKEN, name) for cell in bench.CELLS for n in bench.READERS for name in who
    }
    assert all(
        r["rounds"] >= 3 and r["quartiles"][0] <= r["seconds"] <= r["quartiles"][1] for r in RESULTS["cases"]
    )


@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
def test_our_layers_train_faster_than_keras(cell):
    row = bench.pivot(RESULTS["cases"])[(cell, *bench.MIDDLE, bench.TRAIN)]
    assert row[bench.KERAS]["seconds"] > 1.2 * row[bench.OURS]["seconds"]  # on any machine; 2 on two cores


@pytest.mark.parametrize("cell", bench.CELLS)
def test_products_alone_take_less_than_a_forward_pass_that_has_them(cell):
    for size in bench.SIZES:
        row = bench.pivot(RESULTS["cases"])[(cell, *size, bench.FORWARD)]
        assert row[bench.ALONE]["seconds"] < row[bench.OURS]["seconds"]


@pytest.mark.parametrize("quantity", ["seconds", "megabytes"])
def test_time_and_memory_grow_no_faster_than_length(quantity):
    ours = {r["length"]: r[quantity] for r in RESULTS["lengths"] if r["who"] == bench.OURS}
    assert ours[3200] < 1.5 * 4 * ours[800]


def test_a_busy_machine_is_reported():
    assert bench.busy(0.4, cores=2) == ""
    assert "load 3.9 on 2 cores" in bench.busy(3.9, cores=2)
