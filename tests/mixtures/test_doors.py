"""Tasks of several trends at every door: trials, searches, images without inputs."""

import numpy as np
import pytest

from tests.mixtures.conftest import FIELDS
from trendbench import score
from trendbench.conformance.plan import small_task
from trendbench.data.make import make_data
from trendbench.data.opening import open_dataset
from trendbench.errors import DataFileError, ImagesError
from trendbench.runner.run import run
from trendbench.spec import TaskSpec, load_spec
from trendbench.tuning.objective import Objective, must_be_usable

FAR = [[3e-3, 1.6e-2], [1.6e-2, 3e-3], [1.6e-2, 1.6e-2], [5e-3, 3e-3]]


def test_validation_images_are_held_against_the_trends_of_training(tmp_path):
    task = TaskSpec(**{**FIELDS, "val": 100, "test_trends": FAR})
    make_data(task, 0, tmp_path / "far.h5")
    with open_dataset(tmp_path / "far.h5") as dataset:
        finding = Objective(dataset)(dataset.load("val").r)
    assert finding.xi_ratio == pytest.approx(1, abs=0.3)
    assert finding.flags == ["copies-target"]  # they are the very r


def test_a_search_needs_as_many_validation_triplets_of_each_trend(tmp_path):
    make_data(TaskSpec(**{**FIELDS, "val": 7}), 0, tmp_path / "seven.h5")
    with (
        open_dataset(tmp_path / "seven.h5") as dataset,
        pytest.raises(DataFileError, match=r"7 validation triplets for 5 trends: .* multiple of 5"),
    ):
        must_be_usable(dataset)


def test_a_trial_of_a_generator_has_triplets_of_each_trend():
    task = small_task("trends-v1-far")
    assert (task.train, task.val, task.test) == (25, 25, 25)
    assert TaskSpec(**task.model_dump()) == task
    assert small_task("trend-v1").test == 6


def test_images_without_inputs_are_refused(tmp_path):
    path = tmp_path / "five.h5"
    make_data(TaskSpec(**FIELDS), 0, path)
    images = np.full((100, 48, 64), 255, np.uint8)
    with pytest.raises(ImagesError, match="five has 5 trends, and s1 and s2 show which"):
        score(images, path, conditional=False, c2st=False)
    with pytest.raises(ImagesError, match="five has 5 trends"):
        run("vae", data=path, c2st=False, runs=tmp_path / "runs", results=tmp_path / "results")
    made = run(
        "null-ellipses", data=path, c2st=False, runs=tmp_path / "runs", results=tmp_path / "results"
    )
    assert made.fresh


def test_every_shipped_task_of_several_trends_is_as_large_as_its_trends_ask():
    for name in ("trends-v1", "trends-v1-independent", "trends-v1-far"):
        task = load_spec(name)
        assert len(task.members) == 25
        assert task.test % 25 == task.train % 25 == task.val % 25 == 0
