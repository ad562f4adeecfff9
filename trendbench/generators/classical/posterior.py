"""Germs behind an image: a draw from their posterior, by birth, death and movement.

Given R and an intensity λ, the germs of a Boolean model whose image is known are a Poisson process
conditioned on two things: no germ's disk leaves the black pixels, and every black pixel lies in
one. Metropolis–Hastings walks over such configurations:

- birth of a germ, uniform on the dilated frame of area |W|, taken with probability
  λ|W|/(n + 1) if its disk stays in the black;
- death of one of the n germs, taken with probability n/(λ|W|) if the black stays covered;
- a germ moved by a step that is uniform in a square, taken if both conditions still hold.

Isolated disks are fixed to within a tenth of a pixel. The walk mainly moves the disks inside
clusters, whose number and places the image does not determine.

Source: Geyer & Møller, Simulation procedures and likelihood inference for spatial point processes,
Scandinavian Journal of Statistics 21, 359 (1994).
"""

import math

import numpy as np
from numpy.typing import NDArray

from trendbench.compiling import kernel

_BIRTHS = 0.1  # share of births, and of deaths, among the steps; the rest are movements
_SCALES = 6  # within 2, 1, ½ … 1/16 px


@kernel
def _lies_in(runs: NDArray[np.int32], x: float, y: float, radius: float) -> bool:
    """Whether a disk lies in the allowed pixels, its widest rows looked at first."""
    top, bottom = math.ceil(y - radius), math.floor(y + radius)
    middle = (top + bottom) // 2
    for i in range(bottom - top + 1):
        r = middle + (i + 1) // 2 if i % 2 else middle - i // 2
        half = math.sqrt(max(0.0, radius * radius - (r - y) * (r - y)))
        left, right = math.ceil(x - half), math.floor(x + half)
        if left <= right and runs[r, left] < right - left + 1:
            return False
    return True


@kernel
def _add(cover: NDArray[np.int32], x: float, y: float, radius: float, by: int) -> None:
    """Count a disk's pixels in, or out with ``by`` = −1."""
    for r in range(math.ceil(y - radius), math.floor(y + radius) + 1):
        half = math.sqrt(max(0.0, radius * radius - (r - y) * (r - y)))
        for c in range(math.ceil(x - half), math.floor(x + half) + 1):
            cover[r, c] += by


@kernel
def _is_covered(
    cover: NDArray[np.int32],
    needed: NDArray[np.bool_],
    x: float,
    y: float,
    radius: float,
    least: int,
) -> bool:
    """Whether every needed pixel of a disk is covered so many times."""
    for r in range(math.ceil(y - radius), math.floor(y + radius) + 1):
        half = math.sqrt(max(0.0, radius * radius - (r - y) * (r - y)))
        for c in range(math.ceil(x - half), math.floor(x + half) + 1):
            if needed[r, c] and cover[r, c] < least:
                return False
    return True


@kernel
def walk(
    centres: NDArray[np.float64],
    runs: NDArray[np.int32],
    needed: NDArray[np.bool_],
    bounds: tuple[float, float, float, float],
    mean: float,
    radius: float,
    steps: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """The configuration after so many steps.

    Args:
        centres: a configuration to start from, (n, 2), pixel centres being at whole numbers.
        runs: ``run_lengths`` of the allowed pixels, (H, W), with a margin that lets every disk
            of the dilated frame lie in the array.
        needed: pixels that must stay covered, (H, W); all of them are covered at the start.
        bounds: the dilated frame, least and largest x, least and largest y.
        mean: λ|W|, the expected number of germs.
        radius: R [px].
        steps: how many.
        rng: source of the steps.

    Returns:
        (n′, 2).
    """
    x_low, x_high, y_low, y_high = bounds
    n = len(centres)
    at = np.empty((n + steps, 2))
    cover = np.zeros(runs.shape, dtype=np.int32)
    for i in range(n):
        at[i, 0], at[i, 1] = centres[i, 0], centres[i, 1]
        _add(cover, at[i, 0], at[i, 1], radius, 1)
    for _ in range(steps):
        kind = rng.random()
        if kind < _BIRTHS:
            x = x_low + (x_high - x_low) * rng.random()
            y = y_low + (y_high - y_low) * rng.random()
            if rng.random() * (n + 1) < mean and _lies_in(runs, x, y, radius):
                at[n, 0], at[n, 1] = x, y
                n += 1
                _add(cover, x, y, radius, 1)
            continue
        if n == 0:
            continue
        i = int(rng.random() * n)
        x, y = at[i, 0], at[i, 1]
        if kind < 2 * _BIRTHS:
            if rng.random() * mean < n and _is_covered(cover, needed, x, y, radius, 2):
                _add(cover, x, y, radius, -1)
                n -= 1
                at[i, 0], at[i, 1] = at[n, 0], at[n, 1]
            continue
        half = 2.0 / 2 ** int(rng.random() * _SCALES)
        new_x, new_y = x + half * (2 * rng.random() - 1), y + half * (2 * rng.random() - 1)
        if not (x_low <= new_x <= x_high and y_low <= new_y <= y_high):
            continue
        if not _lies_in(runs, new_x, new_y, radius):
            continue
        _add(cover, new_x, new_y, radius, 1)
        _add(cover, x, y, radius, -1)
        if _is_covered(cover, needed, x, y, radius, 1):
            at[i, 0], at[i, 1] = new_x, new_y
        else:
            _add(cover, x, y, radius, 1)
            _add(cover, new_x, new_y, radius, -1)
    return at[:n]
