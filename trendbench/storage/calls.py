"""System calls that a network, FUSE, FAT or object file system may refuse, with a way around each.

None of them is needed for a right result. A refusal costs durability or a lock, and only a lost
lock is worth a line on stderr.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trendbench.progress import say

NOT_OFFERED = frozenset(
    {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOLCK, errno.ENOTTY,
     errno.ENODEV, errno.EPERM}
)  # fmt: skip
_ZEROS = bytes(1 << 20)
_named: set[int] = set()  # file systems without locks that were named on stderr


@contextmanager
def if_offered() -> Iterator[None]:
    """Go on where the file system does not offer a call; any other error is raised."""
    try:
        yield
    except OSError as error:
        if error.errno not in NOT_OFFERED:
            raise


def sync(handle: int) -> None:
    """Put an open file on the disk."""
    with if_offered():
        os.fsync(handle)


def sync_path(path: Path) -> None:
    """Put a file, or a folder's names, on the disk; what may not be read is left to the system."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:
        return
    try:
        sync(handle)
    finally:
        os.close(handle)


def lock(handle: int, how: int, path: Path) -> None:
    """``flock``; where ``path`` cannot be locked, a line on stderr says so once a file system.

    Raises:
        BlockingIOError: another process holds the lock, and ``how`` has ``LOCK_NB``.
    """
    try:
        fcntl.flock(handle, how)
    except OSError as error:
        if error.errno not in NOT_OFFERED:
            raise
        device = os.fstat(handle).st_dev
        if device not in _named:
            _named.add(device)
            say(
                f"{path.parent} cannot lock files ({error.strerror}): two runs at once in this "
                "folder are not kept apart, so start one at a time"
            )


def reserve(handle: int, start: int, length: int) -> None:
    """Have the system set disk space aside, or fill it with zeros where it cannot.

    Bytes below the file's present size count as set aside.

    Raises:
        OSError: no room.
    """
    try:
        os.posix_fallocate(handle, start, length)
    except (AttributeError, OSError) as error:  # macOS has no such call
        if isinstance(error, OSError) and error.errno not in NOT_OFFERED:
            raise
        at, end = os.fstat(handle).st_size, start + length
        while at < end:
            at += os.pwrite(handle, _ZEROS[: end - at], at)
        sync(handle)  # a network's file system may find the disk full only now
