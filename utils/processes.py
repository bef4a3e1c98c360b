"""Programs that run beside a notebook: written from its functions, started together, always ended.

    environments = processes.tf_configs(2)
    path = processes.write(folder / "worker.py", "import keras", [build, work])
    for ended in processes.run(path, environments, folder, limit=60):
        print(ended.code, ended.printed)

Not here: what the programs do, which lesson 19 shows.
"""

import inspect
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GRACE = 20.0  # seconds that the others have after one has failed


def seconds() -> float:
    """Of a clock that only goes forward, and that is left alone when others falter to make a record."""
    return time.monotonic_ns() / 1e9


@dataclass(frozen=True)
class Ended:
    """A process that has ended.

    Attributes:
        code: its exit code; 0 if all went well.
        printed: what it wrote to stdout.
        complaint: the end of what it wrote to stderr.
    """

    code: int
    printed: str
    complaint: str


def write(path: Path, imports: str, functions: Sequence[Callable[..., Any]]) -> Path:
    """Write a program that defines functions and calls the last.

    Args:
        path: of the program.
        imports: its first lines; `sys` and `Path` are imported besides.
        functions: defined in a file or a notebook's cells; the last takes a path and whole numbers, which
            are the program's arguments.

    Returns:
        The path.
    """
    call = f"{functions[-1].__name__}(Path(sys.argv[1]), *map(int, sys.argv[2:]))"
    sources = [f"import sys\nfrom pathlib import Path\n{imports}", *map(inspect.getsource, functions), call]
    path.write_text("\n\n\n".join(source.strip() for source in sources) + "\n", encoding="utf-8")
    return path


def tf_configs(workers: int) -> list[dict[str, str]]:
    """For each of several workers on this machine, the environment that tells TensorFlow who they are.

    Args:
        workers: how many; each gets a free port of the loopback address.

    Returns:
        Variables for each, `TF_CONFIG` first. They hide the GPUs, which several processes cannot share.
    """
    found = [socket.create_server(("127.0.0.1", 0)) for _ in range(workers)]
    places = [f"127.0.0.1:{one.getsockname()[1]}" for one in found]
    for one in found:
        one.close()
    others = {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    tasks = [{"type": "worker", "index": me} for me in range(workers)]
    return [
        {"TF_CONFIG": json.dumps({"cluster": {"worker": places}, "task": task}), **others} for task in tasks
    ]


def jax_cpus(devices: int) -> dict[str, str]:
    """The environment in which Keras runs on JAX, and JAX sees the CPU as so many devices.

    Devices that wait for one another each block a thread. On a machine with as few cores as devices, all
    threads may come to wait for a device that has none; so there are more of them (NPROC), and a step begins
    when the one before has ended.
    """
    return {
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "JAX_CPU_ENABLE_ASYNC_DISPATCH": "false",
        "NPROC": str(4 * devices),
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
    }


def can_import(python: str, modules: str, environment: Mapping[str, str] | None = None) -> bool:
    """Whether a Python, given by its path, has modules, named as after `import`."""
    command, own = [python, "-c", f"import {modules}"], os.environ | (environment or {})
    try:
        ran = subprocess.run(command, env=own, capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ran.returncode == 0


def around_proxies() -> dict[str, str]:
    """The variable by which TensorFlow's workers reach one another directly where there is a proxy.

    They talk by gRPC, which would ask the proxy of `http_proxy` for the loopback address, too, and wait.
    """
    names = ("no_grpc_proxy", "no_proxy", "NO_PROXY")
    known = next(filter(None, map(os.environ.get, names)), None)
    return {"no_grpc_proxy": ",".join(filter(None, ["127.0.0.1", "localhost", known]))}


def run(
    program: Path,
    environments: Sequence[Mapping[str, str]],
    *arguments: object,
    limit: float = 300,
    allowed: Sequence[int] = (0,),
    python: str = sys.executable,
) -> list[Ended]:
    """Run a program once in each environment, all at the same time, and see to it that none stays behind.

    Args:
        program: its path.
        environments: variables for each process, besides those of this one and `around_proxies`.
        arguments: for all.
        limit: seconds after which those that still run are ended; if one fails, the others have `GRACE`.
        allowed: exit codes that are no failure of the program; where one of them is not 0, others may have
            to be ended, and then have any code.
        python: path of the Python that runs it.

    Returns:
        How each ended.

    Raises:
        TimeoutError: time was up, and none had failed before.
        RuntimeError: one failed; the message has the end of its complaint.
    """
    command, variables = [python, str(program), *map(str, arguments)], os.environ | around_proxies()
    started: list[subprocess.Popen[str]] = []
    failed, until = False, seconds() + limit
    with tempfile.TemporaryDirectory() as folder:
        files = [[Path(folder, f"{name}-{k}") for name in ("out", "err")] for k in range(len(environments))]
        try:
            for own, (out, err) in zip(environments, files, strict=True):
                with out.open("w") as printed, err.open("w") as complaint:
                    started.append(
                        subprocess.Popen(
                            command, env={**variables, **own}, stdout=printed, stderr=complaint, text=True
                        )
                    )
            while any(one.poll() is None for one in started) and seconds() < until:
                if not failed and any(one.poll() for one in started):
                    failed, until = True, min(until, seconds() + GRACE)
                time.sleep(0.05)
            codes = [one.poll() for one in started]  # None: still running
        finally:
            for one in started:
                one.kill()  # nothing happens to one that has ended
                one.wait()
        told = [[path.read_text(encoding="utf-8", errors="replace") for path in pair] for pair in files]
    ended = [Ended(one.returncode, out, err[-2000:]) for one, (out, err) in zip(started, told, strict=True)]
    if None in codes and not failed:
        raise TimeoutError(f"{program.name} did not end within {limit:g} s: {ended[0].complaint[-500:]}")
    for code, last in zip(codes, ended, strict=True):
        if code is not None and code not in allowed:
            raise RuntimeError(f"{program.name} failed with exit code {code}:\n{last.complaint}")
    return ended
