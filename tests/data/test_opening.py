"""A data file that cannot be opened: the message names the cause, and advises what is right."""

import errno
import os
import shutil
import subprocess
import sys

import h5py
import pytest

from trendbench.data.opening import open_dataset
from trendbench.data.torch_data import TripletDataset
from trendbench.errors import DataFileError


@pytest.fixture
def copy(small_file, tmp_path):
    return shutil.copy(small_file, tmp_path / "a.h5")


def refusal(path):
    with pytest.raises(DataFileError) as refused, open_dataset(path):
        pass
    return str(refused.value)


@pytest.mark.parametrize("how", [{}, {"locking": False}, {"locking": True}, {"libver": "latest"}])
def test_a_user_s_own_handle_and_ours_do_not_meet(copy, how):
    with h5py.File(copy, "r", **how) as before, open_dataset(copy) as ours:
        with h5py.File(copy, "r", **how) as after:
            assert (ours.load("test").r[0] == before["test/r"][0]).all()
            assert (ours.load("val").r[0] == after["val/r"][0]).all()
        assert len(TripletDataset(copy, "test")[0]["r"]) == 1


def test_a_user_may_write_while_ours_is_open(copy):
    with open_dataset(copy) as ours:
        with h5py.File(copy, "r+") as theirs:
            theirs.attrs["note"] = 1
        assert len(ours.load("test")) == 12


def test_a_file_open_for_writing_elsewhere_is_called_that(copy):
    code = "import h5py, os, sys; file = h5py.File(sys.argv[1], 'r+'); os._exit(0)"
    with h5py.File(copy, "r+"):
        said = refusal(copy)
        assert "open for writing" in said
    with open_dataset(copy):
        pass
    subprocess.run([sys.executable, "-c", code, copy], check=True)  # killed as it wrote
    said += refusal(copy)
    assert said.count("h5clear -s a.h5") == 2
    assert "overwrite" not in said


def failing(code):
    def call(*_, **__):
        raise OSError(code, os.strerror(code))

    return call


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO, errno.ESTALE, errno.EMFILE])
def test_what_the_system_cannot_read_is_not_called_damaged(copy, monkeypatch, code):
    monkeypatch.setattr(type(copy), "open", failing(code))
    said = refusal(copy)
    assert said == f"{copy} cannot be read: {os.strerror(code)}"


def test_too_many_open_files_is_not_called_damage(copy, monkeypatch):
    monkeypatch.setattr(h5py, "File", failing(0))
    monkeypatch.setattr(os, "dup", failing(errno.EMFILE))
    assert "Too many open files" in refusal(copy)


def test_a_disk_that_fails_later_is_not_called_damage(copy, monkeypatch):
    with open_dataset(copy) as ours:
        monkeypatch.setattr(type(copy), "open", failing(errno.EIO))
        monkeypatch.setattr("trendbench.storage.hdf5.read", failing(0))
        with pytest.raises(DataFileError, match=r"cannot be read: Input/output error$"):
            ours.load("test")


def test_no_memory_is_not_called_damage(copy, monkeypatch):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr("trendbench.storage.hdf5.must_be_sound", full)
    with pytest.raises(MemoryError):
        open_dataset(copy)


@pytest.mark.parametrize("length", [60, 3000, -1])
def test_a_file_cut_short_says_how_far_it_goes(copy, length):
    size = os.path.getsize(copy)
    os.truncate(copy, length % size)
    said = refusal(copy)
    assert f"cut short: {length % size} of {size} bytes" in said
    assert "wait where it is still being written" in said
    assert "copy the file again" in said


@pytest.mark.parametrize("content", [b"", b"not HDF5", bytes(5000)])
def test_nobody_is_told_to_overwrite_a_file_of_another_kind(tmp_path, content):
    (tmp_path / "a.h5").write_bytes(content)
    assert refusal(tmp_path / "a.h5").endswith("a.h5 is not an HDF5 file")


def test_a_file_that_another_program_rewrote_is_not_called_damaged(copy):
    with h5py.File(copy, "r+") as file:
        images = file["test/r"][:]
        del file["test/r"]
        file.create_dataset("test/r", data=images, compression="lzf")
    said = refusal(copy)
    assert "a filter other than gzip" in said
    assert "overwrite" not in said


def test_a_file_of_a_later_format_asks_for_a_later_trendbench(copy):
    with h5py.File(copy, "r+") as file:
        file.attrs["format"] = b"trendbench/9"
    assert refusal(copy).endswith("pip install -U trendbench")


def test_wrong_content_is_to_be_copied_or_made_again(copy):
    with h5py.File(copy, "r+") as file:
        file["test/lambda_left"][0] = 1.0
    with open_dataset(copy) as ours, pytest.raises(DataFileError, match="make-data --overwrite"):
        ours.ends("test")
