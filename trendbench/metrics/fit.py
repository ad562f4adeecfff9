"""Fit the trend of a process to column densities.

Source: McCullagh & Nelder, Generalized Linear Models (1989), chapter 9.
"""

import numpy as np
from numpy.typing import NDArray

from trendbench.process.images import pixel_centres
from trendbench.process.trend import Trend

_ITERATIONS = 12
_LEAST_COVERAGE, _MOST_COVERAGE = 1e-6, 1 - 1e-6


def fit_trend(density: NDArray[np.float64], trend: Trend) -> NDArray[np.float64]:
    """(intercept, slope) from mean column densities, link, scale and offset being known.

    Iteratively reweighted least squares of a binomial quasi-likelihood: working response
    η_c + (D̄_c − p_c)/p′_c, weights p′_c²/(p_c(1 − p_c)), p′ = dp/dη.

    Args:
        density: D̄, (…, W), in [0, 1].
        trend: for the link and the start of the iteration.

    Returns:
        (…, 2), in the units of the trend.
    """
    x = pixel_centres(density.shape[-1])
    middle = x.mean()  # centred columns keep the normal equations well conditioned
    design = trend.scale * np.column_stack([np.ones_like(x), x - middle])
    start = np.array([float(trend.at(middle)), trend.slope])
    theta = np.broadcast_to(start, (*density.shape[:-1], 2)).copy()
    for _ in range(_ITERATIONS):
        p = clipped(trend.coverage(trend.offset + theta @ design.T))
        slope = trend.derivative(p)
        response = trend.predictor(p) - trend.offset + (density - p) / slope
        weights = np.square(slope) / (p * (1 - p))
        normal = np.einsum("ca,...c,cb->...ab", design, weights, design, optimize=True)
        right = np.einsum("ca,...c,...c->...a", design, weights, response, optimize=True)
        theta = np.linalg.solve(normal, right[..., None])[..., 0]
    theta[..., 0] -= theta[..., 1] * middle
    return theta


def derivative(coverage: NDArray[np.float64], trend: Trend) -> NDArray[np.float64]:
    """Derivative B of the estimates by the column densities, at a coverage (W,): (2, W)."""
    x = pixel_centres(len(coverage))
    p = clipped(coverage)
    jacobian = trend.scale * trend.derivative(p)[:, None] * np.column_stack([np.ones_like(x), x])
    weighted = jacobian / (p * (1 - p))[:, None]
    return np.asarray(np.linalg.solve(jacobian.T @ weighted, weighted.T), dtype=np.float64)


def clipped(coverage: NDArray[np.float64]) -> NDArray[np.float64]:
    """A coverage within (0, 1), where the likelihood is defined."""
    return np.clip(coverage, _LEAST_COVERAGE, _MOST_COVERAGE)
