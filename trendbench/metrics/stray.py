"""Black that the process cannot have made."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from trendbench.metrics.batch import Batch
from trendbench.metrics.metric import Direction, ImageMetric, Need, RangeSource
from trendbench.metrics.truth import Truth


class StrayError(ImageMetric):
    """Share of black that no image of the process can have, as its family finds it.

    Where a texture is made of grains it is the black that lies in no whole grain inside the black.
    It is exactly 0 for true images.
    """

    name = "stray_error"
    meaning = "share of black that no whole particle inside the black accounts for"
    direction: ClassVar[Direction] = "lower"
    minimum: ClassVar[float] = 0.0
    reference: ClassVar[RangeSource] = "constant"
    needs: ClassVar[frozenset[Need]] = frozenset({"black", "impossible"})

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        stray = truth.spec.impossible(batch.black)
        return np.column_stack([stray, np.count_nonzero(batch.black, axis=(1, 2))]).astype(float)

    def value(self, mean: NDArray[np.float64], n: int, truth: Truth) -> NDArray[np.float64]:
        del n, truth
        return mean[..., 0] / np.maximum(mean[..., 1], 1e-9)

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        del truth
        return np.array([0.0, mean[1]])

    def ideal(self, truth: Truth) -> float:
        del truth
        return 0.0
