"""The page of results, and the generated parts of the README: pictures, notebooks, results in short.

These stand between `<!-- name -->` and `<!-- /name -->`; everything else there is written by hand.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tabulate import tabulate

from tools import cards, links, notebooks, tiles
from tools.cards import Rows
from utils import results

README = notebooks.ROOT / "README.md"
PICTURES = notebooks.ROOT / "notebooks" / "results" / "pictures"
RESULTS = notebooks.CARDS / "README.md"
COUNTED = {"holds": "hold", "does not hold": "do not hold", "not decided": "are not decided"}
PAGE = """\
# What the lessons and labs measured

Made by `make refresh` from the result cards in this folder: at cpu scale, on real data."""
CHECKS = (
    "Identities, such as our cell = Keras' cell: only a mistake could make one fail, so they prove no claim."
)
TESTS = (
    "Choices were made on validation data; where they were not, the card of the notebook says so. "
    "Data that a notebook makes for itself is drawn anew each time."
)


def pictures() -> str:
    """Four outputs of lessons; nothing where these lessons are not there, as in tests."""
    try:
        return tiles.table(PICTURES.relative_to(notebooks.ROOT).as_posix())
    except tiles.Missing:
        return ""


def table_of_notebooks() -> str:
    """Title, lectures, run time, Colab link and labs of each lesson."""
    rows = []
    for path in notebooks.lessons():
        notebook = notebooks.load(path)
        seconds = notebook.metadata.get("unrolled", {}).get("seconds")
        ran = notebooks.duration(seconds) if seconds else "not yet run"
        name = f"[{notebooks.title(notebook)}](notebooks/{path.name})"
        labs = [lab for lab in notebooks.labs() if lab.name[:2] == path.name[:2]]
        asked = [f"[{notebooks.question(lab)}](notebooks/labs/{lab.name})" for lab in labs]
        rows.append(
            [name, notebooks.lectures(notebook), ran, f"[open]({links.colab(path)})", "<br>".join(asked)]
        )
    headers = ["lesson", "lectures", "run time, 2 cores", "Colab", "labs"]
    return tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True)


def table(rows: Rows, folder: str, **columns: Callable[[dict[str, Any]], str]) -> str:
    """A table of rows: the notebook, which is in `folder`, then what `columns` make of each."""
    told = [
        [f"[{path.stem[:2]}{' lab' if notebooks.is_lab(path) else ''}]({folder}{links.inside(path)})"]
        + [column(row) for column in columns.values()]
        for path, row in rows
    ]
    return tabulate(told, headers=["", *columns], tablefmt="github", disable_numparse=True) if told else ""


def beside_published(rows: Rows, folder: str) -> str:
    """The figures that stand beside published ones."""
    beside = [(path, row) for path, row in rows if row["published"]]
    return table(beside, folder, figure=cards.name, value=cards.value, published=cards.published)


def short_table(rows: Rows, folder: str) -> str:
    """The figures that stand beside published ones, a row for each notebook: the README is to stay short."""
    said: dict[Path, list[str]] = {}
    for path, row in rows:
        if row["published"]:
            line = f"{cards.name(row)}: **{cards.value(row)}**; beside it {cards.published(row)}"
            said.setdefault(path, []).append(line)
    lines = [
        f"| [{notebooks.title(notebooks.load(path))}]({folder}{links.inside(path)}) | {'<br>'.join(told)} |"
        for path, told in said.items()
    ]
    return "\n".join(["| notebook | ours, and beside it |", "|---|---|", *lines]) if lines else ""


def table_of_results() -> str:
    """The figures that stand beside published ones, and what the claims came to."""
    rows = cards.all_rows()
    verdicts = [notebooks.verdict(row) for _, row in rows]
    said = ", ".join(f"{verdicts.count(verdict)} {said}" for verdict, said in COUNTED.items())
    short = short_table(rows, "notebooks/")
    page = f"[All {len(rows)} results](notebooks/results/README.md)."
    return f"{short}\n\nClaims of the lectures: {said}{mixed(rows)}. {page}"


def mixed(rows: Rows) -> str:
    """What must be said while some cards do not tell checks from claims."""
    old = sorted({path.stem[:2] for path, row in rows if "kind" not in row})
    return f" (identities are still counted among them in {', '.join(old)})" if old else ""


def times_scored() -> str:
    """How often stored runs have scored each data set's test set."""
    stored = [
        notebooks.read_json(notebooks.CARDS / f"{p.stem}.json") or {} for p in notebooks.all_notebooks()
    ]
    names = sorted({name for card in stored for name in card.get("scored", {})})
    counts = [[name, sum(card.get("scored", {}).get(name, 0) for card in stored)] for name in names]
    return tabulate(counts, headers=["data set", "stored runs that scored its test set"], tablefmt="github")


def results_page() -> str:
    """Every row of every stored card, by what it is."""
    rows = cards.all_rows()
    figures, checks, claimed = (cards.of(rows, kind) for kind in ("figure", "check", "claim"))
    parts = [
        PAGE,
        f"## {len(figures)} figures",
        table(figures, "../", figure=cards.name, value=cards.value, data=cards.data),
    ]
    parts.append(f"## {len(claimed)} claims of the lectures{mixed(rows)}")
    for verdict in results.VERDICTS:
        found = cards.of(rows, "claim", verdict)
        parts.append(f"### {verdict.capitalize()}: {len(found)}")
        parts.append(
            table(found, "../", claim=cards.claims, figure=cards.name, value=cards.value, data=cards.data)
        )
    parts += [f"## {len(checks)} checks", CHECKS]
    parts.append(
        table(checks, "../", claim=cards.claims, check=cards.name, value=cards.value, data=cards.data)
    )
    parts += ["## Beside published figures", beside_published(rows, "../")]
    parts += ["## Test sets", TESTS, times_scored()]
    return "\n\n".join(part for part in parts if part) + "\n"


def generated() -> str:
    """The README as it should be."""
    text = README.read_text(encoding="utf-8")
    parts = {"pictures": pictures(), "notebooks": table_of_notebooks(), "results": table_of_results()}
    for name, content in parts.items():
        pattern = rf"(?s)(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        text = re.sub(pattern, lambda m, c=content: f"{m[1]}{c}\n{m[2]}", text)  # type: ignore[misc]
    return text


def write() -> None:
    """Bring the README, its pictures and the page of results up to date."""
    README.write_text(generated(), encoding="utf-8")
    RESULTS.write_text(results_page(), encoding="utf-8")
    if pictures():
        write_pictures()


def write_pictures() -> None:
    """Write the files of the README's pictures, and no others."""
    files = tiles.files()
    PICTURES.mkdir(exist_ok=True)
    for old in PICTURES.iterdir():
        if old.name not in files:
            old.unlink()
    for name, content in files.items():
        (PICTURES / name).write_bytes(content)
