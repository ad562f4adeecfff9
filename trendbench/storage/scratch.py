"""Large arrays on the disk, so that memory does not grow with the number of images.

A large array is a map of a file without a name. Its pages come from the disk when they are read,
and leave memory with ``let_go``. Where the disk has no room or the system offers no maps, it is
plain memory. A child process that is forked shares the map: what it writes, its parent reads.
"""

import mmap
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from functools import cache
from math import prod
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from trendbench.progress import say
from trendbench.storage.calls import reserve

LARGE = 1 << 27  # 134 MB: 2048 images of 256 × 256 px
_PIECE = 1 << 24  # bytes read or written between two releases
_MARGIN = 1 << 30  # bytes that are left to others on a disk
_ROOMY = "/var/tmp"  # /tmp is memory itself on many systems
_maps: "weakref.WeakSet[mmap.mmap]" = weakref.WeakSet()
_guard = Lock()  # of the set of maps


def scratch(shape: tuple[int, ...], dtype: DTypeLike, *, large: int | None = None) -> NDArray[Any]:
    """A new array, on the disk from ``large`` bytes on, LARGE if None; its content is undefined.

    The file has no name and ends with the array; see ``places``.
    """
    kind = np.dtype(dtype)
    size = prod(shape) * kind.itemsize
    if size >= (LARGE if large is None else large):
        for place in places():
            try:
                return np.frombuffer(_mapped(size, place), kind).reshape(shape)
            except (OSError, ValueError):  # no room, no maps, or no such folder
                continue
        _say_once(places()[0])
    return np.empty(shape, kind)


def places() -> tuple[str, ...]:
    """Folders that take the files, the first with room: TMPDIR, /var/tmp, the system's own."""
    named = (os.environ.get("TMPDIR"), _ROOMY, tempfile.gettempdir())
    return tuple(dict.fromkeys(place for place in named if place))


def let_go() -> None:
    """Let the pages of all scratch arrays leave memory; reading brings them back."""
    with _guard:
        maps = list(_maps)
    for part in maps:
        part.madvise(mmap.MADV_DONTNEED)


def pieces(array: NDArray[Any]) -> Iterator[slice]:
    """Ranges of an array's first axis that cover it, some 17 MB each; pages leave in between."""
    rows = max(1, _PIECE // max(1, prod(array.shape[1:]) * array.itemsize))
    for start in range(0, len(array), rows):
        yield slice(start, start + rows)
        if array.nbytes > _PIECE:
            let_go()


def _mapped(size: int, place: str) -> mmap.mmap:
    """A shared map of a new file, room for which is set aside: a full disk would end the process.

    Raises:
        OSError: no room, or no maps on this file system.
    """
    if shutil.disk_usage(place).free < size + _MARGIN:
        raise OSError(f"no room for {size} bytes in {place}")
    with tempfile.TemporaryFile(dir=Path(place)) as file:
        reserve(file.fileno(), 0, size)
        found = mmap.mmap(file.fileno(), size)
    with _guard:
        _maps.add(found)
    return found


@cache
def _say_once(place: str) -> None:
    say(
        f"no room for the images on the disk of {place}: they stay in memory; TMPDIR=FOLDER before "
        "the command names another disk"
    )
