"""Images as unions of grains: where each shape fits into the black, and which of them cover it."""

import numpy as np
from numpy.typing import NDArray

from trendbench.compiling import kernel
from trendbench.generators.germ_grain.model import Placed, Shapes


def covering(
    black: NDArray[np.bool_], shapes: Shapes, preferred: Placed, rng: np.random.Generator
) -> Placed:
    """Placements inside the black that cover as much of it as placements can.

    Preferred ones that fit are taken first. Then, of the pixels that are still bare, the one that
    the fewest placements reach is covered, by the placement that also covers the most pixels of
    few placements: the sum of 1/n² over its bare pixels, n placements reaching a pixel. Of equal
    ones any is taken, as at a border many look alike. At last, from the end, those are dropped that
    leave no pixel bare.

    Args:
        black: (H, W).
        shapes: of grains.
        preferred: (n, 3).
        rng: of the image.

    Returns:
        (m, 3), the preferred ones first.
    """
    black = np.ascontiguousarray(black)
    return _covered(black, placements(black, shapes, True), preferred, shapes, rng)


@kernel
def placements(black: NDArray[np.bool_], shapes: Shapes, largest: bool) -> Placed:
    """Placements with every pixel in the black or beyond the frame, row by row, (n, 3).

    Of shapes that the frame cuts to the same pixels one is taken. If the largest are asked for,
    those are left out that another one at the same anchor contains, and those of which larger
    grains can cover every pixel.
    """
    height, width = black.shape
    found = np.empty((1024, 3), dtype=np.int32)
    n = 0
    open_ = np.zeros((height, width), dtype=np.bool_)  # what larger grains can cover
    runs, covered = _runs(black, shapes.reach), _runs(open_, shapes.reach)
    for size in range(shapes.classes[-1] + 1):
        begin = n
        found, n = _of_size(runs, covered, found, n, shapes, size, largest)
        if size < shapes.classes[-1]:
            paint(open_, found[begin:n], shapes)
            covered = _runs(open_, shapes.reach)
    result = np.empty((n, 3), dtype=np.int32)
    begins = _begins(found[:n], height, width, shapes.reach)[:-1]
    for i in range(n):
        at = (found[i, 1] + shapes.reach) * (width + 2 * shapes.reach) + found[i, 2] + shapes.reach
        result[begins[at]] = found[i]
        begins[at] += 1
    return result


@kernel
def _runs(black: NDArray[np.bool_], reach: int) -> NDArray[np.int32]:
    """Black pixels from each pixel on to the right; 2·reach px around the frame are black."""
    height, width = black.shape
    pad = 2 * reach
    runs = np.zeros((height + 2 * pad, width + 2 * pad), dtype=np.int32)
    for r in range(runs.shape[0]):
        length = 0
        for c in range(runs.shape[1] - 1, -1, -1):
            y, x = r - pad, c - pad
            inside = 0 <= y < height and 0 <= x < width
            length = length + 1 if not inside or black[y, x] else 0
            runs[r, c] = length
    return runs


@kernel
def _fits(runs: NDArray[np.int32], r: int, c: int, shape: NDArray[np.int32]) -> bool:
    """Whether the runs of a shape lie in black."""
    for k in range(shape.shape[0]):
        if shape[k, 2] > 0 and runs[r + shape[k, 0], c + shape[k, 1]] < shape[k, 2]:
            return False
    return True


@kernel
def _of_size(
    runs: NDArray[np.int32], covered: NDArray[np.int32], found: Placed, n: int, shapes: Shapes,
    size: int, largest: bool,
) -> tuple[Placed, int]:  # fmt: skip
    """Append the placements of one size to the n found; see ``placements``."""
    reach = shapes.reach
    pad, places = 2 * reach, 4 * reach + 1
    height, width = runs.shape[0] - 2 * pad, runs.shape[1] - 2 * pad
    for r in range(reach, height + 3 * reach):
        for c in range(reach, width + 3 * reach):
            if not _fits(runs, r, c, shapes.cores[size]):
                continue
            y, x = r - pad, c - pad
            at = _place(y, height, reach) * places + _place(x, width, reach)
            begin = n
            for j in range(shapes.starts[at], shapes.starts[at + 1]):
                shape = shapes.ids[j]
                if shapes.classes[shape] != size or not _fits(runs, r, c, shapes.runs[shape]):
                    continue
                if largest and size > 0 and _fits(covered, r, c, shapes.runs[shape]):
                    continue
                contained = False
                if largest:
                    for i in range(begin, n):
                        contained = contained or shapes.inside[shape, found[i, 0]]
                if contained:
                    continue
                if n == len(found):
                    longer = np.empty((2 * n, 3), dtype=np.int32)
                    longer[:n] = found
                    found = longer
                found[n, 0], found[n, 1], found[n, 2] = shape, y, x
                n += 1
    return found, n


@kernel
def _place(at: int, side: int, reach: int) -> int:
    """The place of an anchor along an axis, as ``shapes._where_cut`` numbers it."""
    if at < reach:
        return at + reach
    if at > side - 1 - reach:
        return 3 * reach + at - (side - 1)
    return 2 * reach


