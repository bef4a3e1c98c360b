"""Result cards: what a notebook measured, as a table for the reader and a file for the project.

A row is a *figure*, a *check* (an identity that must be right: ours = Keras') or a *claim* (a statement
of the lectures that the measurement may bear out or refute). `decide` and `compare` are the two rules
by which a claim gets its verdict.

A notebook only ever writes below the build folder (`build/`, or `UNROLLED_BUILD`). The refresh
command copies a card into `notebooks/results/`, if it is from cpu scale and real data.
"""

import html
import json
import math
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from utils.datasets import Source
from utils.environment import cores
from utils.folders import ROOT, build_folder
from utils.scales import current_scale

STORED = ROOT / "notebooks" / "results"
SPLITS = ("train", "validation", "test", "none")


HOLDS, DOES_NOT_HOLD, NOT_DECIDED = VERDICTS = ("holds", "does not hold", "not decided")


def decide(interval: Sequence[float], margin: float = 0.0) -> str:
    """The verdict of a claim "the difference is larger than `margin`", from an interval of the difference.

    Args:
        interval: the lower and the upper end, in the unit of `margin`.
        margin: how large the difference must be to count.

    Returns:
        "holds" if the whole interval lies above the margin, "does not hold" if it lies below, else
        "not decided".

    Raises:
        ValueError: the interval is not two finite numbers in order.
    """
    low, high = (float(end) for end in interval)
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(f"({low}, {high}) is no interval; give its lower and its upper end.")
    return HOLDS if low > margin else DOES_NOT_HOLD if high < margin else NOT_DECIDED


def compare(
    ours: float | Sequence[float], theirs: float | Sequence[float], *, higher_is_better: bool = True
) -> str:
    """The verdict of a claim "ours is better", from one value per seed on each side.

    Args:
        ours: the values of what is claimed to be better; one number if it has no seed.
        theirs: the values of what it is compared with, likewise.
        higher_is_better: False for losses, errors, seconds.

    Returns:
        "holds" if all of ours are better than all of theirs, "does not hold" if all are worse; "not
        decided" where the ranges overlap or touch, or where there is only one value on each side.

    Raises:
        ValueError: a side has no value, or one that is not a finite number.
    """
    sides = [np.ravel(np.asarray(side, dtype=float)) for side in (ours, theirs)]
    for side in sides:
        if not (side.size and np.isfinite(side).all()):
            raise ValueError(f"{side.tolist()} cannot be compared; give one finite number per seed.")
    if max(side.size for side in sides) == 1:
        return NOT_DECIDED
    best, worst = sides if higher_is_better else (-sides[0], -sides[1])
    return decide((float(best.min() - worst.max()), float(best.max() - worst.min())))


def tested(card: dict[str, Any]) -> list[str]:
    """The data sets, of those that a card names as its sources, whose test set it has rows on.

    Data that a notebook makes for itself is drawn anew and has no test set that could wear out.
    """
    rows = [row["data"] for row in card["results"] if row.get("split") == "test"]
    names = [source["name"] for source in card["sources"]]
    return [name for name in names if any(data.startswith(name) for data in rows)]


def times_scored(name: str) -> int:
    """How often stored runs, of all lessons and labs together, have scored the test set of a data set."""
    cards = [json.loads(path.read_text(encoding="utf-8")) for path in STORED.glob("[0-9]*.json")]
    return sum(card.get("scored", {}).get(name, 0) for card in cards if isinstance(card, dict))


def shown_unit(row: dict[str, Any]) -> str:
    """The unit of a row as it stands behind the number; nothing for a pure number."""
    return "" if row["unit"] == "1" else f" {row['unit']}"


