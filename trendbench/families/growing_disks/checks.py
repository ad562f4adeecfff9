"""What ``trendbench verify`` looks at beside the laws: membership, and numbers of germs."""

from collections.abc import Iterator

import numpy as np

from trendbench.families.disks.checks import counted_check
from trendbench.families.disks.germs import IN_R, IN_S1, IN_S2, Germs
from trendbench.families.growing_disks.germs import marked
from trendbench.families.growing_disks.process import GrowingDisks
from trendbench.process.family import Check


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
        yield counted_check(f"germ count of {name}", int(germs.counts(bit).sum()), expected)
