"""What each cell of a notebook made, in a few numbers, so that a test can say what has changed.

`look` runs in the notebook's kernel after each cell, `compare` in pytest; `tools.record` stores what several
runs at quick scale saw. Times vary, and what is trained depends on the machine in its last digits: the runs
that are stored differ by a fast clock, by noise in the gradients, and by how products are computed, and what
they do not agree about is let go.

Not here: what a notebook should compute. A record knows only what it computed when it was stored.
"""

import ast
import base64
import dataclasses
import io
import json
import math
import os
import random
import re
import sys
import time
import timeit
import tracemalloc
import types
import wave
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tools.nbval.looks import looks

ADDRESS = re.compile(r"0x[0-9a-f]{6,}")  # of an object
NUMBER = re.compile(r"[-+]?(?:\d+(?:[.,]\d+)*)(?:e[-+]?\d+)?")
PLACES = {
    sys.executable: "python",
    str(Path(__file__).resolve().parents[2]): "project",
}  # not everywhere the same
LONG, DEEP = 12, 4  # items of a list that are looked at one by one; lists within lists
MANY = 5000  # items that are looked at together
FEW = 6  # numbers that are kept as they are
AGREE, ROUNDING = 5e-5, 1e-6  # relative and absolute, where all stored runs saw the same
LEARNT = 1e-2  # relative, where they differ
LOOSE = 0.5  # they differ by so much of the size: nothing is known

LOOKS = "looks of "  # begins what is known of how something looks; of older records it is not known
UNTOLD = "cannot be told"
Leaf = dict[str, Any]  # "kind": shape or text; "numbers": if there are any

_seen: dict[str, Leaf] = {}
_shown: list[tuple[dict[str, Any], dict[str, Any]]] = []  # of each figure: what it shows, how it looks


def names(source: str) -> list[str]:
    """The names that stand anywhere in a cell."""
    found = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    return sorted(name for name in found if not name.startswith("_"))


def numbers(values: Any, few: int = FEW) -> Leaf:
    """Shape of an array of numbers, and the numbers if they are few.

    Of many: mean, sum with weights drawn once for all (over the root of their number), root mean square; one
    of them at least changes when values or their order do, by as much for many as for few.
    """
    array = np.asarray(values)
    flat = array.astype(complex if array.dtype.kind == "c" else float).ravel()
    flat = np.concatenate([flat.real, flat.imag]) if array.dtype.kind == "c" else flat
    good = np.isfinite(flat)
    kind = f"{'bool' if array.dtype == bool else 'numbers'} {array.shape}"
    if not good.all():
        kind += f", {int((~good).sum())} not finite"
    flat = np.where(good, flat, 0.0)
    if flat.size > few:
        weights = np.random.default_rng(0).normal(size=flat.size)
        flat = np.array([flat.mean(), flat @ weights / flat.size**0.5, np.sqrt((flat**2).mean())])
        kind = f"mean of {kind}"
    return {"kind": kind, "numbers": [float(f"{x:.7g}") for x in flat]} if flat.size else {"kind": kind}


def placeless(value: str) -> str:
    """A text that does not depend on where the project and its Python are."""
    for place, name in PLACES.items():
        value = value.replace(place, name)
    return value


def text(value: str) -> Leaf:
    """A text without its numbers, and the numbers."""
    value = ADDRESS.sub("0x", placeless(value))
    found = [float(part.replace(",", "")) for part in NUMBER.findall(value) if part.count(".") < 2]
    leaf = numbers([x for x in found if math.isfinite(x)], few=10 * FEW)
    kind = f"text {zlib.crc32(NUMBER.sub('#', value).encode()):08x}"
    return leaf | {"kind": f"mean of {kind}" if leaf["kind"].startswith("mean") else kind}


def flattened(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list | tuple):
            yield from flattened(value)
        else:
            yield value


