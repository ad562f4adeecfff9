"""Germs of coupled triplets: one Poisson set on the frame dilated by R₂, serving the three images.

A germ at x carries a uniform mark m, and it has grown in r iff m < ρ(x). ``member`` has bit 0 (in
s1) and bit 1 (in s2) set throughout, and bit 2 iff the germ has grown in r.

Random numbers: those of one germ set under ``thinning``, see ``trendbench.families.disks.germs``.
"""

import numpy as np
from numpy.typing import NDArray

from trendbench.families.disks.counts import poisson_table
from trendbench.families.disks.germs import IN_R, IN_S1, IN_S2, Germs
from trendbench.families.disks.kernels import count_germs, fill_germs
from trendbench.families.growing_disks.process import GrowingDisks
from trendbench.process.seeds import Split, split_key

_STREAM = np.uint64(0)  # the number of the germ set


def draw_germs(process: GrowingDisks, n: int, seed: int, split: Split, start: int = 0) -> Germs:
    """The germs of triplets ``start`` to ``start + n`` of a split."""
    key = (np.uint64(seed), np.uint64(split_key(split)), np.uint64(start), _STREAM)
    counts = np.zeros(n, dtype=np.int64)
    count_germs(*key, *poisson_table(process.intensity * process.dilated_area), counts)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    x, y, mark = np.empty((3, offsets[-1]))
    member = np.zeros(offsets[-1], dtype=np.uint8)
    margin = process.radius_right
    frame = (-margin, process.width + 2 * margin, -margin, process.height + 2 * margin)
    rho = process.rho
    shown = np.array([(IN_S1, 1.0, 0.0), (IN_S2, 1.0, 0.0), (IN_R, rho.left, rho.k)])
    fill_germs(*key, counts, offsets[:-1], frame, 1.0, shown, x, y, mark, member)
    return Germs(offsets, x, y, mark, member)


def free(process: GrowingDisks, n: int, rng: np.random.Generator) -> Germs:
    """Germs of n triplets that belong to no split."""
    margin = process.radius_right
    counts = rng.poisson(process.intensity * process.dilated_area, n)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    x = rng.uniform(-margin, process.width + margin, offsets[-1])
    y = rng.uniform(-margin, process.height + margin, offsets[-1])
    return marked(offsets, x, y, rng.random(x.size), process.rho(x))


def redraw(process: GrowingDisks, germs: Germs, rng: np.random.Generator) -> Germs:
    """The same germs with new marks: the law of r given the germs of s1 and s2."""
    chance = process.rho(germs.x)
    return marked(germs.offsets, germs.x, germs.y, rng.random(germs.x.size), chance)


def marked(
    offsets: NDArray[np.int64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    mark: NDArray[np.float64],
    chance: NDArray[np.float64],
) -> Germs:
    """Germs of which each has grown if its mark lies below its chance to grow."""
    member = np.where(mark < chance, IN_S1 | IN_S2 | IN_R, IN_S1 | IN_S2).astype(np.uint8)
    return Germs(offsets, x, y, mark, member)
