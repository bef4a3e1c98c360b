"""Each thing that can be wrong with a page of the site is found by looking at it in a browser."""

import pytest

from tools import browse

BROWSER = browse.find_browser()
pytestmark = pytest.mark.skipif(BROWSER is None, reason="NOT TESTED: there is no Chromium here")

PAGE = (
    '<!doctype html><html lang="en"><head><meta name="viewport" content="width=device-width"><title>T</title>'
    '<link rel="icon" href="data:,"></head><body><article>{}</article></body></html>'
)
DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
SORTS = (
    '<div class="sortable"><table><thead><tr><th><button onclick="for (const row of '
    "[...document.querySelectorAll('tbody tr')]) row.parentNode.prepend(row)\">a</button></th></tr></thead>"
    "<tbody><tr><td>1</td></tr><tr><td>2</td></tr></tbody></table></div>"
)
SEARCH = '<div id="search-results"><a href="03_lstm.html">LSTM</a></div>'
DARK = "<style>@media (prefers-color-scheme: dark) { body { background: black } }</style>"
GOOD = {
    "index.html": DARK + '<a href="03_lstm.html#place">there</a> <a href="https://example.org">elsewhere</a>',
    "03_lstm.html": f'<p id="place"></p><img src="{DOT}" alt="a dot"><details>folded</details>'
    '<span class="math"><mjx-container>x</mjx-container></span>'
    '<div style="overflow-x: auto"><div style="width: 900px">wide</div></div>',
    "results.html": SORTS,
    "search.html": SEARCH,
}
BAD = {  # what stands on a page, and what is said of it; 127.0.0.2 is this machine under another name
    "sideways": ('<div style="width: 900px">wide</div>', "scrolls sideways: 9"),
    "sideways-in-a-box": (
        '<div style="overflow-x: auto"><h1>T</h1><div style="width: 900px">wide</div></div>',
        "the text scrolls sideways: 900 pixels",
    ),
    "elsewhere": (
        '<img src="http://127.0.0.2:9/" alt="a">',
        "loads http://127.0.0.2:9/ from elsewhere",
    ),
    "missing": ('<script src="no.js"></script>', "no.js is not there (404)"),
    "error": ("<script>throw new Error('oh')</script>", "error: Error: oh"),
    "console": ("<script>console.error('oh')</script>", "error: oh"),
    "formula": (r'<span class="math">\(x\)</span>', "1 of 1 formulas are not rendered"),
    "wrong-formula": ("<mjx-merror>oh</mjx-merror>", "a formula is wrong: oh"),
    "no-alt": (f'<img src="{DOT}">', "a picture has no description"),
    "no-picture": ('<img src="data:image/gif;base64,AAAA" alt="a">', "a picture cannot be shown"),
    "open": ("<details open>secret</details>", "not folded: secret"),
    "sound": ('<audio src="data:audio/wav;base64,AAAA"></audio>', "a sound cannot be played"),
    "link": ('<a href="nowhere.html">there</a>', "links to nowhere.html, which is not there"),
    "place": ('<a href="03_lstm.html#no">there</a>', "links to 03_lstm.html#no, which is not there"),
}


def write(folder, pages):
    for name, body in pages.items():
        (folder / name).write_text(PAGE.format(body))
    return folder


def test_a_good_site(tmp_path):
    wrong, said = browse.look(write(tmp_path, GOOD), BROWSER)
    assert wrong == {}
    assert said == "4 pages, 1 formulas, 0 sounds, 3 links"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What is said of a site where everything is wrong."""
    pages = {f"{name}.html": body for name, (body, _) in BAD.items()}
    pages |= {
        "search.html": "",
        "results.html": SORTS.replace("prepend", "contains"),
        "03_lstm.html": "",
        "index.html": "",
    }
    return browse.look(write(tmp_path_factory.mktemp("site"), pages), BROWSER)[0]


@pytest.mark.parametrize("name", BAD)
def test_a_fault_is_found(name, found):
    assert any(BAD[name][1] in said for said in found[f"{name}.html"]), found[f"{name}.html"]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("search.html", "'forget gate' does not find 03_lstm"),
        ("results.html", "a table stays as it is when its head is clicked"),
        ("index.html", "the page is not dark on a dark screen"),
    ],
)
def test_a_fault_of_what_the_site_does(page, said, found):
    assert any(said in line for line in found[page]), found[page]


def test_a_browser_that_ends_at_once(tmp_path):
    with pytest.raises(browse.NoAnswer), browse.browsing("/bin/false"):
        pass
