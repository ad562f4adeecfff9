"""Weights that travel with a record, and images drawn with them."""

import hashlib
import shutil
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from trendbench import catalog
from trendbench.cli.main import group
from trendbench.data.make import make_data
from trendbench.data.opening import open_dataset
from trendbench.errors import ResultError, TrendbenchError, WeightsError
from trendbench.generators.protocol import Inputs
from trendbench.generators.recipes import load_class
from trendbench.generators.template import write_template
from trendbench.results import weights as published
from trendbench.results.store import StoredRecord, read_record
from trendbench.results.task import task_of
from trendbench.runner.run import SAMPLING_SEED, run
from trendbench.runner.sample import _fitness, _say_what_differs, find_weights, sample


@pytest.fixture(scope="module")
def finished(small_file, tmp_path_factory):
    """A run of a small pix2pix, its record copied to where its run folder is not."""
    place = tmp_path_factory.mktemp("finished")
    outcome = run("pix2pix-4", data=small_file, epochs=1, device="cpu", c2st=False,
                  runs=place / "runs", results=place / "results")  # fmt: skip
    return outcome, place / "results"


def record_of(results):
    path = next(results.glob("*/pix2pix-4/seed*.json"))
    return StoredRecord(read_record(path), path, "local")


def test_the_published_weights_draw_what_the_run_drew(finished, small_file):
    outcome, results = finished
    with open_dataset(small_file) as dataset:
        source = find_weights("pix2pix-4", results=results)
        drawn = sample(source, dataset)
        other = sample(source, dataset, seed=SAMPLING_SEED + 1)
    np.testing.assert_array_equal(drawn, np.load(outcome.folder / "samples.npy")[0])
    assert not np.array_equal(drawn, other)


