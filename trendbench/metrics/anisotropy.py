"""Whether particles are round: edges along the four directions of the grid."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from trendbench import theory
from trendbench.metrics import columns
from trendbench.metrics.batch import Batch
from trendbench.metrics.metric import Need
from trendbench.metrics.texture import TextureMetric
from trendbench.metrics.truth import Truth
from trendbench.process.trend import TrendProcess

_LEAST = 1e-12


class AnisotropyError(TextureMetric):
    """Error of the ratio of edges across and down, and of edges along the two diagonals.

    With e the probabilities that neighbours differ in colour, the two ratios are
    (e_x − e_y)/(e_x + e_y) and (e_↘ − e_↙)/(e_↘ + e_↙). The score is the root mean square of
    their differences from the exact ratios, the second of which is 0 by symmetry.
    """

    name = "anisotropy_error"
    meaning = "error of the ratio of edges along x and y, and along the diagonals"
    needs: ClassVar[frozenset[Need]] = frozenset({"germs"})

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        del truth
        words, height = batch.words, batch.images.shape[1]
        down = columns.shift(words, 1)
        inside = columns.shift(columns.rows_mask(height)[None, :], 1)
        a, b, c, d = words[:, :-1], words[:, 1:], down[:, :-1], down[:, 1:]
        pairs = (a ^ b, a ^ c, a ^ d, b ^ c)
        counts = [columns.count(pair & inside).mean(axis=1) for pair in pairs]
        return np.stack(counts, axis=1) / max(height - 1, 1)

    def exact(self, process: TrendProcess) -> NDArray[np.float64]:
        lam, radius = process.intensity, process.radius
        inner, left = np.arange(1.0, process.width), theory.pixel_centres(process.width)[:-1]
        across = theory.edge_probability(inner, lam, radius, along_x=True).mean()
        down = theory.edge_probability(left, lam, radius, along_x=False).mean()
        return np.array([across, down, 1.0, 1.0])

    def value(self, mean: NDArray[np.float64], n: int, truth: Truth) -> NDArray[np.float64]:
        del n
        apart = _ratios(mean) - _ratios(self.exact(truth.spec))
        return np.sqrt(np.square(apart).mean(axis=-1))

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        exact = self.exact(truth.spec)
        exact[2:] = mean[2:].mean()
        return exact


def _ratios(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """The two ratios, (…, 4) to (…, 2)."""
    one, other = edges[..., ::2], edges[..., 1::2]
    ratios: NDArray[np.float64] = (one - other) / np.maximum(one + other, _LEAST)
    return ratios
