"""``trendbench cite``."""

import click

from trendbench.citation import FORMATS


@click.command("cite")
@click.option(
    "--format", "kind", type=click.Choice(list(FORMATS)), default="bibtex", show_default=True,
    help="bibtex; apa, a paragraph each; cff, the whole CITATION.cff.",
)  # fmt: skip
def command(kind: str) -> None:
    """Print how to cite the suite, and the 2017 study that posed its problem."""
    click.echo(FORMATS[kind](), nl=False)
