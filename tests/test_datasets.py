"""What the data functions hand out when there is no real data, and for the reader's own text."""

import json

import numpy as np
import pytest

from utils import chorales, datasets, verse
from utils.fetch import DataError, Unavailable


def test_the_sample_is_asked_for_without_a_word(monkeypatch, capsys):
    monkeypatch.setenv("UNROLLED_DATA", "sample")
    monkeypatch.setattr(datasets, "fetch", lambda remote: pytest.fail("the network was asked"))
    text = datasets.shakespeare()
    assert capsys.readouterr().out == ""
    assert (text.source.kind, text.source.origin) == ("sample", "made in memory")
    assert (len(text.train), len(text.validation)) == (180_000, 20_000)
    assert text.train + text.validation == verse.sample_play().text
    assert text.source.sha256 == datasets.sha256(text.train + text.validation)
    assert text.best_loss == pytest.approx(verse.entropy_rate(), rel=0.05)


def test_the_fallback_is_one_line_that_says_why_and_what_to_do(monkeypatch, capsys):
    def nothing(remote):
        raise Unavailable("no connection to the host")

    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    monkeypatch.setattr(datasets, "fetch", nothing)
    assert datasets.shakespeare().source.kind == "sample"
    told = capsys.readouterr().out
    assert told.count("\n") == 1
    for part in ("cannot be had: no connection", "sample play", "set UNROLLED_DATA"):
        assert part in told


def test_a_damaged_file_is_no_reason_to_fall_back(monkeypatch, tmp_path):
    (tmp_path / "shakespeare.txt").write_text("First Citizen")
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"shakespeare.txt in UNROLLED_DATA is damaged"):
        datasets.shakespeare()


def test_own_text_is_cut_in_order(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("äbc\n" * 5000, encoding="utf-8")
    text = datasets.text_file(path)
    assert (len(text.train), len(text.validation)) == (18_000, 2_000)
    assert text.train + text.validation == "äbc\n" * 5000
    assert (text.source.kind, text.source.name, text.best_loss) == ("own", "mine.txt", None)


def test_own_text_without_the_mark_and_line_ends_of_windows(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_bytes(b"\xef\xbb\xbf" + b"abc\r\n" * 5000)
    text = datasets.text_file(path)
    assert text.train + text.validation == "abc\n" * 5000


def test_own_text_that_cannot_be_used(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file .*nothing.txt"):
        datasets.text_file(tmp_path / "nothing.txt")
    with pytest.raises(FileNotFoundError, match=r"is a folder; give the path of a text file"):
        datasets.text_file(tmp_path)
    (tmp_path / "latin.txt").write_bytes("é".encode("latin-1") * 20_000)
    with pytest.raises(ValueError, match=r"latin.txt is not UTF-8 \(byte 0\)"):
        datasets.text_file(tmp_path / "latin.txt")
    (tmp_path / "empty.txt").write_text("")
    with pytest.raises(ValueError, match=r"empty.txt has 0 characters"):
        datasets.text_file(tmp_path / "empty.txt")
    (tmp_path / "short.txt").write_text("short")
    with pytest.raises(ValueError, match="5 characters; 10,000 are needed"):
        datasets.text_file(tmp_path / "short.txt")


def test_sample_chorales_are_music_with_a_known_best_loss(monkeypatch):
    monkeypatch.setenv("UNROLLED_DATA", "sample")
    data = datasets.jsb_chorales()
    assert (len(data.train), len(data.valid), len(data.test)) == (100, 30, 30)
    assert data.source.kind == "sample"
    assert datasets.jsb_chorales().source == data.source
    for roll in (*data.train, *data.valid, *data.test):
        assert roll.shape[1] == 88
        assert roll.dtype == bool
        assert 32 <= len(roll) <= 64
        assert len(roll) % chorales.PHRASE == 0
        assert (roll.sum(axis=1) == 4).all()
    notes = np.concatenate(data.train).mean(axis=0).clip(1e-9, 1 - 1e-9)
    test = np.concatenate(data.test)
    alone = -np.log(np.where(test, notes, 1 - notes)).sum(axis=1).mean()
    assert 0 < data.best_loss < 0.75 * alone


def test_the_chances_of_a_chorale_are_those_it_was_drawn_with():
    made = [chorales.make_chorale(np.random.default_rng(seed)) for seed in range(400)]
    rolls = np.concatenate([chorale.roll for chorale in made])
    chances = np.concatenate([chorale.chances for chorale in made])
    assert not rolls[chances == 0].any()
    assert rolls[chances == 1].all()
    for low in np.arange(0.05, 0.95, 0.1):  # of the notes given a chance near p, a share near p sounds
        near = (chances > low) & (chances <= low + 0.1)
        spread = 4 * np.sqrt(0.25 / near.sum()) if near.any() else 1
        assert abs(rolls[near].mean() - chances[near].mean()) < spread if near.any() else True
    assert chances.sum(axis=1) == pytest.approx(4)


def test_a_folder_with_the_chorales_is_used(monkeypatch, tmp_path):
    parts = {"train": [[[60, 64], [21, 108]]], "valid": [[[]]], "test": [[[60]]]}
    path = tmp_path / "jsb.json"
    path.write_text(json.dumps(parts))
    monkeypatch.setattr(datasets, "fetch", lambda remote: (path, "UNROLLED_DATA"))
    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    data = datasets.jsb_chorales()
    assert [np.flatnonzero(step).tolist() for step in data.train[0]] == [[39, 43], [0, 87]]
    assert data.valid[0].sum() == 0
    assert (data.source.kind, data.best_loss) == ("real", None)
