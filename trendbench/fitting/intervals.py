"""Standard errors, 95 % intervals, the band of the coverage, and the test of no trend.

Ten images or more give errors by their own differences: the sandwich covariance of the composite
likelihood, and intervals of Student's t with n − 1 degrees of freedom. Fewer images give hardly any
differences. The errors of λ₀, k and R are then those of the sets simulated from the fitted model,
and that of the coverage is the exact one of its column densities, B C Bᵀ/n, with B the derivative
of the fitted trend by them and C their covariance.

Where an estimate is skewed, its variance grows with its value, as that of a Poisson count does. On
the side that it is skewed to, the interval reaches further by γ(2z² + 1)/6 standard errors: the
second-order correction for a Poisson mean, γ being the skewness over the simulated sets and z the
half-width in standard errors. The other side stays, so intervals cover the truth rather too often.

Source: Hall, On the removal of skewness by transformation, JRSS B 54, 221 (1992).
"""

import math
from collections.abc import Sequence

import numpy as np
import scipy
from numpy.typing import NDArray

from trendbench import theory
from trendbench.errors import ImagesError
from trendbench.families.disks import Disks, disk_area
from trendbench.fitting.estimates import Estimates
from trendbench.fitting.result import Estimate
from trendbench.metrics.fit import derivative
from trendbench.process.images import WHITE

_FEWEST = 10  # images that tell their own differences
_COVERED = 0.95
_STEEP = 4.0  # standard errors
_AT_ZERO = 1e-6  # of the largest λ
_MOST_SKEWED = 0.8  # beyond it the correction is too rough
_UNITS = ("px⁻²", "px⁻³", "px")
Matrix = NDArray[np.float64]


def intervals(
    own: Estimates, n: int, refitted: Sequence[Estimates]
) -> tuple[tuple[Estimate, Estimate, Estimate], str]:
    """λ₀, k and R with their errors, and what these come from.

    Args:
        own: the estimates of the pictures.
        n: number of pictures.
        refitted: estimates of as many images, simulated from the fitted model.
    """
    many = np.array([one.values for one in refitted])
    errors = many.std(axis=0, ddof=1)
    source = f"{len(refitted)} sets simulated from the fitted model"
    if n >= _FEWEST:
        source = "differences between the pictures"
        errors[:2] = own.line_errors
        if own.is_from_particles:
            source += f"; that of R: {len(refitted)} sets simulated from the fitted model"
        else:
            errors[2] = own.radius.standard_error
    z = _quantile(n)
    skewness = np.clip(scipy.stats.skew(many, axis=0), -_MOST_SKEWED, _MOST_SKEWED)
    shift = skewness * (2 * z**2 + 1) / 6
    low = own.values + (np.minimum(shift, 0) - z) * errors
    high = own.values + (np.maximum(shift, 0) + z) * errors
    low[0] = max(low[0], 0.0)
    lambda0, k, radius = (
        Estimate(float(v), float(e), float(a), float(b), unit)
        for v, e, a, b, unit in zip(own.values, errors, low, high, _UNITS, strict=True)
    )
    return (lambda0, k, radius), source


def coverage(own: Estimates, n: int, x: Matrix) -> Matrix:
    """The fitted coverage at x (m,) [px]: value, standard error, and the 95 % interval, (4, m).

    The interval is symmetric in −log(1 − p), in which the trend is linear.
    """
    area = disk_area(own.process.radius)
    eta = area * own.process.intensity(x)
    design = np.stack([np.ones_like(x), x])
    covariance = own.predictor_covariance
    if n < _FEWEST:
        covariance = area**2 * _sampling(own.process) / n
    error = np.sqrt(np.einsum("ax,ab,bx->x", design, covariance, design))
    half = _quantile(n) * error
    low, high = (-np.expm1(-np.maximum(end, 0.0)) for end in (eta - half, eta + half))
    return np.stack([-np.expm1(-eta), np.exp(-eta) * error, low, high])


def no_trend(own: Estimates, n: int) -> tuple[float, float]:
    """Of the test of k = 0: z and its two-sided p.

    With ten images or more z is the slope of −log(1 − p) over its standard error, with Student's
    t; with fewer the error is the exact one where there is no trend.
    """
    slope = float(own.predictor[1])
    if n >= _FEWEST:
        z = slope / math.sqrt(own.predictor_covariance[1, 1])
        return z, float(2 * scipy.stats.t.sf(abs(z), n - 1))
    process = own.process
    middle = float(process.intensity(process.width / 2))
    level = process.model_copy(update={"lambda_left": middle, "lambda_right": middle})
    z = slope / (disk_area(process.radius) * math.sqrt(_sampling(level)[1, 1] / n))
    return z, float(2 * scipy.stats.norm.sf(abs(z)))


def must_not_be_steeper(pictures: NDArray[np.uint8], own: Estimates) -> None:
    """Refuse a trend that no line can have which is at least 0 wherever germs are.

    Raises:
        ImagesError: the line is 0 at a border, and the quarter of the columns on that side has
            less black than the line by more than four standard errors.
    """
    process = own.process
    lam, margin, width = process.intensity, process.radius, process.width
    least, most = lam.extremes(margin)
    if least > _AT_ZERO * most:
        return
    side = "left" if lam.left < lam.right else "right"
    quarter = slice(0, width // 4) if side == "left" else slice(width - width // 4, width)
    density = 1 - pictures[:, :, quarter].mean() / WHITE
    expected = theory.column_coverage(process)[quarter].mean()
    error = math.sqrt(theory.column_covariance(process)[quarter, quarter].mean() / len(pictures))
    if density < expected - _STEEP * error:
        kept = f"{width // 4}:" if side == "left" else f":{width - width // 4}"
        raise ImagesError(
            f"the coverage falls more steeply towards the {side} border than a line of λ ≥ 0 can: "
            f"{density:.2g} in the quarter on that side, and {expected:.2g} with the steepest such "
            f"line: leave out the columns that are nearly white: images[..., {kept}] in Python"
        )


def _sampling(process: Disks) -> Matrix:
    """Exact covariance of (λ₀, k), as fitted to the column densities of one image, (2, 2)."""
    by_column = derivative(theory.column_coverage(process), process.trend)
    return np.asarray(by_column @ theory.column_covariance(process) @ by_column.T)


def _quantile(n: int) -> float:
    """Half-width of a 95 % interval in standard errors."""
    upper = (1 + _COVERED) / 2
    return float(scipy.stats.t.ppf(upper, n - 1) if n >= _FEWEST else scipy.stats.norm.ppf(upper))
