"""DailyDialog and what stands in for it: reading, repeats, faults; and what is known of the sample."""

import hashlib
import io
import zipfile

import numpy as np
import pytest

from utils import datasets
from utils.datasets import common, dialogues
from utils.fetch import DataError, Unavailable
from utils.samples import dialogues as made

LONG = "one two three four five six seven eight nine ten"


def text(*lines):
    return "".join(" __eou__ ".join([*turns, ""]) + "\n" for turns in lines).encode()


@pytest.fixture
def small(monkeypatch):
    """Three small files with the right hashes."""
    files = {
        "train": text(
            ("Hi !", "Hello ."), ("hi", "hello"), ("So what ?", LONG + " eleven"), ("Only", "here")
        ),
        "validation": text(("Is it ?", "It is .", "Oh")),
        "test": text(("Well , One TWO , three four five six", "seven eight nine - ten .")),
    }
    hashes = {part: hashlib.sha256(content).hexdigest() for part, content in files.items()}
    monkeypatch.setattr(dialogues, "HASHES", hashes)
    return files


def put(folder, files):
    (folder / "dailydialog").mkdir()
    for part, content in files.items():
        (folder / "dailydialog" / f"dialogues_{part}.txt").write_bytes(content)


def pack(files, *, nested=True):
    def zipped(entries):
        into = io.BytesIO()
        with zipfile.ZipFile(into, "w") as archive:
            for name, content in entries.items():
                archive.writestr(name, content)
        return into.getvalue()

    texts = {part: {f"{part}/dialogues_{part}.txt": content} for part, content in files.items()}
    if nested:
        inner = {f"ijcnlp_dailydialog/{part}.zip": zipped(entry) for part, entry in texts.items()}
        return zipped({"ijcnlp_dailydialog/readme.txt": b"read me", **inner})
    return zipped({name: content for entry in texts.values() for name, content in entry.items()})


def test_parts_in_a_folder_are_read_without_their_repeats(small, tmp_path, monkeypatch):
    put(tmp_path, small)
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    data = datasets.dailydialog()
    assert (data.source.name, data.source.kind, data.source.origin) == (
        "DailyDialog",
        "real",
        "UNROLLED_DATA",
    )
    assert data.train == (("Hi !", "Hello ."), ("Only", "here"))
    assert data.validation == (("Is it ?", "It is .", "Oh"),)
    assert data.test == (("Well , One TWO , three four five six", "seven eight nine - ten ."),)
    assert data.removed["train, the same again"] == data.removed["train, like one that is scored"] == 1
    assert sum(data.removed.values()) == 2
    every = datasets.dailydialog(repeats=True)
    assert ([len(every.train), len(every.validation), len(every.test)], every.removed) == ([4, 1, 1], {})


@pytest.mark.parametrize("nested", [True, False])
def test_the_archive_is_told_by_the_texts_in_it(nested, small, tmp_path, monkeypatch):
    (tmp_path / "dailydialog").mkdir()
    path = tmp_path / "dailydialog" / "ijcnlp_dailydialog.zip"
    path.write_bytes(pack(small, nested=nested))
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    assert len(datasets.dailydialog().train) == 2
    for spoilt in (path.read_bytes()[:-30], pack(small | {"test": b"other"}), b"", b"PK\3\4 no archive"):
        path.write_bytes(spoilt)
        with pytest.raises(DataError, match=r"ijcnlp_dailydialog.zip in UNROLLED_DATA is damaged or another"):
            datasets.dailydialog()


def test_what_is_too_large_in_an_archive_is_not_opened(small, tmp_path, monkeypatch):
    monkeypatch.setattr(dialogues, "LARGEST", 10)
    (tmp_path / "a.zip").write_bytes(pack(small, nested=False))
    assert not dialogues.is_archive(tmp_path / "a.zip")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda path: path.write_bytes(b"Hello ."),
            r"dialogues_test.txt in UNROLLED_DATA is damaged or another",
        ),
        (lambda path: path.unlink(), r"dialogues_test.txt in UNROLLED_DATA cannot be .*all three parts"),
    ],
)
def test_a_part_that_is_damaged_or_missing_is_named(spoil, said, small, tmp_path, monkeypatch):
    put(tmp_path, small)
    spoil(tmp_path / "dailydialog" / "dialogues_test.txt")
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    with pytest.raises(DataError, match=said):
        datasets.dailydialog()


