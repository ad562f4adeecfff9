"""Whether two samples for the same inputs differ as two draws of the true law do."""

import numpy as np
from numpy.typing import NDArray

from trendbench import theory
from trendbench.metrics.batch import THRESHOLD, Batch
from trendbench.metrics.coupling import expected_disagreement, inner_columns
from trendbench.metrics.metric import Metric
from trendbench.metrics.truth import Truth


class Diversity(Metric):
    """Share of inner pixels in which two samples differ, over the exact share for two draws.

    Exact: ``theory.conditional_disagreement`` for samples given inputs, 2p(1 − p) for samples
    that were drawn without any.
    """

    name = "diversity"
    meaning = "disagreement of two samples for the same inputs over the exact one"

    def applies(self, batch: Batch, truth: Truth) -> bool:
        return batch.second is not None and _expected(batch, truth) > 0

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        assert batch.second is not None
        inner = inner_columns(truth.spec)
        differ = batch.black[..., inner] != (batch.second[..., inner] < THRESHOLD)
        return differ.mean(axis=(1, 2))[:, None] / _expected(batch, truth)

    def ideal(self, truth: Truth) -> float:
        del truth
        return 1.0


def _expected(batch: Batch, truth: Truth) -> float:
    if batch.s1 is not None:
        return expected_disagreement(truth.spec)
    x = theory.pixel_centres(truth.spec.width)[inner_columns(truth.spec)]
    black = theory.coverage(x, truth.spec.intensity, truth.spec.radius)
    return float((2 * black * (1 - black)).mean())