def leaves(path: str, value: Any, depth: int = 0) -> Iterator[tuple[str, Leaf]]:
    """What is worth knowing of a value, by where it is: `history[0].loss`; seconds are left out."""
    if isinstance(value, type | types.ModuleType) or "seconds" in re.split(r"[.\[]", path)[-1].lower():
        return
    if isinstance(value, str):
        yield path, text(value)
    elif type(value).__name__ == "KerasTensor":  # a place in a model
        yield path, {"kind": f"place of shape {value.shape}"}
    elif isinstance(value, bool | int | float | complex) or hasattr(value, "__array__"):
        array = np.asarray(value)
        if array.dtype.kind in "biufc":
            yield path, numbers(array)
        elif array.dtype.kind in "US":
            yield path, {"kind": f"{array.shape} {text(' '.join(map(str, array.ravel().tolist())))['kind']}"}
    elif hasattr(value, "weights") and hasattr(value, "get_weights"):  # a layer or a model
        for number, weight in enumerate(value.get_weights()):
            yield f"{path}.weights[{number}]", numbers(weight)
    elif depth == DEEP or callable(value):
        return
    elif isinstance(value, Mapping):
        keys = list(value)
        yield path, {"kind": f"dict {zlib.crc32(ADDRESS.sub('', repr(sorted(map(str, keys)))).encode()):08x}"}
        for key in keys if len(keys) <= 2 * LONG else keys[:3]:
            name = ADDRESS.sub("", str(key))[:40]
            yield from leaves(f"{path}[{name}]", value[key], depth + 1)
        if 2 * LONG < len(keys) <= MANY:
            yield f"{path}[...]", together(list(value.values()), depth + 1)
    elif isinstance(value, set | frozenset | deque):
        yield from leaves(path, list(value) if isinstance(value, deque) else sorted(value, key=str), depth)
    elif isinstance(value, list | tuple):
        yield from leaves_of_list(path, value, depth)
    elif dataclasses.is_dataclass(value) or type(value).__module__.startswith("utils."):
        for name, part in list(getattr(value, "__dict__", {}).items()):
            if not name.startswith("_"):
                yield from leaves(f"{path}.{name}", part, depth + 1)


