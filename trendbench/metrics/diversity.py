"""Whether two samples for the same inputs differ as two draws of the true law do."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from trendbench import theory
from trendbench.metrics.batch import THRESHOLD, Batch
from trendbench.metrics.coupling import expected_disagreement, inner_columns
from trendbench.metrics.metric import ImageMetric, Need
from trendbench.metrics.truth import Truth
from trendbench.process.trend import TrendProcess


class Diversity(ImageMetric):
    """Share of inner pixels in which two samples differ, over the exact share for two draws.

    Exact: ``theory.conditional_disagreement`` for samples given inputs, 2p(1 − p) for samples
    that were drawn without any.
    """

    name = "diversity"
    version: ClassVar[int] = 2
    meaning = "disagreement of two samples for the same inputs over the exact one"
    needs: ClassVar[frozenset[Need]] = frozenset({"second", "spread"})

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        assert batch.second is not None
        inner = inner_columns(truth.spec)
        differ = batch.black[..., inner] != (batch.second[..., inner] < THRESHOLD)
        spread = expected_spread(truth.spec, conditional=batch.s1 is not None)
        return differ.mean(axis=(1, 2))[:, None] / spread

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        del mean, truth
        return np.ones(1)

    def ideal(self, truth: Truth) -> float:
        del truth
        return 1.0


def expected_spread(process: TrendProcess, *, conditional: bool) -> float:
    """Share of inner pixels in which two draws differ, for the same inputs or for none; exact."""
    if conditional:
        return expected_disagreement(process)
    x = theory.pixel_centres(process.width)[inner_columns(process)]
    black = theory.coverage(x, process.intensity, process.radius)
    return float((2 * black * (1 - black)).mean())
