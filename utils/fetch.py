"""Where a file comes from: the folder `UNROLLED_DATA`, the cache, or the official download.

Not here: what is in the files (`datasets`). Nothing that is fetched is executed or unpickled, and
a file reaches the cache only when it is complete and its hash is right.
"""

import logging
import os
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from tqdm import tqdm

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # tqdm's, about widgets that are not installed and not wanted
    import pooch

# Seconds that a host may take to be found, to answer, and between two signs of progress: 14 together.
FIND, CONNECT, STALL = 4.0, 4.0, 6.0
TRICKLE = 1024  # bytes within STALL that count as progress

logging.getLogger("pooch").setLevel(logging.WARNING)  # its "Downloading ..." would land on stderr


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
        sha256: of the official file, 64 hexadecimal digits.
        prepared: where a teacher's folder may hold the same content in another form, tells
            whether a file has it; then such a file is accepted without the hash.
    """

    name: str
    url: str
    sha256: str
    prepared: Callable[[Path], bool] | None = None


def sample_is_pinned() -> bool:
    """Whether `UNROLLED_DATA=sample` asks for the embedded samples."""
    return os.environ.get("UNROLLED_DATA", "") == "sample"


def cache_folder() -> Path:
    """Where downloads are kept: `UNROLLED_CACHE`, or the user's cache folder."""
    return Path(os.environ.get("UNROLLED_CACHE") or pooch.os_cache("unrolled"))


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
    found = in_data_folder(remote)
    if found is not None:
        return found, "UNROLLED_DATA"
    cached = cache_folder() / remote.name
    origin = "cache" if cached.is_file() and pooch.file_hash(str(cached)) == remote.sha256 else "download"
    try:
        path = pooch.retrieve(
            remote.url,
            known_hash=f"sha256:{remote.sha256}",
            fname=cached.name,
            path=cached.parent,
            downloader=download,
        )
    except OSError as error:
        raise Unavailable(
            f"the cache {cached.parent} cannot be used ({error.strerror or error}); "
            "set UNROLLED_CACHE to a folder with room that can be written"
        ) from error
    except ValueError as error:  # pooch's word for a hash that differs
        raise Unavailable(
            f"what {urlsplit(remote.url).hostname} sent is not the expected file (wrong hash)"
        ) from error
    return Path(path), origin


def in_data_folder(remote: Remote) -> Path | None:
    """The file in the folder that `UNROLLED_DATA` names, or None if it is not there.

    Raises:
        DataError: there is no such folder, or the file is neither the official nor a prepared one.
    """
    named = os.environ.get("UNROLLED_DATA", "")
    if not named or named == "sample":
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise DataError(
            f"UNROLLED_DATA is {named!r}, which is no folder. Set it to the folder with the data files, "
            "to `sample` for the embedded samples, or unset it."
        )
    path = folder / remote.name
    if not path.exists():
        return None
    if remote.prepared is not None and remote.prepared(path):
        return path
    got = pooch.file_hash(str(path)) if path.is_file() else "no file but a folder"
    if got != remote.sha256:
        raise DataError(
            f"{remote.name} in UNROLLED_DATA is damaged or another file: its sha256 is {got}, expected "
            f"{remote.sha256}. Replace it by the file from {remote.url}, or remove it."
        )
    return path


def download(url: str, output_file: Any, pooch_instance: Any) -> None:
    """Fill a temporary file; the downloader that pooch calls. pooch then checks the hash and moves it.

    Written by hand because pooch's own waits without end for a host that sends a byte now and then.

    Args:
        url: http or https address.
        output_file: path of the temporary file.
        pooch_instance: not used; part of pooch's interface.

    Raises:
        Unavailable: no such host, no answer, an error status, a web page, a stalled or cut-off transfer.
        OSError: the file cannot be written.
    """
    host = urlsplit(url).hostname or ""
    require_address(host)
    try:
        with requests.get(
            url, stream=True, timeout=(CONNECT, STALL), headers={"Accept-Encoding": "identity"}
        ) as response:
            if response.status_code != requests.codes.ok:
                raise Unavailable(f"{host} answers {response.status_code} {response.reason}")
            if "html" in response.headers.get("Content-Type", ""):
                raise Unavailable(f"{host} sends a web page instead of data (a login page of the network?)")
            copy(response, Path(output_file), host)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise Unavailable(f"no connection to {host} ({type(error).__name__})") from error


def require_address(host: str) -> None:
    """Give up on a name that is not found in time; the system's look-up has no limit of its own.

    Raises:
        Unavailable: no address within `FIND` seconds.
    """
    addresses: list[Any] = []

    def look_up() -> None:
        try:
            addresses.extend(socket.getaddrinfo(host, None))
        except OSError:
            return

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(FIND)
    if not addresses:
        raise Unavailable(f"no address found for {host}; there seems to be no network")


def copy(response: requests.Response, path: Path, host: str) -> None:
    """Write what arrives, with a progress bar, for as long as it keeps arriving.

    Raises:
        Unavailable: less than `TRICKLE` bytes within `STALL` seconds, or fewer bytes than announced.
    """
    total = int(response.headers.get("Content-Length", 0))
    received, since, at = 0, time.monotonic(), 0
    bar = tqdm(
        total=total or None, unit="B", unit_scale=True, file=sys.stdout, leave=False, desc="Downloading"
    )
    with path.open("wb") as file, bar:
        # read1 returns what is there; read would wait until a whole block has trickled in.
        while block := response.raw.read1(65536):
            file.write(block)
            bar.update(len(block))
            received += len(block)
            if received - at >= TRICKLE:
                since, at = time.monotonic(), received
            elif time.monotonic() - since > STALL:
                raise Unavailable(f"{host} has all but stopped sending")
    if total and received != total:
        raise Unavailable(f"the transfer from {host} broke off after {received:,} of {total:,} bytes")
