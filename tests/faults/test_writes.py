"""Each write, sync and rename fails in turn: the old state or the new one, and a clear line."""

import contextlib
import errno
import os
import shutil
import threading

import numpy as np
import pytest

from tests.faults.jobs import TINY, command, left_by, make_data_command, tiny_file
from tests.faults.moments import count, failing, in_child, spread
from trendbench.errors import RunError
from trendbench.simulation import simulate
from trendbench.storage import atomic
from trendbench.storage.atomic import write_text
from trendbench.storage.lock import holding, waiting

pytestmark = pytest.mark.usefixtures("few_published")


CALLS = ("write", "fsync", "replace")
ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES)


@pytest.mark.parametrize("code", ERRORS)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("nth", [0, 1])
def test_a_file_is_the_old_one_or_the_new_one(tmp_path, monkeypatch, call, nth, code):
    target = tmp_path / "a.txt"
    write_text(target, "old")
    real, calls = getattr(os, call), []

    def failing(*arguments, **keywords):
        calls.append(arguments)
        if len(calls) == nth + 1:
            raise OSError(code, os.strerror(code))
        return real(*arguments, **keywords)

    monkeypatch.setattr(os, call, failing)
    failed = None
    with contextlib.suppress(OSError):
        write_text(target, "new")
        failed = False
    monkeypatch.undo()
    assert failed is (False if len(calls) <= nth else None)
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    # Only the folder's own sync comes after the file has its name.
    assert target.read_text() == ("new" if len(calls) <= nth or (call, nth) == ("fsync", 1)
                                  else "old")  # fmt: skip


def test_a_write_that_stops_half_way_leaves_the_old_file(tmp_path):
    target = tmp_path / "a.txt"
    write_text(target, "old")

    def half(temporary):
        temporary.write_text("ne")
        raise OSError(errno.ENOSPC, "full")

    with pytest.raises(OSError, match="full"), atomic.replacing(target) as temporary:
        half(temporary)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_every_step_is_in_its_order(tmp_path, monkeypatch):
    """Written, synced, renamed within the folder, the folder synced."""
    steps = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(
        os,
        "fsync",
        lambda fd: (
            steps.append("sync folder" if os.path.isdir(f"/proc/self/fd/{fd}") else "sync file")
            or fsync(fd)
        ),
    )
    monkeypatch.setattr(os, "replace", lambda a, b: steps.append(
        f"rename within {a.parent == b.parent}") or replace(a, b))  # fmt: skip
    write_text(tmp_path / "a", "x")
    assert steps == ["sync file", "rename within True", "sync folder"]


def fail_and_repeat(arguments, place, tries=None):
    """Let one system call of a command fail, look, run it again; what was lost.

    Tried are ``tries`` calls, spread over the work; every call with every error if None.
    """
    whole, folder, said = place / "whole", place / "try", place / "said.txt"

    def job(where):
        os.chdir(where)
        command(*arguments)

    whole.mkdir(parents=True)
    moments = count(lambda: job(whole), place / "moments.txt")
    wanted, lost = left_by(whole), []
    chosen = [i for i, kind in enumerate(moments) if kind in ("write", "half", "sync", "rename")]
    if tries is None:
        cases = [(at, error) for at in chosen for error in ERRORS]
    else:
        some = spread([moments[at] for at in chosen], tries)
        cases = [(chosen[i], ERRORS[n % len(ERRORS)]) for n, i in enumerate(some)]
    for at, error in cases:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        code = in_child(lambda: job(folder), failing(at, error), said)
        wrong = amiss(code, said.read_text(), left_by(folder), wanted)
        if not wrong and in_child(lambda: job(folder), errors=said):
            wrong = f"the same command failed afterwards: {said.read_text()[-200:]}"
        if not wrong and left_by(folder) != wanted:
            wrong = "the same command left something else afterwards"
        if wrong:
            lost.append(f"{errno.errorcode[error]} at moment {at}, {moments[at]}: {wrong}")
    return lost


def amiss(code, said, left, wanted):
    """What is wrong after a failure: the exit code, the line, or the files."""
    lines = [line for line in said.splitlines() if line.startswith("trendbench: ")]
    if code not in (1, 2) or len(lines) != 1 or "Traceback" in said or "internal error" in said:
        return f"it ended with {code} and said {said[-300:]!r}"
    for name, content in left.items():
        if ".part/" in name or "/runs/" in f"/{name}":  # working state, for the same command
            continue
        if name.endswith(".tmp") or content != wanted.get(name):
            return f"{name} was left behind half done"
    return None


def test_every_failing_call_of_make_data(tmp_path):
    assert fail_and_repeat(make_data_command(tmp_path), tmp_path / "x") == []


def test_failing_calls_of_leaderboard(tmp_path):
    assert fail_and_repeat(("leaderboard", "--results", ".", "--write"), tmp_path / "b", 2) == []


@pytest.mark.slow
def test_failing_calls_of_a_run(tmp_path):
    arguments = ("run", "--arch", "pix2pix-4", "--data", tiny_file(tmp_path), "--epochs", 1,
                 "--device", "cpu", "--no-c2st")  # fmt: skip
    assert fail_and_repeat(arguments, tmp_path / "x", 20) == []


@pytest.mark.slow
def test_failing_calls_of_a_scoring_with_figures(tmp_path):
    samples = tmp_path / "samples.npy"
    np.save(samples, simulate(TINY, TINY.test, 1).r)
    arguments = ("score", samples, "--data", tiny_file(tmp_path), "--name", "x", "--no-c2st",
                 "--figures", "figures")  # fmt: skip
    assert fail_and_repeat(arguments, tmp_path / "x", 10) == []


def test_what_killed_writers_left_is_swept_away_and_nothing_else(tmp_path):
    (tmp_path / ".a.json.abc123.tmp").write_text("half")
    (tmp_path / ".b.json.abc123.tmp").write_text("another's")
    with atomic.replacing(tmp_path / "a.json") as living:
        living.write_text("slow")
        write_text(tmp_path / "a.json", "quick")
        assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
            [living.name, ".b.json.abc123.tmp", "a.json"]
        )
    assert (tmp_path / "a.json").read_text() == "slow"
    assert sorted(p.name for p in tmp_path.iterdir()) == [".b.json.abc123.tmp", "a.json"]


def test_a_lock_on_a_file_that_is_gone_keeps_nobody_out(tmp_path):
    """The holder removes the lock file and its folder; the one that waited takes a new one."""
    lock, entered = tmp_path / "f" / "lock", threading.Event()

    def next_one():
        with waiting(lock):
            entered.set()
            with pytest.raises(RunError), holding(lock, "another"):
                pass

    with holding(lock, "one"):
        thread = threading.Thread(target=next_one)
        thread.start()
        assert not entered.wait(0.2)
        lock.unlink()
        lock.parent.rmdir()
    thread.join(10)
    assert entered.is_set()
    assert lock.exists()
