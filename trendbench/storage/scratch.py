"""Large arrays on the disk, so that memory does not grow with the number of images.

A large array is a map of a file without a name: its pages come from the disk when they are looked
at, and leave memory with ``let_go``. Where the disk has no room or the system offers no maps, it
is plain memory.
"""

import mmap
import os
import tempfile
import weakref
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from trendbench.storage.calls import reserve

LARGE = 1 << 27  # 134 MB: 2048 images of 256 × 256 px
_PIECE = 1 << 24  # bytes looked at between two releases
_ROOMY = Path("/var/tmp")  # /tmp is memory itself on many systems
_maps: "weakref.WeakSet[_Map]" = weakref.WeakSet()


class _Map(mmap.mmap):
    """A map that can be referred to weakly."""


def scratch(shape: tuple[int, ...], dtype: DTypeLike, *, large: int | None = None) -> NDArray[Any]:
    """A new array, on the disk from ``large`` bytes on, LARGE if None; its content is undefined.

    The file goes where TMPDIR says, else to /var/tmp. It has no name and ends with the array.
    """
    kind = np.dtype(dtype)
    size = prod(shape) * kind.itemsize
    if size >= (LARGE if large is None else large):
        try:
            return np.frombuffer(_mapped(size), kind).reshape(shape)
        except (OSError, ValueError):  # no room, or no maps
            pass
    return np.empty(shape, kind)


def let_go() -> None:
    """Let the pages of all scratch arrays leave memory; they come back when they are looked at."""
    for part in list(_maps):
        if hasattr(part, "madvise"):  # not on Windows
            part.madvise(mmap.MADV_DONTNEED)


def pieces(array: NDArray[Any]) -> Iterator[slice]:
    """Ranges of an array's first axis that cover it, some 17 MB each; pages leave in between."""
    rows = max(1, _PIECE // max(1, prod(array.shape[1:]) * array.itemsize))
    for start in range(0, len(array), rows):
        yield slice(start, start + rows)
        if array.nbytes > _PIECE:
            let_go()


def _mapped(size: int) -> _Map:
    """A shared map of a new file, room for which is set aside: a full disk would end the process.

    Raises:
        OSError: no room, or no maps on this file system.
    """
    place = os.environ.get("TMPDIR") or (_ROOMY if _ROOMY.is_dir() else None)
    with tempfile.TemporaryFile(dir=place) as file:
        reserve(file.fileno(), 0, size)
        found = _Map(file.fileno(), size)
    _maps.add(found)
    return found
