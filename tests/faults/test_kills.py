"""Killed outright at any moment, the same command ends where an undisturbed one ends."""

import shutil

import pytest

from tests.faults.jobs import left_by, make_data_job, run_job, score_job, tiny_file
from tests.faults.moments import count, in_child, killing, spread

pytestmark = pytest.mark.usefixtures("few_published")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return tiny_file(tmp_path_factory.mktemp("tiny"))


def kill_and_resume(job, place, tries):
    """Kill a job at so many moments, each in a new folder, and run it again; what was lost."""
    whole, folder = place / "whole", place / "try"
    whole.mkdir()
    moments = count(lambda: job(whole), place / "moments.txt")
    wanted, lost = left_by(whole), []
    for at in spread(moments, tries):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        what = f"killed at moment {at} of {len(moments)}, {moments[at]}"
        assert in_child(lambda: job(folder), killing(at)) == -9, what
        if code := in_child(lambda: job(folder)):
            lost.append(f"{what}: the same command ended with {code}")
            continue
        found = left_by(folder)
        lost += [f"{what}: {k} differs" for k in wanted | found if wanted.get(k) != found.get(k)]
    return lost


def test_a_killed_make_data_ends_in_the_same_bytes(tmp_path):
    assert kill_and_resume(make_data_job, tmp_path, 5) == []


def test_a_killed_run_ends_in_the_same_weights_losses_and_scores(tiny, tmp_path):
    assert kill_and_resume(run_job(tiny), tmp_path, 1) == []


@pytest.mark.slow
@pytest.mark.parametrize("job", ["make-data", "run", "score"])
def test_twenty_kills_of_each_job(tiny, tmp_path, job):
    work = {"make-data": make_data_job, "run": run_job(tiny), "score": score_job(tiny)}[job]
    assert kill_and_resume(work, tmp_path, 20) == []


def test_a_kill_leaves_nothing_under_the_final_name_and_the_next_call_sweeps(tmp_path):
    assert in_child(lambda: make_data_job(tmp_path), killing(40)) == -9
    left = {path.name for path in tmp_path.iterdir()}
    assert "made.h5" not in left
    assert len(left) == 2
    assert in_child(lambda: make_data_job(tmp_path)) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["made.h5"]
