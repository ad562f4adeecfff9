"""A row's network, trained for a campaign: outside of ``trendbench run``, and without a record."""

from pathlib import Path
from typing import Any

from trendbench.generators.recipes import Recipe
from trendbench.process.triplets import Triplets


def fitted(
    recipe: Recipe, train: Triplets, val: Triplets, folder: Path, data: str, seed: int
) -> Any:
    """A recipe's generator, trained on this machine's device, or where it was interrupted, further.

    Args:
        recipe: of a row.
        train: triplets to learn from.
        val: triplets to watch.
        folder: of checkpoints and losses; made where missing.
        data: what tells the triplets from others, so that no other training is gone on with.
        seed: of the weights and of the order of the triplets.
    """
    from trendbench.training.context import RunContext
    from trendbench.training.device import choose_device, choose_precision

    device = choose_device()
    folder.mkdir(parents=True, exist_ok=True)
    run = RunContext(
        seed=seed,
        device=str(device),
        precision=choose_precision(device),
        folder=folder,
        identity=f"{recipe.identity} {data}",
    )
    generator = recipe.build()
    generator.fit(train, val, run)
    return generator
