"""What fresh true images score at the same number of images: the yardstick beside every value.

A pool of true triplets is simulated from a seed of its own. Each score's features are taken on
it, their mean is put where the closed forms say it is, and samples of n images are drawn from it
with replacement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from trendbench.metrics.batch import Batch
from trendbench.metrics.metric import Metric
from trendbench.metrics.pool import true_pool
from trendbench.metrics.truth import Truth
from trendbench.rendering.triplets import Triplets

_REPLICATES = 1000
_SEED = 20170603
_BATCH = 128


@dataclass(frozen=True)
class Sampling:
    """Distribution of a score over fresh sets of n true images."""

    median: float
    low: float
    high: float
    """The median, and the 0.5 % and 99.5 % quantiles."""


@dataclass
class Yardstick:
    """The pool seen through one task's references; its features are taken once and kept.

    Attributes:
        truth: the references.
        conditional: whether the images are scored with their inputs and targets.
    """

    truth: Truth
    conditional: bool

    def __post_init__(self) -> None:
        self._features: dict[str, NDArray[np.float64]] = {}

    def sampling(self, metric: Metric, n: int) -> Sampling:
        """The distribution of a score over fresh sets of n true images."""
        if metric.name not in self._features:
            pool = true_pool(self.truth.spec)
            given = pool.triplets if self.conditional else None
            # Without inputs two samples are two draws of their own.
            second = pool.second if self.conditional else np.roll(pool.drawn, 1, axis=0)
            self._features |= features_of([metric], pool.drawn, self.truth, given, second, _BATCH)
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
    metrics: Sequence[Metric],
    images: NDArray[np.uint8],
    truth: Truth,
    given: Triplets | None,
    second: NDArray[np.uint8] | None,
    batch_size: int,
) -> dict[str, NDArray[np.float64]]:
    """Per-image features of each score that applies, batch by batch.

    Args:
        metrics: which scores.
        images: (n, H, W) uint8.
        truth: the task's references.
        given: the triplets the images belong to, in the same order; None if they stand alone.
        second: another sample for each of the same inputs, if there is one.
        batch_size: images at a time.

    Returns:
        name to (n, d).
    """
    parts: dict[str, list[NDArray[np.float64]]] = {}
    for start in range(0, len(images), batch_size):
        rows = slice(start, start + batch_size)
        batch = Batch(
            images[rows],
            truth.spec.window,
            given.s1[rows] if given else None,
            given.s2[rows] if given else None,
            given.r[rows] if given else None,
            second[rows] if second is not None else None,
        )
        for metric in metrics:
            if metric.applies(batch, truth):
                parts.setdefault(metric.name, []).append(metric.features(batch, truth))
    return {name: np.concatenate(part) for name, part in parts.items()}
