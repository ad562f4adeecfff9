"""The whole card of a set of images on a data file, the trained classifier included."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trendbench.data.dataset import Dataset
from trendbench.engine import Engine
from trendbench.errors import ImagesError
from trendbench.metrics.c2st import CLASSIFIER_METRICS, classifier_scores, must_be_trainable
from trendbench.metrics.card import Card, Scores, concluded, score_images
from trendbench.metrics.connectivity import CONNECTIVITY
from trendbench.metrics.metric import Score
from trendbench.metrics.references import truth_of
from trendbench.metrics.registry import IMAGE_METRICS
from trendbench.metrics.sampling import ReferenceDistribution
from trendbench.progress import Bar, quiet
from trendbench.spec import TaskSpec

_KEPT: dict[tuple[str, Path, bool], ReferenceDistribution] = {}  # of one data file


def must_know_trends(spec: TaskSpec, *, conditional: bool) -> None:
    """Refuse images that were drawn without inputs for a task of several trends.

    Raises:
        ImagesError: image i has trend i modulo their number, which s1 and s2 alone show.
    """
    if not conditional and len(spec.members) > 1:
        raise ImagesError(
            f"{spec.name} has {len(spec.members)} trends, and s1 and s2 show which one an image "
            "has: images drawn without them cannot be scored here"
        )


def reference_of(dataset: Dataset, conditional: bool) -> ReferenceDistribution:
    """References of a data file, kept for the next card on it: they take most of its time.

    Args:
        dataset: an open data file.
        conditional: whether the images that are judged were drawn from s1 and s2.
    """
    of_file = (dataset.sha256, dataset.path)
    if any(key[:2] != of_file for key in _KEPT):
        _KEPT.clear()
    key = (*of_file, conditional)
    if key not in _KEPT:
        truth = truth_of(dataset, conditional=conditional)
        _KEPT[key] = ReferenceDistribution(truth, conditional)
    return _KEPT[key]


def full_card(
    images: NDArray[np.uint8],
    dataset: Dataset,
    *,
    name: str,
    second: NDArray[np.uint8] | None = None,
    conditional: bool = True,
    c2st: bool = True,
    connectivity: bool = False,
    bar: Bar = quiet,
    engine: Engine | None = None,
) -> Card:
    """Score images against a data file's test split.

    Args:
        images: one for each test triplet, (n, H, W) uint8.
        dataset: an open data file.
        name: what the card calls them.
        second: another sample for the same inputs, for ``diversity``.
        conditional: whether the generator looked at s1 and s2; if not, the scores of the coupling
            are absent and the classifier sees images alone.
        c2st: whether to train the classifier.
        connectivity: whether to score clusters too, see ``connectivity.py``.
        bar: shows progress; nothing by default.
        engine: where the images are looked at; in this process if None. The classifier is trained
            here.

    Raises:
        ImagesError: the images do not fit the test split, or are too few.
    """
    conditional = conditional and dataset.spec.has_inputs
    c2st = c2st and must_be_trainable(dataset.spec, dataset.spec.test)  # before the other scores
    reference = reference_of(dataset, conditional)
    card = score_images(
        images,
        reference.truth,
        name=name,
        data=dataset.sha256,
        given=dataset.in_order("test") if conditional else None,
        second=second,
        reference=reference,
        metrics=(*IMAGE_METRICS, *CONNECTIVITY) if connectivity else IMAGE_METRICS,
        bar=bar,
        engine=engine,
    )
    found: dict[str, Score | None] = {metric.name: None for metric in CLASSIFIER_METRICS}
    if c2st:
        found |= classifier_scores(images, dataset.load("test"), conditional=conditional, bar=bar)
    return concluded(replace(card, scores=Scores(card.scores | found)), dataset.spec)
