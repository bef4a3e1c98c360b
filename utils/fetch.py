"""Where a file comes from: the folder `UNROLLED_DATA`, the cache, or the official download.

Not here: what is in the files (`datasets`). Nothing that is fetched is executed or unpickled, and
a file reaches the cache only when it is complete and its hash is right.
"""

import logging
import os
import queue
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from tqdm import tqdm

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # tqdm's, about widgets that are not installed and not wanted
    import pooch

from utils.folders import ROOT, NoFolder, expanded

PATIENCE = 7.0  # seconds for the answer, and for each block: answered late and then silent, it is 14
UNASKED = 20_000_000  # bytes: no larger file is fetched at quick scale, where nobody has asked for it
BLOCK = 16_384  # bytes; within PATIENCE that is 2.3 kB/s, the slowest connection put up with

pooch.get_logger().setLevel(logging.WARNING)  # its "Downloading ..." would land on stderr


class DataError(RuntimeError):
    """`UNROLLED_DATA` or a file in it cannot be used; the message says what to do."""


class Unavailable(RuntimeError):
    """None of the places has the file; the message says why, in one line."""


@dataclass(frozen=True)
class Remote:
    """A file as its publisher offers it.

    Attributes:
        name: path below `UNROLLED_DATA` and below the cache.
        url: https address of the official file.
        sha256: of the official file, 64 hexadecimal digits; of a file that is known by its MD5 only,
            `md5:` and 32 digits; empty where it comes in forms that differ, such as an archive packed
            on demand. Then `prepared` is asked instead.
        prepared: where a file may hold the same content in another form, tells whether it does;
            then such a file of a teacher's folder is accepted without the hash.
        saved_as: the name that the official file has to have below `UNROLLED_DATA`, where it is not
            `name` because that is the name of a prepared one.
    """

    name: str
    url: str
    sha256: str
    prepared: Callable[[Path], bool] | None = None
    saved_as: str = ""

    @property
    def known_hash(self) -> str | None:
        """The hash with the name of its kind, e.g. `sha256:86c4...`; None if it has none."""
        if not self.sha256:
            return None
        return self.sha256 if ":" in self.sha256 else f"sha256:{self.sha256}"

    def hash_of(self, path: Path) -> str:
        """The hash of a file, in the form of `known_hash`."""
        kind = (self.known_hash or "sha256:").partition(":")[0]
        return f"{kind}:{pooch.file_hash(str(path), alg=kind)}"


def sha256_of(path: Path) -> str:
    """Of a file, 64 hexadecimal digits."""
    return pooch.file_hash(str(path))


def sample_is_pinned() -> bool:
    """Whether `UNROLLED_DATA=sample` asks for the embedded samples."""
    return os.environ.get("UNROLLED_DATA", "") == "sample"


def cache_folder() -> Path:
    """Where downloads are kept: `UNROLLED_CACHE`, or the user's cache folder, or a temporary one.

    Raises:
        DataError: `UNROLLED_CACHE` names the home folder of nobody.
    """
    try:
        if named := os.environ.get("UNROLLED_CACHE"):
            return expanded(named)
    except NoFolder as error:
        raise DataError(f"UNROLLED_CACHE is of no use: {error}") from error
    with suppress(RuntimeError):  # there is no home folder; older versions give one called ~
        folder = Path(pooch.os_cache("unrolled"))
        if folder.is_absolute():
            return folder
    return Path(tempfile.gettempdir(), "unrolled-cache")


def data_folder() -> Path | None:
    """The folder that `UNROLLED_DATA` names, or None if it names none.

    A relative path counts from the current folder or from the project's, because notebooks run one
    folder below the one where `make` was called.

    Raises:
        DataError: there is no such folder.
    """
    named = os.environ.get("UNROLLED_DATA", "")
    if not named or named == "sample":
        return None
    with suppress(NoFolder):
        for folder in (expanded(named), ROOT / named):
            if folder.is_dir():
                return folder
    raise DataError(
        f"UNROLLED_DATA is {named!r}, which is no folder. Set it to the folder with the data files, "
        "to `sample` for the embedded samples, or unset it."
    )


