"""No network at run time; dependencies locked."""

import os
import re
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

from tests.faults.jobs import run_job, tiny_file
from tests.faults.moments import in_child

ROOT = Path(__file__).parents[2]


def forbid_sockets():
    def hook(event, _):
        if event.startswith("socket.") and event != "socket.gethostname":
            os._exit(99)

    sys.addaudithook(hook)


def test_the_main_job_opens_no_socket(tmp_path):
    """make-data, run and leaderboard, in a process that ends at the first socket."""
    data = tiny_file(tmp_path)

    def job():
        forbid_sockets()
        run_job(data)(tmp_path)

    assert in_child(job) == 0


def test_the_watch_for_sockets_sees_one():
    def job():
        import socket

        forbid_sockets()
        socket.socket()

    assert in_child(job) == 99


def test_nothing_in_the_package_speaks_to_a_network():
    words = re.compile(r"^\s*(import|from)\s+(socket|urllib|http|requests|ftplib|smtplib)\b", re.M)
    guilty = [
        path.name
        for path in (ROOT / "trendbench").rglob("*.py")
        if words.search(path.read_text(encoding="utf-8"))
    ]
    assert guilty == []


def requirements():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]


def test_every_dependency_is_locked_to_one_version():
    for line in requirements():
        assert re.match(r"^[A-Za-z0-9._-]+==[^\s;]+", line), line


def test_every_locked_version_names_the_hashes_of_its_files():
    """Without one, pip would refuse the whole set-up: ``--require-hashes`` is asked for."""
    for line in requirements():
        assert re.search(r"--hash=sha256:[0-9a-f]{64}(\s|$)", line), line
    assert "--require-hashes" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_what_is_installed_is_what_is_declared():
    """Each package that pyproject asks for is in the lock, but the benchmarks' peers.

    Torch is installed apart.
    """
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {k: v for k, v in project["optional-dependencies"].items() if k != "bench"}
    wanted = [*project["dependencies"], *chain(*extras.values())]
    named = {re.split(r"[=<>; \[]", line)[0].lower().replace("_", "-") for line in requirements()}
    missing = {re.split(r"[=<>; \[]", w)[0].lower().replace("_", "-") for w in wanted} - named
    assert missing == {"torch"}


@pytest.mark.skipif(sys.platform != "linux", reason="looks at the system calls of Linux")
def test_a_child_without_a_network_does_the_same():
    """In a network namespace of its own there is nothing to speak to."""
    command = ["unshare", "--user", "--net", sys.executable, "-m", "trendbench", "archs"]
    try:
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs unshare to take the network away")
    if "unshare" in result.stderr:
        pytest.skip("this system does not let a user take the network away")
    assert result.returncode == 0
    assert "nf8" in result.stdout
