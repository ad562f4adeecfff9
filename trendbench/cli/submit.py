"""``trendbench submit``."""

from pathlib import Path

import click

from trendbench.cli.handed_in import handed_in


@click.command("submit")
@click.argument("samples", type=click.Path(path_type=Path))
@click.option(
    "--data", type=click.Path(path_type=Path), required=True,
    help="The data file whose test triplets the samples were drawn for.",
)  # fmt: skip
@click.option("--name", required=True, help="What the leaderboard calls the row.")
@click.option(
    "--recipe", type=click.Path(path_type=Path), required=True,
    help="How the samples were made: a .md or .toml file that goes into the entry.",
)  # fmt: skip
@handed_in
@click.option("--privileged", is_flag=True, help="The generator was shown germs or targets.")
@click.option("--no-c2st", is_flag=True, help="Leave out the trained classifier (minutes).")
@click.option(
    "--seed", type=click.IntRange(0, (1 << 63) - 1), default=0, show_default=True,
    help="Of the training: one entry a seed.",
)  # fmt: skip
@click.option("--parameters", type=click.IntRange(0, 10**12), help="How many trained numbers.")
@click.option("--epochs", type=click.FloatRange(0, 1 << 53), help="Passes over the training set.")
@click.option("--device", default="not said", show_default=True, help="What it was trained on.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="The entry.  [default: <NAME>-seed<K>.entry.zip]"
)
def command(
    samples: Path,
    data: Path,
    name: str,
    recipe: Path,
    second: Path | None,
    threshold: float | None,
    invert: bool,
    unconditional: bool,
    privileged: bool,
    no_c2st: bool,
    seed: int,
    parameters: int | None,
    epochs: float | None,
    device: str,
    out: Path | None,
) -> None:
    """Score anyone's images and pack them, with the recipe and what is said of them, into one file.

    SAMPLES is what trendbench score takes. The file holds the images and no score:
    trendbench leaderboard --merge scores them again and takes them in.
    """
    from trendbench.cli.card_text import card_text
    from trendbench.data.opening import open_dataset
    from trendbench.metrics.full_card import full_card, must_know_trends
    from trendbench.metrics.intake import Handling
    from trendbench.metrics.score import both_samples
    from trendbench.progress import bar
    from trendbench.storage.atomic import write_bytes
    from trendbench.submissions.entry import checked_entry, must_be_new, pack, read_recipe

    target = out or Path(f"{name}-seed{seed}.entry.zip")
    must_be_new(target)
    text = read_recipe(recipe)
    with open_dataset(data) as dataset:
        must_know_trends(dataset.spec, conditional=not unconditional)
        entry = checked_entry(
            {
                "name": name, "task": dataset.spec.name, "data": dataset.sha256, "seed": seed,
                "conditional": not unconditional, "privileged": privileged,
                "parameters": parameters, "epochs": epochs, "device": device,
            }
        )  # fmt: skip
        images, again = both_samples(samples, second, dataset, Handling(threshold, invert))
        content = pack(entry, text, images, again)  # one too large is refused before the scoring
        card = full_card(
            images, dataset, name=name, second=again, conditional=entry.conditional,
            c2st=not no_c2st, bar=bar,
        )  # fmt: skip
    must_be_new(target)  # nor by another process meanwhile
    write_bytes(target, content)
    click.echo(card_text(card))
    click.echo(f"entry  {target}")
