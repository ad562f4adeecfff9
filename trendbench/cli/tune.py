"""``trendbench tune``."""

from pathlib import Path

import click

from trendbench.cli import early
from trendbench.cli.completion import arch_or_file, device_names, preset_names


@click.command("tune")
@click.option(
    "--arch", required=True, shell_complete=arch_or_file,
    help="A name that trendbench archs lists, your own class, or a recipe file.",
)  # fmt: skip
@click.option(
    "--trials", type=click.IntRange(1, 10_000), required=True,
    help="Trials in all, those of earlier sessions included.",
)  # fmt: skip
@click.option(
    "--data", type=click.Path(path_type=Path), callback=early.data_file,
    help="Data file.  [default: the canonical one, made where missing]",
)  # fmt: skip
@click.option(
    "--epochs", type=click.IntRange(min=1), help="Of each trial, in place of the recipe's."
)
@click.option(
    "--preset", shell_complete=preset_names, help="A schedule of the family, e.g. fast or paper."
)
@click.option(
    "--space", type=click.Path(path_type=Path),
    help="TOML file: what to search.  [default: the family's own]",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0, (1 << 63) - 1), default=0, show_default=True)
@click.option(
    "--device", default="auto", show_default=True, callback=early.device,
    shell_complete=device_names,
    help="auto, cpu, cuda, cuda:1, …",
)  # fmt: skip
@click.option(
    "--jobs", type=click.IntRange(1, 1024), default=1, show_default=True,
    help="Processes at a time, each with its share of the cores.",
)  # fmt: skip
@click.option(
    "--cluster", metavar="WHERE",
    help="Let --jobs workers of a Dask cluster take trials: local, tcp://host:port, a JSON file.",
)  # fmt: skip
@click.option(
    "--study", type=click.Path(path_type=Path),
    help="The study's folder.  [default: by task, data, arch and seed under --runs]",
)  # fmt: skip
@click.option("--runs", type=click.Path(path_type=Path), default=Path("runs"), show_default=True)
@click.option(
    "--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True
)
@click.option("--json", "as_json", is_flag=True, help="For programs: every trial.")
def command(
    arch: str,
    trials: int,
    data: Path | None,
    epochs: int | None,
    preset: str | None,
    space: Path | None,
    seed: int,
    device: str,
    jobs: int,
    cluster: str | None,
    study: Path | None,
    runs: Path,
    results: Path,
    as_json: bool,
) -> None:
    """Search for hyper-parameters by Optuna, on the validation split alone.

    What is minimised is |ξ/floor − 1| of thresholded images, plus 1 for each flag. Trials worse
    than the median at an epoch are cut short. Run again, the same command goes on until the study
    has --trials trials.
    """
    early.must_be_known([arch], preset=preset, epochs=epochs)
    if space is not None:
        from trendbench.tuning.space import read_space

        read_space(space)
    from contextlib import nullcontext

    from trendbench.cli.study_table import study_table
    from trendbench.cluster.dask import connected
    from trendbench.tuning.study import tune

    gpu = device.startswith("cuda")
    with connected(cluster, gpu=gpu) if cluster is not None else nullcontext() as engine:
        outcome = tune(
            arch, trials=trials, data=data, epochs=epochs, preset=preset, space=space, seed=seed,
            device=device, jobs=jobs, engine=engine, study=study, runs=runs, results=results,
        )  # fmt: skip
    if as_json:
        click.echo(outcome.summary.to_json(), nl=False)
        return
    click.echo(study_table(outcome.summary))
    click.echo(f"study    {outcome.folder}")
    click.echo(f"trials   {outcome.trials}")
    click.echo(f"summary  {outcome.path}")
    if outcome.summary.best is not None:
        click.echo(f"best     trendbench run --arch {outcome.best}")
