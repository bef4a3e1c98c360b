"""What a reader of the site meets, seen in headless Chromium: the end of `make site`.

Each page is opened at the width of a phone: it must load nothing from elsewhere, report no error, show its
formulas and pictures, link to what is there, keep what is folded folded, and not scroll sideways. Then the
search is asked, a table sorted, and a page looked at on a dark screen. Where there is no Chromium, a line
says so.
Needs nothing but Python's standard library: the browser is spoken to over a pipe, in its DevTools protocol.
"""

import argparse
import fcntl
import functools
import http.server
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
WIDTH, HEIGHT = 390, 844  # pixels of a phone
PATIENCE = 60  # seconds that a page or an answer of the browser may take
ASKED, FOUND = "forget gate", "03_lstm"  # a question to the search, and a page that must be in its answer

# What is wrong with a page, asked of the page itself once it has loaded.
LOOK = """
(async () => {
  const wrong = [];
  const root = document.documentElement;
  if (window.MathJax && MathJax.startup) await MathJax.startup.promise;
  if (root.scrollWidth > root.clientWidth) {
    const out = e => e.getBoundingClientRect().right > root.clientWidth + 1;
    const wide = [...document.querySelectorAll("body *")].filter(out);
    const name = e => e ? e.tagName.toLowerCase() + (e.className ? "." + e.className : "") : "?";
    wrong.push(`scrolls sideways: ${root.scrollWidth} pixels on ${root.clientWidth}, e.g. ${name(wide[0])}`);
  }
  for (let box = document.querySelector("h1"); box && box !== root; box = box.parentElement) {
    const scrolls = /auto|scroll/.test(getComputedStyle(box).overflowX);  // a box with the whole text in it
    if (scrolls && box.scrollWidth > box.clientWidth + 1) {
      wrong.push(`the text scrolls sideways: ${box.scrollWidth} pixels in a box of ${box.clientWidth}`);
    }
  }
  const formulas = document.querySelectorAll(".math").length;
  const drawn = document.querySelectorAll(".math mjx-container").length;
  if (drawn < formulas) wrong.push(`${formulas - drawn} of ${formulas} formulas are not rendered`);
  const bad = document.querySelector("mjx-merror, [data-mjx-error]");
  if (bad) wrong.push(`a formula is wrong: ${bad.textContent}`);
  for (const image of document.images) {
    image.loading = "eager";
    await image.decode().catch(() => wrong.push(`a picture cannot be shown: ${image.src.slice(0, 80)}`));
    if (!image.alt.trim()) wrong.push(`a picture has no description: ${image.src.slice(0, 80)}`);
  }
  for (const fold of document.querySelectorAll("article details[open]")) {
    wrong.push(`not folded: ${fold.textContent.trim().slice(0, 60)}`);
  }
  for (const sound of document.querySelectorAll("audio")) {
    if (sound.readyState < 1) {
      await new Promise(done => { sound.onloadedmetadata = sound.onerror = done; sound.load(); });
    }
    if (!(sound.duration > 0)) wrong.push("a sound cannot be played");
  }
  const links = [...document.links].map(link => link.href);
  const ids = [...document.querySelectorAll("[id]")].map(element => element.id);
  return {wrong, links, ids, formulas, sounds: document.querySelectorAll("audio").length};
})()
"""

SEARCHED = """
(async () => {
  for (let n = 0; n < 50; n++) {
    const found = [...document.querySelectorAll("#search-results a")].map(link => link.href);
    if (found.some(href => href.includes(%s))) return true;
    await new Promise(done => setTimeout(done, 100));
  }
  return false;
})()
"""

SORTED = """
(() => {
  const table = document.querySelector(".sortable table");
  if (!table) return "there is no table that can be sorted";
  const button = table.querySelector("thead button");
  if (!button) return "the head of a table is no button";
  const column = () => [...table.tBodies[0].rows].map(row => row.cells[0].textContent.trim()).join();
  button.click();
  const up = column();
  button.click();
  return up === column() ? "a table stays as it is when its head is clicked" : "";
})()
"""

