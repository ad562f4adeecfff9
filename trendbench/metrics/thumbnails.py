"""Distances between images as wholes, by thumbnails: block means over about one particle.

The squared distance of two images is the mean squared difference of their thumbnails, so that it
measures particles and not single pixels. It is the least over the first image's mirror images in
x and y and over small shifts, so that a copy stays near when it is mirrored or moved.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from trendbench.process.trend import TrendProcess

_SHIFTS = (-2, 0, 2)  # px, along x and along y
Thumbnails = NDArray[np.float32]


def thumbnails(black: NDArray[np.bool_], process: TrendProcess) -> Thumbnails:
    """Block means of black images (n, H, W), blocks of about 2R × 2R px: (n, d)."""
    return _block_means(_strips(black, process), black.shape[1], process)


def nearest(
    black: NDArray[np.bool_], references: Thumbnails, process: TrendProcess
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Squared distance of each image to the nearest reference, and which that is.

    Args:
        black: (n, H, W).
        references: their thumbnails, (m, d), m ≥ 1.
        process: the task.

    Returns:
        (n,) squared distances per block, and (n,) indices into the references.
    """
    lengths = np.square(references).sum(axis=1)
    least = np.full(len(black), np.inf, dtype=np.float32)
    which = np.zeros(len(black), dtype=np.int64)
    for moved in _moved(black, process):
        squared = lengths - 2 * moved @ references.T
        best = squared.argmin(axis=1)
        found = squared[np.arange(len(best)), best] + np.square(moved).sum(axis=1)
        found /= references.shape[1]
        closer = found < least
        least[closer], which[closer] = found[closer], best[closer]
    return np.maximum(least, 0), which


def squared_distances(
    black: NDArray[np.bool_], references: Thumbnails, process: TrendProcess
) -> NDArray[np.float32]:
    """Squared distance of each image to each reference, (n, m)."""
    lengths = np.square(references).sum(axis=1)
    least = np.full((len(black), len(references)), np.inf, dtype=np.float32)
    for moved in _moved(black, process):
        squared = lengths - 2 * moved @ references.T + np.square(moved).sum(axis=1)[:, None]
        np.minimum(least, squared, out=least)
    return np.maximum(least / references.shape[1], 0)


def _moved(black: NDArray[np.bool_], process: TrendProcess) -> Iterator[Thumbnails]:
    """Thumbnails of the images, of their mirror images, and of each of them shifted."""
    height = black.shape[1]
    for image in (black, black[:, ::-1], black[:, :, ::-1], black[:, ::-1, ::-1]):
        for down in _SHIFTS:
            strips = _strips(np.roll(image, down, axis=1), process)
            for along in _SHIFTS:
                yield _block_means(np.roll(strips, along, axis=2), height, process)


def _block(process: TrendProcess, side: int) -> int:
    """Side of a block along a side of the frame [px]."""
    return min(max(1, round(2 * process.radius)), side)


def _strips(black: NDArray[np.bool_], process: TrendProcess) -> NDArray[np.int32]:
    """Black pixels of each column in each row of blocks, (n, H // block, W)."""
    n, height, width = black.shape
    high = _block(process, height)
    rows = height // high
    cut = black[:, : rows * high].reshape(n, rows, high, width)
    return cut.sum(axis=2, dtype=np.int32)


def _block_means(strips: NDArray[np.int32], height: int, process: TrendProcess) -> Thumbnails:
    """Strips to the means of their blocks, (n, d)."""
    n, rows, width = strips.shape
    wide = _block(process, width)
    columns = width // wide
    counts = strips[..., : columns * wide].reshape(n, rows, columns, wide).sum(axis=3)
    means = counts / (_block(process, height) * wide)
    return means.astype(np.float32).reshape(n, -1)
