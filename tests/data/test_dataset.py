"""Reading: what was written comes back; anything else is refused in one line."""

import json
import shutil

import h5py
import numpy as np
import pytest

from trendbench.data.opening import open_dataset
from trendbench.errors import DataFileError
from trendbench.simulation import simulate


@pytest.fixture
def copy(small_file, tmp_path):
    path = tmp_path / "copy.h5"
    shutil.copy(small_file, path)
    return path


def test_a_split_comes_back_whole(small, small_data):
    again = simulate(small, 24, 3)
    stored = small_data.load("train")
    for name in ("s1", "s2", "r"):
        np.testing.assert_array_equal(getattr(stored, name), getattr(again, name))
    assert stored.spec == small
    for name in ("offsets", "x", "y", "mark", "member"):
        np.testing.assert_array_equal(getattr(stored.latent, name), getattr(again.latent, name))


def test_a_file_rewritten_with_other_stock_filters_reads_the_same(copy, small_data):
    with h5py.File(copy, "r+") as file:
        content, digest = file["train/r"][:], file["train/r"].attrs["sha256"]
        del file["train/r"]
        new = file["train"].create_dataset(
            "r", data=content, chunks=(4, 32, 64), compression="gzip", shuffle=True, fletcher32=True
        )
        new.attrs["sha256"] = digest
    with open_dataset(copy) as dataset:
        np.testing.assert_array_equal(dataset.images("train", "r"), small_data.images("train", "r"))


def test_a_split_is_read_in_order_block_by_block(small_data):
    whole, blocks = small_data.load("test"), small_data.in_order("test")
    for _ in range(2):  # from the start again
        for start in range(0, len(whole), 5):
            part, same = blocks[start : start + 5], whole[start : start + 5]
            for name in ("s1", "s2", "r"):
                np.testing.assert_array_equal(getattr(part, name), getattr(same, name))
            np.testing.assert_array_equal(part.latent.x, same.latent.x)
    series = np.concatenate(list(small_data.blocks("test", "r", 5)))
    np.testing.assert_array_equal(series, whole.r)
    with pytest.raises(ValueError, match="rows from 5: 12 of test/s1 come next"):
        blocks[5:7]


def test_changed_bytes_show_at_the_last_block(copy):
    with h5py.File(copy, "r+") as file:
        file["test/s2"][0, 0, 0] ^= 255
    with open_dataset(copy) as dataset:
        blocks = dataset.in_order("test")
        assert len(blocks[0:11]) == 11
        with pytest.raises(DataFileError, match=r"test/s2.*does not match its SHA-256"):
            blocks[11:]


def replace_with(copy, name, make):
    with h5py.File(copy, "r+") as file:
        del file[name]
        make(file)


DAMAGE = {
    "missing data set": ("test/r", lambda file: None),
    "wrong type": ("test/r", lambda f: f.create_dataset("test/r", (12, 32, 64), "f4")),
    "wrong shape": ("test/r", lambda f: f.create_dataset("test/r", (12, 64, 32), "u1")),
    "a group instead": ("test/r", lambda f: f.create_group("test/r")),
    "a soft link": ("test/r", lambda f: f.__setitem__("test/r", h5py.SoftLink("/train/r"))),
    "an external link": (
        "test/r", lambda f: f.__setitem__("test/r", h5py.ExternalLink("other.h5", "/r")),
    ),
    "external storage": (
        "test/r",
        lambda f: f.create_dataset(
            "test/r", (12, 32, 64), "u1", external=[("/etc/hostname", 0, 12 * 32 * 64)]
        ),
    ),
    "a linked group": ("test", lambda f: f.__setitem__("test", h5py.ExternalLink("o.h5", "/"))),
    "far fewer bytes than its shape": (
        "test/r",
        lambda f: f.create_dataset(
            "test/r", (12, 32, 64), "u1", chunks=(12, 32, 64), compression="lzf"
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", DAMAGE)
def test_a_wrong_layout_is_refused_on_opening(copy, what):
    replace_with(copy, *DAMAGE[what])
    with pytest.raises(DataFileError, match="test"):
        open_dataset(copy)


def test_foreign_and_missing_files_are_refused(tmp_path):
    with pytest.raises(DataFileError, match="no data file"):
        open_dataset(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("not HDF5")
    with pytest.raises(DataFileError, match="not an HDF5 file"):
        open_dataset(tmp_path / "text.h5")
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(DataFileError, match="not a trendbench file"):
        open_dataset(tmp_path / "foreign.h5")


@pytest.mark.parametrize("spec", ["{", "[]", json.dumps({"name": "x"}), "NaN", "[" * 100_000])
def test_an_impossible_stored_spec_is_refused(copy, spec):
    with h5py.File(copy, "r+") as file:
        if len(spec) > 60_000:
            spec = spec[:60_000]
        file.attrs["spec"] = spec
    with pytest.raises(DataFileError):
        open_dataset(copy)


def test_a_cut_file_is_refused(copy):
    content = copy.read_bytes()
    copy.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataFileError):
        open_dataset(copy)


def test_every_changed_image_byte_is_noticed(copy, small_file):
    """Flip single bytes all over the stored image streams: no read returns changed content."""
    with h5py.File(small_file) as file:
        data = file["train/r"]
        places = [
            data.id.get_chunk_info(i).byte_offset + data.id.get_chunk_info(i).size * part // 7
            for i in (0, 11, 23)
            for part in range(7)
        ]
    original = small_file.read_bytes()
    with open_dataset(small_file) as dataset:
        images = dataset.images("train", "r")
    noticed = 0
    for place in places:
        changed = bytearray(original)
        changed[place] ^= 0x10
        copy.write_bytes(changed)
        try:
            with open_dataset(copy) as dataset:
                # A zlib header says things that change nothing; then nothing has changed.
                np.testing.assert_array_equal(dataset.images("train", "r"), images)
        except DataFileError:
            noticed += 1
    assert noticed >= len(places) - 3


def test_offsets_that_do_not_fit_are_refused(copy):
    import hashlib

    with h5py.File(copy, "r+") as file:
        offsets = file["test/germs/offsets"]
        offsets[3] = offsets[5]
        offsets.attrs["sha256"] = hashlib.sha256(offsets[:].tobytes()).hexdigest()
    with open_dataset(copy) as dataset, pytest.raises(DataFileError, match="offsets"):
        dataset.load("test")
