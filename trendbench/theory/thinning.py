"""What the thinning coupling implies for germs and for pixels."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trendbench.process.intensity import LinearIntensity
from trendbench.theory.geometry import disk_area


def survival(x: ArrayLike, intensity: LinearIntensity) -> NDArray[np.float64]:
    """Probability that a germ of the denser input only, at x, shows in r.

    ρ(x) = (λ(x) − λ_sparse)/(λ_dense − λ_sparse): for k > 0 the germs of s2∖s1, ρ = x/W; for
    k < 0 those of s1∖s2, ρ = 1 − x/W. Holds inside the frame.

    Args:
        x: germ positions [px] in [0, W], any shape.
        intensity: λ(·), with k ≠ 0.
    """
    sparse, dense = sorted((intensity.left, intensity.right))
    return (intensity(x) - sparse) / (dense - sparse)


def pixel_survival(x: ArrayLike, intensity: LinearIntensity, radius: float) -> NDArray[np.float64]:
    """Probability that a pixel black in the denser input only is black in r.

    (1 − exp(−AΔρ))/(1 − exp(−AΔ)) with Δ = |λ_right − λ_left| and ρ the germs' survival at x:
    the pixel's germs beyond the sparser input are Poisson with mean AΔ, those that survive with
    mean AΔρ (centroid rule), and none of the former implies none of the latter. Exact on the
    inner columns, further than R from both borders.
    """
    mean = disk_area(radius) * abs(intensity.right - intensity.left)
    share: NDArray[np.float64] = np.expm1(-mean * survival(x, intensity)) / np.expm1(-mean)
    return share
