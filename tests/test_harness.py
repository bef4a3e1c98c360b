"""The harness itself: everything that can go wrong with a notebook must make something fail."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import time

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import check, exercises, links, move, notebooks, readme, record, refresh

NAME, LAB = "98_made_up", "98_is_it"


FOLDED = {"jupyter": {"source_hidden": True}, "cellView": "form"}


def code(name, source, *outputs, tags=(), folded=False):
    metadata = ({"tags": list(tags)} if tags else {}) | (FOLDED if folded else {})
    cell = new_code_cell(source, outputs=list(outputs), metadata=metadata)
    cell["id"] = name
    return cell


def prose(name, source):
    cell = new_markdown_cell(source)
    cell["id"] = name
    return cell


def printed(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def figure(size=100, alt="A line."):
    data = {"image/png": base64.b64encode(b"x" * size).decode()}
    return new_output("display_data", data=data, metadata={"image/png": {"alt": alt}} if alt else {})


def card_source(unit="1", name=NAME):
    return (
        "from utils.results import ResultCard\n"
        f"card = ResultCard('{name}', data='numbers', split='none')\n"
        f"card.add('answer', 42, '{unit}')\n"
        "card.check('C01', 'the same', 0, ok=True)\n"
        "card.claim('C02', 'gain', 2, verdict='not decided')\n"
        "card.save()\n"
        "card"
    )


def exercise(number):
    """The cells of an exercise whose answer is 42."""
    gap = "answer = ...  # 6 times 7\ngrade_value(answer, 42)"
    filled = gap.replace("...", "6 * 7")
    return [
        prose(f"exercise-{number}", f"**{number}.** Multiply."),
        code(f"exercise-{number}-gap", gap, tags=["exercise"]),
        prose(
            f"solution-{number}",
            f"<details><summary>Solution</summary>\n\n```python\n{filled}\n```\n\n</details>",
        ),
    ]


def lesson(path):
    """A lesson that has nothing wrong, not yet run."""
    cells = [
        prose(
            "title",
            f"# 98 Made up\n\nMirrors lectures L0, L1 and L2.\n\nRun time: not yet.\n\n{links.badge(path)}",
        ),
        code("setup", links.setup_cell(), tags=["setup"], folded=True),
        code(
            "promise",
            f'# @title Promise\nfrom utils.first_screen import promise\n\npromise("{NAME}")',
            tags=["promise"],
            folded=True,
        ),
        code(
            "imports",
            "# @title Imports\nfrom utils.exercises import grade_value\nfrom utils.scales import scale",
            folded=True,
        ),
        code(
            "parameters",
            "# @title Parameters\nN = scale(quick=1, cpu=2, gpu=3)",
            tags=["parameters"],
            folded=True,
        ),
        prose("part", "## A part\n\n" + "Some words say what there is to see.\n\n" * 8),
        code("compared", "assert 6 * 7 == 42\nprint(6 * 7)", tags=["nbval-check-output"]),
        code("training", "def train(n):\n    return 40 + n"),
        code("headline", "print('the answer is', train(2))", tags=["first-screen"]),
        prose("pitfalls", "## Pitfalls\n\nNone."),
        prose("exercises", "## Your turn\n\nThree gaps."),
        *[cell for number in (1, 2, 3) for cell in exercise(number)],
        prose("next", "## Read next\n\n- A paper."),
        code("card", card_source(), tags=["nbval-ignore-output"]),
    ]
    return new_notebook(cells=cells, nbformat_minor=5)


def lab(path):
    """A lab that has nothing wrong, not yet run."""
    cells = [
        prose(
            "title",
            f"# Lab 98: Is it made up?\n\nOf lesson [98](../{NAME}.ipynb). Mirrors lectures L0.\n\n"
            f"Run time: not yet.\n\n{links.badge(path)}",
        ),
        code("setup", links.setup_cell(), tags=["setup"], folded=True),
        code("imports", "# @title Imports\nfrom utils.scales import scale", folded=True),
        code(
            "parameters",
            "# @title Parameters\nN = scale(quick=1, cpu=2, gpu=3)",
            tags=["parameters"],
            folded=True,
        ),
        prose("rule", "The claim holds if the gain is above 3. " + "It says so in some more words. " * 6),
        code("gain", "gain = 2\nprint(gain)"),
        code("card", card_source(name=path.stem), tags=["nbval-ignore-output"]),
    ]
    return new_notebook(cells=cells, nbformat_minor=5)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A folder with a lesson and a lab that have nothing wrong, as the refresh command stored them."""
    folder = tmp_path_factory.mktemp("stored")
    (folder / "labs").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        use(folder, patch)
        for path, make in ((folder / f"{NAME}.ipynb", lesson), (folder / "labs" / f"{LAB}.ipynb", lab)):
            nbformat.write(make(path), path)
            refresh.refresh(path)
    return folder


