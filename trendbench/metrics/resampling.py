"""Intervals and per-image values by resampling whole images.

Pixels of one image are dependent over 2R, so error bars from pixels come out several times too
small; the image is the unit that is drawn independently.
"""

import numpy as np
from numpy.typing import NDArray

from trendbench.metrics.metric import ImageMetric
from trendbench.metrics.truth import Truth

REPLICATES = 1000
CONFIDENCE = 0.95
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
    """The 95 % percentile interval of a score, its bootstrap bias taken out.

    For a score that is linear in the features the bias is 0. For squared distances resampling
    adds the images' noise a second time, which is what the shift removes.

    Args:
        metric: the score.
        features: (n, d), see ``ImageMetric.features``.
        weights: from ``bootstrap_weights(n)``.
        truth: the task's references.
    """
    own = metric.own_interval(features)
    if own is not None:
        return own
    n = len(features)
    value = metric.value(features.mean(axis=0), n, truth)
    replicates = metric.value(weights @ features, n, truth)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(replicates, [tail, 1 - tail]) - (replicates.mean() - value)
    return max(float(low), metric.minimum), max(float(high), metric.minimum)


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
