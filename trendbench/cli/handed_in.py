"""The options of commands that take images made elsewhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_OPTIONS = (
    click.option(
        "--second", type=click.Path(path_type=Path),
        help="Another sample for each of the same inputs, for the diversity score.",
    ),
    click.option(
        "--threshold", metavar="X", type=click.FloatRange(0, 255, min_open=True),
        help="Make pixels of X and above white, all others black: 0 … 255, or 0 … 1 for floats.",
    ),
    click.option("--invert", is_flag=True, help="Exchange black and white: particles are white."),
    click.option(
        "--unconditional", is_flag=True, help="The samples were drawn without s1 and s2."
    ),
)  # fmt: skip


def handed_in(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--second``, ``--threshold``, ``--invert`` and ``--unconditional``, in this order."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