def use(folder, patch):
    """Make the tools look for notebooks in a folder."""
    patch.setattr(notebooks, "NOTEBOOKS", folder)
    patch.setattr(notebooks, "CARDS", folder / "results")
    patch.setenv("UNROLLED_BUILD", str(folder.with_name(f"{folder.name}-build")))
    patch.setenv("PYTHONPATH", str(notebooks.ROOT))
    patch.setattr(links, "SETUP", "# @title Set-up\n# https://github.com/{repository}")  # PYTHONPATH does it
    patch.setattr(exercises, "WRONG_ANSWERS", folder / "wrong_answers.py")
    (folder / "wrong_answers.py").write_text("WRONG = {('98', k): 'answer = 6 + 7' for k in (1, 2, 3)}")


@pytest.fixture
def path(stored, tmp_path, monkeypatch):
    """A copy of the stored notebook, to break."""
    shutil.copytree(stored, tmp_path, dirs_exist_ok=True)
    use(tmp_path, monkeypatch)
    return tmp_path / f"{NAME}.ipynb"


def change(path, what):
    """Change the stored notebook by a function of it."""
    notebook = notebooks.load(path)
    what(notebook)
    nbformat.write(notebook, path)


def cell(notebook, name):
    return notebooks.find(notebook, name)


def test_refresh_stores_a_notebook_that_has_nothing_wrong(path):
    assert check.findings(path) == []
    stored = notebooks.load(path)
    assert cell(stored, "promise").outputs[0].text == "the answer is 42\n"
    first = [{"data": {"text/plain": "the answer is 42"}, "metadata": {}}]
    assert json.loads(notebooks.first_file(path).read_text()) == first
    assert cell(stored, "imports").metadata == FOLDED
    assert "Run time: " in cell(stored, "title").source
    assert stored.metadata.unrolled.scale == "cpu"
    assert notebooks.read_json(notebooks.CARDS / f"{NAME}.json")["results"][0]["value"] == 42
    assert not refresh.is_stale(path)


def test_refresh_twice_gives_the_same_file_but_for_the_seconds(path):
    def without_seconds():
        return re.sub(r'"seconds": \d+|Run time: \d+', "", path.read_text())

    before = without_seconds()
    refresh.refresh(path)
    assert without_seconds() == before


