"""``trendbench report``."""

from pathlib import Path

import click


@click.command("report")
@click.option(
    "--results", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of records.  [default: results]",
)  # fmt: skip
@click.option(
    "--out", default="report", show_default=True, type=click.Path(path_type=Path),
    help="Folder to write: a new one, an empty one, or an earlier report.",
)  # fmt: skip
def command(folder: Path | None, out: Path) -> None:
    """Write the leaderboard as one folder that any browser opens, without a network.

    Local records stand beside the published ones. Every row shows a sample and its density profile
    over the exact one. The board can be sorted and filtered; a row opens its card: scores, flags
    in words, curves over the exact ones, samples, provenance. The path of the page is printed.
    """
    from trendbench.progress import say
    from trendbench.report.build import write_report

    say(f"writing {out}, which takes a while")
    click.echo(write_report(folder or Path("results"), out))
