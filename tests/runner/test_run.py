"""A run from end to end, with a generator of one's own and with pix2pix."""

import json
import re

import numpy as np
import pytest

from tests.cli.test_commands import refused
from trendbench.data.make import make_data
from trendbench.errors import ImagesError, RecipeError, RunError
from trendbench.generators.template import write_template
from trendbench.leaderboard.board import rows
from trendbench.metrics import full_card
from trendbench.metrics.c2st import CLASSIFIER_METRICS
from trendbench.metrics.metric import Score
from trendbench.report.truth import exact_of
from trendbench.results.store import read_all, read_folder, read_record
from trendbench.results.task import task_of
from trendbench.runner import conditions
from trendbench.runner import run as story
from trendbench.runner.observer import observer

pytestmark = pytest.mark.usefixtures("few_published")


def run(*arguments, **keywords):
    """A run without the classifier, for which the small file has too few images."""
    return story.run(*arguments, c2st=False, **keywords)


COPY = """
import json
import numpy as np

class Copies:
    '''Draws s2. Leaves word of what it was shown.'''
    extendable = True

    def __init__(self, *, epochs=1, fails=False):
        self.epochs, self.fails = epochs, fails

    def fit(self, train, val, run):
        self.seen = [train.latent is None, len(train), len(val), run.seed, run.precision]
        run.observe(self, 1)

    def sample(self, inputs, seed):
        assert inputs.latent is None and inputs.target is None
        return inputs.s2.copy() if not self.fails else inputs.s2[:3]

    def save(self, folder):
        (folder / 'seen.json').write_text(json.dumps([*self.seen, self.fails]))

    @classmethod
    def load(cls, folder):
        return cls(fails=json.loads((folder / 'seen.json').read_text())[-1])
"""


@pytest.fixture
def pictured(tmp_path, monkeypatch):
    """The name of a generator of one's own, in a folder that is now the current one."""
    (tmp_path / "copies.py").write_text(COPY)
    monkeypatch.chdir(tmp_path)
    return f"{tmp_path / 'copies.py'}:Copies"


@pytest.fixture
def without_figures(monkeypatch):
    """Runs draw and write none, which would take half of their time."""
    figures = ("result_figure", "sample_sheet", "texture_figure", "survival_figure", "save")
    for place in [f"figures.card.{name}" for name in figures] + [
        "runner.observer.sample_sheet", "runner.observer.save",
    ]:  # fmt: skip
        monkeypatch.setattr(f"trendbench.{place}", lambda *arguments: None)


@pytest.fixture
def own(pictured, without_figures):
    """The same, without figures."""
    del without_figures
    return pictured


def test_the_whole_path_with_a_generator_of_one_s_own(pictured, small_file, tmp_path):
    outcome = run(pictured, data=small_file, seed=4)
    assert outcome.fresh
    record = read_record(outcome.record)
    assert (record.arch, record.family, record.seed, record.n_test) == ("Copies", "own", 4, 12)
    assert record.conditional
    assert not record.privileged
    assert record.scores["grey_fraction"].value == 0
    assert json.loads((outcome.folder / "weights/seen.json").read_text()) == [
        True, 24, 6, 4, record.hardware.precision, False,
    ]  # fmt: skip
    assert np.load(outcome.folder / "samples.npy").shape == (2, 12, 32, 64)
    for name in ("result.png", "samples.png", "epoch-0001.png"):
        assert (outcome.folder / "figures" / name).stat().st_size > 10_000
    assert (outcome.folder / "validation.csv").read_text().startswith("epoch,xi,grey_fraction\n1,")
    (stored,) = [s for s in read_all(tmp_path / "results") if s.origin == "local"]
    assert stored.per_image()["xi"].shape == (12,)
    assert stored.per_image()["xi"].mean() == pytest.approx(record.scores["xi"].value, rel=1e-6)
    assert "Copies" in outcome.leaderboard.read_text()


