"""What a metric declares, and what a score is.

Most metrics are per-image features and a smooth function of their mean: θ = g(f̄) with f̄ the mean
over images of a feature vector f(image). Hence one pass over the images serves the value, its
interval (f̄ over resampled images, never pixels) and its per-image values (jackknife), for every
score alike. The trained classifier looks at the whole set and has no such features.
"""

import math
from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from trendbench.metrics.batch import Batch
from trendbench.metrics.truth import Truth
from trendbench.storage.stated import Part, Text

Direction = Literal["lower", "higher", "target"]
Need = Literal[
    "inputs",  # s1 and s2 that the images were drawn from
    "target",  # the true r of the same triplets
    "second",  # another sample for the same inputs
    "training",  # the training images
    "germs",  # a task whose images are not all white
    "trend",  # a task whose inputs have different intensities
    "shared germs",  # a task whose triplets share germs and differ
    "spread",  # a task in which two draws of r differ
]


class Score(Part):
    """One score of one set of images.

    Attributes:
        value: measured; low, high: its 95 % interval from resampling images.
        truth: its value for true images, or their median where it is sampling noise alone.
        truth_low, truth_high: 0.5 % and 99.5 % quantiles for as many fresh true images.
        unit, version: of the metric.
    """

    value: float
    low: float
    high: float
    truth: float
    truth_low: float
    truth_high: float
    unit: Text
    version: int

    @property
    def is_within(self) -> bool:
        """Whether the value lies in the 99 % reference range."""
        return self.truth_low <= self.value <= self.truth_high


class Metric:
    """What is declared of one score.

    Attributes:
        name: its key in records and columns.
        meaning: one line for people.
        unit: of the value; "1" for pure numbers.
        direction: whether lower, higher, or closeness to the truth's value is better.
        version: raised whenever the same images would score differently.
        needs: what the images and the task must have; without it the score does not exist.
        minimum: no value is smaller, so no interval reaches below it.
    """

    name: ClassVar[str]
    meaning: ClassVar[str]
    unit: ClassVar[str] = "1"
    direction: ClassVar[Direction] = "target"
    version: ClassVar[int] = 1
    needs: ClassVar[frozenset[Need]] = frozenset()
    minimum: ClassVar[float] = -math.inf


class ImageMetric(Metric, ABC):
    """A score g(f̄) of per-image features.

    Attributes:
        is_noise_at_truth: true images score sampling noise, not one known value.
    """

    is_noise_at_truth: ClassVar[bool] = False

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
