"""Whether the phases are connected as those of true images are: no closed form, always estimated.

Black is 8-connected and white 4-connected, as for the Euler number. Two scores, on request alone:
they are no part of records, and take about 13 ms for an image of 256×256 px.

Source: Torquato, Random Heterogeneous Materials (2002), chapter 9, for the cluster function.
"""

from functools import lru_cache
from typing import ClassVar

import numpy as np
import scipy
from numpy.typing import NDArray

from trendbench.metrics.batch import Batch
from trendbench.metrics.metric import MANY_SOURCES, ImageMetric
from trendbench.metrics.pool import true_pool
from trendbench.metrics.texture import TextureMetric, lags
from trendbench.metrics.truth import Truth
from trendbench.process.family import Process
from trendbench.spec import TaskSpec

_EIGHT = np.ones((3, 3), dtype=np.int8)
_BATCH = 128
Labels = NDArray[np.int32]


class _Connectivity(TextureMetric):
    """A score whose features of true images are means over the pool."""

    fewest_sources: ClassVar[int] = MANY_SOURCES

    def is_estimated(self, process: Process) -> bool:
        """True: no family states a law of clusters."""
        del process
        return True

    def exact(self, process: Process) -> NDArray[np.float64]:
        """Mean features over the pool, (d,)."""
        assert isinstance(process, TaskSpec)
        return _over_pool(process, self)


class SpanningError(_Connectivity):
    """Root mean square error of the shares of the frame in clusters that span it.

    The four shares are those of black and of white, in clusters that touch the left and the right
    border, and in clusters that touch top and bottom.
    """

    name = "spanning_error"
    meaning = "error of the share of the frame in clusters that connect opposite borders"

    def statistics(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        """Black along x and along y, white along x and along y, (n, 4)."""
        del truth
        return np.array(
            [
                [_spanning(clusters, axis) for clusters in _clusters(black) for axis in (1, 0)]
                for black in batch.black
            ]
        )

    def scale(self, exact: NDArray[np.float64], process: Process) -> NDArray[np.float64]:
        """1: the shares differ absolutely, as any of them may be 0."""
        del process
        return np.ones_like(exact)


class ClusterError(_Connectivity):
    """Relative error of C₂(h) = P(both pixels in one black cluster), lags up to four lengths.

    Lags 0 … 4L along x and 1 … 4L along y; a probability below 0.001 counts as 0.001.
    """

    name = "cluster_error"
    meaning = "relative error of the two-point cluster function, lags up to four lengths"

    def statistics(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        """C₂ of each image at each lag, (n, d)."""
        along_x, along_y = lags(truth.spec)
        rows = []
        for black in batch.black:
            clusters = scipy.ndimage.label(black, _EIGHT)[0]
            width, height = black.shape[1], black.shape[0]
            across = [_same(clusters[:, : width - h], clusters[:, h:]) for h in along_x]
            down = [_same(clusters[: height - h], clusters[h:]) for h in along_y]
            rows.append(across + down)
        return np.array(rows)


CONNECTIVITY: tuple[ImageMetric, ...] = (SpanningError(), ClusterError())


def _clusters(black: NDArray[np.bool_]) -> tuple[Labels, Labels]:
    """Labels of black and of white clusters, 0 elsewhere."""
    return scipy.ndimage.label(black, _EIGHT)[0], scipy.ndimage.label(~black)[0]


def _spanning(clusters: Labels, axis: int) -> float:
    """Share of the frame in clusters that touch both ends of an axis."""
    first, last = np.take(clusters, 0, axis=axis), np.take(clusters, -1, axis=axis)
    both = np.intersect1d(first[first > 0], last[last > 0])
    return float(np.isin(clusters, both).mean()) if both.size else 0.0


def _same(one: Labels, other: Labels) -> float:
    """Share of pairs in one cluster."""
    return float(((one == other) & (one > 0)).mean())


@lru_cache(maxsize=8)
def _over_pool(spec: TaskSpec, metric: _Connectivity) -> NDArray[np.float64]:
    """Mean features over the pool, (d,)."""
    pool, truth = true_pool(spec), Truth(spec, np.empty(0), 1)
    sums = [
        metric.features(Batch(block.drawn, spec.window), truth).sum(axis=0)
        for block in pool.blocks(_BATCH)
    ]
    mean: NDArray[np.float64] = np.sum(sums, axis=0) / len(pool)
    return mean