DARK = """
(() => {
  const color = element => getComputedStyle(element).backgroundColor.match(/[0-9.]+/g).map(Number);
  const grounds = [document.body, document.documentElement].map(color);
  const [r, g, b] = grounds.find(ground => ground.length < 4 || ground[3] > 0) || [255, 255, 255];
  return Math.max(r, g, b) < 80 ? "" : `the page is not dark on a dark screen: rgb(${r}, ${g}, ${b})`;
})()
"""


class NoAnswer(RuntimeError):
    """The browser has ended or does not answer."""


def find_browser() -> str | None:
    """The path of a Chromium, or None."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """A headless Chromium with one page, spoken to over a pipe.

    Attributes:
        events: what the page has reported since `events` was last emptied.
    """

    def __init__(self, binary: str, profile: str) -> None:
        pipes = [*os.pipe(), *os.pipe()]
        asked, self._out, self._in, told = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in pipes)
        for end in pipes:
            os.close(end)

        def as_three_and_four() -> None:  # the numbers at which Chromium looks for its pipe
            os.dup2(asked, 3)
            os.dup2(told, 4)

        options = ["--headless=new", "--remote-debugging-pipe", f"--user-data-dir={profile}"]
        options += ["--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio"]
        options += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        options += ["--no-sandbox"]  # it sees only our own pages, and starts in a container, as root, too
        self._process = subprocess.Popen(
            [binary, *options, "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(3, 4),
            preexec_fn=as_three_and_four,
        )
        os.close(asked)
        os.close(told)
        self._number, self._rest, self._session = 0, b"", ""
        self.events: list[dict[str, Any]] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        self._process.wait(PATIENCE)
        os.close(self._out)
        os.close(self._in)

    def _message(self, until: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], max(0.0, until - time.monotonic()))
            block = os.read(self._in, 1 << 20) if ready else b""
            if not block:
                raise NoAnswer("the browser has ended" if ready else f"no answer within {PATIENCE} seconds")
            self._rest += block
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def ask(self, method: str, **parameters: Any) -> Any:
        """What the browser answers to a command of its protocol.

        Raises:
            NoAnswer: it does not answer, or with an error.
        """
        self._number += 1
        sent = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            sent["sessionId"] = self._session
        try:
            os.write(self._out, json.dumps(sent).encode() + b"\0")
        except BrokenPipeError:
            raise NoAnswer("the browser has ended") from None
        until = time.monotonic() + PATIENCE
        while (answer := self._message(until)).get("id") != self._number:
            self.events.append(answer)
        if "error" in answer:
            raise NoAnswer(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def evaluate(self, script: str) -> Any:
        """The value of a script in the page, awaited if it is a promise.

        Raises:
            NoAnswer: the script fails.
        """
        given = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in given:
            raise NoAnswer(f"the page fails: {given['exceptionDetails']}")
        return given["result"].get("value")

    def resize(self, width: int, height: int) -> None:
        """Give the page the size of a screen, in pixels."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 700,
        )  # fmt: skip

    def scheme(self, name: str) -> None:
        """Make the screen "light" or "dark"."""
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def open(self, address: str) -> None:
        """Go to a page and wait until it has loaded."""
        self.events.clear()
        self.ask("Page.navigate", url=address)
        until = time.monotonic() + PATIENCE
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._message(until))

    def reported(self, ours: str) -> list[str]:
        """What went wrong since the page was opened: requests that leave `ours`, missing files, errors."""
        said = []
        for event in self.events:
            method, told = event.get("method"), event.get("params", {})
            if method == "Network.requestWillBeSent":
                address = told["request"]["url"]
                if not address.startswith((ours, "data:", "blob:")):
                    said.append(f"loads {address[:100]} from elsewhere")
            elif method == "Network.responseReceived" and told["response"]["status"] >= 400:
                said.append(f"{told['response']['url']} is not there ({told['response']['status']})")
            elif method == "Runtime.exceptionThrown":
                details = told["exceptionDetails"]
                said.append(f"error: {details.get('exception', details).get('description', details['text'])}")
            elif method == "Runtime.consoleAPICalled" and told["type"] == "error":
                said.append(f"error: {' '.join(str(a.get('value', a)) for a in told['args'])}")
            elif method == "Log.entryAdded" and told["entry"]["level"] == "error":
                said.append(f"error: {told['entry']['text']} {told['entry'].get('url', '')}")
        return said