def leaves_of_list(path: str, value: list | tuple, depth: int) -> Iterator[tuple[str, Leaf]]:
    flat = list(flattened(value)) if len(value) <= 1_000_000 else []
    if flat and all(isinstance(x, bool | int | float | np.number) for x in flat):
        leaf = numbers(flat)
        yield path, leaf | {"kind": f"{leaf['kind']} in {len(value)} items"}
    elif flat and all(isinstance(x, str) for x in flat):
        joined = placeless("\n".join(flat))
        kind = f"{len(flat)} texts {zlib.crc32(joined.encode()):08x}"
        yield path, text(joined) if len(flat) <= LONG else {"kind": kind}
    else:
        yield path, {"kind": f"{len(value)} items"}
        places = range(len(value)) if len(value) <= LONG else (0, len(value) // 2, len(value) - 1)
        for place in places:
            yield from leaves(f"{path}[{place}]", value[place], depth + 1)
        if LONG < len(value) <= MANY:
            yield f"{path}[...]", together(value, depth + 1)


def together(values: Iterable[Any], depth: int) -> Leaf:
    """What is worth knowing of many values, as one leaf; large and small numbers of them weigh alike."""
    found = [leaf for value in values for _, leaf in leaves("", value, depth)]
    kinds = zlib.crc32("\n".join(leaf["kind"] for leaf in found).encode())
    leaf = numbers(np.arcsinh([x for leaf in found for x in leaf.get("numbers", [])]))
    return leaf | {"kind": f"{leaf['kind']} of {kinds:08x}"}


def drawn(figure: Any) -> dict[str, Any]:
    """What a figure shows: its words, scales, lines, bars and other shapes, points, pictures and colours."""
    from matplotlib.category import StrCategoryLocator
    from matplotlib.colors import to_hex
    from matplotlib.patches import Rectangle
    from matplotlib.ticker import FixedLocator

    found: dict[str, Any] = {}
    for number, axes in enumerate(figure.axes):
        legend = axes.get_legend()
        words = [axes.get_title(), axes.get_xlabel(), axes.get_ylabel(), *(t.get_text() for t in axes.texts)]
        words += [t.get_text() for t in legend.get_texts()] if legend else []
        sides = {"x": axes.xaxis, "y": axes.yaxis}
        bars = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
        shapes = [patch for patch in axes.patches if not isinstance(patch, Rectangle)]
        found[f"axes {number}"] = {
            "words": " | ".join(words),
            "places": [text.get_unitless_position() for text in axes.texts],
            "scales": {side: axis.get_scale() for side, axis in sides.items()},
            "ticks": {
                side: [label.get_text() for label in axis.get_ticklabels()]
                for side, axis in sides.items()
                if isinstance(axis.get_major_locator(), FixedLocator | StrCategoryLocator)
            },
            "limits": [] if axes.get_autoscale_on() else [*axes.get_xlim(), *axes.get_ylim()],
            "lines": [np.asarray(line.get_xydata(), float) for line in axes.lines],
            "bars": [patch.get_bbox().bounds for patch in bars],
            "shapes": [
                np.asarray(p.get_patch_transform().transform_path(p.get_path()).vertices) for p in shapes
            ],
            "points": [np.ma.filled(c.get_offsets().astype(float), np.nan) for c in axes.collections],
            "pictures": [np.asarray(image.get_array(), float) for image in axes.images],
            "colours": [
                *(
                    f"{to_hex(line.get_color())} {line.get_linestyle()} {line.get_marker()}"
                    for line in axes.lines
                ),
                *(f"{to_hex(p.get_facecolor())} {p.get_hatch()}" for p in axes.patches),
                *(f"{image.get_cmap().name}" for image in axes.images),
            ],
            "ranges": [image.get_clim() for image in axes.images],
        }
    return found


def shaken(seed: int) -> None:
    """Make this kernel differ from others as machines do, only more so: its clock, memory, and gradients."""
    import tensorflow as tf
    from keras.src.optimizers.base_optimizer import BaseOptimizer

    def hurried(clock: Any, start: float) -> Any:
        chance, late = random.Random(seed), [0.0]

        def now() -> float:
            late[0] += 10 ** chance.uniform(-3, 2)
            return start + 7 * (clock() - start) + late[0]

        return now

    for name in ("perf_counter", "time", "monotonic", "process_time"):
        clock = getattr(time, name)
        setattr(time, name, hurried(clock, clock()))
    timeit.default_timer = time.perf_counter
    measured, chance = tracemalloc.get_traced_memory, random.Random(seed)

    def swollen() -> tuple[int, int]:
        now, peak = measured()
        return int(now * chance.uniform(1, 9)), int(peak * chance.uniform(1, 9))

    tracemalloc.get_traced_memory = swollen
    apply = BaseOptimizer.apply

    def noisy(self: Any, grads: Any, trainable_variables: Any = None) -> Any:
        step = seed + tf.cast(self.iterations, "int32")
        grads = [
            g if g is None or isinstance(g, tf.IndexedSlices)
            else g * (1 + 1e-3 * tf.random.stateless_normal(tf.shape(g), (step, number), dtype=g.dtype))
            for number, g in enumerate(grads)
        ]  # fmt: skip
        return apply(self, grads, trainable_variables)

    BaseOptimizer.apply = noisy


def begin() -> None:
    """Once in each kernel: what has no seed of its own gets one; look over the shoulder of `plots.show`."""
    import keras

    from utils import plots

    keras.utils.set_random_seed(0)

    show = plots.show

    def showing(alt: str) -> None:
        if plots.plt.get_fignums():
            figure = plots.plt.gcf()
            try:
                how = looks(figure)
            except Exception as error:  # a figure of a kind that it does not know must not stop its cell
                how = {UNTOLD: f"{type(error).__name__}: {error}"}
            _shown.append(({"alt": alt, **drawn(figure)}, how))
        show(alt)

    plots.show = showing
    if os.environ.get("UNROLLED_SHAKEN"):
        shaken(int(os.environ["UNROLLED_SHAKEN"]))


def look(given: dict[str, Any], wanted: list[str]) -> str:
    """What the cell that has just run has made or changed, of the names that stand in it; as JSON."""
    if not hasattr(sys, "_recorded"):
        sys._recorded = True  # type: ignore[attr-defined]
        begin()
    found: dict[str, Leaf] = {}
    for name in wanted:
        if name in given:
            found.update(leaves(name, given[name]))
    found = {path: leaf for path, leaf in found.items() if _seen.get(path) != leaf}
    _seen.update(found)
    for number, (figure, how) in enumerate(_shown):
        found.update(leaves(f"figure {number}", figure))
        found.update(leaves(f"{LOOKS}figure {number}", how))
    _shown.clear()
    return json.dumps(found)


# ---- in pytest


PLAYED = re.compile(r"data:audio/wav;base64,([A-Za-z0-9+/=]+)")
TAG = re.compile(r"<[^>]*>")


def heard(encoded: str) -> Leaf:
    """How long a sound is and how it goes, from a WAV file of whole numbers."""
    with wave.open(io.BytesIO(base64.b64decode(encoded))) as file:
        kind = np.dtype({1: "u1", 2: "<i2", 4: "<i4"}[file.getsampwidth()])
        rate, samples = file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), kind)
    leaf = numbers(samples.astype(float) - (128 if kind == np.uint8 else 0))
    return leaf | {"kind": f"{leaf['kind']}, {rate} a second"}


