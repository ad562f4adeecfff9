"""Exported images are those of the file, in its order, and are read back in that order."""

import h5py
import numpy as np
import pytest
from PIL import Image

from trendbench.data import export as module
from trendbench.data.export import export
from trendbench.data.make import make_data
from trendbench.data.opening import open_dataset
from trendbench.errors import DataFileError
from trendbench.metrics.files import read_samples
from trendbench.spec import TaskSpec


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def pictures(folder):
    return np.stack([np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))])


def test_npz_holds_the_arrays_and_hides_the_test_targets(small_data, out):
    export(small_data, out, "npz")
    assert {p.name for p in out.iterdir()} == {"README.md", "train.npz", "val.npz", "test.npz"}
    for split, names in (("train", "s1 s2 r"), ("val", "s1 s2 r"), ("test", "s1 s2")):
        with np.load(out / f"{split}.npz", allow_pickle=False) as stored:
            assert stored.files == names.split()
            for name in stored.files:
                assert np.array_equal(stored[name], small_data.images(split, name))


def test_png_are_numbered_in_the_file_s_order_and_read_back(small_data, small, out):
    export(small_data, out, "png", splits=["test"], with_truth=True)
    assert [p.name for p in sorted((out / "test").iterdir())] == ["r", "s1", "s2"]
    for name in ("s1", "s2", "r"):
        assert np.array_equal(pictures(out / "test" / name), small_data.images("test", name))
    assert sorted(p.name for p in (out / "test/r").iterdir())[:2] == ["0000.png", "0001.png"]
    assert np.array_equal(
        read_samples(out / "test" / "r", small, small.test)[0], small_data.images("test", "r")
    )


def test_aligned_is_a_beside_b(small_data, small, out):
    export(small_data, out, "aligned")
    for split, n in small.sizes.items():
        pairs = pictures(out / split)
        assert pairs.shape == (n, small.height, 2 * small.width, 3)
        a, b = pairs[:, :, : small.width], pairs[:, :, small.width :]
        assert np.array_equal(a[..., 0], small_data.images(split, "s1"))
        assert np.array_equal(a[..., 1], small_data.images(split, "s2"))
        assert not a[..., 2].any()
        expected = small_data.images(split, "r")[..., None] if split != "test" else 255
        assert (b == expected).all()
    text = (out / "README.md").read_text()
    assert small_data.sha256 in text
    assert "In the test split B is white" in text
    assert "128×32 px" in text


@pytest.mark.parametrize("form", ["npz", "png", "aligned"])
def test_the_same_bytes_every_time(small_data, tmp_path, form):
    for name in ("a", "b"):
        export(small_data, tmp_path / name, form, splits=["val"])
    files = [p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file()]
    assert len(files) > 1
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_what_stands_there_is_left_alone(small_data, tmp_path, monkeypatch):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "empty").mkdir()
    for name in ("full", "file"):
        with pytest.raises(DataFileError, match=name):
            export(small_data, tmp_path / name, "npz")
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(DataFileError, match="current folder"):
        export(small_data, tmp_path / "empty", "npz")
    monkeypatch.chdir(tmp_path)
    export(small_data, tmp_path / "empty", "npz", splits=["val"])
    assert (tmp_path / "full/x").read_text() == (tmp_path / "file").read_text() == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty", "file", "full"]


def test_nothing_is_left_of_an_export_that_is_stopped(small_data, tmp_path, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "readme", stopped)
    with pytest.raises(KeyboardInterrupt):
        export(small_data, tmp_path / "out", "png", splits=["val"])
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_series_is_not_exported(small_file, tmp_path):
    content = bytearray(small_file.read_bytes())
    with h5py.File(small_file) as file:
        content[file["val/s2"].id.get_chunk_info(0).byte_offset + 9] ^= 0xFF
    (tmp_path / "bad.h5").write_bytes(content)
    with pytest.raises(DataFileError, match="val/s2"), open_dataset(tmp_path / "bad.h5") as dataset:
        export(dataset, tmp_path / "out", "npz")
    assert [p.name for p in tmp_path.iterdir()] == ["bad.h5"]


def test_a_split_without_triplets(in_process, small, tmp_path):
    spec = TaskSpec(**{**small.model_dump(), "val": 0})
    make_data(spec, 0, tmp_path / "x.h5")
    with (
        open_dataset(tmp_path / "x.h5") as dataset,
        pytest.raises(DataFileError, match="no val triplets"),
    ):
        export(dataset, tmp_path / "out", "npz", splits=["val"])
    command = ("export", "x.h5", "--format", "npz", "--out", "out")
    done = in_process(*command, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "out\n"), done.stderr
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"README.md", "test.npz", "train.npz"}
    assert "out/train: 72/72 images" in done.stderr
    again = in_process(*command, cwd=tmp_path)
    assert again.returncode == 2
    assert again.stderr.count("\n") == 1
    assert "out is not empty" in again.stderr
