"""What the task says of true images: the side of every score that is not measured.

A value follows from the laws of the process where these are exact. Where a law is absent the value
is estimated from the fresh true images of the pool.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from trendbench import theory
from trendbench.metrics.batch import THRESHOLD, Batch, density_profile
from trendbench.metrics.fit import derivative, fit_trend
from trendbench.metrics.pool import true_pool
from trendbench.process.family import Law, Process
from trendbench.process.trend import Trend
from trendbench.spec import TaskSpec
from trendbench.theory.profile import envelope_of

COVERAGE: frozenset[Law] = frozenset({"coverage"})
PAIRS: frozenset[Law] = frozenset({"coverage", "pair_black"})
EXACTLY = 1 << 40  # training images of a ξ₀ that is the exact mean
_BATCH = 128


class Exactly(Hashable, Protocol):
    """A score whose features have expectations that follow from laws of the process."""

    laws: ClassVar[frozenset[Law]]

    def features(self, batch: Batch, truth: "Truth") -> NDArray[np.float64]:
        """The features of each image, (b, d)."""

    def exact(self, process: Process) -> NDArray[np.float64]:
        """Their expectation for true images, (d,)."""


@dataclass(frozen=True, eq=False)
class TrueValues:
    """Statistics of true images of a task, each computed when it is first asked for.

    Attributes:
        spec: the task.
    """

    spec: TaskSpec

    @property
    def members(self) -> tuple["TrueValues", ...]:
        """The same of the task with each of its trends."""
        return tuple(map(true_values, self.spec.members))

    @cached_property
    def column_coverage(self) -> NDArray[np.float64]:
        """E D_c, the coverage of each column, (W,)."""
        if self.spec.laws >= COVERAGE:
            return theory.column_coverage(self.spec)
        return self._measured.coverage

    @cached_property
    def input_coverage(self) -> NDArray[np.float64]:
        """Coverage of s1 and of s2, (2,)."""
        if self.spec.laws >= COVERAGE:
            return np.array([float(self.spec.coverage(0.0, name)) for name in ("s1", "s2")])
        return self._measured.inputs

    @cached_property
    def column_covariance(self) -> NDArray[np.float64]:
        """Cov(D_c, D_c'), (W, W)."""
        if self.spec.laws >= PAIRS:
            return theory.column_covariance(self.spec)
        return self._measured.covariance

    @cached_property
    def mean_profile(self) -> NDArray[np.float64]:
        """E ξ_k, (W − w + 1,)."""
        if self.spec.laws >= COVERAGE:
            return theory.mean_profile(self.spec, self.spec.window)
        return self._measured.profile

    @cached_property
    def profile_covariance(self) -> NDArray[np.float64]:
        """Cov(ξ_k, ξ_l), (W − w + 1, W − w + 1)."""
        if self.spec.laws >= PAIRS:
            return theory.profile_covariance(self.spec, self.spec.window)
        return self._measured.profile_covariance

    @cached_property
    def envelope(self) -> NDArray[np.float64]:
        """Half-width of the 95 % envelope of one image's ξ_k, global over k."""
        spread = np.sqrt(np.diag(self.profile_covariance))
        return envelope_of(self.profile_covariance) * spread

    def xi_floor(self, training_images: int | None = None) -> float:
        """E ξ of a true image: Σ_k Var(ξ_k)/(W − w), see ``theory.xi_floor``."""
        floor = float(np.trace(self.profile_covariance)) / (self.spec.width - self.spec.window)
        return floor * (1 + 1 / training_images if training_images else 1)

    @cached_property
    def trend(self) -> Trend:
        """The trend of the process; where it has no exact one, a line fitted to the coverage."""
        if "trend" in self.spec.laws:
            return self.spec.trend
        names, units = ("p₀", "slope"), ("1", "px⁻¹")
        start = Trend(names, units, float(self.column_coverage.mean()), 0.0, "identity")
        intercept, slope = fit_trend(self.column_coverage, start)
        return Trend(names, units, float(intercept), float(slope), "identity")

    @cached_property
    def trend_derivative(self) -> NDArray[np.float64]:
        """Derivative of the fitted (intercept, slope) by the column densities, (2, W)."""
        return derivative(self.column_coverage, self.trend)

    @cached_property
    def trend_covariance(self) -> NDArray[np.float64]:
        """Covariance B C Bᵀ of (intercept, slope) as fitted to one true image, (2, 2)."""
        return np.asarray(self.trend_derivative @ self.column_covariance @ self.trend_derivative.T)

    @property
    def trend_errors(self) -> NDArray[np.float64]:
        """Standard errors of (intercept, slope) as fitted to one true image, (2,)."""
        errors: NDArray[np.float64] = np.sqrt(np.diag(self.trend_covariance))
        return errors

    def of_texture(self, metric: Exactly) -> NDArray[np.float64]:
        """Expectation of the features of a texture score, (d,)."""
        if metric.laws <= self.spec.laws:
            return metric.exact(self.spec)
        return _texture(self.spec, metric)

    @cached_property
    def _measured(self) -> "_Measured":
        densities, profiles, inputs = [], [], []
        for block in true_pool(self.spec).blocks(_BATCH):
            given = np.stack([block.triplets.s1, block.triplets.s2])
            inputs.append((given < THRESHOLD).mean(axis=(2, 3)))
            densities.append((block.drawn < THRESHOLD).mean(axis=1))
            profiles.append(density_profile(block.drawn, self.spec.window))
        density, profile = np.concatenate(densities), np.concatenate(profiles)
        return _Measured(
            density.mean(axis=0), np.cov(density, rowvar=False),
            profile.mean(axis=0), np.cov(profile, rowvar=False),
            np.concatenate(inputs, axis=1).mean(axis=1),
        )  # fmt: skip


@dataclass(frozen=True)
class _Measured:
    """Over fresh true triplets: moments of r's column densities and profile, coverage of inputs."""

    coverage: NDArray[np.float64]
    covariance: NDArray[np.float64]
    profile: NDArray[np.float64]
    profile_covariance: NDArray[np.float64]
    inputs: NDArray[np.float64]


@lru_cache(maxsize=64)
def true_values(spec: TaskSpec) -> TrueValues:
    """Statistics of true images of a task, the same object at every call."""
    return TrueValues(spec)


@dataclass(frozen=True, eq=False)
class Truth:
    """References of one data file: what is true of its task, and what its training images say.

    Attributes:
        spec: the task.
        xi0: ξ₀, the profile averaged over the training r images of each of K trends,
            (K, W − w + 1).
        training_images: how many were averaged over, of all trends together.
        thumbnails: of the images that must not be remembered, (m, d); None where only closed
            forms are asked for.
    """

    spec: TaskSpec
    xi0: NDArray[np.float64]
    training_images: int
    thumbnails: NDArray[np.float32] | None = None

    @property
    def values(self) -> TrueValues:
        """Statistics of true images of the task."""
        return true_values(self.spec)

    @cached_property
    def xi_floor(self) -> float:
        """E ξ of a true image against this ξ₀: Σ_k Var(ξ_k)/(W − w) · (1 + 1/n), n of a trend."""
        return self.values.xi_floor(self.training_images // len(self.xi0))

    def xi0_of(self, batch: Batch) -> NDArray[np.float64]:
        """ξ₀ of the trend of each image of a batch, (b, W − w + 1)."""
        return np.asarray(self.xi0[batch.trend(len(self.xi0))])

    @property
    def normaliser(self) -> int:
        """W − w, as ξ is printed."""
        return self.spec.width - self.spec.window


def exactly(spec: TaskSpec, thumbnails: NDArray[np.float32] | None = None) -> Truth:
    """References of a task with the exact E ξ_k in the place of ξ₀."""
    profiles = np.stack([member.mean_profile for member in true_values(spec).members])
    return Truth(spec, profiles, EXACTLY, thumbnails)


@lru_cache(maxsize=16)
def _texture(spec: TaskSpec, metric: "Exactly") -> NDArray[np.float64]:
    """Mean features of a texture score over the pool, (d,)."""
    pool, truth = true_pool(spec), Truth(spec, np.empty((1, 0)), 1)
    sums = [
        metric.features(Batch(block.drawn, spec.window), truth).sum(axis=0)
        for block in pool.blocks(_BATCH)
    ]
    mean: NDArray[np.float64] = np.sum(sums, axis=0) / len(pool)
    return mean
