"""Fisher information on the trend."""

import numpy as np
import scipy
from numpy.typing import NDArray

from trendbench.errors import InputError
from trendbench.families.disks.process import Disks


def fisher_information(process: Disks, *, dilated: bool = False) -> NDArray[np.float64]:
    """Information on (λ₀, k) in the germs of one image.

    I = height · ∫ (1, x)ᵀ(1, x)/λ(x) dx for a Poisson process on the frame, or on the frame dilated
    by R. Pixels depend on no germs beyond the dilated frame.

    Returns:
        (2, 2), in the order (λ₀, k).

    Raises:
        InputError: λ is 0 somewhere, where the integral is infinite.

    Source: Kutoyants, Statistical Inference for Spatial Poisson Processes (1998).
    """
    margin = process.radius if dilated else 0.0
    height = process.height + 2 * margin
    lam = process.intensity
    if not lam.extremes(margin)[0] > 0:
        raise InputError(
            "the intensity is 0 somewhere: raise the smaller of lambda_left and lambda_right"
        )

    def integral(power: int) -> float:
        value, _ = scipy.integrate.quad(
            lambda x: x**power / (lam.left + lam.k * x), -margin, process.width + margin
        )
        return float(value)

    zeroth, first, second = (integral(power) for power in range(3))
    return height * np.array([[zeroth, first], [first, second]])
