"""What rose and fell between two leaderboards, as text for a terminal."""

import io
from collections.abc import Sequence
from itertools import groupby

from trendbench.leaderboard.compare import Change
from trendbench.numbers import NARROWEST

_FOOTNOTE = (
    "tier 1: not told from true images; 2: told, or not known; 3: flagged or stale.\n"
    "change: after − before with its 95 % interval; * where it leaves out zero.\n"
    "† only the rows' own intervals were at hand, not their images: a wider interval."
)
_AMBIGUOUS = (
    "‡ not compared: the other leaderboard has this name with another recipe, family\nor origin."
)


def changes_table(changes: Sequence[Change], score: str, width: int = NARROWEST) -> str:
    """One table for each task and data file, with a footnote; ``width`` in columns."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not changes:
        return "neither leaderboard has a row"
    file = io.StringIO()
    console = Console(file=file, width=width, no_color=True)
    ordered = sorted(changes, key=lambda change: (change.task, change.data))
    for (task, data), group in groupby(ordered, key=lambda change: (change.task, change.data)):
        table = Table(
            box=SIMPLE_HEAD, title=f"{score} on {task}, data {data}", title_justify="left",
            pad_edge=False, collapse_padding=True,
        )  # fmt: skip
        table.add_column("#", justify="right", no_wrap=True)
        table.add_column("tier", justify="right", no_wrap=True)
        table.add_column("arch", overflow="fold", min_width=17)
        table.add_column("before", justify="right", no_wrap=True)
        table.add_column("after", justify="right", no_wrap=True)
        table.add_column("change", justify="right", no_wrap=True)
        for change in group:
            table.add_row(
                _moved(change.rank_before, change.rank_after),
                _tiers(change),
                Text("\n".join(filter(None, (change.arch, change.variant)))),
                "absent" if change.side == "after" else _number(change.before),
                "gone" if change.side == "before" else _number(change.after),
                _difference(change),
            )
        console.print(table)
    lines = (line.rstrip() for line in file.getvalue().splitlines())
    ambiguous = [_AMBIGUOUS] if any(change.is_ambiguous for change in changes) else []
    return "\n".join([*lines, _FOOTNOTE, *ambiguous])


def _moved(*places: int | None) -> str:
    """A rank or tier before and after; once where it stayed."""
    before, after = ("–" if place is None else str(place) for place in places)
    return after if before == after else f"{before}→{after}"


def _tiers(change: Change) -> str:
    is_unknown = change.side == "both" and change.tier_before is None
    return _moved(change.tier_after if is_unknown else change.tier_before, change.tier_after)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _difference(change: Change) -> str:
    if change.is_ambiguous:
        return "‡"
    if change.before is None or change.after is None or change.low is None:
        return ""
    if change.basis == "same value":
        return "="
    star = "*" if change.is_real else " "
    dagger = "†" if change.basis == "both intervals" else " "
    interval = f"[{change.low:+.2g}, {change.high:+.2g}]"
    return f"{change.after - change.before:+.2g} {interval} {star}{dagger}"
