"""What ``trendbench verify`` looks at beside the laws: membership, and numbers of germs."""

from collections.abc import Iterator

import numpy as np
from scipy import stats

from trendbench.families.disks.germs import IN_R, IN_S1, IN_S2, Germs
from trendbench.families.growing_disks.germs import marked
from trendbench.families.growing_disks.process import GrowingDisks
from trendbench.process.family import Check

_SMALLEST_TAIL = 2 * stats.norm.sf(5.0)  # passed by chance once in some 10⁶ checks


def checks(process: GrowingDisks, germs: Germs) -> Iterator[Check]:
    """Membership follows from mark and place; numbers of germs on the dilated frame are Poisson.

    All germs have mean λ·area for each triplet, those that have grown λρ(W/2)·area: ρ is linear.
    """
    right = marked(germs.offsets, germs.x, germs.y, germs.mark, process.rho(germs.x)).member
    off = int(np.count_nonzero(germs.member != right))
    yield Check("membership follows the marks", off == 0, f"{off} germs differ")
    mean = process.intensity * process.dilated_area * len(germs)
    grown = mean * float(process.rho(process.width / 2))
    for name, bit, expected in (
        ("s1", IN_S1, mean),
        ("s2", IN_S2, mean),
        ("r, grown", IN_R, grown),
    ):
        counted = int(germs.counts(bit).sum())
        law = stats.poisson(expected)
        tail = float(min(2 * law.cdf(counted), 2 * law.sf(counted - 1), 1.0))
        reading = f"{counted}, expected {expected:.0f}, p = {tail:.2g}"
        yield Check(f"germ count of {name}", bool(tail >= _SMALLEST_TAIL), reading)
