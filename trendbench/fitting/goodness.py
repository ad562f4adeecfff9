"""Whether pictures may be a Boolean model: the card's texture scores against the fitted model.

Sets of as many images are simulated from the fitted model, and the model is fitted to each of them
anew: a score is then compared with scores of fits, which are closer to their own images than truth
is. With v_j a score of a set, m_j its median over all sets and s_j the distance from there to the
95 % quantile (to the 5 % quantile below it), the statistic of a set is max_j |v_j − m_j|/s_j. The
pictures are one set among B + 1, so the rank of their statistic gives an exact p, but for the error
of the parameters that all sets are simulated at. One family-wise level holds for all scores.

Sources: Besag & Diggle, Simple Monte Carlo tests for spatial pattern, Applied Statistics 26, 327
(1977); Myllymäki et al., Global envelope tests for spatial processes, JRSS B 79, 381 (2017).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trendbench.families.disks import Disks
from trendbench.metrics.anisotropy import AnisotropyError
from trendbench.metrics.bands import BANDS
from trendbench.metrics.batch import Batch
from trendbench.metrics.metric import ImageMetric
from trendbench.metrics.resampling import count
from trendbench.metrics.stray import StrayError
from trendbench.metrics.strips import ColumnError, RowError
from trendbench.metrics.texture import EulerError, LinealError, PerimeterError, S2Error, lags, runs
from trendbench.metrics.trend import LambdaVarianceRatio
from trendbench.metrics.truth import Truth
from trendbench.spec import TaskSpec

LEVEL = 0.01
_TWO_POINT, _PATHS = S2Error(), LinealError()
_TEXTURE: tuple[ImageMetric, ...] = (
    _TWO_POINT, _PATHS, PerimeterError(), EulerError(), AnisotropyError(), RowError(),
    ColumnError(),
)  # fmt: skip
_STRAY, _VARIANCE = StrayError(), LambdaVarianceRatio()
METRICS = (*_TEXTURE, _VARIANCE, _STRAY)
_MINIMA = {metric.name: metric.minimum for metric in METRICS}
_TAIL = 0.05
_LEAST_SCALE = 1e-4  # smaller differences of a score mean nothing
_LEAST_STRAY = 2e-3  # it is 0 in nearly all sets, and a set with a little must not decide
_BATCH = 64
_LEAST_RADIUS = 0.5
_ROUNDING = 1e-9  # the widest set that lies inside does so in all its digits
_STRAY_PIXELS = 1 << 19  # as many are searched for stray black, which takes longest
Curve = NDArray[np.float64]


@dataclass(frozen=True)
class Range:
    """A score of the pictures beside those of sets of the fitted model.

    Attributes:
        value: of the pictures.
        median, low, high: of the sets. 99 % of sets have every score within its range.
    """

    value: float
    median: float
    low: float
    high: float

    @property
    def is_within(self) -> bool:
        """Whether the value lies in the range."""
        return self.low <= self.value <= self.high


@dataclass(frozen=True)
class Measured:
    """What is measured of one set of images against the model fitted to it.

    Attributes:
        scores: by name.
        along_x, along_y: S2 at lags of 0, 1, … px.
        path: probability of a lineal path of 1, 2, … px along x.
    """

    scores: dict[str, float]
    along_x: Curve
    along_y: Curve
    path: Curve


def measured(images: NDArray[np.uint8], process: Disks, slack: float) -> Measured:
    """Score images against the model that was fitted to them.

    Args:
        images: (n, H, W) uint8.
        process: the model.
        slack: black is stray where no disk of a radius smaller by this can have made it [px].
    """
    truth = Truth(_task(process), np.empty((1, 0)), 1)
    between = () if len(images) == 1 else (_VARIANCE,)
    means = _means((*_TEXTURE, *between), images, truth)
    smaller = process.model_copy(update={"radius": max(process.radius - slack, _LEAST_RADIUS)})
    step = -(-images.size // _STRAY_PIXELS)
    means |= _means((_STRAY,), images[::step], Truth(_task(smaller), np.empty((1, 0)), 1))
    scores = {
        m.name: float(m.value(_by_trend(m, means[m.name]), count(m, len(images), truth), truth))
        for m in METRICS
        if m.name in means
    }
    return Measured(scores, *_curves(means[_TWO_POINT.name], means[_PATHS.name], process))


def _by_trend(metric: ImageMetric, mean: Curve) -> Curve:
    """Mean features as the score takes them, all of one trend."""
    return mean[None] if metric.by_trend else mean


def _means(
    metrics: Sequence[ImageMetric], images: NDArray[np.uint8], truth: Truth
) -> dict[str, Curve]:
    """Mean features over images, by the name of the score."""
    sums: dict[str, Curve] = {}
    for start in range(0, len(images), _BATCH):
        batch = Batch(images[start : start + _BATCH], truth.spec.window)
        for metric in metrics:
            total = metric.features(batch, truth).sum(axis=0)
            sums[metric.name] = sums.get(metric.name, 0.0) + total
    return {name: total / len(images) for name, total in sums.items()}


def expected(process: Disks) -> tuple[Curve, Curve, Curve]:
    """The three curves of ``Measured`` as the model has them."""
    return _curves(_TWO_POINT.exact(process), _PATHS.exact(process), process)


def compared(
    own: dict[str, float],
    fresh: Sequence[dict[str, float]],
    minimum: Mapping[str, float] = _MINIMA,
) -> tuple[dict[str, Range], float]:
    """Each score's range, and the p of all of them together.

    Args:
        own: scores of the pictures.
        fresh: of the simulated sets.
        minimum: below which no score lies.
    """
    names = list(own)
    values = np.array([[scores[name] for name in names] for scores in (own, *fresh)])
    low, median, high = np.quantile(values, [_TAIL, 0.5, 1 - _TAIL], axis=0)
    least = [_LEAST_STRAY if name == _STRAY.name else _LEAST_SCALE for name in names]
    below, above = np.maximum(median - low, least), np.maximum(high - median, least)
    apart = values - median
    statistic = np.max(np.where(apart > 0, apart / above, -apart / below), axis=1)
    p = float(np.mean(statistic >= statistic[0]))
    outside = int(LEVEL * len(values))
    widest = float(np.sort(statistic)[::-1][outside]) * (1 + _ROUNDING)
    ranges = {
        name: Range(
            value=own[name],
            median=float(median[j]),
            low=max(float(median[j] - widest * below[j]), minimum[name]),
            high=float(median[j] + widest * above[j]),
        )
        for j, name in enumerate(names)
    }
    return ranges, p


def _curves(pairs: Curve, paths: Curve, process: Disks) -> tuple[Curve, Curve, Curve]:
    """Means over the frame of features that are means over bands: S2 along x and y, paths."""
    two_point, path = (part.reshape(-1, BANDS).mean(axis=1) for part in (pairs, paths))
    steps, lengths = len(lags(process)[0]), len(runs(process)[0])
    return two_point[:steps], np.append(two_point[0], two_point[steps:]), path[:lengths]


def _task(process: Disks) -> TaskSpec:
    """The model as a task, which the scores ask for."""
    return TaskSpec(name="fit", window=1, train=0, val=0, test=0, **process.model_dump())
