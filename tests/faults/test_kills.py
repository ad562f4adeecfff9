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


def test_a_kill_leaves_nothing_under_the_final_name(tmp_path):
    assert in_child(lambda: make_data_job(tmp_path), killing(40)) == -9
    assert not (tmp_path / "made.h5").exists()
    assert (tmp_path / "made.h5.part").is_dir()


def test_a_block_that_a_power_cut_emptied_is_drawn_again(tmp_path):
    assert in_child(lambda: make_data_job(tmp_path), killing(40)) == -9
    blocks = list(tmp_path.rglob("*.block"))
    assert blocks
    for block in blocks:
        block.write_bytes(b"")
    assert in_child(lambda: make_data_job(tmp_path)) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["made.h5"]
