"""Which differences between rows are real: paired comparison on the same test triplets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from trendbench.leaderboard.board import entries
from trendbench.leaderboard.variants import variants
from trendbench.metrics.resampling import CONFIDENCE, bootstrap_weights
from trendbench.results.store import StoredRecord

_weights = lru_cache(maxsize=1)(bootstrap_weights)  # the same for all pairs of one task


@dataclass(frozen=True)
class Difference:
    """The difference of two rows' scores.

    Attributes:
        task, data: of both rows.
        first, second: names of the rows.
        first_variant, second_variant: the difference of each from other rows of its name.
        value: score of the first minus that of the second.
        low, high: its 95 % interval from resampling test triplets, the same for both rows.
    """

    task: str
    data: str
    first: str
    second: str
    value: float
    low: float
    high: float
    first_variant: str
    second_variant: str

    @property
    def is_real(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


def differences(records: Iterable[StoredRecord], score: str) -> list[Difference]:
    """Every pair of rows of one task and data file that have the score image by image.

    Image i of both rows was drawn for triplet i, so what is hard about a triplet cancels in the
    difference and its interval is narrower than the rows' own. A row of several seeds enters with
    its mean over seeds; their spread is not part of the interval.

    Args:
        records: as ``read_all`` finds them.
        score: name of a score.

    Returns:
        One difference a pair, rows in the order of their names.
    """
    rows = sorted(entries(records), key=lambda group: group[0].record.arch)
    told = variants([group[0] for group in rows])
    known = [
        (group, variant, table)
        for group, variant in zip(rows, told, strict=True)
        if (table := by_image(group, score)) is not None
    ]
    return [
        Difference(
            a[0].record.task,
            a[0].record.data.sha256[:8],
            a[0].record.arch,
            b[0].record.arch,
            *paired_difference(of_a, of_b),
            variant_a,
            variant_b,
        )
        for (a, variant_a, of_a), (b, variant_b, of_b) in combinations(known, 2)
        if _same_triplets(a[0], b[0])
    ]


def by_image(group: Sequence[StoredRecord], score: str) -> NDArray[np.float64] | None:
    """The score image by image, (n,), averaged over seeds; None where a seed has none."""
    series = [stored.per_image().get(score) for stored in group]
    found = [values for values in series if values is not None]
    return np.mean(found, axis=0) if len(found) == len(series) else None


def _same_triplets(a: StoredRecord, b: StoredRecord) -> bool:
    first, second = a.record, b.record
    return (first.task, first.data.sha256, first.n_test) == (
        second.task, second.data.sha256, second.n_test,
    )  # fmt: skip


def paired_difference(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[float, float, float]:
    """The mean of a − b over images (n,), and its 95 % interval from resampling them together."""
    each = a - b
    means = _weights(len(each)) @ each
    tail = (1 - CONFIDENCE) / 2
    low, high = (float(q) for q in np.quantile(means, [tail, 1 - tail]))
    return float(each.mean()), low, high
