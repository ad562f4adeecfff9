"""The map of a task of several trends: ξ over the floor and the slope's error, pair by pair."""

from dataclasses import dataclass

from trendbench.metrics.by_trend import OUTSIDE, ByTrend, TrendScore
from trendbench.numbers import short
from trendbench.report.columns import with_minus


@dataclass(frozen=True)
class MapCell:
    """One trend: two readings, and whether each lies within 99 % of true sets."""

    xi: str
    xi_is_as_true: bool
    slope: str
    slope_is_as_true: bool


@dataclass(frozen=True)
class TrendMap:
    """Left ends down, right ends across.

    Attributes:
        down, across: names of the ends.
        columns: right ends.
        rows: a left end and its cells; None where the task has no such trend.
        images: of one trend.
        within: how many trends have both readings within 99 % of true sets, and of how many.
    """

    down: str
    across: str
    columns: list[str]
    rows: list[tuple[str, list[MapCell | None]]]
    images: int
    within: tuple[int, int]


def trend_map(found: ByTrend) -> TrendMap:
    """The map of the scores of each trend."""
    lefts = sorted({trend.left for trend in found.trends})
    rights = sorted({trend.right for trend in found.trends})
    cells = {(trend.left, trend.right): _cell(trend) for trend in found.trends}
    good = sum(cell.xi_is_as_true and cell.slope_is_as_true for cell in cells.values())
    return TrendMap(
        *found.ends,
        columns=[f"{right:g}" for right in rights],
        rows=[(f"{left:g}", [cells.get((left, right)) for right in rights]) for left in lefts],
        images=min(trend.n for trend in found.trends),
        within=(good, len(cells)),
    )


def _cell(trend: TrendScore) -> MapCell:
    return MapCell(
        short(trend.xi_ratio),
        abs(trend.xi_z) <= OUTSIDE,
        with_minus(f"{trend.slope_z:+.1f}"),
        abs(trend.slope_z) <= OUTSIDE,
    )
