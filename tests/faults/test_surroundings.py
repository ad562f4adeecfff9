"""Strange surroundings: the command works, or says in one line what is in the way."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.jobs import spec_file

ROOT = Path(__file__).parents[2]
NOWHERE = "/proc/self/none"  # a folder that nobody can make


@pytest.fixture
def spec(tmp_path):
    return spec_file(tmp_path)


def shell(command, cwd, **variables):
    """A line of shell in which ``trendbench`` is this checkout's; None removes a variable."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run(
        ["sh", "-c", command.replace("trendbench", f"{shlex.quote(sys.executable)} -m trendbench")],
        cwd=cwd, capture_output=True, check=False,
        env={name: value for name, value in environment.items() if value is not None},
    )  # fmt: skip


def one_line(result, *words):
    said = result.stderr.decode()
    assert result.returncode in (1, 2), said
    assert "Traceback" not in said
    assert "internal error" not in said
    lines = [line for line in said.splitlines() if line.startswith("trendbench: ")]
    assert len(lines) == 1, said
    for word in words:
        assert word in lines[0]


def made(result, path):
    assert result.returncode == 0, result.stderr.decode()
    assert b"Traceback" not in result.stderr
    assert path.stat().st_size > 100_000
    assert list(path.parent.glob("*.part")) == []


def test_closed_streams(spec, tmp_path):
    command = f"trendbench make-data --spec {spec} --out a.h5 <&- >&- 2>&-"
    made(shell(command, tmp_path), tmp_path / "a.h5")


def test_a_full_stdout_is_one_line(tmp_path):
    one_line(shell("trendbench archs > /dev/full", tmp_path), "No space left")


def test_stdout_closed_early_is_quiet(tmp_path):
    result = shell("trendbench archs | head -n 1", tmp_path)
    assert result.stderr == b""
    assert len(result.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "no_SUCH.locale", "LANG": "xx", "TZ": ":/nowhere"},
    ],
    ids=lambda variables: "-".join(variables.values()),
)
def test_a_terminal_without_utf_8(tmp_path, variables):
    result = shell("trendbench leaderboard --results .", tmp_path, **variables)
    assert result.returncode == 0, result.stderr.decode()
    assert b"floor" in result.stdout


def test_a_path_with_spaces_cyrillic_and_bytes_that_are_no_text(spec, tmp_path):
    folder = tmp_path / "с пробелом и кириллицей"
    folder.mkdir()
    spec.rename(folder / "мой spec.toml")
    result = shell("trendbench make-data --spec 'мой spec.toml' --out 'д а.h5'", folder)
    made(result, folder / "д а.h5")
    name = os.fsdecode(b"bad\xff.h5")
    assert shell(f"trendbench info '{name}'", tmp_path).returncode == 2


def test_no_home_and_no_place_for_temporary_files(spec, tmp_path):
    result = shell(
        f"trendbench make-data --spec {spec} --out a.h5 && trendbench preview a.h5 --out a.png",
        tmp_path, HOME=None, TMPDIR=NOWHERE, XDG_CACHE_HOME=NOWHERE, MPLCONFIGDIR=None,
        NUMBA_CACHE_DIR=None,
    )  # fmt: skip
    made(result, tmp_path / "a.h5")
    assert (tmp_path / "a.png").is_file()


def test_a_home_that_cannot_be_written(spec, tmp_path):
    result = shell(
        f"trendbench make-data --spec {spec} --out a.h5", tmp_path, HOME=NOWHERE,
        NUMBA_CACHE_DIR=NOWHERE,
    )  # fmt: skip
    made(result, tmp_path / "a.h5")


def test_a_folder_that_cannot_be_written_is_one_line(spec, tmp_path):
    command = f"trendbench make-data --spec {spec} --out {NOWHERE}/a.h5"
    one_line(shell(command, tmp_path), "/proc/self")


@pytest.mark.parametrize(("mask", "mode"), [("000", 0o666), ("022", 0o644), ("077", 0o600)])
def test_files_obey_the_umask(tmp_path, mask, mode):
    from trendbench.storage.atomic import write_text

    before = os.umask(int(mask, 8))
    try:
        write_text(tmp_path / "a", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == mode


def test_clocks_that_are_far_off_do_not_enter_a_data_file(small, small_file, tmp_path, monkeypatch):
    import time

    from trendbench.data.make import make_data

    for seconds in (0.0, 5e9):
        monkeypatch.setattr(time, "time", lambda s=seconds: s)
        make_data(small, 3, tmp_path / f"{seconds:.0f}.h5")
        assert (tmp_path / f"{seconds:.0f}.h5").read_bytes() == small_file.read_bytes()
