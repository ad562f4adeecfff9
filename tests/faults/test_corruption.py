"""One byte changed: every reader notices, nothing is trained or scored on it silently."""

import json
import shutil

import pytest

from tests.campaign.damage import beside, data_file, flip_bytes, weights
from tests.campaign.jobs import run_job, tiny_file
from tests.campaign.moments import in_child
from tests.campaign.seeds import small_data_file


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny_file(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """The folder of a run that has ended."""
    folder = tmp_path_factory.mktemp("finished")
    assert in_child(lambda: run_job(data)(folder)) == 0
    return folder


@pytest.fixture
def resumed(finished, tmp_path):
    """A copy of it, as it stood before the samples were drawn, and what continues it."""
    shutil.copytree(finished / "runs", tmp_path / "runs")
    workspace = next((tmp_path / "runs").rglob("state.json")).parent
    (workspace / "samples.npy").unlink()
    return tmp_path, workspace


def scores(folder):
    return json.loads(next((folder / "results").rglob("seed*.json")).read_text())["scores"]


def test_a_byte_of_a_data_file(data, tmp_path):
    small = small_data_file(tmp_path / "small.h5")
    assert flip_bytes(data, data_file, tmp_path / "a", 20).lost == []
    assert flip_bytes(small, data_file, tmp_path / "b", 100).lost == []


def test_a_byte_of_a_record_or_of_what_lies_beside_it(finished, tmp_path):
    record = next((finished / "results").rglob("seed*.json"))
    for path in (record, record.with_suffix(".npz"), *record.with_suffix("").iterdir()):
        assert flip_bytes(path, beside(record), tmp_path / path.name, 20).lost == []


def test_a_byte_of_the_weights(finished, tmp_path):
    workspace = next((finished / "runs").rglob("state.json")).parent
    path = workspace / "weights" / "generator.safetensors"
    assert flip_bytes(path, weights(workspace), tmp_path, 50).lost == []


def test_changed_weights_are_not_drawn_from_but_saved_again(finished, data, resumed):
    folder, workspace = resumed
    path = workspace / "weights" / "generator.safetensors"
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[len(changed) // 2] ^= 64
    path.write_bytes(changed)
    said = folder / "said.txt"
    assert in_child(lambda: run_job(data)(folder), errors=said) == 0
    assert "the weights are not those that were saved" in said.read_text()
    assert path.read_bytes() == whole
    assert scores(folder) == scores(finished)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"fitted": true, "sha256": ""}', "\x00", "[" * 99999]
)
def test_a_damaged_state_is_done_again(resumed, text):
    from trendbench.runner.stages import Notes, read_notes

    _, workspace = resumed
    (workspace / "state.json").write_text(text)
    assert read_notes(workspace / "state.json") == Notes()


def test_a_changed_letter_of_the_state_is_noticed(resumed, capfd):
    from trendbench.runner.stages import Notes, read_notes

    _, workspace = resumed
    path = workspace / "state.json"
    assert read_notes(path).fitted.images_seen
    path.write_text(path.read_text().replace('"hardware": "', '"hardware": "X'))
    assert read_notes(path) == Notes()
    assert "is damaged" in capfd.readouterr().err


@pytest.mark.parametrize(
    "content", [b"\0\xff", b"", b"images_seen,d\n1", b"images_seen,d\n\xb2,1\n"]
)
def test_a_damaged_loss_log_is_begun_again(tmp_path, content):
    from trendbench.training.losses import CurveLog

    (tmp_path / "losses.csv").write_bytes(content)
    CurveLog(tmp_path / "losses.csv", 100).add(101, {"d": 0.5})
    assert (tmp_path / "losses.csv").read_text() == "images_seen,d\n101,0.5\n"
