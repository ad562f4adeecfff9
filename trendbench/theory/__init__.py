"""What is exact of a task: profile, ξ floor, texture, information; from the laws of its family.

The laws themselves are methods of a task: ``spec.coverage(x)``, ``spec.pair_black(x1, x2, dy)``
and so on, see ``trendbench.process.family``.
"""

from trendbench.process.images import pixel_centres
from trendbench.theory.information import cramer_rao, fisher_information
from trendbench.theory.profile import (
    column_covariance,
    column_coverage,
    envelope_factor,
    mean_profile,
    profile_covariance,
    xi_floor,
    xi_spread,
)
from trendbench.theory.texture import edge_probability, euler_density, euler_weights, s2

__all__ = [
    "column_covariance",
    "column_coverage",
    "cramer_rao",
    "edge_probability",
    "envelope_factor",
    "euler_density",
    "euler_weights",
    "fisher_information",
    "mean_profile",
    "pixel_centres",
    "profile_covariance",
    "s2",
    "xi_floor",
    "xi_spread",
]