CHANGES = {
    "stripped": (lambda n: [c.update(outputs=[], execution_count=None) for c in check.code_cells(n)], "1..n"),
    "stale": (lambda n: cell(n, "imports").update(source="import os"), "from other code"),
    "a tag more": (lambda n: cell(n, "imports").metadata.update(tags=["nbval-skip"]), "unknown tag"),
    "stderr": (lambda n: cell(n, "imports").outputs.append(printed("W", "stderr")), "stores stderr"),
    "an error": (
        lambda n: cell(n, "imports").outputs.append(new_output("error", ename="E", evalue="", traceback=[])),
        "stores an error",
    ),
    "a machine path": (
        lambda n: cell(n, "compared").outputs.append(printed("/home/me/x")),
        "path of one machine",
    ),
    "the path of the project": (
        lambda n: cell(n, "compared").outputs.append(printed(str(notebooks.ROOT / "utils"))),
        "path of one machine",
    ),
    "a figure too large": (
        lambda n: cell(n, "imports").outputs.append(figure(90_000)),
        "figure of 90,000 bytes",
    ),
    "no alt text": (lambda n: cell(n, "imports").outputs.append(figure(alt="")), "without alt text"),
    "a picture where none may be": (
        lambda n: cell(n, "imports").update(outputs=[figure()], metadata={"tags": ["no-picture"]}),
        "maybe a photo that may not be passed on",
    ),
    "a photo shown by gallery": (
        lambda n: cell(n, "imports").update(outputs=[figure()], source="gallery(part, [0], texts, 'Alt.')"),
        "maybe a photo that may not be passed on",
    ),
    "a photo within HTML": (
        lambda n: cell(n, "imports").update(
            outputs=[
                new_output("display_data", data={"text/html": '<img src="data:image/jpeg;base64,eA==">'})
            ],
            metadata={"tags": ["no-picture"]},
        ),
        "maybe a photo that may not be passed on",
    ),
    "a random id": (lambda n: cell(n, "part").update(id="a1b2c3d4"), "not readable"),
    "two H1": (lambda n: cell(n, "part").update(source="# Again"), "one H1"),
    "a level skipped": (lambda n: cell(n, "part").update(source="### Deep"), "skips a heading level"),
    "an image without alt": (
        lambda n: cell(n, "part").update(source="## P\n![](x.png)"),
        "image without alt",
    ),
    "nothing compared": (lambda n: cell(n, "compared").metadata.update(tags=[]), "nothing is compared"),
    "nothing asserted": (
        lambda n: [
            c.update(source="print(42)") for c in n.cells if re.search(r"assert|check\(|grade", c.source)
        ],
        "nothing is asserted",
    ),
    "a comment marker": (lambda n: cell(n, "imports").update(source="# NBVAL_SKIP\nx = 1"), "in a comment"),
    "a magic": (lambda n: cell(n, "headline").update(source="if 1:\n    !false"), "not plain Python"),
    "a figure that is not PNG": (
        lambda n: cell(n, "imports").outputs.append(new_output("display_data", data={"image/jpeg": "eA=="})),
        "not PNG",
    ),
    "an error that no longer comes": (
        lambda n: cell(n, "imports").metadata.update(tags=["raises-exception"]),
        "raised nothing",
    ),
    "only a figure compared": (
        lambda n: cell(n, "compared").update(outputs=[figure()]),
        "shows only a figure",
    ),
    "compared without output": (lambda n: cell(n, "compared").update(outputs=[]), "but has no output"),
    "validation on test": (
        lambda n: cell(n, "imports").update(source="fit(x, validation_data=(\n    x_test,\n    y_test,\n))"),
        "validates on a test split",
    ),
    "test under another name": (
        lambda n: cell(n, "imports").update(source="x_train, x_val = data.train, data.test"),
        "validates on a test split",
    ),
    "a backup without losses": (
        lambda n: cell(n, "imports").update(source="callbacks = [keras.callbacks.BackupAndRestore('x')]"),
        "use utils.resume",
    ),
    "learnt from the test set": (
        lambda n: cell(n, "imports").update(source="rest = data.test[:9]\nmodel.fit(rest)"),
        "test data reach fit(...)",
    ),
    "softmax twice": (
        lambda n: cell(n, "imports").update(source="Dense(2, activation='softmax'); Loss(from_logits=True)"),
        "softmax already",
    ),
    "another setup": (lambda n: cell(n, "setup").update(source="import sys"), "setup cell differs"),
    "parameters too late": (lambda n: n.cells.insert(4, code("more", "x = 1")), "first code cells must be"),
    "a cell before the title": (lambda n: n.cells.insert(0, prose("more", "More.")), "must be `title`"),
    "another number": (
        lambda n: cell(n, "title").update(source=cell(n, "title").source.replace("# 98", "# 97")),
        "must begin with its number",
    ),
    "no promise": (lambda n: cell(n, "promise").metadata.update(tags=[]), "no cell `promise`"),
    "another's promise": (
        lambda n: cell(n, "promise").update(source=cell(n, "promise").source.replace(NAME, "01_x")),
        f'must call promise("{NAME}")',
    ),
    "no pitfalls": (lambda n: cell(n, "pitfalls").update(id="other"), "no cell 'pitfalls'"),
    "not folded": (lambda n: cell(n, "imports").metadata.pop("jupyter"), "'imports' is not folded"),
    "a check not folded": (
        lambda n: n.cells.insert(11, code("exercise-1-check", "x = 1")),
        "'exercise-1-check' is not folded",
    ),
    "no form title": (lambda n: cell(n, "imports").update(source="x = 1"), "does not begin with a line"),
    "a card in the middle": (lambda n: n.cells.append(prose("more", "More.")), "last cell must be `card`"),
    "two exercises": (lambda n: cell(n, "exercise-3-gap").update(id="other"), "exercise-3-gap"),
    "no task": (lambda n: cell(n, "exercise-2").update(id="other"), "exercise 2 must be"),
    "a solution that is checked otherwise": (
        lambda n: solve(n, 1, "answer = 6 * 7\ngrade_value(answer, 42.0, tolerance=1)"),
        "cell solution-1 must end as 'exercise-1-gap' does: 'grade_value(answer, 42)'",
    ),
    "an exercise without tag": (
        lambda n: cell(n, "exercise-1-gap").metadata.update(tags=[]),
        "must be tagged exercise",
    ),
    "no gap": (
        lambda n: cell(n, "exercise-1-gap").update(source="grade_value(42, 42)"),
        "'exercise-1-gap' has no gap",
    ),
    "no solution": (
        lambda n: cell(n, "solution-1").update(source="<details>42</details>"),
        "cell solution-1 must hold",
    ),
    "a solution to be seen": (
        lambda n: cell(n, "solution-1").update(source="```python\nx = 1\n```"),
        "within <details>",
    ),
    "many cells": (lambda n: n.cells.extend(prose(f"c-{k}", "Word.") for k in range(80)), "102 cells"),
    "much code": (
        lambda n: [cell(n, f"exercise-{k}-gap").update(source="x = 1\n" * 116) for k in (1, 2, 3)],
        "lines of code, more than 349",
    ),
    "a long cell": (lambda n: cell(n, "imports").update(source="x = 1\n" * 26), "26 lines"),
    "many parameters": (
        lambda n: cell(n, "parameters").update(source="a, b = c = d = 1, 2\ne = f = g = h = i = 0"),
        "9 parameters",
    ),
    "a long paragraph": (
        lambda n: cell(n, "part").update(source="word " * 40 + "\n\n" + "`code` $x$ word " * 27),
        "a paragraph of 81 words",
    ),
    "a long list": (
        lambda n: cell(n, "part").update(source="- " + "word " * 40 + "\n- " + "word " * 40),
        "a paragraph of 82 words",
    ),
    "much prose": (
        lambda n: n.cells.insert(9, prose("more", "Word.\n\n" * 300)),
        "words of prose per line of code",
    ),
    "much prose in formulas": (
        lambda n: n.cells.insert(9, prose("more", "| `f( x )` | $a + b$ |\n\n" * 30)),
        "words of prose per line of code",
    ),
    "trained late": (
        lambda n: n.cells.__setitem__(slice(6, 6), [prose(f"c-{k}", "Word.") for k in range(20)]),
        "nothing is trained",
    ),
    "a long run": (lambda n: n.metadata.unrolled.update(seconds=1000), "longer than 8 min"),
    "a bound on the test set": (
        lambda n: cell(n, "compared").update(source="assert (accuracy_test > 0.5).all()"),
        "nothing is asserted on a test set",
    ),
    "a claim that is guarded": (
        lambda n: [
            cell(n, "compared").update(source="gain = 2\nassert abs(gain) > 1"),
            cell(n, "card").update(source="card.claim('C01', 'gain', gain, verdict=decide(wide))"),
        ],
        "makes a claim of 'gain'",
    ),
    "no lectures": (
        lambda n: cell(n, "title").update(source=cell(n, "title").source.replace("lectures", "talks")),
        "must say what it mirrors",
    ),
    "half a record": (lambda n: n.metadata.unrolled.pop("versions"), "its record lacks versions"),
    "no parameters": (lambda n: cell(n, "parameters").metadata.update(tags=[]), "no cell `parameters`"),
    "another's badge": (
        lambda n: cell(n, "title").update(source=cell(n, "title").source.replace(NAME, "01_x")),
        "must end with",
    ),
    "another first screen": (
        lambda n: cell(n, "promise").outputs[0].update(text="the answer is 43\n"),
        "first screen is not what",
    ),
    "another run time": (
        lambda n: cell(n, "title").update(
            source=cell(n, "title").source.replace("Run time: ", "Run time: 1")
        ),
        "run time in its title",
    ),
    "another scale": (lambda n: n.metadata.unrolled.update(scale="quick"), "from scale quick"),
    "never run": (lambda n: n.metadata.pop("unrolled"), "no stored outputs yet"),
    "other data": (lambda n: n.metadata.unrolled.update(data={"x": "0"}), "different data"),
    "another card shown": (
        lambda n: cell(n, "card").outputs.clear(),
        "is not what the notebook's cell `card`",
    ),
}


