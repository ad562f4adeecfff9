"""``trendbench score``."""

import json
from pathlib import Path

import click

from trendbench.cli.handed_in import handed_in
from trendbench.plain_text import is_plain

_LONGEST_NAME = 64


def _plain_name(context: click.Context, option: click.Parameter, name: str) -> str:
    """A name that stays in its line, its table cell and its title."""
    del context, option
    if not (name.strip() and len(name) <= _LONGEST_NAME and is_plain(name)):
        raise click.BadParameter(
            f"a name is 1 to {_LONGEST_NAME} characters in one line, each of which can be seen"
        )
    return name


@click.command("score")
@click.argument("samples", type=click.Path(path_type=Path))
@click.option(
    "--data", type=click.Path(path_type=Path), required=True,
    help="The data file whose test triplets the samples were drawn for.",
)  # fmt: skip
@click.option(
    "--name", required=True, callback=_plain_name, help="What the card calls the samples."
)
@handed_in
@click.option("--no-c2st", is_flag=True, help="Leave out the trained classifier (minutes).")
@click.option(
    "--connectivity", is_flag=True,
    help="Score clusters too: whether phases connect opposite borders, and C₂.",
)  # fmt: skip
@click.option(
    "--figures", type=click.Path(path_type=Path), help="Folder for the pictures.  [default: none]"
)
@click.option(
    "--cluster", metavar="WHERE",
    help="Look at the images on a Dask cluster: local, tcp://host:port or scheduler.json.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(
    samples: Path,
    data: Path,
    name: str,
    second: Path | None,
    threshold: float | None,
    invert: bool,
    unconditional: bool,
    no_c2st: bool,
    connectivity: bool,
    figures: Path | None,
    cluster: str | None,
    as_json: bool,
) -> None:
    """Score anyone's images: SAMPLES is a .npy, .npz, .h5 or .tif file or a folder of pictures.

    One image for each test triplet of the data file, in its order; particles 0, background 255.
    Pictures are PNGs or TIFFs whose names end in the number of their triplet; JPEGs want
    --threshold.
    An array of shape (2, n, H, W), such as a run's samples.npy, holds two samples for each
    triplet: the first is scored, the second gives the diversity score.
    """
    from contextlib import nullcontext

    from trendbench.cli.card_text import card_text
    from trendbench.cluster.dask import connected
    from trendbench.data.opening import open_dataset
    from trendbench.figures.card import curves_of, write_figures
    from trendbench.metrics.full_card import full_card, must_know_trends
    from trendbench.metrics.intake import Handling
    from trendbench.metrics.score import both_samples
    from trendbench.progress import bar, say
    from trendbench.storage.atomic import must_be_apart
    from trendbench.storage.folder import must_take_files

    if figures:
        must_take_files(figures, "--figures")
        must_be_apart(figures, "--figures", samples, *([second] if second else []))
    with open_dataset(data) as dataset:
        must_know_trends(dataset.spec, conditional=not unconditional)
        images, again = both_samples(samples, second, dataset, Handling(threshold, invert))
        if again is not None and second is None:
            say(f"{samples} holds two samples: the first is scored, the second gives diversity")
        with connected(cluster) if cluster is not None else nullcontext() as engine:
            card = full_card(
                images, dataset, name=name, second=again, conditional=not unconditional,
                c2st=not no_c2st, connectivity=connectivity, bar=bar, engine=engine,
            )  # fmt: skip
        click.echo(json.dumps(card.to_json(), indent=2) if as_json else card_text(card))
        if figures:
            write_figures(figures, images, dataset, card, curves_of(images, dataset, card))
