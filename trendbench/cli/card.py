"""``trendbench card``."""

from pathlib import Path

import click

from trendbench.cli.completion import task_names


@click.command("card")
@click.argument("what", shell_complete=task_names)
@click.option(
    "--croissant", "as_croissant", is_flag=True,
    help="Of a data file: Croissant metadata (JSON-LD) in place of Markdown.",
)  # fmt: skip
@click.option(
    "--url", help="With --croissant: where the file is published.  [default: beside the metadata]"
)
@click.option("--out", type=click.Path(path_type=Path), help="File to write.  [default: stdout]")
def command(what: str, as_croissant: bool, url: str | None, out: Path | None) -> None:
    """Write what is published beside data and models.

    WHAT is a task (its name, or a .toml spec), a data file (.h5) for a dataset
    card, or the record of a run (.json) for a model card.
    """
    import json

    from trendbench import catalog
    from trendbench.cards.croissant import croissant
    from trendbench.cards.dataset_card import dataset_card, facts_of
    from trendbench.cards.model_card import model_card
    from trendbench.data.layout import SUFFIXES
    from trendbench.data.opening import open_dataset
    from trendbench.results.store import read_record
    from trendbench.spec import is_shipped, load_spec, summary_of
    from trendbench.storage.atomic import is_stream, must_be_apart, must_be_no_folder, write_text

    kind = Path(what).suffix.lower()
    is_data = kind in SUFFIXES
    if as_croissant and not is_data:
        raise click.BadParameter(f"'{what}' is no data file (.h5)", param_hint="--croissant")
    if url and not as_croissant:
        raise click.BadParameter("goes with --croissant", param_hint="--url")
    if out is not None:
        must_be_no_folder(out)
        if not catalog.spec_path(what):
            must_be_apart(out, "--out", Path(what))
    if not (is_data or kind in (".json", ".toml") or catalog.spec_path(what)) and (
        Path(what).exists() or "/" in what
    ):
        raise click.BadParameter(
            f"'{what}': needed is a task's name or .toml, a data file's .h5, or a record's "
            "seed….json",
            param_hint="WHAT",
        )
    if is_data:
        with open_dataset(what) as dataset:
            summary = summary_of(dataset.spec.name) if is_shipped(dataset.spec) else ""
            text = (
                json.dumps(croissant(dataset, summary=summary, url=url), indent=2,
                           ensure_ascii=False) + "\n"
                if as_croissant
                else dataset_card(dataset.spec, summary=summary, file=facts_of(dataset))
            )  # fmt: skip
    elif kind == ".json":
        text = model_card(read_record(Path(what)))
    else:
        text = dataset_card(load_spec(what), summary=summary_of(what))
    if out is None:
        click.echo(text, nl=False)
    else:
        write_text(out, text)
        if not is_stream(out):
            click.echo(out)
