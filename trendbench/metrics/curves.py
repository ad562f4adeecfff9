"""The curves behind the scores: what a card condenses to numbers, as one can draw it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trendbench import theory
from trendbench.metrics.bands import BANDS
from trendbench.metrics.batch import THRESHOLD, density_profile
from trendbench.metrics.coupling import inner_columns, is_coupled
from trendbench.metrics.sampling import features_of
from trendbench.metrics.texture import REACH, LinealError, S2Error, TextureMetric
from trendbench.metrics.truth import exactly, true_values
from trendbench.process.triplets import Triplets
from trendbench.spec import TaskSpec

_BATCH = 128
Curve = NDArray[np.float64]


@dataclass(frozen=True)
class Curves:
    """Statistics along x of a set of images, or their exact values.

    Attributes:
        profile: mean of ξ_k, (W − w + 1,); entry 0 is k = 1.
        two_point: S2 at lags 0, 1, … px along x in each vertical band, (bands, lags).
        white_runs: probability of a lineal path of 1, 2, … px along x, (bands, lengths).
        survival: share of the denser input's extra pixels that are black, in each inner column;
            None where images were drawn without inputs, the task has no thinning, or triplets have
            trends of their own.
    """

    profile: Curve
    two_point: Curve
    white_runs: Curve
    survival: Curve | None


def measured_curves(
    images: NDArray[np.uint8], spec: TaskSpec, given: Triplets | None = None
) -> Curves:
    """The curves of images.

    Args:
        images: (n, H, W) uint8.
        spec: the task.
        given: the triplets they were drawn for, where they were drawn for any.
    """
    two_point, white_runs = S2Error(), LinealError()
    truth = exactly(spec)
    features = features_of([two_point, white_runs], images, truth, None, None, _BATCH)
    return Curves(
        profile=density_profile(images, spec.window).mean(axis=0),
        two_point=_along_x(features[two_point.name].mean(axis=0), two_point, spec),
        white_runs=_along_x(features[white_runs.name].mean(axis=0), white_runs, spec),
        survival=survival_curve(images, given) if given and _has_one_curve(spec) else None,
    )


def exact_curves(spec: TaskSpec) -> Curves:
    """What the curves are for true images: exact, or estimated where a law is absent."""
    two_point, white_runs = S2Error(), LinealError()
    survival = None
    if _has_one_curve(spec):
        x = theory.pixel_centres(spec.width)[inner_columns(spec)]
        survival = spec.survival(x)
    return Curves(
        profile=true_values(spec).mean_profile,
        two_point=_along_x(true_values(spec).of_texture(two_point), two_point, spec),
        white_runs=_along_x(true_values(spec).of_texture(white_runs), white_runs, spec),
        survival=survival,
    )


def survival_curve(images: NDArray[np.uint8], given: Triplets) -> Curve:
    """Share of the denser input's extra pixels that are black in the images, inner columns."""
    inner = inner_columns(given.spec)
    sparse, dense = (given.s1, given.s2) if given.spec.is_rising else (given.s2, given.s1)
    extra = (dense[..., inner] == 0) & (sparse[..., inner] != 0)
    kept = extra & (images[..., inner] < THRESHOLD)
    share: Curve = kept.sum(axis=(0, 1)) / np.maximum(extra.sum(axis=(0, 1)), 1)
    return share


def _has_one_curve(spec: TaskSpec) -> bool:
    """Whether all triplets have the same survival."""
    return is_coupled(spec) and len(spec.members) == 1


def first_step(metric_name: str) -> int:
    """The lag or length [px] at which a curve along x starts."""
    return 0 if metric_name == S2Error.name else 1


def _along_x(features: Curve, metric: TextureMetric, spec: TaskSpec) -> Curve:
    """The part of a texture score's features that runs along x, as (bands, steps)."""
    steps = min(int(np.ceil(REACH * spec.length)), spec.width - 1)
    count = steps + 1 - first_step(metric.name)
    return features[: BANDS * count].reshape(count, BANDS).T