LAB_CHANGES = {
    "no question": (lambda n: cell(n, "title").update(source="# Lab 98: An answer"), "must be like `Lab 98:"),
    "no lesson": (lambda n: cell(n, "title").update(source="# Lab 98: So?"), "must link the lesson"),
    "no rule": (lambda n: cell(n, "rule").update(id="other"), "the rule of the verdict must stand"),
    "the rule too late": (
        lambda n: n.cells.insert(4, code("more", "card.claim('C01')")),
        "the rule of the verdict must stand",
    ),
    "many cells": (lambda n: n.cells.extend(prose(f"c-{k}", "Word.") for k in range(60)), "67 cells"),
    "a long run": (lambda n: n.metadata.unrolled.update(seconds=2000), "longer than 30 min"),
    "another's badge": (
        lambda n: cell(n, "title").update(source=cell(n, "title").source.replace("labs/", "")),
        "must end with",
    ),
}


@pytest.mark.parametrize("name", LAB_CHANGES)
def test_a_static_check_of_labs_notices(name, path):
    how, message = LAB_CHANGES[name]
    path = path.parent / "labs" / f"{LAB}.ipynb"
    assert check.findings(path) == []
    change(path, how)
    found = check.findings(path)
    assert any(message in sentence for sentence in found), found


def test_the_next_lesson_is_linked(path):
    (path.parent / "99_more.ipynb").write_text("{}")
    assert "the last line of cell 'next' must lead to 99_more.ipynb" in check.findings(path)
    change(path, lambda n: cell(n, "next").update(source="## Next\n\nThen [99](99_more.ipynb)."))
    assert check.findings(path) == []


