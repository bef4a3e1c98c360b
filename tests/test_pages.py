"""Pages of executed notebooks: what they carry, and that they load nothing."""

import base64
import re

import pytest
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import browse, links, notebooks, pages

# What a page may load: addresses in tags that fetch, in styles and in scripts; links to click are none.
LOADS = re.compile(
    r"""<(?!a\b)[a-z]+\b[^>]*\b(?:src|srcset|href|data|poster)=["']?(?:https?:)?//[^"' >]*"""
    r"""|url\(\s*["']?(?:https?:)?//[^)]*|@import[^;]*|\bimport\(["'][^)]*|<script\b"""
)


def figure(alt):
    data = {"image/png": base64.b64encode(b"x" * 100).decode()}
    return new_output("display_data", data=data, metadata={"image/png": {"alt": alt}} if alt else {})


def written(tmp_path, *cells, names=()):
    pages.write_page(new_notebook(cells=list(cells)), tmp_path / "page.html", names)
    return (tmp_path / "page.html").read_text(encoding="utf-8")


def test_pages_carry_the_alt_text_of_each_figure(tmp_path):
    cells = [
        new_code_cell("x", outputs=[figure('Says "<hello>".')]),
        new_code_cell("x", outputs=[figure("")]),
    ]
    page = written(tmp_path, *cells)
    assert "alt='Says \"&lt;hello&gt;\".'" in page
    assert page.count("No description has been provided") == 0


def test_pages_fold_what_is_folded(tmp_path):
    folded = new_code_cell("# @title Set-up & more\nx = 1", metadata={"jupyter": {"source_hidden": True}})
    page = written(tmp_path, folded, new_code_cell("y = 2"))
    assert page.count("<details") == 1
    assert re.search(r"(?s)<summary[^>]*>\s*Set-up &amp; more\s*</summary>.*?x.*?</details>.*?y", page)


FETCHES = {
    "a picture": '<img src="https://example.org/a.png">',
    "a picture, no scheme": "<img src='//example.org/a.png'>",
    "a script": "<script>1</script>",
    "a style sheet": '<link rel="stylesheet" href="http://example.org/a.css">',
    "a font": "<style>@font-face { src: url(https://example.org/a.woff) }</style>",
    "an import": "<style>@import 'a.css';</style>",
}


@pytest.mark.parametrize("name", FETCHES)
def test_what_would_be_loaded_is_found(name):
    assert LOADS.search(FETCHES[name])


def test_a_link_loads_nothing():
    assert not LOADS.search(
        '<a class="x" href="https://example.org">there</a> <img src="data:image/png;base64,//x">'
    )


@pytest.mark.parametrize("path", notebooks.all_notebooks(), ids=lambda path: path.stem)
def test_a_page_loads_nothing_and_shows_every_formula(path, tmp_path):
    notebook = notebooks.load(path)
    pages.write_page(notebook, tmp_path / "page.html", [path.stem])
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert not LOADS.findall(page)
    asked = formulas(notebook)
    assert len(re.findall(r"<math\b", page)) == len(asked)
    for tex in asked:
        assert not re.search(r"\\|<code>|merror", pages.formula(tex, "block")), tex


def formulas(notebook):
    """The TeX of all formulas of a notebook, as nbconvert finds them."""
    found = []

    class Collects(IPythonRenderer):
        def inline_math(self, body):
            found.append(body)
            return ""

        block_math = inline_math

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            MarkdownWithMath(renderer=Collects(escape=False)).render(cell.source)
    return found


def test_formulas(tmp_path):
    page = written(
        tmp_path, new_markdown_cell("It is $a_t < b$:\n\n$$88 \\ln 2 = \\tanh(x)$$\n\nTwo \\$ stay.")
    )
    assert page.count("<math") == 2
    assert '<span class="formula"><math' in page
    assert "<mo>&lt;</mo>" in page
    assert 'rspace="0.17em">ln</mo>' in page  # not 88ln2
    assert 'rspace="0">tanh</mo>' in page
    assert "$a_t" not in page


