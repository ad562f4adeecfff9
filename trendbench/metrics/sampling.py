"""What fresh true images score at the same number of images: the reference of every score.

A pool of true triplets is simulated from a seed of its own. Each score's features are taken on
it, their mean is put where the closed forms say it is, and samples of n images are drawn from it
with replacement. Where there is no closed form the pool's own mean stands for it, and its sampling
error is in the reference range.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from trendbench.engine import Engine, Here
from trendbench.metrics.batch import Batch
from trendbench.metrics.held_out import HeldOutPool, resampled_sources, widening
from trendbench.metrics.metric import ImageMetric
from trendbench.metrics.needs import at_hand
from trendbench.metrics.pool import Pool, true_pool
from trendbench.metrics.resampling import centred, count, drawn_weights, means
from trendbench.metrics.truth import Truth
from trendbench.process.triplets import TripletBlocks, Triplets
from trendbench.progress import Bar, Progress, Silent, quiet
from trendbench.storage.scratch import let_go, scratch

_REPLICATES = 4000
_TAIL = 0.005
TOLD_BY_CHANCE = 0.0075  # share of true sets with any score outside its range
TOLD_BY_CLASSIFIER = 0.0025  # share that the classifier may tell: 1 % in all
_SEED, _REDRAW_SEED = 20170603, 0x7265647261776E
_BATCH = 128
_LARGE = 1 << 24  # bytes of one score's features, from which on they lie on the disk
_SENT = 512  # images that travel to another machine with one copy of the references
_SILENT = Silent()
Features = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Sampling:
    """Median and reference range of a score over fresh sets of n true images."""

    median: float
    low: float
    high: float


@dataclass
class ReferenceDistribution:
    """The reference distributions of one task's scores; what is computed of the pool is kept.

    A score is known by its name: two with one name and different settings need a reference each.

    Attributes:
        truth: the task's exact and training-set values.
        conditional: whether the images are scored with their inputs and targets.
    """

    truth: Truth
    conditional: bool

    def __post_init__(self) -> None:
        self._features: Features = {}
        self._replicates: dict[tuple[str, int], NDArray[np.float64]] = {}

    def prepare(self, metrics: Sequence[ImageMetric], bar: Bar = quiet) -> None:
        """Take the features of several scores in one pass over the pool, block by block."""
        unknown = [
            m
            for m in metrics
            if m.reference_of(self.truth.spec) == "fresh" and m.name not in self._features
        ]
        if unknown:
            pool = true_pool(self.truth.spec)
            what = "fresh true images" if self.truth.spec.simulated else "held-out pictures"
            with bar(f"scoring {what}", len(pool), "images") as progress:
                self._features |= _joined(self._pass_over(pool, unknown, progress), len(pool))

    def _pass_over(
        self, pool: Pool | HeldOutPool, metrics: Sequence[ImageMetric], progress: Progress
    ) -> Iterator[Features]:
        k, first = len(self.truth.spec.members), 0
        before = pool[-k:].drawn
        for block in pool.blocks(max(_BATCH, k)):
            if self.conditional:
                given, second = block.triplets, block.second
            else:  # without inputs two samples are two draws of their own, of one trend
                given, drawn = None, np.concatenate([before, block.drawn])
                second, before = drawn[:-k], drawn[-k:]
            yield features_of(
                metrics, block.drawn, self.truth, given, second, _BATCH, progress, first=first
            )
            first += len(block)

    def ranges(self, metrics: Sequence[ImageMetric], own: Features, n: int) -> dict[str, Sampling]:
        """Median and reference range of each score over fresh sets of n true images.

        The ranges hold together: with v_j a score of a fresh set, m_j its median and q_j its
        99.5 % quantile (0.5 % below the median), the largest (v_j − m_j)/(q_j − m_j) exceeds c in
        0.75 % of sets, and every range is m_j ± c·(q_j − m_j). The classifier has 0.25 % more.
        Medians and quantiles are of one half of the replicates, c of the other: of the same ones
        it would be too small.

        Args:
            metrics: the scores of one card.
            own: features of the scored images, for scores whose reference is an exchange of
                labels.
            n: number of images.

        Returns:
            name to range, in the order of ``metrics``.
        """
        values = {metric.name: self._of(metric, own[metric.name], n) for metric in metrics}
        half = _REPLICATES // 2
        spreads = {name: _Spread.of(series[:half]) for name, series in values.items()}
        apart = [spreads[name].standardised(series[half:]) for name, series in values.items()]
        factor = float(np.quantile(np.max(apart, axis=0), 1 - TOLD_BY_CHANCE)) if apart else 1.0
        return {
            metric.name: spreads[metric.name].widened(
                factor * self._widening(metric, len(metrics)), metric.minimum
            )
            for metric in metrics
        }

    def _widening(self, metric: ImageMetric, scores: int) -> float:
        """What the error of an estimated spread adds to a range, see ``held_out.widening``."""
        spec = self.truth.spec
        if spec.simulated or metric.reference_of(spec) != "fresh":
            return 1.0
        return widening(metric.freedom(spec), TOLD_BY_CHANCE / (2 * scores))

    def _of(self, metric: ImageMetric, own: NDArray[np.float64], n: int) -> NDArray[np.float64]:
        """Values of a score over fresh sets, (replicates,); those of the pool computed once."""
        source = metric.reference_of(self.truth.spec)
        if source == "constant":
            return np.full(_REPLICATES, metric.ideal(self.truth))
        if source == "exchange":
            return metric.exchanged(own, _REPLICATES)
        known = self._replicates.get((metric.name, n))
        if known is None:
            known = self._replicates[metric.name, n] = self._computed(metric, n)
        return known

    def _computed(self, metric: ImageMetric, n: int) -> NDArray[np.float64]:
        self.prepare([metric])
        pooled = self._features[metric.name]
        weights = self._of_sets(n, len(pooled))
        if metric.is_estimated(self.truth.spec):  # from the pool, which is a sample too
            weights = weights - self._of_pool(len(pooled)) + 1 / len(pooled)
        drawn = means(metric, centred(metric, pooled, self.truth), weights, self.truth)
        return metric.value(drawn, count(metric, n, self.truth), self.truth)

    def _of_sets(self, n: int, pool: int) -> NDArray[np.float64]:
        """Weights of sets of n images, (replicates, pool)."""
        spec = self.truth.spec
        if not spec.simulated and self.conditional and n == pool:
            # images for inputs of one source depend as well
            return resampled_sources(spec.held_out.source, _REPLICATES, _SEED)
        return _pool_weights(n, pool, len(spec.members) if spec.simulated else 1)

    def _of_pool(self, pool: int) -> NDArray[np.float64]:
        """Weights of the pool drawn again, (replicates, pool)."""
        spec = self.truth.spec
        if spec.simulated:
            return _pool_weights(pool, pool, len(spec.members))[::-1]
        return resampled_sources(spec.held_out.source, _REPLICATES, _SEED + 1)


@dataclass(frozen=True)
class _Spread:
    """Median of a score, and how far its tails reach below and above."""

    median: float
    below: float
    above: float

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> "_Spread":
        """Of the values of fresh sets; the extremes where more than 99 % are equal."""
        low, median, high = (float(q) for q in np.quantile(values, [_TAIL, 0.5, 1 - _TAIL]))
        below = median - low or median - float(values.min())
        above = high - median or float(values.max()) - median
        return cls(median, below, above)

    def standardised(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance from the median in units of the tail on that side."""
        apart = values - self.median
        scale = np.where(apart > 0, self.above, self.below)
        return np.divide(np.abs(apart), scale, out=np.zeros_like(apart), where=scale > 0)

    def widened(self, factor: float, minimum: float) -> Sampling:
        """The range whose tails are ``factor`` times as long."""
        low, high = self.median - factor * self.below, self.median + factor * self.above
        return Sampling(self.median, max(low, minimum), high)