def test_a_wrong_answer_is_asked_for(path):
    exercises.WRONG_ANSWERS.write_text("WRONG = {}")
    assert "tests/wrong_answers.py has no wrong answer to exercise 1" in check.findings(path)


def test_a_link_to_a_notebook_that_is_not_there_is_noticed(path):
    change(path, lambda n: cell(n, "part").update(source=f"{cell(n, 'part').source} [Lab](labs/98_so.ipynb)"))
    assert check.findings(path) == ["cell 'part' links to labs/98_so.ipynb, which is not there"]


def test_lessons_and_labs_are_chosen_by_their_first_letters(path):
    other = path.parent / "labs" / f"{LAB}.ipynb"
    assert notebooks.all_notebooks() == [path, other]
    assert notebooks.all_notebooks("98") == notebooks.all_notebooks("all") == [path]
    assert notebooks.all_notebooks(lab="98_is") == [other]
    assert notebooks.all_notebooks("98", "98") == [path, other]
    assert (notebooks.choice(path), notebooks.choice(other)) == ("NOTEBOOK=98", f"LAB={LAB}")
    with pytest.raises(SystemExit, match=f"No lab starts with '77'. There are: {LAB}"):
        notebooks.all_notebooks(lab="77")


@pytest.mark.parametrize("name", CHANGES)
def test_a_static_check_notices(name, path):
    how, message = CHANGES[name]
    change(path, how)
    found = check.findings(path)
    assert any(message in sentence for sentence in found), found


@pytest.mark.filterwarnings("ignore::nbformat.warnings.DuplicateCellId")
def test_an_id_that_stands_twice_is_noticed(path):
    path.write_text(path.read_text().replace('"id": "part"', '"id": "setup"'))
    assert any("'setup' stands twice" in sentence for sentence in check.findings(path))


def allowed(source):
    """Whether a cell is not taken for one that validates on the test split."""
    return not check.check_code(new_notebook(cells=[new_code_cell(source + "\nassert True")]))


def test_the_checks_let_good_code_pass():
    assert allowed("fit(x, validation_data=(x_val, y_val), callbacks=[latest])")
    assert allowed("train, validation, test = data.train, data.validation, data.test")
    assert allowed("train, validation, test = split(text, test=0.1)")
    assert allowed("message = (\n    'at %d'\n    % step\n)")
    assert allowed("Dense(1); loss = Loss(from_logits=True); weights = layers.Softmax()(scores)")
    assert allowed("try:\n    Dense(4, Activation='softmax')\nexcept TypeError:\n    Loss(from_logits=True)")


