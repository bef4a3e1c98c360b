"""What can be wrong with a stored notebook and shows without running it.

`findings(path)` lists it, one sentence each; a notebook without findings may be published.
"""

import ast
import base64
import json
import re
from collections import Counter
from pathlib import Path

import nbformat

from tools import flow, form, notebooks
from tools.form import code_cells
from utils import results

KNOWN_TAGS = {
    "setup",
    "promise",
    "parameters",
    "first-screen",
    "exercise",
    "picture",
    "no-picture",
    "nbval-check-output",
    "nbval-ignore-output",
    "raises-exception",
}
MACHINE_PATH = re.compile(r"(?<![\w.])(/home/|/root/|/tmp/|/Users/|/var/folders/|[A-Z]:\\\\?Users)")
TEST, VALIDATION = re.compile(r"(^|_)test(_|$)"), re.compile(r"(^|_)val(idation)?(_|$)")
PROVENANCE = {"code_sha256", "scale", "data", "versions", "seconds"}
FIGURE = {"name", "value", "unit", "data", "split", "scale", "parameters", "seconds", "claims", "published"}
VERDICTS = {"figure": ("",), "check": ("right",), "claim": results.VERDICTS}
LARGEST_FIGURE, LARGEST_NOTEBOOK = 80_000, 400_000  # bytes


def check_format(notebook: nbformat.NotebookNode, path: Path) -> list[str]:
    found = []
    if (notebook.nbformat, notebook.nbformat_minor) != (4, 5):
        found.append(f"format is {notebook.nbformat}.{notebook.nbformat_minor}, not 4.5")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]  # nbformat mends ids when it reads them
    ids = [cell.get("id", "") for cell in cells]
    found += [f"cell id {name!r} stands twice" for name, n in Counter(ids).items() if n > 1]
    for name in ids:
        if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f-]+)?", name) or not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
            found.append(f"cell id {name!r} is not readable; name it after what the cell does")
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        found.append("kernelspec is not python3")
    return found


def check_outputs(notebook: nbformat.NotebookNode) -> list[str]:
    found = []
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        found.append("execution counts are not 1..n: refresh the notebook")
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                found.append(f"cell {cell.id!r} stores stderr")
            if output.output_type == "error" and "raises-exception" not in notebooks.tags(cell):
                found.append(f"cell {cell.id!r} stores an error")
            if {"image/svg+xml", "image/jpeg"} & set(output.get("data", {})):
                found.append(f"cell {cell.id!r} has a figure that is not PNG: end it with plots.show(...)")
            shown = any(kind.startswith("image/") for kind in output.get("data", {}))
            shown = shown or "data:image/" in str(output.get("data", {}).get("text/html", ""))
            if shown and ("no-picture" in notebooks.tags(cell) or re.search(r"\bgallery\(", cell.source)):
                found.append(
                    f"cell {cell.id!r} stores a picture, maybe a photo that may not be passed on: "
                    "refresh the notebook"
                )
            figure = output.get("data", {}).get("image/png")
            if figure is not None:
                size = len(base64.b64decode(figure))
                if size > LARGEST_FIGURE:
                    found.append(f"cell {cell.id!r} has a figure of {size:,} bytes")
                if not output.metadata.get("image/png", {}).get("alt"):
                    found.append(
                        f"cell {cell.id!r} has a figure without alt text: end it with plots.show(...)"
                    )
        raised = any(output.output_type == "error" for output in cell.outputs)
        if "raises-exception" in notebooks.tags(cell) and not raised:
            found.append(f"cell {cell.id!r} is tagged raises-exception and raised nothing")
    first = notebooks.find(notebook, "promise")  # a copy, which the measure leaves out
    size = len(nbformat.writes(notebook).encode()) - len(json.dumps(first.outputs) if first else "")
    if size > LARGEST_NOTEBOOK:
        found.append(f"the notebook has {size:,} bytes")
    return found


def check_paths(notebook: nbformat.NotebookNode) -> list[str]:
    found = []
    for cell in notebook.cells:
        for text in (cell.source, str(cell.get("outputs", ""))):
            match = MACHINE_PATH.search(text) or re.search(re.escape(str(notebooks.ROOT)), text)
            if match:
                found.append(f"cell {cell.id!r} names a path of one machine: {match[0]}")
    return found


