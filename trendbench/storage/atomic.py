"""Atomic writes: a file appears under its name complete and on disk, or not at all."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_SUFFIX = ".tmp"


@contextmanager
def replacing(path: Path, scratch: Path | None = None) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it takes the name, durably.

    Temporary file in the same folder, fsync, rename, fsync of the folder. On any error, Ctrl-C
    included, the temporary file is removed and what stood at ``path`` still stands. What a writer
    that was killed outright has left there, the next writer of the same name removes.

    Args:
        path: the name that the file gets.
        scratch: an existing folder on the same file system to hold the temporary file instead.

    Raises:
        OSError: as the file system reports it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = scratch or path.parent
    prefix = f".{path.name[:80]}."
    _sweep(folder, prefix)
    handle, temporary = _begun(folder, prefix)
    try:
        yield temporary
        _sync(temporary)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)
    _sync(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path`` atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Put ``text`` at ``path`` atomically, as UTF-8 with its newlines as they are."""
    write_bytes(path, text.encode("utf-8"))


def _begun(folder: Path, prefix: str) -> tuple[int, Path]:
    """A new temporary file, locked for as long as its handle is open: a sign of life."""
    while True:
        handle, name = tempfile.mkstemp(dir=folder, prefix=prefix, suffix=_SUFFIX)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):  # swept away before it was locked
            if os.path.samestat(os.fstat(handle), os.stat(name)):
                return handle, Path(name)
        os.close(handle)


def _sweep(folder: Path, prefix: str) -> None:
    """Remove temporary files of a name whose writers are no more."""
    for name in os.listdir(folder):
        if name.startswith(prefix) and name.endswith(_SUFFIX):
            with suppress(OSError):
                _remove_if_dead(folder / name)


def _remove_if_dead(leftover: Path) -> None:
    handle = os.open(leftover, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        leftover.unlink()
    finally:
        os.close(handle)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    current = os.umask(0o077)
    os.umask(current)
    return current
