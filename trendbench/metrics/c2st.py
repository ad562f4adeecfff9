"""A trained classifier as two scores; the network itself is in ``classifier.py``."""

import numpy as np
from numpy.typing import NDArray

from trendbench.errors import ImagesError
from trendbench.metrics.metric import Metric, Score
from trendbench.metrics.resampling import CONFIDENCE, bootstrap_weights
from trendbench.progress import Bar, quiet
from trendbench.rendering.triplets import Triplets

FEWEST_TRIPLETS = 100
_LEAST_LOGLOSS = 0.98  # what fresh draws of the oracle reach against true images
_CHANCE = 0.5
_WIDE = 2.576  # 99 % of a Gaussian


class LogLoss(Metric):
    """Mean log loss on held-out triplets over ln 2: 1 where nothing can be told apart."""

    name = "c2st_logloss"
    meaning = "held-out log loss of a trained classifier, real against generated, over ln 2"


class Accuracy(Metric):
    """Share of held-out images that are classified correctly."""

    name = "c2st_accuracy"
    meaning = "held-out accuracy of the same classifier"


LOGLOSS, ACCURACY = LogLoss.name, Accuracy.name


def must_be_enough(n: int) -> None:
    """Refuse too few triplets to train on.

    Raises:
        ImagesError: fewer than 100.
    """
    if n < FEWEST_TRIPLETS:
        raise ImagesError(
            f"{n} triplets: the classifier needs at least {FEWEST_TRIPLETS}; use --no-c2st"
        )


def classifier_scores(
    images: NDArray[np.uint8], given: Triplets, *, conditional: bool = True, bar: Bar = quiet
) -> dict[str, Score]:
    """Train the classifier and score it on the held-out triplets, as ``tell_apart`` does.

    Raises:
        ImagesError: fewer than 100 triplets.
    """
    must_be_enough(len(given))
    from trendbench.metrics.classifier import tell_apart  # torch is heavy, and not always needed

    found = tell_apart(images, given, conditional=conditional, bar=bar)
    spread = _WIDE * 0.5 / np.sqrt(2 * len(found.accuracy))
    return {
        LOGLOSS: _score(LogLoss(), found.logloss, 1.0, (_LEAST_LOGLOSS, 2 - _LEAST_LOGLOSS)),
        ACCURACY: _score(Accuracy(), found.accuracy, _CHANCE, (_CHANCE - spread, _CHANCE + spread)),
    }


def _score(
    metric: Metric, values: NDArray[np.float64], truth: float, chance: tuple[float, float]
) -> Score:
    """A mean over held-out triplets, with its interval from resampling them."""
    means = bootstrap_weights(len(values)) @ values
    tail = (1 - CONFIDENCE) / 2
    low, high = (float(q) for q in np.quantile(means, [tail, 1 - tail]))
    return Score(
        value=float(values.mean()), low=low, high=high,
        truth=truth, truth_low=float(chance[0]), truth_high=float(chance[1]),
        unit=metric.unit, version=metric.version,
    )  # fmt: skip
