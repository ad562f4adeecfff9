"""Atomic writes: a file appears under its name complete and on disk, or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SUFFIX = ".tmp"


@contextmanager
def replacing(path: Path, scratch: Path | None = None) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it takes the name, durably.

    Temporary file in the same folder, fsync, rename, fsync of the folder. On any error, Ctrl-C
    included, the temporary file is removed and what stood at ``path`` still stands.

    Args:
        path: the name that the file gets.
        scratch: an existing folder on the same file system to hold the temporary file instead.

    Raises:
        OSError: as the file system reports it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = scratch or path.parent
    handle, name = tempfile.mkstemp(dir=folder, prefix=_prefix(path), suffix=_SUFFIX)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _sync(temporary)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync(path.parent)


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Yield a scratch folder beside ``folder``; on success it takes the name.

    What stands there must be nothing or an empty folder. On any error the scratch folder is
    removed.

    Raises:
        OSError: as the file system reports it; ``folder`` is not empty.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    name = tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name[:80]}.", suffix=".tmp")
    scratch = Path(name)
    try:
        os.chmod(scratch, 0o777 & ~_umask())
        yield scratch
        os.sync()
        os.replace(scratch, folder)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    _sync(folder.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path`` atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Put ``text`` at ``path`` atomically, as UTF-8 with its newlines as they are."""
    write_bytes(path, text.encode("utf-8"))


def sweep(path: Path) -> None:
    """Remove what writers of ``path`` that were killed outright have left beside it.

    For those alone who know that no other process is writing ``path`` now.
    """
    prefix = _prefix(path)
    if path.parent.is_dir():
        for leftover in path.parent.iterdir():
            if leftover.name.startswith(prefix) and leftover.name.endswith(_SUFFIX):
                leftover.unlink(missing_ok=True)


def _prefix(path: Path) -> str:
    return f".{path.name[:80]}."


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
