"""Held-out pictures in the place of fresh true images.

With m reference and n generated images a score's range under truth is that of a difference of two
samples. Both are resampled. Tiles of one source are dependent, so the references are resampled by
source: with K sources a set has the weights 1/m + (w − 1/m)·√(K/(K − 1)), w the share of each tile
in K sources drawn with replacement. The factor makes the variance of a mean unbiased.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy
from numpy.typing import NDArray

from trendbench.metrics.batch import THRESHOLD
from trendbench.metrics.thumbnails import Distances, Thumbnails, nearest, thumbnails
from trendbench.process.held_out import HeldOut
from trendbench.process.triplets import Triplets
from trendbench.spec import TaskSpec

_SUBSET_SEED = 0x737562736574


@dataclass(frozen=True, eq=False)
class HeldOutPool:
    """The test split of a data file, as ``Pool`` offers it.

    Attributes:
        spec: the task.
        pictures: of the pool.
    """

    spec: TaskSpec
    pictures: HeldOut

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, rows: slice) -> "HeldOutPool":
        """A contiguous range of the pool."""
        p = self.pictures
        return HeldOutPool(self.spec, HeldOut(p.s1[rows], p.s2[rows], p.r[rows], p.source[rows]))

    def blocks(self, size: int) -> Iterator["HeldOutPool"]:
        """The pool in its order, ``size`` triplets at a time."""
        return (self[start : start + size] for start in range(0, len(self), size))

    @property
    def triplets(self) -> Triplets:
        """s1, s2 and r."""
        return Triplets(self.spec, self.pictures.s1, self.pictures.s2, self.pictures.r)

    @property
    def drawn(self) -> NDArray[np.uint8]:
        """The r of each triplet, (m, H, W): given its inputs it is one draw of the true law."""
        return self.pictures.r

    @property
    def second(self) -> None:
        """None: there is one r for each pair of inputs."""
        return None


def resampled_sources(source: NDArray[np.int64], replicates: int, seed: int) -> NDArray[np.float64]:
    """Weights of m tiles in sets drawn by source, (replicates, m), see the top of this file."""
    _, owner = np.unique(source, return_inverse=True)
    count, m = int(owner.max()) + 1, len(owner)
    rng = np.random.default_rng(seed)
    times = rng.multinomial(count, np.full(count, 1 / count), size=replicates)[:, owner]
    weights = times / times.sum(axis=1, keepdims=True)
    stretch = math.sqrt(count / (count - 1)) if count > 1 else 0.0
    stretched: NDArray[np.float64] = 1 / m + (weights - 1 / m) * stretch
    return stretched


def widening(freedom: float, tail: float) -> float:
    """How much wider ranges are, as K sources give both the spread and the unit of a score.

    (t/z)², with t and z the (1 − tail) quantiles of Student's t and of a Gaussian: once for the
    spread, once for what the score is divided by.

    Args:
        freedom: degrees of freedom of the estimated spread, see ``Metric.freedom``.
        tail: probability beyond one end of the range.
    """
    return float((scipy.special.stdtrit(freedom, 1 - tail) / scipy.special.ndtri(1 - tail)) ** 2)


@dataclass(frozen=True)
class Exchangeable:
    """Known images and held-out pictures that an image may prefer, about as many of either.

    An image that was drawn for the inputs of a triplet resembles that triplet's own r, by right.
    So held-out pictures of its source do not count for it, and the known are as many fewer.

    Attributes:
        known: thumbnails, (k, d).
        small: thumbnails of held-out pictures, (m, d).
        source: of each of these, (m,).
        own: (n,) source of the triplet that each image was drawn for; −1 where for none.
    """

    known: Thumbnails
    small: Thumbnails
    source: NDArray[np.int64]
    own: NDArray[np.int64]

    @classmethod
    def of(
        cls, known: Thumbnails, n: int, target: NDArray[np.uint8] | None, spec: TaskSpec
    ) -> "Exchangeable":
        """For n images, ``target`` (n, H, W) being the r of their triplets."""
        pictures = spec.held_out
        own, left_out = np.full(n, -1), 0
        if target is not None:
            source_of = {
                r.tobytes(): source for r, source in zip(pictures.r, pictures.source, strict=True)
            }
            own = np.array([source_of[r.tobytes()] for r in target])
            left_out = int(np.unique(pictures.source, return_counts=True)[1].max())
        rows = _chosen(len(pictures), min(len(pictures), len(known) + left_out))
        some = _chosen(len(known), min(len(known), max(len(rows) - left_out, 1)))
        small = thumbnails(pictures.r[rows] < THRESHOLD, spec)
        return cls(known[some], small, pictures.source[rows], own)

    def nearest_held_out(self, moved: Thumbnails) -> tuple[Distances, NDArray[np.int64]]:
        """Squared distances to the nearest held-out picture that counts, and which that is.

        Args:
            moved: ``variants`` of the images, (v, n, d).
        """
        least = np.full(len(self.own), np.inf, dtype=np.float32)
        which = np.zeros(len(self.own), dtype=np.int64)
        for source in np.unique(self.own):
            rows, others = np.flatnonzero(self.own == source), np.flatnonzero(self.source != source)
            if others.size:
                least[rows], found = nearest(moved[:, rows], self.small[others])
                which[rows] = others[found]
        return least, which


@lru_cache(maxsize=8)
def _chosen(m: int, n: int) -> NDArray[np.int64]:
    """N of m rows, always the same."""
    return np.sort(np.random.default_rng(_SUBSET_SEED).permutation(m)[:n])
