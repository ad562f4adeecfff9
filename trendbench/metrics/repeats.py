"""Whether images of one set repeat one another."""

from functools import lru_cache

import numpy as np
import scipy
from numpy.typing import NDArray

from trendbench.metrics.batch import THRESHOLD
from trendbench.metrics.coupling import chance_disagreement
from trendbench.metrics.metric import SetMetric
from trendbench.metrics.thumbnails import squared_distances, thumbnails, variants
from trendbench.metrics.truth import Truth
from trendbench.metrics.votes import VoteMetric
from trendbench.process.family import Process
from trendbench.simulation import simulate

_FRESH_SEED = 0x7477696E  # apart from any seed a person would choose
_MOST = 4096  # images that are compared with one another
_ROWS = 64
_TWIN = 0.25  # disagreement of twins, over that of unrelated images of their coverage
_REACH = 2  # shifts that a twin may have, along x and along y [px]


class Repeats(VoteMetric, SetMetric):
    """Share of images with a near twin in their own set, less that share of a fresh true set.

    An image's twin is the other image of least thumbnail distance, if the two differ in less than
    a quarter of the pixels that unrelated images of their coverage by column differ in; the best
    of mirror images and of shifts up to 2 px counts. Twins are exchanged together with the
    partners of a fresh set of as many true images. More than 4096 images are compared in blocks.
    """

    name = "repeats"
    meaning = "share of images with a near twin in the set, net of a fresh true set's"

    def features_of_set(self, images: NDArray[np.uint8], truth: Truth) -> NDArray[np.float64]:
        """(vote, group of twins) of each image, (n, 2)."""
        spec = truth.spec
        most = _MOST if spec.simulated else min(_MOST, len(spec.held_out))
        parts = np.array_split(np.arange(len(images)), -(-len(images) // most))
        return np.concatenate([_votes(images[rows], truth.spec, int(rows[0])) for rows in parts])


def _votes(images: NDArray[np.uint8], process: Process, start: int) -> NDArray[np.float64]:
    black = images < THRESHOLD
    twin = _twins(black, process)
    rows = np.flatnonzero(twin >= 0)
    links = scipy.sparse.coo_array(
        (np.ones(len(rows)), (rows, twin[rows])), shape=(len(images),) * 2
    )
    _, groups = scipy.sparse.csgraph.connected_components(links, directed=False)
    by_chance = _twins_of_fresh(process, len(images), start) >= 0
    return np.column_stack([(twin >= 0).astype(float) - by_chance, start + groups])


def _twins(black: NDArray[np.bool_], process: Process) -> NDArray[np.int64]:
    """The index of each image's twin, −1 where it has none, (n,)."""
    nearest, is_near = _nearest_others(black, process)
    density = black.mean(axis=1)
    chance = chance_disagreement(density, density[nearest])
    twin = np.full(len(black), -1)
    for i in np.flatnonzero(is_near):
        if _least_disagreement(black[i], black[nearest[i]]) < _TWIN * chance[i]:
            twin[i] = nearest[i]
    return twin


def _nearest_others(
    black: NDArray[np.bool_], process: Process
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The other image of least thumbnail distance, and whether that is half the usual at most."""
    small = thumbnails(black, process)
    nearest, near = [], []
    for start in range(0, len(black), _ROWS):
        rows = np.arange(start, min(start + _ROWS, len(black)))
        squared = squared_distances(variants(black[rows], process), small)
        squared[rows - start, rows] = np.inf
        nearest.append(squared.argmin(axis=1))
        near.append(2 * squared.min(axis=1) <= np.median(squared, axis=1))
    return np.concatenate(nearest), np.concatenate(near)


def _least_disagreement(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Share of pixels that differ, the least over mirror images and shifts, away from borders."""
    height, width = one.shape
    down, along = min(_REACH, (height - 1) // 2), min(_REACH, (width - 1) // 2)
    inner = one[down : height - down, along : width - along]
    rows, columns = inner.shape
    return min(
        float((inner != mirror[y : y + rows, x : x + columns]).mean())
        for mirror in (other, other[::-1], other[:, ::-1], other[::-1, ::-1])
        for y in range(2 * down + 1)
        for x in range(2 * along + 1)
    )


@lru_cache(maxsize=2)
def _twins_of_fresh(process: Process, n: int, start: int) -> NDArray[np.int64]:
    """The twins of n fresh true images, or of as many held-out pictures."""
    if not process.simulated:
        return _twins(process.held_out.r[:n] < THRESHOLD, process)
    return _twins(simulate(process, n, _FRESH_SEED, start=start).r < THRESHOLD, process)
