"""The laws of superposed disk processes, and of r given the germs.

A layer is a disk process (λ(·), R) with λ linear in x. Layers are independent, and a pixel is white
iff it is white in each. Every function raises InputError where x is no number or shapes do not fit.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trendbench.arguments import fitting, numbers
from trendbench.families.disks import lineal
from trendbench.families.disks.configurations import by_inclusion_exclusion, white_probabilities
from trendbench.families.disks.geometry import disk_area, lens_area
from trendbench.families.disks.intensity import Intensity, rate

if TYPE_CHECKING:
    from trendbench.families.growing_disks.process import GrowingDisks

Layers = Sequence[tuple[Intensity, float]]


def coverage(x: ArrayLike, layers: Layers) -> NDArray[np.float64]:
    """Probability that a pixel at x [px] is black: 1 − exp(−Σ Aᵢλᵢ(x)), Aᵢ = πRᵢ²."""
    return -np.expm1(-_mean(x, layers))


def covariance(x1: ArrayLike, x2: ArrayLike, dy: ArrayLike, layers: Layers) -> NDArray[np.float64]:
    """Covariance of the colours (black 1, white 0) of two pixels, without cancellation.

    exp(−2 Σ Aᵢλᵢ(m))·(exp(Σ νᵢ(h)λᵢ(m)) − 1) for pixels at distance h with midpoint m, νᵢ(h) the
    area common to two disks of radius Rᵢ. The first factor is q(x₁)·q(x₂), as each λᵢ is linear.

    Args:
        x1: centre of one pixel [px].
        x2: centre of the other [px].
        dy: their distance along y [px]; the three are broadcast.
        layers: of the image.
    """
    x1, x2, dy = fitting(x1=x1, x2=x2, dy=dy)
    middle, h = (x1 + x2) / 2, np.hypot(x1 - x2, dy)
    shared = sum(lens_area(h, radius) * rate(lam, middle) for lam, radius in layers)
    return np.exp(-2 * _mean(middle, layers)) * np.expm1(shared)


def quads(x: ArrayLike, layers: Layers) -> NDArray[np.float64]:
    """The 16 configurations of 2×2 pixels, see ``disks.configurations``; shape of x plus (16,)."""
    white = [white_probabilities(x, lam, radius) for lam, radius in layers]
    return by_inclusion_exclusion(math.prod(white[1:], start=white[0]))


def white_run(midpoint: ArrayLike, n: ArrayLike, layers: Layers) -> NDArray[np.float64]:
    """Probability that n pixels in line are white: the product of ``disks.lineal.white_run``."""
    white = [lineal.white_run(midpoint, n, lam, radius) for lam, radius in layers]
    return math.prod(white[1:], start=white[0])


def survival(x: ArrayLike, process: "GrowingDisks") -> NDArray[np.float64]:
    """Probability that a pixel at x, black in s2 and white in s1, is black in r.

    (1 − exp(−λIρ(x)))/(1 − exp(−λI)) with I = A₂ − A₁. A pixel is white in s1 iff no germ lies
    within R₁. It is then black in s2 iff a germ lies in the ring between R₁ and R₂, and black in r
    iff such a germ has grown. Germs in the ring are Poisson with mean λI. Those that have grown are
    Poisson with mean λ∫ρ over the ring, which is λIρ(x), as ρ is linear and the ring is centred
    at x.
    """
    ring = process.intensity * process.ring_area
    share: NDArray[np.float64] = np.expm1(-ring * process.rho(numbers(x, "x"))) / np.expm1(-ring)
    return share


def disagreement(x: ArrayLike, process: "GrowingDisks") -> NDArray[np.float64]:
    """Probability that two draws of r for the same germs differ in a pixel at x.

    2(q − q₁₂′) with q = exp(−λ[A₁ + Iρ]) and q₁₂′ = exp(−λ[A₁ + ∫(2ρ − ρ²)]), the integral over
    the ring between R₁ and R₂: a pixel is white in both draws iff no germ lies within R₁ and every
    germ of the ring fails in both, with probability (1 − ρ)². Over a disk of radius R the mean of
    ρ² is ρ(x)² + κ²R²/4, so that

    ∫(2ρ − ρ²) = 2Iρ − A₂(ρ² + κ²R₂²/4) + A₁(ρ² + κ²R₁²/4).
    """
    rho = process.rho(numbers(x, "x"))
    small, large = disk_area(process.radius_left), disk_area(process.radius_right)
    ring, spread = process.ring_area, (process.rho.k / 2) ** 2
    fourth = spread * (large * process.radius_right**2 - small * process.radius_left**2)
    one_white = np.exp(-process.intensity * (small + ring * rho))
    both_white = np.exp(-process.intensity * (small + ring * rho * (2 - rho) - fourth))
    return 2 * (one_white - both_white)


def _mean(x: ArrayLike, layers: Layers) -> NDArray[np.float64]:
    """Expected number of disks that hold a pixel at x: Σ Aᵢλᵢ(x)."""
    first, *others = (disk_area(radius) * rate(lam, x) for lam, radius in layers)
    return sum(others, start=first)
