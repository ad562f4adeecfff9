"""Whether images of one set repeat one another."""

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import numpy as np
import scipy
from numpy.typing import NDArray

from trendbench.metrics.batch import THRESHOLD
from trendbench.metrics.coupling import chance_disagreement
from trendbench.metrics.metric import SetMetric
from trendbench.metrics.thumbnails import Thumbnails, squared_distances, thumbnails, variants
from trendbench.metrics.truth import Truth
from trendbench.metrics.votes import VoteMetric
from trendbench.process.family import Process
from trendbench.simulation import simulate
from trendbench.storage.scratch import let_go

_FRESH_SEED = 0x7477696E  # apart from any seed a person would choose
_MOST = 4096  # images that are compared with one another
_ROWS, _BATCH = 64, 128
_TWIN = 0.25  # disagreement of twins, over that of unrelated images of their coverage
_REACH = 2  # shifts that a twin may have, along x and along y [px]

_Black = Callable[[slice], NDArray[np.bool_]]


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
        parts = _equal_parts(len(images), -(-len(images) // most))
        return np.concatenate([_votes(images[rows], spec, rows.start) for rows in parts])


def _equal_parts(n: int, parts: int) -> list[slice]:
    """Ranges that cover n images; the first ones have one more where n is no multiple."""
    size, longer = divmod(n, parts)
    ends = [size * i + min(i, longer) for i in range(parts + 1)]
    return [slice(*between) for between in pairwise(ends)]


def _votes(images: NDArray[np.uint8], process: Process, start: int) -> NDArray[np.float64]:
    def black(rows: slice) -> NDArray[np.bool_]:
        return images[rows] < THRESHOLD

    n = len(images)
    twin = _twins(black, n, process)
    rows = np.flatnonzero(twin >= 0)
    links = scipy.sparse.coo_array((np.ones(len(rows)), (rows, twin[rows])), shape=(n, n))
    _, groups = scipy.sparse.csgraph.connected_components(links, directed=False)
    by_chance = _twins_of_fresh(process, n, start) >= 0
    return np.column_stack([(twin >= 0).astype(float) - by_chance, start + groups])


def _twins(black: _Black, n: int, process: Process) -> NDArray[np.int64]:
    """The index of each image's twin, −1 where it has none, (n,).

    Args:
        black: gives the black pixels of a range of images.
        n: number of images.
        process: of the images.
    """
    parts = (black(slice(i, i + _BATCH)) for i in range(0, n, _BATCH))
    looked_at = [(thumbnails(part, process), part.mean(axis=1)) for part in parts]
    small, density = (np.concatenate(series) for series in zip(*looked_at, strict=True))
    nearest, is_near = _nearest_others(black, small, process)
    chance = chance_disagreement(density, density[nearest])
    twin = np.full(n, -1)
    for i in np.flatnonzero(is_near):
        pair = (black(slice(j, j + 1))[0] for j in (i, nearest[i]))
        if _least_disagreement(*pair) < _TWIN * chance[i]:
            twin[i] = nearest[i]
    return twin


def _nearest_others(
    black: _Black, small: Thumbnails, process: Process
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The other image of least thumbnail distance, and whether that is half the usual at most."""
    nearest, near = [], []
    for start in range(0, len(small), _ROWS):
        rows = np.arange(start, min(start + _ROWS, len(small)))
        moved = variants(black(slice(start, start + _ROWS)), process)
        squared = squared_distances(moved, small)
        squared[rows - start, rows] = np.inf
        nearest.append(squared.argmin(axis=1))
        let_go()
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
        held_out = process.held_out.r[:n]
        return _twins(lambda rows: held_out[rows] < THRESHOLD, len(held_out), process)

    parts = (
        simulate(process, min(_BATCH, n - i), _FRESH_SEED, start=start + i).r < THRESHOLD
        for i in range(0, n, _BATCH)
    )
    bits = np.concatenate([np.packbits(part, axis=2) for part in parts])  # 8 kB an image of 256²

    def black(rows: slice) -> NDArray[np.bool_]:
        return np.unpackbits(bits[rows], axis=2, count=process.width).view(np.bool_)

    return _twins(black, n, process)