def test_without_a_file_the_sample_stands_in_and_a_line_says_so(monkeypatch, capsys):
    def nothing(remote):
        raise Unavailable("no connection to the host")

    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    monkeypatch.setattr(common, "fetch", nothing)
    data = datasets.dailydialog()
    told = capsys.readouterr().out
    assert told.count("\n") == 1
    assert told.startswith("DailyDialog cannot be had: no connection")
    assert "put dailydialog/ijcnlp_dailydialog.zip into a folder" in told
    monkeypatch.setenv("UNROLLED_DATA", "sample")
    assert datasets.dailydialog() == data
    assert capsys.readouterr().out == ""
    assert [len(part) for part in (data.train, data.validation, data.test)] == [1200, 200, 200]
    assert data.source.kind == "sample"


def test_repeats_are_told_by_letters_and_copies_by_runs_of_words():
    parts = {
        "train": [("a b c d",), ("A, b c!", "d"), ("x y z",), ("z", "b c", "d e")],
        "validation": [("b c d e f",), ("b c q",)],
        "test": [("d e f g",)],
    }
    kept, removed = dialogues.without_repeats(parts, 3)
    assert kept["train"] == (("a b c d",), ("x y z",), ("z", "b c", "d e"))
    assert (kept["validation"], kept["test"]) == ((("b c q",),), (("d e f g",),))
    assert dialogues.without_repeats(parts | {"train": [("o b c", "q p")]}, 3)[0]["train"] == ()
    assert removed["train, the same again"] == 1
    assert removed["validation, like one that is scored"] == 1
    assert dialogues.runs(("It's a", "dog."), 3) == {"its a dog"}


# ---- the sample


def test_the_grammars_chances_add_up_and_its_draws_follow_them():
    every = made.everything()
    assert sum(every.values()) == pytest.approx(1)
    drawn = made.make_dialogues(1, 20_000)
    assert set(drawn) <= set(every)
    share = np.mean([turns[3] == "So do I ." for turns in drawn])
    assert share == pytest.approx(0.5, abs=0.02)
    assert np.mean([len(turns) == 8 for turns in drawn]) == pytest.approx(0.4, abs=0.02)
    assert made.make_dialogues(1, 5) == drawn[:5]


@pytest.mark.parametrize("memory", [0, 1, 2, 3, 4, None])
def test_after_whatever_was_heard_the_chances_add_up(memory):
    for after in made.chances(memory).values():
        assert sum(after.values()) == pytest.approx(1)


def test_who_has_heard_more_is_never_worse_and_the_name_needs_the_first_turn():
    drawn = made.make_dialogues(2, 3000)
    losses = [made.best_loss(drawn, memory) for memory in (0, 1, 2, 4, None)]
    assert losses == sorted(losses, reverse=True)
    assert np.exp(losses[1]) > 1.05 * np.exp(losses[-1])
    turns = made.write("Hi", "Zoe", "tea", "So do I .", "wet", "name", "See you")
    last, every = (made.best_nats([turns], memory)[0] for memory in (1, None))
    answer = turns.index("You are Zoe .") - 1
    assert last[answer] == pytest.approx(np.log(6))  # six names, and nothing tells which
    assert every[answer] == pytest.approx(0)
    assert last[-1] == pytest.approx(np.log(6))
    assert every[0] == last[0] == pytest.approx(0)  # the opening turn tells what answers it


def test_the_best_loss_counts_the_end_of_a_turn_as_a_word():
    drawn = made.make_dialogues(3, 20)
    words = sum(len([*turn.split(), "END"]) for turns in drawn for turn in turns[1:])
    assert made.best_loss(drawn, None) * words == pytest.approx(sum(map(sum, made.best_nats(drawn, None))))


def test_what_the_grammar_costs_is_what_its_frequencies_say():
    """A count of many dialogues, in place of the formula."""
    drawn = made.make_dialogues(3, 40_000)
    asked = [k for turns in drawn for k in [turns[-4]]]
    share = np.mean([turn == "Do you know who I am ?" for turn in asked])
    assert share == pytest.approx(0.5, abs=0.01)
    costs = made.best_nats(drawn[:2000], None)
    by_hand = []  # the thing, the reply, the talk or the question, the question, the ending
    for turns in drawn[:2000]:
        chance = made.REPLIES[turns[3]] / 6 / 2 / 2
        chance *= 0.4 if len(turns) == 8 else 0.2
        by_hand.append(-np.log(chance))
    assert [sum(cost) for cost in costs] == pytest.approx(by_hand)