@pytest.mark.parametrize(
    ("change_card", "message"),
    [
        (lambda card: card.update(scale="quick"), "not from real data at cpu scale"),
        (lambda card: card.update(sources=[{"name": "s", "kind": "sample", "sha256": ""}]), "not from real"),
        (lambda card: card.update(results=[]), "it has no figure"),
        (
            lambda card: card.update(
                sources=[{"name": "s", "kind": "real", "sha256": ""}],
                results=[card["results"][0] | {"data": "s", "split": "test"}],
            ),
            "does not count the runs on the test set of s",
        ),
        (lambda card: card["results"][0].pop("split"), "lacks split"),
        (lambda card: card["results"][0].update(scale="quick"), "is from scale quick"),
        (lambda card: card["results"][0].update(claims=["37"]), "claim id"),
        (lambda card: card["results"][2].update(verdict="maybe"), "is a claim, with verdict 'maybe'"),
        (lambda card: card["results"][2].update(kind="check"), "is a check, with verdict 'not decided'"),
        (lambda card: card["results"][0].update(verdict="holds"), "is a figure, with verdict 'holds'"),
        (lambda card: card["results"][0].update(value=4.0), "is not what the notebook"),
    ],
)
def test_a_card_that_is_not_the_notebooks_is_noticed(change_card, message, path):
    file = notebooks.CARDS / f"{NAME}.json"
    card = json.loads(file.read_text())
    change_card(card)
    file.write_text(json.dumps(card))
    assert any(message in sentence for sentence in check.findings(path))
    file.unlink()
    assert any("no result card" in sentence for sentence in check.findings(path))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import sys; print('W', file=sys.stderr)", "wrote to stderr"),
        ("print('WARNING:tensorflow:5 out of the last 6 calls')", "printed a warning"),
        ("1 / 0", "ZeroDivisionError"),
        ("import os; os._exit(1)", "died"),
    ],
)
def test_refresh_refuses_and_leaves_the_notebook_as_it_was(source, message, path):
    change(path, lambda n: cell(n, "imports").update(source=f"{source}\n{cell(n, 'imports').source}"))
    names = sorted(path.parent.iterdir())
    before = path.read_bytes(), (notebooks.CARDS / f"{NAME}.json").read_bytes()
    with pytest.raises(refresh.Refused, match=message):
        refresh.refresh(path)
    assert (path.read_bytes(), (notebooks.CARDS / f"{NAME}.json").read_bytes()) == before
    assert sorted(path.parent.iterdir()) == names


def test_refresh_does_not_overwrite_what_was_written_meanwhile(path, monkeypatch):
    execute = notebooks.execute

    def slow(*args, **kwargs):
        execute(*args, **kwargs)
        change(path, lambda n: cell(n, "part").update(source="## A better part"))

    monkeypatch.setattr(notebooks, "execute", slow)
    with pytest.raises(refresh.Refused, match="it was changed while it ran"):
        refresh.refresh(path)
    assert "A better part" in path.read_text()


def test_refresh_counts_the_runs_that_score_a_test_set(path):
    card = {"sources": [{"name": "A"}, {"name": "B"}, {"name": "C"}]}
    card["results"] = [{"data": "A", "split": "test"}, {"data": "B", "split": "validation"}]
    for name, before, after in (("98_x", {}, {"A": 1}), (NAME, {"A": 4, "C": 2}, {"A": 5, "C": 2})):
        (notebooks.CARDS / f"{NAME}.json").write_text(json.dumps({"scored": before}))
        refresh.count_tests(card, path.with_stem(name))
        assert card["scored"] == after


def test_refresh_tells_the_notebook_that_its_outputs_are_passed_on(path):
    source = "import os\nprint(os.environ.get('UNROLLED_PUBLISH'))"
    change(path, lambda n: cell(n, "headline").update(source=source))
    refresh.refresh(path)
    assert cell(notebooks.load(path), "promise").outputs[0].text == "1\n"
    assert "UNROLLED_PUBLISH" not in os.environ


def test_refresh_records_the_versions(path):
    versions = notebooks.load(path).metadata.unrolled.versions
    assert set(versions) == {"python", "tensorflow", "keras", "numpy", "matplotlib"}
    assert all(re.match(r"\d+\.\d+", version) for version in versions.values())


@pytest.mark.parametrize("kind", ["sample", "own"])
def test_refresh_refuses_samples_and_a_readers_own_data(kind, path):
    source = card_source().replace(
        f"ResultCard('{NAME}', ",
        f"ResultCard('{NAME}', [Source('play', '{kind}', 'made in memory', '0')], ",
    )
    change(path, lambda n: cell(n, "card").update(source="from utils.datasets import Source\n" + source))
    with pytest.raises(refresh.Refused, match="it ran on play; set UNROLLED_DATA"):
        refresh.refresh(path)


def nbval(path, *options, timeout=60):
    """Run nbval on a stored notebook as `make test` does; pytest's closing lines and exit status."""
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", "-rs", "-q", path.name,
         "-p", "tools.nbval.plugin", "--wrong-answers", exercises.WRONG_ANSWERS,
         f"--nbval-cell-timeout={timeout}", "-p", "no:cacheprovider", *options],
        cwd=path.parent, capture_output=True, text=True, check=False,
        env=os.environ | {"UNROLLED_SCALE": "quick", "UNROLLED_BUILD": str(path.parent / "build")},
    )  # fmt: skip
    return ran.stdout, ran.returncode


def test_nbval_passes_a_good_notebook(path):
    output, status = nbval(path)
    assert status == 0, output
    assert "17 passed" in output


