"""The power certificate: for each score, the smallest damage it detects.

A damage is detected at n images if at least 95 % of damaged sets of n score outside the central
95 % of fresh true sets of n. Damaged and undamaged images share all randomness, so their features
are compared pair by pair and put on top of the exact expectation.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trendbench import theory
from trendbench.metrics.batch import THRESHOLD
from trendbench.metrics.metric import ImageMetric
from trendbench.metrics.pool import Pool, true_pool
from trendbench.metrics.registry import IMAGE_METRICS
from trendbench.metrics.sampling import features_of
from trendbench.metrics.thumbnails import thumbnails
from trendbench.metrics.truth import Truth
from trendbench.process.conditional import redraw_r
from trendbench.process.intensity import LinearIntensity
from trendbench.progress import Bar, quiet
from trendbench.rendering.triplets import render_r, simulate
from trendbench.spec import TaskSpec

LEVELS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_POWER, _TAIL = 0.95, 0.025
_IMAGES, _TRAINING = 1024, 1000
_REPLICATES = 400
_SEED = 20170605
_BATCH = 128
Images = NDArray[np.uint8]


@dataclass(frozen=True)
class Finding:
    """The smallest level of a damage that a score detects with n images; None beyond one half."""

    score: str
    damage: str
    n: int
    level: float | None


def slope_off(spec: TaskSpec, pool: Pool, level: float) -> Images:
    """K smaller by a share, the mean intensity kept."""
    off = level * (spec.lambda_right - spec.lambda_left) / 2
    trend = LinearIntensity(spec.lambda_left + off, spec.lambda_right - off, spec.width)
    return _drawn(spec, pool, trend=trend)


def radius_off(spec: TaskSpec, pool: Pool, level: float) -> Images:
    """R larger by a share."""
    return _drawn(spec, pool, radius=(1 + level) * spec.radius)


def grey_pixels(spec: TaskSpec, pool: Pool, level: float) -> Images:
    """A share of all pixels set to mid-grey."""
    images = _drawn(spec, pool)
    images[np.random.default_rng(_SEED).random(images.shape) < level] = THRESHOLD
    return images


def remembered(spec: TaskSpec, pool: Pool, level: float) -> Images:
    """A share of the images replaced by training images."""
    images = _drawn(spec, pool)
    replaced = np.flatnonzero(np.random.default_rng(_SEED).random(len(images)) < level)
    images[replaced] = _training(spec)[: len(replaced)]
    return images


DAMAGES: dict[str, Callable[[TaskSpec, Pool, float], Images]] = {
    "k": slope_off,
    "R": radius_off,
    "grey pixels": grey_pixels,
    "remembered images": remembered,
}


def certificate(spec: TaskSpec, sizes: Sequence[int], *, bar: Bar = quiet) -> Iterator[Finding]:
    """What each score detects of each damage, for each number of images.

    Args:
        spec: the task.
        sizes: numbers of images n.
        bar: shows how many damaged sets have been drawn.

    Yields:
        one finding for every (damage, score, n), damages outermost.
    """
    with bar("damaging images", len(DAMAGES) * len(LEVELS) + 1, "sets") as progress:
        small = thumbnails(_training(spec) < THRESHOLD, spec)
        truth = Truth(spec, theory.mean_profile(spec, spec.window), 1 << 30, small)
        pool = true_pool(spec)

        def features(images: Images) -> dict[str, NDArray[np.float64]]:
            found = _features(images, truth, pool)
            progress.advance()
            return found

        sound = features(_drawn(spec, pool))
        spoilt_by = {
            damage: {level: features(apply(spec, pool, level)) for level in LEVELS}
            for damage, apply in DAMAGES.items()
        }
    for damage, spoilt in spoilt_by.items():
        for metric in IMAGE_METRICS:
            if metric.name not in sound:
                continue
            for n in sizes:
                found = (
                    level
                    for level in LEVELS
                    if _detects(metric, sound[metric.name], spoilt[level][metric.name], n, truth)
                )
                yield Finding(metric.name, damage, n, next(found, None))


def _detects(
    metric: ImageMetric,
    sound: NDArray[np.float64],
    spoilt: NDArray[np.float64],
    n: int,
    truth: Truth,
) -> bool:
    rng = np.random.default_rng(_SEED)
    m = len(sound)
    weights = rng.multinomial(n, np.full(m, 1 / m), size=_REPLICATES) / n
    mean = sound.mean(axis=0)
    exact = metric.expected(mean, truth)
    fresh = metric.value(weights @ (sound - mean + exact), n, truth)
    damaged = metric.value(weights @ (spoilt - mean + exact), n, truth)
    low, high = np.quantile(fresh, [_TAIL, 1 - _TAIL])
    return bool(((damaged < low) | (damaged > high)).mean() >= _POWER)


def _features(images: Images, truth: Truth, pool: Pool) -> dict[str, NDArray[np.float64]]:
    n = len(images)
    second = pool.second[:n]
    return features_of(IMAGE_METRICS, images, truth, pool.triplets[:n], second, _BATCH)


def _drawn(
    spec: TaskSpec,
    pool: Pool,
    *,
    trend: LinearIntensity | None = None,
    radius: float | None = None,
) -> Images:
    """One draw for each of the first triplets of the pool, always with the same randomness."""
    germs = pool.triplets[:_IMAGES].germs
    assert germs is not None
    rng = np.random.default_rng(_SEED)
    return render_r(redraw_r(spec, germs, rng, trend=trend), spec, radius=radius)


def _training(spec: TaskSpec) -> Images:
    return simulate(spec, _TRAINING, _SEED).r
