"""Where files come from, and what happens when they don't: a local server with faults."""

import hashlib
import http.server
import importlib
import os
import pkgutil
import re
import socket
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest
import requests

from utils import datasets, fetch
from utils.datasets import dialogues, films, sentences, sentiment
from utils.fetch import DataError, Remote, Unavailable

ROOT = Path(__file__).resolve().parents[1]
GOOD = b"To be, or not to be: " * 20_000
SHA = hashlib.sha256(GOOD).hexdigest()


class Faulty(http.server.BaseHTTPRequestHandler):
    """Answers each path in its own way."""

    def log_message(self, *arguments):
        pass

    def answer(self, body, *, length=None, kind="text/plain", status=200):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        fault = self.path.strip("/")
        try:
            if fault == "cut-off":
                self.answer(GOOD[:5000], length=len(GOOD))
            elif fault == "wrong":
                self.answer(GOOD[::-1])
            elif fault == "html":
                self.answer(b"<!doctype html><p>Please log in", kind="text/html; charset=utf-8")
            elif fault in ("404", "500"):
                self.answer(b"", status=int(fault))
            elif fault == "trickling-headers":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Trickle: ")
                for _ in range(100):
                    time.sleep(0.2)
                    self.wfile.write(b"a")
            elif fault == "hang":
                time.sleep(20)
            elif fault == "trickle":
                self.answer(GOOD[:1], length=len(GOOD))
                for _ in range(100):
                    time.sleep(0.2)
                    self.wfile.write(b"a")
                    self.wfile.flush()
            elif fault == "slow":
                self.answer(GOOD[:1], length=len(GOOD))
                for i in range(10):
                    time.sleep(0.1)
                    self.wfile.write(GOOD[1 + i * 42_000 : 1 + (i + 1) * 42_000])
            else:
                self.answer(GOOD)
        except OSError:  # the client has given up, as it should
            return


@pytest.fixture(scope="module")
def address():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Faulty)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(autouse=True)
def _own_places(tmp_path, monkeypatch):
    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_download_is_complete_in_the_cache_and_used_again(address, tmp_path, monkeypatch):
    path, origin = fetch.fetch(Remote("a/play.txt", f"{address}/good", SHA))
    assert (path.read_bytes(), origin) == (GOOD, "download")
    assert path == tmp_path / "cache" / "a" / "play.txt"
    again = fetch.fetch(Remote("a/play.txt", "http://127.0.0.1:9/refused", SHA))
    assert again == (path, "cache")
    assert files(tmp_path) == ["play.txt"]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("cut-off", "the transfer from 127.0.0.1 broke off"),
        ("wrong", "wrong hash"),
        ("html", "a web page instead of data"),
        ("404", "answers 404 Not Found"),
        ("500", "answers 500"),
        ("hang", "127.0.0.1 does not answer"),
        ("trickling-headers", "127.0.0.1 does not answer"),
        ("trickle", "all but stopped sending"),
    ],
)
def test_a_fault_is_told_in_one_line_and_leaves_nothing(fault, message, address, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "PATIENCE", 1.0)
    start = time.monotonic()
    with pytest.raises(Unavailable, match=message) as caught:
        fetch.fetch(Remote("play.txt", f"{address}/{fault}", SHA))
    assert "\n" not in str(caught.value)
    assert time.monotonic() - start < 5
    assert files(tmp_path) == []


def test_no_wait_is_over_fifteen_seconds():
    # For the answer, and again for the first block: together the longest time without a sign of life.
    assert 2 * fetch.PATIENCE < 15


