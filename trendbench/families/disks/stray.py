"""Black that no disk of a radius can have made."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from trendbench.arguments import number
from trendbench.compiling import kernel

_SHARED, _ANY = 0, 1  # rows of the disks: what all places in a pixel share, and what any has
_PHASES = 8  # tried places of a germ in a pixel along each side: as many as a word has bits
_SLACK = math.sqrt(2) / (2 * _PHASES)  # a germ's distance to the nearest tried place, at most [px]


def uncovered(black: NDArray[np.bool_], radius: float) -> NDArray[np.bool_]:
    """Black pixels in no disk of radius R whose pixels in the frame are all black.

    Germs are tried at steps of ⅛ px, so a true one lies within s = √2/16 px of a tried place. A
    disk of radius R − s that fits into the black accounts for the disk of radius R + s around the
    same place. Images of disks of radius R or more therefore have no such pixel, and what is closer
    to a disk than s may pass.

    Args:
        black: (n, H, W); beyond the frame everything counts as black.
        radius: R [px].

    Returns:
        (n, H, W).

    Raises:
        InputError: R is no positive number.
    """
    radius = number(radius, "radius", above=0)
    inner, outer, margin = _disks(radius)
    stray = np.empty(black.shape, dtype=np.bool_)
    mark_stray(np.ascontiguousarray(black), inner, outer, _tests(radius), margin, stray)
    return stray


@lru_cache(maxsize=8)
def _disks(radius: float) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Rows of the smaller and the larger disk at each tried place, and the margin they need.

    A row is (row, first column, number of pixels) relative to the pixel that the germ lies in.
    Rows go from the middle outwards, where a disk that does not fit is found out soonest. Before
    the places in a pixel stand the pixels that all of them share, and those that any has.

    Returns:
        (2 + places, 2m + 1, 3) twice, and m [px]: germs are tried that far beyond the frame.
    """
    margin = math.ceil(radius + _SLACK) + 1
    rows = np.array(sorted(range(-margin, margin + 1), key=abs))
    steps = np.arange(_PHASES) / _PHASES - 0.5  # from the pixel's centre
    y, x = (grid.ravel()[:, None] for grid in np.meshgrid(steps, steps, indexing="ij"))

    def disk(r: float) -> NDArray[np.int64]:
        square = r * abs(r) - np.square(rows - y)
        half = np.sqrt(np.maximum(square, 0))
        first = np.ceil(x - half).astype(np.int64)
        length = np.floor(x + half).astype(np.int64) - first + 1
        length = np.where(square < 0, 0, np.maximum(length, 0))
        last = first + length
        low = np.array([first.max(axis=0), np.where(length > 0, first, margin).min(axis=0)])
        high = np.array([last.min(axis=0), np.where(length > 0, last, -margin).max(axis=0)])
        first = np.concatenate([low, first])
        length = np.maximum(np.concatenate([high - low, length]), 0)
        length[0, (length[2:] == 0).any(axis=0)] = 0
        every = np.broadcast_to(rows, length.shape)
        return np.ascontiguousarray(np.stack([every, first, length], axis=-1))

    return disk(radius - _SLACK), disk(radius + _SLACK), margin


@lru_cache(maxsize=8)
def _tests(radius: float) -> NDArray[np.int64]:
    """The different rows among the smaller disks of all places, and the places that have each.

    Places share most of their rows, so a row is looked at once for all of them.

    Returns:
        (m, 4): a row as in ``_disks``, in its order, and the places with a bit each.
    """
    inner, _, _ = _disks(radius)
    places: dict[tuple[int, int, int], int] = {}
    for rows in inner[_ANY + 1 :].transpose(1, 0, 2):
        for place, (row, first, length) in enumerate(rows.tolist()):
            if length > 0:
                key = (row, first, length)
                places[key] = places.get(key, 0) | 1 << place
    bits = np.array(list(places.values()), dtype=np.uint64).view(np.int64)
    return np.column_stack([np.array(list(places), dtype=np.int64).reshape(-1, 3), bits])


@kernel
def _fits(runs: NDArray[np.int32], r: int, c: int, disk: NDArray[np.int64]) -> bool:
    """Whether all rows of a disk lie in black, given the run of black from each pixel on."""
    for k in range(disk.shape[0]):
        row, first, length = disk[k, 0], disk[k, 1], disk[k, 2]
        if length > 0 and runs[r + row, c + first] < length:
            return False
    return True


@kernel
def _fitting(runs: NDArray[np.int32], r: int, c: int, tests: NDArray[np.int64]) -> int:
    """The places in a pixel whose disks lie in black, a bit each; see ``_tests``."""
    left = -1
    for k in range(tests.shape[0]):
        if runs[r + tests[k, 0], c + tests[k, 1]] < tests[k, 2]:
            left &= ~tests[k, 3]
            if left == 0:
                break
    return left


@kernel
def _cover(edges: NDArray[np.int32], r: int, c: int, disk: NDArray[np.int64]) -> None:
    """Note where the rows of a disk begin and end."""
    for k in range(disk.shape[0]):
        row, first, length = disk[k, 0], disk[k, 1], disk[k, 2]
        if length > 0:
            edges[r + row, c + first] += 1
            edges[r + row, c + first + length] -= 1


@kernel
def mark_stray(
    black: NDArray[np.bool_],
    inner: NDArray[np.int64],
    outer: NDArray[np.int64],
    tests: NDArray[np.int64],
    margin: int,
    stray: NDArray[np.bool_],
) -> None:
    """Black pixels that no fitting disk covers, into ``stray`` (n, H, W).

    Args:
        black: (n, H, W); beyond the frame everything counts as black.
        inner: rows of the disks that must fit, see ``_disks``.
        outer: rows of the disks that are covered then.
        tests: the different rows among the disks that must fit, see ``_tests``.
        margin: how far beyond the frame germs are tried [px].
        stray: overwritten.
    """
    n, height, width = black.shape
    pad = 2 * margin + 1
    tall, wide = height + 2 * pad, width + 2 * pad
    runs = np.empty((tall, wide), dtype=np.int32)
    edges = np.empty((tall, wide + 1), dtype=np.int32)
    for i in range(n):
        edges[:] = 0
        for r in range(tall):
            length = 0
            for c in range(wide - 1, -1, -1):
                y, x = r - pad, c - pad
                inside = 0 <= y < height and 0 <= x < width
                length = length + 1 if not inside or black[i, y, x] else 0
                runs[r, c] = length
        for r in range(pad - margin, pad + height + margin):
            for c in range(pad - margin, pad + width + margin):
                if not _fits(runs, r, c, inner[_SHARED]):
                    continue
                if _fits(runs, r, c, inner[_ANY]):
                    _cover(edges, r, c, outer[_ANY])
                    continue
                fitting = _fitting(runs, r, c, tests)
                for p in range(outer.shape[0] - _ANY - 1):
                    if fitting >> p & 1:
                        _cover(edges, r, c, outer[p + _ANY + 1])
        for y in range(height):
            depth = 0
            for c in range(pad + width):
                depth += edges[y + pad, c]
                x = c - pad
                if x >= 0:
                    stray[i, y, x] = depth == 0 and black[i, y, x]
