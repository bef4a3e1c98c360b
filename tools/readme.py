"""The generated parts of the README: picture, table of notebooks, table of results.

They stand between `<!-- name -->` and `<!-- /name -->`; everything else there is written by hand.
"""

import base64
import re
from pathlib import Path

import nbformat
from tabulate import tabulate

from tools import form, links, notebooks

README = notebooks.ROOT / "README.md"
PICTURE = notebooks.CARDS / "picture.png"


def picture_cell() -> tuple[Path, bytes, str] | None:
    """The figure tagged `picture`: its notebook, its PNG bytes and its alt text."""
    for path in notebooks.all_notebooks():
        for cell in notebooks.load(path).cells:
            for output in cell.get("outputs", []) if "picture" in notebooks.tags(cell) else []:
                if "image/png" in output.get("data", {}):
                    alt = output.metadata["image/png"]["alt"]
                    return path, base64.b64decode(output.data["image/png"]), alt
    return None


def picture() -> str:
    """The picture of a result, with the first-screen text of its notebook."""
    found = picture_cell()
    if found is None:
        return ""
    path, _, alt = found
    shown = notebooks.first_screen(notebooks.load(path))
    printed = notebooks.stdout(shown).strip() if shown is not None else ""
    block = f"```text\n{printed}\n```" if printed else ""
    return f"![{alt}]({PICTURE.relative_to(notebooks.ROOT).as_posix()})\n\n{block}"


def lectures(notebook: nbformat.NotebookNode) -> str:
    """The lectures that the title cell names, e.g. "L0, L1 and L4"; empty if it names none."""
    title = notebooks.find(notebook, "title")
    found = form.LECTURES.search(title.source if title else "")
    return found[1] if found else ""


def question(lab: Path) -> str:
    """What a lab asks, without its number."""
    return re.sub(r"^Lab \d+: ", "", notebooks.title(notebooks.load(lab)))


def table_of_notebooks() -> str:
    """Title, lectures, run time, Colab link and labs of each lesson."""
    rows = []
    for path in notebooks.lessons():
        notebook = notebooks.load(path)
        seconds = notebook.metadata.get("unrolled", {}).get("seconds")
        ran = notebooks.duration(seconds) if seconds else "not yet run"
        name = f"[{notebooks.title(notebook)}](notebooks/{path.name})"
        labs = [lab for lab in notebooks.labs() if lab.name[:2] == path.name[:2]]
        asked = [f"[{question(lab)}](notebooks/labs/{lab.name})" for lab in labs]
        rows.append([name, lectures(notebook), ran, f"[open]({links.colab(path)})", "<br>".join(asked)])
    headers = ["lesson", "lectures", "run time, 2 cores", "Colab", "labs"]
    return tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True)


def table_of_results() -> str:
    """The figures that stand beside published ones, then every figure of every stored card, folded."""
    headers = ["", "figure", "value", "claim", "verdict", "published"]
    rows, verdicts = [], []
    for path in notebooks.all_notebooks():
        card = notebooks.read_json(notebooks.CARDS / f"{path.stem}.json")
        for row in card["results"] if card else []:
            unit = "" if row["unit"] == "1" else f" {row['unit']}"
            claims = " ".join(row["claims"])
            verdict = notebooks.verdict(row)
            verdicts.append(verdict)
            published = "; ".join(f"{p['value']:g} ({p['source']})" for p in row["published"])
            rows.append([path.stem[:2], row["name"], f"{row['value']:g}{unit}", claims, verdict, published])
    beside = [[row[0], row[1], row[2], row[5]] for row in rows if row[5]]
    short = tabulate(
        beside, headers=["", *headers[1:3], "published"], tablefmt="github", disable_numparse=True
    )
    whole = tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True)
    said = (
        f"All {len(rows)} figures; {verdicts.count('holds')} bear out a claim of the lectures, "
        f"{verdicts.count('does not hold')} speak against one"
    )
    return f"{short}\n\n<details>\n<summary>{said}</summary>\n\n{whole}\n\n</details>"


def generated() -> str:
    """The README as it should be."""
    text = README.read_text(encoding="utf-8")
    parts = {"picture": picture(), "notebooks": table_of_notebooks(), "results": table_of_results()}
    for name, content in parts.items():
        pattern = rf"(?s)(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        text = re.sub(pattern, lambda m, c=content: f"{m[1]}{c}\n{m[2]}", text)  # type: ignore[misc]
    return text


def write() -> None:
    """Bring the README and its picture up to date."""
    found = picture_cell()
    if found is not None:
        PICTURE.write_bytes(found[1])
    README.write_text(generated(), encoding="utf-8")
