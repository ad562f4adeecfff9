"""``trendbench leaderboard``."""

import json
from pathlib import Path

import click


@click.command("leaderboard")
@click.option(
    "--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(results: Path, as_json: bool) -> None:
    """Print the leaderboard and write it to RESULTS/leaderboard.csv."""
    from trendbench.cli.board_table import board_tables
    from trendbench.leaderboard.board import refresh, rows
    from trendbench.progress import say
    from trendbench.results.store import read_all

    path = refresh(results)
    board = rows(read_all(results))
    if as_json:
        click.echo(json.dumps(board, indent=2))
    else:
        click.echo(board_tables(board))
    say(f"wrote {path}")