@dataclass
class ResultCard:
    """What one notebook found, row by row; the first one added is the headline.

    Attributes:
        notebook: its file name without the ending, e.g. "01_simple_rnn".
        sources: the data sets it ran on; empty if it makes its own data.
        data: what the rows were measured on, where they do not say it themselves.
        split: of which part, likewise: "train", "validation", "test", or "none" where nothing is learnt.
        choices: on what settings were chosen, if the card has rows on a test set; said below the table.
    """

    notebook: str
    sources: Sequence[Source] = ()
    data: str = ""
    split: str = ""
    choices: str = "Choices were made on validation data."
    results: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        name: str,
        value: float,
        unit: str = "1",
        *,
        data: str = "",
        split: str = "",
        parameters: int | None = None,
        seconds: float | None = None,
        claims: Sequence[str] = (),
        holds: bool | None = None,
        published: Sequence[tuple[float, str]] = (),
    ) -> None:
        """Add a figure.

        Args:
            name: what was measured, e.g. "validation loss".
            value: the number, rounded to four significant digits on the card, an int of six digits not.
            unit: e.g. "nats/char"; "1" for a pure number.
            data: what it was measured on; the card's if it is not given.
            split: "train", "validation", "test", or "none" where nothing is learnt; likewise.
            parameters: of the model, if there is one.
            seconds: of training, if there was any.
            claims: not for new notebooks, see `claim`: ids of claims that the figure speaks to.
            holds: not for new notebooks: whether these claims hold here.
            published: figures from elsewhere to compare with, each with its source and protocol.

        Raises:
            ValueError: a name twice, an unknown split, no data, a claim without a verdict, or a value
                that is not a finite number.
        """
        if bool(claims) != (holds is not None):
            raise ValueError(f"{name!r}: give `claims` and `holds` together, or neither.")
        kind, verdict = ("claim", HOLDS if holds else DOES_NOT_HOLD) if claims else ("figure", "")
        self._append(kind, claims, verdict, name, value, unit, data, split, parameters, seconds, published)

    def check(
        self,
        claims: str,
        name: str,
        value: float,
        unit: str = "1",
        *,
        ok: bool,
        data: str = "",
        split: str = "",
        parameters: int | None = None,
        seconds: float | None = None,
    ) -> None:
        """Add a check: something that is an identity, and wrong only if there is a mistake somewhere.

        Args:
            claims: the id of the lectures' claim it belongs to, e.g. "C20" or "C20 C21"; may be "".
            name: what was checked, e.g. "our LSTM - Keras' LSTM, largest difference".
            value: the number that was checked.
            unit: of the number.
            ok: whether it is right.

        The others are as in `add`.

        Raises:
            AssertionError: `ok` is false.
            ValueError: as in `add`.
        """
        self._append(
            "check", claims.split(), "right", name, value, unit, data, split, parameters, seconds, ()
        )
        if not ok:
            row = self.results.pop()
            raise AssertionError(f"{name}: {row['value']:g}{shown_unit(row)} is wrong; it must be right.")

    def claim(
        self,
        claims: str,
        name: str,
        value: float,
        unit: str = "1",
        *,
        verdict: str,
        data: str = "",
        split: str = "",
        parameters: int | None = None,
        seconds: float | None = None,
        published: Sequence[tuple[float, str]] = (),
    ) -> None:
        """Add what the measurement says of a claim, whichever way it comes out.

        Args:
            claims: the id of the lectures' claim, e.g. "C24".
            name: what was measured, e.g. "accuracy with forget bias 1, minus 0".
            value: the number that the verdict rests on.
            unit: of the number.
            verdict: "holds", "does not hold" or "not decided": what `decide` or `compare` returned.

        The others are as in `add`.

        Raises:
            ValueError: as in `add`, no id, or another verdict.
        """
        if verdict not in VERDICTS:
            raise ValueError(f"{name!r}: verdict {verdict!r}; it must be one of {', '.join(VERDICTS)}.")
        if not claims.split():
            raise ValueError(f"{name!r}: say which claim it is, e.g. 'C24'.")
        self._append(
            "claim", claims.split(), verdict, name, value, unit, data, split, parameters, seconds, published
        )

    def _append(
        self,
        kind: str,
        claims: Sequence[str],
        verdict: str,
        name: str,
        value: float,
        unit: str,
        data: str,
        split: str,
        parameters: int | None,
        seconds: float | None,
        published: Sequence[tuple[float, str]],
    ) -> None:
        data, split = data or self.data, split or self.split
        if any(row["name"] == name for row in self.results):
            raise ValueError(f"The card already has a row named {name!r}; give this one another name.")
        if split not in SPLITS or not data:
            raise ValueError(f"{name!r}: give `data`, and as `split` one of {', '.join(SPLITS)}.")
        wrong = [claim for claim in claims if not re.fullmatch(r"C\d\d", claim)]
        if wrong:
            raise ValueError(f"{name!r}: {wrong[0]!r} is no claim id; they are like 'C24'.")
        whole = isinstance(value, int) and abs(value) < 1_000_000  # as a number of parameters
        number = float(value if whole else f"{float(value):.4g}")
        if not math.isfinite(number):
            raise ValueError(f"{name!r} is {value}; a result must be a finite number.")
        row: dict[str, Any] = {
            "name": name,
            "value": number,
            "unit": unit,
            "data": data,
            "split": split,
            "scale": current_scale(),
            "parameters": parameters,
            "seconds": None if seconds is None else round(seconds),
            "kind": kind,
            "claims": list(claims),
            "verdict": verdict,
            "published": [{"value": value, "source": source} for value, source in published],
        }
        self.results.append(row)

    def save(self) -> Path:
        """Write `results/<notebook>.json` below the build folder, whole or not at all.

        Returns:
            The path of the file.
        """
        path = build_folder("results") / f"{self.notebook}.json"
        card = self._content()
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        part.replace(path)
        return path

    def _content(self) -> dict[str, Any]:
        return {
            "notebook": self.notebook,
            "scale": current_scale(),
            "sources": [asdict(source) for source in self.sources],
            "machine": f"{cores()} cores, {platform.machine()}",
            "results": self.results,
        }

    def note(self) -> str:
        """How often stored runs have scored the test sets that the card has rows on; empty if it has none."""
        names = tested(self._content())
        if not names:
            return ""
        counts = [f"{name} {times_scored(name)} times" for name in names]
        scored = f"Before this run, stored runs had scored the test set of {', of '.join(counts)}."
        return f"{scored} {self.choices}"

    def rows(self) -> list[list[str]]:
        """The table: figure, value with unit, data, claim with verdict, published figures."""
        return [
            [
                row["name"],
                f"{row['value']:g}{shown_unit(row)}",
                row["data"] if row["split"] == "none" else f"{row['data']}, {row['split']}",
                f"{' '.join(row['claims'])} {row['verdict']}".strip(),
                "; ".join(f"{p['value']:g} ({p['source']})" for p in row["published"]),
            ]
            for row in self.results
        ]

    HEADERS = ("figure", "value", "data", "claim", "published")

    def _repr_html_(self) -> str:
        escaped = [[html.escape(cell) for cell in row] for row in self.rows()]
        table = tabulate(escaped, headers=self.HEADERS, tablefmt="unsafehtml", disable_numparse=True)
        return f"{table}\n<p>{html.escape(self.note())}</p>" if self.note() else table

    def __repr__(self) -> str:
        table = tabulate(self.rows(), headers=self.HEADERS, tablefmt="github", disable_numparse=True)
        return f"{table}\n\n{self.note()}".strip()
