"""One byte changed: every reader notices, nothing is trained or scored on it silently."""

import json
import random
import shutil

import pytest

from tests.faults.jobs import SEED, TINY, run_job, tiny_file
from tests.faults.moments import in_child
from trendbench.errors import TrendbenchError, WeightsError


def flip_bytes(path, read, place, tries):
    """Flip one bit of one byte at a time and read the file, in another process; what was lost.

    What raises a ``TrendbenchError`` was noticed. What reads as the whole file does is no loss:
    nothing depends on that byte, which may be one of the gaps that HDF5 leaves.
    """
    place.mkdir(exist_ok=True)
    content, draw = path.read_bytes(), random.Random(0)
    copy, log = place / path.name, place / "lost.json"
    wanted = repr(read(path))
    places = draw.sample(range(len(content)), min(tries, len(content)))
    cases = [(at, 1 << draw.randrange(8)) for at in places]

    def lost(at, bit):
        changed = bytearray(content)
        changed[at] ^= bit
        copy.write_bytes(changed)
        try:
            return None if repr(read(copy)) == wanted else "read as if it were whole"
        except TrendbenchError:
            return None
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    def job():
        outcomes = {f"bit {bit} of byte {at}": lost(at, bit) for at, bit in cases}
        log.write_text(json.dumps([f"{k}: {v}" for k, v in outcomes.items() if v]))

    assert in_child(job) == 0
    return json.loads(log.read_text())


def data_file(path):
    """Every number of a data file, and every finding of ``verify``."""
    from trendbench.data.opening import open_dataset
    from trendbench.data.verify import verify
    from trendbench.process.seeds import SPLITS

    with open_dataset(path) as dataset:
        loaded = [dataset.load(split) for split in SPLITS]
        images = [[t.s1.tobytes(), t.s2.tobytes(), t.r.tobytes()] for t in loaded]
        return dataset.sha256, images, [f for f in verify(dataset) if not f.passed]


def small_data_file(path, monkeypatch):
    """A data file of two test triplets whose columns are no longer than they must be."""
    from trendbench.data import writer
    from trendbench.data.make import make_data

    monkeypatch.setitem(writer._ROW_OPTIONS, "chunks", (64,))
    few = TINY.model_copy(update={"train": 1, "val": 0, "test": 2})
    make_data(few, SEED, path, workers=1)
    return path


def beside(record, place):
    """A reader of a record, as the leaderboard reads it, one of whose files is the changed one."""
    from trendbench.results.store import StoredRecord, read_record

    def read(changed):
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(record.with_suffix(""), place / record.stem)
        for path in (record, record.with_suffix(".npz")):
            shutil.copy(path, place)
        for target in (place / changed.name, place / record.stem / changed.name):
            if target.exists():
                shutil.copy(changed, target)
        path = place / record.name
        stored = StoredRecord(read_record(path), path, "local")
        images = {name: values.tobytes() for name, values in stored.per_image().items()}
        return stored.record, images, [stored.attachment(n) for n in stored.record.attachments]

    return read


def weights(workspace):
    """A reader of saved weights as a run meets them: held against the hash that it noted."""
    from trendbench.runner.workspace import sha256_of

    noted = json.loads((workspace / "state.json").read_text())["fitted"]["weights"]

    def read(changed):
        if sha256_of(changed) != noted[changed.name]:
            raise WeightsError("not those that were saved")

    return read


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


def test_a_byte_of_a_data_file(data, tmp_path, monkeypatch):
    small = small_data_file(tmp_path / "small.h5", monkeypatch)
    assert flip_bytes(data, data_file, tmp_path / "a", 20) == []
    assert flip_bytes(small, data_file, tmp_path / "b", 100) == []


def test_a_byte_of_a_record_or_of_what_lies_beside_it(finished, tmp_path):
    record = next((finished / "results").rglob("seed*.json"))
    for path in (record, record.with_suffix(".npz"), *record.with_suffix("").iterdir()):
        reader = beside(record, tmp_path / "beside")
        assert flip_bytes(path, reader, tmp_path / path.name, 20) == []


def test_a_byte_of_the_weights(finished, tmp_path):
    workspace = next((finished / "runs").rglob("state.json")).parent
    path = workspace / "weights" / "generator.safetensors"
    assert flip_bytes(path, weights(workspace), tmp_path, 50) == []


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
