"""The 16 black/white configurations of 2×2 pixels; Euler number and perimeter.

Pixels of a window are numbered 0 top left, 1 top right, 2 bottom left, 3 bottom right;
configuration c has pixel i black iff bit i of c is set.

Source: Ohser, Nagel & Schladitz, Miles formulae for Boolean models observed on lattices, Image
Analysis & Stereology 28, 77 (2009); Gray, Local properties of binary images, IEEE Trans. Comput.
C-20, 551 (1971), for the Euler number by quads.
"""

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trendbench.arguments import number, numbers
from trendbench.process.intensity import Intensity, rate
from trendbench.theory.coverage import pair_white
from trendbench.theory.geometry import disk_area, union_of_disks

CONFIGURATIONS = 16
_ALL = CONFIGURATIONS - 1
_OFFSETS = ((-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5), (0.5, 0.5))
_DIAGONALS = (0b1001, 0b0110)


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
    at, radius = numbers(x, "x"), number(radius, "radius", above=0)
    white = np.ones((*at.shape, CONFIGURATIONS))
    for pixels in range(1, CONFIGURATIONS):
        area, centroid = _union(pixels, radius)
        white[..., pixels] = np.exp(-rate(intensity, at + centroid) * area)
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


def euler_weights() -> NDArray[np.float64]:
    """Gray's weight of each configuration in the Euler number of the black phase, (16,).

    χ = ¼·(#one black − #three black − 2·#diagonal), for 8-connected black and 4-connected white.
    Summed over all 2×2 windows of an image that is framed in white, this is the number of black
    components minus the number of holes. The score and its expectation sum over the windows inside
    the frame instead.
    """
    weights = np.zeros(CONFIGURATIONS)
    for black in range(CONFIGURATIONS):
        count = black.bit_count()
        weights[black] = {1: 1.0, 3: -1.0}.get(count, 0.0)
    weights[list(_DIAGONALS)] = -2.0
    return weights / 4


def euler_density(x: ArrayLike, intensity: Intensity, radius: float) -> NDArray[np.float64]:
    """Expected contribution of a 2×2 window centred at x to the Euler number [px⁻²].

    Raises:
        InputError: as ``configuration_probabilities``.
    """
    return configuration_probabilities(x, intensity, radius) @ euler_weights()


def edge_probability(
    x: ArrayLike, intensity: Intensity, radius: float, *, along_x: bool
) -> NDArray[np.float64]:
    """Probability that two neighbouring pixels differ in colour: q₁ + q₂ − 2q₁₂.

    The digital perimeter is the number of such pairs inside the frame; the frame's own border
    does not count.

    Args:
        x: x of the middle of the pair [px].
        intensity: λ(·), or a constant [px⁻²].
        radius: R [px].
        along_x: neighbours in a row, otherwise in a column.

    Raises:
        InputError: as ``configuration_probabilities``.
    """
    at = numbers(x, "x")
    step = 0.5 if along_x else 0.0
    area = disk_area(radius)
    ends = rate(intensity, at - step), rate(intensity, at + step)
    alone = np.exp(-area * ends[0]) + np.exp(-area * ends[1])
    return alone - 2 * pair_white(at, 1.0, intensity, radius)


@cache
def _union(pixels: int, radius: float) -> tuple[float, float]:
    centres = [offset for i, offset in enumerate(_OFFSETS) if pixels >> i & 1]
    return union_of_disks(centres, radius)
