"""Training that can be interrupted: what the next epoch needs, kept in one file.

A laptop sleeps, a Colab session disconnects. After each epoch a notebook calls `keep`; run again,
it calls `go_on` and trains only what is still to be trained.

Not here: the loop itself, which each notebook shows. One call of `fit` for all epochs will not do:
`keras.callbacks.BackupAndRestore` keeps neither what was measured so far nor what was trained.
"""

import contextlib
import hashlib
import inspect
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import keras
import numpy as np

from utils.folders import build_folder

try:
    import fcntl
except ImportError:  # Windows: there two kernels may share a file
    fcntl = None  # type: ignore[assignment]

LOCKS: dict[Path, IO[str]] = {}  # the files that this process trains into; closed, and free, when it ends


def place(notebook: str, *settings: object) -> Path:
    """The file in which a training is kept; other settings have another file.

    Args:
        notebook: its name, e.g. "08_image_captioning"; the file lies in a folder of this name below
            the build folder.
        settings: all that the training depends on: numbers, texts, arrays, and lists of them.
            Functions count by their source and classes by that of their methods, so that a changed
            network does not go on from the old one (what they call does not count: give it, too; the loop
            of `utils.training` always counts).

    Returns:
        The absolute path; the file need not exist. While another process, say a second kernel on the same
        notebook, trains with these settings, it is a file of this process alone, and a line says so.

    Raises:
        TypeError: a setting of another kind.
    """
    from utils import training  # which keeps what it trains by this module

    counted = [*settings, training.train, training.rate_at, training.start_again]
    name = hashlib.sha256(repr([source_of(setting) for setting in counted]).encode()).hexdigest()[:16]
    path = build_folder(notebook) / f"{name}.npz"
    if is_mine(path):
        return path
    print("Another kernel trains with the same settings now; this one begins anew, in a file of its own.")
    return path.with_stem(f"{name}-{os.getpid()}")


def is_mine(path: Path) -> bool:
    """Whether no other living process trains into a file; from now on, none will while this one lives."""
    if path in LOCKS or fcntl is None:
        return True
    lock = path.with_suffix(".lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return False
    except OSError:  # a disk that knows no locks
        pass
    LOCKS[path] = lock
    return True


def source_of(setting: object) -> object:
    """What tells a setting from another: source or value, and of an array all its numbers.

    Raises:
        TypeError: a setting of another kind, whose `repr` may not tell it from another or from itself.
    """
    if setting is None or isinstance(setting, (str, bytes, int, float)):
        return setting
    if isinstance(setting, (list, tuple)):
        return [source_of(part) for part in setting]
    if isinstance(setting, np.ndarray):
        return [setting.shape, str(setting.dtype), hashlib.sha256(setting.tobytes()).hexdigest()]
    if inspect.isclass(setting):  # a notebook has no file in which to find a class: its methods then
        methods = [
            inspect.getsource(member) for member in vars(setting).values() if inspect.isfunction(member)
        ]
        return [
            setting.__module__,
            setting.__qualname__,
            [base.__qualname__ for base in setting.__bases__],
            methods,
        ]
    if inspect.isfunction(setting) and not setting.__closure__:
        return [setting.__qualname__, inspect.getsource(setting)]
    raise TypeError(
        f"{setting!r} cannot name a file: give numbers, texts, arrays, classes, or functions that hold no "
        "variables of another function."
    )


def state_of(model: keras.Model) -> list:
    """All that a compiled model changes as it learns: weights, Adam's averages, seeds of dropout."""
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return [*model.trainable_variables, *model.non_trainable_variables, *model.optimizer.variables]


def learner_of(model: keras.Model) -> str:
    """What a compiled model learns by: its optimiser with all settings, and its loss.

    A learning rate that is a number is left out: a training loop or a callback may change it at each step,
    and it is kept among the variables. `place` must be given it, or what it is computed from.
    """
    loss = model.loss
    if isinstance(loss, keras.losses.Loss):
        plain = (str, int, float, dict)  # not in `get_config`, which may leave a setting out
        kept = {k: v for k, v in vars(loss).items() if isinstance(v, plain) and k != "name"}
        loss = [type(loss).__qualname__, sorted(kept.items())]
    elif inspect.isfunction(loss):
        with contextlib.suppress(OSError):  # a function without a file
            loss = inspect.getsource(loss)
    settings = {**model.optimizer.get_config(), "name": None}
    if isinstance(settings.get("learning_rate"), float):
        del settings["learning_rate"]
    return repr([type(model.optimizer).__qualname__, sorted(settings.items()), loss])


def keep(path: Path, model: keras.Model, epochs: Sequence[Sequence[float]]) -> None:
    """Store a training so far; the file is there whole or not at all.

    Args:
        path: of the file, as `place` gives it.
        model: compiled.
        epochs: for each epoch so far the figures to keep of it, e.g. its loss.
    """
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as file:
        variables = [keras.ops.convert_to_numpy(variable) for variable in state_of(model)]
        # the name `readings` is that of files kept by earlier versions, which go on, too
        np.savez(file, *variables, readings=np.array(epochs, float), learner=learner_of(model))
    part.replace(path)


def go_on(path: Path | None, model: keras.Model) -> list[list[float]]:
    """Set a model to where an earlier training ended.

    Args:
        path: of the file, as `place` gives it; None if nothing is kept.
        model: compiled, and built as it was then.

    Returns:
        The figures that were kept of each epoch so far; none if there is no such file.

    Raises:
        ValueError: the file is damaged, or belongs to another model, optimiser or loss; the model is as it
            was.
    """
    if path is None or not path.exists():
        return []
    variables, learner = state_of(model), learner_of(model)
    try:
        with np.load(path, allow_pickle=False) as stored:
            epochs, learnt_by = stored["readings"].tolist(), str(stored["learner"])
            values = [stored[name] for name in stored.files if name.startswith("arr_")]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged ({error}); remove it to train from the beginning.") from error
    if learnt_by != learner:
        raise ValueError(
            f"{path} belongs to another optimiser or loss, {learnt_by} (now {learner}); remove it to train "
            "from the beginning."
        )
    if [value.shape for value in values] != [tuple(variable.shape) for variable in variables]:
        raise ValueError(f"{path} belongs to another model; remove it to train from the beginning.")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return epochs
