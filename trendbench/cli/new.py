"""``trendbench new``."""

from pathlib import Path

import click


@click.command("new")
@click.argument("name")
def command(name: str) -> None:
    """Write a generator to start from: NAME my-model gives my_model.py in the current folder."""
    from trendbench.generators.template import write_template
    from trendbench.progress import say

    path, title = write_template(name, Path())
    click.echo(path)
    say(f"next: trendbench test {path}, then trendbench run --arch {path}:{title}")