def solve(notebook, number, source):
    """Give an exercise another solution."""
    shown = cell(notebook, f"solution-{number}")
    shown.source = re.sub(r"(?s)```python\n.*?```", f"```python\n{source}\n```", shown.source)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (lambda n: solve(n, 1, "grade_value(43, 42)"), "'right' and says: wrong: your answer is 43"),
        (lambda n: solve(n, 2, "1 / 0"), "ZeroDivisionError"),
        (lambda n: solve(n, 3, "..."), "It must say 'right' and says: nothing"),
        (
            lambda n: cell(n, "exercise-1-gap").update(
                source="answer = ...\nprint('right') if type(answer) is not int else grade_value(answer, 42)"
            ),
            "It must say 'not yet' and says: right",
        ),
        (
            lambda n: exercises.WRONG_ANSWERS.write_text(
                "WRONG = {('98', 2): ['answer = 6 + 7', 'answer = 42']}"
            ),
            "It must say 'wrong: ' and says: right",
        ),
        (
            lambda n: exercises.WRONG_ANSWERS.write_text(
                "WRONG = {('98', 2): ['answer = type(\"A\", (), {\"__repr__\": lambda _: 1 / 0})()']}"
            ),
            "An answer that is tried must not raise",
        ),
        (  # a check that takes whatever is a number
            lambda n: cell(n, "exercise-2-gap").update(
                source="answer = ...\ngrade_value(answer, 42, tolerance=50)"
            ),
            "It must say 'wrong: ' and says: right",
        ),
    ],
)  # fmt: skip
def test_nbval_notices_what_is_wrong_with_an_exercise(how, message, path):
    change(path, how)
    output, status = nbval(path)
    assert status == 1
    assert message in output
    assert "1 failed" in output
    assert "skipped" not in output  # the next cells run all the same


def test_nbval_notices_a_changed_output_and_goes_on(path):
    change(path, lambda n: cell(n, "compared").update(outputs=[printed("43\n")]))
    output, status = nbval(path)
    assert status == 1
    assert "1 failed, 16 passed" in output


@pytest.fixture
def recorded(path, tmp_path, monkeypatch):
    """A stored notebook with its record."""
    monkeypatch.setenv("UNROLLED_SCALE", "quick")
    monkeypatch.setenv("UNROLLED_DATA", "sample")
    monkeypatch.setattr(notebooks, "RECORDS", tmp_path)
    folder = tmp_path / "run"
    folder.mkdir()
    output, status = nbval(path, "--record-to", folder)
    assert status == 0, output
    record.store(path, [folder, folder])
    return path


def test_a_cell_that_makes_something_else_is_noticed(recorded):
    records = ["--records", recorded.parent]
    assert nbval(recorded, *records)[1] == 0
    change(recorded, lambda n: cell(n, "imports").update(source=cell(n, "imports").source + "\nmore = 1"))
    output, status = nbval(recorded, *records)
    assert status == 1
    assert "1 failed" in output
    assert "more is new" in output
    assert f"make record NOTEBOOK={NAME[:2]}" in output


def test_nbval_stops_at_a_cell_that_raises(path):
    change(path, lambda n: cell(n, "parameters").update(source="1 / 0"))
    output, status = nbval(path)
    assert status == 1
    assert "1 failed, 3 passed, 13 skipped" in output
    assert "Cell 3 of this notebook failed" in output


def test_nbval_notices_an_error_that_no_longer_comes(path):
    change(path, lambda n: cell(n, "card").metadata.update(tags=["raises-exception"]))
    output, status = nbval(path)
    assert status == 1
    assert "This cell no longer raises" in output
    assert "1 failed, 16 passed" in output


def test_nbval_stops_at_a_cell_that_hangs(path):
    change(path, lambda n: cell(n, "parameters").update(source="import time; time.sleep(60)"))
    start = time.monotonic()
    output, status = nbval(path, timeout=3)
    assert status == 1
    assert "1 failed, 3 passed, 13 skipped" in output
    assert time.monotonic() - start < 40


def test_a_dead_kernel_is_reported_at_once(path):
    change(path, lambda n: cell(n, "parameters").update(source="import os; os._exit(1)"))
    start = time.monotonic()
    output, status = nbval(path, timeout=600)
    assert status == 1
    assert "The kernel died in this cell" in output
    assert "1 failed, 3 passed, 13 skipped" in output
    assert time.monotonic() - start < 60


def test_the_headline_is_a_figure_if_there_is_one():
    row = {"name": "n", "value": 1.0, "unit": "1", "published": []}
    check_row, figure_row = row | {"kind": "check"}, row | {"kind": "figure", "name": "loss", "value": 2.0}
    assert notebooks.headline({"results": [check_row, figure_row]}) == ("loss 2", "-")
    assert notebooks.headline({"results": [check_row]}) == ("n 1", "-")


