"""``trendbench power``."""

import json
from collections.abc import Mapping
from dataclasses import asdict

import click

from trendbench.catalog import DEFAULT_TASK
from trendbench.cli.completion import task_names


@click.command("power")
@click.option(
    "--spec", default=DEFAULT_TASK, show_default=True, shell_complete=task_names,
    help="A task's name, a TOML file, or a data file.",
)  # fmt: skip
@click.option(
    "--n", "sizes", type=click.IntRange(min=10), multiple=True, default=(100, 1000),
    show_default=True, help="Number of images; may be given several times.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(spec: str, sizes: tuple[int, ...], as_json: bool) -> None:
    """Print, for each damage, the smallest size that the verdict tells with 95 % power.

    Beside it stand the scores that tell it, each with its own smallest size. The trained
    classifier is left out.
    """
    from trendbench.spec import load_spec

    is_file = spec.lower().endswith((".h5", ".hdf5"))
    task = None if is_file else load_spec(spec)  # refused before anything heavy is imported
    from trendbench.cards.text import markdown_table
    from trendbench.data.opening import open_dataset
    from trendbench.metrics.power import LEVELS, certificate
    from trendbench.progress import bar

    if task is None:
        with open_dataset(spec) as data:
            task = data.spec
            findings = list(certificate(task, sizes, data=data, bar=bar))
    else:
        findings = list(certificate(task, sizes, bar=bar))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
        return
    click.echo(
        f"Smallest damage told in 95 % of sets, where 1 % of true sets are: task {task.name}, "
        f"tried at {', '.join(_percent(level) for level in LEVELS)}.\n"
    )
    told: dict[tuple[str, int], dict[str, float]] = {(f.damage, f.n): {} for f in findings}
    for finding in findings:
        if finding.level is not None:
            told[finding.damage, finding.n][finding.score] = finding.level
    lines = [
        [damage, str(n), _percent(min(levels.values(), default=None)), _scores(levels)]
        for (damage, n), levels in told.items()
    ]
    click.echo(markdown_table(["damage", "n", "told from", "by"], lines))


def _scores(levels: Mapping[str, float]) -> str:
    """Scores by the size that they tell, smallest first."""
    by_level: dict[float, list[str]] = {}
    for score, level in levels.items():
        by_level.setdefault(level, []).append(f"`{score}`")
    return "; ".join(
        f"{', '.join(names)} {_percent(level)}" for level, names in sorted(by_level.items())
    )


def _percent(level: float | None) -> str:
    return "–" if level is None else f"{100 * level:g} %"
