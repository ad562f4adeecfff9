"""One pixel and two pixels: coverage, white pairs, covariance."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trendbench.arguments import fitting
from trendbench.families.disks.geometry import disk_area, lens_area
from trendbench.families.disks.intensity import Intensity, rate


def coverage(x: ArrayLike, intensity: Intensity, radius: float) -> NDArray[np.float64]:
    """Probability that a pixel at x is black: p(x) = 1 − exp(−A·λ(x)), A = πR².

    Args:
        x: pixel centres [px], any shape.
        intensity: λ(·), linear in x, e.g. ``spec.intensity``; or a constant [px⁻²].
        radius: R [px].

    Raises:
        InputError: x, λ or R is no number, λ is negative, or R is not positive.
    """
    return -np.expm1(-disk_area(radius) * rate(intensity, x))


def pair_white(
    midpoint: ArrayLike, h: ArrayLike, intensity: Intensity, radius: float
) -> NDArray[np.float64]:
    """Probability that two pixels are both white: q₁₂ = exp(−λ(m)·(2A − ν(h))).

    Args:
        midpoint: x of the point m halfway between them [px].
        h: their distance [px]; broadcast against ``midpoint``.
        intensity: λ(·), or a constant [px⁻²].
        radius: R [px].

    Raises:
        InputError: as ``coverage``, h is negative, or the shapes do not fit.
    """
    midpoint, h = fitting(midpoint=midpoint, h=h)
    union = 2 * disk_area(radius) - lens_area(h, radius)
    return np.exp(-rate(intensity, midpoint) * union)


def covariance(
    midpoint: ArrayLike, h: ArrayLike, intensity: Intensity, radius: float
) -> NDArray[np.float64]:
    """Covariance of the colours (black 1, white 0) of two pixels: q₁₂ − exp(−2A·λ(m)).

    exp(−2A·λ(m)) is q(x₁)·q(x₂), since λ is linear. The covariance vanishes for h ≥ 2R.

    Raises:
        InputError: as ``pair_white``.
    """
    midpoint, h = fitting(midpoint=midpoint, h=h)
    lam = rate(intensity, midpoint)
    return np.exp(-2 * disk_area(radius) * lam) * np.expm1(lens_area(h, radius) * lam)