@lru_cache(maxsize=2)
def _pool_weights(n: int, pool: int, trends: int) -> NDArray[np.float64]:
    """Sets of n images drawn from the pool, (replicates, pool)."""
    return drawn_weights(n, pool, _REPLICATES, np.random.default_rng(_SEED), trends=trends)


def features_of(
    metrics: Sequence[ImageMetric],
    images: NDArray[np.uint8],
    truth: Truth,
    given: TripletBlocks | None,
    second: NDArray[np.uint8] | None,
    batch_size: int,
    progress: Progress = _SILENT,
    engine: Engine | None = None,
    *,
    first: int = 0,
) -> Features:
    """Per-image features of each score that applies, batch by batch.

    Args:
        metrics: which scores.
        images: (n, H, W) uint8.
        truth: the task's references.
        given: the triplets the images belong to, in the same order; None if they stand alone.
        second: another sample for each of the same inputs, if there is one.
        batch_size: images at a time.
        progress: told of each batch.
        engine: where features are taken; in this process if None.
        first: index of the first image in the set that these are a part of.

    Returns:
        name to (n, d).
    """
    size = batch_size if engine is None else max(batch_size, _SENT)
    batches = _batches(images, truth, given, second, size, first)
    tasks = (_Task(tuple(metrics), truth, batch) for batch in batches)  # one in memory at a time

    def parts() -> Iterator[Features]:
        for i, part in enumerate((engine or Here()).map(_taken, tasks)):
            yield part
            progress.advance(min(size, len(images) - i * size))
            let_go()

    return _joined(parts(), len(images))