def test_a_record_carries_weights_and_a_card(finished):
    _, results = finished
    stored = record_of(results)
    assert sorted(published.names(stored.record)) == ["generator.safetensors", "settings.json"]
    folder = stored.path.with_suffix("")
    assert (folder / published.CARD).read_text().count("# pix2pix-4 on")
    for name in published.names(stored.record):
        content = (folder / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == stored.record.attachments[name]


@pytest.mark.parametrize(
    "path", sorted(catalog.RESULTS.rglob("generator.safetensors")), ids=lambda p: p.parent.name
)
def test_every_published_weight_is_one_that_today_s_code_draws_with(path):
    stored = read_record(path.parent.with_name(f"{path.parent.name}.json"))
    model = load_class(stored.recipe.generator).load(path.parent)
    white = np.full((1, 256, 256), 255, np.uint8)
    assert model.sample(Inputs(white, white), 0).shape == white.shape


def test_a_run_s_own_folder_and_the_command_line(finished, small_file, tmp_path):
    outcome, _ = finished
    arguments = ["sample", "--arch", "pix2pix-4", "--data", str(small_file), "--weights",
                 str(outcome.folder / "weights"), "--out", str(tmp_path / "a.npy")]  # fmt: skip
    result = CliRunner().invoke(group, arguments)
    assert result.exit_code == 0, result.output
    drawn = np.load(tmp_path / "a.npy")
    np.testing.assert_array_equal(drawn, np.load(outcome.folder / "samples.npy")[0])


def test_changed_weights_are_refused(finished, tmp_path):
    _, results = finished
    shutil.copytree(results, tmp_path / "results")
    stored = record_of(tmp_path / "results")
    path = stored.path.with_suffix("") / "generator.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ResultError, match="is not the file"), published.unpacked(stored):
        pass
    with pytest.raises(ResultError, match="no record of it came with weights"):
        find_weights("pix2pix-4", results=tmp_path / "results")


def test_what_cannot_be_drawn_with_is_one_line(small_file, tmp_path):
    with pytest.raises(WeightsError, match="no folder of weights"):
        find_weights("pix2pix-8", tmp_path / "x")
    with pytest.raises(ResultError, match="train it with trendbench run --arch pix2pix-5"):
        find_weights("pix2pix-5", results=tmp_path)
    with open_dataset(small_file) as dataset, pytest.raises(WeightsError, match="settings"):
        sample(find_weights("pix2pix-8", tmp_path), dataset)


def test_a_run_s_own_weights_are_held_against_its_note(finished, tmp_path):
    outcome, _ = finished
    shutil.copytree(outcome.folder, tmp_path / "run")
    find_weights("pix2pix-4", tmp_path / "run" / "weights")
    path = tmp_path / "run" / "weights" / "generator.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="not those that were saved"):
        find_weights("pix2pix-4", tmp_path / "run" / "weights")


def test_another_class_of_the_same_name_is_not_drawn_with(small_file, tmp_path, monkeypatch):
    """Of a file of one's own the record holds the hash: after a change its weights are not its."""
    monkeypatch.chdir(tmp_path)
    path, title = write_template("changed-model", tmp_path)
    run(f"{path}:{title}", data=small_file, device="cpu", c2st=False, runs=tmp_path / "runs",
        results=tmp_path / "results")  # fmt: skip
    assert find_weights(f"{path}:{title}").records
    path.write_text(path.read_text() + "\n# changed\n")
    with pytest.raises(ResultError, match="none of its 1 records came with weights of"):
        find_weights(f"{path}:{title}")


def test_the_record_that_fits_the_data_best_is_drawn_with(finished, small_file):
    _, results = finished
    source = find_weights("pix2pix-4", results=results)
    (stored,) = source.records
    other = stored.record.model_copy(update={"task": "other", "finished": "2999-01-01T00:00:00Z"})
    rival = StoredRecord(other, stored.path, "local")
    with open_dataset(small_file) as dataset:
        scores = [_fitness(record, source.recipe, dataset) for record in (stored, rival)]
    assert scores[0] > scores[1]


def test_weights_of_another_task_say_in_what_it_differs(small_data, capsys):
    _say_what_differs(find_weights("flow"), small_data)
    said = capsys.readouterr().err
    for words in ("radius 6.0, here 3.0", "window 16, here 8", "lambda_left 0.0005, here 0.001"):
        assert words in said
    assert "coupling" not in said


def test_weights_of_the_same_coupling_are_taken_for_a_task_that_has_none(finished, small, tmp_path):
    """Not the newest: how r goes with s1 and s2 is what they learned."""
    _, results = finished
    source = find_weights("pix2pix-4", results=results)
    (stored,) = source.records
    assert task_of(stored).coupling == "thinning"  # of the spec that lies beside the record
    other = {"task": "trend-v1-independent", "attachments": {}, "finished": "2999-01-01T00:00:00Z"}
    newer = StoredRecord(stored.record.model_copy(update=other), stored.path, "published")
    named = {"task": "another"}
    same = StoredRecord(stored.record.model_copy(update=named), stored.path, "published")
    shipped = {"task": "trend-v1", "attachments": {}}
    shipped = StoredRecord(stored.record.model_copy(update=shipped), stored.path, "published")
    make_data(small.model_copy(update={"name": "third"}), 0, tmp_path / "third.h5")
    with open_dataset(tmp_path / "third.h5") as dataset:
        best = {_fitness(record, source.recipe, dataset)[2] for record in (same, shipped)}
        assert best == {True}
        assert _fitness(same, source.recipe, dataset) > _fitness(newer, source.recipe, dataset)


def test_a_frame_that_the_weights_cannot_draw_is_one_line(finished, small, tmp_path):
    outcome, _ = finished
    make_data(small.model_copy(update={"width": 60, "height": 36}), 0, tmp_path / "odd.h5")
    make_data(small.model_copy(update={"width": 128, "height": 64}), 0, tmp_path / "large.h5")
    source = find_weights("pix2pix-4", outcome.folder / "weights")
    for name, words in (("odd", "multiples of"), ("large", "for images of 64×32 px")):
        with open_dataset(tmp_path / f"{name}.h5") as data, pytest.raises(TrendbenchError) as error:
            sample(source, data)
        assert words in str(error.value)


def test_nothing_is_lost_where_it_cannot_be_drawn(small_file, tmp_path):
    (tmp_path / "a.npy").write_bytes(b"mine")
    (tmp_path / "w").mkdir()
    arguments = ["sample", "--arch", "pix2pix-4", "--data", str(small_file), "--weights",
                 str(tmp_path / "w"), "--out", str(tmp_path / "a.npy")]  # fmt: skip
    assert CliRunner().invoke(group, arguments).exit_code != 0
    assert (tmp_path / "a.npy").read_bytes() == b"mine"
    assert {path.name for path in tmp_path.iterdir()} == {"a.npy", "w"}


@pytest.mark.parametrize(
    ("name", "size"),
    [("a.pt", 1), ("a.pkl", 1), ("samples.png", 1), ("a b.json", 1), ("a.npz", 2_000_001)],
)
def test_only_small_and_plain_files_travel(tmp_path, name, size):
    (tmp_path / "ok.json").write_bytes(b"{}")
    assert published.portable(tmp_path) == {"ok.json": b"{}"}
    (tmp_path / name).write_bytes(bytes(size))
    assert published.portable(tmp_path) == {}


def test_folders_and_links_do_not_travel(tmp_path):
    (tmp_path / "x.json").symlink_to("/etc/hostname")
    assert published.portable(tmp_path) == {}
    (tmp_path / "x.json").unlink()
    (tmp_path / "sub").mkdir()
    assert published.portable(tmp_path) == {}


def test_weights_of_another_family_or_of_several_trends_say_so(small_data, capsys):
    records = {s.record.task: s for s in find_weights("flow").records}
    for task, words in (
        ("growth-v1", ("radius_left 4.0, here none", "lambda_left none, here 0.001")),
        ("trends-v1", ("trends 25 of them, here none",)),
    ):
        source = replace(find_weights("flow"), records=[records[task]])
        _say_what_differs(source, small_data)
        said = capsys.readouterr().err
        for part in words:
            assert part in said
