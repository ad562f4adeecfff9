"""Black where a stationary Gaussian field exceeds a level that changes along x.

Source: Adler & Taylor, Random Fields and Geometry, Springer 2007.
"""

from trendbench.families.excursion.process import Excursion

FAMILY = Excursion

__all__ = ["FAMILY", "Excursion"]