def test_a_host_with_many_addresses_that_all_stay_silent(monkeypatch):
    """A firewall that drops packets to a large provider: libraries wait for each address in turn."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        place = server.getsockname()
        queued = [socket.socket() for _ in range(8)]  # fill the queue; further connections hang
        for each in queued:
            each.setblocking(False)
            each.connect_ex(place)
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place)] * 16
        monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: found)
        monkeypatch.setattr(fetch, "PATIENCE", 0.5)
        start = time.monotonic()
        with pytest.raises(Unavailable, match=r"silent\.invalid does not answer"):
            fetch.fetch(Remote("play.txt", "http://silent.invalid/play.txt", SHA))
        assert time.monotonic() - start < 3
        for each in queued:
            each.close()


def test_a_refused_connection(tmp_path):
    with pytest.raises(Unavailable, match=r"no connection to 127\.0\.0\.1 \(NewConnectionError"):
        fetch.fetch(Remote("play.txt", "http://127.0.0.1:9/refused", SHA))


def test_a_host_without_a_valid_certificate(address):
    secure = address.replace("http:", "https:")
    with pytest.raises(Unavailable, match=r"no connection to 127\.0\.0\.1 \(SSLError"):
        fetch.fetch(Remote("play.txt", f"{secure}/good", SHA))


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("REQUESTS_CA_BUNDLE", "/no/such.pem", r"network settings .* bundle, invalid path: /no/such.pem\)"),
        ("CURL_CA_BUNDLE", "/no/such.pem", r"network settings .* bundle, invalid path: /no/such.pem\)"),
        ("https_proxy", "http://[::1", r"network settings .*'\[::1' is not a valid host"),
        ("https_proxy", "http://", r"network settings .*Please check proxy URL"),
        (
            "https_proxy",
            "http://127.0.0.1:9",
            r"no connection to 127.0.0.2 \(ProxyError; the proxy in HTTPS_PROXY",
        ),
        ("https_proxy", "ftp://127.0.0.1:9", r"network settings .* unsupported scheme ftp"),
    ],
)
def test_settings_that_are_of_no_use_are_told_from_a_missing_network(
    variable, value, message, monkeypatch, tmp_path
):
    monkeypatch.setenv(variable, value)
    with pytest.raises(Unavailable, match=message) as caught:
        fetch.fetch(Remote("play.txt", "https://127.0.0.2:9/play.txt", SHA))
    assert "\n" not in str(caught.value)
    assert "login page" not in str(caught.value)
    assert "UNROLLED_CACHE" not in str(caught.value)
    assert files(tmp_path) == []


def test_a_socks_proxy_without_its_package_is_a_setting(monkeypatch):
    def refuse(*arguments, **options):
        raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")

    monkeypatch.setattr(requests, "get", refuse)
    with pytest.raises(Unavailable, match=r"network settings .* \(Missing dependencies for SOCKS support\)"):
        fetch.fetch(Remote("play.txt", "https://127.0.0.2:9/play.txt", SHA))


@pytest.mark.parametrize(
    "error", [ValueError("senseless"), PermissionError(13, "Permission denied", "netrc")]
)
def test_no_other_error_of_the_transfer_is_the_caches_or_the_files(error, monkeypatch):
    def refuse(*arguments, **options):
        raise error

    monkeypatch.setattr(requests, "get", refuse)
    with pytest.raises(Unavailable, match=r"network settings of this machine are of no use \("):
        fetch.fetch(Remote("play.txt", "https://127.0.0.2:9/play.txt", SHA))


def test_a_bundle_of_certificates_that_is_rubbish(address, monkeypatch, tmp_path):
    (tmp_path / "bundle.pem").write_text("rubbish")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "bundle.pem"))
    with pytest.raises(
        Unavailable, match=r"SSLError; a login page, a wrong clock, or the certificates in REQ"
    ):
        fetch.fetch(Remote("play.txt", address.replace("http:", "https:") + "/good", SHA))


def test_a_name_that_is_not_found(monkeypatch):
    def unknown(*arguments, **options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Unavailable, match=r"no connection to nowhere.invalid \(NameResolutionError"):
        fetch.fetch(Remote("play.txt", "https://nowhere.invalid/play.txt", SHA))


def test_a_look_up_that_hangs(monkeypatch):
    monkeypatch.setattr(fetch, "PATIENCE", 0.3)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: time.sleep(2) or [])
    start = time.monotonic()
    with pytest.raises(Unavailable, match=r"slow.invalid does not answer"):
        fetch.fetch(Remote("play.txt", "https://slow.invalid/play.txt", SHA))
    assert time.monotonic() - start < 1.5


def test_a_proxy_finds_the_host_where_the_machine_itself_cannot(address, monkeypatch):
    monkeypatch.setenv("http_proxy", address)
    found = fetch.fetch(Remote("play.txt", "http://nowhere.invalid/play.txt", SHA))
    assert found[1] == "download"


def test_a_download_writes_nothing_where_nobody_watches(address):
    """Stored notebooks hold no stderr. A new process, because pooch keeps the stderr it was imported with."""
    program = f"from utils.fetch import *; fetch(Remote('play.txt', '{address}/good', '{SHA}'))"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert (ran.stdout, ran.stderr) == ("", "")


def test_a_damaged_file_in_the_cache_is_fetched_again(address, tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "play.txt").write_bytes(GOOD[:100])
    path, origin = fetch.fetch(Remote("play.txt", f"{address}/good", SHA))
    assert (path.read_bytes(), origin) == (GOOD, "download")


def test_a_cache_that_cannot_be_written(address, tmp_path, monkeypatch):
    # A folder below a plain file cannot be made by anybody, not even by root.
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(Unavailable, match=r"cannot be used .*set UNROLLED_CACHE"):
        fetch.fetch(Remote("play.txt", f"{address}/good", SHA))


def test_a_full_disk(address, tmp_path):
    """In a process that may write no more than 8 kB to a file; the write then fails like on a full disk."""
    program = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192));"
        "from utils.fetch import *;"
        f"fetch(Remote('play.txt', '{address}/good', '{SHA}'))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert re.search(
        r"Unavailable: the cache .* cannot be used \(File too large\); set UNROLLED_CACHE", ran.stderr
    )
    assert files(tmp_path) == []


def test_a_filled_cache_is_used_where_nothing_can_be_written(tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "play.txt").write_bytes(GOOD)
    remote = f"Remote('play.txt', 'http://127.0.0.1:9/refused', '{SHA}')"
    program = (
        "from utils.fetch import *; import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); print(fetch({remote})[1])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (ran.stdout, ran.stderr) == ("cache\n", "")


def test_two_processes_at_once(address, tmp_path):
    remote = f"Remote('play.txt', '{address}/slow', '{SHA}')"
    program = f"from utils.fetch import *; print(fetch({remote})[0].stat().st_size)"
    both = [
        subprocess.Popen(
            [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=60)[0] for process in both]
    assert [output.split()[-1] for output in outputs] == [str(len(GOOD))] * 2
    assert [process.returncode for process in both] == [0, 0]
    assert files(tmp_path) == ["play.txt"]


def test_the_data_folder_comes_first(tmp_path, monkeypatch):
    (tmp_path / "play.txt").write_bytes(GOOD)
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    found = fetch.fetch(Remote("play.txt", "http://127.0.0.1:9/refused", SHA))
    assert found == (tmp_path / "play.txt", "UNROLLED_DATA")


def test_a_damaged_file_in_the_data_folder_is_an_error_that_says_what_to_do(tmp_path, monkeypatch):
    (tmp_path / "play.txt").write_bytes(GOOD[:-1])
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    expected = rf"play.txt in UNROLLED_DATA is damaged.*expected sha256:{SHA}.*Replace it"
    with pytest.raises(DataError, match=expected):
        fetch.fetch(Remote("play.txt", "http://127.0.0.1:9/refused", SHA))


def test_a_prepared_file_is_accepted_by_its_content(tmp_path, monkeypatch):
    (tmp_path / "play.txt").write_bytes(b"prepared " + GOOD)
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    accepts = Remote(
        "play.txt", "https://nowhere.invalid/", SHA, lambda path: path.read_bytes().startswith(b"prep")
    )
    assert fetch.fetch(accepts)[1] == "UNROLLED_DATA"
    refuses = Remote("play.txt", "https://nowhere.invalid/", SHA, lambda path: False)
    with pytest.raises(DataError):
        fetch.fetch(refuses)
    breaks = Remote("play.txt", "https://nowhere.invalid/", SHA, lambda path: bool(zipfile.ZipFile(path)))
    with pytest.raises(DataError, match="is damaged"):
        fetch.fetch(breaks)


@pytest.mark.parametrize(("scale", "small"), [("quick", False), ("cpu", True), ("", True)])
def test_large_files_are_not_fetched_unasked_at_quick_scale(scale, small, address, tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_SCALE", scale)
    monkeypatch.setattr(fetch, "UNASKED", len(GOOD) - 1)
    if small:
        assert fetch.fetch(Remote("play.txt", f"{address}/good", SHA))[1] == "download"
    else:
        with pytest.raises(
            Unavailable, match=r"good has 0 MB, and quick scale fetches 0 at most \(`make data`"
        ):
            fetch.fetch(Remote("play.txt", f"{address}/good", SHA))
        assert files(tmp_path) == []
    monkeypatch.setattr(fetch, "UNASKED", len(GOOD))
    monkeypatch.setenv("UNROLLED_SCALE", "quick")
    assert fetch.fetch(Remote("play.txt", f"{address}/good", SHA))[1] in ("cache", "download")


def test_a_data_folder_that_does_not_exist(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path / "nothing"))
    with pytest.raises(DataError, match=r"which is no folder\. Set it to"):
        fetch.fetch(Remote("play.txt", "http://127.0.0.1:9/refused", SHA))


def test_a_relative_data_folder_counts_from_the_project_too(tmp_path, monkeypatch):
    """`UNROLLED_DATA=../data make run`: the notebooks' kernels run one folder further down."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "play.txt").write_bytes(GOOD)
    (tmp_path / "project" / "notebooks").mkdir(parents=True)
    monkeypatch.setattr(fetch, "ROOT", tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project" / "notebooks")
    monkeypatch.setenv("UNROLLED_DATA", "../data")
    assert fetch.fetch(Remote("play.txt", "http://127.0.0.1:9/refused", SHA))[1] == "UNROLLED_DATA"


def test_a_data_folder_without_the_file_is_named_when_nothing_else_has_it(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    with pytest.raises(Unavailable, match=r"the UNROLLED_DATA folder has no play.txt, and no connection"):
        fetch.fetch(Remote("play.txt", "http://127.0.0.1:9/refused", SHA))


def test_a_data_folder_without_the_file_is_passed_over_in_silence(address, tmp_path, monkeypatch, capsys):
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path / "data"))
    assert fetch.fetch(Remote("play.txt", f"{address}/good", SHA))[1] == "download"
    assert capsys.readouterr().out == ""
    assert files(tmp_path / "data") == []


