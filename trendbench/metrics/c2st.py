"""A trained classifier and a linear discriminant as three scores.

The network is in ``classifier.py``, the discriminant in ``discriminant.py``. Both compare the
true r with the generated image of the same triplet; ``c2st_p`` is one p-value for both.
"""

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from trendbench.errors import ImagesError
from trendbench.metrics.calibration import cross_calibrated, losses
from trendbench.metrics.descriptors import describe
from trendbench.metrics.discriminant import exchange_p
from trendbench.metrics.folds import FOLDS, copies, joined
from trendbench.metrics.metric import Direction, Metric, Score
from trendbench.metrics.resampling import TAIL, bootstrap_weights
from trendbench.metrics.sampling import TOLD_BY_CLASSIFIER
from trendbench.metrics.votes import wilson
from trendbench.process.family import Process
from trendbench.process.triplets import Triplets
from trendbench.progress import Bar, quiet, say

FEWEST_TRIPLETS = 100
FEWEST_SOURCES = 2 * FOLDS  # of pictures: tiles of one source lie in one fold
_CHANCE = 0.5
_WIDE_Z = 2.576  # 99 % of a Gaussian
_CHI_SQUARED = 10.597  # its 99.5 % quantile with 2 degrees of freedom: slope and offset
_CROSS_FITTED = 2.0  # variance that dependent folds add, see ``exchange.py``


class LogLoss(Metric):
    """Mean log loss on held-out triplets over ln 2: 1 where nothing can be told apart."""

    name = "c2st_logloss"
    meaning = "held-out log loss of a trained classifier, real against generated, over ln 2"
    version: ClassVar[int] = 2


class Accuracy(Metric):
    """Share of held-out images that are classified correctly."""

    name = "c2st_accuracy"
    meaning = "held-out accuracy of the same classifier"
    version: ClassVar[int] = 2


class PValue(Metric):
    """Twice the smaller of two p-values by exchange of labels within triplets, at most 1.

    One is of the classifier (``exchange.py``), its spread under exchange an upper bound; the other
    of the linear discriminant (``discriminant.py``), exact. The factor of 2 (Bonferroni) holds
    for any dependence of the two. For true images P(p ≤ α) ≤ α, nearly equal for small α.
    """

    name = "c2st_p"
    meaning = "p-value of classifier and linear discriminant, labels exchanged within triplets"
    direction: ClassVar[Direction] = "higher"


LOGLOSS, ACCURACY, P_VALUE = LogLoss.name, Accuracy.name, PValue.name
CLASSIFIER_METRICS: tuple[Metric, ...] = (LogLoss(), Accuracy(), PValue())


def must_be_enough(n: int) -> None:
    """Refuse too few triplets to train on.

    Raises:
        ImagesError: fewer than 100.
    """
    if n < FEWEST_TRIPLETS:
        raise ImagesError(
            f"{n} triplets: the classifier needs at least {FEWEST_TRIPLETS}; use --no-c2st"
        )


def must_be_trainable(spec: Process, n: int) -> bool:
    """Whether n triplets suffice; too few pictures leave the scores out, and a line says so.

    Raises:
        ImagesError: fewer than 100 triplets of a task that can be simulated.
    """
    if spec.simulated:
        must_be_enough(n)
        return True
    sources = len(np.unique(spec.held_out.source))
    if n >= FEWEST_TRIPLETS and sources >= FEWEST_SOURCES:
        return True
    say(
        f"no classifier: it needs {FEWEST_TRIPLETS} test pictures of {FEWEST_SOURCES} sources, and "
        f"there are {n} of {sources}"
    )
    return False


def classifier_scores(
    images: NDArray[np.uint8], given: Triplets, *, conditional: bool = True, bar: Bar = quiet
) -> dict[str, Score]:
    """Cross-fit the classifier and the discriminant; score them on the held-out triplets.

    Args:
        images: generated, (n, H, W) uint8, one for each triplet.
        given: the triplets, whose r are the true images.
        conditional: whether (s1, s2, image) are compared or the image alone.
        bar: shows progress; nothing by default.

    Raises:
        ImagesError: fewer than 100 triplets.
    """
    must_be_enough(len(given))
    from trendbench.metrics.classifier import tell_apart  # torch is heavy, and not always needed

    groups = copies(images)
    if not given.spec.simulated:
        groups = joined(groups, given.spec.held_out.source)
    found = tell_apart(images, given, groups, conditional=conditional, bar=bar)
    true, generated = (describe(x, given, conditional=conditional) for x in (given.r, images))
    p = min(1.0, 2 * min(found.p, exchange_p(true - generated, groups)))
    logits = cross_calibrated(found.logits)
    return {
        LOGLOSS: _logloss(losses(logits) / math.log(2)),
        ACCURACY: _accuracy(_correct(logits)),
        P_VALUE: _score(PValue(), p, (p, p), _CHANCE, (TOLD_BY_CLASSIFIER, 1.0)),
    }


def _correct(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the two images of a triplet that is classified correctly, (m,)."""
    signed = logits * [1, -1]  # true images are class 1
    share: NDArray[np.float64] = ((signed > 0) + 0.5 * (signed == 0)).mean(axis=1)
    return share


def _logloss(values: NDArray[np.float64]) -> Score:
    """The mean, at most 1, with its interval from resampling triplets.

    Calibrated on all m triplets, true images would gain χ²/(4m) nat an image by chance, χ² with 2
    degrees of freedom (Wilks); the reference range is twice as wide for the folds' dependence.
    """
    m = len(values)
    low, high = np.quantile(bootstrap_weights(m) @ values, [TAIL, 1 - TAIL])
    gain = _CROSS_FITTED * _CHI_SQUARED / (4 * m * math.log(2))
    value = min(1.0, float(values.mean()))
    interval = min(value, float(low)), min(1.0, float(high))
    return _score(LogLoss(), value, interval, 1.0, (max(0.0, 1 - gain), 1.0))


def _accuracy(correct: NDArray[np.float64]) -> Score:
    """The mean with Wilson's interval, of triplets as the two images of one may depend.

    For true images the share of a triplet has variance at most ¼, and dependent folds double the
    variance of the mean.
    """
    m, value = len(correct), float(correct.mean())
    spread = _WIDE_Z * math.sqrt(_CROSS_FITTED * _CHANCE**2 / m)
    chance = max(0.0, _CHANCE - spread), min(1.0, _CHANCE + spread)
    return _score(Accuracy(), value, wilson(value, m), _CHANCE, chance)


def _score(
    metric: Metric,
    value: float,
    interval: tuple[float, float],
    truth: float,
    chance: tuple[float, float],
) -> Score:
    return Score(
        value=value, low=interval[0], high=interval[1],
        truth=truth, truth_low=chance[0], truth_high=chance[1],
        unit=metric.unit, version=metric.version,
    )  # fmt: skip
