"""Closed forms of the Boolean model with linear intensity, exact on the pixel lattice.

Two facts give all of them. A compact set K holds no black point with probability
exp(−∫ λ over K dilated by a disk of radius R). A linear λ integrates over any compact set to its
area times λ at its centroid, so formulas for stationary intensity hold with λ at the right
midpoint. Germ positions are continuous, and the colour of a pixel is that of its centre. The
formulas therefore have no discretisation error.

Sources: Chiu, Stoyan, Kendall & Mecke, Stochastic Geometry and its Applications, 3rd ed.,
chapter 3; Quintanilla & Torquato, Phys. Rev. E 55, 1558 (1997).
"""

from trendbench.theory.configurations import (
    configuration_probabilities,
    edge_probability,
    euler_density,
    euler_weights,
)
from trendbench.theory.coverage import covariance, coverage, pair_white, pixel_centres, s2
from trendbench.theory.geometry import disk_area, lens_area, union_of_disks
from trendbench.theory.information import cramer_rao, fisher_information
from trendbench.theory.lineal import run_area, white_run
from trendbench.theory.profile import (
    column_covariance,
    column_coverage,
    envelope_factor,
    mean_profile,
    profile_covariance,
    xi_floor,
    xi_spread,
)
from trendbench.theory.thinning import conditional_disagreement, pixel_survival, survival

__all__ = [
    "column_covariance",
    "column_coverage",
    "conditional_disagreement",
    "configuration_probabilities",
    "covariance",
    "coverage",
    "cramer_rao",
    "disk_area",
    "edge_probability",
    "envelope_factor",
    "euler_density",
    "euler_weights",
    "fisher_information",
    "lens_area",
    "mean_profile",
    "pair_white",
    "pixel_centres",
    "pixel_survival",
    "profile_covariance",
    "run_area",
    "s2",
    "survival",
    "union_of_disks",
    "white_run",
    "xi_floor",
    "xi_spread",
]
