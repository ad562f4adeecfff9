"""Scores by exchangeability: votes whose signs are symmetric for images drawn without either set.

Each image casts a vote +1, 0 or −1: for one of two sets that are equal in law, or for neither. The
score is the mean vote. If the images do not depend on either set, exchanging the two sets' labels,
one reference image at a time, leaves the law of the votes as it is. The reference distribution is
therefore that of Σ_j ε_j m_j / n with m_j the net votes on reference j and independent signs ε_j.
No assumption is made about the images.

Source: Good, Permutation, Parametric and Bootstrap Tests of Hypotheses (2005), section 3.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from trendbench.metrics.metric import Direction, ImageMetric, RangeSource
from trendbench.metrics.truth import Truth

TIE = 1e-6  # squared distances that differ by less are equal
_SEED = 20170606
_AT_ONCE = 100  # exchanges
_GAUSSIAN = 1.959964
VOTE, REFERENCE = 0, 1  # columns of the features


class VoteMetric(ImageMetric):
    """Mean vote of images, each for one of two sets equal in law.

    The features are (vote, index of the reference that it falls on), or the vote alone where each
    image has references of its own.
    """

    direction: ClassVar[Direction] = "lower"
    reference: ClassVar[RangeSource] = "exchange"

    def ideal(self, truth: Truth) -> float:
        del truth
        return 0.0

    def expected(self, mean: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
        del truth
        return np.zeros_like(mean)

    def exchanged(self, features: NDArray[np.float64], replicates: int) -> NDArray[np.float64]:
        """Scores under random exchanges of the labels, (replicates,)."""
        net: NDArray[np.float64] = features[:, VOTE]
        if features.shape[1] > REFERENCE:
            _, owner = np.unique(features[:, REFERENCE], return_inverse=True)
            net = np.bincount(owner, weights=net).astype(np.float64)
        net = net[net != 0]
        rng, exchanged = np.random.default_rng(_SEED), np.empty(replicates)
        for start in range(0, replicates, _AT_ONCE):
            part = exchanged[start : start + _AT_ONCE]
            signs = rng.integers(0, 2, (len(part), len(net))) * 2 - 1
            part[:] = signs @ net / len(features)
        return exchanged

    def own_interval(self, features: NDArray[np.float64]) -> tuple[float, float] | None:
        """95 % interval of a difference of two shares.

        Source: Newcombe, Interval estimation for the difference between independent proportions,
        Statistics in Medicine 17, 873 (1998), method 10, from Wilson's intervals.
        """
        n = len(features)
        votes = features[:, VOTE]
        for_, against = float((votes > 0).mean()), float((votes < 0).mean())
        (low_f, high_f), (low_a, high_a) = wilson(for_, n), wilson(against, n)
        value = for_ - against
        below = np.hypot(for_ - low_f, high_a - against)
        above = np.hypot(high_f - for_, against - low_a)
        return max(-1.0, float(value - below)), min(1.0, float(value + above))


def wilson(share: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of n."""
    z2 = _GAUSSIAN**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _GAUSSIAN * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return float(max(0.0, centre - half)), float(min(1.0, centre + half))


def votes(
    first: NDArray[np.float32],
    on_first: NDArray[np.int64],
    second: NDArray[np.float32],
    on_second: NDArray[np.int64],
) -> NDArray[np.float64]:
    """The features of votes for the nearer of two sets.

    A vote goes to the set at less than half the other's squared distance.

    Args:
        first: squared distances to the nearest reference of the first set, (n,).
        on_first: index of that reference, (n,).
        second: the same of the second set.
        on_second: the same of the second set.

    Returns:
        Vote, and index of the reference it falls on, negative in the second set: (n, 2).
    """
    vote = (first + TIE < second / 2).astype(float) - (second + TIE < first / 2)
    return np.column_stack([vote, np.where(vote >= 0, on_first, -1 - on_second)])
