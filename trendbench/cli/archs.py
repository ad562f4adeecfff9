"""``trendbench archs``."""

import json

import click


@click.command("archs")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(as_json: bool) -> None:
    """List the generators that ``trendbench run --arch`` knows by name.

    Other widths and variants are known as well: nf<number>, then -3x3, -woUnet or both, and
    pix2pix-<number>.
    """
    from trendbench.generators.recipes import shipped_recipes

    recipes = shipped_recipes()
    if as_json:
        rows = [
            {
                "arch": r.arch,
                "family": r.family,
                "preset": r.preset,
                "sha256": r.sha256,
                **r.content,
            }
            for r in recipes
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    longest = max(len(recipe.arch) for recipe in recipes)
    for recipe in recipes:
        click.echo(f"{recipe.arch:<{longest}}  {recipe.summary}")
