"""The leaderboard and a record as text for a terminal of 80 columns."""

import io
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from trendbench.results.record import RunRecord, ScoreEntry

_WIDTH = 80
_FOOTNOTE = (
    "ξ/floor is 1 for true images; [95 % interval]. Rows whose intervals overlap share a rank.\n"
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
        table.add_column("arch", overflow="fold")
        table.add_column("ξ/floor", justify="right", no_wrap=True)
        table.add_column("ξ", justify="right", no_wrap=True)
        table.add_column("grey", justify="right", no_wrap=True)
        table.add_column("ep.", justify="right", no_wrap=True)
        table.add_column("seeds", justify="right", no_wrap=True)
        table.add_column("flags", overflow="fold")
        table.add_column("paper ξ", justify="right", no_wrap=True)
        for row in group:
            table.add_row(
                _text(row["rank"]),
                row["arch"],
                _with_interval(row, "xi_ratio", 2),
                _number(row["xi"], 5),
                _percent(row["grey_fraction"]),
                _plain(row["epochs"]),
                _text(row["seeds"]),
                ", ".join([*row["flags"].split(";"), *_remarks(row)]).strip(", "),
                _text(row["paper_xi"]),
            )
        console.print(table)
    file = console.file
    assert isinstance(file, io.StringIO)
    lines = (line.rstrip() for line in file.getvalue().splitlines())
    return "\n".join([*lines, _FOOTNOTE])


def card_lines(record: RunRecord) -> Iterator[str]:
    """A record's scores, one a line, each beside its value for true images."""
    yield f"{record.arch} on {record.task}, seed {record.seed}, {record.n_test} images"
    longest = max(len(name) for name in record.scores)
    for name, score in record.scores.items():
        yield f"  {name:<{longest}}  {_score(score)}"


def _score(score: ScoreEntry | None) -> str:
    if score is None:
        return "not scored"
    unit = "" if score.unit == "1" else f" {score.unit}"
    return (
        f"{score.value:>10.5g}{unit}  [{score.low:.5g}, {score.high:.5g}]  truth {score.truth:.5g}"
    )


def _remarks(row: dict[str, Any]) -> list[str]:
    remarks = [] if row["status"] == "reproduced" else [row["status"]]
    return remarks + (["local"] if row["origin"] == "local" else [])


def _with_interval(row: dict[str, Any], name: str, digits: int) -> str:
    if row[name] is None:
        return ""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f"{row[name]:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _text(value: Any) -> str:
    return "" if value is None else str(value)
