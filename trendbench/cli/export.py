"""``trendbench export``."""

from pathlib import Path

import click


@click.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(["npz", "png", "aligned"]), required=True,
    help="Arrays, pictures, or A|B pictures: A has s1 and s2 as channels, B is r.",
)  # fmt: skip
@click.option(
    "--split", "splits", type=click.Choice(["train", "val", "test"]), multiple=True,
    help="Repeatable.  [default: all three]",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="A folder, new or empty."
)
@click.option("--with-truth", is_flag=True, help="Write r of the test split too.")
def command(file: Path, form: str, splits: tuple[str, ...], out: Path, with_truth: bool) -> None:
    """Write the images of a data file for programs that read no HDF5.

    The test split's r is left out, as it is what a generator is to draw. Pictures are numbered
    from 0: whoever draws one for each test pair and keeps its number can have them scored with
    trendbench score FOLDER.
    """
    from trendbench.data.export import Format, export
    from trendbench.data.opening import open_dataset
    from trendbench.process.seeds import SPLITS, Split

    chosen: list[Split] = [split for split in SPLITS if split in splits or not splits]
    chosen_form: Format = form  # type: ignore[assignment]
    with open_dataset(file) as dataset:
        if not splits:
            chosen = [split for split in chosen if dataset.spec.sizes[split]]
        export(dataset, out, chosen_form, splits=chosen, with_truth=with_truth)
    click.echo(out)
