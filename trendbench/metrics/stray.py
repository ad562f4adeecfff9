"""Black that the process cannot have made."""

from itertools import product
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from trendbench.metrics.batch import Batch
from trendbench.metrics.metric import MANY_SOURCES, Count, Direction, ImageMetric, Need, RangeSource
from trendbench.metrics.truth import Truth
from trendbench.process.family import Law, Process


class StrayError(ImageMetric):
    """Share of black that no image of the process can have, as its family finds it.

    Where a texture is made of grains it is the black that lies in no whole grain inside the black,
    exactly 0 for true images. Where the family finds no such black it is the share of lone pixels,
    black ones without a black neighbour among eight, and its truth is estimated.
    """

    name = "stray_error"
    meaning = "share of black that no whole grain inside the black accounts for"
    fewest_sources: ClassVar[int] = MANY_SOURCES
    direction: ClassVar[Direction] = "lower"
    minimum: ClassVar[float] = 0.0
    reference: ClassVar[RangeSource] = "constant"
    needs: ClassVar[frozenset[Need]] = frozenset({"black"})
    laws: ClassVar[frozenset[Law]] = frozenset({"impossible"})

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        known = "impossible" in truth.spec.laws
        stray = truth.spec.impossible(batch.black) if known else lone(batch.black)
        return np.column_stack([stray, np.count_nonzero(batch.black, axis=(1, 2))]).astype(float)

    def value(self, mean: NDArray[np.float64], n: Count, truth: Truth) -> NDArray[np.float64]:
        del n, truth
        return mean[..., 0] / np.maximum(mean[..., 1], 1e-9)

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        return mean if self.is_estimated(truth.spec) else np.array([0.0, mean[1]])

    def is_noise_on(self, process: Process) -> bool:
        return self.is_estimated(process)

    def reference_of(self, process: Process) -> RangeSource:
        return "fresh" if self.is_estimated(process) else self.reference

    def ideal(self, truth: Truth) -> float:
        del truth
        return 0.0


def lone(black: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Black pixels of each image (n, H, W) without a black neighbour among eight, (n,)."""
    height, width = black.shape[1:]
    padded = np.pad(black, ((0, 0), (1, 1), (1, 1)))
    beside = np.zeros_like(black)
    for down, across in product((0, 1, 2), repeat=2):
        if (down, across) != (1, 1):
            beside |= padded[:, down : down + height, across : across + width]
    count: NDArray[np.int64] = np.count_nonzero(black & ~beside, axis=(1, 2))
    return count
