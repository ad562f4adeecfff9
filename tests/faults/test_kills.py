"""Killed outright at any moment, the same command ends where an undisturbed one ends."""

import pytest

from tests.campaign.jobs import (
    kill_and_resume,
    make_data_job,
    run_job,
    score_job,
    tiny_file,
)
from tests.campaign.moments import in_child, killing


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return tiny_file(tmp_path_factory.mktemp("tiny"))


def test_a_killed_make_data_ends_in_the_same_bytes(tmp_path):
    assert kill_and_resume(make_data_job, tmp_path / "x", 5).lost == []


def test_a_killed_run_ends_in_the_same_weights_losses_and_scores(tiny, tmp_path):
    assert kill_and_resume(run_job(tiny), tmp_path / "x", 1).lost == []


@pytest.mark.slow
@pytest.mark.parametrize("job", ["make-data", "run", "score"])
def test_twenty_kills_of_each_job(tiny, tmp_path, job):
    work = {"make-data": make_data_job, "run": run_job(tiny), "score": score_job(tiny)}[job]
    assert kill_and_resume(work, tmp_path / "x", 20).lost == []


def test_a_kill_leaves_nothing_under_the_final_name_and_the_next_call_sweeps(tmp_path):
    assert in_child(lambda: make_data_job(tmp_path), killing(40)) == -9
    left = {path.name for path in tmp_path.iterdir()}
    assert "made.h5" not in left
    assert len(left) == 2
    assert in_child(lambda: make_data_job(tmp_path)) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["made.h5"]
