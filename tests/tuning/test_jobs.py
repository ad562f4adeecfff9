"""Several processes share a study; what happens to one of them is said and costs no trial."""

import os
import pickle
import signal
import subprocess
import sys
import time

import pytest

from tests.tuning.test_study import AS_INSTALLED, ask
from trendbench.cluster.dask import connected
from trendbench.errors import RecipeError, WorkerError
from trendbench.tuning.trial import run_trial


def slowly(place):
    """Trials that last long enough for two processes to get one each."""
    text = place.arch.read_text()
    place.arch.write_text(text.replace("epochs = 2", "epochs = 2\npause = 0.5"))


def test_one_trial_can_be_sent_to_another_process():
    assert pickle.loads(pickle.dumps(run_trial)) is run_trial


def test_two_jobs_share_the_trials(place):
    slowly(place)
    trials = place.tune(4, jobs=2).summary.trials
    assert [(trial.number, trial.state) for trial in trials] == [
        (number, "complete") for number in range(4)
    ]
    processes = {process for number in range(4) for _, process in place.epochs(number)}
    assert len(processes) == 2
    assert os.getpid() not in processes


@pytest.mark.slow
def test_the_workers_of_a_cluster_share_the_trials(place):
    pytest.importorskip("distributed")
    slowly(place)
    with connected("local") as engine:
        trials = place.tune(4, jobs=2, engine=engine).summary.trials
    assert [trial.state for trial in trials] == ["complete"] * 4
    processes = {process for number in range(4) for _, process in place.epochs(number)}
    assert os.getpid() not in processes


@pytest.mark.slow
def test_a_killed_worker_is_said_and_its_trial_goes_on(place):
    slowly(place)
    place.wish("kill")
    with pytest.raises(WorkerError, match=r"process was killed.*the same command goes on"):
        place.tune(3, jobs=2)
    trials = place.tune(3).summary.trials
    assert [trial.state for trial in trials] == ["complete"] * 3
    assert trials[0].parameters == {"level": 0.5}


@pytest.mark.slow
def test_what_a_worker_raises_is_raised_here(place):
    place.wish("fail")
    with pytest.raises(RecipeError, match=r"Quick\.fit raised ValueError: no reason"):
        place.tune(2, jobs=2)


@pytest.mark.slow
def test_ctrl_c_stops_every_worker_and_all_goes_on(place):
    slowly(place)
    child = subprocess.Popen(
        [sys.executable, "-c", AS_INSTALLED, *ask(place, "--jobs", 2, trials=2)],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    begun = place.folder / "study" / "trials" / "0000" / "epochs.txt"
    until = time.monotonic() + 300
    while not begun.exists() and time.monotonic() < until:
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=300)
    assert child.returncode == 130
    assert "Traceback" not in said
    trials = place.tune(2).summary.trials
    assert [trial.state for trial in trials] == ["complete"] * 2
    assert os.getpid() in {process for number in (0, 1) for _, process in place.epochs(number)}
