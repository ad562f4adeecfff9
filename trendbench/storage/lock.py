"""One process at a time: an advisory lock that dies with its holder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trendbench.errors import RunError


@contextmanager
def holding(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file ``path`` for the length of the block.

    The kernel drops the lock when the process ends, however it ends, so no stale lock is left
    behind; the empty file may stay.

    Raises:
        RunError: another process holds it; the message says that ``what`` is at work.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(
                f"{what} is at work in another process ({path} is locked): wait for it or stop it"
            ) from None
        yield


@contextmanager
def waiting(path: Path) -> Iterator[None]:
    """Hold the lock file ``path``, waiting for as long as another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
