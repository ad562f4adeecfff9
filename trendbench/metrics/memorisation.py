"""Whether images were drawn, or remembered from the training set.

Distance of two images: the mean squared difference of their thumbnails (block means over about
one radius), so that it sees particles and not the last pixel. A sample's distance to the training
set is the least over all training images, over its mirror image in y, which the law cannot tell
from it, and over small shifts.
"""

from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from trendbench.metrics.batch import THRESHOLD, Batch
from trendbench.metrics.metric import Direction, ImageMetric, Need
from trendbench.metrics.pool import true_pool
from trendbench.metrics.truth import Truth
from trendbench.process.trend import TrendProcess

_QUANTILE = 0.01
_SHIFTS = (-2, 0, 2)  # px, along x and along y
_BATCH = 128


class Memorisation(ImageMetric):
    """Share of samples nearer to the training set than the 1 % quantile of fresh true images."""

    name = "memorisation"
    meaning = "share of samples nearer to the training set than 1 % of true images are"
    direction: ClassVar[Direction] = "lower"
    needs: ClassVar[frozenset[Need]] = frozenset({"training"})

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        limit, _ = _pool_is_near(truth)
        near = distances(batch.black, truth) < limit
        return near.astype(np.float64)[:, None]

    def features_of_pool(self, truth: Truth) -> NDArray[np.float64] | None:
        if truth.thumbnails is None:
            return None
        _, near = _pool_is_near(truth)
        return near.astype(np.float64)[:, None]

    def ideal(self, truth: Truth) -> float:
        del truth
        return _QUANTILE


def thumbnails(black: NDArray[np.bool_], process: TrendProcess) -> NDArray[np.float32]:
    """Block means of black images (n, H, W), blocks of about R × R px: (n, d)."""
    strips = _strips(black, process)
    return _block_means(strips, black.shape[1], process)


def _block(process: TrendProcess, side: int) -> int:
    """Side of a block along a side of the frame [px]."""
    return min(max(1, round(process.radius)), side)


def _strips(black: NDArray[np.bool_], process: TrendProcess) -> NDArray[np.int32]:
    """Black pixels of each column in each row of blocks, (n, H // block, W)."""
    n, height, width = black.shape
    high = _block(process, height)
    rows = height // high
    cut = black[:, : rows * high].reshape(n, rows, high, width)
    return cut.sum(axis=2, dtype=np.int32)


def _block_means(
    strips: NDArray[np.int32], height: int, process: TrendProcess
) -> NDArray[np.float32]:
    """Strips to the means of their blocks, (n, d)."""
    n, rows, width = strips.shape
    wide = _block(process, width)
    columns = width // wide
    counts = strips[..., : columns * wide].reshape(n, rows, columns, wide).sum(axis=3)
    means = counts / (_block(process, height) * wide)
    return means.astype(np.float32).reshape(n, -1)


def distances(black: NDArray[np.bool_], truth: Truth) -> NDArray[np.float64]:
    """Distance of each image to the training set, (n,)."""
    training = truth.thumbnails
    assert training is not None
    height = black.shape[1]
    lengths = _squared_lengths(truth)
    nearest = np.full(len(black), np.inf)
    for image in (black, black[:, ::-1]):
        for down in _SHIFTS:
            strips = _strips(np.roll(image, down, axis=1), truth.spec)
            for along in _SHIFTS:
                own = _block_means(np.roll(strips, along, axis=2), height, truth.spec)
                squared = lengths - 2 * own @ training.T
                best = squared.min(axis=1) + np.square(own).sum(axis=1)
                nearest = np.minimum(nearest, best / own.shape[1])
    return nearest


@lru_cache(maxsize=2)
def _squared_lengths(truth: Truth) -> NDArray[np.float32]:
    """Squared lengths of the training images' thumbnails, (n,)."""
    assert truth.thumbnails is not None
    return np.square(truth.thumbnails).sum(axis=1)


@lru_cache(maxsize=2)
def _pool_is_near(truth: Truth) -> tuple[float, NDArray[np.bool_]]:
    """The 1 % quantile of the pool's distances, and which images of the pool are below it."""
    found = np.concatenate(
        [
            distances(block.drawn < THRESHOLD, truth)
            for block in true_pool(truth.spec).blocks(_BATCH)
        ]
    )
    limit = float(np.quantile(found, _QUANTILE))
    return limit, found < limit
