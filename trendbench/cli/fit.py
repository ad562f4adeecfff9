"""``trendbench fit``."""

import json
from pathlib import Path

import click


@click.command("fit")
@click.argument(
    "pictures", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--threshold",
    metavar="X",
    type=click.FloatRange(0, 255, min_open=True),
    help="Make pixels of X and above white, all others black: 0 … 255, or 0 … 1 for floats.",
)
@click.option("--invert", is_flag=True, help="Exchange black and white: particles are white.")
@click.option(
    "--along",
    type=click.Choice(["x", "y"]),
    default="x",
    show_default=True,
    help="The axis that the trend runs along.",
)
@click.option(
    "--sets",
    type=click.IntRange(min=100),
    default=200,
    show_default=True,
    help="Sets simulated from the fitted model.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of the simulated sets.",
)
@click.option("--out", type=click.Path(path_type=Path), help="PNG file.  [default: no figure]")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(
    pictures: tuple[Path, ...],
    threshold: float | None,
    invert: bool,
    along: str,
    sets: int,
    seed: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Fit the Boolean model of disks with a linear trend to black and white pictures.

    PATH is a PNG, a TIFF of one page or many, a .npy, .npz or .h5 file with one array, or a folder
    of these; all pictures are of one size, particles 0 and background 255. Printed are λ₀, k and R
    with standard errors and 95 % intervals, the coverage, a test of no trend, and whether the
    model holds.
    """
    from trendbench.cli.fit_text import fit_text
    from trendbench.figures.canvas import save
    from trendbench.figures.fit import fit_figure
    from trendbench.fitting.fit import fit_pictures, pictures_along
    from trendbench.metrics.intake import Handling
    from trendbench.progress import bar, say
    from trendbench.storage.atomic import must_be_apart, must_be_no_folder

    if out is not None:
        if out.suffix.lower() != ".png":
            raise click.BadParameter(
                f"'{out}' must end in .png, the one format drawn", param_hint="--out"
            )
        must_be_no_folder(out)
        must_be_apart(out, "--out", *pictures)
    images = pictures_along(list(pictures), Handling(threshold, invert), along)
    found = fit_pictures(images, along=along, sets=sets, seed=seed, bar=bar)
    click.echo(json.dumps(found.to_json(), indent=2) if as_json else fit_text(found))
    if out is not None:
        say(f"figure: {save(fit_figure(found, images[0]), out)}")
