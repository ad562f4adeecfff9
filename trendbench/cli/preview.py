"""``trendbench preview``."""

from pathlib import Path

import click

from trendbench.cli import early


@click.command("preview")
@click.argument("file", type=click.Path(path_type=Path), callback=early.data_file)
@click.option("--out", type=click.Path(path_type=Path), help="PNG file.  [default: <FILE>.png]")
@click.option("--split", type=click.Choice(["train", "val", "test"]), default="train")
@click.option("--start", type=click.IntRange(min=0), default=0, help="First triplet shown.")
@click.option("--count", type=click.IntRange(1, 20), default=3, show_default=True)
def command(file: Path, out: Path | None, split: str, start: int, count: int) -> None:
    """Draw a few triplets with their density profiles ξ(k) over the exact mean and envelope."""
    from trendbench.data.opening import open_dataset
    from trendbench.errors import DataFileError
    from trendbench.figures.canvas import save
    from trendbench.figures.preview import preview_figure
    from trendbench.process.seeds import Split
    from trendbench.progress import say
    from trendbench.storage.atomic import must_be_apart, must_be_no_folder

    target = out or (file if file.name else file.resolve()).with_suffix(".png")
    if target.suffix.lower() != ".png":
        raise click.BadParameter(
            f"'{target}' must end in .png, the one format drawn", param_hint="--out"
        )
    must_be_no_folder(target)
    must_be_apart(target, "--out", file)
    chosen: Split = split  # type: ignore[assignment]
    with open_dataset(file) as dataset:
        size, counted = dataset.spec.sizes[chosen], dataset.spec.counted
        if start >= size:
            way = f"--start {start} is beyond them" if size else "choose another --split"
            raise DataFileError(f"{file} has {size} {split} {counted}: {way}")
        triplets = dataset.glance(chosen, start, count)
        if len(triplets) < count:
            say(f"{file} has {size} {split} {counted}: {len(triplets)} shown, not {count}")
        figure = preview_figure(triplets, dataset.spec.of_split(chosen), first=start)
    is_there = target.exists()
    click.echo(save(figure, target))
    if is_there:
        say(f"{target} replaces the file of that name")
