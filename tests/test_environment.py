"""The set-up cell and what it settles: where the project is, on Colab too, and what TensorFlow says."""

import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from tools import links
from utils import environment
from utils.environment import REMARK, install_on_colab, use_defaults, without_remarks

ROOT = links.PYPROJECT.parent
FOUND = "\nprint('root', root)\nfrom utils.scales import SCALES\n"
COLAB = "import sys, types; sys.modules['google.colab'] = types.ModuleType('google.colab')\n"


def put_utils(project: Path) -> None:
    """Modules that the set-up cell needs, without TensorFlow, which takes seconds to start."""
    (project / "utils").mkdir(parents=True)
    (project / "utils" / "environment.py").write_text("def prepare():\n    print('prepared')\n")
    (project / "utils" / "scales.py").write_text("SCALES = ()\n")


def run_setup(folder: Path, before: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the set-up cell as a program of its own in a folder, with `content` there in place of Colab's."""
    source = links.setup_cell().replace("/content", str(folder / "content"))
    clean = {name: value for name, value in os.environ.items() if not name.startswith("UNROLLED")}
    return subprocess.run(
        [sys.executable, "-c", before + source + FOUND],
        cwd=folder, env=clean | variables, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_set_up_finds_the_project_from_any_folder_in_it(tmp_path):
    project = tmp_path / "pro ject's"
    (project / "notebooks" / "labs").mkdir(parents=True)
    put_utils(project)
    ran = run_setup(project / "notebooks" / "labs")
    assert ran.stdout == f"prepared\nroot {project}\n", ran.stderr
    assert ran.stderr == ""


def test_set_up_outside_the_project_says_what_to_do(tmp_path):
    ran = run_setup(tmp_path)
    assert f"{tmp_path} is not in the project: open the notebook there or set UNROLLED_ROOT." in ran.stderr
    ran = run_setup(tmp_path, UNROLLED_ROOT=str(tmp_path / "nowhere"))
    assert f"{tmp_path / 'nowhere'} is not in the project" in ran.stderr
    ran = run_setup(tmp_path, UNROLLED_ROOT="~nosuchuser")
    assert f"{tmp_path / '~nosuchuser'} is not in the project" in ran.stderr
    put_utils(tmp_path / "elsewhere")
    ran = run_setup(tmp_path, UNROLLED_ROOT=str(tmp_path / "elsewhere"))
    assert ran.stdout == f"prepared\nroot {tmp_path / 'elsewhere'}\n"


@pytest.fixture
def colab(tmp_path):
    """Variables for a set-up on Colab: git takes the project from a folder here."""
    origin = tmp_path / "origin"
    put_utils(origin)
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-C", origin]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run([*git, *command], check=True)
    address = f"https://github.com/{links.repository()}"
    settings = tmp_path / "gitconfig"
    settings.write_text(f'[url "file://{origin}"]\n\tinsteadOf = {address}\n')
    (tmp_path / "content").mkdir()
    return {"GIT_CONFIG_GLOBAL": str(settings), "GIT_TERMINAL_PROMPT": "0"}


@pytest.mark.parametrize("left", ["nothing", "a clone cut off", "a whole clone"])
def test_set_up_on_colab_fetches_the_project_whatever_an_earlier_try_left(left, tmp_path, colab):
    home = tmp_path / "content" / "unrolled"
    if left == "a clone cut off":
        (home.with_suffix(".part") / ".git").mkdir(parents=True)
    if left == "a whole clone":
        assert run_setup(tmp_path, COLAB, **colab).returncode == 0
        (home / "mine.txt").write_text("a reader's own file")
    ran = run_setup(tmp_path, COLAB, **colab)
    assert ran.stdout == f"prepared\nroot {home}\n", ran.stderr
    assert [path.name for path in home.parent.iterdir()] == ["unrolled"]
    assert (home / "mine.txt").exists() == (left == "a whole clone")


def test_set_up_on_colab_stops_where_the_project_cannot_be_fetched(tmp_path, colab):
    (tmp_path / "gitconfig").write_text(
        f'[url "file://{tmp_path}/none"]\n\tinsteadOf = https://github.com/\n'
    )
    ran = run_setup(tmp_path, COLAB, **colab)
    assert ran.returncode == 1
    assert "git" in ran.stderr
    assert not (tmp_path / "content" / "unrolled").exists()


def test_set_up_on_colab_leaves_a_folder_alone_that_is_not_the_project(tmp_path, colab):
    own = tmp_path / "content" / "mine"
    own.mkdir()
    (own / "mine.txt").write_text("a reader's own file")
    ran = run_setup(tmp_path, COLAB, UNROLLED_ROOT=str(own), **colab)
    assert f"{own} is not in the project" in ran.stderr
    assert [path.name for path in own.iterdir()] == ["mine.txt"]


def test_on_colab_and_nowhere_else_the_packages_that_it_lacks_are_installed(monkeypatch):
    ran = []
    monkeypatch.setattr(subprocess, "run", lambda command, check: ran.append((command, check)))
    install_on_colab()
    assert ran == []
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    install_on_colab()
    packages = str(ROOT / "requirements-colab.txt")
    assert ran == [([sys.executable, "-m", "pip", "install", "-qr", packages], True)]


REMARKS = """\
I0000 00:00:1795632534.818334    8391 port.cc:153] oneDNN custom operations are on. You may see
2026-11-25 18:49:20.702168: I external/local_xla/xla/tsl/cuda/cudart_stub.cc:31] Could not find cuda drivers
2026-11-25 18:49:23.120136: E external/local_xla/xla/cuda_platform.cc:51] failed call to cuInit: INTERNAL
E0000 00:00:1795632550.073237    8434 cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
To enable the following instructions: AVX2 AVX512F, in other operations, rebuild TensorFlow.
"""
ERRORS = """\
E0000 00:00:1795632550.073237    8434 cuda_dnn.cc:52] out of memory
2026-11-25 18:49:23.120136: F external/x.cc:51] Check failed
2026-11-25 18:49:23.120136: E external/x.cc:51] out of memory
python: symbol lookup error
"""


def test_remarks_of_tensorflow_are_dropped_and_errors_shown(capfd):
    with without_remarks():
        os.write(2, (REMARKS + ERRORS).encode())
        assert capfd.readouterr().err == ""
    assert capfd.readouterr().err == ERRORS


def test_errors_are_shown_after_an_exception_too(capfd):
    def fail():
        with without_remarks():
            os.write(2, ERRORS.encode())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert capfd.readouterr().err == ERRORS
    os.write(2, b"I0000 later")
    assert capfd.readouterr().err == "I0000 later"


def test_tensorflow_starts_without_a_word_and_without_tf32():
    program = (
        "from utils.environment import prepare; prepare()\n"
        "import tensorflow as tf; print(tf.config.experimental.tensor_float_32_execution_enabled())\n"
        "print(tf.function(lambda x: x + 1, jit_compile=True)(tf.zeros(1)).shape)"
    )
    clean = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=clean, capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.stderr) == ("False\n(1,)\n", "")


def test_tensorflow_sees_as_many_cpu_devices_as_a_lesson_wants():
    program = (
        "from utils.environment import prepare; prepare(devices=2); prepare(devices=2)\n"
        "import tensorflow as tf; print(len(tf.config.list_logical_devices('CPU')))\n"
        "prepare(devices=3)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.stdout == "2\nTensorFlow runs with 2 CPU device(s), not 3: restart the kernel.\n", ran.stderr


SETTINGS = """
from utils.environment import use_defaults
use_defaults()
import keras
layer = keras.layers.Dense(2); layer.build((1, 3))
print(keras.backend.backend(), layer.kernel.dtype, layer.compute_dtype, keras.config.image_data_format())
"""
KERAS_JSON = '{"backend": "jax", "floatx": "float64", "image_data_format": "channels_first"}'


@pytest.mark.parametrize(
    ("before", "file", "said"),
    [
        ("", "{}", ""),
        (
            "",
            KERAS_JSON,
            "Keras' floatx was float64; the notebooks use float32.\n"
            "Keras' image data format was channels_first; the notebooks use channels_last.\n",
        ),
        (
            "import os; os.environ['KERAS_BACKEND'] = 'jax'\n",
            "{}",
            "KERAS_BACKEND is jax; the notebooks use tensorflow.\n",
        ),
        (
            "import keras; keras.config.set_dtype_policy('mixed_float16')\n",
            "{}",
            "Keras' dtype policy was mixed_float16; the notebooks use float32.\n",
        ),
    ],
)
def test_a_readers_settings_of_keras_do_not_change_what_is_computed(before, file, said, tmp_path):
    (tmp_path / "keras.json").write_text(file)
    clean = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    ran = subprocess.run(
        [sys.executable, "-c", before + SETTINGS],
        cwd=ROOT, env=clean | {"KERAS_HOME": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.stdout == said + "tensorflow float32 float32 channels_last\n", ran.stderr


def test_another_backend_that_runs_already_is_refused(monkeypatch):
    import keras

    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match="Keras runs on jax here, the notebooks need TensorFlow"):
        use_defaults()


def test_a_python_warning_is_no_remark():
    assert not REMARK.match("UserWarning: the loss is NaN")


def machine(folder: Path, files: dict[str, str]) -> Path:
    """`proc` and `sys` of a machine, as far as `cores` reads them."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return folder


V2 = {"proc/self/cgroup": "0::/lab/student"}
V1 = {"proc/self/cgroup": "5:cpu,cpuacct:/docker/ab\n4:memory:/docker/ab"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 12),
        (V2 | {"sys/fs/cgroup/lab/student/cpu.max": "max 100000"}, 12),
        (V2 | {"sys/fs/cgroup/lab/student/cpu.max": "300000 100000"}, 3),
        (V2 | {"sys/fs/cgroup/lab/student/cpu.max": "max 1", "sys/fs/cgroup/lab/cpu.max": "25000 10000"}, 3),
        (V2 | {"sys/fs/cgroup/lab/student/cpu.max": "20000 100000"}, 1),
        (V2 | {"sys/fs/cgroup/lab/student/cpu.max": "6400000 100000"}, 12),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "200000 100000"}, 2),
        ({"sys/fs/cgroup/cpu.max": "nonsense"}, 12),
        (V1 | {"sys/fs/cgroup/cpu/docker/ab/cpu.cfs_quota_us": "400000",
               "sys/fs/cgroup/cpu/docker/ab/cpu.cfs_period_us": "100000"}, 4),
        ({"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"}, 12),
    ],
)  # fmt: skip
def test_cores_are_those_that_a_container_grants(tmp_path, monkeypatch, files, expected):
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    monkeypatch.setattr(os, "sched_getaffinity", lambda who: set(range(12)), raising=False)
    assert environment.cores(machine(tmp_path, files)) == expected


def test_cores_follow_the_scheduler_and_do_without_it(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    monkeypatch.setattr(os, "sched_getaffinity", lambda who: {3}, raising=False)
    assert environment.cores() == 1
    monkeypatch.delattr(os, "sched_getaffinity")
    assert environment.cores(Path("/nowhere")) == 16
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert environment.cores(Path("/nowhere")) == 1


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no such thing on this system")
def test_the_loop_counts_the_cores_it_may_use():
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    code += "from utils import recurrent; print(recurrent.CORES)"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "1", ran.stderr
