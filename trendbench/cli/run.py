"""``trendbench run``."""

from pathlib import Path

import click

from trendbench.cli.completion import arch_names


@click.command("run")
@click.option(
    "--arch", required=True, shell_complete=arch_names,
    help="A name that trendbench archs lists, or your own class.",
)  # fmt: skip
@click.option(
    "--data", type=click.Path(path_type=Path),
    help="Data file.  [default: the canonical one, made where missing]",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0, (1 << 63) - 1), default=0, show_default=True)
@click.option("--epochs", type=click.IntRange(min=1), help="In place of the recipe's.")
@click.option("--preset", help="A schedule of the family, e.g. fast or paper.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, …")
@click.option("--no-c2st", is_flag=True, help="Leave out the trained classifier (minutes).")
@click.option(
    "--tensorboard", is_flag=True, help="Log losses, validation scores and samples there too."
)
@click.option(
    "--afresh", is_flag=True, help="Delete what an earlier sitting left, and begin again."
)
@click.option("--runs", type=click.Path(path_type=Path), default=Path("runs"), show_default=True)
@click.option(
    "--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True
)
def command(
    arch: str,
    data: Path | None,
    seed: int,
    epochs: int | None,
    preset: str | None,
    device: str,
    no_c2st: bool,
    tensorboard: bool,
    afresh: bool,
    runs: Path,
    results: Path,
) -> None:
    """Train a generator, draw the test split, score it, record the result.

    Run again, the same command goes on where it stopped, or says that the run is finished. After a
    change to your own class, --afresh runs it again; records stay until you delete them. Under
    torchrun all its processes train one network.
    """
    from trendbench.cli.card_text import record_text
    from trendbench.progress import say
    from trendbench.results.store import read_record
    from trendbench.runner.along import train_along
    from trendbench.runner.run import canonical_path, run
    from trendbench.training.processes import joined

    with joined() as processes:
        if not processes.leads:
            train_along(
                arch, data=data or canonical_path(), seed=seed, epochs=epochs, preset=preset,
                device=device, processes=processes,
            )  # fmt: skip
            return
        outcome = run(
            arch, data=data, seed=seed, epochs=epochs, preset=preset, device=device,
            c2st=not no_c2st, tensorboard=tensorboard, afresh=afresh, runs=runs, results=results,
            processes=processes,
        )  # fmt: skip
    record = read_record(outcome.record)
    if not outcome.fresh:
        say("this run is finished; its record follows (more --epochs extend it)")
    click.echo(record_text(record))
    click.echo(f"figures      {outcome.folder / 'figures'}")
    click.echo(f"record       {outcome.record}")
    click.echo(f"leaderboard  {outcome.leaderboard}")
