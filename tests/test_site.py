"""What the reading site is made from. Sphinx, which makes the pages, is not needed here."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import links, notebooks, site

LSTM = notebooks.NOTEBOOKS / "03_lstm.ipynb"


@pytest.fixture(scope="module")
def sources():
    return {name: content.decode() for name, content in site.sources().items()}


def test_every_notebook_has_its_place(sources):
    for path in notebooks.all_notebooks():
        assert f"notebooks/{links.inside(path)}" in sources
        assert f"<notebooks/{links.inside(path).removesuffix('.ipynb')}>" in sources["index.md"]
    assert {"index.md", "labs.md", "results.md", "tested.md", "data/README.md"} <= set(sources)


def test_pages_have_no_part_left_to_fill_in(sources):
    for name in ("index.md", "labs.md", "results.md", "tested.md"):
        assert not re.search(r"<!-- \w+ -->", sources[name])


def test_all_results_are_there(sources):
    rows = [row for _, row in site.cards.all_rows()]
    page = sources["results.md"]
    assert all(site.plain(row["name"]) in page for row in rows)
    assert page.count('class="verdict') == sum(notebooks.kind(row) == "claim" for row in rows)


ELSEWHERE = (r'src=\\?"https?:', "@import", r"url\(https?:", "<script", r"!\[[^]]*\]\(http")


@pytest.mark.parametrize("loads", ELSEWHERE)
def test_nothing_comes_from_elsewhere(loads, sources):
    assert not [name for name, text in sources.items() if re.search(loads, text)]


def test_a_notebook_gets_buttons_for_its_badge():
    title = notebooks.find(site.page(LSTM), "title").source
    assert links.BADGE not in title
    assert f'href="{links.colab(LSTM)}"' in title
    assert f"/blob/main/notebooks/{LSTM.name}" in title


def test_the_stored_notebook_is_left_alone():
    before = LSTM.read_bytes()
    site.page(LSTM)
    assert LSTM.read_bytes() == before


def test_a_folded_cell_stays_folded_under_its_title():
    folded = new_code_cell("# @title Set-up: {all}\nx = 1", metadata={"jupyter": {"source_hidden": True}})
    assert site.is_folded(folded)
    site.fold(folded)
    assert folded.metadata["tags"] == ["hide-input"]
    assert folded.metadata["mystnb"]["code_prompt_show"] == "Set-up: {all}"
    assert not site.is_folded(new_code_cell("x = 1"))


def test_a_figure_keeps_its_description():
    figure = new_output("display_data", {"image/png": "QUJD"}, metadata={"image/png": {"alt": "A line."}})
    cell = new_code_cell("x", outputs=[new_output("stream", text="x"), figure])
    site.describe(cell)
    assert cell.metadata["mystnb"] == {"image": {"alt": "A line."}}


def test_folding_keeps_tags():
    cell = new_code_cell("x = 1", metadata={"tags": ["setup"], "cellView": "form"})
    site.fold(cell)
    assert cell.metadata["tags"] == ["setup", "hide-input"]


@pytest.mark.parametrize(
    ("said", "lectures"),
    [("L0 to L2", {"L0", "L1", "L2"}), ("L0, L1 and L4", {"L0", "L1", "L4"}), ("L3", {"L3"}), ("", set())],
)
def test_lectures(said, lectures):
    assert site.named(said) == lectures


def test_text_in_a_table_stands_as_it_is():
    assert site.plain("a|b  *c*\n$d$ <e> [f]") == r"a\|b \*c\* \$d\$ \<e\> \[f\]"


def test_a_table():
    lines = site.table(["a", "b"], [["1", "2"], ["3", "4"]]).splitlines()
    assert lines == [
        ":::{container} sortable",
        "",
        "| a | b |",
        "| --- | --- |",
        "| 1 | 2 |",
        "| 3 | 4 |",
        "",
        ":::",
    ]


def test_a_part_that_there_is_not():
    with pytest.raises(site.Missing, match="no part 'nothing'"):
        site.filled("<!-- nothing -->")


def test_writing_leaves_nothing_old_and_touches_nothing_that_is_right(tmp_path):
    site.write(tmp_path, {"a.md": b"a", "old/b.md": b"b"})
    before = (tmp_path / "a.md").stat().st_mtime_ns
    site.write(tmp_path, {"a.md": b"a", "new/c.md": b"c"})
    assert [path.name for path in sorted(tmp_path.rglob("*.md"))] == ["a.md", "c.md"]
    assert (tmp_path / "a.md").stat().st_mtime_ns == before


def test_a_notebook_that_is_not_of_ours(tmp_path):
    path = tmp_path / "98_made_up.ipynb"
    nbformat.write(new_notebook(cells=[new_markdown_cell("# 98 Made up"), new_code_cell("x = 1")]), path)
    assert [cell.source for cell in site.page(path).cells] == ["# 98 Made up", "x = 1"]
