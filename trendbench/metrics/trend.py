"""The trend itself: its intercept and slope refitted from all images together."""

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from trendbench.metrics.batch import Batch
from trendbench.metrics.fit import fit_trend
from trendbench.metrics.metric import MANY_SOURCES, Direction, ImageMetric, Need
from trendbench.metrics.truth import PAIRS, Truth
from trendbench.process.family import Law


class _TrendError(ImageMetric):
    """(estimate − exact)/standard error of one coefficient of the trend, intercept + slope·x.

    The column densities D̄_c, averaged over images, are fitted with the link of the process, for
    disks −log(1 − p_c) = A·(λ₀ + k·x_c). The standard error is exact to first order: with B the
    derivative of the estimate at the truth and C the exact covariance of the column densities,
    SE² = diag(B C Bᵀ)/n. Neighbouring columns share particles, which C knows and the binomial
    does not. The value is a z-score: it grows like √n for a trend that is off.
    """

    unit = "standard errors"
    direction: ClassVar[Direction] = "target"
    needs: ClassVar[frozenset[Need]] = frozenset({"black"})
    laws: ClassVar[frozenset[Law]] = PAIRS
    _coefficient: ClassVar[int]

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        del truth
        return batch.density

    def value(self, mean: NDArray[np.float64], n: int, truth: Truth) -> NDArray[np.float64]:
        exact = (truth.values.trend.intercept, truth.values.trend.slope)[self._coefficient]
        error = truth.values.trend_errors[self._coefficient] / np.sqrt(n)
        return (fit_trend(mean, truth.values.trend)[..., self._coefficient] - exact) / error

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        del mean
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
    more than chance, and below it where they differ by less.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"black"})
    laws: ClassVar[frozenset[Law]] = PAIRS
    fewest_sources: ClassVar[int] = MANY_SOURCES
    minimum: ClassVar[float] = 0.0

    @abstractmethod
    def combination(self, width: int) -> NDArray[np.float64]:
        """The coefficient as a combination of intercept and slope, (2,)."""

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        weights = self.combination(truth.spec.width) @ truth.values.trend_derivative
        theta = (batch.density - truth.values.column_coverage) @ weights
        return np.column_stack([theta, np.square(theta)])

    def value(self, mean: NDArray[np.float64], n: int, truth: Truth) -> NDArray[np.float64]:
        variance = (mean[..., 1] - np.square(mean[..., 0])) * n / max(n - 1, 1)
        return np.maximum(variance, 0.0) / self._exact(truth)

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        del mean
        return np.array([0.0, self._exact(truth)])

    def ideal(self, truth: Truth) -> float:
        del truth
        return 1.0

    def _exact(self, truth: Truth) -> float:
        combination = self.combination(truth.spec.width)
        return float(combination @ truth.values.trend_covariance @ combination)


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
