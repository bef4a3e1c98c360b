"""Programs beside a notebook: they say what they did, and none is left behind."""

import json
import os
import socket
import sys
import time

import pytest

from utils import processes


def double(number):
    return 2 * number


def tell(folder, number=0):
    print(folder.name, double(number), os.environ["WHO"])


def fail_or_wait(folder, seconds):
    if os.environ["WHO"] == "first":
        print("gone", file=sys.stderr)
        sys.exit(3)
    (folder / "pid").write_text(str(os.getpid()))
    time.sleep(seconds)


WHO = [{"WHO": "first"}, {"WHO": "second"}]


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_program_is_made_of_functions_and_run_in_each_environment(tmp_path):
    path = processes.write(tmp_path / "p.py", "import os", [double, tell])
    ended = processes.run(path, WHO, tmp_path, 4, limit=60)
    assert [one.printed for one in ended] == [f"{tmp_path.name} 8 first\n", f"{tmp_path.name} 8 second\n"]
    assert [(one.code, one.complaint) for one in ended] == [(0, "")] * 2


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY", "no_grpc_proxy"])
def test_workers_do_not_ask_a_proxy_for_one_another(name, tmp_path, monkeypatch):
    for other in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
        monkeypatch.delenv(other, raising=False)
    (tmp_path / "p.py").write_text("import os; print(os.environ['no_grpc_proxy'])")
    assert processes.run(tmp_path / "p.py", [{}], limit=60)[0].printed == "127.0.0.1,localhost\n"
    monkeypatch.setenv(name, "example.org")
    told = processes.run(tmp_path / "p.py", [{}], limit=60)[0].printed
    assert told == "127.0.0.1,localhost,example.org\n"


def test_when_one_fails_the_others_are_ended_soon(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "GRACE", 1.0)
    path = processes.write(tmp_path / "p.py", "import os, time", [fail_or_wait])
    start = time.monotonic()
    first, second = processes.run(path, WHO, tmp_path, 60, limit=50, allowed=(0, 3))
    assert (first.code, first.complaint) == (3, "gone\n")
    assert second.code != 0
    assert time.monotonic() - start < 30
    assert not (tmp_path / "pid").exists() or not alive(int((tmp_path / "pid").read_text()))


def test_a_failure_that_is_not_allowed_is_told(tmp_path):
    path = processes.write(tmp_path / "p.py", "import os, time", [fail_or_wait])
    with pytest.raises(RuntimeError, match=r"p\.py failed with exit code 3:\ngone"):
        processes.run(path, WHO[:1], tmp_path, 60, limit=50)


def test_time_is_limited_and_nothing_stays_behind(tmp_path):
    path = processes.write(tmp_path / "p.py", "import os, time", [fail_or_wait])
    with pytest.raises(TimeoutError, match=r"p\.py did not end within 3 s"):
        processes.run(path, WHO[1:], tmp_path, 60, limit=3)
    assert not alive(int((tmp_path / "pid").read_text()))


def test_what_cannot_be_started_leaves_nothing_running(tmp_path):
    path = processes.write(tmp_path / "p.py", "import os", [double, tell])
    with pytest.raises(OSError, match="nowhere"):
        processes.run(path, WHO, tmp_path, limit=5, python=str(tmp_path / "nowhere"))


def test_workers_know_all_addresses_and_their_own_number():
    found = [json.loads(own["TF_CONFIG"]) for own in processes.tf_configs(3)]
    assert [one["task"] for one in found] == [{"type": "worker", "index": k} for k in range(3)]
    places = found[0]["cluster"]["worker"]
    assert all(one["cluster"]["worker"] == places for one in found)
    assert len(set(places)) == 3
    host, port = places[0].split(":")
    with socket.create_server((host, int(port))):  # it is free
        assert host == "127.0.0.1"


def test_whether_a_python_has_a_module(tmp_path):
    assert processes.can_import(sys.executable, "json")
    assert not processes.can_import(sys.executable, "no_such_module")
    assert not processes.can_import(str(tmp_path / "nowhere"), "json")
    (tmp_path / "ours.py").write_text("")
    assert processes.can_import(sys.executable, "json, ours", {"PYTHONPATH": str(tmp_path)})


def test_jax_is_told_how_many_devices_to_see():
    assert processes.jax_cpus(3)["XLA_FLAGS"].endswith("device_count=3")
    assert int(processes.jax_cpus(3)["NPROC"]) > 3
