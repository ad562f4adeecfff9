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
@click.option("--overwrite", is_flag=True, help="Replace another file of that name.")
def command(
    n: int | None,
    spec: str,
    seed: int,
    out: Path | None,
    workers: int | None,
    overwrite: bool,
) -> None:
    """Simulate a task into one HDF5 data file.

    The data depend on the spec, --n and --seed alone. Interrupted, the command leaves no file.
    """
    from trendbench.catalog import spec_names
    from trendbench.data.make import default_path, make_data
    from trendbench.progress import say
    from trendbench.spec import is_shipped, load_spec

    task = load_spec(spec, train=n)
    if task.name in spec_names() and not is_shipped(task):
        say(
            f"{spec}: '{task.name}' is the name of a shipped task with other numbers: under a name "
            "of its own its rows stand apart"
        )
    path = out or default_path(task, seed)
    made = make_data(task, seed, path, workers=workers, overwrite=overwrite)
    say(f"wrote {path}, {path.stat().st_size / 1e6:.0f} MB" if made else f"{path} is there already")
    click.echo(path)
