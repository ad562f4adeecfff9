"""What is refused before anything heavy is imported: names, paths and devices that are mistyped."""

from collections.abc import Iterable
from pathlib import Path

import click


def device(context: click.Context, option: click.Parameter, name: str) -> str:
    """A device that is trained on at all; whether it is here, torch says later."""
    del context, option
    from trendbench.training.device import named_device

    return named_device(name)


def data_file(context: click.Context, option: click.Parameter, path: Path | None) -> Path | None:
    """A data file that is there."""
    del context, option
    if path is not None and not path.exists():
        from trendbench.errors import no_data_file

        raise no_data_file(path)
    return path


def data_files(
    context: click.Context, option: click.Parameter, paths: tuple[Path, ...]
) -> tuple[Path, ...]:
    """Data files that are there, each once."""
    for path in paths:
        data_file(context, option, path)
    return tuple(dict.fromkeys(paths))


def must_be_known(
    archs: Iterable[str], *, preset: str | None = None, epochs: int | None = None
) -> None:
    """Refuse generators without a recipe, or without the preset."""
    from trendbench.generators.recipes import find_recipe

    for arch in archs:
        find_recipe(arch, preset=preset, overrides={} if epochs is None else {"epochs": epochs})
