"""Weights that travel with a record, and images drawn with them."""

import hashlib
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from trendbench.cli.main import group
from trendbench.data.dataset import open_dataset
from trendbench.errors import ResultError, TrendbenchError, WeightsError
from trendbench.results import weights as published
from trendbench.results.store import StoredRecord, read_record
from trendbench.runner.run import SAMPLING_SEED, run
from trendbench.runner.sample import sample


@pytest.fixture(scope="module")
def finished(small_file, tmp_path_factory):
    """A run of a small pix2pix, its record copied to where its run folder is not."""
    place = tmp_path_factory.mktemp("finished")
    outcome = run("nf4", data=small_file, epochs=1, device="cpu", c2st=False,
                  runs=place / "runs", results=place / "results")  # fmt: skip
    return outcome, place / "results"


def record_of(results):
    path = next(results.glob("*/nf4/seed*.json"))
    return StoredRecord(read_record(path), path, "local")


def test_the_published_weights_draw_what_the_run_drew(finished, small_file):
    outcome, results = finished
    with open_dataset(small_file) as dataset:
        drawn = sample("nf4", dataset, seed=SAMPLING_SEED, results=results)
        other = sample("nf4", dataset, seed=SAMPLING_SEED + 1, results=results)
    np.testing.assert_array_equal(drawn, np.load(outcome.folder / "samples.npy")[0])
    assert not np.array_equal(drawn, other)


def test_a_record_carries_weights_and_a_card(finished):
    _, results = finished
    stored = record_of(results)
    assert sorted(published.names(stored.record)) == ["generator.safetensors", "settings.json"]
    folder = stored.path.with_suffix("")
    assert (folder / published.CARD).read_text().count("# nf4 on")
    for name in published.names(stored.record):
        content = (folder / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == stored.record.attachments[name]


def test_a_run_s_own_folder_and_the_command_line(finished, small_file, tmp_path):
    outcome, _ = finished
    arguments = ["sample", "--arch", "nf4", "--data", str(small_file), "--weights",
                 str(outcome.folder / "weights"), "--out", str(tmp_path / "a.npy")]  # fmt: skip
    result = CliRunner().invoke(group, arguments)
    assert result.exit_code == 0, result.output
    drawn = np.load(tmp_path / "a.npy")
    np.testing.assert_array_equal(drawn, np.load(outcome.folder / "samples.npy")[0])


def test_changed_weights_are_refused(finished, small_file, tmp_path):
    _, results = finished
    shutil.copytree(results, tmp_path / "results")
    stored = record_of(tmp_path / "results")
    path = stored.path.with_suffix("") / "generator.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ResultError, match="is not the file"), published.unpacked(stored):
        pass
    with (
        open_dataset(small_file) as dataset,
        pytest.raises(ResultError, match="no record of it came with weights"),
    ):
        sample("nf4", dataset, seed=2, results=tmp_path / "results")


def test_what_cannot_be_drawn_with_is_one_line(small_file, tmp_path):
    with open_dataset(small_file) as dataset:
        for weights, words in ((tmp_path / "x", "no folder of weights"), (tmp_path, "settings")):
            with pytest.raises(WeightsError, match=words):
                sample("nf8", dataset, seed=2, weights=weights)
        with pytest.raises(TrendbenchError, match="train it with trendbench run --arch nf5"):
            sample("nf5", dataset, seed=2, results=tmp_path)


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
