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
from trendbench.metrics.metric import Direction, Metric
from trendbench.metrics.pool import true_pool
from trendbench.metrics.truth import Truth
from trendbench.process.trend import TrendProcess

_QUANTILE = 0.01
_SHIFTS = (-2, 0, 2)  # px, along x and along y


class Memorisation(Metric):
    """Share of samples nearer to the training set than the 1 % quantile of fresh true images."""

    name = "memorisation"
    meaning = "share of samples nearer to the training set than 1 % of true images are"
    direction: ClassVar[Direction] = "lower"

    def applies(self, batch: Batch, truth: Truth) -> bool:
        del batch
        return truth.thumbnails is not None

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        near = distances(batch.black, truth) < _threshold(truth)
        return near.astype(np.float64)[:, None]

    def ideal(self, truth: Truth) -> float:
        del truth
        return _QUANTILE


def thumbnails(black: NDArray[np.bool_], process: TrendProcess) -> NDArray[np.float32]:
    """Block means of black images (n, H, W), blocks of about R × R px: (n, d)."""
    block = max(1, round(process.radius))
    n, height, width = black.shape
    rows, columns = max(height // block, 1), max(width // block, 1)
    cut = black[:, : rows * block, : columns * block]
    blocks = cut.reshape(n, rows, min(block, height), columns, min(block, width))
    return blocks.mean(axis=(2, 4), dtype=np.float32).reshape(n, -1)


def distances(black: NDArray[np.bool_], truth: Truth) -> NDArray[np.float64]:
    """Distance of each image to the training set, (n,)."""
    training = truth.thumbnails
    assert training is not None
    lengths = np.square(training).sum(axis=1)
    nearest = np.full(len(black), np.inf)
    for image in (black, black[:, ::-1]):
        for down in _SHIFTS:
            for along in _SHIFTS:
                moved = np.roll(image, (down, along), axis=(1, 2))
                own = thumbnails(moved, truth.spec)
                squared = lengths - 2 * own @ training.T
                best = squared.min(axis=1) + np.square(own).sum(axis=1)
                nearest = np.minimum(nearest, best / own.shape[1])
    return nearest


@lru_cache(maxsize=2)
def _threshold(truth: Truth) -> float:
    drawn = true_pool(truth.spec).drawn < THRESHOLD
    return float(np.quantile(distances(drawn, truth), _QUANTILE))
