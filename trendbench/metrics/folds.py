"""Folds of cross-fitting: every triplet is held out once, and copies of an image together.

A generated image that stands in two folds would be recognised rather than classified. So
byte-equal generated images form a group, and a group lies in one fold. A group larger than a fold
is the exception: its triplets are dealt out one by one, as no other fold would hold enough.
"""

import hashlib

import numpy as np
import scipy
from numpy.typing import NDArray

FOLDS = 5
Groups = NDArray[np.int64]


def copies(images: NDArray[np.uint8]) -> Groups:
    """The group of each image, (n,), numbered from 0; byte-equal images share one.

    Args:
        images: (n, H, W) uint8. Equality is that of SHA-256 digests.
    """
    n = len(images)
    digests = np.array([hashlib.sha256(image.tobytes()).hexdigest() for image in images])
    _, groups, sizes = np.unique(digests, return_inverse=True, return_counts=True)
    too_large = sizes[groups] > n / FOLDS
    groups = np.where(too_large, len(sizes) + np.arange(n), groups)
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)


def joined(groups: Groups, source: NDArray[np.int64]) -> Groups:
    """Groups that hold the triplets of a source together, and copies too, (n,) numbered from 0.

    Where copies link so many sources that fewer than ``FOLDS`` groups are left, sources alone
    count.
    """
    _, owner = np.unique(source, return_inverse=True)
    ones = np.ones(len(groups))
    bipartite = scipy.sparse.coo_array(
        (ones, (groups, groups.max() + 1 + owner)), shape=(groups.max() + owner.max() + 2,) * 2
    )
    _, parts = scipy.sparse.csgraph.connected_components(bipartite, directed=False)
    _, together = np.unique(parts[groups], return_inverse=True)
    found: Groups = (together if together.max() + 1 >= FOLDS else owner).astype(np.int64)
    return found


def deal(groups: Groups, seed: int) -> NDArray[np.int64]:
    """The fold of each triplet, (n,) in 0 … FOLDS − 1, constant within a group.

    Groups are dealt in random order, the largest first, each to the smallest fold. Without copies
    the folds are a random partition into parts that differ by at most one triplet.
    """
    sizes = np.bincount(groups)
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    fold, filled = np.empty(len(sizes), dtype=np.int64), np.zeros(FOLDS, dtype=np.int64)
    for group in order:
        fold[group] = filled.argmin()
        filled[fold[group]] += sizes[group]
    dealt: NDArray[np.int64] = fold[groups]
    return dealt
