"""The law of germs and of pixels of r given the inputs, under both couplings."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trendbench.arguments import numbers
from trendbench.errors import InputError
from trendbench.families.disks.coverage import coverage
from trendbench.families.disks.geometry import disk_area
from trendbench.families.disks.intensity import LinearIntensity

if TYPE_CHECKING:
    from trendbench.families.disks.process import Disks


def survival(x: ArrayLike, intensity: LinearIntensity) -> NDArray[np.float64]:
    """Probability that a germ of the denser input only, at x, belongs to r.

    ρ(x) = (λ(x) − λ_sparse)/(λ_dense − λ_sparse): for k > 0 the germs of s2∖s1, ρ = x/W; for
    k < 0 those of s1∖s2, ρ = 1 − x/W. Holds inside the frame.

    Args:
        x: germ positions [px] in [0, W], any shape.
        intensity: λ(·), with k ≠ 0.

    Raises:
        InputError: x is no number, or the intensity has no trend.
    """
    if not isinstance(intensity, LinearIntensity) or intensity.left == intensity.right:
        raise InputError(
            f"intensity = {intensity!r:.60}: needed is one with a trend, as spec.intensity is "
            "where lambda_left and lambda_right differ"
        )
    sparse, dense = sorted((intensity.left, intensity.right))
    return (intensity(numbers(x, "x")) - sparse) / (dense - sparse)


def pixel_survival(x: ArrayLike, intensity: LinearIntensity, radius: float) -> NDArray[np.float64]:
    """Probability that a pixel black in the denser input only is black in r.

    (1 − exp(−AΔρ))/(1 − exp(−AΔ)) with Δ = |λ_right − λ_left| and ρ the germs' survival at x:
    the pixel's germs beyond the sparser input are Poisson with mean AΔ, those that survive with
    mean AΔρ (centroid rule), and none of the former implies none of the latter. Exact on the
    inner columns, further than R from both borders.

    Raises:
        InputError: as ``survival``, or R is no positive number.
    """
    rho = survival(x, intensity)
    mean = disk_area(radius) * abs(intensity.right - intensity.left)
    share: NDArray[np.float64] = np.expm1(-mean * rho) / np.expm1(-mean)
    return share


def conditional_disagreement(x: ArrayLike, process: "Disks") -> NDArray[np.float64]:
    """Probability that two draws of r for the same inputs differ in a pixel at x.

    ``thinning``: 2(q − q₁₂′) with q = exp(−Aλ(x)) and
    q₁₂′ = exp(−A[λ_sparse + Δ(2ρ − ρ² − R²/4W²)]): the pixel is white in both draws iff every germ
    near it fails in both, a germ of survival ρ′ doing so with probability (1 − ρ′)², and the mean
    of ρ′² over the disk is ρ² + R²/4W². Exact on the inner columns.

    ``independent``: the draws are independent, 2p(1 − p).

    Args:
        x: pixel centres [px], any shape.
        process: the process.

    Raises:
        InputError: x is no number.
    """
    lam, radius = process.intensity, process.radius
    black = coverage(x, lam, radius)
    if process.coupling == "independent":
        return 2 * black * (1 - black)
    if lam.left == lam.right:
        return np.zeros_like(black)  # one and the same germ set in every image
    sparse, dense = sorted((lam.left, lam.right))
    rho = survival(x, lam)
    either = 2 * rho - rho**2 - radius**2 / (4 * process.width**2)
    both_white = np.exp(-disk_area(radius) * (sparse + (dense - sparse) * either))
    return 2 * ((1 - black) - both_white)
