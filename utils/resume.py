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
        settings: all that the training depends on. Functions and classes count by their source, so
            that a changed network does not go on from the old one; all else counts by its `repr`.

    Returns:
        The absolute path; the file need not exist.
    """
    name = hashlib.sha256(repr([source_of(setting) for setting in settings]).encode()).hexdigest()[:16]
    return build_folder(notebook) / f"{name}.npz"


def source_of(setting: object) -> object:
    """The source of a function or of the methods of a class; all else as it is."""
    if inspect.isclass(setting):  # a notebook has no file in which to find a class
        return [inspect.getsource(method) for method in vars(setting).values() if inspect.isfunction(method)]
    return inspect.getsource(setting) if inspect.isroutine(setting) else setting


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
        variables = [np.asarray(variable) for variable in state_of(model)]
        np.savez(file, *variables, readings=np.array(readings, float), allow_pickle=False)
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
            values = [stored[f"arr_{i}"] for i in range(len(stored.files) - 1)]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged ({error}); remove it to train from the beginning.") from error
    if [value.shape for value in values] != [tuple(variable.shape) for variable in variables]:
        raise ValueError(f"{path} belongs to another model; remove it to train from the beginning.")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return readings
