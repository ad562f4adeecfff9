"""Atomic folders: a folder appears under its name complete and on disk, or not at all."""

import contextlib
import ctypes
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trendbench.storage.calls import NOT_OFFERED, sync_path

_HERE = -100  # AT_FDCWD
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux's renameat2


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``path``; on success it takes the name, durably.

    Whoever opens ``path`` finds the folder that was there or the new one, whole. On any error,
    Ctrl-C included, the new folder is removed and what stood at ``path`` still stands. Where the
    system cannot exchange two folders in one step, the old one is moved aside first. A link stays,
    and the folder that it points to is replaced.

    Args:
        path: the name that the folder gets; a folder that stands there is removed afterwards.

    Raises:
        OSError: as the file system reports it; something other than a folder stands at ``path``.
    """
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name[:80]}.{secrets.token_hex(8)}.tmp")
    fresh.mkdir()
    try:
        yield fresh
        for folder, _, names in os.walk(fresh, topdown=False):
            for part in (*names, ""):
                sync_path(Path(folder, part))
        if path.exists():
            _exchange(fresh, path)
        else:
            os.rename(fresh, path)
        sync_path(path.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)  # what was there before, or what was not finished


def _exchange(a: Path, b: Path) -> None:
    """Let two folders of one file system change names."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is not None:
        if rename(_HERE, os.fsencode(a), _HERE, os.fsencode(b), _EXCHANGE) == 0:
            return
        number = ctypes.get_errno()
        if number not in NOT_OFFERED:
            raise OSError(number, os.strerror(number), str(b))
    _exchange_by_steps(a, b)


def _exchange_by_steps(a: Path, b: Path) -> None:
    """The same in three renames, undone if one of them fails."""
    aside = a.with_name(f"{a.name}.old")
    os.rename(b, aside)
    try:
        os.rename(a, b)
    except BaseException:
        with contextlib.suppress(OSError):
            os.rename(aside, b)
        raise
    os.rename(aside, a)
