"""Intervals and per-image values by resampling whole images.

Pixels of one image are dependent over 2R, so error bars from pixels come out several times too
small; the image is the unit that is drawn independently.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import scipy
from numpy.typing import NDArray

from trendbench.metrics.metric import Count, ImageMetric
from trendbench.metrics.truth import Truth
from trendbench.storage.scratch import let_go

REPLICATES = 1000
CONFIDENCE = 0.95
TAIL = (1 - CONFIDENCE) / 2  # beyond either end of an interval
_TAILS = (TAIL, 1 - TAIL)
_SEED = 20170601
_AT_ONCE = 4096  # images; no pool is larger
_WEIGHTS = 1 << 22  # at once; all of a card's, up to 4194 images


def bootstrap_weights(
    n: int, replicates: int = REPLICATES, *, trends: int = 1
) -> NDArray[np.float64]:
    """How often each of n images is drawn in each replicate, over n: (replicates, n)."""
    return drawn_weights(n, n, replicates, np.random.default_rng(_SEED), trends=trends)


def drawn_weights(
    n: int, pool: int, replicates: int, rng: np.random.Generator, *, trends: int = 1
) -> NDArray[np.float64]:
    """Sets of n images drawn from a pool with replacement, (replicates, pool), rows sum to 1.

    Image i, in the set and in the pool, has trend i modulo their number; image i is replaced by one
    of its own trend.
    """
    weights = np.empty((replicates, pool))
    for t in range(trends):
        size, of = len(range(t, n, trends)), len(range(t, pool, trends))
        shares, at_once = np.full(of, 1 / of), max(1, _WEIGHTS // of)
        for start in range(0, replicates, at_once):
            part = weights[start : start + at_once, t::trends]
            part[:] = rng.multinomial(size, shares, size=len(part))
    weights /= n
    return weights


def resampled_means(
    metrics: Sequence[ImageMetric],
    features: Mapping[str, NDArray[np.float64]],
    n: int,
    truth: Truth,
) -> dict[str, NDArray[np.float64]]:
    """Mean features of ``REPLICATES`` resampled sets of n images, by score: see ``means``."""
    parts: dict[str, list[NDArray[np.float64]]] = {metric.name: [] for metric in metrics}
    rng, at_once = np.random.default_rng(_SEED), max(1, _WEIGHTS // n)
    for start in range(0, REPLICATES, at_once):
        replicates = min(at_once, REPLICATES - start)
        weights = drawn_weights(n, n, replicates, rng, trends=len(truth.spec.members))
        for metric in metrics:
            parts[metric.name].append(means(metric, features[metric.name], weights, truth))
    return {name: np.concatenate(found) for name, found in parts.items()}


def means(
    metric: ImageMetric, features: NDArray[np.float64], weights: NDArray[np.float64], truth: Truth
) -> NDArray[np.float64]:
    """Mean features of sets as ``value`` takes them: (sets, d), or by trend (sets, K, d).

    Args:
        metric: the score.
        features: of the images that sets are drawn from, (m, d).
        weights: of these images in each set, (sets, m).
        truth: of the task, whose trends images have in turn.
    """
    if not metric.by_trend:
        return _product(weights, features)
    k = len(truth.spec.members)
    parts = [_product(weights[:, t::k], features[t::k]) for t in range(k)]
    return k * np.stack(parts, axis=-2)


def _parts(n: int) -> list[slice]:
    """Ranges that cover n images, which are looked at one after another."""
    return [slice(start, start + _AT_ONCE) for start in range(0, n, _AT_ONCE)]


def _product(weights: NDArray[np.float64], features: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean features of each set, (sets, d)."""
    product = np.zeros((len(weights), features.shape[1]))
    for rows in _parts(len(features)):
        product += weights[:, rows] @ features[rows]
        let_go()
    return product


