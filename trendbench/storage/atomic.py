"""Atomic writes: a file appears under its name complete and on disk, or not at all."""

import errno
import fcntl
import os
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from trendbench.errors import InputError
from trendbench.storage.calls import sync, sync_path
from trendbench.storage.folder import naming

_SUFFIX = ".tmp"
_DESCRIPTORS = ("/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/self/fd/")
_CANNOT_RENAME = {errno.ENOSYS, errno.ENOTSUP, errno.EXDEV, errno.EBUSY}


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it takes the name, durably.

    Temporary file in the same folder, fsync, rename, fsync of the folder. On any error, Ctrl-C
    included, the temporary file is removed and what stood at ``path`` still stands. What a writer
    that was killed outright has left there, the next writer of the same name removes.

    A link stays, and the file that it points to is replaced, with the permissions it had. A pipe,
    a terminal or another character device is written to. A file that cannot be renamed over, such
    as one that is mounted by itself, is written in place.

    Args:
        path: the name that the file gets.

    Raises:
        InputError: a block device or a socket stands at ``path``, or no folder above it.
        OSError: as the file system reports it; a folder or a write-protected file at ``path``.
    """
    if is_stream(path):
        with tempfile.TemporaryDirectory() as place:
            yield Path(place, path.name)
            _pour(Path(place, path.name), path)
        return
    target = plain_target(path)
    with suppress(FileNotFoundError, NotADirectoryError):
        os.close(os.open(target, os.O_WRONLY))  # a rename would pass over its write protection
    prefix = f".{target.name[:80]}."
    with naming(path):
        Path(os.path.realpath(target.parent)).mkdir(parents=True, exist_ok=True)
        _sweep(target.parent, prefix)
        handle, temporary = _begun(target.parent, prefix)
    try:
        yield temporary
        sync(handle)
        _rename(handle, temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)
    sync_path(target.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path`` atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Put ``text`` at ``path`` atomically, as UTF-8 with its newlines as they are."""
    write_bytes(path, text.encode("utf-8"))


def is_stream(path: Path) -> bool:
    """Whether ``path`` names a pipe, a character device, or a file by its open descriptor."""
    if os.path.abspath(path).startswith(_DESCRIPTORS):
        return True
    with suppress(FileNotFoundError, NotADirectoryError):
        mode = os.stat(path).st_mode
        return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)
    return False


def must_be_no_folder(path: Path) -> None:
    """Refuse a folder where a file is to be written.

    Raises:
        InputError: one stands at ``path``.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder: --out names the file to write")


def must_be_apart(path: Path, option: str, *read: Path) -> None:
    """Refuse to write over what the same command reads.

    Args:
        path: the file or folder to write.
        option: where it was named.
        read: files and folders.

    Raises:
        InputError: it is one of them, or a file that is there in one of them.
    """
    target = Path(os.path.realpath(path))
    for source in read:
        real = Path(os.path.realpath(source))
        if source.exists() and (target == real or (path.is_file() and real in target.parents)):
            raise InputError(f"{path} would be written over {source}: choose another {option}")


def plain_target(path: Path) -> Path:
    """The plain file that writing to ``path`` makes or replaces, links followed.

    Raises:
        InputError: a pipe, a device or a socket stands there.
        OSError: a folder stands there, or the path cannot be followed.
    """
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        mode = stat.S_IFREG
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if is_stream(path) or not stat.S_ISREG(mode):
        raise InputError(f"{path} is a pipe, a device or a socket: name a plain file")
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _rename(handle: int, temporary: Path, target: Path) -> None:
    """Give the temporary file the name and, where a file stood there, that file's permissions."""
    with suppress(OSError):
        os.fchmod(handle, stat.S_IMODE(os.stat(target).st_mode))
    try:
        os.replace(temporary, target)
    except OSError as error:
        if error.errno not in _CANNOT_RENAME:
            raise
        shutil.copyfile(temporary, target)
        temporary.unlink()


def _pour(content: Path, path: Path) -> None:
    """Write a file's bytes to a pipe or a device."""
    try:
        with content.open("rb") as source, _stream(path) as sink:
            shutil.copyfileobj(source, sink)
    except BrokenPipeError:
        raise
    except OSError as error:  # without a number: no advice on a full disk fits a device
        raise OSError(None, f"cannot be written ({error.strerror})", str(path)) from None


def _stream(path: Path) -> IO[bytes]:
    """A pipe or a device, open for writing.

    Standard output and standard error go on where they are: opened once more, a file that they
    were redirected to would be overwritten from its beginning.
    """
    for number, own in ((1, sys.stdout), (2, sys.stderr)):
        with suppress(OSError):
            if os.path.samestat(os.fstat(number), os.stat(path)):
                own.flush()
                return open(os.dup(number), "wb")
    return open(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOCTTY), "wb")


def _begun(folder: Path, prefix: str) -> tuple[int, Path]:
    """A new temporary file, locked for as long as its handle is open: a sign of life."""
    while True:
        temporary = folder / f"{prefix}{secrets.token_hex(8)}{_SUFFIX}"
        handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        with suppress(OSError):  # a file system without locks, where nothing is swept away
            fcntl.flock(handle, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):  # swept away before it was locked
            if os.path.samestat(os.fstat(handle), os.stat(temporary)):
                return handle, temporary
        os.close(handle)


def _sweep(folder: Path, prefix: str) -> None:
    """Remove temporary files of a name whose writers are no more."""
    with suppress(PermissionError):  # a folder that may be written and not listed
        for name in os.listdir(folder):
            if name.startswith(prefix) and name.endswith(_SUFFIX):
                with suppress(OSError):
                    _remove_if_dead(folder / name)


def _remove_if_dead(leftover: Path) -> None:
    handle = os.open(leftover, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        leftover.unlink()
    finally:
        os.close(handle)
