"""The power of the card: for each damage, the smallest size that its verdict tells.

A damage is told by a score at n images if at least 95 % of damaged sets of n have that score
outside its reference range, which is family-wise: of true sets, 1 % have any score outside.
Damaged and undamaged images share their randomness, so their features are compared and put on top
of the exact expectation.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trendbench import theory
from trendbench.families.disks import damages
from trendbench.families.disks.conditional import redraw_r
from trendbench.families.disks.intensity import LinearIntensity
from trendbench.families.disks.rendering import render_r
from trendbench.metrics.batch import THRESHOLD
from trendbench.metrics.metric import ImageMetric, SetMetric
from trendbench.metrics.pool import Pool, true_pool
from trendbench.metrics.registry import IMAGE_METRICS
from trendbench.metrics.sampling import ReferenceDistribution, Sampling, features_of
from trendbench.metrics.thumbnails import thumbnails
from trendbench.metrics.truth import Truth
from trendbench.progress import Bar, quiet
from trendbench.simulation import simulate
from trendbench.spec import TaskSpec

LEVELS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_POWER = 0.95
_IMAGES, _TRAINING = 512, 500
_REPLICATES = 400
_SEED = 20170605
_BATCH = 128
Images = NDArray[np.uint8]
Features = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Finding:
    """The smallest level of a damage that a score tells with n images; None beyond one half."""

    score: str
    damage: str
    n: int
    level: float | None


@dataclass(frozen=True)
class _Damage:
    """How damaged images are drawn, with or without the inputs of the pool."""

    draw: Callable[[TaskSpec, Pool, float], Images]
    conditional: bool
    copies: bool = False  # whether scores by exchange of labels can tell it


def slope_off(spec: TaskSpec, pool: Pool, level: float) -> Images:
    """Slope k smaller by a share, the mean intensity kept."""
    off = level * (spec.lambda_right - spec.lambda_left) / 2
    trend = LinearIntensity(spec.lambda_left + off, spec.lambda_right - off, spec.width)
    return _drawn(spec, pool, trend=trend)


def radius_off(spec: TaskSpec, pool: Pool, level: float) -> Images:
    """Radius R larger by a share."""
    return _drawn(spec, pool, radius=(1 + level) * spec.radius)


def other_inputs(spec: TaskSpec, pool: Pool, level: float) -> Images:
    """A share of the images drawn for some other inputs."""
    images = _drawn(spec, pool)
    replaced = np.flatnonzero(np.random.default_rng(_SEED).random(len(images)) < level)
    images[replaced] = images[np.roll(replaced, 1)]
    return images


def remembered(spec: TaskSpec, pool: Pool, level: float) -> Images:
    """A share of the images replaced by training images."""
    images = _drawn(spec, pool)
    replaced = np.flatnonzero(np.random.default_rng(_SEED).random(len(images)) < level)
    images[replaced] = _training(spec)[: len(replaced)]
    return images


def _alone(damage: damages.Damage, *, copies: bool = False) -> _Damage:
    def draw(spec: TaskSpec, pool: Pool, level: float) -> Images:
        return damage(spec, min(_IMAGES, len(pool)), np.random.default_rng(_SEED), level)

    return _Damage(draw, conditional=False, copies=copies)


DAMAGES = {
    "slope k smaller": _Damage(slope_off, True),
    "radius R larger": _Damage(radius_off, True),
    "drawn for other inputs": _Damage(other_inputs, True),
    "remembered images": _Damage(remembered, True, copies=True),
    "R larger, same coverage": _alone(damages.larger_disks),
    "ellipses": _alone(damages.ellipses),
    "intensity changing along y": _alone(damages.steeper_below),
    "waves along y": _alone(damages.waves),
    "germs beyond the border missing": _alone(damages.empty_borders),
    "two slopes": _alone(damages.mixed_slopes),
    "lone pixels a particle": _alone(damages.lone_pixels),
    "grey pixels": _alone(damages.grey_pixels),
    "duplicates": _alone(damages.duplicates, copies=True),
}


def certificate(spec: TaskSpec, sizes: Sequence[int], *, bar: Bar = quiet) -> Iterator[Finding]:
    """What each score tells of each damage, for each number of images.

    Args:
        spec: the task.
        sizes: numbers of images n.
        bar: shows how many damaged sets have been drawn.

    Yields:
        one finding for every (damage, score, n), damages outermost.
    """
    small = thumbnails(_training(spec) < THRESHOLD, spec)
    truth = Truth(spec, theory.mean_profile(spec, spec.window), 1 << 30, small)
    pool = true_pool(spec)
    with bar("damaging images", len(DAMAGES) * len(LEVELS) + 2, "sets") as progress:
        bench = {}
        for conditional, draw in ((True, _drawn), (False, _free)):
            bench[conditional] = _Bench(truth, pool, conditional, sizes, draw(spec, pool))
            progress.advance(1)
        for name, damage in DAMAGES.items():
            against = bench[damage.conditional]
            told: dict[tuple[str, int], float] = {}
            asked = [m for m in against.metrics if damage.copies or m.reference != "exchange"]
            for level in LEVELS:
                for found in against.told(damage.draw(spec, pool, level), asked):
                    told.setdefault(found, level)
                asked = [m for m in asked if any((m.name, n) not in told for n in sizes)]
                progress.advance(1)
            for metric in against.metrics:
                for n in sizes:
                    yield Finding(metric.name, name, n, told.get((metric.name, n)))


class _Bench:
    """Undamaged images and their reference ranges, which damaged sets are held against."""

    def __init__(
        self, truth: Truth, pool: Pool, conditional: bool, sizes: Sequence[int], sound: Images
    ) -> None:
        self._truth, self._pool, self._conditional = truth, pool, conditional
        self._reference = ReferenceDistribution(truth, conditional=conditional)
        self._sound = self._features(sound, IMAGE_METRICS)
        self.metrics = [
            m for m in IMAGE_METRICS if m.name in self._sound or isinstance(m, SetMetric)
        ]
        self._ranges = {n: self._ranges_of(sound, n) for n in sizes}

    def told(self, images: Images, metrics: Sequence[ImageMetric]) -> Iterator[tuple[str, int]]:
        """(score, n) of those of the scores that tell damaged images with n of them."""
        spoilt = self._features(images, metrics)
        for metric in metrics:
            for n, ranges in self._ranges.items():
                if self._tells(metric, images, spoilt, n, ranges):
                    yield metric.name, n

    def _tells(
        self,
        metric: ImageMetric,
        images: Images,
        spoilt: Features,
        n: int,
        ranges: Mapping[str, Sampling],
    ) -> bool:
        if metric.reference == "exchange":
            own = self._of_set(metric, images, spoilt, n)
            range_ = self._reference.ranges([metric], {metric.name: own}, n)[metric.name]
            value = float(own[:, 0].mean())
            return not range_.low <= value <= range_.high
        sound = self._sound[metric.name]
        mean = sound.mean(axis=0)
        rng = np.random.default_rng(_SEED)
        weights = rng.multinomial(n, np.full(len(sound), 1 / len(sound)), size=_REPLICATES) / n
        exact = metric.expected(mean, self._truth)
        values = metric.value(weights @ (spoilt[metric.name] - mean + exact), n, self._truth)
        low, high = ranges[metric.name].low, ranges[metric.name].high
        return bool(((values < low) | (values > high)).mean() >= _POWER)

    def _ranges_of(self, sound: Images, n: int) -> dict[str, Sampling]:
        own = {m.name: self._of_set(m, sound, self._sound, n) for m in self.metrics}
        return self._reference.ranges(self.metrics, own, n)

    def _of_set(
        self, metric: ImageMetric, images: Images, features: Features, n: int
    ) -> NDArray[np.float64]:
        """Features of the first n images."""
        if isinstance(metric, SetMetric):
            return metric.features_of_set(images[:n], self._truth)
        return features[metric.name][:n]

    def _features(self, images: Images, metrics: Sequence[ImageMetric]) -> Features:
        n = len(images)
        given = self._pool.triplets[:n] if self._conditional else None
        second = self._pool.second[:n] if self._conditional else np.roll(images, 1, axis=0)
        return features_of(metrics, images, self._truth, given, second, _BATCH)


def _drawn(
    spec: TaskSpec,
    pool: Pool,
    *,
    trend: LinearIntensity | None = None,
    radius: float | None = None,
) -> Images:
    """One draw for each of the first triplets of the pool, always with the same randomness."""
    germs = pool.germs[:_IMAGES]
    rng = np.random.default_rng(_SEED)
    return render_r(redraw_r(spec, germs, rng, trend=trend), spec, radius=radius)


def _free(spec: TaskSpec, pool: Pool) -> Images:
    """True images for no inputs, with the randomness of the damages."""
    return _alone(damages.larger_disks).draw(spec, pool, 0.0)


def _training(spec: TaskSpec) -> Images:
    return simulate(spec, _TRAINING, _SEED).r
