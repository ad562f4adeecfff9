"""How well the trend can be known at all: Fisher information and the Cramér–Rao bound."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad

from trendbench.process.trend import TrendProcess


def fisher_information(process: TrendProcess, *, dilated: bool = False) -> NDArray[np.float64]:
    """Information on (λ₀, k) in the germs of one image.

    I = height · ∫ (1, x)ᵀ(1, x)/λ(x) dx, for a Poisson process observed on the frame, or on the
    frame dilated by R, which is all that the pixels can feel.

    Returns:
        (2, 2), in the order (λ₀, k).

    Source: Kutoyants, Statistical Inference for Spatial Poisson Processes (1998).
    """
    margin = process.radius if dilated else 0.0
    height = process.height + 2 * margin
    lam = process.intensity

    def integral(power: int) -> float:
        value, _ = quad(
            lambda x: x**power / (lam.left + lam.k * x), -margin, process.width + margin
        )
        return float(value)

    zeroth, first, second = (integral(power) for power in range(3))
    return height * np.array([[zeroth, first], [first, second]])


def cramer_rao(
    process: TrendProcess, *, images: int = 1, dilated: bool = False
) -> tuple[float, float]:
    """Least standard errors of unbiased estimates of λ₀ [px⁻²] and k [px⁻³].

    The roots of the diagonal of I⁻¹/n for n independent images.
    """
    bound = np.linalg.inv(fisher_information(process, dilated=dilated)) / images
    return math.sqrt(bound[0, 0]), math.sqrt(bound[1, 1])