def test_a_formula_that_cannot_be_read_is_shown_as_it_stands():
    assert pages.formula("a_1_2 < b", "inline") == "<code>a_1_2 &lt; b</code>"


@pytest.mark.parametrize(
    ("url", "leads"),
    [
        ("04_gru.ipynb", "04_gru.html"),
        ("04_gru.ipynb#part", "04_gru.html#part"),
        ("labs/04_gru_or_lstm.ipynb", "04_gru_or_lstm.html"),
        ("../04_gru.ipynb", "04_gru.html"),
        ("../data/README.md", "https://github.com/{}/blob/main/data/README.md"),
        ("labs/05_depth.ipynb", "https://github.com/{}/blob/main/notebooks/labs/05_depth.ipynb"),
        ("../05_deep.ipynb", "https://github.com/{}/blob/main/notebooks/05_deep.ipynb"),
        ("https://example.org/a.ipynb", "https://example.org/a.ipynb"),
        ("#part", "#part"),
    ],
)
def test_links_lead_to_pages_or_into_the_project(url, leads, tmp_path):
    page = written(tmp_path, new_markdown_cell(f"[there]({url})"), names=["04_gru", "04_gru_or_lstm"])
    assert f'<a href="{leads.format(links.repository())}">there</a>' in page


def test_the_badge_is_a_link_without_a_picture(tmp_path):
    path = notebooks.lessons()[0]
    page = written(tmp_path, new_markdown_cell(links.badge(path)))
    assert f'<a href="{links.colab(path)}">Open in Colab</a>' in page


def row(name, state, **more):
    return pages.Row(name, f"Title of {name} <b>", state, **more)


def test_the_index_links_what_is_ready_and_loads_itself_until_all_is():
    done = row("01_a", "done", cells=("quick", "sample", "3", "loss 1", "-"))
    failed = row("02_b", "failed", cells=("quick", "?", "1", "FAILED: it <broke>", "-"))
    page = pages.index([done, failed, row("03_c", "running"), row("04_d", "waiting")])
    assert re.findall(r'<a href="(\w+)\.html">', page) == ["01_a", "02_b"]
    assert "2 of 4 notebooks" in page
    assert "Title of 01_a &lt;b&gt;" in page
    assert "FAILED: it &lt;broke&gt;" in page
    assert 'http-equiv="refresh"' in page
    over = pages.index([done, row("03_c", "stopped")])
    assert 'http-equiv="refresh"' not in over
    assert "stopped" in over
    assert not LOADS.search(page)


@pytest.mark.skipif(browse.find_browser() is None, reason="NOT TESTED: there is no Chromium here")
@pytest.mark.parametrize("width", [390, 1280])
def test_pages_in_a_browser(width, tmp_path):
    shown = [notebooks.lessons()[k] for k in (2, 3, 8)]
    for path in shown:
        pages.write_page(notebooks.load(path), tmp_path / f"{path.stem}.html", [path.stem])
    rows = [
        row(path.stem, "done", cells=("quick", "a sample", "3", "loss of all 1.234 nats", "-"))
        for path in shown
    ]
    (tmp_path / "index.html").write_text(pages.index(rows))
    with browse.browsing(browse.find_browser()) as browser, browse.serving(tmp_path) as base:
        browser.resize(width, browse.HEIGHT)
        for name in browse.page_names(tmp_path):
            browser.open(base + name)
            wrong = browser.evaluate(browse.LOOK)["wrong"] + browser.reported(base)
            assert wrong == [], name
            assert browser.evaluate(WORDS) == [], name


WORDS = """
[...document.querySelectorAll(".jp-OutputArea-output pre, .jp-RenderedHTMLCommon p")].filter(
  e => getComputedStyle(e).wordBreak !== "normal" || e.scrollWidth > e.clientWidth + 1
).map(e => e.textContent.slice(0, 40))
"""