@dataclass(frozen=True)
class _Task:
    """A batch, and the scores whose features are taken of it."""

    metrics: Sequence[ImageMetric]
    truth: Truth
    batch: Batch


def _taken(task: _Task) -> Features:
    """The features of one batch, on any machine."""
    met = at_hand(task.batch, task.truth)
    applying = (metric for metric in task.metrics if metric.needs <= met)
    return {metric.name: metric.features(task.batch, task.truth) for metric in applying}


def _joined(parts: Iterable[Features], n: int) -> Features:
    """Features of consecutive batches of n images in all, end to end."""
    joined: Features = {}
    first = 0
    for part in parts:
        rows = slice(first, first + max(map(len, part.values()), default=0))
        if not joined:
            joined = {name: _room_for(n, features) for name, features in part.items()}
        for name, room in joined.items():
            room[rows] = part[name].reshape(rows.stop - first, *room.shape[1:])
        first = rows.stop
    assert not joined or first == n
    return joined


def _room_for(n: int, features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Space for the features of n images, ordered in memory as those of a batch, (n, d).

    The order decides in which order means are summed.
    """
    if features.flags.fnc:
        return scratch((features.shape[1], n), features.dtype, large=_LARGE).T
    return scratch((n, *features.shape[1:]), features.dtype, large=_LARGE)


def _batches(
    images: NDArray[np.uint8],
    truth: Truth,
    given: TripletBlocks | None,
    second: NDArray[np.uint8] | None,
    size: int,
    first: int,
) -> Iterator[Batch]:
    for start in range(0, len(images), size):
        rows = slice(start, start + size)
        part = given[rows] if given else None
        yield Batch(
            images[rows],
            truth.spec.window,
            part.s1 if part else None,
            part.s2 if part else None,
            part.r if part else None,
            second[rows] if second is not None else None,
            _redrawn(part, start) if part else None,
            first + start,
        )


def _redrawn(given: Triplets, start: int) -> NDArray[np.uint8] | None:
    """A fresh draw of r for each triplet, from the true conditional law; None without latents."""
    if given.latent is None:
        return None
    rng = np.random.default_rng([_REDRAW_SEED, start])
    return given.spec.render_r(given.spec.redraw(given.latent, rng))
