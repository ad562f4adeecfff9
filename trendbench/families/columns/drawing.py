"""Images of the process, from words of the bit generator alone.

An image reads 2·visits words, for the columns and the counts, and then one word a germ. A word w
is the uniform number ⌊w/2¹¹⌋·2⁻⁵³. Images are the same on every machine.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from trendbench.compiling import kernel
from trendbench.families.columns.process import SCALE
from trendbench.families.disks.counts import poisson_table
from trendbench.process.images import BLACK, WHITE

_RADIUS = 9.5  # canvas px
_REACH = 9  # canvas px: of the disk, of the test for a ban, and between germs of a visit
_HALF_WIDTHS = np.floor(np.sqrt(_RADIUS**2 - np.square(np.arange(-_REACH, _REACH + 1)))).astype(
    np.int64
)


def draw(
    width: int,
    height: int,
    visits: int,
    per_visit: tuple[float, float],
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """One image, (H, W).

    Args:
        width: W [px].
        height: H [px].
        visits: number of columns that are drawn.
        per_visit: λ at x = 0 and at x = W [germs per visit].
        rng: its bit generator gives the words, of 64 bits.
    """
    across = SCALE * width
    for_columns, for_counts = _uniforms(2 * visits, rng).reshape(2, visits)
    x = 1 + np.floor(for_columns * (across - 1)).astype(np.int64)
    first, cdf = _tables(across, *per_visit)
    row = np.minimum(x, len(first) - 1)
    counts = first[row] + np.count_nonzero(cdf[row] <= for_counts[:, None], axis=1)
    canvas = np.full((SCALE * height, across), WHITE, dtype=np.uint8)
    fill_canvas(canvas, x, counts, _uniforms(int(counts.sum()), rng), _HALF_WIDTHS)
    return canvas[1::SCALE, 1::SCALE].copy()


def _uniforms(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1), (n,)."""
    words = rng.bit_generator.random_raw(n)
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


@lru_cache(maxsize=32)
def _tables(
    across: int, left: float, right: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """``poisson_table`` of each canvas column, (n,) and (n, m); of one only if λ is constant."""
    columns = np.arange(across if left != right else 1)
    tables = [poisson_table(left + (right - left) * x / across) for x in columns]
    cdf = np.ones((len(tables), max(table.size for _, table in tables)))
    for row, (_, table) in zip(cdf, tables, strict=True):
        row[: table.size] = table
    return np.array([first for first, _ in tables]), cdf


@kernel
def fill_canvas(
    canvas: NDArray[np.uint8],
    x: NDArray[np.int64],
    counts: NDArray[np.int64],
    uniforms: NDArray[np.float64],
    half_widths: NDArray[np.int64],
) -> None:
    """Draw the disks of all visits, one visit after another.

    Args:
        canvas: (h, w), white.
        x: (v,) the column of each visit.
        counts: (v,) its number of germs; those that find no free row are left out.
        uniforms: one a germ: which of the free rows.
        half_widths: (2·9 + 1,) of the rows of a disk [canvas px].
    """
    height, width = canvas.shape
    reach = half_widths.size // 2
    free = np.empty(height, dtype=np.bool_)
    germ = 0
    for v in range(x.size):
        left, right = x[v] - reach, x[v] + reach
        places = height
        for y in range(height):
            inside = y >= reach and y + reach < height and left >= 0 and right < width
            free[y] = not (
                inside
                and canvas[y, left] == BLACK
                and canvas[y, right] == BLACK
                and canvas[y - reach, x[v]] == BLACK
                and canvas[y + reach, x[v]] == BLACK
            )
            if not free[y]:
                places -= 1
        for _ in range(counts[v]):
            rank = int(uniforms[germ] * places)
            germ += 1
            if places == 0:
                continue
            row = 0
            while rank > 0 or not free[row]:
                if free[row]:
                    rank -= 1
                row += 1
            for y in range(max(0, row - reach), min(height, row + reach + 1)):
                half = half_widths[y - row + reach]
                canvas[y, max(0, x[v] - half) : min(width, x[v] + half + 1)] = BLACK
                if free[y]:
                    free[y] = False
                    places -= 1


def cache_misses() -> int:
    """How often this process compiled the kernel, as the disk had no code of it."""
    return sum(fill_canvas.stats.cache_misses.values())  # type: ignore[attr-defined]
