"""A linear discriminant of true and generated images, and its exact p-value.

With d_i the descriptors of the true r less those of the generated image of triplet i, and M the
shrunk second moment of the d_i about zero, the statistic is Hotelling's

    T(ε) = (Σ_i ε_i d_i)ᵀ M⁻¹ (Σ_i ε_i d_i),    ε = 1.

To exchange the labels within triplet i turns d_i into −d_i, which leaves M as it is. So a refit
under exchanged labels costs two matrix products, and p = (1 + #{T(ε) ≥ T(1)})/(1 + B) over B
random ε is exact at any number of images and of descriptors: P(p ≤ α) ≤ α where true and generated
images are exchangeable given the inputs.

Sources: Phipson & Smyth, Permutation p-values should never be zero (2010); Ledoit & Wolf, A
well-conditioned estimator for large-dimensional covariance matrices (2004).
"""

import numpy as np
from numpy.typing import NDArray

from trendbench.metrics.folds import Groups

EXCHANGES = 9999
_BLOCK = 1000
_SEED = 20170606
_ROUNDING = 1e-9
Matrix = NDArray[np.float64]


def exchange_p(
    differences: Matrix, groups: Groups, *, exchanges: int = EXCHANGES, seed: int = _SEED
) -> float:
    """p-value of T under exchange of labels.

    Args:
        differences: d, (n, p): descriptors of the true less those of the generated image.
        groups: (n,); the triplets of a group are exchanged together.
        exchanges: B, how many ε are drawn.
        seed: of the ε.
    """
    scale = np.sqrt(np.square(differences).mean(axis=0))
    used = differences[:, scale > 0] / scale[scale > 0]
    if not used.size:
        return 1.0
    whitening = np.linalg.inv(np.linalg.cholesky(shrunk_second_moment(used)))
    sums = np.zeros((groups.max() + 1, used.shape[1]))
    np.add.at(sums, groups, used @ whitening.T)
    observed = np.square(sums.sum(axis=0)).sum() * (1 - _ROUNDING)
    rng = np.random.default_rng(seed)
    reached = 0
    for start in range(0, exchanges, _BLOCK):
        shape = (min(_BLOCK, exchanges - start), len(sums))
        signs = 2.0 * rng.integers(0, 2, shape, dtype=np.int8) - 1
        reached += int(np.count_nonzero(np.square(signs @ sums).sum(axis=1) >= observed))
    return (1 + reached) / (1 + exchanges)


def shrunk_second_moment(x: Matrix) -> Matrix:
    """Ledoit–Wolf estimate of E x xᵀ from x (n, p): (1 − s)·S + s·μ·I, (p, p).

    S = (1/n) Σ x xᵀ, μ = tr S/p, s = min(b, d)/d with d = ‖S − μI‖² and
    b = (1/n²) Σ_i ‖x_i x_iᵀ − S‖² (Frobenius).
    """
    n, p = x.shape
    moment: Matrix = x.T @ x / n
    mean = np.trace(moment) / p
    apart = np.square(moment - mean * np.eye(p)).sum()
    spread = (np.square(np.square(x).sum(axis=1)).mean() - np.square(moment).sum()) / n
    share = min(spread / apart, 1.0) if apart > 0 else 1.0
    shrunk: Matrix = (1 - share) * moment + share * mean * np.eye(p)
    return shrunk