@kernel
def paint(union: NDArray[np.bool_], placed: Placed, shapes: Shapes) -> None:
    """Blacken the pixels of placements, (H, W)."""
    height, width = union.shape
    for i in range(len(placed)):
        for k in range(shapes.runs.shape[1]):
            row, first, length = shapes.runs[placed[i, 0], k]
            y, x = placed[i, 1] + row, placed[i, 2] + first
            if length > 0 and 0 <= y < height:
                for column in range(max(x, 0), min(x + length, width)):
                    union[y, column] = True


@kernel
def _covered(
    black: NDArray[np.bool_], fitting: Placed, preferred: Placed, shapes: Shapes,
    rng: np.random.Generator,
) -> Placed:  # fmt: skip
    """See ``covering``."""
    height, width = black.shape
    reach = shapes.reach
    choices = np.zeros((height, width), dtype=np.int32)
    _count(choices, fitting, shapes, 1)
    begins = _begins(fitting, height, width, reach)
    chosen = np.empty((len(preferred) + height * width + 1, 3), dtype=np.int32)
    n = 0
    times = np.zeros((height, width), dtype=np.int32)  # chosen placements that cover each pixel
    runs = _runs(black, reach)
    for i in range(len(preferred)):
        y, x = preferred[i, 1] + 2 * reach, preferred[i, 2] + 2 * reach
        if _fits(runs, y, x, shapes.runs[preferred[i, 0]]):
            chosen[n] = preferred[i]
            n += 1
            _count(times, preferred[i : i + 1], shapes, 1)
    ys, xs = np.nonzero((times == 0) & (choices > 0) & black)
    number = np.empty(len(ys), dtype=np.int64)
    for j in range(len(ys)):
        number[j] = choices[ys[j], xs[j]]
    order = np.argsort(number, kind="mergesort")
    for j in order:
        y, x = ys[j], xs[j]
        if times[y, x] > 0:
            continue
        best, best_weight, equal = -1, -1.0, 0
        for row in range(max(y - reach, -reach), min(y + reach, height - 1 + reach) + 1):
            for column in range(max(x - reach, -reach), min(x + reach, width - 1 + reach) + 1):
                at = (row + reach) * (width + 2 * reach) + column + reach
                for i in range(begins[at], begins[at + 1]):
                    weight = _weight(times, choices, fitting[i], shapes, y, x)
                    if weight > best_weight:
                        best, best_weight, equal = i, weight, 1
                    elif weight == best_weight:
                        equal += 1
                        if rng.random() * equal < 1:
                            best = i
        chosen[n] = fitting[best]
        n += 1
        _count(times, fitting[best : best + 1], shapes, 1)
    needed = np.ones(n, dtype=np.bool_)
    for i in range(n - 1, -1, -1):
        needed[i] = _is_needed(times, chosen[i], shapes)
        if not needed[i]:
            _count(times, chosen[i : i + 1], shapes, -1)
    return chosen[:n][needed]


@kernel
def _begins(fitting: Placed, height: int, width: int, reach: int) -> NDArray[np.int64]:
    """Where the placements of each anchor begin, row by row from (−reach, −reach) on."""
    wide = width + 2 * reach
    begins = np.zeros((height + 2 * reach) * wide + 1, dtype=np.int64)
    for i in range(len(fitting)):
        begins[(fitting[i, 1] + reach) * wide + fitting[i, 2] + reach + 1] += 1
    return np.cumsum(begins)


@kernel
def _count(times: NDArray[np.int32], placed: Placed, shapes: Shapes, by: int) -> None:
    """Add ``by`` for each placement to the pixels that it covers."""
    height, width = times.shape
    for i in range(len(placed)):
        for k in range(shapes.runs.shape[1]):
            row, first, length = shapes.runs[placed[i, 0], k]
            y, x = placed[i, 1] + row, placed[i, 2] + first
            if length > 0 and 0 <= y < height:
                for column in range(max(x, 0), min(x + length, width)):
                    times[y, column] += by


@kernel
def _weight(
    times: NDArray[np.int32], choices: NDArray[np.int32], one: NDArray[np.int32],
    shapes: Shapes, y: int, x: int,
) -> float:  # fmt: skip
    """Sum of 1/n² over the bare pixels of a placement; −1 if it does not cover pixel (y, x)."""
    height, width = times.shape
    weight, covers = 0.0, False
    for k in range(shapes.runs.shape[1]):
        row, first, length = shapes.runs[one[0], k]
        at, left = one[1] + row, one[2] + first
        if length > 0 and at == y and left <= x < left + length:
            covers = True
            break
    if not covers:
        return -1.0
    for k in range(shapes.runs.shape[1]):
        row, first, length = shapes.runs[one[0], k]
        at, left = one[1] + row, one[2] + first
        if length > 0 and 0 <= at < height:
            for column in range(max(left, 0), min(left + length, width)):
                if times[at, column] == 0:
                    weight += 1.0 / choices[at, column] ** 2
    return weight


@kernel
def _is_needed(times: NDArray[np.int32], one: NDArray[np.int32], shapes: Shapes) -> bool:
    """Whether a placement alone covers some pixel."""
    height, width = times.shape
    for k in range(shapes.runs.shape[1]):
        row, first, length = shapes.runs[one[0], k]
        y, x = one[1] + row, one[2] + first
        if length > 0 and 0 <= y < height:
            for column in range(max(x, 0), min(x + length, width)):
                if times[y, column] == 1:
                    return True
    return False
