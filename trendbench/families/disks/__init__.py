"""Disks of one radius around Poisson germs whose intensity is linear in x.

The closed forms of this Boolean model are exact on the pixel lattice. Two facts give all of them. A
compact set K holds no black point with probability exp(−∫ λ over K dilated by a disk of radius R).
A linear λ integrates over any compact set to its area times λ at its centroid, so formulas for
stationary intensity hold with λ at the right midpoint. Germ positions are continuous, and the
colour of a pixel is that of its centre. The formulas therefore have no discretisation error.

Sources: Chiu, Stoyan, Kendall & Mecke, Stochastic Geometry and its Applications, 3rd ed.,
chapter 3; Quintanilla & Torquato, Phys. Rev. E 55, 1558 (1997).
"""

from trendbench.families.disks.configurations import configuration_probabilities
from trendbench.families.disks.coverage import covariance, coverage, pair_white
from trendbench.families.disks.geometry import disk_area, lens_area, union_of_disks
from trendbench.families.disks.intensity import LinearIntensity
from trendbench.families.disks.lineal import run_area, white_run
from trendbench.families.disks.process import Disks
from trendbench.families.disks.thinning import (
    conditional_disagreement,
    pixel_survival,
    survival,
)

FAMILY = Disks

__all__ = [
    "FAMILY",
    "Disks",
    "LinearIntensity",
    "conditional_disagreement",
    "configuration_probabilities",
    "covariance",
    "coverage",
    "disk_area",
    "lens_area",
    "pair_white",
    "pixel_survival",
    "run_area",
    "survival",
    "union_of_disks",
    "white_run",
]