def test_a_folder_in_the_place_of_a_data_file(tmp_path, monkeypatch):
    (tmp_path / "play.txt").mkdir()
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"play.txt in UNROLLED_DATA cannot be read \(Is a directory\)"):
        fetch.fetch(Remote("play.txt", "http://127.0.0.1:9/refused", SHA))


def test_every_official_address_is_https_with_a_hash():
    names = [module.name for module in pkgutil.iter_modules(datasets.__path__, "utils.datasets.")]
    values = [value for name in names for value in vars(importlib.import_module(name)).values()]
    groups = [value if isinstance(value, tuple) else (value,) for value in values]
    remotes = [value for group in groups for value in group if isinstance(value, Remote)]
    assert remotes
    for remote in remotes:
        assert remote.url.startswith("https://")
        if remote.sha256 or remote.prepared is None:
            assert re.fullmatch("[0-9a-f]{64}|md5:[0-9a-f]{32}", remote.sha256)


def test_a_file_known_by_its_md5_is_checked_by_it(tmp_path, monkeypatch):
    known = "md5:" + hashlib.md5(GOOD).hexdigest()
    remote = Remote("play.txt", "http://127.0.0.1:9/refused", known)
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    (tmp_path / "play.txt").write_bytes(GOOD)
    assert fetch.fetch(remote) == (tmp_path / "play.txt", "UNROLLED_DATA")
    (tmp_path / "play.txt").write_bytes(GOOD[:-1])
    with pytest.raises(DataError, match=f"its hash is md5:[0-9a-f]{{32}}, expected {known}"):
        fetch.fetch(remote)


