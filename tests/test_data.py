"""`make data`: what it lists, and what it does when a transfer breaks off: a local server with faults."""

import hashlib
import http.server
import threading

import pytest

from tools import data, data_sets, notebooks
from utils import fetch
from utils.fetch import Remote, Unavailable

GOOD = b"To be, or not to be: " * 20_000
SHA = hashlib.sha256(GOOD).hexdigest()
BREAK = 100_000  # bytes after which a transfer breaks off


class Server(http.server.BaseHTTPRequestHandler):
    """Answers each path in its own way, and keeps what ranges were asked for."""

    asked: list[str]

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        said = self.headers.get("Range", "")
        self.server.asked.append(said)
        fault = self.path.strip("/")
        body = GOOD[::-1] if fault == "wrong" else GOOD
        start = int(said.removeprefix("bytes=").removesuffix("-")) if said and fault != "no-ranges" else 0
        if start >= len(body):
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        self.wfile.write(body[start : BREAK if fault == "cut-off" else None])


@pytest.fixture(scope="module")
def server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.daemon_threads, server.asked = True, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@pytest.fixture(autouse=True)
def _own_places(tmp_path, monkeypatch):
    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def remote(server):
    server.asked.clear()
    return lambda fault="good": Remote("a/play.txt", f"http://127.0.0.1:{server.server_port}/{fault}", SHA)


def test_a_file_is_fetched_once(remote, tmp_path):
    assert data.get(remote(), tmp_path) == "fetched"
    assert (tmp_path / "a" / "play.txt").read_bytes() == GOOD
    assert data.get(remote("wrong"), tmp_path) == "is there"


def test_after_a_break_it_goes_on_where_it_ended(remote, server, tmp_path):
    with pytest.raises(Unavailable, match="broke off"):
        data.get(remote("cut-off"), tmp_path)
    part = tmp_path / "a" / "play.txt.part"
    arrived = part.stat().st_size
    assert 0 < arrived <= BREAK
    assert not (tmp_path / "a" / "play.txt").exists()
    assert data.get(remote(), tmp_path) == "fetched, the rest of it"
    assert server.asked == ["", f"bytes={arrived}-"]
    assert (tmp_path / "a" / "play.txt").read_bytes() == GOOD
    assert not part.exists()


@pytest.mark.parametrize("begun", [GOOD[:BREAK], GOOD])
@pytest.mark.parametrize("fault", ["good", "no-ranges"])
def test_what_was_begun_is_finished(begun, fault, remote, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "play.txt.part").write_bytes(begun)
    data.get(remote(fault), tmp_path)
    assert (tmp_path / "a" / "play.txt").read_bytes() == GOOD


@pytest.mark.parametrize(("begun", "fault"), [(b"", "wrong"), (b"x" * BREAK, "good"), (GOOD + b"x", "good")])
def test_what_is_wrong_takes_no_place(begun, fault, remote, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "play.txt.part").write_bytes(begun)
    with pytest.raises(Unavailable, match="not the expected file"):
        data.get(remote(fault), tmp_path)
    assert list((tmp_path / "a").iterdir()) == []


def test_a_folder_for_a_class_is_filled_from_the_cache(remote, server, tmp_path):
    fetch.fetch(remote())
    server.asked.clear()
    assert data.get(remote(), tmp_path / "class") == "copied from the cache"
    assert server.asked == []
    assert [path.name for path in (tmp_path / "class").rglob("*.*")] == ["play.txt"]


def test_fetching_by_name_says_what_it_did(remote, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        data, "files_of", lambda wanted: [remote("good" if wanted.name == "imdb" else "wrong")]
    )
    assert data.get_all(["imdb"], tmp_path)
    assert "a/play.txt: fetched\n" in capsys.readouterr().out
    assert not data.get_all(["multi30k"], tmp_path / "b")
    assert "a/play.txt: NOT fetched: what 127.0.0.1 sent is not the expected file" in capsys.readouterr().out


def test_names_that_cannot_be_fetched(tmp_path, capsys):
    assert not data.get_all(["corel5k"], tmp_path)
    assert "Corel-5K: no address offers it any more" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="no data set 'nothing'"):
        data.get_all(["nothing"], tmp_path)


def test_every_official_file_belongs_to_one_data_set():
    """A new data set needs a row in data/README.md."""
    sets = data_sets.data_sets()
    for remote in data.remotes():
        assert [one.name for one in sets if remote.name in one.files], (
            f"{remote.name}: data/README.md has no row"
        )
    assert all(one.size > 0 and one.licence for one in sets)


def test_sizes_are_added_up():
    text = (
        "| data set | function | file in `UNROLLED_DATA` | bytes | sha256 | origin | licence |\n|---|---|\n"
        "| One | `one()` | `one.txt` and `two.txt` | 1,000 and 20 | `a` | there | free; or not |\n"
        "| | | `three.txt` | 300 | `b` | the same | |\n"
        "| weights of Net | `load()` of it | `net/a.h5` | 5 or headed 6 | `c` | there | free |\n\n| other |\n"
    )
    one, net = data_sets.data_sets(text)
    assert (one.name, one.title, one.size, one.licence) == ("one", "One", 1320, "free; or not")
    assert "three.txt" in one.files
    assert one.parts == (1000, 20, 300)
    assert (net.name, net.size) == ("net", 5)


def test_no_lesson_fetches_more_than_that_unasked():
    """At quick scale a file of 20 MB is fetched, a larger one is not; a lesson with its labs stays below."""
    needed = {one: data_sets.needed_by(one) for one in data_sets.data_sets()}
    for lesson in notebooks.lessons():
        read = [one for one, by in needed.items() if lesson.name[:2] in by]
        small = [part for one in read for part in one.parts if part <= fetch.UNASKED]
        assert sum(small) <= fetch.UNASKED, (
            f"{lesson.stem}: {sum(small):,} bytes, {[one.name for one in read]}"
        )


def test_the_list_names_all_and_who_needs_them():
    listed = data.listed()
    for one in data_sets.data_sets():
        assert one.name in listed
    lessons = [path.name[:2] for path in notebooks.lessons()]
    assert (
        data_sets.needed_by(next(one for one in data_sets.data_sets() if one.name == "imdb"))[:2] in lessons
    )


SIZES = [(1_115_394, "1.1 MB"), (84_125_825, "84 MB"), (1_117_760_547, "1,118 MB")]


@pytest.mark.parametrize(("size", "text"), SIZES)
def test_sizes_for_people(size, text):
    assert data_sets.megabytes(size) == text
