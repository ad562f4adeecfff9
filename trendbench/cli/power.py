"""``trendbench power``."""

import json
from dataclasses import asdict

import click

from trendbench.catalog import DEFAULT_TASK
from trendbench.cli.completion import task_names


@click.command("power")
@click.option(
    "--spec", default=DEFAULT_TASK, show_default=True, shell_complete=task_names,
    help="A task's name, or a TOML file.",
)  # fmt: skip
@click.option(
    "--n", "sizes", type=click.IntRange(min=10), multiple=True, default=(100, 1000),
    show_default=True, help="Number of images; may be given several times.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(spec: str, sizes: tuple[int, ...], as_json: bool) -> None:
    """Print, for each score, the smallest damage that it detects with 95 % power.

    Damages: k too small, R too large, a share of grey pixels, a share of remembered images. The
    trained classifier is left out.
    """
    from trendbench.spec import load_spec

    task = load_spec(spec)
    from trendbench.cards.text import markdown_table
    from trendbench.metrics.power import DAMAGES, LEVELS, certificate
    from trendbench.progress import bar

    findings = list(certificate(task, sizes, bar=bar))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
        return
    columns = [(damage, n) for damage in DAMAGES for n in sizes]
    heads = [f"{damage}, n = {n}" for damage, n in columns]
    click.echo(
        f"Smallest damage detected with 95 % power at the 5 % level, task {task.name}, tried at "
        f"{', '.join(f'{100 * level:g}' for level in LEVELS)} %.\n"
    )
    table = {(f.score, f.damage, f.n): f.level for f in findings}
    lines = [
        [f"`{score}`", *(_percent(table[score, damage, n]) for damage, n in columns)]
        for score in dict.fromkeys(finding.score for finding in findings)
    ]
    click.echo(markdown_table(["score", *heads], lines))


def _percent(level: float | None) -> str:
    return "–" if level is None else f"{100 * level:g} %"
