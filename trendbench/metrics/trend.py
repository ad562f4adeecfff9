"""The trend itself: its intercept and slope refitted from all images together."""

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from trendbench.metrics.batch import Batch
from trendbench.metrics.fit import fit_trend
from trendbench.metrics.metric import MANY_SOURCES, Count, Direction, ImageMetric, Need
from trendbench.metrics.truth import PAIRS, TrueValues, Truth
from trendbench.process.family import Law


class _TrendError(ImageMetric):
    """(estimate − exact)/standard error of one coefficient of the trend, intercept + slope·x.

    The column densities D̄_c, averaged over images, are fitted with the link of the process, for
    disks −log(1 − p_c) = A·(λ₀ + k·x_c). The standard error is exact to first order: with B the
    derivative of the estimate at the truth and C the exact covariance of the column densities,
    SE² = diag(B C Bᵀ)/n. Neighbouring columns share particles, which C knows and the binomial
    does not. The value is a z-score: it grows like √n for a trend that is off.

    Where triplets have trends of their own it is the z-score of a factor 1 + δ common to the
    coefficients θ_t of all trends: with θ̂_i = B_t·(D_i − p_t) of image i and SE_t its standard
    error, z = √n·mean_i(θ_t·θ̂_i/SE_t²)/√(mean_i θ_t²/SE_t²). It is positive where slopes are too
    steep, whichever way they run. Where every θ_t is 0, all have weight 1 in its place.
    """

    unit = "standard errors"
    direction: ClassVar[Direction] = "target"
    needs: ClassVar[frozenset[Need]] = frozenset({"black"})
    laws: ClassVar[frozenset[Law]] = PAIRS
    _coefficient: ClassVar[int]

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        if len(truth.spec.members) == 1:
            return batch.density
        rows = np.zeros((1, 2))
        rows[0, self._coefficient] = 1
        theta = _estimates(batch, truth, rows)
        directions, errors = trend_directions(truth.values, self._coefficient)
        weights = directions / np.square(errors)
        return theta * weights[batch.trend(len(weights)), None]

    def value(self, mean: NDArray[np.float64], n: Count, truth: Truth) -> NDArray[np.float64]:
        if len(truth.spec.members) > 1:
            directions, errors = trend_directions(truth.values, self._coefficient)
            return mean[..., 0] * np.sqrt(n / np.square(directions / errors).mean())
        exact = (truth.values.trend.intercept, truth.values.trend.slope)[self._coefficient]
        error = truth.values.trend_errors[self._coefficient] / np.sqrt(n)
        return (fit_trend(mean, truth.values.trend)[..., self._coefficient] - exact) / error

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        del mean
        if len(truth.spec.members) > 1:
            return np.zeros(1)
        return truth.values.column_coverage

    def ideal(self, truth: Truth) -> float:
        del truth
        return 0.0


class KError(_TrendError):
    """The slope, k of disks."""

    name = "k_error"
    meaning = "error of the refitted slope, in its standard errors"
    _coefficient = 1


class Lambda0Error(_TrendError):
    """The intercept, λ₀ of disks."""

    name = "lambda0_error"
    meaning = "error of the refitted intercept, in its standard errors"
    _coefficient = 0


class _TrendVariance(ImageMetric):
    """Between-image variance of one coefficient of the trend over the exact one.

    Each image's coefficient is estimated to first order at the truth, θ_i = B·(D_i − p), see
    ``_TrendError``; f = (θ_i, θ_i²). The ratio is above 1 where images differ in their trend by
    more than chance, and below it where they differ by less. Where triplets have trends of their
    own, θ_i is in standard errors of its trend.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"black"})
    laws: ClassVar[frozenset[Law]] = PAIRS
    fewest_sources: ClassVar[int] = MANY_SOURCES
    minimum: ClassVar[float] = 0.0

    @abstractmethod
    def combination(self, width: int) -> NDArray[np.float64]:
        """The coefficient as a combination of intercept and slope, (2,)."""

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        combination = self.combination(truth.spec.width)
        theta = _estimates(batch, truth, combination[None])[:, 0]
        if len(truth.spec.members) > 1:
            scale = np.sqrt([_variance(member, combination) for member in truth.values.members])
            theta = theta / scale[batch.trend(len(scale))]
        return np.column_stack([theta, np.square(theta)])

    def value(self, mean: NDArray[np.float64], n: Count, truth: Truth) -> NDArray[np.float64]:
        variance = (mean[..., 1] - np.square(mean[..., 0])) * n / max(n - 1, 1)
        return np.maximum(variance, 0.0) / self._exact(truth)

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        del mean
        return np.array([0.0, self._exact(truth)])

    def ideal(self, truth: Truth) -> float:
        del truth
        return 1.0

    def _exact(self, truth: Truth) -> float:
        if len(truth.spec.members) > 1:
            return 1.0
        return _variance(truth.values, self.combination(truth.spec.width))


class KVarianceRatio(_TrendVariance):
    """Of the slope."""

    name = "k_variance_ratio"
    meaning = "between-image variance of the slope over the exact one"

    def combination(self, width: int) -> NDArray[np.float64]:
        del width
        return np.array([0.0, 1.0])


class LambdaVarianceRatio(_TrendVariance):
    """Of the trend in the middle of the frame, intercept + slope·W/2."""

    name = "lambda_variance_ratio"
    meaning = "between-image variance of the trend at mid-frame over the exact one"

    def combination(self, width: int) -> NDArray[np.float64]:
        return np.array([1.0, width / 2])


def trend_directions(
    values: TrueValues, coefficient: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """θ_t and its standard error for one image, of each trend, (K,) each; all θ_t 1 if all are 0.

    Args:
        values: of the task.
        coefficient: 0 for the intercept, 1 for the slope.
    """
    members = values.members
    exact = np.array([(m.trend.intercept, m.trend.slope)[coefficient] for m in members])
    errors = np.array([member.trend_errors[coefficient] for member in members])
    return exact if exact.any() else np.ones_like(exact), errors


def _estimates(
    batch: Batch, truth: Truth, combinations: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Combinations (c, 2) of the coefficients of each image, to first order less exact: (b, c)."""
    theta = np.empty((len(batch.density), len(combinations)))
    trend = batch.trend(len(truth.spec.members))
    for t, member in enumerate(truth.values.members):
        rows = trend == t
        weights = combinations @ member.trend_derivative
        theta[rows] = (batch.density[rows] - member.column_coverage) @ weights.T
    return theta


def _variance(values: TrueValues, combination: NDArray[np.float64]) -> float:
    """Variance of a combination (2,) of the coefficients of one true image of one trend."""
    return float(combination @ values.trend_covariance @ combination)
