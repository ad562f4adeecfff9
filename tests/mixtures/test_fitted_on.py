"""What was fitted on a task is tested on trends that its training never shows."""

import shutil

import numpy as np
import pytest

from tests.mixtures.conftest import FIELDS
from trendbench.data.make import make_data
from trendbench.data.opening import open_dataset
from trendbench.errors import RunError
from trendbench.metrics.references import truth_of
from trendbench.metrics.truth import true_values
from trendbench.results.store import read_record
from trendbench.runner.run import run
from trendbench.spec import TaskSpec

FAR = [[3e-3, 1.6e-2], [1.6e-2, 3e-3], [1.6e-2, 1.6e-2], [5e-3, 3e-3]]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("far")
    near = TaskSpec(**FIELDS)
    far = TaskSpec(**{**FIELDS, "name": "far", "test_trends": FAR})
    for task in (near, far):
        make_data(task, 0, folder / f"{task.name}.h5")
    return folder


def test_training_triplets_are_those_of_the_other_task_and_the_test_split_is_not(files):
    with open_dataset(files / "five.h5") as near, open_dataset(files / "far.h5") as far:
        same = {name for name in near.hashes if near.hashes[name] == far.hashes[name]}
        assert same == {name for name in near.hashes if not name.startswith("test/")}
        assert far.spec.members[0].lambda_left == 3e-3
        assert far.ends("train")["lambda_right"][0] == 1.2e-2
        assert far.ends("test")["lambda_right"][0] == 1.6e-2
        truth = truth_of(far)
        exact = np.stack([m.mean_profile for m in true_values(far.spec).members])
        np.testing.assert_array_equal(truth.xi0, exact)
        assert truth.xi_floor == pytest.approx(true_values(far.spec).xi_floor())


def test_a_fitted_run_is_taken_over_and_scored_on_the_other_trends(files, monkeypatch):
    monkeypatch.chdir(files)
    arch = "poisson-mle-germs"
    with pytest.raises(RunError, match=r"holds weights of .*trendbench run --arch .* fits it"):
        run(arch, data="far.h5", fitted_on="five.h5", c2st=False)
    fitted = read_record(run(arch, data="five.h5", c2st=False).record)
    outcome = run(arch, data="far.h5", fitted_on="five.h5", c2st=False)
    taken = read_record(outcome.record)
    assert taken.task == "far"
    assert taken.training.seconds == fitted.training.seconds
    assert taken.recipe == fitted.recipe
    assert taken.scores["xi"].truth < fitted.scores["xi"].truth * 2
    assert not run(arch, data="far.h5", fitted_on="five.h5", c2st=False).fresh


def test_weights_of_a_record_are_taken_where_the_run_s_folder_is_gone(files, monkeypatch):
    monkeypatch.chdir(files)
    arch = "poisson-mle-germs"
    fitted = read_record(run(arch, data="five.h5", c2st=False, seed=5).record)
    run(arch, data="far.h5", fitted_on="five.h5", c2st=False, seed=5, results="of-folder")
    shutil.rmtree("runs")
    again = run(arch, data="far.h5", fitted_on="five.h5", c2st=False, seed=5, results="results")
    of_folder, of_record = (
        read_record(next((files / place / "far" / arch).glob("seed5-*.json")))
        for place in ("of-folder", "results")
    )
    assert again.fresh
    assert of_record.images == of_folder.images
    assert of_record.training.seconds == fitted.training.seconds
    with pytest.raises(RunError, match="holds weights of"):
        run(arch, data="far.h5", fitted_on="five.h5", c2st=False, seed=6)


def test_other_training_triplets_are_no_base(files, monkeypatch):
    monkeypatch.chdir(files)
    make_data(TaskSpec(**FIELDS), 1, files / "other.h5")
    with pytest.raises(RunError, match=r"other.h5 and far.h5 differ in train/"):
        run("poisson-mle-germs", data="far.h5", fitted_on="other.h5", c2st=False, seed=4)
