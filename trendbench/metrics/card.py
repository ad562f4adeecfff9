"""The score card: every score of one set of images, beside what true images score."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trendbench.engine import Engine
from trendbench.errors import ImagesError, ScoreError, nearest
from trendbench.metrics.flags import Flag, raised, telling, verdict
from trendbench.metrics.metric import ImageMetric, Score, SetMetric
from trendbench.metrics.registry import IMAGE_METRICS
from trendbench.metrics.resampling import (
    interval,
    measured,
    per_image,
    resampled_means,
)
from trendbench.metrics.sampling import ReferenceDistribution, features_of
from trendbench.metrics.truth import Truth
from trendbench.notebook import table
from trendbench.numbers import short
from trendbench.process.triplets import TripletBlocks
from trendbench.progress import Bar, quiet
from trendbench.spec import TaskSpec

_BATCH = 128
FEWEST_IMAGES = 2


class Scores(dict[str, Score | None]):
    """Scores by metric name, in card order; ``get`` gives None where a score does not exist here.

    Raises:
        ScoreError: ``scores[name]`` of a score that does not exist here, or nowhere.
    """

    def __getitem__(self, name: str) -> Score:
        """The score of that name."""
        score = self.get(name)
        if score is not None:
            return score
        if name in self:
            raise ScoreError(
                f"{name!r} was not scored on these images: scores.get({name!r}) is None"
            )
        near = nearest(str(name), self)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(self)}"
        raise ScoreError(f"no score {name!r}: {hint}")


@dataclass(frozen=True, repr=False)
class Card:
    """What is said of one set of images.

    Attributes:
        name: whose images.
        task, data: the task and the content hash of the data file they were scored on.
        n: number of images.
        scores: by metric name, in card order.
        flags: what disqualifies the images.
        told_by: the scores that tell them from true images; of true sets, 1 % have any.
        verdict: the same in words.
        per_image: (n,) values of each score, in test order.
    """

    name: str
    task: str
    data: str
    n: int
    scores: Scores
    flags: list[Flag]
    told_by: tuple[str, ...]
    verdict: str
    per_image: dict[str, NDArray[np.float64]]

    def __repr__(self) -> str:
        flags = ", ".join(flag.name for flag in self.flags) or "none"
        xi = self.scores.get("xi_ratio")
        ratio = f"ξ/floor {short(xi.value)}, " if xi else ""
        return f"<Card {self.name!r} on {self.task}, {self.n} images: {ratio}flags {flags}>"

    def _repr_html_(self) -> str:
        """Every score with its interval beside truth, flags and verdict, for a notebook."""
        rows = [
            (
                name,
                short(score.value, 4),
                f"[{short(score.low)}, {short(score.high)}]",
                score.marked(short(score.truth)),
                f"[{short(score.truth_low)}, {short(score.truth_high)}]",
                score.unit,
            )
            for name, score in self.scores.items()
            if score is not None
        ]
        heading = f"{self.name} on {self.task}, {self.n} images, data {self.data[:8]}"
        columns = ("score", "value", "95 % interval", "truth", "reference range", "unit")
        flags = ", ".join(flag.name for flag in self.flags) or "none"
        return (
            table(heading, rows, columns)
            + f"<p>Flags: {escape(flags)}</p><p>{escape(self.verdict)}</p>"
        )

    def to_json(self) -> dict[str, Any]:
        """The machine-readable card, without the per-image values."""
        return {
            "name": self.name,
            "task": self.task,
            "data": self.data,
            "n": self.n,
            "flags": [flag.name for flag in self.flags],
            "scores": {
                name: score.model_dump() if score else None for name, score in self.scores.items()
            },
            "told_by": list(self.told_by),
            "verdict": self.verdict,
        }


def score_images(
    images: NDArray[np.uint8],
    truth: Truth,
    *,
    name: str,
    data: str,
    given: TripletBlocks | None = None,
    second: NDArray[np.uint8] | None = None,
    reference: ReferenceDistribution | None = None,
    metrics: Sequence[ImageMetric] = IMAGE_METRICS,
    bar: Bar = quiet,
    engine: Engine | None = None,
) -> Card:
    """Score images against the truth of a task.

    Args:
        images: (n, H, W) uint8 in test order, white 255.
        truth: from ``truth_of(dataset)``.
        name: what the card calls them.
        data: content hash of the data file.
        given: the triplets they were drawn for; without them the scores that look at inputs and
            targets are absent.
        second: another sample for each of the same inputs, for ``diversity``.
        reference: kept from an earlier call for the same truth, to save its preparation.
        metrics: which scores.
        bar: shows progress; nothing by default.
        engine: where features are taken; in this process if None.

    Raises:
        ImagesError: wrong type, shape or number, or fewer than two images.
    """
    expected = (truth.spec.height, truth.spec.width)
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != expected:
        raise ImagesError(
            f"images of type {images.dtype} and shape {images.shape}: needed are uint8 images "
            f"of shape (n, {expected[0]}, {expected[1]})"
        )
    n = len(images)
    if n < FEWEST_IMAGES:
        raise ImagesError(f"{n} image(s): a score needs at least {FEWEST_IMAGES}")
    if given is not None and len(given) != n:
        raise ImagesError(f"{n} images for {len(given)} triplets: one image a triplet is needed")
    if second is not None and second.shape != images.shape:
        raise ImagesError(f"a second set of shape {second.shape} beside {images.shape}")
    trends = len(truth.spec.members)
    if n % trends:
        raise ImagesError(
            f"{n} images for {trends} trends: image i has trend i modulo {trends}, and each needs "
            "as many images"
        )
    with bar("scoring", n, "images") as progress:
        features = features_of(metrics, images, truth, given, second, _BATCH, progress, engine)
    for metric in metrics:
        if isinstance(metric, SetMetric):
            features[metric.name] = metric.features_of_set(images, truth)
    reference = reference or ReferenceDistribution(truth, conditional=given is not None)
    applying = [m for m in metrics if m.name in features and m.is_measurable(truth.spec)]
    reference.prepare(applying, bar)
    ranges = reference.ranges(applying, features, n)
    own_ends = {m.name: m.own_interval(features[m.name]) for m in applying}
    others = [metric for metric in applying if own_ends[metric.name] is None]
    resampled = resampled_means(others, features, n, truth)
    scores = Scores(dict.fromkeys(metric.name for metric in metrics))
    values = {}
    for metric in applying:
        own, fresh = features[metric.name], ranges[metric.name]
        low, high = own_ends[metric.name] or interval(metric, own, resampled[metric.name], truth)
        scores[metric.name] = Score(
            value=measured(metric, own, truth),
            low=low,
            high=high,
            truth=fresh.median if metric.is_noise_on(truth.spec) else metric.ideal(truth),
            truth_low=fresh.low,
            truth_high=fresh.high,
            unit=metric.unit,
            version=metric.version,
            estimated=metric.is_estimated(truth.spec),
        )
        values[metric.name] = per_image(metric, own, truth)
    return concluded(Card(name, truth.spec.name, data, n, scores, [], (), "", values), truth.spec)


def concluded(card: Card, spec: TaskSpec) -> Card:
    """The card with the flags and the verdict that its scores earn."""
    flags = raised(card.scores, spec, card.n)
    return replace(
        card, flags=flags, told_by=telling(card.scores), verdict=verdict(card.scores, flags)
    )
