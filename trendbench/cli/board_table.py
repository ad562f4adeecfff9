"""The leaderboard and a record as text for a terminal of 80 columns."""

import io
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from trendbench.leaderboard.numbers import fixed, percent, plain, with_half_width

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
                with_half_width(row["xi_ratio"], row["xi_ratio_low"], row["xi_ratio_high"], 2),
                fixed(row["xi"], 5),
                percent(row["grey_fraction"]),
                f"{row['seeds']}×{plain(row['epochs'])}",
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


def _text(value: Any) -> str:
    return "" if value is None else str(value)
