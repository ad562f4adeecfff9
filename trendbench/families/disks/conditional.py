"""The true conditional law of r, given the germs of s1 and s2.

Under ``thinning`` a germ's mark is known up to its class: germs of the sparser input have
m·λ_max in [0, λ_sparse), those of the denser input alone in [λ_sparse, λ_dense). The mark is drawn
again uniformly within its class. A new Poisson set is added for the class [λ_dense, λ_max), which
neither input shows. A germ belongs to r iff m·λ_max < λ(x). Inside the frame this keeps all germs
of the sparser input, and each further germ of the denser one with probability ρ(x).

Under ``independent`` r does not depend on the inputs, and a new r is drawn.
"""

import numpy as np
from numpy.typing import NDArray

from trendbench.families.disks.germs import IN_R, IN_S1, IN_S2, Germs
from trendbench.families.disks.intensity import LinearIntensity
from trendbench.families.disks.process import Disks


def redraw_r(
    process: Disks,
    germs: Germs,
    rng: np.random.Generator,
    *,
    trend: LinearIntensity | None = None,
) -> Germs:
    """Draw r again for each triplet, from the positions of the germs of s1 and s2 alone.

    Args:
        process: the task.
        germs: of n triplets; marks and membership in r are not used.
        rng: source of the new marks and germs.
        trend: another trend for r, nowhere above the process's largest intensity; the process's
            own if None.

    Returns:
        Germs of n images, ``member`` being bit 2 throughout.
    """
    lam = process.intensity
    trend = trend or lam
    _, most = lam.extremes(process.radius)
    if process.coupling == "independent":
        return _thinned(trend, most, len(germs), *_fresh(process, len(germs), 0.0, most, rng))
    sparse, dense = sorted((lam.left, lam.right))
    sparse_bit, dense_bit = (IN_S1, IN_S2) if lam.left <= lam.right else (IN_S2, IN_S1)
    in_sparse = (germs.member & sparse_bit) != 0
    shown = in_sparse | ((germs.member & dense_bit) != 0)
    low = np.where(in_sparse, 0.0, sparse)
    high = np.where(in_sparse, sparse, dense)
    level = low + (high - low) * rng.random(low.size)
    known = (germs.x[shown], germs.y[shown], level[shown], _owners(germs)[shown])
    fresh = _fresh(process, len(germs), dense, most, rng)
    columns = [np.concatenate(pair) for pair in zip(known, fresh, strict=True)]
    return _thinned(trend, most, len(germs), *columns)


def _fresh(
    process: Disks, n: int, low: float, high: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Poisson germs of n triplets whose level m·λ_max is uniform in [low, high)."""
    counts = rng.poisson((high - low) * process.dilated_area, n)
    total, margin = int(counts.sum()), process.radius
    x = rng.uniform(-margin, process.width + margin, total)
    y = rng.uniform(-margin, process.height + margin, total)
    return x, y, rng.uniform(low, high, total), np.repeat(np.arange(n), counts)


def _thinned(
    trend: LinearIntensity,
    most: float,
    n: int,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    level: NDArray[np.float64],
    owner: NDArray[np.int64],
) -> Germs:
    """The germs whose level lies below the trend, laid end to end by triplet."""
    kept = np.flatnonzero(level < trend(x))
    kept = kept[np.argsort(owner[kept], kind="stable")]
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owner[kept], minlength=n))])
    member = np.full(kept.size, IN_R, dtype=np.uint8)
    return Germs(offsets, x[kept], y[kept], level[kept] / most, member)


def _owners(germs: Germs) -> NDArray[np.int64]:
    """The triplet of each germ."""
    return np.repeat(np.arange(len(germs)), np.diff(germs.offsets))
