"""The leaderboard and a record as text for a terminal of 80 columns."""

import io
from collections.abc import Sequence
from itertools import groupby
from typing import Any

_WIDTH = 80
_FOOTNOTE = (
    "ξ/floor is 1 for true images; ± half its 95 % interval. Rows whose intervals\n"
    "overlap share a rank; flagged and reference rows have none. runs: seeds×epochs.\n"
    "real is the hidden answer itself, as a flag says; nulls exist to be flagged.\n"
    "paper ξ: the 2017 study's value, obtained on other data: context, not a target."
)


def board_tables(board: Sequence[dict[str, Any]]) -> str:
    """One table for each task and data file, with a footnote."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    if not board:
        return "no results yet: trendbench run --arch nf8 makes one"
    console = Console(file=io.StringIO(), width=_WIDTH, no_color=True)
    for (task, data), group in groupby(board, key=lambda row: (row["task"], row["data"])):
        table = Table(
            box=SIMPLE_HEAD,
            title=f"{task}, data {data}",
            title_justify="left",
            pad_edge=False,
            collapse_padding=True,
            padding=(0, 1),
        )
        table.add_column("#", justify="right")
        table.add_column("arch", overflow="fold", min_width=17)
        table.add_column("ξ/floor", justify="right", no_wrap=True)
        table.add_column("ξ", justify="right", no_wrap=True)
        table.add_column("grey", justify="right", no_wrap=True)
        table.add_column("runs", justify="right", no_wrap=True)
        table.add_column("flags", min_width=13)
        table.add_column("paper ξ", justify="right", no_wrap=True)
        for row in group:
            table.add_row(
                _text(row["rank"]),
                row["arch"],
                _with_interval(row, "xi_ratio", 2),
                _number(row["xi"], 5),
                _percent(row["grey_fraction"]),
                f"{row['seeds']}×{_plain(row['epochs'])}",
                "\n".join(filter(None, [*row["flags"].split(";"), *_remarks(row)])),
                _text(row["paper_xi"]),
            )
        console.print(table)
    file = console.file
    assert isinstance(file, io.StringIO)
    lines = (line.rstrip() for line in file.getvalue().splitlines())
    return "\n".join([*lines, _FOOTNOTE])


def _remarks(row: dict[str, Any]) -> list[str]:
    remarks = [] if row["status"] == "reproduced" else [row["status"]]
    return remarks + (["local"] if row["origin"] == "local" else [])


def _with_interval(row: dict[str, Any], name: str, digits: int) -> str:
    if row[name] is None:
        return ""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f"{row[name]:.{digits}f} ±{(high - low) / 2:.{digits}f}"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _percent(value: float | None) -> str:
    if value is None:
        return ""
    return f"{100 * value:.{1 if value < 0.0995 else 0}f} %"


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _text(value: Any) -> str:
    return "" if value is None else str(value)