def test_an_unknown_notebook_is_refused_with_the_choices(path):
    with pytest.raises(SystemExit, match=f"No notebook starts with '77'. There are: {NAME}"):
        notebooks.all_notebooks("77")


def test_links_are_written_everywhere(path, tmp_path, monkeypatch):
    for file in (links.PYPROJECT, readme.README):
        shutil.copy(file, tmp_path)
    monkeypatch.setattr(links, "PYPROJECT", tmp_path / "pyproject.toml")
    monkeypatch.setattr(readme, "README", tmp_path / "README.md")
    monkeypatch.setattr(readme, "RESULTS", tmp_path / "results" / "README.md")
    move.write("somebody/else")
    assert check.findings(path) == []
    assert "github.com/somebody/else" in cell(notebooks.load(path), "setup").source
    assert f"(https://colab.research.google.com/github/somebody/else/blob/main/notebooks/{NAME}.ipynb)" in (
        tmp_path / "README.md"
    ).read_text(encoding="utf-8")


def test_the_page_of_results_tells_figures_claims_and_checks_apart(path):
    page = readme.results_page()
    assert f"## 2 figures\n\n|{'':21}" in page
    assert f"[98 lab](../labs/{LAB}.ipynb) | answer   | 42" in page
    assert "## 2 claims of the lectures\n\n### Holds: 0\n\n### Does not hold: 0\n\n### Not decided: 2" in page
    assert "## 2 checks" in page
    assert f"[98](../{NAME}.ipynb)" in page
    file = notebooks.CARDS / f"{NAME}.json"
    card = json.loads(file.read_text())
    card["results"][0]["published"] = [{"value": 41, "source": "A. Body"}]
    card["results"][1].pop("kind")
    card["scored"] = {"A play": 3}
    file.write_text(json.dumps(card))
    page = readme.results_page()
    assert "41 (A. Body)" in page.split("## Beside published figures")[1]
    assert "## 3 claims of the lectures (identities are still counted among them in 98)" in page
    assert re.search(r"\| A play +\| +3 \|", page)


def test_the_readme_counts_claims_by_their_verdicts(path):
    told = readme.table_of_results()
    assert "Claims of the lectures: 0 hold, 0 do not hold, 2 are not decided. [All 6 results]" in told
    assert f"[Is it made up?](notebooks/labs/{LAB}.ipynb)" in readme.table_of_notebooks()


def test_the_readme_has_one_row_of_published_figures_for_each_notebook():
    row = {"name": "loss", "value": 1.5, "unit": "1", "published": [{"value": 2, "source": "A. Body"}]}
    path = notebooks.lessons()[0]
    told = readme.short_table(
        [(path, row), (path, row | {"published": []}), (path, row | {"name": "b"})], "n/"
    )
    shown = "loss: **1.5**; beside it 2 (A. Body)<br>b: **1.5**; beside it 2 (A. Body)"
    title = notebooks.title(notebooks.load(path))
    assert told == f"| notebook | ours, and beside it |\n|---|---|\n| [{title}](n/{path.name}) | {shown} |"
    assert readme.short_table([(path, row | {"published": []})], "n/") == ""


def test_only_links_to_this_project_must_agree():
    stated = links.repository()
    name = stated.split("/")[1]
    fine = f"https://github.com/{stated}/issues and https://github.com/karpathy/nanoGPT"
    assert links.disagreeing(fine) == set()
    assert links.disagreeing(f"https://github.com/old-owner/{name}.") == {f"old-owner/{name}"}
    opened = "https://colab.research.google.com/github/a/b/blob/main/notebooks/x.ipynb"
    assert links.disagreeing(opened) == {"a/b"}


@pytest.mark.parametrize(
    "name", ["", "owner", "a b/c", "a/..", "../..", "-a/b", "a/b/c", "https://github.com/a/b"]
)
def test_links_refuses_what_is_no_repository(name, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["links", "--", name])
    monkeypatch.setattr(move, "write", lambda new: pytest.fail(f"wrote {new}"))
    with pytest.raises(SystemExit, match="is no repository"):
        move.main()


def test_records_of_other_versions_are_not_compared_and_it_is_said(recorded):
    (recorded.parent / "VERSIONS").write_text("tensorflow 1.0\n")
    change(recorded, lambda n: cell(n, "imports").update(source=cell(n, "imports").source + "\nmore = 1"))
    output, status = nbval(recorded, "--records", recorded.parent, "-v")
    assert status == 0
    assert "records are not compared: they were made with tensorflow 1.0" in output
