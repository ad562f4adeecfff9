"""What a metric declares, and what a score is.

Most metrics are per-image features and a smooth function of their mean: θ = g(f̄) with f̄ the mean
over images of a feature vector f(image). Hence one pass over the images serves the value, its
interval (f̄ over resampled images, never pixels) and its per-image values (jackknife), for every
score alike. Features of a ``SetMetric`` depend on the whole set. The trained classifier has none.
"""

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import SerializerFunctionWrapHandler, model_serializer

from trendbench.metrics.batch import Batch
from trendbench.metrics.truth import Truth
from trendbench.process.family import Law, Process
from trendbench.storage.stated import Part, Text

MANY_SOURCES = 80  # for rare events and for variances, of which few pictures show too little
_SHOWING = 0.25  # share of the sources that the spread of such a score comes from
Direction = Literal["lower", "higher", "target"]
Count = int | NDArray[np.int64]  # of images: of all together, or of each trend
RangeSource = Literal["fresh", "exchange", "constant"]
Need = Literal[
    "inputs",  # s1 and s2 that the images were drawn from
    "target",  # the true r of the same triplets
    "hidden r",  # a true r that images may copy, and what tells a copy of it
    "second",  # another sample for the same inputs
    "training",  # the images that must not be remembered
    "black",  # a task whose images are not all white
    "trend",  # a task whose inputs have different intensities
    "rows",  # a frame of two rows or more
    "shared germs",  # a task whose images are nested, with a known survival
    "disagreement",  # a family that knows how often two draws for the same inputs differ
    "spread",  # a task in which two draws of r differ
    "set",  # all images at once
]


class Score(Part):
    """One score of one set of images.

    Attributes:
        value: measured; low, high: its 95 % interval.
        truth: its value for true images, or their median where it is sampling noise alone.
        truth_low, truth_high: the reference range. Of sets of as many fresh true images, 99 %
            have every score of their card within its range.
        unit, version: of the metric.
        estimated: whether truth is estimated from fresh simulated images, as the family of the
            task states no law that gives it.
    """

    value: float
    low: float
    high: float
    truth: float
    truth_low: float
    truth_high: float
    unit: Text
    version: int
    estimated: bool = False

    @model_serializer(mode="wrap")
    def _said_if_so(self, fields: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Scores of exact truth are written as they always were: records are known by content."""
        written: dict[str, Any] = fields(self)
        return {k: v for k, v in written.items() if k != "estimated" or v}

    def marked(self, truth: str) -> str:
        """A text of its truth, after ≈ where that is estimated."""
        return f"≈{truth}" if self.estimated else truth

    @property
    def is_within(self) -> bool:
        """Whether the value lies in the reference range."""
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
        laws: what its value for true images follows from; it is estimated where one is absent.
        minimum: no value is smaller, so no interval reaches below it.
        fewest_sources: held-out pictures of different sources without which it is not estimated.
    """

    name: ClassVar[str]
    meaning: ClassVar[str]
    unit: ClassVar[str] = "1"
    direction: ClassVar[Direction] = "target"
    version: ClassVar[int] = 1
    needs: ClassVar[frozenset[Need]] = frozenset()
    laws: ClassVar[frozenset[Law]] = frozenset()
    minimum: ClassVar[float] = -math.inf
    fewest_sources: ClassVar[int] = 2

    def is_measurable(self, process: Process) -> bool:
        """Whether there are enough held-out pictures, where true images are known by these."""
        if process.simulated or not self.is_estimated(process):
            return True
        return len(np.unique(process.held_out.source)) >= self.fewest_sources

    def freedom(self, process: Process) -> float:
        """Degrees of freedom of its spread, which held-out pictures of K sources estimate.

        K − 1, and a quarter of it for rare events and variances, to which few sources contribute.
        """
        freedom = len(np.unique(process.held_out.source)) - 1
        return max(freedom * (_SHOWING if self.fewest_sources >= MANY_SOURCES else 1.0), 1.0)

    def is_estimated(self, process: Process) -> bool:
        """Whether its value for true images is estimated from simulated ones."""
        return not self.laws <= process.laws


class ImageMetric(Metric, ABC):
    """A score g(f̄) of per-image features.

    Attributes:
        is_noise_at_truth: true images score sampling noise, not one known value.
        is_root: the score is the root of ``quadratic``, or 0 where that is negative.
        by_trend: whether ``value`` takes the mean features of each of K trends, (…, K, d), and the
            numbers of their images, (K,), in place of those of all images together.
        reference: where its reference range comes from: the scores of fresh true images, an
            exchange of labels among its own features, or the one value that every set has.
    """

    is_noise_at_truth: ClassVar[bool] = False
    is_root: ClassVar[bool] = False
    by_trend: ClassVar[bool] = False
    reference: ClassVar[RangeSource] = "fresh"

    def is_noise_on(self, process: Process) -> bool:
        """Whether true images of a process score sampling noise, not one known value."""
        del process
        return self.is_noise_at_truth

    def reference_of(self, process: Process) -> RangeSource:
        """Where its reference range comes from on a process."""
        del process
        return self.reference

    @abstractmethod
    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        """The f of each image of the batch, (b, d)."""

    def exchanged(self, features: NDArray[np.float64], replicates: int) -> NDArray[np.float64]:
        """Values under random exchange of labels, (replicates,); for that reference alone."""
        raise NotImplementedError(f"{self.name} exchanges no labels")

    def own_interval(self, features: NDArray[np.float64]) -> tuple[float, float] | None:
        """A 95 % interval in closed form; None where images are resampled."""
        del features
        return None

    def value(self, mean: NDArray[np.float64], n: Count, truth: Truth) -> NDArray[np.float64]:
        """The g of mean features (…, d) over n images, shape (…). By default the mean itself."""
        del n, truth
        return mean[..., 0]

    def quadratic(
        self, mean: NDArray[np.float64], n: Count, truth: Truth
    ) -> NDArray[np.float64] | None:
        """The squared distance that the score is, or is the root of; None for any other score."""
        del mean, n, truth
        return None

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        """Expectation of the features of true images, (d,).

        Closed forms where they are known; elsewhere ``mean``, measured on fresh true images.
        """
        del truth
        return mean

    @abstractmethod
    def ideal(self, truth: Truth) -> float:
        """Its value for true images."""


class SetMetric(ImageMetric):
    """A score whose features of an image depend on the other images of its set."""

    needs: ClassVar[frozenset[Need]] = frozenset({"set"})

    def features(self, batch: Batch, truth: Truth) -> NDArray[np.float64]:
        """Raises NotImplementedError: a batch is not the set."""
        raise NotImplementedError(f"{self.name} is a score of the whole set")

    @abstractmethod
    def features_of_set(self, images: NDArray[np.uint8], truth: Truth) -> NDArray[np.float64]:
        """The f of each image of a set (n, H, W), (n, d)."""
