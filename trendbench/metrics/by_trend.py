"""Scores of each trend of a task of several: where on the map of trends images are off."""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trendbench.data.dataset import Dataset
from trendbench.metrics.batch import THRESHOLD, density_profile, xi_of
from trendbench.metrics.references import mean_profiles
from trendbench.metrics.resampling import measured
from trendbench.metrics.trend import KError
from trendbench.metrics.truth import Truth
from trendbench.storage.stated import Part, Text

OUTSIDE = 2.576  # |z| that 1 % of true sets exceed


class TrendScore(Part):
    """Scores of the images of one trend.

    Attributes:
        left, right: the ends of the trend, in the units of the family's parameters.
        n: number of images.
        xi_ratio: mean ξ over the floor of this trend.
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
    if len(dataset.spec.members) == 1:
        return None
    xi0 = mean_profiles(dataset.images("train", "r"), dataset.spec)
    return by_trend(images, Truth(dataset.spec, *xi0))


def by_trend(images: NDArray[np.uint8], truth: Truth) -> ByTrend:
    """Scores of each trend of a task.

    The standard error of a mean ξ over n true images is √(2·tr Σ²)/((W − w)·√n), Σ the covariance
    of the profile; that of the slope is exact to first order, see ``trend.py``.

    Args:
        images: (n, H, W) uint8 in test order, n a multiple of the number of trends.
        truth: from ``truth_of(dataset)``.
    """
    k = len(truth.spec.members)
    parts = (_of_trend(images[t::k], truth, t) for t in range(k))
    left, right = truth.spec.ends
    return ByTrend(ends=(left, right), trends=list(parts))


def _of_trend(images: NDArray[np.uint8], truth: Truth, t: int) -> TrendScore:
    member = truth.spec.members[t]
    own = Truth(member, truth.xi0[t : t + 1], truth.training_images // len(truth.xi0))
    profile = density_profile(images, member.window)
    ratio = float(xi_of(profile, own.xi0, own.normaliser).mean()) / own.xi_floor
    spread = math.sqrt(2 * np.square(own.values.profile_covariance).sum()) / own.normaliser
    density = (images < THRESHOLD).mean(axis=1)
    left, right = (float(getattr(member, name)) for name in member.ends)
    return TrendScore(
        left=left,
        right=right,
        n=len(images),
        xi_ratio=ratio,
        xi_z=(ratio - 1) * own.xi_floor * math.sqrt(len(images)) / spread,
        slope_z=measured(KError(), density, own),
    )
