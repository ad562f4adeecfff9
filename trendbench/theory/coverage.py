"""One pixel and two pixels: coverage, white pairs, covariance."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trendbench.arguments import fitting, whole
from trendbench.process.intensity import Intensity, rate
from trendbench.theory.geometry import disk_area, lens_area


def pixel_centres(width: int) -> NDArray[np.float64]:
    """Centres of the pixel columns: c + ½ for c = 0 … W − 1 [px]."""
    width = whole(width, "width", 1)
    return np.arange(width, dtype=np.float64) + 0.5


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


def s2(
    midpoint: ArrayLike, lag: ArrayLike, intensity: Intensity, radius: float, *, along_x: bool
) -> NDArray[np.float64]:
    """Two-point probability S2: both pixels black, 1 − q(x₁) − q(x₂) + q₁₂.

    Args:
        midpoint: x of the point halfway between the pixels [px].
        lag: their distance [px], along a row or along a column; broadcast against ``midpoint``.
        intensity: λ(·), or a constant [px⁻²].
        radius: R [px].
        along_x: the pixels lie in a row, otherwise in a column.

    Raises:
        InputError: as ``pair_white``.
    """
    middle, apart = np.broadcast_arrays(*fitting(midpoint=midpoint, lag=lag))
    step = apart / 2 if along_x else np.zeros_like(middle)
    area = disk_area(radius)
    ends = rate(intensity, middle - step), rate(intensity, middle + step)
    alone = np.exp(-area * ends[0]) + np.exp(-area * ends[1])
    return 1 - alone + pair_white(middle, apart, intensity, radius)
