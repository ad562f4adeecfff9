"""What a terminal shows: its width, and tables that fit it."""

import io
import shutil
import sys
from collections.abc import Iterable, Sequence

from trendbench.cards.text import markdown_table
from trendbench.numbers import NARROWEST


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

    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for head in heads:
        table.add_column(head, overflow="fold")
    for line in lines:
        table.add_row(*(Text(cell.replace("`", "").replace("\\|", "|")) for cell in line))
    file = io.StringIO()
    Console(file=file, width=terminal_width(), no_color=True).print(table)
    return "\n".join(line.rstrip() for line in file.getvalue().strip("\n").splitlines())
