"""How fast the layers of utils.recurrent are on this machine, beside Keras' own and PyTorch's.

`make bench` measures them in turn, several rounds in one run, so that whatever else the machine does
hits all of them alike; then one step at a time, as a network that writes takes them; then time and memory
against length. It writes results.json, table.md and chart.png to bench/. PyTorch takes part if it is
installed, in a process of its own. Ten minutes at most.
"""

import argparse
import importlib.util
import json
import os
import platform
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from tabulate import tabulate

from utils import plots, recurrent
from utils.environment import cores

ROOT = Path(__file__).resolve().parents[1]
CELLS = ("SimpleRNN", "LSTM", "GRU")
# Hidden size and batch vary one at a time around the middle.
MIDDLE = (256, 64)
SIZES = ((128, 64), MIDDLE, (512, 64), (256, 32), (256, 128))
FEATURES, LENGTH = 64, 100
LENGTHS = (50, 100, 200, 400, 800, 1600, 3200)
LENGTH_CASE = ("LSTM", 256, 16)
TOKENS, READERS = 50, (1, 100)  # steps in a row, and texts written side by side
ROUNDS, BUDGET = 21, 380  # rounds of each case, fewer if the budget of seconds would not do
OURS, KERAS, COMPILED, TORCH = "ours", "Keras", "Keras, compiled", "PyTorch"
ALONE = "products alone"


PASSES = FORWARD, TRAIN = ("forward", "training step")
TOKEN = "one step"


class Case(NamedTuple):
    cell: str
    hidden: int
    batch: int
    length: int = LENGTH


Run = Callable[[], float]  # works once, and returns the seconds it took
Maker = Callable[[Case], dict[str, Run]]  # for each pass its run


