"""The language of brackets."""

import numpy as np
import pytest

from utils import brackets


def test_texts_have_no_fault_and_every_symbol() -> None:
    rng = np.random.default_rng(0)
    texts = [brackets.write(rng, 40) for _ in range(50)]
    assert {len(text) for text in texts} == {40}
    assert set("".join(texts)) == set(brackets.SYMBOLS)
    assert all(brackets.first_fault(text) is None for text in texts)
    assert max(max(brackets.depths(text)) for text in texts) == brackets.DEEPEST


def test_depths_count_open_brackets() -> None:
    assert brackets.depths("(a(b)).") == [1, 1, 2, 2, 1, 0, 0]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("(a).", None), ("(a(b", None), ("a", 0), (")", 0), ("(a))", 3), ("(a)(b)", 3), ("(a.", 2),
        ("((((", 3), ("(a)..", 4), ("", None),
    ],
)  # fmt: skip
def test_faults_are_found_where_they_are(text: str, place: int | None) -> None:
    assert brackets.first_fault(text) == place


def test_chances_sum_to_one_and_are_those_of_the_texts() -> None:
    for text in ("", "(", "((a", "(((", "(a)", "(a)."):
        assert sum(brackets.chances(text).values()) == pytest.approx(1)
    text = brackets.write(np.random.default_rng(1), 4000)
    inside = [b for a, b in zip(brackets.depths(text), text[1:], strict=False) if a > 0]
    assert np.mean([symbol in "abc" for symbol in inside]) == pytest.approx(0.5, abs=0.03)


def test_best_loss_by_hand() -> None:
    # "(": given; "a": 1/6; ")": 1/4; ".": certain
    assert brackets.best_loss(["(a)."]) == pytest.approx((np.log(6) + np.log(4) + 0) / 3)


def test_one_hot_and_its_errors() -> None:
    x = brackets.one_hot(["(a)", "b.c"])
    assert x.shape == (2, 3, 6)
    assert x.dtype == np.float32
    assert x.argmax(-1).tolist() == [[3, 0, 4], [1, 5, 2]]
    with pytest.raises(ValueError, match="'xz' is not among them"):
        brackets.one_hot(["(x)", "(z)"])
    with pytest.raises(ValueError, match="equal length"):
        brackets.one_hot(["(a)", "(a"])
    with pytest.raises(ValueError, match="equal length"):
        brackets.one_hot([])
