"""`make data`: list the data sets, or fetch some of them, into the cache or into a folder for a class.

What is listed is the table of `data/README.md` (see `tools.data_sets`). A file is fetched into a `.part`
beside its place; after a break the next call goes on where it ended. It takes its place only when its hash,
or else its content, is right.
"""

import argparse
import importlib
import pkgutil
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from urllib.parse import urlsplit

import requests
from tabulate import tabulate
from tqdm import tqdm

from tools.data_sets import WEIGHTS, DataSet, data_sets, megabytes, needed_by
from utils import datasets, fetch
from utils.fetch import Remote, Unavailable
from utils.folders import NoFolder, expanded


def remotes() -> list[Remote]:
    """Every official file that the modules of data sets, and the features of pictures, know."""
    modules = [module.name for module in pkgutil.iter_modules(datasets.__path__, "utils.datasets.")]
    values = [value for name in modules for value in vars(importlib.import_module(name)).values()]
    return [remote for value in values for remote in inside(value)]


def weights() -> list[Remote]:
    """The official files of networks' weights. (They stand beside what builds them: TensorFlow loads.)"""
    from utils import features

    return [network.weights for network in features.NETWORKS.values()]


def inside(value: Any) -> Iterator[Remote]:
    """The official files in a value of a module, its tuples and dictionaries; not what stands in for one."""
    if isinstance(value, Remote):
        if not value.saved_as:
            yield value
    elif isinstance(value, dict | tuple | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from inside(part)


def files_of(wanted: DataSet) -> list[Remote]:
    """The official files of a data set; none if no address offers it."""
    known = weights() if wanted.title.startswith(WEIGHTS) else remotes()
    return list({remote.name: remote for remote in known if remote.name in wanted.files}.values())


def listed() -> str:
    """The table of data sets."""
    rows = [
        [one.name, one.title, megabytes(one.size), needed_by(one), one.licence.split(";")[0]]
        for one in data_sets()
    ]
    return tabulate(
        rows,
        headers=["GET", "data set", "size", "needed by", "licence"],
        disable_numparse=True,
        maxcolwidths=[None, None, None, 24, 44],
    )


# Fetching


def is_right(remote: Remote, path: Path) -> bool:
    """Whether a file is there and holds what it should."""
    if not path.is_file():
        return False
    return remote.hash_of(path) == remote.known_hash if remote.sha256 else fetch.has_content(remote, path)


def ask(url: str, start: int, arrived: SimpleQueue[Any], given_up: threading.Event) -> None:
    """Put the answer into the queue, its blocks from byte `start` on, and an empty block; or the error."""
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        with requests.get(url, stream=True, timeout=2 * fetch.PATIENCE, headers=headers) as answer:
            arrived.put(answer)
            for block in answer.iter_content(fetch.BLOCK):
                if given_up.is_set():
                    return
                arrived.put(block)
        arrived.put(b"")
    except Exception as error:  # raised again by `fetch.take`, in the thread that waits
        arrived.put(error)


def go_on(url: str, part: Path) -> None:
    """Fetch the rest of a file; all of it, if the other side does not send rests.

    Args:
        url: http or https address.
        part: what is there already; grows.

    Raises:
        Unavailable: it cannot be had; what has arrived stays.
    """
    host, start = urlsplit(url).hostname or url, part.stat().st_size if part.exists() else 0
    arrived: SimpleQueue[Any] = SimpleQueue()
    given_up = threading.Event()
    threading.Thread(target=ask, args=(url, start, arrived, given_up), daemon=True).start()
    try:
        answer = fetch.take(arrived, host, "does not answer")
        if answer.status_code == requests.codes.requested_range_not_satisfiable:  # all is there, or too much
            return
        partial = answer.status_code == requests.codes.partial_content
        if not partial:
            fetch.require_data(answer, host)
        done = start if partial else 0
        length = answer.headers.get("Content-Length", "")
        total = done + int(length) if length.isdigit() else None
        bar = tqdm(total=total, initial=done, desc=part.stem, unit="B", unit_scale=True, file=sys.stdout)
        with part.open("ab" if partial else "wb") as file, bar:
            while block := fetch.take(arrived, host, "has all but stopped sending"):
                file.write(block)
                bar.update(len(block))
    finally:
        given_up.set()


def get(remote: Remote, folder: Path) -> str:
    """Put an official file into a folder, from the cache if it is there.

    Returns:
        What was done, in a word or two.

    Raises:
        Unavailable: it cannot be had, or is not what it should be.
    """
    path, cached = folder / remote.name, fetch.cache_folder() / remote.name
    if is_right(remote, path):
        return "is there"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    if cached != path and is_right(remote, cached):
        shutil.copyfile(cached, part)
        part.replace(path)
        return "copied from the cache"
    resumed = part.exists()
    go_on(remote.url, part)
    if not is_right(remote, part):
        part.unlink()
        raise Unavailable(f"what {urlsplit(remote.url).hostname} sent is not the expected file; try again")
    part.replace(path)
    return "fetched, the rest of it" if resumed else "fetched"


def get_all(names: list[str], folder: Path) -> bool:
    """Fetch the data sets named; whether all of it is there now.

    Raises:
        SystemExit: there is no data set of a name.
    """
    known = {one.name: one for one in data_sets()}
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"There is no data set {unknown[0]!r}. There are: {', '.join(known)}.")
    whole = True
    for name in names:
        files = files_of(known[name])
        if not files:
            print(f"{known[name].title}: no address offers it any more; data/README.md has more.")
            whole = False
        for remote in files:
            try:
                print(f"{remote.name}: {get(remote, folder)}", flush=True)
            except (Unavailable, OSError) as error:
                print(f"{remote.name}: NOT fetched: {error}. Call this again to go on.", flush=True)
                whole = False
    return whole


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--get", default="", help="names of data sets")
    parser.add_argument("--to", default="", help="a folder, to be UNROLLED_DATA of a class; else the cache")
    options = parser.parse_args()
    if not options.get:
        print(listed())
        print(
            '\nmake data GET="imdb multi30k" fetches them into the cache, and with TO=folder into a folder.'
        )
        return 0
    try:
        folder = expanded(options.to) if options.to else fetch.cache_folder()
    except NoFolder as error:
        sys.exit(str(error))
    whole = get_all(options.get.split(), folder)
    if options.to and whole:
        print(f"\nUNROLLED_DATA={options.to} makes the notebooks use it.")
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
