"""The sets of packages on which everything is run: what is in them, and what is said of them."""

import pytest

from tools import matrix


def test_colab_has_its_own_versions_and_on_top_only_what_the_set_up_cell_installs():
    packages = matrix.sets()["colab"].packages
    assert {"tensorflow==2.20.0", "keras==3.13.2", "numpy==2.1.3", "ipython==7.34.0"} <= set(packages)
    assert set(matrix.requirements("requirements-colab.txt")) <= set(packages)
    names = [matrix.re.split(r"[=<>]", package)[0] for package in packages]
    assert len(names) == len(set(names))


def test_lowest_is_pinned_to_what_the_requirements_state():
    packages = matrix.sets()["lowest"].packages
    assert all("==" in package and ">" not in package and "<" not in package for package in packages)
    stated = [r for r in matrix.requirements("requirements.txt") if r.startswith("keras>=")]
    assert f"keras=={stated[0].removeprefix('keras>=').split(',')[0]}" in packages


def test_newest_leaves_the_ranges_open_and_is_made_anew_each_week():
    newest = matrix.sets()["newest"]
    assert set(matrix.requirements("requirements-colab.txt")) <= set(newest.packages)
    assert newest.period
    assert not matrix.sets()["lowest"].period


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """A machine with one Python, `3.77`, whose virtual environments and tests are made up."""
    python = tmp_path / "bin" / "python3.77"
    python.parent.mkdir()
    python.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        "  *version_info*) echo 3.77;;\n"
        '  --version) echo "Python 3.77.1";;\n'
        '  *venv*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; echo "version = 3.77.1" > "$3/pyvenv.cfg";;\n'
        "  *broken*) exit 1;;\n"
        '  *pip*) echo "$@" >> "$UNROLLED_CACHE/log";;\n'
        "  *) echo keras 3;;\n"
        "esac\n"
    )
    python.chmod(0o755)
    make = tmp_path / "bin" / "make"
    make.write_text(
        '#!/bin/sh\necho "$@" >> "$UNROLLED_CACHE/log"\necho "== 7 passed in 1 s =="\nexit $FAILS\n'
    )
    make.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "none"))
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FAILS", "0")
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


def use(monkeypatch, **chosen):
    monkeypatch.setattr(matrix, "sets", lambda: chosen)


def test_an_environment_is_kept_and_made_anew_when_what_is_in_it_changes(fake, monkeypatch, capsys):
    use(monkeypatch, colab=matrix.Set(("3.99", "3.77"), ("keras==3",)))
    assert matrix.main([]) == 0
    assert (
        "colab: Python 3.77.1, keras 3\n    passed: tests, all notebooks: 7 passed in 1 s"
        in capsys.readouterr().out
    )
    assert matrix.main(["colab:short"]) == 0
    log = (fake / "log").read_text()
    assert log.count("keras==3") == 1
    assert "TESTED=tests notebooks/05" in log
    use(monkeypatch, colab=matrix.Set(("3.77",), ("keras==4",)))
    assert matrix.main([]) == 0
    assert "keras==4" in (fake / "log").read_text()
    assert len(list((fake / "unrolled-matrix").iterdir())) == 1


def test_a_python_that_is_not_there_is_said_to_be_missing(fake, monkeypatch, capsys):
    use(monkeypatch, newest=matrix.Set(("3.98",), ()), colab=matrix.Set(("3.77",), ()))
    assert matrix.main([]) == 0
    out = capsys.readouterr().out
    assert "newest: NOT RUN: there is no Python 3.98 here" in out
    assert "colab: Python 3.77.1" in out


def test_a_set_that_fails_or_cannot_be_installed_fails_the_matrix(fake, monkeypatch, capsys):
    use(monkeypatch, colab=matrix.Set(("3.77",), ("broken",)))
    assert matrix.main([]) == 1
    assert "colab: FAILED: it could not be installed" in capsys.readouterr().out
    assert matrix.main([]) == 1  # not taken for whole the second time
    use(monkeypatch, colab=matrix.Set(("3.77",), ()))
    monkeypatch.setenv("FAILS", "1")
    assert matrix.main([]) == 1
    assert "FAILED: tests, all notebooks: 7 passed" in capsys.readouterr().out


def test_an_unknown_set_is_refused_with_the_choices():
    with pytest.raises(SystemExit, match="no set 'colba'"):
        matrix.main(["colba"])


def test_pyenvs_versions_are_found(tmp_path, monkeypatch):
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    for patch in ("3.77.1", "3.77.2"):
        python = tmp_path / "versions" / patch / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text("#!/bin/sh\necho 3.77\n")
        python.chmod(0o755)
    assert matrix.find_python(("3.77",)) == python
    assert matrix.find_python(("3.66",)) is None
    python.write_text("#!/bin/sh\nexit 127\n")
    assert matrix.find_python(("3.77",)) == tmp_path / "versions" / "3.77.1" / "bin" / "python"
