"""``trendbench import``."""

import re
from pathlib import Path

import click

from trendbench.process.seeds import SEED_LIMIT

_PART = re.compile(r"(\d+)[x×](\d+)(?:\+(\d+)\+(\d+))?")
_SHARES = re.compile(r"(\d+)/(\d+)/(\d+)")


def _threshold(
    context: click.Context, option: click.Parameter, text: str | None
) -> float | str | None:
    del context, option
    if text is None or text == "otsu":
        return text
    try:
        return float(text)
    except ValueError:
        raise click.BadParameter(f"'{text}' is neither a number nor otsu") from None


def _part(
    context: click.Context, option: click.Parameter, text: str | None
) -> tuple[int, ...] | None:
    """Numbers of W×H, or of W×H+X+Y for --crop."""
    del context
    if text is None:
        return None
    found = _PART.fullmatch(text)
    if found is None or (option.name == "tile" and found[3]):
        form = "WxH+X+Y, for example 640x480+0+0" if option.name == "crop" else "WxH, as 256x256"
        raise click.BadParameter(f"'{text}' is not {form}")
    numbers = tuple(int(number or 0) for number in found.groups())
    if not (numbers[0] and numbers[1]):
        raise click.BadParameter(f"'{text}' has a side of 0 px")
    return numbers


def _shares(context: click.Context, option: click.Parameter, text: str) -> tuple[int, ...]:
    del context, option
    found = _SHARES.fullmatch(text)
    numbers = tuple(map(int, found.groups())) if found else ()
    if not numbers or not all(numbers):
        raise click.BadParameter(f"'{text}' is not TRAIN/VAL/TEST, for example 60/10/30")
    return numbers


@click.command("import")
@click.argument(
    "trend", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option("--left", type=click.Path(path_type=Path), help="The left textures s1, in order.")
@click.option("--right", type=click.Path(path_type=Path), help="The right textures s2, in order.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Data file to write, *.h5."
)
@click.option("--name", help="Of the task.  [default: that of the file]")
@click.option(
    "--threshold", metavar="X", callback=_threshold,
    help="Pixels of X and above become white, all others black; otsu finds X.",
)  # fmt: skip
@click.option("--invert", is_flag=True, help="Exchange black and white, after the threshold.")
@click.option("--crop", metavar="WxH+X+Y", callback=_part, help="Part of each stored picture.")
@click.option(
    "--tile", metavar="WxH", callback=_part, help="Cut tiles, W along the trend.  [default: none]"
)
@click.option("--overlap", type=click.IntRange(min=0), default=0, help="Of tiles [px].")
@click.option(
    "--along", type=click.Choice(["x", "y"]), default="x", show_default=True,
    help="The axis that the trend runs along; y transposes.",
)  # fmt: skip
@click.option(
    "--slices", type=click.Choice(["z", "y", "x"]),
    help="Take stacks, or a folder of slices, as volumes: slice by slice along this axis; z is the "
    "order of pages and files.",
)  # fmt: skip
@click.option(
    "--every", type=click.IntRange(min=2), metavar="N",
    help="With --slices: every N-th slice, each a source of its own.",
)  # fmt: skip
@click.option(
    "--pairs", is_flag=True,
    help="Pictures are A|B pairs in RGB: A has s1 in red and s2 in green, B is the trend.",
)  # fmt: skip
@click.option(
    "--splits", metavar="A/B/C", default="60/10/30", show_default=True, callback=_shares,
    help="Shares of the source pictures for train, val and test.",
)  # fmt: skip
@click.option(
    "--length", type=click.FloatRange(0.1, 1e5), help="Characteristic length [px].  [measured]"
)
@click.option("--window", type=click.IntRange(min=1), help="Of ξ [px].  [default: 16, or W/8]")
@click.option(
    "--seed", type=click.IntRange(0, SEED_LIMIT - 1), default=0, show_default=True,
    help="Of the order in which source pictures are dealt to the splits.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace another file of that name.")
def command(
    trend: tuple[Path, ...],
    left: Path | None,
    right: Path | None,
    out: Path,
    name: str | None,
    threshold: float | str | None,
    invert: bool,
    crop: tuple[int, int, int, int] | None,
    tile: tuple[int, ...] | None,
    overlap: int,
    along: str,
    slices: str | None,
    every: int | None,
    pairs: bool,
    splits: tuple[int, int, int],
    length: float | None,
    window: int | None,
    seed: int,
    overwrite: bool,
) -> None:
    """Make a data file of pictures of one's own.

    PATH holds the pictures with the trend: a PNG, a TIFF of one page or many, a JPEG, a .npy, .npz
    or .h5 file with one array, or a folder of these. With --left and --right, which hold as many
    pictures, the task is to draw the trend from the two textures; without them, to draw it from
    nothing. Splits are by source picture. True values are estimated from the test split.
    """
    from trendbench.importing.pictures import import_pictures
    from trendbench.progress import bar, say

    if every is not None and slices is None:
        raise click.BadParameter("goes with --slices", param_hint="--every")
    if pairs and slices is not None:
        raise click.BadParameter("pairs are no volume: leave out one of both", param_hint="--pairs")
    spec = import_pictures(
        list(trend), out, name=name, left=left, right=right, threshold=threshold, invert=invert,
        crop=crop, tile=(tile[0], tile[1]) if tile else None, overlap=overlap, along=along,
        slices=slices, every=every or 1, pairs=pairs, splits=splits, length=length, window=window,
        seed=seed, overwrite=overwrite, bar=bar,
    )  # fmt: skip
    counts = ", ".join(f"{size} {split}" for split, size in spec.sizes.items())
    say(f"wrote {out}: {counts}")
    click.echo(out)