def _mean(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over images, (d,)."""
    parts = _parts(len(features))
    if len(parts) == 1:
        return np.asarray(features.mean(axis=0))
    total = np.zeros(features.shape[1])
    for rows in parts:
        total += features[rows].sum(axis=0)
        let_go()
    return total / len(features)


def own_mean(
    metric: ImageMetric, features: NDArray[np.float64], truth: Truth
) -> NDArray[np.float64]:
    """Mean features of a set of images as ``value`` takes them: (d,), or by trend (K, d)."""
    if not metric.by_trend:
        return _mean(features)
    k = len(truth.spec.members)
    return np.stack([_mean(features[t::k]) for t in range(k)])


def centred(
    metric: ImageMetric, features: NDArray[np.float64], truth: Truth
) -> NDArray[np.float64]:
    """Features of true images, their mean put where the expectation is: (n, d)."""
    mean = own_mean(metric, features, truth)
    expected = metric.expected(mean, truth)
    if metric.by_trend:
        trend = np.arange(len(features)) % len(mean)
        mean, expected = mean[trend], expected[trend]
    return features - mean + expected


def count(metric: ImageMetric, n: int, truth: Truth) -> Count:
    """The number of images as ``value`` takes it: n, or that of each trend, (K,)."""
    if not metric.by_trend:
        return n
    k = len(truth.spec.members)
    return np.full(k, n // k, dtype=np.int64)


def interval(
    metric: ImageMetric,
    features: NDArray[np.float64],
    resampled: NDArray[np.float64],
    truth: Truth,
) -> tuple[float, float]:
    """A 95 % interval of a score's expectation.

    Squared distances and their roots have intervals from the errors of the square, see
    ``_errors_of_square``; other scores have bias-corrected and accelerated percentiles. Where
    triplets have trends of their own, few images of each are resampled. Their variance comes out
    too small, a bias of the resampling and not of the score, so percentiles are put about the
    value.

    Args:
        metric: the score.
        features: (n, d), see ``ImageMetric.features``.
        resampled: mean features of resampled sets, of ``resampled_means``.
        truth: the task's references.

    Source: Efron, Better bootstrap confidence intervals, JASA 82, 171 (1987).
    """
    n, mean = count(metric, len(features), truth), own_mean(metric, features, truth)
    square = metric.quadratic(mean, n, truth)
    if square is not None:
        errors = _errors_of_square(metric, mean, resampled, n, truth)
        ends = square - np.quantile(errors, _TAILS)[::-1]
        low, high = np.sqrt(np.maximum(ends, 0.0)) if metric.is_root else ends
    else:
        value = metric.value(mean, n, truth)
        replicates = metric.value(resampled, n, truth)
        if metric.by_trend and len(mean) > 1:
            low, high = value + np.quantile(replicates - replicates.mean(), _TAILS)
        else:
            levels = _corrected_levels(replicates, value, per_image(metric, features, truth))
            low, high = np.quantile(replicates, levels)
    return max(float(low), metric.minimum), max(float(high), metric.minimum)


def _errors_of_square(
    metric: ImageMetric,
    mean: NDArray[np.float64],
    resampled: NDArray[np.float64],
    n: Count,
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
    bias = scipy.special.ndtri(below)
    apart = pseudo - pseudo.mean()
    spread = np.square(apart).sum()
    acceleration = np.power(apart, 3).sum() / (6 * spread**1.5) if spread > 0 else 0.0
    z = bias + scipy.special.ndtri(np.array(_TAILS))
    return np.asarray(scipy.special.ndtr(bias + z / (1 - acceleration * z)))


def measured(metric: ImageMetric, features: NDArray[np.float64], truth: Truth) -> float:
    """The score of images with these features, (n, d)."""
    n = count(metric, len(features), truth)
    return float(metric.value(own_mean(metric, features, truth), n, truth))


def per_image(
    metric: ImageMetric, features: NDArray[np.float64], truth: Truth
) -> NDArray[np.float64]:
    """Jackknife pseudo-values n·θ − (n − 1)·θ₍₋ᵢ₎, shape (n,): the θ of image i.

    For a score that is the mean over images, such as ξ, this is image i's own score. Two rows
    scored on the same triplets are compared through the differences of these values.
    """
    n, mean = len(features), own_mean(metric, features, truth)
    value = metric.value(mean, count(metric, n, truth), truth)
    if not metric.by_trend:
        parts = []
        for rows in _parts(n):
            without = mean + (mean - features[rows]) / (n - 1)
            parts.append(n * value - (n - 1) * metric.value(without, n - 1, truth))
            let_go()
        return np.concatenate(parts)
    k, values = len(truth.spec.members), np.empty(n)
    for t in range(k):
        left, own = count(metric, n, truth) - (np.arange(k) == t), features[t::k]
        for rows in _parts(len(own)):
            without = np.tile(mean, (len(own[rows]), 1, 1))
            without[:, t] += (mean[t] - own[rows]) / np.maximum(left[t], 1)
            values[t::k][rows] = n * value - (n - 1) * metric.value(without, left, truth)
            let_go()
    return values
