"""The whole card of a set of images on a data file, the trained classifier included."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trendbench.data.dataset import Dataset
from trendbench.engine import Engine
from trendbench.metrics.card import Card, Score, Scores, score_images
from trendbench.metrics.flags import verdict
from trendbench.metrics.references import truth_of
from trendbench.metrics.resampling import CONFIDENCE, bootstrap_weights
from trendbench.progress import Bar, quiet

C2ST_LOGLOSS, C2ST_ACCURACY = "c2st_logloss", "c2st_accuracy"
C2ST_VERSIONS = {C2ST_LOGLOSS: 1, C2ST_ACCURACY: 1}
_LEAST_LOGLOSS = 0.98  # what fresh draws of the oracle reach against true images
_CHANCE = 0.5
_WIDE = 2.576  # 99 % of a Gaussian


def full_card(
    images: NDArray[np.uint8],
    dataset: Dataset,
    *,
    name: str,
    second: NDArray[np.uint8] | None = None,
    conditional: bool = True,
    c2st: bool = True,
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
        bar: shows progress; nothing by default.
        engine: where the images are looked at; in this process if None. The classifier is trained
            here.

    Raises:
        ImagesError: the images do not fit the test split, or are too few.
    """
    test = dataset.load("test")
    if c2st:
        # torch is heavy, and not always needed
        from trendbench.metrics.classifier import must_be_enough, tell_apart

        must_be_enough(len(test))  # refused now, not after the other scores
    card = score_images(
        images,
        truth_of(dataset),
        name=name,
        data=dataset.sha256,
        given=test if conditional else None,
        second=second,
        bar=bar,
        engine=engine,
    )
    if not c2st:
        return replace(card, scores=Scores(card.scores | dict.fromkeys(C2ST_VERSIONS)))
    found = tell_apart(images, test, conditional=conditional, bar=bar)
    m = len(found.logloss)
    spread = _WIDE * 0.5 / np.sqrt(2 * m)
    logloss_range = (_LEAST_LOGLOSS, 2 - _LEAST_LOGLOSS)
    accuracy_range = (_CHANCE - spread, _CHANCE + spread)
    scores = Scores(card.scores)
    scores[C2ST_LOGLOSS] = _score(C2ST_LOGLOSS, found.logloss, 1.0, logloss_range)
    scores[C2ST_ACCURACY] = _score(C2ST_ACCURACY, found.accuracy, _CHANCE, accuracy_range)
    return replace(card, scores=scores, verdict=verdict(scores, card.flags))


def _score(
    name: str, values: NDArray[np.float64], truth: float, chance: tuple[float, float]
) -> Score:
    """A mean over held-out triplets, with its interval from resampling them."""
    means = bootstrap_weights(len(values)) @ values
    tail = (1 - CONFIDENCE) / 2
    low, high = (float(q) for q in np.quantile(means, [tail, 1 - tail]))
    return Score(
        float(values.mean()), low, high, truth, *chance, unit="1", version=C2ST_VERSIONS[name]
    )