def check_prose(notebook: nbformat.NotebookNode) -> list[str]:
    found, level = [], 0
    prose = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    headings = [
        (cell.id, len(marks))
        for cell in prose
        for marks in re.findall(r"(?m)^(#+) ", re.sub(r"(?s)```.*?```", "", cell.source))
    ]
    if [depth for _, depth in headings].count(1) != 1 or headings[0][1] != 1:
        found.append("there must be one H1, and it comes first")
    for name, depth in headings:
        if depth > level + 1:
            found.append(f"cell {name!r} skips a heading level")
        level = depth
    for cell in prose:
        if re.search(r"!\[\s*\]\(", cell.source):
            found.append(f"cell {cell.id!r} has an image without alt text")
    return found


def named(node: ast.AST, pattern: re.Pattern[str]) -> bool:
    """Whether a name, an attribute or a string in an expression matches."""
    names = (
        getattr(part, "id", None) or getattr(part, "attr", None) or getattr(part, "value", None)
        for part in ast.walk(node)
    )
    return any(isinstance(name, str) and pattern.search(name) for name in names)


def validates_on_test(tree: ast.Module) -> bool:
    """Whether a test split is given as validation data, or is given the name of a validation split."""
    pairs: list[tuple[ast.expr, ast.expr]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "validation_data" and named(node.value, TEST):
            return True
        for target in node.targets if isinstance(node, ast.Assign) else []:
            value = node.value  # type: ignore[attr-defined]
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                pairs += zip(target.elts, value.elts, strict=False)
            else:
                pairs.append((target, value))
    return any(named(to, VALIDATION) and not named(to, TEST) and named(by, TEST) for to, by in pairs)


def check_code(notebook: nbformat.NotebookNode, lab: bool = False) -> list[str]:
    found, asserted = [], False
    cells = code_cells(notebook)
    softmax = any(re.search(r"\b(activation\s*=|Activation\()\s*[\"']softmax", cell.source) for cell in cells)
    for cell in cells:
        unknown = set(notebooks.tags(cell)) - KNOWN_TAGS
        found += [f"cell {cell.id!r} has an unknown tag {tag!r}" for tag in sorted(unknown)]
        if re.search(r"(?im)^\s*#\s*(nbval_|pytest_validate_)", cell.source):
            found.append(f"cell {cell.id!r} marks its output in a comment: use a tag")
        if "BackupAndRestore" in cell.source:
            found.append(f"cell {cell.id!r} uses BackupAndRestore, which keeps no losses: use utils.resume")
        if "from_logits=True" in cell.source and softmax:
            found.append(f"cell {cell.id!r} says from_logits=True, and a layer has softmax already")
        try:
            tree = ast.parse(cell.source)
        except SyntaxError:
            found.append(f"cell {cell.id!r} is not plain Python; a magic passes silently when it fails")
            continue
        # a check raises; and the tests assert what an exercise's check says
        asserted = asserted or bool(re.search(r"\bcard\.check\(|\bgrade(_value)?\(", cell.source))
        asserted = asserted or any(isinstance(node, ast.Assert) for node in ast.walk(tree))
        if validates_on_test(tree):
            found.append(f"cell {cell.id!r} validates on a test split")
    if not (asserted or lab):
        found.append("nothing is asserted")
    return found


def check_compared(notebook: nbformat.NotebookNode, lab: bool) -> list[str]:
    found = []
    compared = [cell for cell in code_cells(notebook) if "nbval-check-output" in notebooks.tags(cell)]
    for cell in compared:
        if not cell.outputs:
            found.append(f"cell {cell.id!r} is to be compared but has no output")
        elif all("image/png" in output.get("data", {}) for output in cell.outputs):
            found.append(f"cell {cell.id!r} is to be compared but shows only a figure, which nbval skips")
    if not (compared or lab):
        found.append("no cell is tagged nbval-check-output: nothing is compared in `make test`")
    return found


def check_provenance(notebook: nbformat.NotebookNode, path: Path) -> list[str]:
    stored = notebook.metadata.get("unrolled")
    how = f"run `make refresh {notebooks.choice(path)}`"
    if stored is None:
        return [f"it has no stored outputs yet: {how}"]
    lacking = PROVENANCE - set(stored)
    if lacking:
        return [f"its record lacks {', '.join(sorted(lacking))}: {how}"]
    found = []
    if stored["code_sha256"] != notebooks.code_hash(notebook):
        found.append(f"its outputs are from other code than it holds now: {how}")
    if stored["scale"] != "cpu":
        found.append(f"its outputs are from scale {stored['scale']}: {how}")
    title = notebooks.find(notebook, "title")
    if title is not None and f"Run time: {notebooks.duration(stored['seconds'])}" not in title.source:
        found.append(f"the run time in its title is not the measured one: {how}")
    return found if notebooks.is_lab(path) else [*found, *check_first_screen(notebook, path)]


def check_first_screen(notebook: nbformat.NotebookNode, path: Path) -> list[str]:
    """The reader first sees what the cell tagged first-screen has shown."""
    shown, how = notebooks.first_screen(notebook), f"run `make refresh {notebooks.choice(path)}`"
    if shown is None:
        return ["exactly one cell must be tagged first-screen"]
    promise, kept = notebooks.find(notebook, "promise"), notebooks.read_json(notebooks.first_file(path))
    bundles = notebooks.bundles(shown)
    same = kept == bundles and promise is not None and notebooks.bundles(promise) == bundles
    return [] if same else [f"the result on the first screen is not what the notebook showed: {how}"]


def check_card(notebook: nbformat.NotebookNode, path: Path) -> list[str]:
    card = notebooks.read_json(notebooks.CARDS / f"{path.stem}.json")
    how = f"run `make refresh {notebooks.choice(path)}`"
    if card is None:
        return [f"it has no result card: {how}"]
    found = []
    stored = notebook.metadata.get("unrolled", {})
    if {s["name"]: s["sha256"] for s in card["sources"]} != dict(stored.get("data", {})):
        found.append(f"its card and its outputs are from different data: {how}")
    if any(source["kind"] != "real" for source in card["sources"]) or card["scale"] != "cpu":
        found.append(f"its card is not from real data at cpu scale: {how}")
    last = notebooks.find(notebook, "card")
    outputs = last.get("outputs", []) if last is not None else []
    shown = "".join(output.get("data", {}).get("text/plain", "") for output in outputs).splitlines()
    uncounted = [name for name in results.tested(card) if not card.get("scored", {}).get(name)]
    found += [f"its card does not count the runs on the test set of {name}: {how}" for name in uncounted]
    if not card["results"]:
        found.append("card: it has no figure")
    for row in card["results"]:
        name, lacking = row.get("name"), FIGURE - set(row)
        if lacking:
            found.append(f"card: {name!r} lacks {', '.join(sorted(lacking))}")
            continue
        if row["scale"] != "cpu":
            found.append(f"card: {name!r} is from scale {row['scale']}: {how}")
        if any(not re.fullmatch(r"C\d\d", claim) for claim in row["claims"]):
            found.append(f"card: {name!r} has a claim id that is not like C01")
        if notebooks.verdict(row) not in VERDICTS.get(notebooks.kind(row), ()):
            found.append(
                f"card: {name!r} is a {notebooks.kind(row)}, with verdict {notebooks.verdict(row)!r}"
            )
        if not any(name in line and f" {row['value']:g} " in line for line in shown):
            found.append(f"card: {name!r} is not what the notebook's cell `card` shows: {how}")
    return found


def findings(path: Path) -> list[str]:
    """Everything that is wrong with a stored notebook, one sentence each; empty if nothing is."""
    notebook, lab = notebooks.load(path), notebooks.is_lab(path)
    return [
        *check_format(notebook, path),
        *check_outputs(notebook),
        *check_paths(notebook),
        *check_prose(notebook),
        *check_code(notebook, lab),
        *flow.check_flow(notebook, path.stem),
        *check_compared(notebook, lab),
        *form.check_form(notebook, path),
        *check_provenance(notebook, path),
        *check_card(notebook, path),
    ]
