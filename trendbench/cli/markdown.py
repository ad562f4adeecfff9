"""Tables as Markdown, for papers and for this project's own pages."""

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from trendbench.cards.text import markdown_table
from trendbench.cli.terminal import table_text
from trendbench.leaderboard.board import label, place
from trendbench.leaderboard.pairs import Difference


def board_markdown(board: Iterable[dict[str, Any]], columns: Sequence[str]) -> str:
    """Some columns of the leaderboard; numbers to three digits, flags after one another.

    Rows of one name say beside it how they differ, and a star marks a provisional rank.
    """
    named = None if "variant" in columns else "arch"
    written = {named: label, "rank": place}
    return markdown_table(
        [f"`{column}`" for column in columns],
        [
            [_cell(written.get(column, itemgetter(column))(row)) for column in columns]
            for row in board
        ],
    )


def differences_text(pairs: Iterable[Difference], paper: Mapping[str, Mapping[str, str]]) -> str:
    """Pairs of rows with their difference; beside it the 2017 study's, where it has both.

    Where pairs of several data files meet, each says of which it is.
    """
    heads = ["first", "second", "first − second", "95 % interval", "told apart"]
    known = list(pairs)
    several = len({(pair.task, pair.data) for pair in known}) > 1
    with_paper = any(pair.first in paper and pair.second in paper for pair in known)
    lines = []
    for pair in known:
        line = [
            _cell(label({"arch": pair.first, "variant": pair.first_variant})),
            _cell(label({"arch": pair.second, "variant": pair.second_variant})),
            f"{pair.value:+.3g}",
            f"{pair.low:+.3g} … {pair.high:+.3g}",
            "yes" if pair.is_real else "no",
        ]
        if with_paper:
            line += _beside(pair, paper)
        lines.append([f"{pair.task}, {pair.data}", *line] if several else line)
    heads = ["task, data", *heads] if several else heads
    return table_text([*heads, *(["study", "same order"] if with_paper else [])], lines)


def _beside(pair: Difference, paper: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The study's difference, and whether it has the same sign; that only where ours is real."""
    if pair.first not in paper or pair.second not in paper:
        return ["", ""]
    theirs = float(paper[pair.first]["xi"]) - float(paper[pair.second]["xi"])
    same = "yes" if theirs * pair.value > 0 else "no"
    return [f"{theirs:+.3g}", same if pair.is_real else "–"]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value).replace(";", ", ").replace("|", "\\|")
