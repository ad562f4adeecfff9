"""Many processes in one folder, kills among them: no row lost, none doubled, no file torn."""

import csv
import hashlib
import json
import os
import random
import signal
import time

import numpy as np
import pytest

from tests.faults.jobs import command, make_data_command
from tests.faults.moments import in_child, killing, start
from trendbench import catalog
from trendbench.leaderboard.board import COLUMNS, refresh
from trendbench.results.record import RunRecord
from trendbench.results.store import pack_per_image, write_record

pytestmark = pytest.mark.usefixtures("few_published")


_N = 5


def finish_a_run(results, i):
    """What the end of a run does: its record, of a row of its own, then the leaderboard."""
    published = min(catalog.RESULTS.glob("trend-v1/pix2pix-8/seed0-*.json"))
    per_image = pack_per_image({"xi": np.arange(_N, dtype=np.float64) + i})
    content = json.loads(published.read_text()) | {
        "arch": f"mine-{i:02d}", "family": "own", "n_test": _N, "status": "self-reported",
        "images": hashlib.sha256(per_image).hexdigest(), "attachments": {},
    }  # fmt: skip
    write_record(results, RunRecord.model_validate(content), per_image)
    refresh(results)


def own_rows(path):
    """The rows that are not published ones; raises where the CSV is torn."""
    with path.open(newline="", encoding="utf-8") as file:
        head, *lines = list(csv.reader(file, strict=True))
    assert tuple(head) == COLUMNS
    rows = [dict(zip(COLUMNS, line, strict=True)) for line in lines]
    return sorted(row["arch"] for row in rows if row["origin"] == "local")


def finish_together(results, processes):
    """So many runs finish at once; every fourth is killed on the way and runs again."""
    draw, board = random.Random(0), results / "leaderboard.csv"
    running = {
        start(
            lambda i=i: finish_a_run(results, i), None if i % 4 else killing(draw.randrange(1, 9))
        )
        for i in range(processes)
    }
    while running:
        for child in list(running):
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                running.discard(child)
                assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGKILL)
        names = own_rows(board) if board.exists() else []
        assert len(set(names)) == len(names)
        time.sleep(0.02)
    for i in range(0, processes, 4):
        assert in_child(lambda i=i: finish_a_run(results, i)) == 0
    assert own_rows(board) == [f"mine-{i:02d}" for i in range(processes)]
    assert list(results.rglob(".*.tmp")) == []


def test_eight_runs_finish_at_once_and_two_are_killed(tmp_path):
    finish_together(tmp_path, 8)


@pytest.mark.slow
def test_thirty_two_runs_finish_at_once_and_eight_are_killed(tmp_path):
    finish_together(tmp_path, 32)


@pytest.mark.parametrize("attempt", range(2))
def test_of_two_make_data_on_one_target_one_works_and_the_other_says_so(tmp_path, attempt):
    del attempt
    arguments, folder = make_data_command(tmp_path), tmp_path / "x"
    folder.mkdir()

    def job():
        os.chdir(folder)
        command(*arguments)

    said = [tmp_path / "one.txt", tmp_path / "other.txt"]
    children = [start(job, None, path) for path in said]
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert 0 in codes
    for code, path in zip(codes, said, strict=True):
        assert code == 0 or (code == 2 and "at work in another process" in path.read_text())
    assert [path.name for path in folder.iterdir()] == ["made.h5"]