def test_a_run_gets_its_record_whatever_becomes_of_its_pictures(
    pictured, small_file, monkeypatch, capfd
):
    def broken(*_, **__):
        raise ValueError("no such backend")

    monkeypatch.setattr("trendbench.figures.canvas.Figure.savefig", broken)
    monkeypatch.setattr("trendbench.runner.run.contact_sheet", broken)
    monkeypatch.setattr("trendbench.runner.run.model_card", broken)
    outcome = run(pictured, data=small_file)
    record = read_record(outcome.record)
    assert {"curves.json", "samples.png"} - set(record.attachments) == {"samples.png"}
    said = [line for line in capfd.readouterr().err.splitlines() if "left out" in line]
    assert len(said) == 5  # the epoch's figure, samples, figures, the cards of both weights
    assert all("left out: ValueError: no such backend" in line for line in said)
    assert not run(pictured, data=small_file).fresh


@pytest.mark.usefixtures("without_figures")
def test_two_files_with_one_class_name_keep_a_folder_each(small_file, tmp_path, capfd):
    where = {"data": small_file, "runs": tmp_path / "runs", "results": tmp_path / "results"}
    archs = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "copies.py").write_text(f"{COPY}\n# {name}\n")
        archs.append(f"{tmp_path / name / 'copies.py'}:Copies")
    first, second = (run(arch, **where) for arch in archs)
    assert first.folder != second.folder
    assert f"{first.folder} holds a run of {archs[0]}; that of {archs[1]} is in" in (
        capfd.readouterr().err
    )
    (first.folder / "mark").write_text("")
    again = run(archs[1], restart=True, **where)
    assert again.folder == second.folder
    assert (first.folder / "mark").exists()
    assert [run(arch, **where).fresh for arch in archs] == [False, False]


def test_a_fit_that_saved_nothing_blocks_no_correction(own, small_file, tmp_path):
    path = tmp_path / "copies.py"
    path.write_text(COPY.replace("self.seen = [", "1 / 0; self.seen = ["))
    with pytest.raises(RecipeError, match=r"Copies.fit raised ZeroDivisionError.*copies.py:13"):
        run(own, data=small_file)
    path.write_text(COPY)
    assert run(own, data=small_file).fresh
    path.write_text(COPY + "# changed after it was trained\n")
    with pytest.raises(RunError, match="--restart"):
        run(own, data=small_file)
    path.write_text(COPY)
    assert not run(own, data=small_file).fresh


def test_a_run_says_how_long_it_draws_and_shows_how_far_it_scores(own, small_file, capfd):
    run(own, data=small_file)
    said = capfd.readouterr().err
    assert re.search(r"drew 12 images in \d+\.\d s; drawing as many again", said)
    assert "scoring: 12/12 images" in said


def test_a_finished_run_is_found_finished(own, small_file):
    first = run(own, data=small_file)
    again = run(own, data=small_file)
    assert not again.fresh
    assert again.record == first.record


def test_a_run_without_the_classifier_is_scored_again_where_it_is_asked_for(
    own, small, tmp_path, monkeypatch
):
    make_data(small.model_copy(update={"test": 100}), 3, tmp_path / "hundred.h5", workers=1)
    numbers = dict.fromkeys(("value", "low", "high", "truth", "truth_low", "truth_high"), 0.5)
    told = {m.name: Score(**numbers, unit="1", version=m.version) for m in CLASSIFIER_METRICS}
    monkeypatch.setattr(full_card, "classifier_scores", lambda *_, **__: told)
    first = run(own, data=tmp_path / "hundred.h5")
    again = story.run(own, data=tmp_path / "hundred.h5")
    assert again.fresh
    (row,) = [row for row in rows(read_all(tmp_path / "results")) if row["task"] == "small"]
    assert row["c2st_p"] == 0.5
    assert not story.run(own, data=tmp_path / "hundred.h5").fresh
    assert not run(own, data=tmp_path / "hundred.h5").fresh
    assert first.record != again.record


def test_validation_stands_at_the_images_seen(small_data, tmp_path):
    class Blocks:
        conditional = True
        images_an_epoch = 7

        def sample(self, inputs, *_):
            return inputs.s2.copy()

    class Noted:
        def scalars(self, _group, images_seen, _values):
            seen.append(images_seen)

    class Passes(Blocks):
        images_an_epoch = property()  # as a class without the attribute

    seen = []
    for kind in (Blocks, Passes):
        watch = observer(tmp_path, kind, small_data, "x", Noted(), figures=None)
        watch(kind(), 2)
    assert seen == [14, 2 * small_data.spec.train]


