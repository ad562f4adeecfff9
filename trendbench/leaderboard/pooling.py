"""A score of one row over its seeds: mean and interval from variance components.

Image i of every seed is drawn for the same triplet, so seeds and images are crossed:
y[s, i] = θ + a[s] + b[i] + e[s, i] with independent effects of seeds, of images and of both. The
mean over S seeds and n images has the variance

    σ_a²/S + (σ_b² + σ_e²/S)/n.

Few seeds say little of σ_a², so its part of the interval takes Student's t with S − 1 degrees of
freedom. Half-widths of the two parts add in squares (Zou and Donner, Statistics in Medicine 27,
2008, 1693–1702). Intervals from resampling two seeds cover 0.78 in place of 0.95 where σ_a is three
standard errors of the images, and 0.63 where it is ten.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import scipy
from numpy.typing import NDArray

from trendbench.metrics.registry import METRICS
from trendbench.metrics.resampling import TAIL
from trendbench.results.store import StoredRecord


@dataclass(frozen=True, eq=False)
class Estimate:
    """A score of one row.

    Attributes:
        value: mean over seeds.
        image_variance: part of its variance that images contribute.
        seed_variance: part that seeds contribute; 0 for one seed, which does not show it.
        seeds: number S of seeds.
        table: (S, n) values by seed and test image; None where there are none.
    """

    value: float
    image_variance: float
    seed_variance: float = 0.0
    seeds: int = 1
    table: NDArray[np.float64] | None = None

    @property
    def half_width(self) -> float:
        """Half the 95 % interval."""
        return float(half_width(TAIL, self.image_variance, [(self.seed_variance, self.seeds)]))


def estimate(group: Sequence[StoredRecord], score: str) -> Estimate | None:
    """The estimate of a score from the records of a row, one a seed; None where a seed lacks it.

    Without values by image, or with seeds that were scored on different numbers of images, the
    images' part is the mean of the seeds' own half-widths, which holds for any dependence.
    """
    found = [stored.record.scores.get(score) for stored in group]
    known = [entry for entry in found if entry is not None]
    if len(known) < len(group):
        return None
    value = float(np.mean([entry.value for entry in known]))
    table = by_seed(group, score)
    if table is not None:
        return estimate_of(table, value)
    half = float(np.mean([(entry.high - entry.low) / 2 for entry in known]))
    seeds = len(known)
    between = float(np.var([entry.value for entry in known], ddof=1)) / seeds if seeds > 1 else 0.0
    return Estimate(value, (half / NormalDist().inv_cdf(TAIL)) ** 2, between, seeds)


def by_seed(group: Sequence[StoredRecord], score: str) -> NDArray[np.float64] | None:
    """The score by seed and test image, (S, n); None where seeds lack it or differ in n."""
    series = [stored.per_image().get(score) for stored in group]
    found = [values for values in series if values is not None]
    if len(found) < len(series) or len({len(values) for values in found}) > 1:
        return None
    return np.stack(found)


def estimate_of(table: NDArray[np.float64], value: float | None = None) -> Estimate:
    """The variance components of values by seed and image.

    With ȳ the means: images contribute Var_i(ȳ[i])/n. Seeds contribute σ_a²/S, where σ_a² is
    Var_s(ȳ[s]) less the share σ_e²/n of single images, and at least 0.

    Args:
        table: (S, n), n ≥ 2.
        value: in place of the mean of the table.
    """
    seeds, n = table.shape
    of_seeds, of_images = table.mean(axis=1), table.mean(axis=0)
    value = float(table.mean()) if value is None else value
    images = float(of_images.var(ddof=1)) / n
    if seeds == 1:
        return Estimate(value, images, table=table)
    rest = table - of_seeds[:, None] - of_images + table.mean()
    within = float((rest**2).sum()) / ((seeds - 1) * (n - 1)) / n
    between = max(0.0, float(of_seeds.var(ddof=1)) - within) / seeds
    return Estimate(value, images, between, seeds, table)


def half_width(
    tail: float | NDArray[np.float64],
    image_variance: float | NDArray[np.float64],
    parts: Sequence[tuple[float | NDArray[np.float64], int | NDArray[np.int_]]],
) -> NDArray[np.float64]:
    """√(z²·V + Σ t²·v) with the quantiles z and t of 1 − tail; arrays are taken element by element.

    Args:
        tail: probability beyond either end.
        image_variance: V.
        parts: variance v that seeds contribute, with the number S of them; t has S − 1 degrees of
            freedom, and v is 0 at S = 1.
    """
    z = NormalDist().inv_cdf(tail) if isinstance(tail, float) else scipy.special.ndtri(tail)
    squared = np.square(z) * image_variance
    for variance, seeds in parts:
        if not np.any(variance):
            continue
        quantile = scipy.special.stdtrit(np.maximum(np.subtract(seeds, 1), 1), tail)
        squared = squared + np.square(quantile) * variance
    return np.asarray(np.sqrt(squared), dtype=np.float64)


def interval(group: Sequence[StoredRecord], score: str) -> tuple[float, float, float] | None:
    """Mean over seeds and 95 % interval of a score; None where a seed lacks it.

    One seed keeps the interval of its record, from resampling images. An interval ends where the
    score's values do.
    """
    if len(group) == 1:
        entry = group[0].record.scores.get(score)
        return None if entry is None else (entry.value, entry.low, entry.high)
    pooled = estimate(group, score)
    if pooled is None:
        return None
    low = max(pooled.value - pooled.half_width, METRICS[score].minimum)
    return pooled.value, low, pooled.value + pooled.half_width
