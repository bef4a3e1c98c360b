"""What the stored result cards say, row by row: for the README, the page of results and the site."""

from pathlib import Path
from typing import Any

from tools import notebooks

Rows = list[tuple[Path, dict[str, Any]]]  # rows of cards, each with its notebook


def all_rows() -> Rows:
    """Every row of every stored card, with its notebook."""
    found = []
    for path in notebooks.all_notebooks():
        card = notebooks.read_json(notebooks.CARDS / f"{path.stem}.json")
        found += [(path, row) for row in (card["results"] if card else [])]
    return found


def of(rows: Rows, kind: str, verdict: str | None = None) -> Rows:
    """The rows of one kind ("figure", "check" or "claim"), and of one verdict if it is given."""
    return [
        (path, row)
        for path, row in rows
        if notebooks.kind(row) == kind and verdict in (None, notebooks.verdict(row))
    ]


def name(row: dict[str, Any]) -> str:
    return row["name"]


def value(row: dict[str, Any]) -> str:
    """The number with its unit; a pure number has none."""
    return f"{row['value']:g}" + ("" if row["unit"] == "1" else f" {row['unit']}")


def data(row: dict[str, Any]) -> str:
    """What was measured on, and which part of it, if there are parts."""
    return row["data"] if row["split"] == "none" else f"{row['data']}, {row['split']}"


def published(row: dict[str, Any]) -> str:
    """Figures from elsewhere, each with its source."""
    return "; ".join(f"{p['value']:g} ({p['source']})" for p in row["published"])


def claims(row: dict[str, Any]) -> str:
    """Ids of the claims that a row speaks to."""
    return " ".join(row["claims"])
