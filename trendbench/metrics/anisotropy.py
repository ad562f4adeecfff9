"""Whether particles are as wide as they are high."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from trendbench import theory
from trendbench.metrics import columns
from trendbench.metrics.batch import Batch
from trendbench.metrics.metric import Count, ImageMetric, Need
from trendbench.metrics.truth import PAIRS, Truth
from trendbench.process.family import Law, Process

_LEAST = 1e-12


class AnisotropyError(ImageMetric):
    """(e_x − e_y)/(e_x + e_y) of the images minus the exact ratio.

    e_x and e_y are the probabilities that neighbours in a row and in a column differ in colour,
    over all 2×2 windows of the frame.
    """

    name = "anisotropy_error"
    meaning = "edges across less edges down, over their sum, minus the exact ratio"
    needs: ClassVar[frozenset[Need]] = frozenset({"black", "rows"})
    laws: ClassVar[frozenset[Law]] = PAIRS

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        return self.statistics(batch, truth)

    def statistics(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        """Shares of pairs in a row and in a column that differ in colour, (b, 2)."""
        del truth
        words, height = batch.words, batch.images.shape[1]
        inside = columns.shift(columns.rows_mask(height)[None, :], 1)
        left = words[:, :-1]
        pairs = (left ^ words[:, 1:], left ^ columns.shift(left, 1))
        counts = [columns.count(pair & inside).mean(axis=1) for pair in pairs]
        return np.stack(counts, axis=1) / max(height - 1, 1)

    def value(self, mean: NDArray[np.float64], n: Count, truth: Truth) -> NDArray[np.float64]:
        del n
        return _ratio(mean) - _ratio(truth.values.of_texture(self))

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        del mean
        return truth.values.of_texture(self)

    def exact(self, process: Process) -> NDArray[np.float64]:
        """Expected e_x and e_y, (2,)."""
        between, left = np.arange(1.0, process.width), theory.pixel_centres(process.width)[:-1]
        across = theory.edge_probability(process, between, along_x=True)
        down = theory.edge_probability(process, left, along_x=False)
        return np.array([across.mean(), down.mean()])

    def ideal(self, truth: Truth) -> float:
        del truth
        return 0.0


def _ratio(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    across, down = edges[..., 0], edges[..., 1]
    return np.asarray((across - down) / np.maximum(across + down, _LEAST))
