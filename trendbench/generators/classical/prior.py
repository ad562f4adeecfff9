"""λ_left and λ_right of a pair of inputs: empirical Bayes.

The λ of an end, left or right, may be the same in every image of a task or vary from one to the
next. Over the training images it has mean μ and a between-image standard deviation τ, estimated
by moments: the variance of the λ_i beyond their sampling variance in one image. Given an input,

    germs:     Gamma prior of this mean and spread, so λ | N ~ Gamma(μ²/τ² + N, rate μ/τ² + |W|);
    coverage:  λ | λ_i ~ N(μ + B(λ_i − μ), Bσ²), B = τ²/(τ² + σ²), cut at 0,

σ² being the sampling variance of λ_i in one image. With τ = 0 both give μ itself. The estimate of
μ has an error, too, so μ is drawn from its own normal law first.

Source: Efron & Morris, Stein's estimation rule and its competitors: an empirical Bayes approach,
JASA 68, 117 (1973); Robbins, An empirical Bayes approach to statistics (1956).
"""

import math

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from trendbench.families.disks import Disks, coverage, disk_area
from trendbench.families.disks.estimation.window import Window
from trendbench.theory import column_covariance

_MOST_COVERAGE = 1 - 1e-6


class End(BaseModel):
    """The λ of one end over the images of a task [px⁻²].

    Attributes:
        mean: μ; standard_error: of μ.
        between: τ; within: σ, of one image's own estimate.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    mean: float = Field(ge=0)
    standard_error: float = Field(ge=0)
    between: float = Field(ge=0)
    within: float = Field(ge=0)


def end_of(observed: NDArray[np.float64], mean: float, within: float) -> End:
    """Mean and spreads of an end, from one estimate of λ per training image.

    Args:
        observed: λ_i, (n,).
        mean: μ as estimated from all images together.
        within: σ, the sampling error of each λ_i.
    """
    n = observed.size
    total = float(observed.var(ddof=1)) if n > 1 else within**2
    between = math.sqrt(max(0.0, total - within**2))
    return End(
        mean=mean,
        standard_error=math.hypot(between, within) / math.sqrt(n),
        between=between,
        within=within,
    )


def end_from_counts(counts: NDArray[np.int64], window: Window) -> End:
    """The λ of an end from germ counts (n,): σ² = μ/|W|."""
    observed = counts / window.area
    mean = float(observed.mean())
    return end_of(observed, mean, math.sqrt(mean / window.area))


def end_from_coverage(covered: NDArray[np.float64], window: Window) -> End:
    """The λ of an end from the black shares of homogeneous images (n,): λ_i = −log(1 − p_i)/A.

    μ comes from the mean share; σ is the exact standard deviation of a Boolean model's coverage in
    one frame at μ, over dp/dλ = A(1 − p).
    """
    mean = float(intensity_of(covered.mean(), window.radius))
    model = Disks(
        width=window.width, height=window.height, radius=window.radius,
        lambda_left=mean, lambda_right=mean,
    )  # fmt: skip
    spread = math.sqrt(float(column_covariance(model).mean()))
    white = 1 - float(coverage(0.0, model.intensity, window.radius))
    within = spread / (disk_area(window.radius) * white)
    return end_of(intensity_of(covered, window.radius), mean, within)


def joined(end: End, estimate: float, error: float) -> End:
    """An end whose mean takes in another estimate of it, independent, by inverse variance."""
    if not end.standard_error > 0 or not error > 0:
        return end
    own, other = end.standard_error**-2, error**-2
    mean = max(0.0, (own * end.mean + other * estimate) / (own + other))
    return end.model_copy(update={"mean": mean, "standard_error": (own + other) ** -0.5})


def intensity_of(covered: NDArray[np.float64] | np.floating, radius: float) -> NDArray[np.float64]:
    """λ = −log(1 − p)/A of coverages p."""
    p = np.minimum(np.asarray(covered, dtype=np.float64), _MOST_COVERAGE)
    return np.asarray(-np.log1p(-p) / disk_area(radius))


def draw_from_count(end: End, count: int, area: float, rng: np.random.Generator) -> float:
    """λ of an end, given the number of germs on a window of this area."""
    mean = _drawn_mean(end, rng)
    if end.between == 0 or mean == 0:
        return mean
    rate = mean / end.between**2
    return float(rng.gamma(mean * rate + count, 1 / (rate + area)))


def draw_from_estimate(end: End, observed: float, rng: np.random.Generator) -> float:
    """λ of an end, given an input's own estimate λ_i."""
    mean = _drawn_mean(end, rng)
    if end.between == 0:
        return mean
    weight = end.between**2 / (end.between**2 + end.within**2)
    noise = math.sqrt(weight) * end.within * float(rng.standard_normal())
    return max(0.0, mean + weight * (observed - mean) + noise)


def _drawn_mean(end: End, rng: np.random.Generator) -> float:
    return max(0.0, end.mean + end.standard_error * float(rng.standard_normal()))
