"""``trendbench make-data``."""

from pathlib import Path

import click

from trendbench.catalog import DEFAULT_TASK
from trendbench.cli.completion import task_names
from trendbench.process.seeds import SEED_LIMIT


@click.command("make-data")
@click.option("--n", type=click.IntRange(min=1), help="Training triplets.  [default: the spec's]")
@click.option(
    "--spec", default=DEFAULT_TASK, show_default=True, shell_complete=task_names,
    help="A task's name, or a TOML file.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0, SEED_LIMIT - 1), default=0, show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path),
    help="Target file.  [default: datasets/<task>-n<N>-seed<K>.h5]",
)  # fmt: skip
@click.option("--workers", type=click.IntRange(1, 1024), help="Threads.  [default: all cores]")
@click.option(
    "--shards", type=click.IntRange(min=2), metavar="K",
    help="Write K files into a folder, to be opened as one data set.",
)  # fmt: skip
@click.option(
    "--cluster", metavar="WHERE",
    help="With --shards, make them on a Dask cluster: local, tcp://host:port or scheduler.json.",
)  # fmt: skip
@click.option(
    "--merge", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
    help="Write the shards in FOLDER to one file, with no other option but --out.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace another file of that name.")
@click.pass_context
def command(
    context: click.Context,
    n: int | None,
    spec: str,
    seed: int,
    out: Path | None,
    workers: int | None,
    shards: int | None,
    cluster: str | None,
    merge: Path | None,
    overwrite: bool,
) -> None:
    """Simulate a task into one HDF5 data file, or into several that make one data set.

    The data depend on the spec, --n and --seed alone, not on the number of shards. Interrupted,
    the same command goes on.
    """
    from trendbench.data.make import default_path, make_data
    from trendbench.progress import say
    from trendbench.spec import load_spec

    if merge is not None:
        _merge(context, merge, out)
        return
    if cluster is not None and shards is None:
        raise click.UsageError("--cluster makes shards: say how many with --shards")
    task = load_spec(spec, train=n)
    if shards is not None:
        from trendbench.cluster.dask import connected
        from trendbench.data.shards.make import default_folder, make_shards

        path = out or default_folder(task, seed)
        with connected(cluster) as engine:
            made = make_shards(
                task, seed, path, shards, workers=workers, overwrite=overwrite, engine=engine
            )
        size = sum(file.stat().st_size for file in path.iterdir())
    else:
        path = out or default_path(task, seed)
        made = make_data(task, seed, path, workers=workers, overwrite=overwrite)
        size = path.stat().st_size
    say(f"wrote {path}, {size / 1e6:.0f} MB" if made else f"{path} is there already")
    click.echo(path)


def _merge(context: click.Context, folder: Path, out: Path | None) -> None:
    """Write shards to one file, and say where it is."""
    from trendbench.data.make import default_path
    from trendbench.data.opening import open_dataset
    from trendbench.data.shards.merge import merge_shards
    from trendbench.progress import say

    given = {
        name
        for name in context.params
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    }
    if other := sorted(given - {"merge", "out"}):
        raise click.UsageError(f"--merge takes --out alone, not --{other[0]}")
    with open_dataset(folder) as shards:
        path = out or default_path(shards.spec, shards.seed)
    merge_shards(folder, path)
    say(f"wrote {path}, {path.stat().st_size / 1e6:.0f} MB")
    click.echo(path)
