"""What the data functions hand out when there is no real data, and for the reader's own text."""

import pytest

from utils import datasets, verse
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
