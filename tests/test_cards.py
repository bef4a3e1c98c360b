"""How the rows of result cards read."""

import pytest

from tools import cards

ROW = {
    "name": "loss",
    "value": 1.5,
    "unit": "nats",
    "data": "Bach",
    "split": "test",
    "claims": ["C01", "C02"],
}


@pytest.mark.parametrize(
    ("column", "row", "text"),
    [
        (cards.value, ROW, "1.5 nats"),
        (cards.value, ROW | {"unit": "1"}, "1.5"),
        (cards.data, ROW, "Bach, test"),
        (cards.data, ROW | {"split": "none"}, "Bach"),
        (cards.claims, ROW, "C01 C02"),
        (
            cards.published,
            ROW | {"published": [{"value": 2.0, "source": "a"}, {"value": 3, "source": "b"}]},
            "2 (a); 3 (b)",
        ),
    ],
)
def test_columns(column, row, text):
    assert column(row) == text


def test_rows_of_a_kind_and_of_a_verdict():
    rows = [
        (None, {"kind": "figure"}),
        (None, {"kind": "claim", "verdict": "holds"}),
        (None, {"kind": "claim", "verdict": "not decided"}),
    ]
    assert cards.of(rows, "figure") == rows[:1]
    assert cards.of(rows, "claim") == rows[1:]
    assert cards.of(rows, "claim", "holds") == rows[1:2]