def fetch(remote: Remote) -> tuple[Path, str]:
    """A file that is complete and right.

    Args:
        remote: what is wanted.

    Returns:
        Its path, and where it was found: "UNROLLED_DATA", "cache" or "download".

    Raises:
        DataError: `UNROLLED_DATA` names no folder, or its copy of the file is damaged.
        Unavailable: the file is in none of the places and cannot be downloaded.
    """
    folder = data_folder()
    if folder is None:
        return from_cache_or_network(remote)
    if os.path.lexists(folder / remote.name):
        require_right(remote, folder / remote.name)
        return folder / remote.name, "UNROLLED_DATA"
    try:
        return from_cache_or_network(remote)
    except Unavailable as reason:
        raise Unavailable(f"the UNROLLED_DATA folder has no {remote.name}, and {reason}") from reason


def require_right(remote: Remote, path: Path) -> None:
    """Refuse a file of the data folder that is neither the official one nor a prepared one.

    Raises:
        DataError: it is damaged, another file, or cannot be read.
    """
    try:
        got = remote.hash_of(path)  # of a file that can be read, so never empty
    except OSError as error:
        raise DataError(
            f"{remote.name} in UNROLLED_DATA cannot be read ({error.strerror}). Put the file from "
            f"{remote.url} in its place, or remove it."
        ) from error
    if got != remote.known_hash and not has_content(remote, path):
        raise DataError(
            f"{remote.name} in UNROLLED_DATA is damaged or another file: its hash is {got}, expected "
            f"{remote.known_hash or 'other content'}. Replace it by the file from {remote.url}"
            f"{f', saved as {remote.saved_as}' if remote.saved_as else ''}, or remove it."
        )


def has_content(remote: Remote, path: Path) -> bool:
    """Whether a file holds what is wanted, in whatever form, as far as that can be told."""
    try:
        return remote.prepared is not None and remote.prepared(path)
    except Exception:  # each library has its own word for a file that it cannot make sense of
        return False


def from_cache_or_network(remote: Remote) -> tuple[Path, str]:
    """The official file from the cache, where a download puts it when it is complete and right.

    Returns:
        Its path, and "cache" or "download".

    Raises:
        Unavailable: it is not there and cannot be downloaded.
    """
    cached = cache_folder() / remote.name

    def right(path: Path) -> bool:
        return remote.hash_of(path) == remote.known_hash if remote.sha256 else has_content(remote, path)

    def checked_download(url: str, output_file: Any, pooch_instance: Any) -> None:
        download(url, output_file, pooch_instance)
        if not remote.sha256 and not right(Path(output_file)):
            raise ValueError("other content")

    try:
        if cached.is_file() and right(cached):
            return cached, "cache"  # read only: a class may share a cache that nobody may write to
        if not remote.sha256:
            cached.unlink(missing_ok=True)  # pooch, without a hash, would take what is there
        pooch.retrieve(
            remote.url,
            known_hash=remote.known_hash,
            fname=cached.name,
            path=cached.parent,
            downloader=checked_download,
        )
    except OSError as error:
        raise Unavailable(
            f"the cache {cached.parent} cannot be used ({error.strerror or error}); "
            "set UNROLLED_CACHE to a folder with room that can be written"
        ) from error
    except ValueError as error:  # pooch's word for a hash that differs
        raise Unavailable(
            f"what {urlsplit(remote.url).hostname} sent is not the expected file "
            f"({'wrong hash' if remote.sha256 else 'other content'})"
        ) from error
    return cached, "download"


def download(url: str, output_file: Any, pooch_instance: Any) -> None:
    """Fill a temporary file; the downloader that pooch calls. pooch then checks the hash and moves it.

    Written by hand because a library's time limits hold for each address of a host and for each
    byte, so that a name look-up, a silent firewall or a trickling host make any number of them.
    Here the network has a thread of its own, and this one waits for it no longer than `PATIENCE`.

    Args:
        url: http or https address.
        output_file: path of the temporary file.
        pooch_instance: not used; part of pooch's interface.

    Raises:
        Unavailable: no such host, no answer, an error status, a web page, a stalled or cut-off transfer; at
            quick scale also a file larger than `UNASKED`.
        OSError: the file cannot be written.
    """
    host = urlsplit(url).hostname or url
    arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()
    given_up = threading.Event()
    threading.Thread(target=transfer, args=(url, arrived, given_up), daemon=True).start()
    try:
        answer = take(arrived, host, "does not answer")
        require_data(answer, host)
        length = answer.headers.get("Content-Length", "")
        require_small(url, int(length) if length.isdigit() else 0)
        # On stdout, since stored notebooks hold no stderr; disable=None: no bar where nobody watches.
        bar = tqdm(
            total=int(length) if length.isdigit() else None,
            desc=f"Downloading {Path(urlsplit(url).path).name}",
            unit="B",
            unit_scale=True,
            file=sys.stdout,
            leave=False,
            disable=None,
        )
        with Path(output_file).open("wb") as file, bar:
            while block := take(arrived, host, "has all but stopped sending"):
                file.write(block)
                bar.update(len(block))
    finally:
        given_up.set()


