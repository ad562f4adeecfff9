"""The leaderboard as text for a terminal of 80 columns or more."""

import io
from collections.abc import Sequence
from itertools import groupby
from textwrap import wrap
from typing import Any

from trendbench.leaderboard.board import place
from trendbench.leaderboard.ranking import FLAGGED, REFERENCE, STALE
from trendbench.numbers import NARROWEST, fixed, percent, plain, with_half_width

_ROOMY = 100  # columns from which a table has wide gaps and every column
_LOCAL = "local"
_ARCH, _ARCH_STALE, _ARCH_TOLD = 17, 13, 11  # columns for names, the last two beside a status
_FOOTNOTE = (
    "ξ/floor is 1 for true images; ± half its 95 % interval. A rank is 1 + the rows\n"
    "of better tiers + the rows of its own tier that are significantly nearer to 1.\n"
    "tier 1: not told from true images; 2: told, or not known; 3: flagged or stale.\n"
    "* provisional: fewer than three seeds. Tier 3 and reference rows have no rank.\n"
    "Rows that do not use the inputs are ranked apart. runs: seeds×epochs.\n"
    "real is the hidden r itself, as a flag says; each null-… spoils one property.\n"
    "paper ξ: as the 2017 study printed it, of its own images, by xi_executed;\n"
    "shown where there is room. local: a record of your own results folder."
)


def board_tables(board: Sequence[dict[str, Any]], width: int = NARROWEST) -> str:
    """A table for each task, data file, use of the inputs and tier, and a footnote.

    ``width`` is in columns.
    """
    from rich.console import Console

    if not board:
        return "no results yet: trendbench run --arch nf8 makes one"
    file = io.StringIO()
    console = Console(file=file, width=width, no_color=True)
    for title, group in groupby(board, key=_title):
        console.print(_table(title, list(group), width))
    lines = (line.rstrip() for line in file.getvalue().splitlines())
    return "\n".join([*lines, _FOOTNOTE, *_outdated(board)])


def _outdated(board: Sequence[dict[str, Any]]) -> list[str]:
    """For each reason, the stale rows."""
    stale: dict[str, dict[str, None]] = {}
    for row in board:
        if row["stale_for"]:
            stale.setdefault(row["stale_for"], {})[f"{row['arch']} on {row['task']}"] = None
    return [
        line
        for why, names in stale.items()
        for line in wrap(
            f"stale, with {why}: {', '.join(names)}",
            NARROWEST,
            break_on_hyphens=False,
            break_long_words=False,
        )
    ]


def _title(row: dict[str, Any]) -> str:
    apart = "" if row["conditional"] else ", inputs not used"
    return f"{row['task']}, data {row['data']}, tier {row['tier']}{apart}"


def _table(title: str, rows: Sequence[dict[str, Any]], width: int) -> Any:
    """``status`` and ``paper ξ`` are there where a row has a value for them and they fit."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    told = max(len(_status(row)) for row in rows)
    is_tight = width < _ROOMY
    least = _ARCH_TOLD if told else _ARCH
    most = least if told > len("stale") else _ARCH_STALE if told else _ARCH
    words = [word for row in rows for word in (row["arch"], *row["variant"].split())]
    widest = min(max(least, *map(len, words)), most)  # no word is broken where there is room
    in_paper = any(row["paper_xi"] is not None for row in rows)
    in_paper = in_paper and not (is_tight and (told > len(_LOCAL) or widest > least))
    table = Table(
        box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False,
        collapse_padding=True, padding=(0, 0 if is_tight else 1),
    )  # fmt: skip
    table.add_column("#", justify="right")
    table.add_column("arch", overflow="fold", min_width=widest)
    table.add_column("ξ/floor", justify="right", no_wrap=True)
    table.add_column("ξ", justify="right", no_wrap=True)
    table.add_column("grey", justify="right", no_wrap=True)
    table.add_column("runs", justify="right", no_wrap=True)
    table.add_column("flags", min_width=14)
    if told:
        table.add_column("status")
    if in_paper:
        table.add_column("paper ξ", justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            place(row),
            Text("\n".join(filter(None, (row["arch"], row["variant"])))),
            with_half_width(row["xi_ratio"], row["xi_ratio_low"], row["xi_ratio_high"], 2),
            fixed(row["xi"], 5),
            percent(row["grey_fraction"]),
            f"{row['seeds']}×{plain(row['epochs'])}",
            _flags(row),
            *([_status(row)] if told else []),
            *([_text(row["paper_xi"])] if in_paper else []),
        )
    return table


def _flags(row: dict[str, Any]) -> str:
    """The flags; or why the row has no rank, where neither they nor another column say it."""
    is_said = row["unranked"] in ("", FLAGGED, STALE, REFERENCE)
    return row["flags"].replace(";", ", ") if is_said else f"({row['unranked']})"


def _status(row: dict[str, Any]) -> str:
    """How far a row is to be trusted and whose it is, where it is not ours and reproduced."""
    status = "" if row["status"] == "reproduced" else row["status"]
    return ", ".join(filter(None, (_LOCAL if row["origin"] == _LOCAL else "", status)))


def _text(value: Any) -> str:
    return "" if value is None else str(value)
