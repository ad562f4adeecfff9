"""Intervals and per-image values by resampling whole images.

Pixels of one image are dependent over 2R, so error bars from pixels come out several times too
small; the image is the unit that is drawn independently.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from trendbench.metrics.metric import ImageMetric
from trendbench.metrics.truth import Truth

REPLICATES = 1000
CONFIDENCE = 0.95
TAIL = (1 - CONFIDENCE) / 2  # beyond either end of an interval
_TAILS = (TAIL, 1 - TAIL)
_SEED = 20170601


def bootstrap_weights(n: int, replicates: int = REPLICATES) -> NDArray[np.float64]:
    """How often each of n images is drawn in each replicate, over n: (replicates, n)."""
    rng = np.random.default_rng(_SEED)
    return rng.multinomial(n, np.full(n, 1 / n), size=replicates) / n


def interval(
    metric: ImageMetric,
    features: NDArray[np.float64],
    weights: NDArray[np.float64],
    truth: Truth,
) -> tuple[float, float]:
    """A 95 % interval of a score's expectation.

    Squared distances and their roots have intervals from the errors of the square, see
    ``_errors_of_square``; other scores have bias-corrected and accelerated percentiles.

    Args:
        metric: the score.
        features: (n, d), see ``ImageMetric.features``.
        weights: from ``bootstrap_weights(n)``.
        truth: the task's references.

    Source: Efron, Better bootstrap confidence intervals, JASA 82, 171 (1987).
    """
    own = metric.own_interval(features)
    if own is not None:
        return own
    n, mean = len(features), features.mean(axis=0)
    square = metric.quadratic(mean, n, truth)
    if square is not None:
        errors = _errors_of_square(metric, mean, weights @ features, n, truth)
        ends = square - np.quantile(errors, _TAILS)[::-1]
        low, high = np.sqrt(np.maximum(ends, 0.0)) if metric.is_root else ends
    else:
        value = metric.value(mean, n, truth)
        replicates = metric.value(weights @ features, n, truth)
        levels = _corrected_levels(replicates, value, per_image(metric, features, truth))
        low, high = np.quantile(replicates, levels)
    return max(float(low), metric.minimum), max(float(high), metric.minimum)


def _errors_of_square(
    metric: ImageMetric,
    mean: NDArray[np.float64],
    resampled: NDArray[np.float64],
    n: int,
    truth: Truth,
) -> NDArray[np.float64]:
    """Errors of a squared distance about its expectation, (replicates,).

    With f̄ the mean features and f̄* the resampled ones, |f̄* − c|² − |f̄ − c|² is L + Q, L linear
    and Q quadratic in f̄* − f̄. Q is distributed as the images' own noise. L is measured at f̄ in
    place of its expectation, which makes its variance too large by twice that of Q: for true
    images by all of it. L is shrunk by that share.
    """
    at, there = metric.quadratic(mean, n, truth), metric.quadratic(resampled, n, truth)
    opposite = metric.quadratic(2 * mean - resampled, n, truth)
    assert at is not None
    assert there is not None
    assert opposite is not None
    linear, noise = (there - opposite) / 2, (there + opposite) / 2 - at
    spread = linear.var()
    kept = math.sqrt(max(0.0, 1 - 2 * noise.var() / spread)) if spread > 0 else 0.0
    return np.asarray(kept * linear + noise - noise.mean())


def _corrected_levels(
    replicates: NDArray[np.float64], value: NDArray[np.float64], pseudo: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Levels of the percentiles of a bias-corrected and accelerated interval, (2,)."""
    below = ((replicates < value).mean() + (replicates <= value).mean()) / 2
    if not 0 < below < 1:
        return np.array(_TAILS)
    bias = ndtri(below)
    apart = pseudo - pseudo.mean()
    spread = np.square(apart).sum()
    acceleration = np.power(apart, 3).sum() / (6 * spread**1.5) if spread > 0 else 0.0
    z = bias + ndtri(np.array(_TAILS))
    return np.asarray(ndtr(bias + z / (1 - acceleration * z)))


def per_image(
    metric: ImageMetric, features: NDArray[np.float64], truth: Truth
) -> NDArray[np.float64]:
    """Jackknife pseudo-values n·θ − (n − 1)·θ₍₋ᵢ₎, shape (n,): what image i says θ is.

    For a score that is the mean over images, such as ξ, this is image i's own score. Two rows
    scored on the same triplets are compared through the differences of these values.
    """
    n = len(features)
    mean = features.mean(axis=0)
    without = mean + (mean - features) / (n - 1)
    values: NDArray[np.float64] = n * metric.value(mean, n, truth) - (n - 1) * metric.value(
        without, n - 1, truth
    )
    return values
