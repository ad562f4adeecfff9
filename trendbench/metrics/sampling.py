"""What fresh true images score at the same number of images: the reference of every score.

A pool of true triplets is simulated from a seed of its own. Each score's features are taken on
it, their mean is put where the closed forms say it is, and samples of n images are drawn from it
with replacement.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from trendbench.engine import Engine, Here
from trendbench.metrics.batch import Batch
from trendbench.metrics.metric import ImageMetric
from trendbench.metrics.needs import at_hand
from trendbench.metrics.pool import Pool, true_pool
from trendbench.metrics.truth import Truth
from trendbench.progress import Bar, Progress, Silent, quiet
from trendbench.rendering.triplets import Triplets

_REPLICATES = 1000
_SEED = 20170603
_BATCH = 128
_SENT = 512  # images that travel to another machine with one copy of the references
_SILENT = Silent()
Features = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Sampling:
    """Distribution of a score over fresh sets of n true images."""

    median: float
    low: float
    high: float
    """The median, and the 0.5 % and 99.5 % quantiles."""


@dataclass
class ReferenceDistribution:
    """The reference distributions of one task's scores; what is computed of the pool is kept.

    Attributes:
        truth: the task's exact and training-set values.
        conditional: whether the images are scored with their inputs and targets.

    A score is known by its name: two with one name and different settings need a reference each.
    """

    truth: Truth
    conditional: bool

    def __post_init__(self) -> None:
        self._features: Features = {}
        self._samplings: dict[tuple[str, int], Sampling] = {}

    def prepare(self, metrics: Sequence[ImageMetric], bar: Bar = quiet) -> None:
        """Take the features of several scores in one pass over the pool, block by block."""
        unknown = []
        for metric in metrics:
            if metric.name in self._features:
                continue
            features = metric.features_of_pool(self.truth)
            if features is None:
                unknown.append(metric)
            else:
                self._features[metric.name] = features
        if unknown:
            pool = true_pool(self.truth.spec)
            with bar("scoring fresh true images", len(pool), "images") as progress:
                self._features |= _joined(self._pass_over(pool, unknown, progress))

    def _pass_over(
        self, pool: Pool, metrics: Sequence[ImageMetric], progress: Progress
    ) -> Iterator[Features]:
        before = pool[-1:].drawn
        for block in pool.blocks(_BATCH):
            if self.conditional:
                given, second = block.triplets, block.second
            else:  # without inputs two samples are two draws of their own
                given, second = None, np.concatenate([before, block.drawn[:-1]])
                before = block.drawn[-1:]
            yield features_of(metrics, block.drawn, self.truth, given, second, _BATCH, progress)

    def sampling(self, metric: ImageMetric, n: int) -> Sampling:
        """The distribution of a score over fresh sets of n true images, computed once."""
        known = self._samplings.get((metric.name, n))
        if known is None:
            known = self._samplings[metric.name, n] = self._computed(metric, n)
        return known

    def _computed(self, metric: ImageMetric, n: int) -> Sampling:
        self.prepare([metric])
        pooled = self._features[metric.name]
        mean = pooled.mean(axis=0)
        centred = pooled - mean + metric.expected(mean, self.truth)
        values = metric.value(_pool_weights(n, len(pooled)) @ centred, n, self.truth)
        low, median, high = np.quantile(values, [0.005, 0.5, 0.995])
        return Sampling(float(median), float(low), float(high))


@lru_cache(maxsize=2)
def _pool_weights(n: int, pool: int) -> NDArray[np.float64]:
    """Sets of n images drawn from the pool with replacement, (replicates, pool), rows sum to 1."""
    rng = np.random.default_rng(_SEED)
    return rng.multinomial(n, np.full(pool, 1 / pool), size=_REPLICATES) / n


def features_of(
    metrics: Sequence[ImageMetric],
    images: NDArray[np.uint8],
    truth: Truth,
    given: Triplets | None,
    second: NDArray[np.uint8] | None,
    batch_size: int,
    progress: Progress = _SILENT,
    engine: Engine | None = None,
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
        engine: where batches are looked at; in this process if None.

    Returns:
        name to (n, d).
    """
    size = batch_size if engine is None else max(batch_size, _SENT)
    batches = _batches(images, truth, given, second, size)
    tasks = (_Look(tuple(metrics), truth, batch) for batch in batches)  # one in memory at a time
    parts = []
    for i, part in enumerate((engine or Here()).map(_look, tasks)):
        parts.append(part)
        progress.advance(min(size, len(images) - i * size))
    return _joined(parts)


@dataclass(frozen=True)
class _Look:
    """A batch, and what is to be seen in it."""

    metrics: Sequence[ImageMetric]
    truth: Truth
    batch: Batch


def _look(task: _Look) -> Features:
    """The features of one batch, on whichever machine."""
    met = at_hand(task.batch, task.truth)
    applying = (metric for metric in task.metrics if metric.needs <= met)
    return {metric.name: metric.features(task.batch, task.truth) for metric in applying}


def _joined(parts: Iterable[Features]) -> Features:
    """Features of consecutive batches, end to end."""
    lists: dict[str, list[NDArray[np.float64]]] = {}
    for part in parts:
        for name, features in part.items():
            lists.setdefault(name, []).append(features)
    return {name: np.concatenate(features) for name, features in lists.items()}


def _batches(
    images: NDArray[np.uint8],
    truth: Truth,
    given: Triplets | None,
    second: NDArray[np.uint8] | None,
    size: int,
) -> Iterator[Batch]:
    for start in range(0, len(images), size):
        rows = slice(start, start + size)
        yield Batch(
            images[rows],
            truth.spec.window,
            given.s1[rows] if given else None,
            given.s2[rows] if given else None,
            given.r[rows] if given else None,
            second[rows] if second is not None else None,
        )
