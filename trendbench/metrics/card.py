"""The score card: every score of one set of images, beside its value for truth."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trendbench.errors import ImagesError
from trendbench.metrics.batch import Batch
from trendbench.metrics.grey import GreyFraction
from trendbench.metrics.metric import Metric
from trendbench.metrics.resampling import bootstrap_weights, interval, per_image
from trendbench.metrics.truth import Truth
from trendbench.metrics.xi import Xi, XiBias, XiBinary, XiRatio, XiVarianceRatio

METRICS: tuple[Metric, ...] = (
    Xi(),
    XiRatio(),
    XiBias(),
    XiVarianceRatio(),
    XiBinary(),
    GreyFraction(),
)
_BATCH = 128
_FEWEST_IMAGES = 2


@dataclass(frozen=True)
class Score:
    """One score with its 95 % interval, its value for true images, and what it is."""

    value: float
    low: float
    high: float
    truth: float
    unit: str
    version: int


@dataclass(frozen=True)
class Card:
    """What ``trendbench score`` says of one set of images.

    Attributes:
        name: whose images.
        task, data: the task and the content hash of the data file they were scored on.
        n: number of images.
        scores: by metric name, in card order.
        per_image: (n,) values of each score, in test order.
    """

    name: str
    task: str
    data: str
    n: int
    scores: dict[str, Score]
    per_image: dict[str, NDArray[np.float64]]

    def to_json(self) -> dict[str, Any]:
        """The machine-readable card, without the per-image values."""
        return {
            "name": self.name,
            "task": self.task,
            "data": self.data,
            "n": self.n,
            "scores": {name: asdict(score) for name, score in self.scores.items()},
        }


def score_images(
    images: NDArray[np.uint8],
    truth: Truth,
    *,
    name: str,
    data: str,
    metrics: Sequence[Metric] = METRICS,
) -> Card:
    """Score images against the truth of a task.

    Args:
        images: (n, H, W) uint8 in test order, white 255.
        truth: from ``truth_of(dataset)``.
        name: what the card calls them.
        data: content hash of the data file.
        metrics: which scores.

    Raises:
        ImagesError: wrong type or shape, or fewer than two images.
    """
    expected = (truth.spec.height, truth.spec.width)
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != expected:
        raise ImagesError(
            f"images of type {images.dtype} and shape {images.shape}: needed are uint8 images "
            f"of shape (n, {expected[0]}, {expected[1]})"
        )
    n = len(images)
    if n < _FEWEST_IMAGES:
        raise ImagesError(f"{n} image(s): a score needs at least {_FEWEST_IMAGES}")
    parts: list[list[NDArray[np.float64]]] = [[] for _ in metrics]
    for start in range(0, n, _BATCH):
        batch = Batch(images[start : start + _BATCH], truth.spec.window)
        for metric, part in zip(metrics, parts, strict=True):
            part.append(metric.features(batch, truth))
    weights = bootstrap_weights(n)
    scores, values = {}, {}
    for metric, part in zip(metrics, parts, strict=True):
        features = np.concatenate(part)
        low, high = interval(metric, features, weights, truth)
        value = float(metric.value(features.mean(axis=0), n, truth))
        scores[metric.name] = Score(
            value, low, high, metric.ideal(truth), metric.unit, metric.version
        )
        values[metric.name] = per_image(metric, features, truth)
    return Card(name, truth.spec.name, data, n, scores, values)
