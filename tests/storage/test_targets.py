"""What each kind of output target gets: docs/reliability.md has the table."""

import errno
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from trendbench.data.make import make_data
from trendbench.errors import InputError
from trendbench.storage.atomic import replacing, write_text
from trendbench.storage.folder import must_be_writable, must_take_files, replacing_folder


def write_into(path):
    write_text(path, "text")


def folder_into(path):
    with replacing_folder(path):
        raise AssertionError("begun")


def as_figures(path):
    must_take_files(path, "--figures")


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path):
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()), daemon=True)
    reader.start()
    write_text(pipe, "text")
    reader.join(10)
    assert got == ["text"]
    assert pipe.is_fifo()


def test_a_device_is_written_to_and_stays_a_device(tmp_path):
    link = tmp_path / "null"
    link.symlink_to(os.devnull)
    write_text(link, "text")
    assert link.is_char_device()
    assert link.is_symlink()


@pytest.mark.parametrize(("how", "wanted"), [("wb", "oneTEXTtwo"), ("ab", "beforeoneTEXTtwo")])
def test_standard_output_goes_on_where_it_is(tmp_path, how, wanted):
    """Redirected to a file, it is neither replaced nor overwritten from its beginning."""
    (tmp_path / "log").write_text("before")
    code = (
        "import sys; from pathlib import Path; from trendbench.storage.atomic import write_text;"
        "print('one', end=''); write_text(Path('/dev/fd/1'), 'TEXT'); print('two', end='')"
    )
    with (tmp_path / "log").open(how) as log:
        subprocess.run([sys.executable, "-c", code], stdout=log, check=True)
    assert (tmp_path / "log").read_text() == wanted


def test_a_link_stays_and_its_target_is_replaced(tmp_path):
    for name in ("there", "dangling"):
        (tmp_path / name).symlink_to(tmp_path / "deep" / name)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "there").write_text("old")
    for name in ("there", "dangling"):
        write_text(tmp_path / name, "new")
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "deep" / name).read_text() == "new"


def test_a_link_to_a_folder_stays_and_the_folder_is_replaced(tmp_path):
    (tmp_path / "deep" / "site").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "site")
    with replacing_folder(tmp_path / "link") as fresh:
        (fresh / "a").write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == [
        "deep", "deep/site", "deep/site/a", "link",
    ]  # fmt: skip


def test_of_a_hard_link_the_other_name_keeps_its_content(tmp_path):
    (tmp_path / "a").write_text("old")
    os.link(tmp_path / "a", tmp_path / "b")
    write_text(tmp_path / "a", "new")
    assert (tmp_path / "b").read_text() == "old"


def test_a_replaced_file_keeps_its_permissions(tmp_path):
    (tmp_path / "a").touch(mode=0o600)
    write_text(tmp_path / "a", "new")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600


def test_a_folder_is_refused_before_any_work(tmp_path):
    with pytest.raises(IsADirectoryError), replacing(tmp_path):
        raise AssertionError("begun")


def test_a_file_in_place_of_a_folder_is_refused_before_any_work(tmp_path):
    (tmp_path / "a").touch()
    for path in (tmp_path / "a", os.devnull):
        with pytest.raises(NotADirectoryError), replacing_folder(type(tmp_path)(path)):
            raise AssertionError("begun")


@pytest.mark.parametrize("path", ["file/x", "file/x/y", "link/x", "pipe/x"])
@pytest.mark.parametrize("begin", [write_into, must_be_writable, folder_into, as_figures])
def test_what_is_no_folder_above_a_target_is_named(tmp_path, monkeypatch, begin, path):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("link").symlink_to("file")
    os.mkfifo("pipe")
    kind = "a pipe" if path.startswith("pipe") else "a file"
    with pytest.raises(InputError, match=f"^{path.split('/')[0]} is {kind}, not a folder$"):
        begin(Path(path))


@pytest.mark.parametrize("begin", [write_into, must_be_writable, folder_into, as_figures])
def test_a_place_that_takes_no_files_is_named_as_typed(tmp_path, monkeypatch, begin):
    real = os.mkdir, os.open

    def refusing(call):
        def refused(path, *rest, **named):
            if os.fspath(path).startswith(str(tmp_path)):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
            return call(path, *rest, **named)

        return refused

    monkeypatch.setattr(os, "mkdir", refusing(real[0]))
    monkeypatch.setattr(os, "open", refusing(real[1]))
    with pytest.raises(FileNotFoundError, match="nothing can be written there") as caught:
        begin(tmp_path / "nope")
    assert caught.value.filename == str(tmp_path / "nope")


def test_what_stands_where_a_folder_is_to_be_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("f").touch()
    os.mkfifo("p")
    with socket.socket(socket.AF_UNIX) as own:
        own.bind("s")
    for name, kind in (("f", "file"), ("p", "pipe"), ("s", "socket"), (os.devnull, "device")):
        with pytest.raises(InputError, match=f"^--figures names a folder, and {name} is a {kind}$"):
            as_figures(Path(name))
    Path("loop").symlink_to("loop")
    with pytest.raises(OSError, match="Too many levels of symbolic links: 'loop'"):
        as_figures(Path("loop"))
    Path("dangling").symlink_to("there")
    as_figures(Path("dangling"))
    write_text(Path("dangling/a"), "text")
    assert Path("there/a").read_text() == "text"
    assert sorted(os.listdir()) == ["dangling", "f", "loop", "p", "s", "there"]


def test_a_full_device_is_named_without_advice_for_disks():
    with pytest.raises(OSError, match="cannot be written") as caught:
        write_text(Path("/dev/full"), "text")
    assert (caught.value.errno, caught.value.filename) == (None, "/dev/full")


def test_a_write_protected_file_is_refused_before_any_work(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("old")
    real = os.open

    def refusing(path, flags, *rest):  # root may write to any file
        if flags == os.O_WRONLY:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, flags, *rest)

    monkeypatch.setattr(os, "open", refusing)
    with pytest.raises(PermissionError), replacing(tmp_path / "a"):
        raise AssertionError("begun")
    assert (tmp_path / "a").read_text() == "old"


@pytest.mark.parametrize("overwrite", [False, True])
def test_data_files_refuse_pipes_and_devices(small, tmp_path, overwrite):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "null").symlink_to(os.devnull)
    for name in ("pipe", "null"):
        with pytest.raises(InputError, match="name a plain file"):
            make_data(small, 3, tmp_path / name, overwrite=overwrite)
    with pytest.raises(InputError, match="name a plain file"):
        make_data(small, 3, type(tmp_path)("/dev/fd/1"), overwrite=overwrite)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["null", "pipe"]


def test_a_data_file_goes_where_a_link_points(small, small_file, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.h5").symlink_to(tmp_path / "deep" / "b.h5")
    make_data(small, 3, tmp_path / "a.h5")
    assert (tmp_path / "a.h5").is_symlink()
    assert (tmp_path / "deep" / "b.h5").read_bytes() == small_file.read_bytes()
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["b.h5"]