@contextmanager
def browsing(binary: str) -> Iterator[Browser]:
    """A browser that ends with the block."""
    with tempfile.TemporaryDirectory(prefix="unrolled-browser-", ignore_cleanup_errors=True) as profile:
        browser = Browser(binary, profile)
        try:
            yield browser
        finally:
            browser.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address, on this machine alone, at which a folder is served inside the block."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


def page_names(folder: Path) -> list[str]:
    """The pages of a site; not what themes leave among their own files."""
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*.html"))
    return sorted(name for name in names if not name.startswith("_"))


def broken_links(seen: dict[str, dict[str, Any]], base: str, folder: Path) -> dict[str, list[str]]:
    """Links within the site that lead to no file, or to no place in its page; by the page that has them."""
    found: dict[str, list[str]] = {}
    for name, page in seen.items():
        for address in sorted(set(page["links"])):
            if not address.startswith(base):
                continue
            parts = urlsplit(address)
            target, place = unquote(parts.path).lstrip("/"), unquote(parts.fragment)
            target = target or "index.html"
            missing = not (folder / target).is_file()
            if missing or (place and target in seen and place not in seen[target]["ids"]):
                said = f"links to {target}{'#' + place if place else ''}, which is not there"
                found.setdefault(name, []).append(said)
    return found


def look(folder: Path, binary: str) -> tuple[dict[str, list[str]], str]:
    """Open every page of a site.

    Returns:
        What is wrong, by page, and a sentence that says what was seen.
    """
    wrong: dict[str, list[str]] = {}
    seen: dict[str, dict[str, Any]] = {}
    with browsing(binary) as browser, serving(folder) as base:
        browser.resize(WIDTH, HEIGHT)
        names = page_names(folder)
        for name in names:
            browser.open(base + name)
            seen[name] = browser.evaluate(LOOK)
            wrong[name] = [*seen[name]["wrong"], *browser.reported(base)]
        browser.open(f"{base}search.html?q={ASKED.replace(' ', '+')}")
        if not browser.evaluate(SEARCHED % json.dumps(FOUND)):
            wrong["search.html"].append(f"{ASKED!r} does not find {FOUND}")
        wrong["search.html"] += browser.reported(base)
        browser.open(f"{base}results.html")
        wrong["results.html"] += [said for said in [browser.evaluate(SORTED)] if said]
        browser.scheme("dark")
        browser.open(f"{base}index.html")
        wrong["index.html"] += [said for said in [browser.evaluate(DARK)] if said]
        for name, links in broken_links(seen, base, folder).items():
            wrong[name] += links
    formulas, sounds = (sum(page[what] for page in seen.values()) for what in ("formulas", "sounds"))
    ways = sum(len(page["links"]) for page in seen.values())
    said = f"{len(names)} pages, {formulas} formulas, {sounds} sounds, {ways} links"
    return {name: list(dict.fromkeys(found)) for name, found in wrong.items() if found}, said


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="of the site")
    folder = parser.parse_args().folder
    binary = find_browser()
    if binary is None:
        print(f"NOT LOOKED AT: there is no Chromium here ({', '.join(NAMES)}).")
        return 0
    start = time.perf_counter()
    wrong, said = look(folder.resolve(), binary)
    for name, found in wrong.items():
        print(f"{name}:", *found, sep="\n  ")
    seconds = time.perf_counter() - start
    verdict = f"{len(wrong)} pages are not well" if wrong else "all well"
    print(f"Looked at {said} in {seconds:.0f} s: {verdict}.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
