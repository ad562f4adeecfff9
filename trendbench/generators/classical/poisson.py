"""From germs: exact maximum likelihood of a linear intensity, and bounds of R.

For n independent Poisson processes of intensity λ(x) = λ₀ + kx on a window W that is symmetric
about x̄, the log likelihood is Σ log λ(x_i) − n∫λ. At its maximum the total mass equals the number
N of germs, so

    λ(x) = N/(n|W|) · (1 + b(x − x̄)),   b = argmax Σ log(1 + b(x_i − x̄)),

a concave problem in b alone. λ ≥ 0 on the window is |b| ≤ 1/T, T its half width; where the
derivative still points outwards there, the maximum is at the bound.

R has bounds that images and germs show: every black pixel has a germ within R, every white one has
none, so R lies between the largest distance of a black pixel to its nearest germ and the least one
of a white pixel.

Source: Kutoyants, Statistical Inference for Spatial Poisson Processes (1998).
"""

import numpy as np
import scipy
from numpy.typing import NDArray

from trendbench.errors import RecipeError
from trendbench.families.disks.estimation.window import Window
from trendbench.families.disks.germs import IN_R, IN_S1, IN_S2, as_germs
from trendbench.process.triplets import Triplets

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=bool)


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
    return float(scipy.optimize.brentq(slope, -most, most, xtol=1e-15))


def radius_interval(triplets: Triplets) -> tuple[float, float]:
    """Least and largest R that agree with all images and their germs.

    Only pixels with a neighbour of the other colour are used: others give no tighter bound.

    Args:
        triplets: with germs.

    Returns:
        (low, high) [px], low < high.

    Raises:
        RecipeError: no image shows an edge, or no R agrees with them.
    """
    known = as_germs(triplets.latent)
    low, high = 0.0, np.inf
    for i in range(len(triplets)):
        germs = known[i : i + 1]
        for series, bit in ((triplets.s1, IN_S1), (triplets.s2, IN_S2), (triplets.r, IN_R)):
            shown = (germs.member & bit) != 0
            edge = scipy.ndimage.morphological_gradient(series[i], footprint=_CROSS) > 0
            if not shown.any() or not edge.any():
                continue
            tree = scipy.spatial.cKDTree(np.column_stack([germs.x[shown], germs.y[shown]]))
            distance, _ = tree.query(np.argwhere(edge)[:, ::-1] + 0.5)
            black = series[i][edge] == 0
            low = max(low, float(distance[black].max()))
            high = min(high, float(distance[~black].min()))
    if not 0 < low <= high < np.inf:
        raise RecipeError(
            f"no radius agrees with the training images and germs: black pixels need R ≥ "
            f"{low:.6g} px, white ones R < {high:.6g} px"
        )
    return low, high
