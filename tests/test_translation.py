"""Multi30k and the sample sentences that stand in for it."""

import gzip
import hashlib
import http.server
import threading

import pytest

from utils import fetch
from utils.datasets import common, multi30k, translation
from utils.fetch import DataError, Unavailable
from utils.samples import sentences

PARTS = ("train", "val", "test_2016_flickr")
TEXTS = {f"{part}.{side}": f" Ein Satz, {part}.\nGrün. \n" for part in PARTS for side in ("de", "fr", "en")}


@pytest.fixture
def small(monkeypatch):
    """Remotes as the real ones, of files with two lines."""
    packed = {name: gzip.compress(text.encode(), mtime=0) for name, text in TEXTS.items()}
    remotes = {
        name: fetch.Remote(
            remote.name, f"https://host.example/{name}", hashlib.sha256(packed[name]).hexdigest()
        )
        for name, remote in translation.MULTI30K.items()
    }
    monkeypatch.setattr(translation, "MULTI30K", remotes)
    return packed


def put(folder, packed):
    (folder / "multi30k").mkdir()
    for name, content in packed.items():
        (folder / "multi30k" / f"{name}.gz").write_bytes(content)


def test_the_sample_has_one_right_answer_each_and_parts_that_share_nothing(monkeypatch, capsys):
    monkeypatch.setenv("UNROLLED_DATA", "sample")
    monkeypatch.setattr(common, "fetch", lambda remote: pytest.fail("the network was asked"))
    for language in ("de", "fr"):
        data = multi30k(language)
        assert (data.language, data.source.kind) == (language, "sample")
        parts = (data.train, data.validation, data.test)
        assert (
            [len(part.source) for part in parts] == [len(part.target) for part in parts] == [3000, 200, 200]
        )
        assert len({text for part in parts for text in part.source}) == 3400
        assert multi30k(language) == data
        answers = {}
        for part in parts:
            for text, right in zip(part.source, part.target, strict=True):
                assert answers.setdefault(text, right) == right
    assert capsys.readouterr().out == ""


def test_the_two_grammars_and_english():
    scene = sentences.Scene(who=0, how=1, did=2, whom=1, like=3, where=0, when=1)
    assert sentences.german(scene) == "heute hat der müde Hund am Strand den höflichen Koch verfolgt"
    assert sentences.french(scene) == "aujourd'hui, le chien fatigué a suivi le cuisinier poli sur la plage"
    assert sentences.english(scene) == "the tired dog followed the polite cook on the beach today"
    other = scene._replace(who=2, whom=4, like=2)
    assert sentences.german(other) == "heute hat die müde Frau am Strand das nasse Baby verfolgt"
    assert sentences.french(other).startswith("aujourd'hui, la femme fatiguée a suivi le bébé mouillé")
    third = scene._replace(who=3, whom=0)
    assert sentences.german(third) == "heute hat die müde Maus am Strand den höflichen Hund verfolgt"
    assert sentences.german(third._replace(who=0, whom=3)).endswith("die höfliche Maus verfolgt")
    assert sentences.written([scene, other], "en") == (
        "The tired dog followed the polite cook on the beach today and "
        "the tired woman followed the wet baby on the beach today."
    )
    with pytest.raises(ValueError, match=r"no grammar of 'nl'; the languages are en, de, fr"):
        sentences.written([scene], "nl")


def test_german_and_french_tell_the_same_scenes():
    for language in ("de", "fr"):
        assert [right for _, right in sentences.make_pairs(language, 50)] == [
            right for _, right in sentences.make_pairs("de", 50)
        ]


@pytest.mark.parametrize("language", ["de", "fr"])
def test_files_in_a_folder(language, small, monkeypatch, tmp_path):
    put(tmp_path, small)
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    data = multi30k(language)
    assert data.test.source == data.test.target == ("Ein Satz, test_2016_flickr.", "Grün.")
    assert data.train.source[0] == "Ein Satz, train."
    assert (data.source.kind, data.source.origin) == ("real", "UNROLLED_DATA")


def test_another_language_is_refused_before_anything_is_asked(monkeypatch):
    monkeypatch.setattr(common, "fetch", lambda remote: pytest.fail("the network was asked"))
    with pytest.raises(ValueError, match=r"language is 'nl'; it must be one of de, fr"):
        multi30k("nl")


def test_a_damaged_file_is_refused(small, monkeypatch, tmp_path):
    put(tmp_path, small | {"val.en": small["val.en"][:-3]})
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"multi30k/val.en.gz in UNROLLED_DATA is damaged"):
        multi30k()


@pytest.mark.parametrize("lacking", ["train.de", "test_2016_flickr.en"])
def test_without_one_of_the_files_the_sample_stands_in_and_a_line_says_so(
    lacking, small, monkeypatch, capsys
):
    def some(remote):
        if lacking in remote.name:
            raise Unavailable("host.example answers 404 Not Found")
        return None, "cache"

    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    monkeypatch.setattr(common, "fetch", some)
    assert multi30k().source.kind == "sample"
    told = capsys.readouterr().out
    assert told.count("\n") == 1
    assert "Multi30k cannot be had: host.example answers 404" in told
    assert f"multi30k/{lacking}.gz" in told


class Server(http.server.BaseHTTPRequestHandler):
    """Sends what `files` has under each name; a status where that is a number."""

    files: dict = {}  # noqa: RUF012

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        content = self.files[self.path.strip("/")]
        self.send_response(content if isinstance(content, int) else 200)
        self.send_header("Content-Type", "application/octet-stream")
        body = b"" if isinstance(content, int) else content
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.mark.parametrize("fault", [None, 404, b"another file"])
def test_from_a_server_with_faults(fault, small, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(Server, "files", small if fault is None else small | {"val.de": fault})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    near = {
        name: fetch.Remote(remote.name, f"http://127.0.0.1:{server.server_port}/{name}", remote.sha256)
        for name, remote in translation.MULTI30K.items()
    }
    monkeypatch.setattr(translation, "MULTI30K", near)
    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "*")
    data = multi30k()
    server.shutdown()
    if fault is None:
        assert data.validation.source == ("Ein Satz, val.", "Grün.")
        assert data.source.origin == "download"
        assert multi30k().source.origin == "cache"  # the server is gone
    else:
        assert data.source.kind == "sample"
        assert ("answers 404" if fault == 404 else "wrong hash") in capsys.readouterr().out
        assert not list(tmp_path.rglob("val.de*"))