def arrays(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Inputs `(batch, length, features)`, and the gradient that the outputs get, as wide as they are."""
    rng = np.random.default_rng(0)
    shape = (case.batch, case.length)
    return tuple(rng.normal(size=(*shape, n)).astype("float32") for n in (FEATURES, case.hidden))  # type: ignore[return-value]


def timed(work: Callable[[], Any]) -> Run:
    def run() -> float:
        time.sleep(0.005)  # lets the threads of the one before fall asleep
        begin = time.perf_counter()
        work()
        return time.perf_counter() - begin

    return run


def keras_runs(case: Case, module: Any, compiled: bool) -> dict[str, Run]:
    """A forward pass, and a training step: forward, and gradients of the weights and inputs."""
    layer = getattr(module, case.cell)(case.hidden, return_sequences=True)
    x, grad = map(tf.constant, arrays(case))
    layer.build(x.shape)

    @tf.function(jit_compile=compiled)
    def forward(x: tf.Tensor) -> tf.Tensor:
        return layer(x)

    @tf.function(jit_compile=compiled)
    def train(x: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
        return tape.gradient(y, [x, *layer.trainable_weights], output_gradients=grad)

    return {FORWARD: timed(lambda: forward(x).numpy()), TRAIN: timed(lambda: [g.numpy() for g in train(x)])}


def token_run(case: Case, module: Any, compiled: bool) -> dict[str, Run]:
    """TOKENS calls of one step each, the state handed from call to call."""
    layer = getattr(module, case.cell)(case.hidden, return_sequences=True, return_state=True)
    x = tf.constant(arrays(case)[0])
    layer.build(x.shape)
    count = len(tf.nest.flatten(layer.cell.state_size))

    @tf.function(jit_compile=compiled)
    def step(x: tf.Tensor, states: list[tf.Tensor]) -> list[tf.Tensor]:
        return layer(x, initial_state=states)

    def write() -> None:
        states = [tf.zeros((case.batch, case.hidden))] * count
        for _ in range(TOKENS):
            h, *states = step(x, states)
        h.numpy()

    return {TOKEN: timed(write)}


@tf.function(jit_compile=True)
def only_products(h: tf.Tensor, U: tf.Tensor, steps: tf.Tensor) -> tf.Tensor:
    """The products with the recurrent matrix, one after the other, in a loop of XLA's; nothing else."""
    parts = tf.split(U, U.shape[1] // U.shape[0], axis=1)
    _, h = tf.while_loop(
        lambda t, h: t < steps, lambda t, h: (t + 1, 0.1 * tf.add_n([h @ part for part in parts])), (0, h)
    )
    return h


def product_run(case: Case) -> dict[str, Run]:
    """What the recurrent products alone of a forward pass take, each core with its part of the batch."""
    rng = np.random.default_rng(0)
    gates = {"SimpleRNN": 1, "GRU": 3, "LSTM": 4}[case.cell]
    h, U = (
        tf.constant(rng.normal(size=(n, m)).astype("float32") / case.hidden)
        for n, m in ((case.batch, case.hidden), (case.hidden, gates * case.hidden))
    )
    parts = [h[part] for part in recurrent.parts_of(case.batch)]

    @tf.function
    def run() -> list[tf.Tensor]:
        return [only_products(part, U, tf.constant(case.length)) for part in parts]

    return {} if case.length == 1 else {FORWARD: timed(lambda: [part.numpy() for part in run()])}


def torch_runs() -> Maker:
    """The same by PyTorch, in a process of its own."""
    command = [sys.executable, "-m", "tools.bench_torch"]
    process = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(case: Case, k: int) -> float:
        assert process.stdin
        assert process.stdout
        print(json.dumps([*case, FEATURES, k]), file=process.stdin, flush=True)
        return float(process.stdout.readline())

    return lambda case: {
        name: partial(ask, case, k)
        for k, name in enumerate((*PASSES, TOKEN))
        if (name == TOKEN) == (case.length == 1)
    }


def contestants() -> dict[str, Maker]:
    """Who takes part, each with both passes; at length 1 with TOKENS single steps instead."""

    def of(module: Any, compiled: bool) -> Maker:
        return lambda case: (token_run if case.length == 1 else keras_runs)(case, module, compiled)

    makers: dict[str, Maker] = {
        KERAS: of(keras.layers, compiled=False),
        COMPILED: of(keras.layers, compiled=True),
        OURS: of(recurrent, compiled=False),
        ALONE: product_run,
    }
    if importlib.util.find_spec("torch"):
        makers[TORCH] = torch_runs()
    else:
        print("PyTorch is not installed: its column stays empty (pip install torch to have it).", flush=True)
    return makers


def measure(case: Case, makers: dict[str, Maker], until: float) -> Iterator[dict[str, Any]]:
    """All contestants in turn, round after round; one record for each contestant and pass."""
    runs = {(name, k): run for name, make in makers.items() for k, run in make(case).items()}
    for run in runs.values():
        run()  # traces and compiles
        run()
    times: dict[Any, list[float]] = {key: [] for key in runs}
    for done in range(ROUNDS):
        if done >= 3 and time.monotonic() > until:
            break
        for key, run in runs.items():
            times[key].append(run())
    for (name, k), values in times.items():
        low, median, high = np.percentile(values, (25, 50, 75))
        record = {"pass": k, "who": name, "seconds": median, "quartiles": [low, high], "rounds": len(values)}
        yield case._asdict() | record


def lengths(who: str) -> None:
    """Seconds and peak memory of a training step, as a line of JSON for each length asked for on stdin."""
    module, base = recurrent if who == OURS else keras.layers, memory()
    for line in sys.stdin:
        run = keras_runs(Case(*LENGTH_CASE, int(line)), module, compiled=False)[TRAIN]
        run()
        record = {"who": who, "length": int(line), "seconds": min(run() for _ in range(3))}
        print(json.dumps(record | {"megabytes": memory() - base}), flush=True)


def memory() -> float:
    """The most memory this process has held so far, in megabytes."""
    status = Path("/proc/self/status")
    if status.exists():  # the other figure counts the parent process as well on Linux
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"))[1]) / 2**10  # type: ignore[index]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def lengths_in_turn() -> list[dict[str, Any]]:
    """`lengths` of both layers, each in a process whose peak memory is its own; in turn at each length."""
    command, pipe = [sys.executable, "-m", "tools.bench", "--lengths"], subprocess.PIPE
    children = {
        who: subprocess.Popen([*command, who], cwd=ROOT, text=True, stdin=pipe, stdout=pipe)
        for who in (KERAS, OURS)
    }
    records: dict[str, list[dict[str, Any]]] = {who: [] for who in children}
    for length in LENGTHS:
        for who, child in children.items():
            assert child.stdin
            assert child.stdout
            print(length, file=child.stdin, flush=True)
            answer = child.stdout.readline()
            if not answer:
                raise SystemExit(f"The process of {who!r} ended at length {length}; its message is above.")
            records[who].append(json.loads(answer))
    for child in children.values():
        child.communicate()
    return [record for who in children for record in records[who]]


def busy(load: float, cores: int) -> str:
    """A warning if other programs take more than a quarter of the cores; else nothing."""
    if load <= cores / 4:
        return ""
    return (
        f"Other programs were running when it began (load {load:.1f} on {cores} cores): trust the ratios, "
        "measured in turn, more than the milliseconds, and for better ones stop those programs and run again."
    )


def machine() -> dict[str, Any]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    versions = {"Python": platform.python_version(), "TensorFlow": tf.__version__, "Keras": keras.__version__}
    if importlib.util.find_spec("torch"):
        versions["PyTorch"] = version("torch")
    return {"cpu": model, "cores": cores(), "versions": versions}


def pivot(records: list[dict[str, Any]]) -> dict[tuple[Any, ...], dict[str, dict[str, Any]]]:
    """(cell, hidden, batch, pass) -> contestant -> record."""
    table: dict[tuple[Any, ...], dict[str, dict[str, Any]]] = {}
    for record in records:
        key = (record["cell"], record["hidden"], record["batch"], record["pass"])
        table.setdefault(key, {})[record["who"]] = record
    return table


def spread(record: dict[str, Any] | None) -> str:
    """Median in milliseconds, with the quartiles."""
    if record is None:
        return ""
    low, high = (1e3 * value for value in record["quartiles"])
    return f"{1e3 * record['seconds']:.1f} ({low:.1f} to {high:.1f})"


def microseconds(record: dict[str, Any] | None) -> str:
    """Median, with the quartiles."""
    if record is None:
        return ""
    low, high = (1e6 * value for value in record["quartiles"])
    return f"{1e6 * record['seconds']:.0f} ({low:.0f} to {high:.0f})"


def ratio(row: dict[str, dict[str, Any]], other: str) -> str:
    return f"{row[other]['seconds'] / row[OURS]['seconds']:.2f}" if other in row else ""


def as_markdown(results: dict[str, Any]) -> str:
    """The tables, with the machine they are from."""
    who, about = (KERAS, COMPILED, OURS, TORCH), results["machine"]
    others, lanes = [name for name in who if name != OURS], (*who, ALONE)
    table = pivot(results["cases"])
    times = [[*key, *(spread(row.get(name)) for name in lanes)] for key, row in table.items()]
    steps = [
        [cell, hidden, batch, *(microseconds(row.get(name)) for name in who)]
        for (cell, hidden, batch, _), row in pivot(results["steps"]).items()
    ]
    ratios = [[*key, *(ratio(row, name) for name in others)] for key, row in table.items()]
    long = [
        [r["who"], r["length"], f"{1e3 * r['seconds']:.0f}", f"{r['megabytes']:.0f}"]
        for r in results["lengths"]
    ]
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    warning = busy(results["load"][0], about["cores"])
    cell, hidden, batch = LENGTH_CASE
    case = ["layer", "hidden", "batch", "pass"]
    return f"""# Recurrent layers on a CPU

Made by `make bench` on {about["cpu"]}, {about["cores"]} cores; {versions}. Load of the machine, of this run
and of whatever else ran: {results["load"][0]:.1f} when it began, {results["load"][1]:.1f} when it ended.
{warning}

All cases: {LENGTH} steps of {FEATURES} features, float32; medians of up to {ROUNDS} rounds in turn. A
training step is the forward pass and the gradients of weights and inputs. "{KERAS}" is the layer as `fit`
runs it on a CPU, "{COMPILED}" the same with `jit_compile=True`, "{OURS}" that of `utils.recurrent`.

## How many times as fast ours is as ...

{tabulate(ratios, [*case, *others], tablefmt="github", disable_numparse=True)}

## Milliseconds, median (quartiles)

{tabulate(times, [*case, *lanes], tablefmt="github", disable_numparse=True)}

"{ALONE}" is a loop of XLA's, as ours is, with nothing in it but the products with the recurrent matrix: no
forward pass that XLA compiles can be faster.

## Microseconds for one step, median (quartiles)

As a network that writes takes them, {TOKENS} calls in a row, the state handed from call to call: one text
(batch 1), or a hundred at once.

{tabulate(steps, [*case[:3], *who], tablefmt="github", disable_numparse=True)}

## A training step against length

{cell}, hidden size {hidden}, batch {batch}: the best of three, and the most memory on top of what the process
held before.

{tabulate(long, ["who", "length", "ms", "MB"], tablefmt="github", disable_numparse=True)}
"""


def draw(results: dict[str, Any], path: Path) -> None:
    """Characters per second in the middle case, and time and memory against length."""
    plots.use_style()
    _, (bars, time_axes, memory_axes) = plt.subplots(1, 3, figsize=(9.6, 3.2), width_ratios=(1.6, 1, 1))
    table = pivot(results["cases"])
    names = [name for name in (KERAS, COMPILED, OURS, TORCH) if any(name in row for row in table.values())]
    for k, name in enumerate(names):
        keys = [(cell, *MIDDLE, TRAIN) for cell in CELLS]
        speed = [MIDDLE[1] * LENGTH / table[key][name]["seconds"] / 1e3 for key in keys]
        bars.bar(np.arange(len(CELLS)) + 0.2 * (k - 1.5), speed, 0.19, label=name)
    bars.set_xticks(range(len(CELLS)), CELLS)
    bars.set_ylabel("steps trained per second, thousands")
    bars.grid(axis="x", visible=False)
    bars.legend(fontsize=8)
    for axes, unit, label in ((time_axes, "seconds", "seconds"), (memory_axes, "megabytes", "memory, MB")):
        for who, color in ((KERAS, plots.BLUE), (OURS, plots.GREEN)):
            rows = [r for r in results["lengths"] if r["who"] == who]
            axes.loglog(
                [r["length"] for r in rows], [r[unit] for r in rows], "o-", ms=3, color=color, label=who
            )
        axes.set_xlabel("length, steps")
        axes.set_ylabel(label)
    plt.savefig(path, dpi=110)
    plt.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lengths", choices=(KERAS, OURS), help="only these, asked for on stdin")
    parser.add_argument("--to", type=Path, default=ROOT / "bench", help="folder of the results")
    options = parser.parse_args()
    if options.lengths:
        lengths(options.lengths)
        return
    if tf.config.list_logical_devices("GPU"):
        raise SystemExit(
            "There is a GPU, where our layers are Keras' own. Hide it: CUDA_VISIBLE_DEVICES= make bench"
        )
    load, begin = [os.getloadavg()[0]], time.monotonic()
    if warning := busy(load[0], cores()):
        print(warning, flush=True)
    cases = [Case(cell, *size) for cell in CELLS for size in SIZES]
    makers = contestants()
    records: list[dict[str, Any]] = []
    for k, case in enumerate(cases):
        records += measure(case, makers, until=begin + BUDGET * (k + 1) / len(cases))
        keras.backend.clear_session()
        key = (*case[:3], TRAIN)
        row = pivot(records)[key]
        print(*case, *(f"{name} {spread(r)} ms" for name, r in row.items()), sep="  ", flush=True)
    results = {"machine": machine(), "load": load, "features": FEATURES, "cases": records}
    results["steps"] = [
        record
        | {"seconds": record["seconds"] / TOKENS, "quartiles": [q / TOKENS for q in record["quartiles"]]}
        for cell in CELLS
        for batch in READERS
        for record in measure(Case(cell, MIDDLE[0], batch, 1), makers, time.monotonic() + 10)
    ]
    results["lengths"] = lengths_in_turn()
    load.append(os.getloadavg()[0])
    options.to.mkdir(parents=True, exist_ok=True)
    text = json.dumps(results, indent=1, default=float, ensure_ascii=False)
    (options.to / "results.json").write_text(text + "\n", encoding="utf-8")
    (options.to / "table.md").write_text(as_markdown(results), encoding="utf-8")
    draw(results, options.to / "chart.png")
    print(as_markdown(results), f"{time.monotonic() - begin:.0f} s", sep="\n")


if __name__ == "__main__":
    main()
