"""``trendbench power``."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import click

from trendbench.catalog import DEFAULT_TASK
from trendbench.cli import early
from trendbench.cli.completion import task_names
from trendbench.cli.handed_in import handed_in

_SIZES = (100, 1000)


@click.command("power")
@click.option(
    "--spec", default=DEFAULT_TASK, show_default=True, shell_complete=task_names,
    help="A task's name, a TOML file, or a data file.",
)  # fmt: skip
@click.option(
    "--n", "sizes", type=click.IntRange(min=10), multiple=True, default=_SIZES,
    show_default=True, help="Number of images; may be given several times.",
)  # fmt: skip
@click.option(
    "--samples", type=click.Path(path_type=Path),
    help="In place of damages: images made for the test triplets of --data, as score takes them.",
)  # fmt: skip
@click.option(
    "--data", type=click.Path(path_type=Path), callback=early.data_file,
    help="With --samples: their data file.",
)  # fmt: skip
@handed_in
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(
    spec: str,
    sizes: tuple[int, ...],
    samples: Path | None,
    data: Path | None,
    second: Path | None,
    threshold: float | None,
    invert: bool,
    unconditional: bool,
    as_json: bool,
) -> None:
    """Print, for each damage, the smallest size that the verdict tells with 95 % power.

    Beside it stand the scores that tell it, each with its own smallest size. The trained
    classifier is left out.

    With --samples the verdict is on these images: how many of the sets of n that they hold are told
    from true images, and by which scores.
    """
    if samples is not None:
        if data is None:
            raise click.UsageError("--samples wants --data, the file that they were made for")
        if _is_stated("spec"):
            raise click.BadParameter("damages true images: not with --samples", param_hint="--spec")
        chosen = sizes if _is_stated("sizes") else None
        _print_sizes(samples, data, chosen, second, threshold, invert, unconditional, as_json)
        return
    for option, given in {
        "--data": data,
        "--second": second,
        "--threshold": threshold,
        "--invert": invert,
        "--unconditional": unconditional,
    }.items():
        if given:
            raise click.BadParameter("goes with --samples", param_hint=option)
    from trendbench.data.layout import SUFFIXES
    from trendbench.spec import load_spec

    is_file = spec.lower().endswith(SUFFIXES)
    task = None if is_file else load_spec(spec)  # refused before anything heavy is imported
    from trendbench.cli.terminal import table_text
    from trendbench.data.opening import open_dataset
    from trendbench.metrics.power import LEVELS, certificate
    from trendbench.metrics.sampling import TOLD_BY_CHANCE
    from trendbench.progress import bar

    if task is None:
        with open_dataset(spec) as dataset:
            task = dataset.spec
            findings = list(certificate(task, sizes, data=dataset, bar=bar))
    else:
        findings = list(certificate(task, sizes, bar=bar))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
        return
    click.echo(
        f"Smallest damage told in 95 % of sets, where {_percent(TOLD_BY_CHANCE)} of true sets are: "
        f"task {task.name}, tried at {', '.join(_percent(level) for level in LEVELS)}.\n"
    )
    told: dict[tuple[str, int], dict[str, float]] = {(f.damage, f.n): {} for f in findings}
    for finding in findings:
        if finding.level is not None:
            told[finding.damage, finding.n][finding.score] = finding.level
    lines = [
        [damage, str(n), _percent(min(levels.values(), default=None)), _scores(levels)]
        for (damage, n), levels in told.items()
    ]
    click.echo(table_text(["damage", "n", "told from", "by"], lines))


def _is_stated(name: str) -> bool:
    """Whether the user named an option, so that it is not the default."""
    source = click.get_current_context().get_parameter_source(name)
    return source is not click.core.ParameterSource.DEFAULT


def _print_sizes(
    samples: Path,
    data: Path,
    sizes: tuple[int, ...] | None,
    second: Path | None,
    threshold: float | None,
    invert: bool,
    unconditional: bool,
    as_json: bool,
) -> None:
    """The verdicts on sets of each size; of the default sizes that the images hold if None."""
    from trendbench.cli.terminal import table_text
    from trendbench.data.opening import open_dataset
    from trendbench.metrics.by_size import by_size
    from trendbench.metrics.full_card import must_know_trends
    from trendbench.metrics.intake import Handling
    from trendbench.metrics.score import both_samples
    from trendbench.progress import bar

    with open_dataset(data) as dataset:
        must_know_trends(dataset.spec, conditional=not unconditional)
        images, again = both_samples(samples, second, dataset, Handling(threshold, invert))
        if sizes is None:
            trends, parts = len(dataset.spec.members), dataset.spec.simulated
            fitting = (n for n in _SIZES if parts and n < len(images) and n % trends == 0)
            sizes = (*fitting, len(images))
        found = list(
            by_size(images, dataset, sizes, second=again, conditional=not unconditional, bar=bar)
        )
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=2))
        return
    click.echo(
        f"Sets of n of the images of {samples}, each judged by itself without the classifier; of "
        "true sets 0.75 % are told.\n"
    )
    lines = [[str(f.n), str(f.sets), str(f.told), _counted(f.by)] for f in found]
    click.echo(table_text(["n", "sets", "told", "by (sets)"], lines))


def _counted(by: Mapping[str, int]) -> str:
    return ", ".join(f"`{name}` {count}" for name, count in by.items())


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
