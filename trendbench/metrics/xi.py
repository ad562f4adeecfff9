"""ξ, the 2017 study's criterion, and what it is made of.

E (ξ_k − ξ₀_k)² = bias² + variance: a true image does not score 0 but the floor, and a generator
collapsed to the mean profile scores below it. The parts are therefore scored one by one.
Source: Budakyan (2017) for ξ; the floor and the split are closed forms, see trendbench.theory.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from trendbench.metrics.batch import Batch, xi_of
from trendbench.metrics.metric import Count, Direction, ImageMetric, Need
from trendbench.metrics.truth import PAIRS, TrueValues, Truth
from trendbench.process.family import Law


class Xi(ImageMetric):
    """Mean over images of ξ = (1/(W − w)) Σ_k (ξ_k − ξ₀_k)², raw grey values."""

    name = "xi"
    meaning = "squared error of the density profile, as the 2017 study prints it"
    laws: ClassVar[frozenset[Law]] = PAIRS

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        return xi_of(batch.profile, truth.xi0_of(batch), truth.normaliser)[:, None]

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        del mean
        return np.array([truth.xi_floor])

    def ideal(self, truth: Truth) -> float:
        return truth.xi_floor


class XiRatio(Xi):
    """ξ over its exact floor."""

    name = "xi_ratio"
    meaning = "ξ over the exact floor"
    needs: ClassVar[frozenset[Need]] = frozenset({"black"})

    def value(self, mean: NDArray[np.float64], n: Count, truth: Truth) -> NDArray[np.float64]:
        return np.divide(super().value(mean, n, truth), truth.xi_floor)

    def ideal(self, truth: Truth) -> float:
        del truth
        return 1.0


class XiExecuted(ImageMetric):
    """Mean over images of (1/(W − w + 1)) Σ_k (ξ_k − t_k)², t_k = E ξ_k² of true images.

    What the 2017 study's program computed and its slides print: the reference is the mean of the
    squared profile, where the printed formula has the mean profile. For true images it is
    (1/(W − w + 1)) Σ_k [Var(ξ_k) + (E ξ_k − t_k)²] with t_k = (E ξ_k)² + Var(ξ_k), which a blank
    image undercuts. It ranks nothing.
    """

    name = "xi_executed"
    meaning = "what the 2017 study's program computed in place of ξ; not for ranking"
    laws: ClassVar[frozenset[Law]] = PAIRS

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        mean_square = np.stack([_mean_square(member) for member in truth.values.members])
        apart = batch.profile - mean_square[batch.trend(len(mean_square))]
        return np.square(apart).mean(axis=1, keepdims=True)

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        del mean
        return np.array([self.ideal(truth)])

    def ideal(self, truth: Truth) -> float:
        parts = [
            np.diag(member.profile_covariance)
            + np.square(member.mean_profile - _mean_square(member))
            for member in truth.values.members
        ]
        return float(np.mean(parts))


class XiBinary(Xi):
    """ξ after thresholding at 128."""

    name = "xi_binary"
    meaning = "ξ after thresholding at mid-grey"

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        return xi_of(batch.binary_profile, truth.xi0_of(batch), truth.normaliser)[:, None]


class _ProfileMoments(ImageMetric):
    """Scores made of the profile's mean and variance in each trend: f = (ξ_1 … ξ_K, Σ_k ξ_k²)."""

    by_trend: ClassVar[bool] = True
    laws: ClassVar[frozenset[Law]] = PAIRS

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        del truth
        profile = batch.profile
        return np.column_stack([profile, np.square(profile).sum(axis=1)])

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        del mean
        return np.stack([_moments(member) for member in truth.values.members])

    @staticmethod
    def _variance(mean: NDArray[np.float64], n: Count) -> NDArray[np.float64]:
        """Σ_k s_k² of each trend, the unbiased between-image variances summed."""
        spread = mean[..., -1] - np.square(mean[..., :-1]).sum(axis=-1)
        return np.asarray(spread * n / np.maximum(n - 1, 1))


class XiBias(_ProfileMoments):
    """Unbiased squared bias of the mean profile: (1/(W − w)) Σ_k [(ξ̄_k − E ξ_k)² − s_k²/n].

    Where triplets have trends of their own it is the mean over trends, so that errors of rising and
    of falling trends do not cancel.
    """

    name = "xi_bias"
    meaning = "squared bias of the mean profile, sampling noise taken out"
    direction: ClassVar[Direction] = "lower"

    def value(self, mean: NDArray[np.float64], n: Count, truth: Truth) -> NDArray[np.float64]:
        return self.quadratic(mean, n, truth)

    def quadratic(self, mean: NDArray[np.float64], n: Count, truth: Truth) -> NDArray[np.float64]:
        """The score itself, (…)."""
        exact = np.stack([member.mean_profile for member in truth.values.members])
        apart = np.square(mean[..., :-1] - exact).sum(axis=-1)
        each = (apart - self._variance(mean, n) / n) / truth.normaliser
        return np.asarray(each.mean(axis=-1))

    def ideal(self, truth: Truth) -> float:
        del truth
        return 0.0


class XiVarianceRatio(_ProfileMoments):
    """Between-image variance of the profile over the exact one: Σ_k s_k² / Σ_k Var(ξ_k).

    Both are those within a trend, summed over trends.
    """

    name = "xi_variance_ratio"
    meaning = "between-image variance of the profile over the exact one"
    needs: ClassVar[frozenset[Need]] = frozenset({"black"})

    def value(self, mean: NDArray[np.float64], n: Count, truth: Truth) -> NDArray[np.float64]:
        exact = np.trace(truth.values.profile_covariance)
        return np.asarray(self._variance(mean, n).mean(axis=-1) / exact)

    def ideal(self, truth: Truth) -> float:
        del truth
        return 1.0


def _moments(values: TrueValues) -> NDArray[np.float64]:
    """Expected features of ``_ProfileMoments`` for one trend, (W − w + 2,)."""
    square = np.square(values.mean_profile).sum() + np.trace(values.profile_covariance)
    return np.append(values.mean_profile, square)


def _mean_square(values: TrueValues) -> NDArray[np.float64]:
    """E ξ_k² = (E ξ_k)² + Var(ξ_k) of true images of one trend, (W − w + 1,)."""
    return np.square(values.mean_profile) + np.diag(values.profile_covariance)
