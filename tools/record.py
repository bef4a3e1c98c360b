"""`make record`: store what the cells of notebooks make at quick scale, for the tests to compare with.

And what the notebooks are set to at the other scales, which the tests do not run.
"""

import argparse
import ast
import fcntl
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools import notebooks
from tools.nbval import record

# One run as the tests run; the other has a faltering clock, noisy gradients, and computes products otherwise.
SHAKEN = {"UNROLLED_SHAKEN": "1", "TF_ENABLE_ONEDNN_OPTS": "0", "OPENBLAS_CORETYPE": "Haswell"}
SHAKEN["TF_NUM_INTRAOP_THREADS"] = "1"
RUNS: list[dict[str, str]] = [{}, SHAKEN]
# Labs that weigh times or memory: a verdict of two such runs can agree by chance.
TIMED = {"02_truncation", "04_one_gate_less", "05_fast_layers", "05_fewer_steps", "19_more_devices"}
MORE: list[dict[str, str]] = [{}, {}, *(SHAKEN | {"UNROLLED_SHAKEN": str(seed)} for seed in (2, 3, 4))]


def run(paths: list[Path], folder: Path, variables: dict[str, str]) -> None:
    """Run notebooks at quick scale on the samples, and keep in a folder what their cells make."""
    quick = {"UNROLLED_SCALE": "quick", "UNROLLED_DATA": "sample", "UNROLLED_BUILD": str(folder / "build")}
    options = "--nbval-lax --nbval-current-env -p tools.nbval.plugin -p no:cacheprovider -q --dist loadfile"
    rules = notebooks.ROOT / "tools" / "nbval" / "sanitize.cfg"
    command = [
        sys.executable,
        "-m",
        "pytest",
        *map(str, paths),
        *options.split(),
        "-n",
        str(min(2, len(paths))),
    ]
    subprocess.run(
        [*command, "--nbval-sanitize-with", str(rules), "--nbval-cell-timeout=300", f"--record-to={folder}"],
        cwd=notebooks.ROOT, env=os.environ | quick | variables, check=True,
    )  # fmt: skip


@contextmanager
def alone() -> Iterator[None]:
    """One `tools.record` of this checkout at a time; two may run, each on notebooks of its own."""
    folder = os.open(notebooks.SETTINGS.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def write(file: Path, text: str) -> None:
    """Write a file whole or not at all."""
    part = file.with_suffix(f".{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(file)


def store(path: Path, folders: list[Path], keep: bool = False) -> None:
    """Write a notebook's record, a line for each thing that a cell made.

    With `keep`, what the record before has let go stays so.
    """
    runs = [json.loads((folder / f"{path.stem}.json").read_text(encoding="utf-8")) for folder in folders]
    known = {cell: record.merged([run[cell] for run in runs]) for cell in runs[0]}
    file = notebooks.RECORDS / f"{path.stem}.json"
    before = (notebooks.read_json(file) or {}) if keep else {}
    known = {cell: record.let_go(before.get(cell, {}), leaves) for cell, leaves in known.items()}
    lines = []
    for cell, leaves in known.items():
        inside = ",\n".join(f"  {json.dumps(path)}: {json.dumps(leaf)}" for path, leaf in leaves.items())
        lines.append(f" {json.dumps(cell)}: {{\n{inside}\n }}" if leaves else f" {json.dumps(cell)}: {{}}")
    file.parent.mkdir(exist_ok=True)
    write(file, "{\n" + ",\n".join(lines) + "\n}\n")


ASKS = {"scale", "current_scale"}


def settings(path: Path) -> list[str]:
    """The statements of a notebook that ask for the scale, the innermost ones, as they are written."""

    def asks(node: ast.AST) -> bool:
        return any(isinstance(part, ast.Name) and part.id in ASKS for part in ast.walk(node))

    found = []
    for cell in notebooks.load(path).cells:
        for node in ast.walk(ast.parse(cell.source)) if cell.cell_type == "code" else ():
            within = (part for part in ast.walk(node) if part is not node and isinstance(part, ast.stmt))
            if isinstance(node, ast.stmt) and asks(node) and not any(map(asks, within)):
                found.append(" ".join((ast.get_source_segment(cell.source, node) or "").split()))
    return found


def store_settings(paths: list[Path]) -> None:
    """Write the settings of some notebooks, beside those of the others that are still there."""
    with alone():
        known = notebooks.read_json(notebooks.SETTINGS) or {}
        every = notebooks.all_notebooks()
        known = {path.stem: settings(path) if path in paths else known.get(path.stem, []) for path in every}
        write(notebooks.SETTINGS, json.dumps(known, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    notebooks.add_choice(parser)
    parser.add_argument(
        "--settings", action="store_true", help="store the settings alone, which runs nothing"
    )
    parser.add_argument("--keep", action="store_true", help="what records have let go stays so")
    options = parser.parse_args()
    paths = notebooks.all_notebooks(options.notebook, options.lab)
    store_settings(paths)
    if options.settings:
        return
    timed = [path for path in paths if path.stem in TIMED]
    with tempfile.TemporaryDirectory() as place:
        folders = [Path(place, str(number)) for number in range(len(RUNS + MORE))]
        for number, (folder, variables) in enumerate(zip(folders, RUNS + MORE, strict=True)):
            chosen = paths if number < len(RUNS) else timed
            if chosen:
                (folder / "build").mkdir(parents=True)
                run(chosen, folder, variables)
        for path in paths:
            store(path, folders if path in timed else folders[: len(RUNS)], options.keep)
    write(notebooks.RECORDS / "VERSIONS", notebooks.main_versions() + "\n")


if __name__ == "__main__":
    main()
