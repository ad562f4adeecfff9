"""Whether the images are black and white at all."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from trendbench.metrics.batch import Batch
from trendbench.metrics.metric import Direction, ImageMetric, RangeSource
from trendbench.metrics.truth import Truth

DARKEST, LIGHTEST = 26, 229  # a tenth of the scale away from either end
MOST_GREY = 0.01  # share of pixels beyond which the flag is raised


class GreyFraction(ImageMetric):
    """Share of pixels with a value in 26 … 229."""

    name = "grey_fraction"
    meaning = "share of pixels that are neither black nor white"
    direction: ClassVar[Direction] = "lower"
    reference: ClassVar[RangeSource] = "constant"

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        del truth
        grey = (batch.images >= DARKEST) & (batch.images <= LIGHTEST)
        return grey.mean(axis=(1, 2))[:, None]

    def ideal(self, truth: Truth) -> float:
        del truth
        return 0.0
