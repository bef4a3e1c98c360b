"""Training that can be interrupted: what the next reading of the data needs, kept in one file.

A laptop sleeps, a Colab session disconnects. After each reading a notebook calls `keep`; run again,
it calls `go_on` and reads only what is still to be read.

Not here: the loop itself, which each notebook shows. Where one call of `fit` does all readings,
`keras.callbacks.BackupAndRestore` serves as well.
"""

import hashlib
import inspect
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from utils.results import build_folder


def place(notebook: str, *settings: object) -> Path:
    """The file in which a training is kept; other settings have another file.

    Args:
        notebook: its name, e.g. "08_image_captioning"; the file lies in a folder of this name below
            the build folder.
        settings: all that the training depends on: numbers, texts, arrays, and lists of them.
            Functions count by their source and classes by that of their methods, so that a changed
            network does not go on from the old one (what they call does not count: give it, too).

    Returns:
        The absolute path; the file need not exist.

    Raises:
        TypeError: a setting of another kind.
    """
    name = hashlib.sha256(repr([source_of(setting) for setting in settings]).encode()).hexdigest()[:16]
    return build_folder(notebook) / f"{name}.npz"


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


def keep(path: Path, model: keras.Model, readings: Sequence[Sequence[float]]) -> None:
    """Store a training so far; the file is there whole or not at all.

    Args:
        path: of the file, as `place` gives it.
        model: compiled.
        readings: for each reading of the data so far the figures to keep of it, e.g. its loss.
    """
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as file:
        variables = [keras.ops.convert_to_numpy(variable) for variable in state_of(model)]
        np.savez(file, *variables, readings=np.array(readings, float))
    part.replace(path)


def go_on(path: Path | None, model: keras.Model) -> list[list[float]]:
    """Set a model to where an earlier training ended.

    Args:
        path: of the file, as `place` gives it; None if nothing is kept.
        model: compiled, and built as it was then.

    Returns:
        The figures that were kept of each reading so far; none if there is no such file.

    Raises:
        ValueError: the file is damaged or belongs to another model; the model is as it was.
    """
    if path is None or not path.exists():
        return []
    variables = state_of(model)
    try:
        with np.load(path, allow_pickle=False) as stored:
            readings = stored["readings"].tolist()
            values = [stored[name] for name in stored.files if name.startswith("arr_")]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged ({error}); remove it to train from the beginning.") from error
    if [value.shape for value in values] != [tuple(variable.shape) for variable in variables]:
        raise ValueError(f"{path} belongs to another model; remove it to train from the beginning.")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return readings
