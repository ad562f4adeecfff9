"""What was fitted on a task is tested on trends that its training never shows."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.mixtures.conftest import FIELDS
from trendbench.data.make import make_data
from trendbench.data.opening import open_dataset
from trendbench.errors import RunError
from trendbench.metrics.references import truth_of
from trendbench.metrics.truth import true_values
from trendbench.results.store import StoredRecord, read_record, write_record
from trendbench.runner import plan
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
    with pytest.raises(RunError, match=r"holds no fitted .*, and no record .* fits it"):
        run(arch, data="far.h5", fitted_on="five.h5", c2st=False)
    fitted = read_record(run(arch, data="five.h5", c2st=False).record)
    outcome = run(arch, data="far.h5", fitted_on="five.h5", c2st=False)
    taken = read_record(outcome.record)
    assert taken.task == "far"
    assert taken.training.seconds == fitted.training.seconds
    assert taken.recipe == fitted.recipe
    assert taken.scores["xi"].truth < fitted.scores["xi"].truth * 2
    assert not run(arch, data="far.h5", fitted_on="five.h5", c2st=False).fresh


def test_weights_of_a_record_are_taken_where_the_run_s_are_gone(files, monkeypatch):
    monkeypatch.chdir(files)
    arch = "poisson-mle-germs"

    def on_far(results, **options):
        folder = Path("runs") / "far"
        shutil.rmtree(folder, ignore_errors=True)
        options = {"seed": 5, **options}
        outcome = run(
            arch, data="far.h5", fitted_on="five.h5", c2st=False, results=results, **options
        )
        return read_record(outcome.record)

    outcome = run(arch, data="five.h5", c2st=False, seed=5)
    fitted, of_run = read_record(outcome.record), on_far("of-run")
    weights = outcome.folder / "weights"
    for change in ("one", "all"):
        if change == "one":
            next(weights.iterdir()).write_bytes(b"changed")
        else:
            shutil.rmtree(weights)
        with pytest.raises(RunError, match=r"does not hold the weights .*, and no record"):
            on_far(f"of-none-{change}")
        shutil.copytree("results/five", f"of-record-{change}/five")
        of_record = on_far(f"of-record-{change}")
        assert of_record.images == of_run.images
        assert of_record.training.seconds == fitted.training.seconds
    shutil.rmtree(outcome.folder)
    shutil.copytree("results/five", "of-other/five")
    assert on_far("of-record-all").images == of_run.images
    with pytest.raises(RunError, match="holds no fitted"):
        on_far("of-other", seed=6)
    monkeypatch.setattr(plan, "choose_precision", lambda device: "fp16")
    with pytest.raises(RunError, match=rf"trained in {fitted.hardware.precision}, .* in fp16"):
        on_far("of-other")


def test_of_two_records_the_newest_gives_the_weights(files, monkeypatch):
    monkeypatch.chdir(files)
    arch, seed = "poisson-mle-germs", 7
    outcome = run(arch, data="five.h5", c2st=False, seed=seed, results="both")
    first = read_record(outcome.record)
    shutil.rmtree(outcome.folder)
    record = first.model_copy(
        update={
            "finished": "2100-01-01T00:00:00Z",
            "training": first.training.model_copy(update={"seconds": 123.0}),
        }
    )
    old = StoredRecord(first, outcome.record, "local")
    weights = {name: old.attachment(name) for name in record.attachments}
    write_record(Path("both"), record, outcome.record.with_suffix(".npz").read_bytes(), weights)
    shutil.rmtree(Path("runs") / "far", ignore_errors=True)
    outcome = run(arch, data="far.h5", fitted_on="five.h5", c2st=False, seed=seed, results="both")
    assert read_record(outcome.record).training.seconds == 123.0


def test_other_training_triplets_are_no_base(files, monkeypatch):
    monkeypatch.chdir(files)
    make_data(TaskSpec(**FIELDS), 1, files / "other.h5")
    with pytest.raises(RunError, match=r"other.h5 and far.h5 differ in train/"):
        run("poisson-mle-germs", data="far.h5", fitted_on="other.h5", c2st=False, seed=4)
