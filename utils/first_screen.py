"""The first screen of a lesson: what its last stored run showed, before anything is computed."""

import json
from pathlib import Path

from IPython.display import display

STORED = Path(__file__).resolve().parents[1] / "notebooks" / "results"


def promise(stem: str) -> None:
    """Show what the lesson will have made further down, as the last stored run made it.

    Args:
        stem: the lesson's file name without the ending, e.g. "03_lstm". Its file
            `notebooks/results/<stem>.first.json` is a list of `{"data": ..., "metadata": ...}`, each a
            bundle of MIME types and contents; `make refresh` writes it. What was printed is of the
            type `text/plain` alone.

    If there is no such file, or it is damaged, one line says so.
    """
    path = STORED / f"{stem}.first.json"
    try:
        bundles = [(bundle["data"], bundle["metadata"]) for bundle in json.loads(path.read_text("utf-8"))]
    except FileNotFoundError:
        print("No run has been stored yet: the result shows once the cells below have run.")
        return
    except (ValueError, KeyError, TypeError):
        print(f"{path.name} is damaged; `make refresh` writes it anew. The result shows further down.")
        return
    for data, metadata in bundles:
        if list(data) == ["text/plain"]:
            print(data["text/plain"])
        else:
            display(data, metadata=metadata, raw=True)
