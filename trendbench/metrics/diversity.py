"""Whether two samples for the same inputs differ as two draws of the true law do."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from trendbench.metrics.batch import THRESHOLD, Batch
from trendbench.metrics.coupling import (
    by_chance,
    chance_disagreement,
    expected_disagreement,
    inner_columns,
    inner_coverage,
    over_chance,
)
from trendbench.metrics.metric import Count, ImageMetric, Need
from trendbench.metrics.truth import COVERAGE, Truth
from trendbench.process.family import Law
from trendbench.spec import TaskSpec


class Diversity(ImageMetric):
    """How far two samples for the same inputs are from one another, relative to two true draws.

    With D the share of inner pixels in which they differ, and D₀ that of unrelated images of the
    same coverage by column, the score is (D/D₀) over its exact value. Exact are
    the process's ``disagreement`` for samples given inputs, and D = D₀ for samples that were
    drawn without any.
    """

    name = "diversity"
    version: ClassVar[int] = 2
    meaning = "disagreement of two samples for the same inputs, over chance and over the exact one"
    by_trend: ClassVar[bool] = True
    needs: ClassVar[frozenset[Need]] = frozenset({"second", "spread"})
    laws: ClassVar[frozenset[Law]] = COVERAGE | {"disagreement"}

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        assert batch.second is not None
        inner = inner_columns(truth.spec)
        second = batch.second[..., inner] < THRESHOLD
        differ = (batch.black[..., inner] != second).mean(axis=(1, 2))
        exact = expected_spread(truth.spec, conditional=batch.s1 is not None)
        coverage = (batch.density[:, inner] + second.mean(axis=1)) / 2
        return np.column_stack([differ / exact, coverage])

    def value(self, mean: NDArray[np.float64], n: Count, truth: Truth) -> NDArray[np.float64]:
        del n
        chance = chance_disagreement(mean[..., 1:], mean[..., 1:]).mean(axis=-1)
        return over_chance(mean[..., 0].mean(axis=-1), chance / by_chance(truth.spec))

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        del mean
        coverage = inner_coverage(truth.spec)
        return np.concatenate([np.ones((len(coverage), 1)), coverage], axis=1)

    def ideal(self, truth: Truth) -> float:
        del truth
        return 1.0


def expected_spread(spec: TaskSpec, *, conditional: bool) -> float:
    """Share of inner pixels in which two draws differ, for the same inputs or for none; exact."""
    if conditional:
        return expected_disagreement(spec)
    return by_chance(spec)
