"""A first cover of black pixels by disks: the hardest pixels first.

Every shape at every cell that lies in the black is a candidate. Pixels are taken by the number of
candidates that cover them, fewest first. Each pixel still uncovered is given the candidate that
covers most uncovered pixels. Isolated particles have few candidates and get exactly one disk.
"""

import numpy as np
from numpy.typing import NDArray

from trendbench.compiling import kernel
from trendbench.generators.classical.footprints import Footprints

_FIRST_ROOM = 1 << 18
_Columns = NDArray[np.int64]  # of the rows of a shape, first or last, relative to its cell


def run_lengths(allowed: NDArray[np.bool_]) -> NDArray[np.int32]:
    """For each pixel the number of allowed pixels from it on to the right, (H, W)."""
    columns = np.arange(allowed.shape[1], dtype=np.int32)
    barred = np.where(allowed, np.int32(columns.size), columns)
    runs: NDArray[np.int32] = np.minimum.accumulate(barred[:, ::-1], axis=1)[:, ::-1] - columns
    return np.ascontiguousarray(runs)


@kernel
def _lies_in(
    runs: NDArray[np.int32], top: int, column: int, left: _Columns, right: _Columns
) -> bool:
    """Whether a shape, its first row at ``top``, lies in the allowed pixels."""
    for i in range(left.size):
        wide = right[i] - left[i] + 1
        if wide > 0 and runs[top + i, column + left[i]] < wide:
            return False
    return True


@kernel
def _uncovered(
    open_pixels: NDArray[np.bool_],
    top: int,
    column: int,
    left: _Columns,
    right: _Columns,
    enough: int,
) -> int:
    """How many open pixels a shape covers, counted up to ``enough``."""
    count = 0
    for i in range(left.size):
        for c in range(column + left[i], column + right[i] + 1):
            if open_pixels[top + i, c]:
                count += 1
        if count >= enough:
            break
    return count


@kernel
def candidates(
    runs: NDArray[np.int32],
    needed: NDArray[np.bool_],
    left: _Columns,
    right: _Columns,
    core: _Columns,
    hull: _Columns,
    spanning: int,
    found: NDArray[np.int32],
    start: NDArray[np.int64],
) -> int:
    """Shapes within the allowed pixels that cover a needed one.

    In a cell where the whole hull is allowed any shape fits, and a spanning few are taken.

    Args:
        runs: ``run_lengths`` of the pixels that may be black, (H, W).
        needed: pixels to be covered, (H, W), none within 2m + 1 of the array's border.
        left: of the shapes, as all that follow to ``spanning``; see ``Footprints``.
        right: likewise.
        core: likewise.
        hull: likewise.
        spanning: likewise.
        found: gets (row, column, shape) of each candidate, (room, 3), cell by cell; those beyond
            its length are counted but not kept.
        start: gets where the candidates of each cell start in that list, (H·W + 1,).

    Returns:
        The number of candidates.
    """
    height, width = runs.shape
    reach = core.shape[1] // 2
    count = 0
    for r in range(height):
        for c in range(width):
            start[r * width + c] = count
            if not (reach < r < height - reach - 1 and reach < c < width - reach - 1):
                continue
            top = r - reach
            if not _lies_in(runs, top, c, core[0], core[1]):
                continue
            if _uncovered(needed, top, c, hull[0], hull[1], 1) == 0:
                continue
            loose = _lies_in(runs, top, c, hull[0], hull[1])
            for f in range(spanning if loose else len(left)):
                if not _lies_in(runs, top, c, left[f], right[f]):
                    continue
                if _uncovered(needed, top, c, left[f], right[f], 1) == 0:
                    continue
                if count < len(found):
                    found[count, 0], found[count, 1], found[count, 2] = r, c, f
                count += 1
    start[height * width] = count
    return count


@kernel
def choices(
    found: NDArray[np.int32], shape: tuple[int, int], left: _Columns, right: _Columns
) -> NDArray[np.int32]:
    """How many candidates cover each pixel, (H, W)."""
    height, width = shape
    counts = np.zeros((height, width + 1), dtype=np.int32)
    reach = left.shape[1] // 2
    for j in range(len(found)):
        r, c, f = found[j]
        for i in range(left.shape[1]):
            if left[f, i] <= right[f, i]:
                counts[r - reach + i, c + left[f, i]] += 1
                counts[r - reach + i, c + right[f, i] + 1] -= 1
    for r in range(height):
        for c in range(1, width):
            counts[r, c] += counts[r, c - 1]
    return counts[:, :width]


@kernel
def choose(
    found: NDArray[np.int32],
    start: NDArray[np.int64],
    order: NDArray[np.int64],
    open_pixels: NDArray[np.bool_],
    left: _Columns,
    right: _Columns,
) -> NDArray[np.int64]:
    """Candidates that cover the pixels named in ``order``, chosen greedily.

    Args:
        found: from ``candidates``.
        start: likewise.
        order: flat indices of the pixels to cover, hardest first, each in some candidate.
        open_pixels: the needed pixels, (H, W); those that get covered are cleared.
        left: first columns of the shapes.
        right: last columns.
    """
    height, width = open_pixels.shape
    rows = left.shape[1]
    reach = rows // 2
    chosen = np.empty(order.size, dtype=np.int64)
    count = 0
    for pixel in order:
        r, c = pixel // width, pixel % width
        if not open_pixels[r, c]:
            continue
        best, most = -1, 0
        for b in range(max(0, r - reach), min(height, r + reach + 1)):
            first, last = max(0, c - reach - 1), min(width - 1, c + reach + 1)
            for j in range(start[b * width + first], start[b * width + last + 1]):
                a, f = found[j, 1], found[j, 2]
                i = r - b + reach
                if not a + left[f, i] <= c <= a + right[f, i]:
                    continue
                gain = _uncovered(open_pixels, b - reach, a, left[f], right[f], open_pixels.size)
                if gain > most:
                    best, most = j, gain
        b, a, f = found[best]
        for i in range(rows):
            for k in range(a + left[f, i], a + right[f, i] + 1):
                open_pixels[b - reach + i, k] = False
        chosen[count] = best
        count += 1
    return chosen[:count]


def first_cover(
    allowed: NDArray[np.bool_], needed: NDArray[np.bool_], shapes: Footprints
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Disks within the allowed pixels that cover the needed ones as far as any can.

    Args:
        allowed: pixels that may be black, (H, W), with a margin of 2m + 2 that all may.
        needed: pixels to be covered, (H, W), none in the margin.
        shapes: of the disks.

    Returns:
        Centres (x, y), (n, 2), pixel centres being at whole numbers; and the needed pixels that
        no admissible disk covers, (H, W).
    """
    left, right = shapes.left, shapes.right
    runs = run_lengths(allowed)
    start = np.empty(allowed.size + 1, dtype=np.int64)
    room = count = _FIRST_ROOM
    while count >= room:
        room = count + 1
        found = np.empty((room, 3), dtype=np.int32)
        count = candidates(
            runs, needed, left, right, shapes.core, shapes.hull, shapes.spanning, found, start
        )
    found = found[:count]
    counts = choices(found, needed.shape, left, right)
    residual = needed & (counts == 0)
    pixels = np.flatnonzero(needed & ~residual)
    order = pixels[np.argsort(counts.ravel()[pixels], kind="stable")]
    chosen = choose(found, start, order, needed.copy(), left, right)
    row, column, shape = found[chosen].T
    return np.column_stack([column, row]) + shapes.phase[shape], residual
