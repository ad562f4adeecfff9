"""One process at a time: an advisory lock that dies with its holder.

A file system without locks keeps nobody out, which is said on stderr.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from trendbench.errors import RunError
from trendbench.storage.calls import lock
from trendbench.storage.folder import naming


@contextmanager
def holding(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file ``path`` for the length of the block.

    The kernel drops the lock when the process ends, however it ends, so no stale lock is left
    behind; the empty file may stay.

    Raises:
        RunError: another process holds it; the message says that ``what`` is at work.
    """
    try:
        file = _locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RunError(
            f"{what} is at work in another process ({path} is locked): wait for it or stop it"
        ) from None
    with file:
        yield


@contextmanager
def waiting(path: Path) -> Iterator[None]:
    """Hold the lock file ``path``, waiting for as long as another process holds it."""
    with _locked(path, fcntl.LOCK_EX):
        yield


def _locked(path: Path, how: int) -> IO[str]:
    """The lock file, open and locked, and still the one that stands at ``path``.

    A holder that has finished may remove the file, and its folder, between any two steps here:
    a lock on a file that is no longer there keeps nobody out, so it is taken anew.
    """
    while True:
        with naming(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            file = path.open("a")
        except FileNotFoundError:
            if path.parent.is_dir():
                raise
            continue
        try:
            lock(file.fileno(), how, path)
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except FileNotFoundError:
            pass
        except BaseException:
            file.close()
            raise
        file.close()
