"""Paths and rights: spaces and apostrophes, home folders that are not there, folders that are read-only.

The tests may run as root, who may write anywhere; so what cannot be written to is a folder below a file.
"""

import os
import pwd
import shutil
import subprocess
import sys

import pytest

from tools import run
from utils import datasets, features, fetch, folders
from utils.results import ResultCard


@pytest.fixture
def closed(tmp_path):
    """A folder that nobody can make."""
    (tmp_path / "file").write_text("")
    return tmp_path / "file" / "build"


@pytest.fixture
def homeless(monkeypatch):
    """A user without HOME whom the system does not know, as in some containers."""

    def unknown(_):
        raise KeyError

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("KERAS_HOME", "UNROLLED_CACHE", "UNROLLED_DATA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)


def test_the_home_folder_is_found_or_said_to_be_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folders.expanded("~/my texts") == tmp_path / "my texts"
    assert folders.expanded("its/~") == folders.Path("its/~")
    with pytest.raises(folders.NoFolder, match="'~nosuch/x' begins with a home folder that does not exist"):
        folders.expanded("~nosuch/x")


def test_without_a_home_folder_only_its_sign_is_refused(homeless):
    assert folders.expanded("/data") == folders.Path("/data")
    with pytest.raises(folders.NoFolder, match="write the whole path"):
        folders.expanded("~/data")


def test_the_build_folder_may_be_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("UNROLLED_BUILD", "~/run's build")
    assert folders.build_folder("a", "b") == tmp_path / "run's build" / "a" / "b"
    assert list((tmp_path / "run's build" / "a" / "b").iterdir()) == []
    monkeypatch.setenv("UNROLLED_BUILD", "~nosuch")
    with pytest.raises(folders.NoFolder, match="UNROLLED_BUILD is of no use: '~nosuch' begins"):
        folders.build_folder()


def test_a_build_folder_that_cannot_be_written_to_is_named(closed, monkeypatch):
    monkeypatch.setenv("UNROLLED_BUILD", str(closed))
    with pytest.raises(folders.NoFolder, match=r"file/build cannot be written to \(.+\)\. Set UNROLLED_B"):
        folders.build_folder()


def test_a_folder_that_is_there_but_read_only_is_noticed(tmp_path, monkeypatch):
    def refuse(dir):
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setenv("UNROLLED_BUILD", str(tmp_path))
    monkeypatch.setattr(folders.tempfile, "TemporaryFile", refuse)
    with pytest.raises(folders.NoFolder, match=r"cannot be written to \(Permission denied\)"):
        folders.build_folder()


def test_a_read_only_project_says_so_at_the_start_and_its_notebooks_run_to_the_end(
    closed, monkeypatch, capsys, tmp_path
):
    monkeypatch.setenv("UNROLLED_BUILD", "")  # so that it is put back after the test
    monkeypatch.setattr(folders, "ROOT", closed.parent)
    monkeypatch.setattr(folders.tempfile, "tempdir", str(tmp_path))
    folders.settle_build()
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert f"{closed} cannot be written to" in said
    assert "Set UNROLLED_BUILD to a folder of yours. Until then it is" in said
    assert os.environ["UNROLLED_BUILD"] in said
    assert ResultCard("01_simple_rnn").save().exists()
    folders.settle_build()
    assert capsys.readouterr().out == ""


def test_the_set_up_says_it_before_tensorflow_is_loaded(closed):
    program = "from utils.environment import prepare; prepare()"
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", program],
        cwd=folders.ROOT, env=os.environ | {"UNROLLED_BUILD": str(closed)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert f"NoFolder: {closed} cannot be written to" in ran.stderr.splitlines()[-1]
    assert "tensorflow" not in ran.stderr


def test_make_run_says_it_before_it_runs_anything(closed, monkeypatch):
    monkeypatch.setenv("UNROLLED_BUILD", str(closed))
    monkeypatch.setattr(sys, "argv", ["run", "--notebook", "01"])
    monkeypatch.setattr(run, "run", lambda *_: pytest.fail("it ran"))
    with pytest.raises(SystemExit, match="cannot be written to"):
        run.main()


def test_data_in_a_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "my data").mkdir()
    monkeypatch.setenv("UNROLLED_DATA", "~/my data")
    assert fetch.data_folder() == tmp_path / "my data"
    monkeypatch.setenv("UNROLLED_DATA", "~nosuch/data")
    with pytest.raises(fetch.DataError, match="UNROLLED_DATA is '~nosuch/data', which is no folder"):
        datasets.shakespeare()
    monkeypatch.delenv("UNROLLED_DATA")
    monkeypatch.setenv("UNROLLED_CACHE", "~/cache")
    assert fetch.cache_folder() == tmp_path / "cache"
    monkeypatch.setenv("UNROLLED_CACHE", "~nosuch")
    with pytest.raises(fetch.DataError, match="UNROLLED_CACHE is of no use: '~nosuch'"):
        fetch.cache_folder()


def test_without_a_home_folder_nothing_is_put_into_a_folder_called_tilde(homeless, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert fetch.cache_folder().is_absolute()
    assert "~" not in str(fetch.cache_folder())
    monkeypatch.setattr(features, "fetch", lambda remote: (tmp_path / remote.name, "download"))
    assert features.find_weights(features.NETWORKS["MobileNetV2"])[1] == "download"
    monkeypatch.setenv("UNROLLED_DATA", "~/data")
    with pytest.raises(fetch.DataError, match="is no folder"):
        fetch.data_folder()


def test_a_readers_own_file_in_the_home_folder_of_nobody_is_a_file_that_is_not_there(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"There is no file '~nosuch/my\.txt'"):
        datasets.text_file("~nosuch/my.txt")
    with pytest.raises(fetch.DataError, match=r"There is no file ~nosuch/my\.jpg"):
        datasets.own_photo("~nosuch/my.jpg")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "it's mine.txt").write_text("To be, or not to be.\n" * 1000)
    assert datasets.text_file("~/it's mine.txt").train.startswith("To be")


FAKE_PYTHON = """\
#!/bin/sh
printf '%s|' "$UNROLLED_SCALE" "$UNROLLED_DATA" "$UNROLLED_BUILD" "$@" >> "$LOG"
echo >> "$LOG"
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project in a folder with a space and an apostrophe, whose Python writes down how it is called."""
    if shutil.which("make") is None:
        pytest.skip("there is no make here")
    root = tmp_path / "pro ject's"
    (root / ".venv" / "bin").mkdir(parents=True)
    for name in ("Makefile", "requirements.txt", "requirements-colab.txt", "requirements-site.txt"):
        shutil.copy(folders.ROOT / name, root)
    for venv in (".venv", ".venv-site"):
        python = root / venv / "bin" / "python"
        python.parent.mkdir(parents=True, exist_ok=True)
        python.write_text(FAKE_PYTHON)
        python.chmod(0o755)
        (root / venv / "installed").touch()
    for name in ("SCALE", "DATA", "BUILD"):
        monkeypatch.delenv(f"UNROLLED_{name}", raising=False)
    for name in ("MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "BIN", "TESTED"):  # of a `make` that runs this
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    return root


@pytest.mark.parametrize(
    ("targets", "begins", "has"),
    [
        (["test"], "quick|sample|{root}/build/test|-m|pytest|tests|notebooks|", "|--nbval-lax|"),
        (["reference"], "cpu||{root}/build/reference|-m|pytest|notebooks|", "|--nbval|"),
        (["run", "NOTEBOOK=01"], "|||-m|tools.run|--scale|quick|", "|--notebook|01|"),
        (["settings"], "|||-m|pytest|-q|", "|slow|tests|"),
        (["style"], "|||-m|ruff|check|", ""),
        (["lab"], "|||-m|jupyterlab|", ""),
        (
            ["data", "GET=imdb multi30k", "TO=a folder"],
            "|||-m|tools.data|--get|imdb multi30k|--to|a folder|",
            "",
        ),
        (["site"], "|||-m|tools.site|build/site/source|", "|||-m|tools.browse|build/site/html|"),
        (["matrix", "PYTHON=.venv/bin/python", "SETS=colab"], "|||-m|tools.matrix|colab|", ""),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_make_in_a_folder_with_a_space_and_an_apostrophe(targets, begins, has, project, tmp_path):
    (project / "build" / "test").mkdir(parents=True)
    ran = subprocess.run(["make", *targets], cwd=project, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    called = (tmp_path / "log").read_text()
    assert called.startswith(begins.format(root=project))
    assert has in called
    assert project.exists()


def test_the_matrix_runs_the_tests_by_a_python_in_such_a_folder(project, tmp_path):
    shutil.copytree(project / ".venv" / "bin", tmp_path / "cache of 'mine'" / "bin")
    ran = subprocess.run(
        ["make", "pytest", f"BIN={tmp_path}/cache of 'mine'/bin"],
        cwd=project, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (tmp_path / "log").read_text().startswith("quick|sample|")