def test_a_file_told_by_its_content(address, tmp_path, monkeypatch):
    def remote(fault, wanted=GOOD):
        return Remote("play.txt", f"{address}/{fault}", "", lambda path: path.read_bytes() == wanted)

    with pytest.raises(Unavailable, match="not the expected file \\(other content\\)"):
        fetch.fetch(remote("wrong"))
    assert files(tmp_path) == []
    path, origin = fetch.fetch(remote("good"))
    assert (path.read_bytes(), origin) == (GOOD, "download")
    assert fetch.fetch(remote("404")) == (path, "cache")
    path.write_bytes(b"damaged")
    assert fetch.fetch(remote("good")) == (path, "download")
    (tmp_path / "play.txt").write_bytes(b"another")
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    with pytest.raises(DataError, match="expected other content"):
        fetch.fetch(remote("good"))


@pytest.mark.parametrize("fault", ["cut-off", "wrong", "html", "404", "500"])
def test_reviews_that_cannot_be_downloaded_are_replaced_by_the_sample_in_one_line(
    fault, address, tmp_path, monkeypatch, capsys
):
    at_fault = Remote("aclImdb_v1.tar.gz", f"{address}/{fault}", SHA)
    monkeypatch.setattr(sentiment, "IMDB", at_fault)
    assert datasets.imdb().source.kind == "sample"
    told = capsys.readouterr().out
    assert told.count("\n") == 1
    assert told.startswith("The IMDB reviews cannot be had: ")
    assert "put aclImdb_v1.tar.gz into a folder" in told
    assert files(tmp_path) == []


