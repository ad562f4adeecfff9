"""ξ, the 2017 study's criterion, and what it is made of.

E (ξ_k − ξ₀_k)² = bias² + variance: a true image does not score 0 but the floor, and a generator
collapsed to the mean profile scores below it. The parts are therefore scored one by one.
Source: Budakyan (2017) for ξ; the floor and the split are closed forms, see trendbench.theory.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from trendbench.metrics.batch import Batch, xi_of
from trendbench.metrics.metric import Direction, ImageMetric, Need
from trendbench.metrics.truth import PAIRS, Truth
from trendbench.process.family import Law


class Xi(ImageMetric):
    """Mean over images of ξ = (1/(W − w)) Σ_k (ξ_k − ξ₀_k)², raw grey values."""

    name = "xi"
    meaning = "squared error of the density profile, as the 2017 study prints it"
    laws: ClassVar[frozenset[Law]] = PAIRS

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        return xi_of(batch.profile, truth.xi0, truth.normaliser)[:, None]

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

    def value(self, mean: NDArray[np.float64], n: int, truth: Truth) -> NDArray[np.float64]:
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
        return np.square(batch.profile - _mean_square(truth)).mean(axis=1, keepdims=True)

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        del mean
        return np.array([self.ideal(truth)])

    def ideal(self, truth: Truth) -> float:
        variance = np.diag(truth.values.profile_covariance)
        apart = np.square(truth.values.mean_profile - _mean_square(truth))
        return float(np.mean(variance + apart))


class XiBinary(Xi):
    """ξ after thresholding at 128."""

    name = "xi_binary"
    meaning = "ξ after thresholding at mid-grey"

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        return xi_of(batch.binary_profile, truth.xi0, truth.normaliser)[:, None]


class _ProfileMoments(ImageMetric):
    """Scores made of the profile's mean and variance: f = (ξ_1 … ξ_K, Σ_k ξ_k²)."""

    laws: ClassVar[frozenset[Law]] = PAIRS

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        del truth
        profile = batch.profile
        return np.column_stack([profile, np.square(profile).sum(axis=1)])

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        del mean
        square = np.square(truth.values.mean_profile).sum() + np.trace(
            truth.values.profile_covariance
        )
        return np.append(truth.values.mean_profile, square)

    @staticmethod
    def _variance(mean: NDArray[np.float64], n: int) -> NDArray[np.float64]:
        """Σ_k s_k², the unbiased between-image variances summed."""
        spread = mean[..., -1] - np.square(mean[..., :-1]).sum(axis=-1)
        return spread * n / max(n - 1, 1)


class XiBias(_ProfileMoments):
    """Unbiased squared bias of the mean profile: (1/(W − w)) Σ_k [(ξ̄_k − E ξ_k)² − s_k²/n]."""

    name = "xi_bias"
    meaning = "squared bias of the mean profile, sampling noise taken out"
    direction: ClassVar[Direction] = "lower"

    def value(self, mean: NDArray[np.float64], n: int, truth: Truth) -> NDArray[np.float64]:
        return self.quadratic(mean, n, truth)

    def quadratic(self, mean: NDArray[np.float64], n: int, truth: Truth) -> NDArray[np.float64]:
        """The score itself, (…)."""
        apart = np.square(mean[..., :-1] - truth.values.mean_profile).sum(axis=-1)
        return np.asarray((apart - self._variance(mean, n) / n) / truth.normaliser)

    def ideal(self, truth: Truth) -> float:
        del truth
        return 0.0


class XiVarianceRatio(_ProfileMoments):
    """Between-image variance of the profile over the exact one: Σ_k s_k² / Σ_k Var(ξ_k)."""

    name = "xi_variance_ratio"
    meaning = "between-image variance of the profile over the exact one"
    needs: ClassVar[frozenset[Need]] = frozenset({"black"})

    def value(self, mean: NDArray[np.float64], n: int, truth: Truth) -> NDArray[np.float64]:
        return self._variance(mean, n) / np.trace(truth.values.profile_covariance)

    def ideal(self, truth: Truth) -> float:
        del truth
        return 1.0


def _mean_square(truth: Truth) -> NDArray[np.float64]:
    """E ξ_k² = (E ξ_k)² + Var(ξ_k) of true images, (W − w + 1,)."""
    return np.square(truth.values.mean_profile) + np.diag(truth.values.profile_covariance)
