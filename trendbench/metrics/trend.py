"""The trend itself: λ₀ and k refitted from all images together."""

from abc import abstractmethod
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from trendbench import theory
from trendbench.families.disks.process import Disks
from trendbench.metrics.batch import Batch
from trendbench.metrics.metric import Direction, ImageMetric, Need
from trendbench.metrics.truth import Truth

_ITERATIONS = 12
_LARGEST_EXPONENT = 700.0  # exp of more overflows
_LEAST_COVERAGE, _MOST_COVERAGE = 1e-6, 1 - 1e-6


class _TrendError(ImageMetric):
    """(estimate − exact)/standard error of one coefficient of λ(x) = λ₀ + kx.

    The column densities D̄_c, averaged over images, are fitted by binomial quasi-likelihood with
    link −log(1 − p_c) = A·(λ₀ + k·x_c). The standard error is exact to first order: with B the
    derivative of the estimate at the truth and C the exact covariance of the column densities,
    SE² = diag(B C Bᵀ)/n. Neighbouring columns share particles, which C knows and the binomial
    does not. The value is a z-score: it grows like √n for a trend that is off.

    Source: McCullagh & Nelder, Generalized Linear Models (1989), chapter 9.
    """

    unit = "standard errors"
    direction: ClassVar[Direction] = "target"
    needs: ClassVar[frozenset[Need]] = frozenset({"germs"})
    _coefficient: ClassVar[int]

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        del truth
        return batch.density

    def value(self, mean: NDArray[np.float64], n: int, truth: Truth) -> NDArray[np.float64]:
        lam = truth.spec.intensity
        exact = (lam.left, lam.k)[self._coefficient]
        error = standard_errors(truth.spec)[self._coefficient] / np.sqrt(n)
        return (fit_trend(mean, truth.spec)[..., self._coefficient] - exact) / error

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        del mean
        return theory.column_coverage(truth.spec)

    def ideal(self, truth: Truth) -> float:
        del truth
        return 0.0


class KError(_TrendError):
    """The slope k."""

    name = "k_error"
    meaning = "error of the refitted slope k, in its standard errors"
    _coefficient = 1


class Lambda0Error(_TrendError):
    """The intercept λ₀."""

    name = "lambda0_error"
    meaning = "error of the refitted intercept λ₀, in its standard errors"
    _coefficient = 0


class _TrendVariance(ImageMetric):
    """Between-image variance of one coefficient of the trend over the exact one.

    Each image's coefficient is estimated to first order at the truth, θ_i = B·(D_i − p), see
    ``_TrendError``; f = (θ_i, θ_i²). The ratio is above 1 where images differ in their trend by
    more than chance, and below it where they differ by less.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"germs"})
    minimum: ClassVar[float] = 0.0

    @abstractmethod
    def combination(self, process: Disks) -> NDArray[np.float64]:
        """The coefficient as a combination of λ₀ and k, (2,)."""

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        weights = self.combination(truth.spec) @ _derivative(truth.spec)
        theta = (batch.density - theory.column_coverage(truth.spec)) @ weights
        return np.column_stack([theta, np.square(theta)])

    def value(self, mean: NDArray[np.float64], n: int, truth: Truth) -> NDArray[np.float64]:
        variance = (mean[..., 1] - np.square(mean[..., 0])) * n / max(n - 1, 1)
        return np.maximum(variance, 0.0) / self._exact(truth.spec)

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        del mean
        return np.array([0.0, self._exact(truth.spec)])

    def ideal(self, truth: Truth) -> float:
        del truth
        return 1.0

    def _exact(self, process: Disks) -> float:
        combination = self.combination(process)
        return float(combination @ _estimate_covariance(process) @ combination)


class KVarianceRatio(_TrendVariance):
    """Of the slope k."""

    name = "k_variance_ratio"
    meaning = "between-image variance of the slope over the exact one"

    def combination(self, process: Disks) -> NDArray[np.float64]:
        del process
        return np.array([0.0, 1.0])


class LambdaVarianceRatio(_TrendVariance):
    """Of the intensity in the middle of the frame, λ₀ + k·W/2."""

    name = "lambda_variance_ratio"
    meaning = "between-image variance of the intensity at mid-frame over the exact one"

    def combination(self, process: Disks) -> NDArray[np.float64]:
        return np.array([1.0, process.width / 2])


def fit_trend(density: NDArray[np.float64], process: Disks) -> NDArray[np.float64]:
    """(λ₀, k) from mean column densities, R being known.

    Iteratively reweighted least squares: working response A·λ_c + (D̄_c − p_c)/(1 − p_c), weights
    (1 − p_c)/p_c.

    Args:
        density: D̄, (…, W), in [0, 1].
        process: for A and the start of the iteration.

    Returns:
        (…, 2): λ₀ [px⁻²] and k [px⁻³].
    """
    area = theory.disk_area(process.radius)
    x = theory.pixel_centres(process.width)
    middle = x.mean()  # centred columns keep the normal equations well conditioned
    design = area * np.column_stack([np.ones_like(x), x - middle])
    lam = process.intensity
    theta = np.broadcast_to(np.array([float(lam(middle)), lam.k]), (*density.shape[:-1], 2)).copy()
    for _ in range(_ITERATIONS):
        exponent = np.maximum(theta @ design.T, -_LARGEST_EXPONENT)
        p = np.clip(-np.expm1(-exponent), _LEAST_COVERAGE, _MOST_COVERAGE)
        response = -np.log1p(-p) + (density - p) / (1 - p)
        weights = (1 - p) / p
        normal = np.einsum("ca,...c,cb->...ab", design, weights, design, optimize=True)
        right = np.einsum("ca,...c,...c->...a", design, weights, response, optimize=True)
        theta = np.linalg.solve(normal, right[..., None])[..., 0]
    theta[..., 0] -= theta[..., 1] * middle
    return theta


def standard_errors(process: Disks) -> tuple[float, float]:
    """Standard errors of (λ₀, k) as ``fit_trend`` finds them in one true image."""
    spread = np.sqrt(np.diag(_estimate_covariance(process)))
    return float(spread[0]), float(spread[1])


@lru_cache(maxsize=8)
def _derivative(process: Disks) -> NDArray[np.float64]:
    """Derivative B of the estimates (λ₀, k) by the column densities, at the truth: (2, W)."""
    area = theory.disk_area(process.radius)
    x = theory.pixel_centres(process.width)
    p = np.clip(theory.column_coverage(process), _LEAST_COVERAGE, _MOST_COVERAGE)
    jacobian = area * (1 - p)[:, None] * np.column_stack([np.ones_like(x), x])
    weighted = jacobian / (p * (1 - p))[:, None]
    return np.asarray(np.linalg.solve(jacobian.T @ weighted, weighted.T), dtype=np.float64)


@lru_cache(maxsize=8)
def _estimate_covariance(process: Disks) -> NDArray[np.float64]:
    """Covariance B C Bᵀ of the estimates (λ₀, k) in one true image, (2, 2)."""
    derivative = _derivative(process)
    return np.asarray(derivative @ theory.column_covariance(process) @ derivative.T)
