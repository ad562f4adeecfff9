"""Distances between images as wholes, by thumbnails: block means over about one particle.

The squared distance of two images is the mean squared difference of their thumbnails, so that it
measures particles and not single pixels. It is the least over the first image's mirror images in
x and y and over small shifts, so that a copy stays near when it is mirrored or moved.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from trendbench.process.family import Process

_SHIFTS = (-2, 0, 2)  # px, along x and along y
Thumbnails = NDArray[np.float32]
Distances = NDArray[np.float32]


def thumbnails(black: NDArray[np.bool_], process: Process) -> Thumbnails:
    """Block means of black images (n, H, W), blocks of about two lengths a side: (n, d)."""
    rows, columns = (_block_means(side, process)[:1] for side in black.shape[1:])
    return _shrunk(black, rows, columns)[0]


def variants(black: NDArray[np.bool_], process: Process) -> Thumbnails:
    """Thumbnails of the images, of their mirror images, and of each of them shifted: (36, n, d)."""
    rows, columns = (_block_means(side, process) for side in black.shape[1:])
    return _shrunk(black, rows, columns)


def nearest(moved: Thumbnails, references: Thumbnails) -> tuple[Distances, NDArray[np.int64]]:
    """Squared distance of each image to the nearest reference, and which that is.

    Args:
        moved: ``variants`` of the images, (v, n, d).
        references: thumbnails, (m, d), m ≥ 1.

    Returns:
        (n,) squared distances per block, and (n,) indices into the references.
    """
    half_lengths = np.square(references).sum(axis=1) / 2
    least = np.full(moved.shape[1], np.inf, dtype=np.float32)
    which = np.zeros(moved.shape[1], dtype=np.int64)
    for variant in moved:
        near = half_lengths - variant @ references.T
        best = near.argmin(axis=1)
        found = 2 * near[np.arange(len(best)), best] + np.square(variant).sum(axis=1)
        closer = found < least
        least[closer], which[closer] = found[closer], best[closer]
    return np.maximum(least / references.shape[1], 0), which


def squared_distances(moved: Thumbnails, references: Thumbnails) -> Distances:
    """Squared distance per block of each image to each reference, (n, m); see ``nearest``."""
    half_lengths = np.square(references).sum(axis=1) / 2
    least = np.full((moved.shape[1], len(references)), np.inf, dtype=np.float32)
    for variant in moved:
        near = half_lengths - variant @ references.T
        near += np.square(variant).sum(axis=1)[:, None] / 2
        np.minimum(least, near, out=least)
    return np.maximum(2 * least / references.shape[1], 0)


def _shrunk(black: NDArray[np.bool_], rows: Thumbnails, columns: Thumbnails) -> Thumbnails:
    """Block means for every pair of row and column weights, (pairs, n, d)."""
    pixels = black.astype(np.float32)
    parts = [across @ column.T for across in (row @ pixels for row in rows) for column in columns]
    return np.stack(parts).reshape(len(parts), len(black), -1)


@lru_cache(maxsize=8)
def _block_means(side: int, process: Process) -> Thumbnails:
    """Weights that take a side of pixels to its blocks, unmirrored and unshifted first.

    Blocks have about two lengths. Pixels left over at the end belong to no block.

    Returns:
        (6, side // block, side).
    """
    block = min(max(1, round(2 * process.length)), side)
    blocks, pixels = side // block, np.eye(side, dtype=np.float32)
    weights = []
    for line in (pixels, pixels[::-1]):
        for shift in sorted(_SHIFTS, key=abs):
            moved = np.roll(line, shift, axis=0)[: blocks * block]
            weights.append(moved.reshape(blocks, block, side).mean(axis=1))
    return np.stack(weights)
