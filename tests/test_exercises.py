"""What the checks of exercises say, and that they never raise."""

import numpy as np
import pytest

from utils.exercises import grade, grade_value


def said(capsys):
    return capsys.readouterr().out.strip()


def raises():
    raise NotImplementedError


@pytest.mark.parametrize(
    "unfilled",
    [
        ...,
        None,
        lambda x: ...,
        lambda x: None,
        lambda x: NotImplemented,
        lambda x: (x, ...),
        lambda x: 2 * ...,
        lambda x: np.tanh(...),
        lambda x: raises(),
    ],
)
def test_a_gap_is_not_yet(unfilled, capsys):
    grade(unfilled, [(1, 2)])
    assert said(capsys).startswith("not yet: ")


def test_a_gap_in_the_place_of_a_value_is_not_yet(capsys):
    for unfilled in (..., None, [1, ...]):
        grade_value(unfilled, 3)
        assert said(capsys).startswith("not yet: ")


CASES = [((1, 2), 3), ((2, 2), 4)]


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (lambda a, b: a + b, "right"),
        (lambda a, b: np.float32(a + b), "right"),
        (lambda a, b: a + b + 1e-9, "right"),
        (lambda a, b: a * b, "wrong: for input 1, 2 your answer is 2, expected 3"),
        (lambda a, b: a**2 + b, "wrong: for input 2, 2 your answer is 6, expected 4"),
        (lambda a, b: [a + b], "wrong: for input 1, 2 your answer has shape (1,), expected (): it is [3]"),
        (lambda a, b: "three", "wrong: for input 1, 2 your answer is 'three', expected 3"),
        (lambda a, b: a / 0, "wrong: for input 1, 2 your answer raises ZeroDivisionError: division by zero"),
        (lambda a: a, "wrong: for input 1, 2 your answer raises TypeError: "),
        (3, "wrong: your answer is 3, expected a function"),
    ],
)
def test_a_function_is_graded_by_the_first_wrong_case(answer, line, capsys):
    grade(answer, CASES)
    assert said(capsys).startswith(line)
    assert said(capsys).count("\n") == 0


def test_a_function_may_spoil_its_arguments(capsys):
    given = np.zeros(2)
    grade(lambda x: x.__iadd__(1), [(given, np.ones(2)), (given, np.ones(2))])
    assert said(capsys) == "right"


def test_a_judge_says_what_is_wrong(capsys):
    grade([1, 2], lambda answer: "" if len(answer) == 2 else "is too long")
    assert said(capsys) == "right"
    grade([1, 2, 3], lambda answer: "" if len(answer) == 2 else "is too long")
    assert said(capsys) == "wrong: your answer is too long"
    grade([1, 2, 3], lambda answer: len(answer) == 2)
    assert said(capsys) == "wrong: your answer is not what was asked for"
    grade(3, lambda answer: len(answer) == 2)
    assert said(capsys).startswith("wrong: your answer raises TypeError: ")
    grade(..., lambda answer: "")
    assert said(capsys).startswith("not yet: ")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (0.3, 0.1 + 0.2),
        (np.array([[1, 2]]), [[1, 2]]),
        ([np.ones(2), np.ones(3)], (np.ones(2), np.ones(3))),
        ("abc", "abc"),
        (np.bool_(True), True),
        ({"a": 1.0}, {"a": 1}),
        ({1, 2}, {1, 2}),
        (["a", "b"], ["a", "b"]),
        ([], []),
    ],
)
def test_values_that_are_right(answer, expected, capsys):
    grade_value(answer, expected)
    assert said(capsys) == "right"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (0.31, 0.3),
        (np.array([1, 2]), [[1, 2]]),
        ([np.ones(2)], (np.ones(2), np.ones(3))),
        ("ab", "abc"),
        (1, True),
        (1, "1"),
        ({"b": 1.0}, {"a": 1}),
        ([1, "b"], ["a", "b"]),
        (object(), 3),
        (float("nan"), 3.0),
    ],
)
def test_values_that_are_wrong(answer, expected, capsys):
    grade_value(answer, expected)
    assert said(capsys).startswith("wrong: your answer ")


@pytest.mark.parametrize(
    ("answer", "expected"), [(np.full((1, 1), 0.5), np.full((3, 2), 0.5)), (np.ones(1), np.ones(4))]
)
def test_an_answer_that_would_fit_by_broadcasting_has_another_shape(answer, expected, capsys):
    grade_value(answer, expected)
    assert "has shape" in capsys.readouterr().out
