"""What the shell completes beyond commands, options and files: names that trendbench knows."""

from collections.abc import Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem


def arch_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Rows of ``baselines/`` that begin with what has been typed."""
    del context, parameter
    from trendbench.generators.recipes import shipped_recipes

    return _beginning((recipe.arch for recipe in shipped_recipes()), incomplete)


def arch_or_file(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str] | list[CompletionItem]:
    """The same, and files where no row begins so."""
    names = arch_names(context, parameter, incomplete)
    return names or [CompletionItem(incomplete, type="file")]


def device_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Kinds of device that are trained on."""
    del context, parameter
    from trendbench.training.device import NAMES

    return _beginning(NAMES, incomplete)


def preset_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Presets of the row that ``--arch`` names, or of every shipped row."""
    del parameter
    from trendbench.generators.recipes import presets_of, shipped_recipes

    named = context.params.get("archs") or context.params.get("arch") or ()
    archs = (named,) if isinstance(named, str) else named
    known = (presets_of(arch) for arch in archs or (r.arch for r in shipped_recipes()))
    return _beginning(dict.fromkeys(name for names in known for name in names), incomplete)


def task_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Shipped tasks that begin with what has been typed."""
    del context, parameter
    from trendbench.catalog import spec_names

    return _beginning(spec_names(), incomplete)


def board_tasks(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Tasks that are shipped or that local records are of."""
    local = {path.parents[1].name for path in _local_records(context)}
    return _beginning(sorted({*task_names(context, parameter, ""), *local}), incomplete)


def board_families(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Families of the shipped rows, of one's own and of submitted ones."""
    del context, parameter
    from trendbench.generators.recipes import OWN_FAMILY, shipped_recipes
    from trendbench.results.record import SUBMITTED

    shipped = (recipe.family for recipe in shipped_recipes())
    return _beginning(dict.fromkeys((*shipped, OWN_FAMILY, SUBMITTED)), incomplete)


def score_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Scores of the leaderboard."""
    del context, parameter
    from trendbench.leaderboard.board import SCORES

    return _beginning(SCORES, incomplete)


def column_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Columns of the leaderboard's CSV: the last of a list with commas."""
    del context, parameter
    from trendbench.leaderboard.board import COLUMNS

    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in _beginning(COLUMNS, last)]


def _local_records(context: click.Context) -> Iterable[Path]:
    return Path(context.params.get("folder") or "results").glob("*/*/seed*.json")


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
