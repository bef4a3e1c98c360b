"""Lesson 06 with own texts, and its lab with other settings: they run to the end, or say at the top why not.

The tests marked `slow` run whole notebooks; `make settings` does, `make test` does not.
"""

import re

import numpy as np
import pytest

from tools import notebooks
from utils import characters
from utils.datasets import shakespeare, text_file
from utils.results import ResultCard
from utils.scales import scale

LESSON = notebooks.NOTEBOOKS / "06_char_rnn_shakespeare.ipynb"
LAB = notebooks.NOTEBOOKS / "labs" / "06_against_others.ipynb"


def prose(letters, size=60_000, paragraph=6, stop=". "):
    """Sentences over some letters in lines, a blank line after each paragraph; none if `paragraph` is 0."""
    rng, lines = np.random.default_rng(0), []
    vocabulary = ["".join(rng.choice(letters, rng.integers(1, 9))) for _ in range(400)]
    while sum(map(len, lines)) < size:
        line = " ".join(rng.choice(vocabulary, 11)) + stop
        lines.append(line + ("\n" if paragraph and len(lines) % paragraph == 0 else ""))
    return "\n".join(lines)[:size]


LATIN = list("etaoinshrdlucmfw")
GOOD = {
    "paragraphs": prose(LATIN),
    "no blank line": prose(LATIN, paragraph=0),
    "capitals": prose([letter.upper() for letter in LATIN]),
    "Cyrillic": prose(list("оеаинтсрвлкмдпуяы")),
    "2,500 symbols": prose([chr(0x4E00 + i) for i in range(2500)], stop="。"),
    "DNA": "".join(np.random.default_rng(0).choice(list("ACGT"), 60_000)),
    "one line": prose(LATIN).replace("\n", " "),
    "no space": prose(LATIN).replace(" ", "\n"),
    "short": prose(LATIN, 10_000),
    "mark and line ends of Windows": "\ufeff" + prose(LATIN).replace("\n", "\r\n"),
}
BAD = {
    "too short": (prose(LATIN, 9_999).encode(), "has 9,999 characters; 10,000 are needed"),
    "one character": (b"a" * 60_000, "one character only, 'a'"),
    "UTF-16": (prose(LATIN).encode("utf-16-le"), "has NUL characters, the first at 1"),
    "a NUL": (prose(LATIN).replace(". ", ".\0").encode(), "has NUL characters"),
    "not UTF-8": ("é".encode("latin-1") * 60_000, "is not UTF-8"),
}
FEW = {"READ": 20_000, "UNITS": 17, "EPOCHS": 2, "STREAMS": 8, "CHUNK": 50}
MANY = {"READ": 90_000, "UNITS": 48, "EPOCHS": 3, "STREAMS": 50, "CHUNK": 16}
SETTINGS = [  # of the lab; those of the lesson are among all lessons'
    {"BLOCKS": 2, "LENGTH": 100, "LONGEST": 3} | FEW,
    {"BLOCKS": 6, "LENGTH": 999, "LONGEST": 9} | MANY,
]


def changed(path, **settings):
    """A notebook with other values in its cell `parameters`."""
    notebook = notebooks.load(path)
    cell = notebooks.find(notebook, "parameters")
    for name, value in settings.items():
        line = f"{name} = {value!r}"
        cell.source, count = re.subn(rf"(?m)^{name} = .*$", lambda match, line=line: line, cell.source)
        assert count == 1, f"{path.stem} has no parameter {name}"
    return notebook


def checks_at_the_top(**settings):
    """Parameters and first cell of the lesson, which refuses what the rest could not do."""
    names = {"characters": characters, "scale": scale, "shakespeare": shakespeare, "text_file": text_file}
    notebook = changed(LESSON, **settings)
    for cell in ("parameters", "load"):
        exec(notebooks.find(notebook, cell).source, names | {"ResultCard": ResultCard}, names)
    return names


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setenv("UNROLLED_SCALE", "quick")
    monkeypatch.setenv("UNROLLED_DATA", "sample")


@pytest.mark.parametrize("kind", GOOD)
def test_a_text_is_taken(kind, tmp_path):
    file = tmp_path / "own.txt"
    file.write_bytes(GOOD[kind].encode())
    names = checks_at_the_top(TEXT=str(file))
    assert len(names["train_text"]) > names["STREAMS"] * names["CHUNK"]
    assert len(names["validation_text"]) > 256
    assert "\r" not in names["train_text"]


@pytest.mark.parametrize("kind", BAD)
def test_a_text_is_refused_with_the_reason(kind, tmp_path):
    content, message = BAD[kind]
    file = tmp_path / "own.txt"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=f"own.txt .*{message}"):
        checks_at_the_top(TEXT=str(file))


def test_how_much_text_is_needed_depends_on_what_is_read_side_by_side(tmp_path):
    file = tmp_path / "own.txt"
    file.write_text(prose(LATIN, 18_205), encoding="utf-8")
    checks_at_the_top(TEXT=str(file), STREAMS=64, CHUNK=255)
    with pytest.raises(
        ValueError, match=r"has 18,205 characters; 18,206 are needed \(a tenth of them to check"
    ):
        checks_at_the_top(TEXT=str(file), STREAMS=64, CHUNK=256)
    with pytest.raises(ValueError, match="READ is 18,205; 64 streams of 256 characters need 18,206 at least"):
        checks_at_the_top(READ=18_205, STREAMS=64, CHUNK=256)


def test_the_lab_has_the_network_of_the_lesson():
    same = (
        r"(?ms)^def build\(.*?^    return .*?$",
        r"(?m)^(?:READ|UNITS|EPOCHS|STREAMS|CHUNK) = .*?(?=  #|$)",
        r"(?ms)^SETTINGS = .*?^\)",
    )
    lesson, lab = ("\n".join(cell.source for cell in notebooks.load(path).cells) for path in (LESSON, LAB))
    for pattern in same:
        assert re.findall(pattern, lesson) == re.findall(pattern, lab) != []


@pytest.mark.slow
@pytest.mark.parametrize("kind", GOOD)
def test_the_lesson_runs_to_its_end_on(kind, tmp_path):
    file = tmp_path / "own.txt"
    file.write_bytes(GOOD[kind].encode())
    notebooks.execute(changed(LESSON, TEXT=str(file)), folder=LESSON.parent, scale="quick", build=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("settings", SETTINGS)
def test_the_lab_runs_to_its_end_with_other_settings(settings, tmp_path):
    notebooks.execute(changed(LAB, **settings), folder=LAB.parent, scale="quick", build=tmp_path)
