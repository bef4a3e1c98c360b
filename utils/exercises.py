"""What an exercise's check says: "not yet", "right", or "wrong" and for which input.

A gap is written `...`; a check never raises, so that a notebook with open gaps runs to its end.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

NOT_YET = "not yet: replace the `...` by your answer and run this cell again."


def shown(value: Any) -> str:
    """A value on one line, numbers to four digits after the point."""
    if hasattr(value, "shape") and not isinstance(value, np.generic):
        array = np.asarray(value)
        text = np.array2string(array, precision=4, suppress_small=True, threshold=12, separator=", ")
        if array.ndim > 1:
            text += f" of shape {array.shape}"
    else:
        text = f"{value:.6g}" if isinstance(value, float | np.floating) else repr(value)
    line = " ".join(text.split())
    return line if len(line) <= 120 else f"{line[:117]}..."


def has_gap(value: Any) -> bool:
    """Whether a value is, or holds, what an unfilled gap leaves."""
    if value is None or value is ... or value is NotImplemented:
        return True
    return isinstance(value, tuple | list) and any(part is ... for part in value)


def difference(answer: Any, expected: Any, tolerance: float) -> str:
    """How an answer differs from the expected value, to stand after "your answer "; empty if it does not."""
    told = f"is {shown(answer)}, expected {shown(expected)}"
    if isinstance(expected, str | bytes | bool | set | frozenset | type(None)):
        return "" if type(answer) in (type(expected), np.bool_) and answer == expected else told
    if isinstance(expected, Mapping):
        if not isinstance(answer, Mapping) or set(answer) != set(expected):
            return told
        parts = [(answer[key], expected[key]) for key in expected]
        return told if any(difference(*part, tolerance) for part in parts) else ""
    if isinstance(expected, tuple | list) and not flat(expected):
        if not isinstance(answer, tuple | list) or len(answer) != len(expected):
            return told
        pairs = zip(answer, expected, strict=True)
        return next((found for part in pairs if (found := difference(*part, tolerance))), "")
    try:
        ours, theirs = np.asarray(answer), np.asarray(expected)
        if ours.shape != theirs.shape:
            return f"has shape {ours.shape}, expected {theirs.shape}: it is {shown(answer)}"
        same = np.allclose(ours, theirs, rtol=tolerance, atol=tolerance, equal_nan=True)
    except (TypeError, ValueError):
        same = type(answer) is type(expected) and bool(answer == expected)
    return "" if same else told


def flat(values: Sequence[Any]) -> bool:
    """Whether a list holds numbers, or rows of them, and may be compared as an array."""
    try:
        return np.asarray(values).dtype.kind in "biufc"
    except ValueError:  # rows of several lengths
        return False


Cases = Sequence[tuple[Any, Any]] | Callable[[Any], Any]


def verdict(function: Callable[[], Any], wrong: Callable[[Any], str], where: str) -> str:
    """What to print for one case: "right", or a line that begins with "not yet" or "wrong"."""
    try:
        answer = function()
        if has_gap(answer):
            return NOT_YET
        told = wrong(answer)
    except NotImplementedError:
        return NOT_YET
    except Exception as error:
        if "ellipsis" in f"{error!r}".lower():  # ... was computed with
            return NOT_YET
        return f"wrong: {where}your answer raises {type(error).__name__}: {error}"
    return f"wrong: {where}your answer {told}" if told else "right"


def grade(answer: Any, cases: Cases, *, tolerance: float = 1e-5) -> None:
    """Print whether a function is right: "not yet: ...", "right", or "wrong: ..." for the first wrong case.

    Args:
        answer: the reader's function; `...` while there is a gap in its place. One that returns `...` or
            None, raises NotImplementedError, or computes with `...` is not yet filled.
        cases: pairs of input and expected result. An input that is a tuple holds several arguments.
            Or a function that is given the answer, of whatever kind it is, and returns "" or True if it
            is right, else what is wrong, to stand after "your answer ": "has no mask".
        tolerance: how far numbers may be off, relative and absolute.
    """
    if has_gap(answer):
        print(NOT_YET)
        return
    if callable(cases):
        judge = cases

        def wrong(value: Any) -> str:
            said = judge(value)
            return said if isinstance(said, str) else "" if said else "is not what was asked for"

        print(verdict(lambda: answer, wrong, ""))
        return
    if not callable(answer):
        print(f"wrong: your answer is {shown(answer)}, expected a function")
        return
    for given, expected in cases:
        arguments = given if isinstance(given, tuple) else (given,)
        told = ", ".join(map(shown, arguments))
        said = verdict(
            lambda inputs=arguments: answer(*copy.deepcopy(inputs)),  # type: ignore[misc]
            lambda value, right=expected: difference(value, right, tolerance),  # type: ignore[misc]
            f"for input {told} ",
        )
        if said != "right":
            print(said)
            return
    print("right")


def grade_value(answer: Any, expected: Any, *, tolerance: float = 1e-5) -> None:
    """Print whether a value is right: "not yet: ...", "right", or "wrong: your answer is ..., expected ...".

    Args:
        answer: the reader's number, text, array, or list or dict of these; `...` while there is a gap.
        expected: the right one.
        tolerance: how far numbers may be off, relative and absolute.
    """
    print(verdict(lambda: answer, lambda value: difference(value, expected, tolerance), ""))
