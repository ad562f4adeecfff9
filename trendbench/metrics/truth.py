"""What the task says of true images: the side of every score that is not measured.

A value follows from the laws of the process where these are exact. Where a law is absent the value
is estimated from the fresh true images of the pool.
"""

from collections.abc import Callable, Hashable
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
    """A score whose statistics have expectations that follow from laws of the process."""

    laws: ClassVar[frozenset[Law]]

    def statistics(self, batch: Batch, truth: "Truth") -> NDArray[np.float64]:
        """What is measured of each image, (b, d)."""

    def exact(self, process: Process) -> NDArray[np.float64]:
        """Their expectation for true images, (d,)."""


@dataclass(frozen=True, eq=False)
class TrueValues:
    """Statistics of true images of a task, each computed when it is first asked for.

    Attributes:
        spec: the task.
        readings: of its pool, or of the pool of a task that has its trend among others.
        which: the number of its trend among that task's.
    """

    spec: TaskSpec
    readings: "Readings"
    which: int = 0

    @cached_property
    def members(self) -> tuple["TrueValues", ...]:
        """The same of the task with each of its trends."""
        if len(self.spec.members) == 1:
            return (self,)
        each = enumerate(self.spec.members)
        return tuple(TrueValues(member, self.readings, t) for t, member in each)

    @cached_property
    def column_coverage(self) -> NDArray[np.float64]:
        """E D_c, the coverage of each column, (W,)."""
        if self.spec.laws >= COVERAGE:
            return theory.column_coverage(self.spec)
        return self._measured(lambda of: of.coverage)

    @cached_property
    def input_coverage(self) -> NDArray[np.float64]:
        """Coverage of s1 and of s2, (2,)."""
        if self.spec.laws >= COVERAGE:
            return np.array([float(self.spec.coverage(0.0, name)) for name in ("s1", "s2")])
        return self._measured(lambda of: of.inputs)

    @cached_property
    def column_covariance(self) -> NDArray[np.float64]:
        """Cov(D_c, D_c') within a trend, (W, W)."""
        if self.spec.laws >= PAIRS:
            return theory.column_covariance(self.spec)
        return self._measured(lambda of: of.covariance)

    @cached_property
    def mean_profile(self) -> NDArray[np.float64]:
        """E ξ_k, (W − w + 1,)."""
        if self.spec.laws >= COVERAGE:
            return theory.mean_profile(self.spec, self.spec.window)
        return self._measured(lambda of: of.profile)

    @cached_property
    def profile_covariance(self) -> NDArray[np.float64]:
        """Cov(ξ_k, ξ_l) within a trend, (W − w + 1, W − w + 1)."""
        if self.spec.laws >= PAIRS:
            return theory.profile_covariance(self.spec, self.spec.window)
        return self._measured(lambda of: of.profile_covariance)

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
        """Expectation of the statistics of a texture score, (d,)."""
        if metric.laws <= self.spec.laws:
            return metric.exact(self.spec)
        found = self.readings.texture(metric)
        return found.mean(axis=0) if len(self.members) > 1 else found[self.which]

    def _measured(self, of: Callable[["Moments"], NDArray[np.float64]]) -> NDArray[np.float64]:
        """Of this trend, or the mean over trends."""
        if len(self.members) > 1:
            return np.mean([of(moments) for moments in self.readings.moments], axis=0)
        return of(self.readings.moments[self.which])


@dataclass(frozen=True)
class Moments:
    """Over fresh true triplets of one trend: of r's column densities and profile, and of inputs."""

    coverage: NDArray[np.float64]
    covariance: NDArray[np.float64]
    profile: NDArray[np.float64]
    profile_covariance: NDArray[np.float64]
    inputs: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Readings:
    """What is read from the pool of a task, trend by trend.

    Attributes:
        spec: the task, whose trends the triplets of its pool have in turn.
    """

    spec: TaskSpec

    @cached_property
    def moments(self) -> tuple[Moments, ...]:
        """Of each trend."""
        densities, profiles, inputs = [], [], []
        for block in true_pool(self.spec).blocks(_BATCH):
            given = np.stack([block.triplets.s1, block.triplets.s2], axis=1)
            inputs.append((given < THRESHOLD).mean(axis=(2, 3)))
            densities.append((block.drawn < THRESHOLD).mean(axis=1))
            profiles.append(density_profile(block.drawn, self.spec.window))
        density, profile, black = map(np.concatenate, (densities, profiles, inputs))
        k = len(self.spec.members)
        return tuple(_moments(density[t::k], profile[t::k], black[t::k]) for t in range(k))

    def texture(self, metric: Exactly) -> NDArray[np.float64]:
        """Mean statistics of a texture score for each trend, (K, d)."""
        return _texture(self, metric)


def _moments(
    density: NDArray[np.float64], profile: NDArray[np.float64], inputs: NDArray[np.float64]
) -> Moments:
    return Moments(
        density.mean(axis=0), np.cov(density, rowvar=False),
        profile.mean(axis=0), np.cov(profile, rowvar=False),
        inputs.mean(axis=0),
    )  # fmt: skip


@lru_cache(maxsize=8)
def true_values(spec: TaskSpec) -> TrueValues:
    """Statistics of true images of a task, the same object at every call."""
    return TrueValues(spec, Readings(spec))


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
def _texture(readings: Readings, metric: Exactly) -> NDArray[np.float64]:
    spec, k = readings.spec, len(readings.spec.members)
    pool, truth = true_pool(spec), Truth(spec, np.empty((k, 0)), 1)
    parts = [
        metric.statistics(Batch(block.drawn, spec.window), truth) for block in pool.blocks(_BATCH)
    ]
    found = np.concatenate(parts)
    return np.stack([found[t::k].mean(axis=0) for t in range(k)])