@pytest.mark.parametrize("fault", ["cut-off", "wrong", "html", "404", "500"])
def test_dialogues_that_cannot_be_downloaded_are_replaced_by_the_sample_in_one_line(
    fault, address, tmp_path, monkeypatch, capsys
):
    name = "dailydialog/ijcnlp_dailydialog.zip"
    at_fault = Remote(name, f"{address}/{fault}", "", dialogues.is_archive)
    monkeypatch.setattr(dialogues, "ARCHIVE", at_fault)
    assert datasets.dailydialog().source.kind == "sample"
    told = capsys.readouterr().out
    assert told.count("\n") == 1
    assert told.startswith("DailyDialog cannot be had: ")
    assert f"put {name} into a folder" in told
    assert files(tmp_path) == []


@pytest.mark.parametrize("fault", ["cut-off", "wrong", "html", "404", "500"])
def test_sentences_that_cannot_be_downloaded_are_replaced_by_the_sample_in_one_line(
    fault, address, tmp_path, monkeypatch, capsys
):
    name = "an4/an4_sphere.tar.gz"
    monkeypatch.setattr(sentences, "ARCHIVE", Remote(name, f"{address}/{fault}", SHA))
    assert datasets.an4().source.kind == "sample"
    size, told = capsys.readouterr().out.splitlines()
    assert size == "AN4 is fetched once, 64 MB."
    assert told.startswith("AN4 cannot be had: ")
    assert f"put {name} into a folder" in told
    assert files(tmp_path) == []


@pytest.mark.parametrize("fault", ["cut-off", "wrong", "html", "404", "500"])
def test_films_that_cannot_be_downloaded_are_replaced_by_the_sample_in_one_line(
    fault, address, tmp_path, monkeypatch, capsys
):
    name = "grid/alignments.zip"
    monkeypatch.setattr(films.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(films, "ALIGNS", Remote(name, f"{address}/{fault}", "", films.is_aligns))
    assert datasets.grid().source.kind == "sample"
    size, told = capsys.readouterr().out.splitlines()
    assert size == "GRID's first speaker is fetched once, about 430 MB."
    assert told.startswith("GRID cannot be had: ")
    assert f"put {name} into a folder" in told
    assert files(tmp_path) == []
