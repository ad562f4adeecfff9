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
from numpy.typing import NDArray

from trendbench.metrics.thumbnails import Thumbnails
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


def equally_many(known: Thumbnails, held_out: Thumbnails) -> tuple[Thumbnails, Thumbnails]:
    """Known and held-out thumbnails, as many of either, so that they can be exchanged."""
    n = min(len(known), len(held_out))
    return _some(known, n), _some(held_out, n)


def _some(thumbnails: Thumbnails, n: int) -> Thumbnails:
    """N of them, always the same."""
    return thumbnails[_chosen(len(thumbnails), n)]


@lru_cache(maxsize=8)
def _chosen(m: int, n: int) -> NDArray[np.int64]:
    return np.sort(np.random.default_rng(_SUBSET_SEED).permutation(m)[:n])
