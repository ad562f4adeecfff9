"""The p-value of a cross-fitted classifier, by exchanging the labels within triplets.

Let s_i be the logit of the true less that of the generated image of triplet i. Given the network
of a fold and the images without their labels, an exchange flips the sign of s_i: the signs are
independent and fair where nothing tells the two apart. The statistic of fold k is the signed-rank
sum z_k = Σ_i sign(s_i)·rank|s_i| over its standard deviation under those signs, so each z_k alone
has mean 0 and variance 1, exactly.

The folds are dependent: a label of fold j is held out in z_j and trained on in z_k. For a score
that is linear in the training labels with a symmetric kernel, Cov(z_j, z_k) = 1/(F − 1) with F
folds, and no other kernel has more. Hence, over the m folds that are held out,

    Z = Σ_k z_k / √(m(1 + (m − 1)/(F − 1))),    p = 1 − Φ(Z),

which is Σ z_k/√(2F) once all are held out. The network is not linear: there the bound rests on
simulated true sets (docs/scores.md). The Gaussian tail is a limit in the number of triplets.
"""

from collections.abc import Sequence

import numpy as np
import scipy
from numpy.typing import NDArray

from trendbench.metrics.folds import FOLDS, Groups

_SMALLEST = 1e-300


def signed_rank_z(scores: NDArray[np.float64], groups: Groups) -> float:
    """Signed-rank sum of the scores s (m,) over its standard deviation under exchange; 0 if none.

    The triplets of a group are exchanged together.
    """
    ranks = np.where(scores == 0, 0.0, np.sign(scores) * scipy.stats.rankdata(np.abs(scores)))
    sums = np.bincount(groups, ranks)
    spread = np.sqrt(np.square(sums).sum())
    return float(sums.sum() / spread) if spread > 0 else 0.0


def pooled_p(z: Sequence[float]) -> float:
    """One-sided p-value of the folds held out so far, in (0, 1]."""
    m = len(z)
    pooled = sum(z) / np.sqrt(m * (1 + (m - 1) / (FOLDS - 1)))
    return max(float(scipy.special.ndtr(-pooled)), _SMALLEST)
