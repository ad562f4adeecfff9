"""Which differences between rows are real: paired comparison on the same test triplets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from trendbench.leaderboard.board import entries
from trendbench.leaderboard.pooling import by_seed, estimate_of, half_width
from trendbench.leaderboard.variants import variants
from trendbench.metrics.resampling import TAIL
from trendbench.results.store import StoredRecord


@dataclass(frozen=True)
class Difference:
    """The difference of two rows' scores.

    Attributes:
        task, data: of both rows.
        first, second: names of the rows.
        first_variant, second_variant: the difference of each from other rows of its name.
        value: score of the first minus that of the second.
        low, high: its 95 % interval, from test triplets that both rows share and from seeds.
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
    difference and its interval is narrower than the rows' own. The spread over seeds is part of it
    where a row has several. Each interval stands alone: among many pairs at 95 %, some leave out
    zero by chance.

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
        if (table := by_seed(group, score)) is not None
    ]
    return [
        Difference(
            a[0].record.task,
            a[0].record.data.sha256[:8],
            a[0].record.arch,
            b[0].record.arch,
            *paired_difference(of_a, of_b, same_seeds=seeds_of(a) == seeds_of(b)),
            variant_a,
            variant_b,
        )
        for (a, variant_a, of_a), (b, variant_b, of_b) in combinations(known, 2)
        if _same_triplets(a[0], b[0])
    ]


def _same_triplets(a: StoredRecord, b: StoredRecord) -> bool:
    first, second = a.record, b.record
    return (first.task, first.data.sha256, first.n_test) == (
        second.task, second.data.sha256, second.n_test,
    )  # fmt: skip


def seeds_of(group: Sequence[StoredRecord]) -> list[int]:
    """The seeds of a row's records."""
    return [stored.record.seed for stored in group]


def paired_difference(
    a: NDArray[np.float64], b: NDArray[np.float64], *, same_seeds: bool
) -> tuple[float, float, float]:
    """The mean of a − b, and its 95 % interval: images are paired, and seeds where they agree.

    Args:
        a: values by seed and test image, (S, n).
        b: the same of the other row, (S′, n).
        same_seeds: whether row s of both is of one seed; else their seeds are independent.
    """
    if same_seeds:
        paired = estimate_of(a - b)
        half = paired.half_width
    else:
        paired = estimate_of((a.mean(axis=0) - b.mean(axis=0))[None])
        parts = [(one.seed_variance, one.seeds) for one in (estimate_of(a), estimate_of(b))]
        half = float(half_width(TAIL, paired.image_variance, parts))
    return paired.value, paired.value - half, paired.value + half
