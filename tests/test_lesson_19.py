"""Lesson 19: what its workers keep, and where communication eats the gain."""

import contextlib
import math
import subprocess
import sys
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from cells import run_cells

from tools import notebooks
from utils import processes


@pytest.fixture
def kept():
    return run_cells("19", "keep", np=np, keras=keras)


def test_all_begin_at_the_newest_step_that_all_have_kept(kept, tmp_path):
    assert kept["newest"](tmp_path, 2) == 0
    for me, step in ((0, 5), (0, 10), (1, 5), (0, 15), (1, 10)):
        kept["keep"](tmp_path, me, step, [], state=np.zeros(1), losses=[])
    assert kept["newest"](tmp_path, 2) == 10
    assert kept["newest"](tmp_path, workers=1) == 15
    assert kept["newest"](tmp_path, workers=3) == 0
    (tmp_path / "worker-1-step-15.part").write_bytes(b"half of it")
    assert kept["newest"](tmp_path, 2) == 10


def test_what_is_kept_comes_back_in_order(kept, tmp_path):
    variables = [keras.Variable(np.full((2, k + 1), float(k))) for k in range(12)]
    kept["keep"](tmp_path, 1, 7, variables, state=np.ones((3, 4)), losses=[0.5, 0.25], seconds=[1.0])
    file = np.load(tmp_path / "worker-1-step-7.npz")
    for variable, array in zip(variables, kept["arrays"](file), strict=True):
        assert array.tolist() == keras.ops.convert_to_numpy(variable).tolist()
    assert file["state"].shape == (3, 4)
    assert file["losses"].tolist() == [0.5, 0.25]


@pytest.mark.parametrize(
    ("error", "ends"),
    [(tf.errors.UnavailableError(None, None, "gone"), SystemExit), (ValueError, ValueError)],
)
def test_only_what_the_network_says_means_that_the_other_worker_is_gone(error, ends, tmp_path, capsys):
    def train(*_):
        raise error

    class Strategy:
        cluster_resolver, num_replicas_in_sync = types.SimpleNamespace(task_id=0), 1
        scope = contextlib.nullcontext

    parts = {"distribute": types.SimpleNamespace(MultiWorkerMirroredStrategy=Strategy), "errors": tf.errors}
    np.savez(tmp_path / "given.npz", x=np.zeros((2, 2)), y=np.zeros((2, 2)), shape=[2, 3], rate=0.1)
    given = {"tf": types.SimpleNamespace(**parts), "np": np, "keras": keras, "sys": sys, "train": train}
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    given |= {"build": lambda *_: network, "arrays": lambda _: network.get_weights(), "measure": print}
    with pytest.raises(ends):
        run_cells("19", "work", **given)["work"](tmp_path, 1, None)
    assert ("the other one is gone" in capsys.readouterr().out) == (ends is SystemExit)


@pytest.fixture
def paper():
    """The formulas alone."""
    path = next(path for path in notebooks.lessons() if path.stem.startswith("19"))
    sources = {cell.id: cell.source for cell in notebooks.load(path).cells}
    names = {"np": np}
    exec(sources["paper-do"].split("\n\n\nP, ")[0], names)
    exec(sources["best"].split("\n\n\ndef scaling")[0], names)
    return names


def test_one_device_sends_nothing_and_many_less_than_twice_the_weights(paper):
    assert paper["bytes_sent"](1, 1000) == 0
    assert paper["bytes_sent"](2, 1000) == 4000
    assert 7900 < paper["bytes_sent"](100, 1000) < 8000


@pytest.mark.parametrize("setting", [(1.0, 1e6, 1e9, 1e-3), (0.1, 1e5, 1e8, 1e-5), (0.5, 1e6, 1e8, 1e-4)])
def test_a_step_is_shortest_where_the_text_says(paper, setting):
    compute, parameters, speed, delay = setting
    times = [paper["step_time"](devices, *setting) for devices in range(1, 2000)]
    told = math.sqrt((compute - 2 * 4 * parameters / speed) / (2 * delay))
    assert 1 + int(np.argmin(times)) == pytest.approx(told, abs=1)
    assert paper["best"](*setting) == 1 + int(np.argmin(times))


def test_the_best_number_is_the_best_whole_one_not_the_nearest(paper):
    """The formula gives 2.46, and three devices are faster than two all the same."""
    compute, parameters, speed, delay = setting = 12.2e-3, 87_041, 12.5e9, 1e-3
    assert round(math.sqrt((compute - 8 * parameters / speed) / (2 * delay))) == 2
    assert paper["best"](*setting) == 3


def test_where_sending_takes_half_as_long_as_computing_one_is_best(paper):
    times = [paper["step_time"](devices, 0.1, 1e6, 4e7, 1e-4) for devices in range(1, 2000)]
    assert np.argmin(times) == 0


def test_a_worker_that_fails_alone_ends_its_processes(tmp_path):
    """The program is made of the notebook's functions, and its failure is told."""
    made = run_cells("19", "keep", np=np, keras=keras)
    assert made["newest"](tmp_path, 2) == 0
    path = tmp_path / "p.py"
    path.write_text("raise SystemExit('no network')")
    with pytest.raises(RuntimeError, match="no network"):
        processes.run(path, processes.tf_configs(2), limit=60)


TWICE = """
from utils.environment import prepare; prepare(devices=2)
import keras, numpy as np, tensorflow as tf
mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with mirrored.scope():
    weight, sgd = keras.Variable(np.zeros(2, "float32")), keras.optimizers.SGD(1.0, global_clipnorm=1.0)
    sgd.build([weight])
parts = np.diag([0.9, 0.9]).astype("float32")
replica = lambda: sgd.apply([tf.constant(parts[tf.distribute.get_replica_context().replica_id_in_sync_group])], [weight])
mirrored.run(replica)
print(np.linalg.norm(keras.ops.convert_to_numpy(weight)))
"""  # noqa: E501


def printed(program):
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=notebooks.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.splitlines()[-1]


def test_keras_clips_each_replicas_part_before_the_sum():
    """Two parts of length 0.9 stay below 1, and their sum of length 1.27 is not clipped."""
    assert float(printed(TWICE)) == pytest.approx(1.2728, abs=1e-3)


STATEFUL = """
from utils.environment import prepare; prepare(devices=2)
import keras, numpy as np, tensorflow as tf
mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
for rows in (4, 2):
    with mirrored.scope():
        given, gru = keras.Input(batch_shape=(rows, None, 3)), keras.layers.GRU(5, stateful=True)
        reader = keras.Model(given, gru(given))
    try:
        mirrored.run(lambda: reader(np.zeros((2, 6, 3))))
        said.append("well")
    except ValueError as error:
        said = ["the same as the batch size of the initial state" in str(error)]
print(said)
"""


def test_a_stateful_layer_for_the_rows_of_all_replicas_is_refused():
    assert printed(STATEFUL) == "[True, 'well']"