def transfer(url: str, arrived: queue.SimpleQueue[Any], given_up: threading.Event) -> None:
    """Put the response into the queue, its blocks, and an empty block; or the error that came up."""
    try:
        # The limit here only ends the thread some time after nobody waits for it any more.
        with requests.get(
            url, stream=True, timeout=2 * PATIENCE, headers={"Accept-Encoding": "identity"}
        ) as answer:
            arrived.put(answer)
            for block in answer.iter_content(BLOCK):
                if given_up.is_set():
                    return
                arrived.put(block)
        arrived.put(b"")
    except Exception as error:  # raised again by `take`, in the thread that waits
        arrived.put(error)


def take(arrived: queue.SimpleQueue[Any], host: str, silence: str) -> Any:
    """What has arrived next; `silence` says what it means when nothing does.

    Raises:
        Unavailable: nothing within `PATIENCE`, or the transfer failed.
    """
    try:
        found = arrived.get(timeout=PATIENCE)
    except queue.Empty:
        raise Unavailable(f"{host} {silence}") from None
    if isinstance(found, Exception):
        raise Unavailable(why(found, host)) from found
    return found


def why(error: Exception, host: str) -> str:
    """What an error of the transfer means: the other side, the network, or the settings of this machine.

    Nothing in the transfer touches the disk but to read settings, so none of its errors is the cache's.
    """
    known = requests.exceptions
    if isinstance(error, known.ChunkedEncodingError | known.ContentDecodingError):
        return f"the transfer from {host} broke off"
    if isinstance(error, known.ProxyError):
        return (
            f"no connection to {host} ({cause(error)}; the proxy in HTTPS_PROXY or ALL_PROXY, or no network?)"
        )
    if isinstance(error, known.SSLError):
        return (
            f"no connection to {host} ({cause(error)}; a login page, a wrong clock, or the certificates in "
            "REQUESTS_CA_BUNDLE?)"
        )
    if isinstance(error, known.RequestException) and not isinstance(
        error, known.InvalidURL | known.InvalidSchema
    ):
        return f"no connection to {host} ({cause(error)}; no network, or a login page?)"
    return (
        f"the network settings of this machine are of no use ({' '.join(str(error).split()).rstrip('.')}); "
        "correct or unset HTTPS_PROXY, ALL_PROXY, REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE"
    )


def cause(error: requests.RequestException) -> str:
    """The name of the error at the bottom, e.g. NameResolutionError; the rest is wrapping."""
    inner = error.args[0] if error.args else error
    return type(getattr(inner, "reason", None) or error).__name__


def require_data(answer: requests.Response, host: str) -> None:
    """Refuse an answer that is not the file.

    Raises:
        Unavailable: an error status or a web page.
    """
    if answer.status_code != requests.codes.ok:
        raise Unavailable(f"{host} answers {answer.status_code} {answer.reason}")
    if "html" in answer.headers.get("Content-Type", ""):
        raise Unavailable(f"{host} sends a web page instead of data (a login page of the network?)")


def require_small(url: str, size: int) -> None:
    """Refuse, at quick scale, what a reader who wants to look around would not wait for.

    Args:
        url: of the file, for the message.
        size: in bytes; 0 if it is not known.

    Raises:
        Unavailable: it is larger than `UNASKED`.
    """
    if size > UNASKED and os.environ.get("UNROLLED_SCALE") == "quick":
        raise Unavailable(
            f"{Path(urlsplit(url).path).name} has {size / 1e6:,.0f} MB, and quick scale fetches "
            f"{UNASKED / 1e6:.0f} at most (`make data` fetches it)"
        )
