"""``trendbench run``."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trendbench.cli import early
from trendbench.cli.completion import arch_or_file, device_names, preset_names

if TYPE_CHECKING:
    from trendbench.runner.sweep import Options

_WIDTH = 80


@click.command("run")
@click.option(
    "--arch", "archs", required=True, multiple=True, shell_complete=arch_or_file,
    help="A name that trendbench archs lists, or your own class. Repeatable.",
)  # fmt: skip
@click.option(
    "--data", "data", type=click.Path(path_type=Path), multiple=True, callback=early.data_files,
    help="Data file; repeatable.  [default: the canonical one, made where missing]",
)  # fmt: skip
@click.option(
    "--stream", type=click.IntRange(min=1), metavar="N",
    help="Train on N triplets drawn on the fly, in place of the file's.",
)  # fmt: skip
@click.option(
    "--fitted-on", type=click.Path(path_type=Path), metavar="DATA", callback=early.data_file,
    help="Take over the weights of a run or record on this file, which has the same training "
    "triplets.",
)  # fmt: skip
@click.option(
    "--seed", "seeds", type=click.IntRange(0, (1 << 63) - 1), multiple=True, default=(0,),
    help="Repeatable.  [default: 0]",
)  # fmt: skip
@click.option("--epochs", type=click.IntRange(min=1), help="In place of the recipe's.")
@click.option(
    "--preset", shell_complete=preset_names, help="A schedule of the family, e.g. fast or paper."
)
@click.option(
    "--device", default="auto", show_default=True, callback=early.device,
    shell_complete=device_names,
    help="auto, cpu, cuda, cuda:1, …",
)  # fmt: skip
@click.option("--no-c2st", is_flag=True, help="Leave out the trained classifier (minutes).")
@click.option(
    "--tensorboard", is_flag=True, help="Log losses, validation scores and samples there too."
)
@click.option(
    "--restart", is_flag=True, help="Delete what an earlier session left, and begin again."
)
@click.option("--afresh", "restart", is_flag=True, hidden=True)  # its name until version 0.1
@click.option(
    "--cluster", metavar="WHERE",
    help="Spread runs over a Dask cluster: local, tcp://host:port or scheduler.json.",
)  # fmt: skip
@click.option("--runs", type=click.Path(path_type=Path), default=Path("runs"), show_default=True)
@click.option(
    "--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True
)
def command(
    archs: tuple[str, ...],
    data: tuple[Path, ...],
    stream: int | None,
    fitted_on: Path | None,
    seeds: tuple[int, ...],
    epochs: int | None,
    preset: str | None,
    device: str,
    no_c2st: bool,
    tensorboard: bool,
    restart: bool,
    cluster: str | None,
    runs: Path,
    results: Path,
) -> None:
    """Train a generator, draw the test split, score it, record the result.

    Run again, the same command goes on where it stopped, or says that the run is finished. After a
    change to your own class, --restart runs it again; records stay until you delete them.

    Several --arch, --seed and --data make every combination, one after another or on a --cluster,
    where each run has one worker.
    """
    early.must_be_known(archs, preset=preset, epochs=epochs)
    from trendbench.cli.card_text import record_text
    from trendbench.progress import say
    from trendbench.results.store import StoredRecord, read_record
    from trendbench.runner.remarks import seen
    from trendbench.runner.run import run
    from trendbench.runner.sweep import Options

    options = Options(
        data=data[0] if data else None, stream=stream, fitted_on=fitted_on, epochs=epochs,
        preset=preset, device=device,
        c2st=not no_c2st, tensorboard=tensorboard, restart=restart, runs=runs, results=results,
    )  # fmt: skip
    if cluster is not None or len(archs) * len(seeds) > 1 or len(data) > 1:
        _sweep(archs, seeds, data, options, cluster)
        return
    outcome = run(archs[0], seed=seeds[0], **vars(options))
    record = read_record(outcome.record)
    if not outcome.fresh:
        say("this run is finished; its record follows (more --epochs extend it)")
    click.echo(record_text(record))
    remark = seen(StoredRecord(record, outcome.record, "local"))
    if remark:
        click.echo(f"{textwrap.fill(remark, _WIDTH)}\n")
    if outcome.figures is not None:
        click.echo(f"figures      {outcome.figures}")
    click.echo(f"record       {outcome.record}")
    click.echo(f"leaderboard  {outcome.leaderboard}")


def _sweep(
    archs: tuple[str, ...],
    seeds: tuple[int, ...],
    data: tuple[Path, ...],
    options: "Options",
    cluster: str | None,
) -> None:
    """All combinations; a line for each as it ends, and exit code 2 if one has failed."""
    from trendbench.cluster.dask import connected
    from trendbench.errors import RunError
    from trendbench.leaderboard.board import refresh
    from trendbench.results.store import read_record
    from trendbench.runner.sweep import sweep

    total = failed = 0
    with connected(cluster, gpu=options.device.startswith("cuda")) as engine:
        for ending in sweep(archs, seeds, options, engine, data=data):
            total += 1
            title = ending.entry.title
            if ending.outcome is None:
                failed += 1
                click.echo(f"{title}: failed: {ending.problem}")
                continue
            record = read_record(ending.outcome.record)
            ratio = record.scores["xi_ratio"]
            shown = f"ξ/floor {ratio.value:.3g}" if ratio else "no ξ"
            flags = f", flags {', '.join(record.flags)}" if record.flags else ""
            click.echo(f"{title}: {shown}{flags}: {ending.outcome.record}")
    click.echo(f"leaderboard  {refresh(options.results)}")
    if failed:
        raise RunError(f"{failed} of {total} runs failed, the others are recorded")
