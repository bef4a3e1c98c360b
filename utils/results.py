"""Result cards: what a notebook measured, as a table for the reader and a file for the project.

A notebook only ever writes below the build folder (`build/`, or `UNROLLED_BUILD`). The refresh
command copies a card into `notebooks/results/`, if it is from cpu scale and real data.
"""

import html
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tabulate import tabulate

from utils.datasets import Source
from utils.scales import current_scale

ROOT = Path(__file__).resolve().parents[1]


def build_folder(*parts: str) -> Path:
    """A folder for what a run leaves behind, made if it does not exist.

    Args:
        parts: names of folders below `UNROLLED_BUILD`, or `build/` of the project if that is unset.

    Returns:
        The absolute path.
    """
    folder = Path(os.environ.get("UNROLLED_BUILD") or ROOT / "build").resolve().joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@dataclass
class ResultCard:
    """The headline figures of one notebook; the first one added is the headline.

    Attributes:
        notebook: its file name without the ending, e.g. "01_simple_rnn".
        sources: the data sets it ran on; empty if it makes its own data.
    """

    notebook: str
    sources: Sequence[Source] = ()
    results: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        name: str,
        value: float,
        unit: str,
        *,
        data: str,
        split: str,
        parameters: int | None = None,
        seconds: float | None = None,
        claims: Sequence[str] = (),
        holds: bool | None = None,
        published: Sequence[tuple[float, str]] = (),
    ) -> None:
        """Add one figure.

        Args:
            name: what was measured, e.g. "validation loss".
            value: the number, rounded to four significant digits on the card.
            unit: e.g. "nats/char"; "1" for a pure number.
            data: what it was measured on.
            split: "train", "validation", "test", or "none" where nothing is learnt.
            parameters: of the model, if there is one.
            seconds: of training, if there was any.
            claims: ids of the lectures' claims that the figure speaks to, e.g. ["C37"].
            holds: whether the claims hold here; required with `claims`.
            published: figures from elsewhere to compare with, each with its source.

        Raises:
            ValueError: a name twice, claims without a verdict, or a value that is not a finite number.
        """
        if any(row["name"] == name for row in self.results):
            raise ValueError(f"The card already has a figure named {name!r}; give this one another name.")
        if bool(claims) != (holds is not None):
            raise ValueError(f"{name!r}: give `claims` and `holds` together, or neither.")
        number = float(f"{float(value):.4g}")
        if number != number or abs(number) == float("inf"):
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
            "claims": list(claims),
            "published": [{"value": value, "source": source} for value, source in published],
        }
        if holds is not None:
            row["holds"] = bool(holds)
        self.results.append(row)

    def save(self) -> Path:
        """Write `results/<notebook>.json` below the build folder, whole or not at all.

        Returns:
            The path of the file.
        """
        path = build_folder("results") / f"{self.notebook}.json"
        card = {
            "notebook": self.notebook,
            "scale": current_scale(),
            "sources": [asdict(source) for source in self.sources],
            "machine": f"{os.cpu_count()} cores, {platform.machine()}",
            "results": self.results,
        }
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        part.replace(path)
        return path

    def rows(self) -> list[list[str]]:
        """The table: figure, value with unit, data, claims with verdict, published figures."""
        table = []
        for row in self.results:
            verdict = {True: "holds", False: "does not hold"}.get(row.get("holds"), "")  # type: ignore[arg-type]
            published = "; ".join(f"{p['value']:g} ({p['source']})" for p in row["published"])
            unit = "" if row["unit"] == "1" else f" {row['unit']}"
            data = row["data"] if row["split"] == "none" else f"{row['data']}, {row['split']}"
            table.append(
                [
                    row["name"],
                    f"{row['value']:g}{unit}",
                    data,
                    f"{' '.join(row['claims'])} {verdict}".strip(),
                    published,
                ]
            )
        return table

    HEADERS = ("figure", "value", "data", "claim", "published")

    def _repr_html_(self) -> str:
        escaped = [[html.escape(cell) for cell in row] for row in self.rows()]
        return tabulate(escaped, headers=self.HEADERS, tablefmt="unsafehtml", disable_numparse=True)

    def __repr__(self) -> str:
        return tabulate(self.rows(), headers=self.HEADERS, tablefmt="github", disable_numparse=True)
