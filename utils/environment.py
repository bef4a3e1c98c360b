"""What must be settled when TensorFlow starts; the set-up cell of each notebook calls `prepare`.

Not here: where the project is, which the set-up cell finds itself.
"""

import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from utils.folders import settle_build

# Lines of TensorFlow's C++ code that say nothing to a reader: remarks (I) and warnings (W) of the log in both
# of its forms, the note about where they go, and that a machine without a GPU has none.
REMARK = re.compile(
    r"[IW]\d{4} |\d{4}-\d\d-\d\d [\d:.]+: [IW] |WARNING: All log messages before absl::InitializeLog"
    r"|To enable the following instructions|.*failed call to cuInit|.*Unable to register cu\w+ factory"
)


def cores(root: Path = Path("/")) -> int:
    """The CPU cores that this process may use, at least 1: not always those that the machine has.

    Counts what the scheduler lets it run on (`taskset`, a container's cpuset) and, on Linux, the share of
    CPU time that control groups grant, of version 2 (`cpu.max`) or 1 (`cpu.cfs_quota_us`), rounded up.

    Args:
        root: where `proc` and `sys` are; another folder in tests.
    """
    usable = [os.cpu_count() or 1]
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        usable.append(len(os.sched_getaffinity(0)))
    groups = [Path()]  # of this process, within the mounted tree; in a container often its root alone
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            own = Path(line.split(":", 2)[-1].lstrip("/"))
            groups += [own, *own.parents]
    for group in set(groups):
        with suppress(OSError, ValueError):  # no such file, or "max": no limit
            quota, period = (root / "sys/fs/cgroup" / group / "cpu.max").read_text(encoding="utf-8").split()
            usable.append(math.ceil(int(quota) / int(period)))
        with suppress(OSError, ValueError):
            quota, period = (
                (root / "sys/fs/cgroup/cpu" / group / f"cpu.cfs_{name}_us").read_text(encoding="utf-8")
                for name in ("quota", "period")
            )
            if int(quota) > 0:  # -1: no limit
                usable.append(math.ceil(int(quota) / int(period)))
    return max(1, min(usable))


@contextmanager
def without_remarks() -> Iterator[None]:
    """Drop what C++ code remarks on stderr inside the `with` block, and pass everything else on.

    Python's own stderr is not touched. Lines that are not of the log, and errors in it, are shown when
    the block ends, by an exception too; where the process dies inside, they are lost.
    """
    with tempfile.TemporaryFile() as log:
        kept = os.dup(2)
        os.dup2(log.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            log.seek(0)
            for line in log.read().decode(errors="replace").splitlines():
                if line.strip() and not REMARK.match(line):
                    print(line, file=sys.stderr)


def use_defaults() -> None:
    """Give Keras the settings that the notebooks are written for, and say so where the reader had others.

    They may come from KERAS_BACKEND, from the file keras.json, or from an earlier cell: another backend,
    float64 or float16 numbers, pictures with their channels first, mixed precision.

    Raises:
        RuntimeError: Keras runs on another backend already, which only a new kernel can change.
    """
    if "keras" not in sys.modules and os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        print(f"KERAS_BACKEND is {os.environ['KERAS_BACKEND']}; the notebooks use tensorflow.")
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras

    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            f"Keras runs on {keras.backend.backend()} here, the notebooks need TensorFlow: "
            "restart the kernel and run this cell first."
        )
    wanted = {
        "floatx": ("float32", keras.config.floatx, keras.config.set_floatx),
        "image data format": (
            "channels_last",
            keras.config.image_data_format,
            keras.config.set_image_data_format,
        ),
        "dtype policy": ("float32", lambda: keras.config.dtype_policy().name, keras.config.set_dtype_policy),
    }
    for name, (value, current, change) in wanted.items():
        if current() != value:
            print(f"Keras' {name} was {current()}; the notebooks use {value}.")
            change(value)


def install_on_colab() -> None:
    """Install the small packages that Colab lacks; TensorFlow, built for its GPUs, is left as it is.

    Raises:
        subprocess.CalledProcessError: pip could not; it says why on stderr.
    """
    if "google.colab" in sys.modules:
        needed = Path(__file__).parents[1] / "requirements-colab.txt"
        subprocess.run([sys.executable, "-m", "pip", "install", "-qr", str(needed)], check=True)


def split_cpu(devices: int) -> None:
    """Let TensorFlow see so many CPU devices, which share the cores there are: to try what is for several.

    That can only be said before it starts. Where it runs already with another number, one line says so.

    Args:
        devices: how many, at least 1.
    """
    import tensorflow as tf

    try:
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * devices)
    except RuntimeError:  # it has started
        found = len(tf.config.list_logical_devices("CPU"))
        if found != devices:
            print(f"TensorFlow runs with {found} CPU device(s), not {devices}: restart the kernel.")


def prepare(devices: int = 1) -> None:
    """Start TensorFlow and NumPy so that a notebook shows the same on every machine.

    Its C++ code writes remarks to stderr (that it uses oneDNN, that there is no GPU), some of them
    whatever TF_CPP_MIN_LOG_LEVEL says, and Jupyter shows them as red boxes. They come when it is
    imported, when it first looks for a GPU, compiles, or calls cuDNN; all of that is done here.

    Recent GPUs compute products of float32 numbers in TF32, which keeps about three decimal digits.
    The notebooks compare results to six, so TF32 is switched off.

    Args:
        devices: how many CPU devices TensorFlow is to see; a lesson on training with several wants more.

    Raises:
        NoFolder: `UNROLLED_BUILD` names a folder that cannot be written to.
    """
    settle_build()
    install_on_colab()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow tells errors only
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy's products here are small; threads delay them
    with without_remarks():
        use_defaults()
        import keras
        import tensorflow as tf

        if devices > 1:
            split_cpu(devices)
        tf.config.experimental.enable_tensor_float_32_execution(False)
        tf.function(lambda x: x + 1, jit_compile=True)(tf.zeros(1))
        if tf.config.list_physical_devices("GPU"):
            keras.layers.LSTM(1)(tf.zeros((1, 1, 1)))