def test_a_lost_record_is_written_again_from_the_samples(own, small_file):
    first = run(own, data=small_file)
    first.record.unlink()
    samples = (first.folder / "samples.npy").stat().st_mtime_ns
    again = run(own, data=small_file)
    assert again.fresh
    assert (first.folder / "samples.npy").stat().st_mtime_ns == samples


def test_damaged_samples_are_drawn_again(own, small_file):
    first = run(own, data=small_file)
    first.record.unlink()
    good = (first.folder / "samples.npy").read_bytes()
    (first.folder / "samples.npy").write_bytes(good[:-9] + b"damaged!!")
    again = run(own, data=small_file)
    assert (again.folder / "samples.npy").read_bytes() == good


@pytest.mark.usefixtures("without_figures")
def test_restart_deletes_a_run_of_another_plan_and_begins_again(small_file, tmp_path, monkeypatch):
    """After a change to one's own class; the record of the earlier run stays."""
    monkeypatch.chdir(tmp_path)
    path, title = write_template("my-model", tmp_path)

    def again(**how):
        return story.run(f"{path}:{title}", data=small_file, device="cpu", c2st=False, **how)

    first = again()
    path.write_text(path.read_text() + "\n# changed\n")
    with pytest.raises(RunError, match=r"source was '?[0-9a-f]{8}…, now [0-9a-f]{8}….*--restart"):
        again()
    (first.folder / "mark").write_text("")
    second = again(restart=True)
    assert second.fresh
    assert second.record != first.record
    assert first.record.exists()
    assert not (first.folder / "mark").exists()


@pytest.mark.usefixtures("without_figures")
def test_another_plan_in_the_same_folder_is_refused_with_the_difference(small_file, tmp_path):
    where = {"data": small_file, "runs": tmp_path / "runs", "results": tmp_path / "results"}
    run("pix2pix-4", epochs=1, **where)
    with pytest.raises(RunError, match="batch was 4, now 1; epochs was 1, now 200"):
        run("pix2pix-4", preset="paper", **where)
    run("pix2pix-4", epochs=2, **where)
    back = run("pix2pix-4", epochs=1, **where)
    assert not back.fresh
    assert read_record(back.record).training.epochs == 1
    back.record.unlink()
    with pytest.raises(RunError, match=r"a run of 2 epochs, which cannot go back to 1 .*--restart"):
        run("pix2pix-4", epochs=1, **where)


@pytest.mark.usefixtures("without_figures")
def test_pix2pix_end_to_end_and_more_epochs(small_file, tmp_path):
    """Two epochs in one sitting and in two give the same weights, samples and scores."""
    where = {"data": small_file, "device": "cpu"}
    whole, folders = ({"runs": tmp_path / name, "results": tmp_path / f"r{name}"} for name in "ab")
    at_once = run("pix2pix-4-woUnet", epochs=2, **whole, **where)
    short = run("pix2pix-4-woUnet", epochs=1, **folders, **where)
    longer = run("pix2pix-4-woUnet", epochs=2, **folders, **where)
    assert short.record.exists()
    assert longer.record != short.record
    for name in ("samples.npy", "losses.csv", "validation.csv", "weights/generator.safetensors"):
        assert (at_once.folder / name).read_bytes() == (longer.folder / name).read_bytes(), name
    one, two = read_record(at_once.record), read_record(longer.record)
    assert one.scores == two.scores
    assert one.images == two.images
    assert two.training.images_seen == 48
    assert two.parameters is not None


def test_what_a_generator_returns_is_checked(own, small_file, tmp_path):
    (tmp_path / "copies.py").write_text(COPY.replace("fails=False", "fails=True"))
    with pytest.raises(ImagesError, match=r"shape \(3, 32, 64\): needed is one image for each"):
        run(own, data=small_file)


def test_a_frame_that_the_networks_cannot_take_is_refused_before_training(tmp_path):
    from trendbench.data.make import make_data
    from trendbench.spec import TaskSpec

    spec = TaskSpec(
        name="odd", width=60, height=40, radius=2.0, lambda_left=1e-3, lambda_right=2e-3,
        window=8, train=4, val=2, test=3,
    )  # fmt: skip
    make_data(spec, 0, tmp_path / "odd.h5")
    with pytest.raises(RecipeError, match="multiples of"):
        run("pix2pix-4", data=tmp_path / "odd.h5", runs=tmp_path / "r", results=tmp_path / "s")


