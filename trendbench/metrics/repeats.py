"""Whether images of one set repeat one another."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from trendbench.metrics.batch import THRESHOLD
from trendbench.metrics.metric import SetMetric
from trendbench.metrics.thumbnails import squared_distances, thumbnails, variants
from trendbench.metrics.truth import Truth
from trendbench.metrics.votes import TIE, VoteMetric
from trendbench.process.trend import TrendProcess
from trendbench.rendering.triplets import simulate

_FRESH_SEED = 0x7477696E  # apart from any seed a person would choose
_MOST = 4096  # images that are compared with one another
_ROWS = 64


class Repeats(VoteMetric, SetMetric):
    """Share of images with a near twin in their own set, less that share of a fresh true set.

    u_i is the squared distance of image i to the nearest other image of its set, in units of the
    set's median squared distance of two images; v_i is the same in a fresh set of as many true
    images. The score is share(u < ½ median v) − share(v < ½ median u). Twins are exchanged
    together. Of more than 4096 images, blocks of 4096 in their order are compared.
    """

    name = "repeats"
    meaning = "share of images with a near twin in the set, net of a fresh true set's"

    def features_of_set(self, images: NDArray[np.uint8], truth: Truth) -> NDArray[np.float64]:
        """(vote, group of twins) of each image, (n, 2)."""
        starts = range(0, len(images), _MOST)
        return np.concatenate([_votes(images[at : at + _MOST], truth.spec, at) for at in starts])


@dataclass(frozen=True)
class _Neighbours:
    """Relative squared distance of each image to its nearest other, and which that is, (n,)."""

    apart: NDArray[np.float64]
    which: NDArray[np.int64]


def _votes(images: NDArray[np.uint8], process: TrendProcess, start: int) -> NDArray[np.float64]:
    own = _neighbours(images < THRESHOLD, process)
    fresh = _of_fresh(process, len(images), start)
    twins, by_chance = _near(own, fresh), _near(fresh, own)
    rows = np.flatnonzero(twins)
    links = coo_array((np.ones(len(rows)), (rows, own.which[rows])), shape=(len(images),) * 2)
    _, groups = connected_components(links, directed=False)
    return np.column_stack([twins.astype(float) - by_chance, start + groups])


def _near(own: _Neighbours, other: _Neighbours) -> NDArray[np.bool_]:
    """Which images have a neighbour at less than half the other set's usual distance."""
    return own.apart + TIE < np.median(other.apart) / 2


def _neighbours(black: NDArray[np.bool_], process: TrendProcess) -> _Neighbours:
    n = len(black)
    small = thumbnails(black, process)
    squared = np.concatenate(
        [
            squared_distances(variants(black[at : at + _ROWS], process), small)
            for at in range(0, n, _ROWS)
        ]
    )
    usual = float(np.median(squared[~np.eye(n, dtype=bool)]))
    np.fill_diagonal(squared, np.inf)
    which = squared.argmin(axis=1)
    least = squared[np.arange(n), which].astype(np.float64)
    return _Neighbours(least / usual if usual > 0 else np.ones(n), which)


@lru_cache(maxsize=2)
def _of_fresh(process: TrendProcess, n: int, start: int) -> _Neighbours:
    """The neighbours of n fresh true images."""
    return _neighbours(simulate(process, n, _FRESH_SEED, start=start).r < THRESHOLD, process)
