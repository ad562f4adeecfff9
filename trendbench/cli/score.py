"""``trendbench score``."""

import json
from pathlib import Path

import click


@click.command("score")
@click.argument("samples", type=click.Path(path_type=Path))
@click.option(
    "--data", type=click.Path(path_type=Path), required=True,
    help="The data file whose test triplets the samples were drawn for.",
)  # fmt: skip
@click.option("--name", required=True, help="What the card calls the samples.")
@click.option(
    "--second", type=click.Path(path_type=Path),
    help="Another sample for each of the same inputs, for the diversity score.",
)  # fmt: skip
@click.option("--unconditional", is_flag=True, help="The samples were drawn without s1 and s2.")
@click.option("--no-c2st", is_flag=True, help="Leave out the trained classifier (minutes).")
@click.option(
    "--figures", type=click.Path(path_type=Path), help="Folder for the pictures.  [default: none]"
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(
    samples: Path,
    data: Path,
    name: str,
    second: Path | None,
    unconditional: bool,
    no_c2st: bool,
    figures: Path | None,
    as_json: bool,
) -> None:
    """Score anyone's images: SAMPLES is a .npy, .npz or .h5 file or a folder of numbered PNGs.

    One image for each test triplet of the data file, in its order; particles 0, background 255.
    """
    from trendbench.cli.card_text import card_text
    from trendbench.data.dataset import open_dataset
    from trendbench.figures.card import write_figures
    from trendbench.metrics.full_card import full_card
    from trendbench.submissions.images import read_images

    with open_dataset(data) as dataset:
        spec = dataset.spec
        images = read_images(samples, spec, spec.test)
        again = read_images(second, spec, spec.test) if second else None
        card = full_card(
            images, dataset, name=name, second=again, conditional=not unconditional,
            c2st=not no_c2st,
        )  # fmt: skip
        if figures:
            write_figures(figures, images, dataset, card)
    click.echo(json.dumps(card.to_json(), indent=2) if as_json else card_text(card))
