"""The 16 black/white configurations of 2×2 pixels.

Pixels of a window are numbered 0 top left, 1 top right, 2 bottom left, 3 bottom right;
configuration c has pixel i black iff bit i of c is set.

Source: Ohser, Nagel & Schladitz, Miles formulae for Boolean models observed on lattices, Image
Analysis & Stereology 28, 77 (2009).
"""

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trendbench.arguments import number, numbers
from trendbench.families.disks.geometry import union_of_disks
from trendbench.families.disks.intensity import Intensity, rate

CONFIGURATIONS = 16
_ALL = CONFIGURATIONS - 1
_OFFSETS = ((-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5), (0.5, 0.5))


def configuration_probabilities(
    x: ArrayLike, intensity: Intensity, radius: float
) -> NDArray[np.float64]:
    """Probability of each configuration of a 2×2 window centred at x.

    P(exactly B black) = Σ_{T ⊆ B} (−1)^|T| P(all of Bᶜ ∪ T white), and a set S of pixels is all
    white with probability exp(−λ(x̄_S)·|∪ disks around S|), x̄_S the centroid of that union.

    Args:
        x: centre of the window [px], any shape; x = c + 1 for columns c and c + 1.
        intensity: λ(·), or a constant [px⁻²].
        radius: R [px].

    Returns:
        shape of ``x`` plus (16,).

    Raises:
        InputError: x, λ or R is no number, λ is negative, or R is not positive.
    """
    return by_inclusion_exclusion(white_probabilities(x, intensity, radius))


def white_probabilities(x: ArrayLike, intensity: Intensity, radius: float) -> NDArray[np.float64]:
    """Probability that set S of the window's pixels is all white: exp(−λ(x̄_S)·|∪ disks|).

    Arguments and errors are those of ``configuration_probabilities``.

    Returns:
        shape of ``x`` plus (16,); S has pixel i iff bit i of the last index is set.
    """
    at, radius = numbers(x, "x"), number(radius, "radius", above=0)
    white = np.ones((*at.shape, CONFIGURATIONS))
    for pixels in range(1, CONFIGURATIONS):
        area, centroid = _union(pixels, radius)
        white[..., pixels] = np.exp(-rate(intensity, at + centroid) * area)
    return white


def by_inclusion_exclusion(white: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities of the configurations from those of white sets, both (…, 16)."""
    exact = np.zeros_like(white)
    for black in range(CONFIGURATIONS):
        subset = black
        while True:
            sign = -1.0 if subset.bit_count() % 2 else 1.0
            exact[..., black] += sign * white[..., (_ALL ^ black) | subset]
            if subset == 0:
                break
            subset = (subset - 1) & black
    return exact


@cache
def _union(pixels: int, radius: float) -> tuple[float, float]:
    centres = [offset for i, offset in enumerate(_OFFSETS) if pixels >> i & 1]
    return union_of_disks(centres, radius)
