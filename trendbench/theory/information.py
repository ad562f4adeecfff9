"""Fisher information on the trend, and the Cramér–Rao bound."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad

from trendbench.arguments import whole
from trendbench.errors import InputError
from trendbench.spec import Task, process_of


def fisher_information(process: Task, *, dilated: bool = False) -> NDArray[np.float64]:
    """Information on (λ₀, k) in the germs of one image.

    I = height · ∫ (1, x)ᵀ(1, x)/λ(x) dx for a Poisson process on the frame, or on the frame dilated
    by R. Pixels depend on no germs beyond the dilated frame.

    Returns:
        (2, 2), in the order (λ₀, k).

    Raises:
        InputError: there is no such task, or λ is 0 somewhere, where the integral is infinite.

    Source: Kutoyants, Statistical Inference for Spatial Poisson Processes (1998).
    """
    process = process_of(process)
    margin = process.radius if dilated else 0.0
    height = process.height + 2 * margin
    lam = process.intensity
    if not lam.extremes(margin)[0] > 0:
        raise InputError(
            "the intensity is 0 somewhere: raise the smaller of lambda_left and lambda_right"
        )

    def integral(power: int) -> float:
        value, _ = quad(
            lambda x: x**power / (lam.left + lam.k * x), -margin, process.width + margin
        )
        return float(value)

    zeroth, first, second = (integral(power) for power in range(3))
    return height * np.array([[zeroth, first], [first, second]])


def cramer_rao(process: Task, *, images: int = 1, dilated: bool = False) -> tuple[float, float]:
    """Least standard errors of unbiased estimates of λ₀ [px⁻²] and k [px⁻³].

    The roots of the diagonal of I⁻¹/n for n independent images.

    Raises:
        InputError: as ``fisher_information``, or n is no whole number ≥ 1.
    """
    images = whole(images, "images", 1)
    bound = np.linalg.inv(fisher_information(process, dilated=dilated)) / images
    return math.sqrt(bound[0, 0]), math.sqrt(bound[1, 1])
