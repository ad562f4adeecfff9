"""The power of the card: for each damage, the smallest size that its verdict tells.

A damage is told by a score at n images if at least 95 % of damaged sets of n have that score
outside its reference range, which is family-wise: of true sets, 0.75 % have any score outside.
Damaged and undamaged images share their randomness, so their features are compared and put on top
of the exact expectation.

Pictures cannot be drawn anew: their held-out pictures are damaged, and stand for images of a
generator. Copies of pictures are left out, since the held-out ones are what copies are told by.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trendbench.data.dataset import Dataset
from trendbench.errors import SpecError
from trendbench.metrics.batch import THRESHOLD
from trendbench.metrics.held_out import HeldOutPool
from trendbench.metrics.metric import ImageMetric, SetMetric
from trendbench.metrics.pool import Pool, true_pool
from trendbench.metrics.registry import IMAGE_METRICS
from trendbench.metrics.resampling import centred, count, drawn_weights, means
from trendbench.metrics.sampling import ReferenceDistribution, Sampling, features_of
from trendbench.metrics.thumbnails import thumbnails
from trendbench.metrics.truth import Truth, exactly
from trendbench.process.changes import changes_of
from trendbench.process.family import Change
from trendbench.process.latent import Latent
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


def certificate(
    spec: TaskSpec, sizes: Sequence[int], *, data: Dataset | None = None, bar: Bar = quiet
) -> Iterator[Finding]:
    """What each score tells of each damage, for each number of images.

    Args:
        spec: the task.
        sizes: numbers of images n.
        data: the open data file of a task that is not simulated.
        bar: shows how many damaged sets have been drawn.

    Yields:
        one finding for every (damage, score, n), damages outermost.

    Raises:
        SpecError: nothing of the task can be simulated, and its data file is not given.
    """
    if not spec.simulated and data is None:
        raise SpecError(f"the task {spec.name} is a set of pictures: name their data file")
    pool = true_pool(spec)
    damages = {change.meaning: change for change in changes_of(spec).values()}
    if isinstance(pool, Pool):
        latents, small = pool.latents, thumbnails(_training(spec) < THRESHOLD, spec)
        damages["remembered images"] = _remembered(spec)
    else:
        assert data is not None
        latents, small = data.latents("test"), None
        damages = {name: d for name, d in damages.items() if spec.has_inputs or not d.conditional}
    truth = exactly(spec, small)
    latents = latents[: min(_IMAGES, len(pool)) // len(spec.members) * len(spec.members)]
    with bar("damaging images", len(damages) * (len(LEVELS) + 1) + 2, "sets") as progress:
        bench = {}
        for conditional in (True, False):
            if spec.has_inputs or not conditional:
                bench[conditional] = _Bench(truth, pool, len(latents), conditional, sizes)
            progress.advance(1)
        for name, damage in damages.items():
            against = bench[damage.conditional]
            sound = against.features(_drawn(latents, damage, 0.0), against.metrics)
            progress.advance(1)
            told: dict[tuple[str, int], float] = {}
            asked = [m for m in against.metrics if damage.copies or m.reference != "exchange"]
            for level in LEVELS:
                images = _drawn(latents, damage, level)
                for found in against.told(images, sound, asked):
                    told.setdefault(found, level)
                asked = [m for m in asked if any((m.name, n) not in told for n in sizes)]
                progress.advance(1)
            for metric in against.metrics:
                for n in sizes:
                    yield Finding(metric.name, name, n, told.get((metric.name, n)))


def _drawn(latents: Latent, damage: Change, level: float) -> Images:
    """Damaged images, always with the same randomness."""
    return damage.draw(latents, np.random.default_rng(_SEED), level)


def _remembered(spec: TaskSpec) -> Change:
    """A share of the images replaced by training images."""

    def draw(latents: Latent, rng: np.random.Generator, size: float) -> Images:
        images = spec.render_r(spec.redraw(latents, rng))
        replaced = np.flatnonzero(rng.random(len(images)) < size)
        images[replaced] = _training(spec)[: len(replaced)]
        return images

    return Change(draw, "remembered images", conditional=True, copies=True)


class _Bench:
    """Undamaged images and their reference ranges, which damaged sets are held against."""

    def __init__(
        self,
        truth: Truth,
        pool: Pool | HeldOutPool,
        images: int,
        conditional: bool,
        sizes: Sequence[int],
    ) -> None:
        self._truth, self._pool, self._conditional = truth, pool, conditional
        self._trends = len(truth.spec.members)
        self._reference = ReferenceDistribution(truth, conditional=conditional)
        true = pool[:images].drawn
        found = self.features(true, IMAGE_METRICS)
        self.metrics = [m for m in IMAGE_METRICS if self._applies(m, found)]
        self._ranges = {n: self._ranges_of(true, found, n) for n in sizes}

    def _applies(self, metric: ImageMetric, found: Features) -> bool:
        """Whether a score exists here, and does not look for copies of the damaged pictures."""
        exists = metric.name in found or isinstance(metric, SetMetric)
        copied = isinstance(self._pool, HeldOutPool) and "hidden r" in metric.needs
        return exists and not copied and metric.is_measurable(self._truth.spec)

    def told(
        self, images: Images, sound: Features, metrics: Sequence[ImageMetric]
    ) -> Iterator[tuple[str, int]]:
        """(score, n) of those of the scores that tell damaged images with n of them."""
        spoilt = self.features(images, metrics)
        for metric in metrics:
            for n, ranges in self._ranges.items():
                if self._tells(metric, images, spoilt, sound, n, ranges):
                    yield metric.name, n

    def _tells(
        self,
        metric: ImageMetric,
        images: Images,
        spoilt: Features,
        sound: Features,
        n: int,
        ranges: Mapping[str, Sampling],
    ) -> bool:
        if metric.reference == "exchange":
            own = self._of_set(metric, images, spoilt, n)
            range_ = self._reference.ranges([metric], {metric.name: own}, n)[metric.name]
            value = float(own[:, 0].mean())
            return not range_.low <= value <= range_.high
        truth = self._truth
        rng, m = np.random.default_rng(_SEED), len(images)
        weights = drawn_weights(n, m, _REPLICATES, rng, trends=self._trends)
        off = centred(metric, sound[metric.name], truth) - sound[metric.name]
        drawn = means(metric, spoilt[metric.name] + off, weights, truth)
        values = metric.value(drawn, count(metric, n, truth), truth)
        low, high = ranges[metric.name].low, ranges[metric.name].high
        return bool(((values < low) | (values > high)).mean() >= _POWER)

    def _ranges_of(self, true: Images, found: Features, n: int) -> dict[str, Sampling]:
        own = {m.name: self._of_set(m, true, found, n) for m in self.metrics}
        return self._reference.ranges(self.metrics, own, n)

    def _of_set(
        self, metric: ImageMetric, images: Images, features: Features, n: int
    ) -> NDArray[np.float64]:
        """Features of the first n images."""
        if isinstance(metric, SetMetric):
            return metric.features_of_set(images[:n], self._truth)
        return features[metric.name][:n]

    def features(self, images: Images, metrics: Sequence[ImageMetric]) -> Features:
        """Per-image features, beside a second sample of the kind that the scores need."""
        n = len(images)
        given = self._pool.triplets[:n] if self._conditional else None
        second: Images | None = np.roll(images, self._trends, axis=0)
        if self._conditional:
            second = None if self._pool.second is None else self._pool.second[:n]
        return features_of(metrics, images, self._truth, given, second, _BATCH)


def _training(spec: TaskSpec) -> Images:
    return simulate(spec, _TRAINING, _SEED).r
