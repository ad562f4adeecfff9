"""How many germs a window holds: Poisson counts by inversion of an exact table."""

import math

import numpy as np
from numpy.typing import NDArray

_NEGLIGIBLE = 1e-22  # relative to the mode: far below the 2⁻⁵³ grain of a uniform number


def poisson_table(mean: float) -> tuple[int, NDArray[np.float64]]:
    """The Poisson distribution function around its mode.

    P(N = n + 1) = P(N = n)·mean/(n + 1), run from the mode in both directions and normalised.
    Only additions, multiplications and divisions are used, so the table has the same bits on
    every IEEE machine. A library's exp() does not guarantee that.

    Args:
        mean: expected count, ≥ 0.

    Returns:
        (first, cdf): cdf[i] = P(N ≤ first + i), shape (m,), ending at exactly 1. A uniform u
        in [0, 1) gives N = first + the number of entries ≤ u.
    """
    mode = math.floor(mean)
    below, above = [], [1.0]
    weight, n = 1.0, mode
    while n > 0 and weight > _NEGLIGIBLE:
        weight *= n / mean
        n -= 1
        below.append(weight)
    first = n
    weight, n = 1.0, mode
    while weight > _NEGLIGIBLE:
        n += 1
        weight *= mean / n
        above.append(weight)
    cdf = np.cumsum(np.array(below[::-1] + above))
    cdf /= cdf[-1]
    return first, cdf
