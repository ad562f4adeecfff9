"""Draw with weights that lie somewhere: published beside a record, or left by a run."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trendbench.data.dataset import Dataset
from trendbench.errors import ResultError, WeightsError
from trendbench.generators.protocol import inputs_for
from trendbench.generators.recipes import find_recipe, load_class
from trendbench.progress import say
from trendbench.results import weights as published
from trendbench.results.store import StoredRecord, read_all
from trendbench.runner.guard import call, must_follow_protocol
from trendbench.runner.run import checked


def sample(
    arch: str,
    dataset: Dataset,
    *,
    seed: int,
    weights: Path | None = None,
    results: Path = Path("results"),
) -> NDArray[np.uint8]:
    """One image for each test triplet of a data file, without training.

    Args:
        arch: what ``find_recipe`` understands.
        dataset: whose s1 and s2 are drawn from; another task's than the weights' if you like.
        seed: of the draw; records are drawn with ``SAMPLING_SEED``.
        weights: a folder that the generator saved; the published ones of the row if None.
        results: folder of local records, looked at before the published ones.

    Returns:
        (n, H, W) uint8.

    Raises:
        ResultError: no record of that row came with weights, or they were changed.
        WeightsError: there are none in the folder, or they are damaged or of another generator.
        RecipeError: no such row, or its class raised.
    """
    recipe = find_recipe(arch)
    model_class = load_class(recipe.generator)
    must_follow_protocol(model_class, recipe.generator)
    test = dataset.load("test")
    with _folder(recipe.arch, weights, results) as folder:
        generator = call(model_class, "load", model_class.load, folder)
    drawn = call(model_class, "sample", generator.sample, inputs_for(model_class, test), seed)
    return checked(drawn, test.r, recipe.arch)


def _folder(arch: str, weights: Path | None, results: Path) -> AbstractContextManager[Path]:
    if weights is None:
        stored = with_weights(arch, results)
        say(f"weights of {stored.record.run_id}, {stored.origin}")
        return published.unpacked(stored)
    if not weights.is_dir():
        raise WeightsError(f"no folder of weights at {weights}")
    return nullcontext(weights)


def with_weights(arch: str, results: Path) -> StoredRecord:
    """The newest record of a row that came with weights, local ones first.

    Raises:
        ResultError: there is none.
    """
    records = [stored for stored in read_all(results) if stored.record.arch == arch]
    found = [stored for stored in records if published.names(stored.record)]
    if not found:
        known = f"none of its {len(records)} records" if records else "no record of it"
        raise ResultError(
            f"{arch}: {known} came with weights: train it with trendbench run --arch {arch}, or "
            "name a folder with --weights"
        )
    return max(found, key=lambda stored: (stored.origin == "local", stored.record.finished))
