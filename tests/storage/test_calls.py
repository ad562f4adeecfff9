"""A file system that refuses what a right result does not need ends no job."""

import errno
import fcntl
import os

import pytest

from trendbench.data.make import make_data
from trendbench.machine import usable_cores
from trendbench.storage import calls
from trendbench.storage.atomic import write_text
from trendbench.storage.folder import replacing_folder
from trendbench.storage.lock import holding, waiting

CODES = [errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM]


def refusing(code):
    def call(*_, **__):
        raise OSError(code, os.strerror(code))

    return call


@pytest.fixture(params=CODES, ids=errno.errorcode.get)
def code(request):
    return request.param


def test_without_fallocate_the_data_are_the_same(small, small_file, tmp_path, monkeypatch, code):
    monkeypatch.setattr(os, "posix_fallocate", refusing(code))
    make_data(small, 3, tmp_path / "a.h5")
    assert (tmp_path / "a.h5").read_bytes() == small_file.read_bytes()


def test_where_the_system_has_no_fallocate_at_all(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate")
    with (tmp_path / "a").open("w+b") as file:
        file.write(b"abc")
        file.flush()
        calls.reserve(file.fileno(), 1, 4 << 20)
        assert os.fstat(file.fileno()).st_size == (4 << 20) + 1
        file.seek(0)
        assert file.read(5) == b"abc\0\0"


@pytest.mark.parametrize("call", ["posix_fallocate", "pwrite"])
def test_a_full_disk_is_one_error_with_and_without_fallocate(small, tmp_path, monkeypatch, call):
    if call == "pwrite":
        monkeypatch.delattr(os, "posix_fallocate")
    monkeypatch.setattr(os, call, refusing(errno.ENOSPC))
    with pytest.raises(OSError, match="No space left"):
        make_data(small, 3, tmp_path / "a.h5")
    assert not (tmp_path / "a.h5").exists()
    monkeypatch.undo()
    assert make_data(small, 3, tmp_path / "a.h5")


def test_without_locks_one_line_names_the_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(calls, "_named", set())
    for code in (*CODES, errno.ENOLCK):
        monkeypatch.setattr(fcntl, "flock", refusing(code))
        with holding(tmp_path / "lock", "a run"), waiting(tmp_path / "other"):
            write_text(tmp_path / "a", str(code))
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert str(tmp_path) in said
    assert "cannot lock files" in said


def test_a_lock_that_fails_for_another_reason_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(fcntl, "flock", refusing(errno.EIO))
    with pytest.raises(OSError, match="Input/output"), holding(tmp_path / "lock", "a run"):
        pass


def test_without_fsync_and_fchmod_files_and_folders_are_written(tmp_path, monkeypatch, code):
    (tmp_path / "a").write_text("old")
    monkeypatch.setattr(os, "fsync", refusing(code))
    monkeypatch.setattr(os, "fchmod", refusing(code))
    monkeypatch.setattr(os, "chmod", refusing(code))
    write_text(tmp_path / "a", "new")
    with replacing_folder(tmp_path / "site") as fresh:
        (fresh / "b").write_text("x")
    assert (tmp_path / "a").read_text() == "new"
    assert (tmp_path / "site" / "b").read_text() == "x"


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOTSUP, errno.EXDEV, errno.EBUSY])
def test_a_file_that_cannot_be_renamed_over_is_written_in_place(tmp_path, monkeypatch, code):
    (tmp_path / "a").write_text("old")
    monkeypatch.setattr(os, "replace", refusing(code))
    write_text(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_sandbox_that_hides_the_processors(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", refusing(errno.EPERM))
    assert usable_cores() == os.cpu_count()
