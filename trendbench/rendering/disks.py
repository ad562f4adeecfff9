"""Rasterise disks: a pixel is black iff some germ lies within R of its centre."""

import math

import numpy as np
from numpy.typing import NDArray

from trendbench.compiling import kernel

WHITE = 255
BLACK = 0


@kernel
def draw_disks(
    image: NDArray[np.uint8],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    member: NDArray[np.uint8],
    bit: int,
    radius: float,
) -> None:
    """Fill ``image`` white and draw a black disk for every germ whose ``bit`` is set.

    Pixel (row r, column c) has its centre at (c + ½, r + ½); it is black iff
    (c + ½ − x)² + (r + ½ − y)² ≤ R² for some germ (x, y). Row by row the disk is the run of
    columns with |c + ½ − x| ≤ √(R² − (r + ½ − y)²).

    Args:
        image: (H, W), overwritten.
        x: germ positions along the columns [px], shape (n,); may lie outside the frame.
        y: germ positions along the rows [px], shape (n,).
        member: (n,) membership bits.
        bit: which image is drawn.
        radius: R [px].
    """
    height, width = image.shape
    image[:] = WHITE
    for g in range(x.size):
        if not member[g] & bit:
            continue
        column, row = x[g] - 0.5, y[g] - 0.5
        top = max(0, math.ceil(row - radius))
        bottom = min(height - 1, math.floor(row + radius))
        for r in range(top, bottom + 1):
            half = math.sqrt(max(0.0, radius * radius - (r - row) * (r - row)))
            left = max(0, math.ceil(column - half))
            right = min(width - 1, math.floor(column + half))
            if left <= right:  # a negative end would count from the other border
                image[r, left : right + 1] = BLACK


@kernel
def draw_series(
    offsets: NDArray[np.int64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    member: NDArray[np.uint8],
    bits: NDArray[np.uint8],
    radius: float,
    images: NDArray[np.uint8],
) -> None:
    """``draw_disks`` for every triplet and image: germs laid end to end, images (3, n, H, W).

    It stands in this file because compiled code is cached by the file it stands in, and it
    contains that of ``draw_disks``.
    """
    for i in range(offsets.size - 1):
        own = slice(offsets[i], offsets[i + 1])
        for j in range(bits.size):
            draw_disks(images[j, i], x[own], y[own], member[own], bits[j], radius)
