"""Fisher information on the trend."""

import numpy as np
import scipy
from numpy.typing import NDArray

from trendbench.errors import InputError
from trendbench.families.growing_disks.process import GrowingDisks


def fisher_information(process: GrowingDisks, *, dilated: bool = False) -> NDArray[np.float64]:
    """Information on (ρ₀, κ) in the germs of one image and in which of them have grown.

    I = λ · height · ∫ (1, x)ᵀ(1, x)/(ρ(x)(1 − ρ(x))) dx on the frame, or on the frame dilated by
    R₂: a germ at x is a Bernoulli draw with probability ρ(x), and its place does not depend on ρ.
    Pixels depend on no germs beyond the dilated frame.

    Returns:
        (2, 2), in the order (ρ₀, κ).

    Raises:
        InputError: ρ is 0 or 1 somewhere, where the integral is infinite.

    Source: Bernoulli regression with the identity link, McCullagh & Nelder, Generalized Linear
    Models, 2nd ed., chapter 4.
    """
    margin = process.radius_right if dilated else 0.0
    least, most = process.rho.extremes(margin)
    if least <= 0 or most >= 1:
        raise InputError(
            f"the probability of growth runs from {least:g} to {most:g}, where the information is "
            "infinite: bring rho_left and rho_right inside (0, 1)"
        )

    def integral(power: int) -> float:
        value, _ = scipy.integrate.quad(
            lambda x: x**power / (process.rho(x) * (1 - process.rho(x))),
            -margin,
            process.width + margin,
        )
        return float(value)

    zeroth, first, second = (integral(power) for power in range(3))
    germs = process.intensity * (process.height + 2 * margin)
    return germs * np.array([[zeroth, first], [first, second]])
