"""What a score is: per-image features, and a smooth function of their mean.

Every score θ = g(f̄) with f̄ the mean over images of a feature vector f(image). Hence one pass
over the images serves the value, its interval (f̄ over resampled images, never pixels) and its
per-image values (jackknife), for every score alike.
"""

import math
from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from trendbench.metrics.batch import Batch
from trendbench.metrics.truth import Truth

Direction = Literal["lower", "higher", "target"]


class Metric(ABC):
    """One score.

    Attributes:
        name: its key in records and columns.
        meaning: one line for people.
        unit: of the value; "1" for pure numbers.
        direction: whether lower, higher, or closeness to the truth's value is better.
        version: raised whenever the same images would score differently.
        is_noise_at_truth: true images score sampling noise, not one known value.
        minimum: no value is smaller, so no interval reaches below it.
    """

    name: ClassVar[str]
    meaning: ClassVar[str]
    unit: ClassVar[str] = "1"
    direction: ClassVar[Direction] = "target"
    version: ClassVar[int] = 1
    is_noise_at_truth: ClassVar[bool] = False
    minimum: ClassVar[float] = -math.inf

    def applies(self, batch: Batch, truth: Truth) -> bool:
        """Whether the score exists for this task and for what the batch carries."""
        del batch, truth
        return True

    @abstractmethod
    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        """The f of each image of the batch, (b, d)."""

    def features_of_pool(self, truth: Truth) -> NDArray[np.float64] | None:
        """The same of the pool of fresh true images, where the score knows them already."""
        del truth
        return None

    def value(self, mean: NDArray[np.float64], n: int, truth: Truth) -> NDArray[np.float64]:
        """The g of mean features (…, d) over n images, shape (…). By default the mean itself."""
        del n, truth
        return mean[..., 0]

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        """Expectation of the features of true images, (d,).

        Closed forms where they are known; elsewhere ``mean``, measured on fresh true images.
        """
        del truth
        return mean

    @abstractmethod
    def ideal(self, truth: Truth) -> float:
        """Its value for true images."""
