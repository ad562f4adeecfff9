"""Scores of each trend of a task of several: where on the map of trends images are off."""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trendbench.data.dataset import Dataset
from trendbench.metrics.batch import THRESHOLD, density_profile, xi_of
from trendbench.metrics.fit import fit_trend
from trendbench.metrics.truth import TrueValues, true_values
from trendbench.spec import TaskSpec
from trendbench.storage.stated import Part, Text

OUTSIDE = 2.576  # |z| that 1 % of true sets exceed


class TrendScore(Part):
    """Scores of the images of one trend.

    Attributes:
        left, right: the ends of the trend, in the units of the family's parameters.
        n: number of images.
        xi_ratio: mean ξ against the exact mean profile of this trend, over its floor.
        xi_z: the same less 1, in its standard errors for true images.
        slope_z: error of the refitted slope, in its standard errors.
    """

    left: float
    right: float
    n: int
    xi_ratio: float
    xi_z: float
    slope_z: float


class ByTrend(Part):
    """Scores of each trend.

    Attributes:
        format: of the file.
        ends: names of the family's parameters at x = 0 and at x = W.
        trends: in the task's order.
    """

    format: Literal["trendbench-trends/1"] = "trendbench-trends/1"
    ends: tuple[Text, Text]
    trends: list[TrendScore]


def trends_of(images: NDArray[np.uint8], dataset: Dataset) -> ByTrend | None:
    """Scores of each trend of a data file's task; None where it has one trend.

    Args:
        images: (n, H, W) uint8, one for each test triplet.
        dataset: the open data file.
    """
    return by_trend(images, dataset.spec) if len(dataset.spec.members) > 1 else None


def by_trend(images: NDArray[np.uint8], spec: TaskSpec) -> ByTrend:
    """Scores of each trend of a task.

    The standard error of a mean ξ over n true images is √(2·tr Σ²)/((W − w)·√n), Σ the covariance
    of the profile; that of the slope is exact to first order, see ``trend.py``.

    Args:
        images: (n, H, W) uint8 in test order, n a multiple of the number of trends.
        spec: the task.
    """
    members = true_values(spec).members
    parts = (_of_trend(images[t :: len(members)], member) for t, member in enumerate(members))
    left, right = spec.ends
    return ByTrend(ends=(left, right), trends=list(parts))


def _of_trend(images: NDArray[np.uint8], true: TrueValues) -> TrendScore:
    spec = true.spec
    normaliser, floor = spec.width - spec.window, true.xi_floor()
    xi = xi_of(density_profile(images, spec.window), true.mean_profile, normaliser)
    spread = math.sqrt(2 * np.square(true.profile_covariance).sum()) / normaliser
    ratio = float(xi.mean()) / floor
    theta = fit_trend((images < THRESHOLD).mean(axis=(0, 1)), true.trend)
    left, right = (float(getattr(spec, name)) for name in spec.ends)
    return TrendScore(
        left=left,
        right=right,
        n=len(images),
        xi_ratio=ratio,
        xi_z=(ratio - 1) * floor * math.sqrt(len(images)) / spread,
        slope_z=float(theta[1] - true.trend.slope) / true.trend_errors[1] * math.sqrt(len(images)),
    )
