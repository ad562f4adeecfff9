"""The width of the terminal, and tables for it."""

import io
import shutil
import sys
from collections.abc import Iterable, Sequence

from trendbench.cards.text import markdown_table
from trendbench.numbers import NARROWEST

_PROSE = 40  # longer cells are wrapped; shorter ones stay on their line


def terminal_width() -> int:
    """Columns of the terminal, or ``COLUMNS``; 80 where stdout is none, and never fewer."""
    return max(NARROWEST, shutil.get_terminal_size((NARROWEST, 24)).columns)


def table_text(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table as wide as the terminal where stdout is one, else as Markdown."""
    if not sys.stdout.isatty():
        return markdown_table(heads, lines)
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [[cell.replace("`", "").replace("\\|", "|") for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True, padding=0)
    for head, width in zip(heads, widths, strict=True):
        table.add_column(head, no_wrap=width <= _PROSE, min_width=min(width, _PROSE))
    for line in cells:
        table.add_row(*map(Text, line))
    least = sum(min(width, _PROSE) + 1 for width in widths)
    file = io.StringIO()
    Console(file=file, width=max(terminal_width(), least), no_color=True).print(table)
    return "\n".join(line.rstrip() for line in file.getvalue().strip("\n").splitlines())
