"""What the shell completes beyond commands, options and files: names that trendbench knows."""

import click


def arch_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Rows of ``baselines/`` that begin with what has been typed."""
    del context, parameter
    from trendbench.generators.recipes import shipped_recipes

    return [recipe.arch for recipe in shipped_recipes() if recipe.arch.startswith(incomplete)]


def task_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Shipped tasks that begin with what has been typed."""
    del context, parameter
    from trendbench.catalog import spec_names

    return [name for name in spec_names() if name.startswith(incomplete)]
