"""Ranks: tiers, and within a tier the number of rows that are significantly better.

With u = ξ/floor − 1 of one row and v of another, the first is better if |u| < |v|. As
v² − u² = (v − u)(v + u), this holds exactly if v − u and v + u have one sign. Both are means over
test images, which the rows share; a row is better where both differ from zero, so the p-value is
the larger of theirs (an intersection–union test; Berger, Technometrics 24, 1982, 295–300).

The images are paired: the variance of v ± u over resampled images, the same for both rows, is
(Var v + Var u ± 2 Cov)/n. This closed form is the bootstrap with infinitely many replicates.
A drawn bootstrap of B replicates gives no p-value below 2/(B + 1), too coarse for the smallest
level of Holm's method among many rows.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import erfc, exp, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trendbench import catalog
from trendbench.leaderboard.pooling import Estimate, half_width
from trendbench.metrics.c2st import P_VALUE
from trendbench.metrics.diversity import expected_spread
from trendbench.results.record import RunRecord
from trendbench.spec import load_spec

NOT_TOLD, TOLD, DISQUALIFIED = 1, 2, 3
TIERS = {
    NOT_TOLD: "not told from true images",
    TOLD: "told from true images, or not known, and no flag",
    DISQUALIFIED: "flagged or stale",
}
REFERENCE, STALE, FLAGGED = "reference row", "stale", "flagged"  # why a row has no rank
FEWEST_SEEDS = 3  # for a rank that is not provisional
FAMILY_WISE = 0.05
_SMALLEST_LOG_P, _HALVINGS = -230.0, 40


def tier_of(records: Iterable[RunRecord], *, is_disqualified: bool) -> int:
    """The tier of a row.

    It is 1 where every seed was compared with true images, the classifier included, and none was
    told from them.
    """
    if is_disqualified:
        return DISQUALIFIED
    is_free = all(r.told_by == [] and r.scores.get(P_VALUE) is not None for r in records)
    return NOT_TOLD if is_free else TOLD


def reason_without_rank(row: Mapping[str, Any], unranked: Collection[str]) -> str:
    """Why a row has no rank, in words; empty where it has one.

    Args:
        row: its columns.
        unranked: families that are for reference.
    """
    if row["family"] in unranked:
        return REFERENCE
    if row["status"] == "stale":
        return STALE
    if row["flags"]:
        return FLAGGED
    if row["xi_ratio"] is None:
        return "no xi_ratio"
    if row["diversity"] is None and needs_second(row["task"], conditional=row["conditional"]):
        return "no second sample set"
    return ""


def needs_second(task: str, *, conditional: bool) -> bool:
    """Whether two draws for the same inputs differ, so that one set does not show a collapse.

    A task that is not shipped counts as such a task.
    """
    if task not in catalog.spec_names():
        return True
    return expected_spread(load_spec(task), conditional=conditional) > 0


def ranks(tiers: Sequence[int], ratios: Sequence[Estimate]) -> list[int]:
    """The ranks of rows that compete: same task, data file, and use of the inputs.

    A row's rank is 1, plus the number of rows in better tiers, plus the number of rows in its own
    tier that are significantly better.

    Args:
        tiers: of each row.
        ratios: its ξ/floor.
    """
    found = [0] * len(tiers)
    before = 0
    for tier in sorted(set(tiers)):
        members = [index for index, own in enumerate(tiers) if own == tier]
        ahead = is_better([ratios[index] for index in members]).sum(axis=0)
        for index, count in zip(members, ahead, strict=True):
            found[index] = before + 1 + int(count)
        before += len(members)
    return found


def is_better(ratios: Sequence[Estimate]) -> NDArray[np.bool_]:
    """Whether ξ/floor of row i is significantly nearer to 1 than that of row j, (rows, rows).

    All pairs are tested together, at the family-wise level of 5 % (Holm).
    """
    away = np.array([ratio.value for ratio in ratios]) - 1
    images = _image_covariance(ratios)
    variance = np.array([ratio.seed_variance for ratio in ratios])
    seeds = np.array([ratio.seeds for ratio in ratios])
    i, j = np.triu_indices(len(ratios), 1)
    both, shared = images[i, i] + images[j, j], 2 * images[i, j]
    parts = [(variance[i], seeds[i]), (variance[j], seeds[j])]
    p = np.maximum(
        p_value(away[j] - away[i], both - shared, parts),
        p_value(away[j] + away[i], both + shared, parts),
    )
    differ = holm(p)
    nearer = np.abs(away[i]) < np.abs(away[j])
    better = np.zeros((len(ratios), len(ratios)), dtype=bool)
    better[i, j] = differ & nearer
    better[j, i] = differ & ~nearer
    return better


def p_value(
    difference: NDArray[np.float64],
    image_variance: NDArray[np.float64],
    parts: Sequence[tuple[NDArray[np.float64], NDArray[np.int_]]],
) -> NDArray[np.float64]:
    """The two-sided level at which the interval of a difference just reaches zero.

    It is erfc(|d|/√(2V)) where seeds contribute nothing, and found by bisection elsewhere.

    Args:
        difference: of each pair, (pairs,).
        image_variance: part of its variance that images contribute, (pairs,).
        parts: as of ``half_width``, (pairs,) each.

    Returns:
        (pairs,), at least 1e-100.
    """
    image_variance = np.maximum(image_variance, 0)  # rounding, where images agree
    is_normal = np.all([variance == 0 for variance, _ in parts], axis=0)
    found = np.empty(len(difference))
    found[is_normal] = [
        max(erfc(abs(d) / sqrt(2 * v)) if v else float(d == 0), exp(_SMALLEST_LOG_P))
        for d, v in zip(difference[is_normal], image_variance[is_normal], strict=True)
    ]
    rest = ~is_normal
    if rest.any():
        found[rest] = _by_bisection(
            difference[rest], image_variance[rest], [(v[rest], s[rest]) for v, s in parts]
        )
    return found


def _by_bisection(
    difference: NDArray[np.float64],
    image_variance: NDArray[np.float64],
    parts: Sequence[tuple[NDArray[np.float64], NDArray[np.int_]]],
) -> NDArray[np.float64]:
    """As ``p_value``, of pairs to whose variance seeds contribute."""
    low = np.full(len(difference), _SMALLEST_LOG_P)
    high = np.zeros(len(difference))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_short = half_width(np.exp(middle) / 2, image_variance, parts) < np.abs(difference)
        low, high = np.where(is_short, low, middle), np.where(is_short, middle, high)
    return np.exp(high)


def holm(p: NDArray[np.float64], level: float = FAMILY_WISE) -> NDArray[np.bool_]:
    """Which of several hypotheses are rejected, with at most ``level`` for any wrong one.

    The k-th smallest of m p-values is compared with level/(m − k + 1), up to the first that is
    larger (Holm, Scandinavian Journal of Statistics 6, 1979, 65–70).
    """
    order = np.argsort(p, kind="stable")
    passes = p[order] <= level / np.arange(len(p), 0, -1)
    rejected = np.zeros(len(p), dtype=bool)
    rejected[order] = np.logical_and.accumulate(passes)
    return rejected


def _image_covariance(ratios: Sequence[Estimate]) -> NDArray[np.float64]:
    """Covariance of the rows' means over images; rows of different images are independent."""
    covariance = np.diag([ratio.image_variance for ratio in ratios])
    tables = {k: ratio.table for k, ratio in enumerate(ratios) if ratio.table is not None}
    for n in {table.shape[1] for table in tables.values()}:
        members = [k for k, table in tables.items() if table.shape[1] == n]
        means = np.stack([tables[k].mean(axis=0) for k in members])
        covariance[np.ix_(members, members)] = np.cov(means) / n
    return covariance