def printed(outputs: Iterable[Mapping[str, Any]]) -> dict[str, Leaf]:
    """What a cell showed in words, how they look, and sounds; without progress bars."""
    words, tags, sounds = [], [], []
    for output in outputs:
        if output["output_type"] == "stream" and output["name"] == "stdout":
            words.append(output["text"])
        data = output.get("data", {})
        if "text/html" in data:
            sounds += PLAYED.findall(data["text/html"])
            shown = PLAYED.sub("", data["text/html"])
            words.append(TAG.sub(" ", shown))
            tags += TAG.findall(shown)
        elif "text/plain" in data and not any(kind.startswith("image") for kind in data):
            words.append(data["text/plain"])
    found = {"output": text("\n".join(words))} if words else {}
    if tags:
        found["look of the output"] = text("".join(tags))
    return found | {f"sound {number}": heard(sound) for number, sound in enumerate(sounds)}


def merged(runs: list[dict[str, Leaf]]) -> dict[str, Leaf | None]:
    """What several runs of a cell agree about; None for what they do not."""
    found: dict[str, Leaf | None] = {}
    for path in sorted(set().union(*runs)):
        seen = [run.get(path) for run in runs]
        kinds = {leaf["kind"] if leaf else None for leaf in seen}
        if len(kinds) > 1 or None in kinds:
            found[path] = None
            continue
        first = dict(seen[0])  # type: ignore[arg-type]
        if "numbers" in first:
            table = np.array([leaf["numbers"] for leaf in seen])  # type: ignore[index]
            spread, size = np.ptp(table, axis=0), sizes(first)
            loose = spread > LOOSE * size
            if first["kind"].startswith("mean"):
                loose[:] = loose[-1]
            first["numbers"] = [None if far else x for x, far in zip(first["numbers"], loose, strict=True)]
            if spread[~loose].any():
                first["spread"] = [float(f"{x:.2g}") for x in np.where(loose, 0, spread)]
        found[path] = first
    return found


def let_go(before: Mapping[str, Leaf | None], now: Mapping[str, Leaf | None]) -> dict[str, Leaf | None]:
    """A record without what the one before had let go, by hand too: ports, clocks, agreement by chance."""
    found = dict(now)
    for path, leaf in now.items():
        if path not in before or leaf is None:
            continue
        old = before[path]
        if old is None:
            found[path] = None
        elif old["kind"] == leaf["kind"] and "numbers" in leaf:
            pairs = zip(old["numbers"], leaf["numbers"], strict=True)
            found[path] = leaf | {"numbers": [None if was is None else x for was, x in pairs]}
    return found


def sizes(leaf: Leaf) -> np.ndarray:
    """What the numbers of a leaf are compared with: each with itself, a mean with the root mean square."""
    values = np.abs([x or 0.0 for x in leaf["numbers"]])
    return np.full_like(values, values[-1]) if leaf["kind"].startswith("mean") else values


def close(stored: Leaf, leaf: Leaf) -> bool:
    """Whether numbers are as stored, as far as the stored runs agreed."""
    was, now = stored["numbers"], leaf["numbers"]
    spread = stored.get("spread") or [0.0] * len(was)
    for ours, theirs, far, size in zip(was, now, spread, sizes(stored), strict=True):
        allowed = ROUNDING + (LEARNT if far else AGREE) * size + 3 * far
        if ours is not None and abs(ours - theirs) > allowed:
            return False
    return True


def compare(stored: Mapping[str, Leaf | None], found: Mapping[str, Leaf]) -> list[str]:
    """What a cell made otherwise than its record says, a line each.

    How a figure looks is compared where the record knows it.
    """
    looked = {path.split("[")[0] for path in stored if path.startswith(LOOKS)}
    new = (path for path in found if path not in stored)
    lines = [f"{path} is new" for path in new if not path.startswith(LOOKS) or path.split("[")[0] in looked]
    for path, leaf in stored.items():
        if leaf is None:
            continue
        now = found.get(path)
        if now is None:
            lines.append(f"{path} is not made or not changed any more")
        elif now["kind"] != leaf["kind"]:
            lines.append(f"{path} was {leaf['kind']}, is {now['kind']}")
        elif "numbers" in leaf and not close(leaf, now):
            lines.append(f"{path} ({leaf['kind']}) was {leaf['numbers']}, is {now['numbers']}")
    return lines
