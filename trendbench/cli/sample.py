"""``trendbench sample``."""

from pathlib import Path

import click

from trendbench.cli import early
from trendbench.cli.completion import arch_or_file


@click.command("sample")
@click.option(
    "--arch", required=True, shell_complete=arch_or_file,
    help="A name that trendbench archs lists, or your own class.",
)  # fmt: skip
@click.option(
    "--data", type=click.Path(path_type=Path), callback=early.data_file,
    help="Whose s1 and s2 to draw from.  [default: the canonical file, made where missing]",
)  # fmt: skip
@click.option(
    "--weights", type=click.Path(path_type=Path),
    help="Folder that the generator saved.  [default: those of the row's records that fit best]",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(0, (1 << 63) - 1),
    help="Of the draw.  [default: the one that records are drawn with]",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), required=True,
    help="The images, a .npy file of shape (n, H, W) in test order.",
)  # fmt: skip
@click.option(
    "--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True
)
def command(
    arch: str, data: Path | None, weights: Path | None, seed: int | None, out: Path, results: Path
) -> None:
    """Draw the test split with weights that are at hand; nothing is trained.

    trendbench score takes the file. Rows whose record came with weights need no --weights.
    """
    from trendbench.errors import ImagesError

    early.must_be_known([arch])
    if out.suffix != ".npy":
        raise ImagesError(f"{out}: the images go into a .npy file")
    if out.exists() or out.is_symlink():
        raise ImagesError(f"{out} exists: choose another --out, or move it away")
    import numpy as np

    from trendbench.data.canonical import canonical_data
    from trendbench.data.opening import open_dataset
    from trendbench.runner.sample import find_weights, sample
    from trendbench.storage.atomic import replacing

    source = find_weights(arch, weights, results)
    # The file is begun first: a place that cannot be written shows before anything is drawn.
    with replacing(out) as begun, open_dataset(data or canonical_data()) as dataset:
        drawn = sample(source, dataset, seed=seed)
        with begun.open("wb") as file:
            np.save(file, drawn)
    click.echo(out)
