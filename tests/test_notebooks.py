"""The stored notebooks, cards, links and README, without running anything."""

import re

import pytest
from nbval.plugin import get_sanitize_patterns

from tools import check, form, links, notebooks, readme, tiles

PATHS = notebooks.all_notebooks()


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_nothing_is_wrong_with(path):
    found = check.findings(path)
    assert not found, f"{path.name}:\n" + "\n".join(f"- {sentence}" for sentence in found)


def test_there_are_notebooks():
    assert PATHS


def test_a_name_stands_once_among_lessons_and_labs():
    assert len({path.stem for path in PATHS}) == len(PATHS)


def test_a_lab_belongs_to_a_lesson():
    assert {path.stem[:2] for path in notebooks.labs()} <= {path.stem[:2] for path in notebooks.lessons()}


def test_nothing_is_left_of_a_notebook_that_is_gone():
    kept = {f"{path.stem}.json" for path in PATHS}
    kept |= {notebooks.first_file(p).name for p in PATHS if notebooks.find(notebooks.load(p), "promise")}
    assert {file.name for file in notebooks.CARDS.glob("[0-9]*.json")} <= kept


def test_the_readme_says_what_the_cards_say():
    assert readme.README.read_text(encoding="utf-8") == readme.generated(), "run `make refresh`"


def test_the_page_of_results_says_what_the_cards_say():
    assert readme.RESULTS.read_text(encoding="utf-8") == readme.results_page(), "run `make refresh`"


def test_the_pictures_of_the_readme_are_what_is_stored():
    kept = {path.name: path.read_bytes() for path in readme.PICTURES.iterdir()}
    assert kept == tiles.files(), "run `make refresh`"


@pytest.mark.parametrize("path", [readme.README, *PATHS], ids=lambda path: path.name)
def test_the_web_address_is_the_same_everywhere(path):
    text = path.read_text(encoding="utf-8")
    wrong = links.disagreeing(text)
    assert not wrong, f"links to {wrong}; run `make links REPO={links.repository()}`"
    opened = set(re.findall(r"google\.com/github/[^\s)\"\\]+/notebooks/([^\s)\"\\]+)", text))
    assert opened <= {other.relative_to(notebooks.NOTEBOOKS).as_posix() for other in PATHS}
    assert opened, "no Colab link"


def sanitize_rules(text: str) -> list[tuple[str, str]]:
    """The rules of a sanitize file; nbval drops a malformed one without a word."""
    rules = get_sanitize_patterns(text)
    if len(re.findall(r"(?mi)^\s*(regex|replace)\b", text)) != 2 * len(rules):
        raise ValueError("a rule is `regex: ...` and on the very next line `replace: ...`")
    for pattern, _ in rules:
        re.compile(pattern)
    return rules


def test_the_sanitize_rules_are_well_formed():
    rules = sanitize_rules((notebooks.ROOT / "tools" / "nbval" / "sanitize.cfg").read_text(encoding="utf-8"))
    assert re.sub(*rules[0], "it took 1.25 s") == "it took TIME"


@pytest.mark.parametrize(
    "broken", ["regex: a\n\nreplace: b\n", "regex:a\nreplace: b\n", "regex: (\nreplace: b\n", "replace: b\n"]
)
def test_a_malformed_sanitize_rule_is_noticed(broken):
    with pytest.raises((ValueError, re.error)):
        sanitize_rules(broken)


@pytest.mark.parametrize(
    "path", [p for p in notebooks.lessons() if p.stem[:2] in form.LONG], ids=lambda path: path.stem
)
def test_a_lesson_that_trains_for_long_can_be_interrupted(path):
    source = "\n".join(cell.source for cell in notebooks.load(path).cells if cell.cell_type == "code")
    assert "resume.place(" in source
