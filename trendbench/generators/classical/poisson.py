"""Exact maximum likelihood of a linear intensity, from germs.

For n independent Poisson processes of intensity λ(x) = λ₀ + kx on a window W that is symmetric
about x̄, the log likelihood is Σ log λ(x_i) − n∫λ. At its maximum the total mass equals the number
N of germs, so

    λ(x) = N/(n|W|) · (1 + b(x − x̄)),   b = argmax Σ log(1 + b(x_i − x̄)),

a concave problem in b alone. λ ≥ 0 on the window is |b| ≤ 1/T, T its half width; where the
derivative still points outwards there, the maximum is at the bound.

Source: Kutoyants, Statistical Inference for Spatial Poisson Processes (1998).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from trendbench.errors import RecipeError


@dataclass(frozen=True)
class Window:
    """The frame dilated by R on every side: [−R, W + R] × [−R, H + R] [px]."""

    width: int
    height: int
    radius: float

    @property
    def area(self) -> float:
        """|W| [px²]."""
        return (self.width + 2 * self.radius) * (self.height + 2 * self.radius)

    @property
    def middle(self) -> float:
        """x̄ [px]."""
        return self.width / 2

    @property
    def half_width(self) -> float:
        """T [px]."""
        return self.width / 2 + self.radius


def fit_poisson(
    x: NDArray[np.float64], images: int, window: Window
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(λ₀, k) and their covariance.

    The covariance is the inverse of the observed information Σ (1, x_i)ᵀ(1, x_i)/λ(x_i)²: the
    mass is linear in the parameters and adds nothing to it. At the bound λ ≥ 0 it is a rough
    guide only.

    Args:
        x: positions of all germs within the window [px], (N,).
        images: n, the number of images that they come from.
        window: where they were looked for.

    Returns:
        (2,) [px⁻², px⁻³] and (2, 2).

    Raises:
        RecipeError: fewer than two germs, which determine no line.
    """
    if x.size < 2:
        raise RecipeError(f"{x.size} germs in {images} training images: a trend needs two or more")
    offset = x - window.middle
    b = _tilt(offset, window.half_width)
    mean = x.size / (images * window.area)
    fitted = np.array([mean * (1 - b * window.middle), mean * b])
    shares = 1.0 / (mean * np.maximum(1 + b * offset, np.finfo(float).eps))
    design = np.column_stack([shares, shares * offset])
    centred = np.linalg.inv(design.T @ design)
    shift = np.array([[1.0, -window.middle], [0.0, 1.0]])  # from λ(x̄) to λ₀
    return fitted, shift @ centred @ shift.T


def _tilt(offset: NDArray[np.float64], half_width: float) -> float:
    """b, the root of Σ t_i/(1 + b·t_i) in [−1/T, 1/T], or the end that it lies beyond."""

    def slope(b: float) -> float:
        return float(np.sum(offset / np.maximum(1 + b * offset, np.finfo(float).tiny)))

    most = 1 / half_width
    if slope(most) >= 0:
        return most
    if slope(-most) <= 0:
        return -most
    return float(brentq(slope, -most, most, xtol=1e-15))