def test_too_few_test_images_are_refused_before_training(own, tmp_path, small):
    from trendbench.data.make import make_data
    from trendbench.errors import DataFileError

    make_data(small.model_copy(update={"test": 1}), 0, tmp_path / "one.h5")
    with pytest.raises(DataFileError, match="needs at least 1 and 2"):
        run(own, data=tmp_path / "one.h5")
    assert not (tmp_path / "runs").exists()


def test_too_few_for_the_classifier_are_refused_before_training(own, tmp_path, small_file):
    from trendbench.errors import DataFileError

    with pytest.raises(DataFileError, match=r"small\.h5 has 12 test triplets: .* use --no-c2st"):
        story.run(own, data=small_file)
    assert not (tmp_path / "runs").exists()


def test_a_default_file_that_is_not_canonical_is_refused(own, tmp_path, monkeypatch):
    from trendbench.errors import DataFileError

    class Other:
        train, seed, sha256 = 3500, 0, "0" * 64

    monkeypatch.setattr("trendbench.runner.conditions.canonical_file", lambda task: Other)
    with pytest.raises(DataFileError, match="not the canonical file"):
        run(own)
    assert not (tmp_path / "runs").exists()


def test_epochs_of_a_recipe_that_states_none(own, small_file):
    record = read_record(run(own, data=small_file).record)
    assert record.training.epochs is None
    with pytest.raises(RunError, match="epochs was None, now 9"):
        run(own, data=small_file, epochs=9)


def test_one_run_has_one_record_wherever_it_is_written(own, small_file, tmp_path, capfd):
    one = run(own, data=small_file, results=tmp_path / "a")
    two = run(own, data=small_file, results=tmp_path / "b")
    three = run(own, data=small_file, results=tmp_path / "a")
    assert one.record.name == two.record.name == three.record.name
    assert capfd.readouterr().err.count("drawing 12 test images") == 1
    assert len(list((tmp_path / "a").rglob("seed*.json"))) == 1


def test_one_of_several_processes_of_torchrun_is_refused(in_process, monkeypatch, tmp_path):
    monkeypatch.setenv("WORLD_SIZE", "4")  # by itself what a batch system may have left
    conditions.must_be_alone()
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    for seeds in ([], ["--seed", "1", "--seed", "2"]):
        refused(in_process("run", "--arch", "pix2pix-4", *seeds, cwd=tmp_path), "without torchrun")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("WORLD_SIZE", "1")
    conditions.must_be_alone()


@pytest.mark.usefixtures("without_figures")
def test_a_run_on_a_stream_is_that_on_a_file_of_as_many_and_a_row_of_its_own(
    small_file, tmp_path, monkeypatch, capfd
):
    monkeypatch.chdir(tmp_path)
    where = {"data": small_file, "epochs": 1, "device": "cpu"}
    of_file, as_many, more = (run("pix2pix-4", **where, stream=n) for n in (None, 24, 30))
    weights = [o.folder / "weights/generator.safetensors" for o in (of_file, as_many, more)]
    assert weights[0].read_bytes() == weights[1].read_bytes() != weights[2].read_bytes()
    record, streamed = read_record(as_many.record), read_record(more.record)
    assert (record.data, record.scores) == ((of := read_record(of_file.record)).data, of.scores)
    assert (streamed.data.train, streamed.training.images_seen) == (30, 30)
    assert streamed.data.sha256 == of.data.sha256
    assert "30 training triplets are drawn on the fly" in capfd.readouterr().err
    assert not run("pix2pix-4", **where, stream=30).fresh
    board = [row for row in rows(read_all(tmp_path / "results")) if row["arch"] == "pix2pix-4"]
    assert {row["variant"] for row in board if row["origin"] == "local"} == {"train=24", "train=30"}
    (own,) = (
        s for s in read_folder(tmp_path / "results", "local") if s.path.name == more.record.name
    )
    task = task_of(own)
    assert task is not None
    assert task.train == 24, "the file's, from which it can be made again"
    assert exact_of(own) is not None


def test_a_stream_is_refused_where_a_generator_needs_arrays(own, small_file):
    with pytest.raises(RecipeError, match="make-data --n 9 makes one for --data"):
        run(own, data=small_file, stream=9)
