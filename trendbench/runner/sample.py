"""Draw with weights that lie somewhere: published beside a record, or left by a run."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trendbench.data.dataset import Dataset
from trendbench.errors import ResultError, WeightsError
from trendbench.generators.protocol import inputs_for
from trendbench.generators.recipes import Recipe, find_recipe, load_class
from trendbench.metrics.intake import drawn_by
from trendbench.process.family import Process
from trendbench.progress import say
from trendbench.results import weights as published
from trendbench.results.store import StoredRecord, read_all
from trendbench.results.task import task_of
from trendbench.runner.guard import call, must_follow_protocol
from trendbench.runner.plan import stored_plan
from trendbench.runner.run import SAMPLING_SEED
from trendbench.runner.workspace import must_be_as_noted

_NO_PART = {"name", "train", "val", "test"}  # of what a network learns: how often, not what


@dataclass(frozen=True)
class Source:
    """A row's generator, and where its weights are.

    Attributes:
        recipe: of the row; model_class: its generator.
        folder: that the generator saved; None for the weights of a record.
        records: the row's records that came with weights; with a folder all that could tell what
            it was trained on.
    """

    recipe: Recipe
    model_class: type[Any]
    folder: Path | None
    records: list[StoredRecord]


def find_weights(arch: str, folder: Path | None = None, results: Path = Path("results")) -> Source:
    """A row's generator with weights to draw with.

    Args:
        arch: what ``find_recipe`` understands.
        folder: that the generator saved; records are looked through if None.
        results: folder of local records, looked through with the published ones.

    Raises:
        ResultError: no record of that row and generator came with weights.
        WeightsError: there is no such folder, or it is not as its run noted.
        RecipeError: no such row.
    """
    recipe = find_recipe(arch)
    model_class = load_class(recipe.generator)
    must_follow_protocol(model_class, recipe.generator)
    if folder is not None:
        if not folder.is_dir():
            raise WeightsError(f"no folder of weights at {folder}")
        must_be_as_noted(folder)
        return Source(recipe, model_class, folder, read_all(results))
    of_row = [stored for stored in read_all(results) if stored.record.arch == recipe.arch]
    found = [stored for stored in of_row if _of_generator(stored, recipe)]
    if not found:
        known = f"none of its {len(of_row)} records" if of_row else "no record of it"
        raise ResultError(
            f"{recipe.arch}: {known} came with weights of {recipe.generator} as it is: train it "
            f"with trendbench run --arch {arch}, or name a folder with --weights"
        )
    return Source(recipe, model_class, None, found)


def sample(source: Source, dataset: Dataset, *, seed: int | None = None) -> NDArray[np.uint8]:
    """One image for each test triplet of a data file, without training.

    On the machine and with the threads that drew a record, its weights draw its very images.

    Args:
        source: what ``find_weights`` found.
        dataset: whose s1 and s2 are drawn from; where records came from several data files, the
            weights of one that was trained on this one are taken first, then on its task, then on
            one of its coupling.
        seed: of the draw; the one that records are drawn with if None.

    Returns:
        (n, H, W) uint8.

    Raises:
        ResultError: the weights were changed since they were recorded.
        WeightsError: they are damaged, or of another generator.
        RecipeError: the generator raised, or cannot draw images of this size.
        ImagesError: it drew what cannot be scored.
    """
    test = dataset.load("test")
    _say_what_differs(source, dataset)
    with _folder(source, dataset) as folder:
        generator = call(source.model_class, "load", source.model_class.load, folder)
    inputs = inputs_for(source.model_class, test)
    seed = SAMPLING_SEED if seed is None else seed
    drawn = call(source.model_class, "sample", generator.sample, inputs, seed)
    return drawn_by(drawn, dataset.spec, len(test), f"{source.recipe.arch}.sample")


@contextmanager
def _folder(source: Source, dataset: Dataset) -> Iterator[Path]:
    if source.folder is not None:
        yield source.folder
        return
    stored = _fittest(source, dataset)
    record = stored.record
    say(f"weights of {stored.origin} record {record.run_id}, trained on {record.task}")
    with published.unpacked(stored) as folder:
        yield folder


def _fittest(source: Source, dataset: Dataset) -> StoredRecord:
    """The record whose weights are taken."""
    return max(source.records, key=lambda stored: _fitness(stored, source.recipe, dataset))


def _say_what_differs(source: Source, dataset: Dataset) -> None:
    """One line where the weights were trained on another task: in which of its numbers it differs.

    Of a folder that is no run's, and of one whose data no record names, it is not known.
    """
    if source.folder is None:
        trained = task_of(_fittest(source, dataset))
    else:
        plan = stored_plan(source.folder.parent)
        data = plan.data if plan else None
        of_data = (task_of(known) for known in source.records if known.record.data.sha256 == data)
        trained = dataset.spec if data == dataset.sha256 else next(of_data, None)
    own, other = (
        spec.model_dump(exclude=_NO_PART) if spec else {} for spec in (dataset.spec, trained)
    )
    differences = [
        f"{name} {_short(other, name)}, here {_short(own, name)}"
        for name in {**other, **own}
        if other.get(name) != own.get(name)
    ]
    if trained and differences:
        say(
            f"these weights were trained on another task than {dataset.path} holds "
            f"({'; '.join(differences)}): their scores are not those of the row"
        )


def _short(fields: Mapping[str, Any], name: str) -> str:
    """A value as a message shows it: of several trends their number."""
    value = fields.get(name, "none")
    return f"{len(value)} of them" if isinstance(value, tuple) else f"{value}"


def _of_generator(stored: StoredRecord, recipe: Recipe) -> bool:
    """Whether a record came with weights, and of this very generator."""
    own = stored.record.recipe
    same = own.source == recipe.source if recipe.source else own.generator == recipe.generator
    return same and bool(published.names(stored.record))


def _fitness(stored: StoredRecord, recipe: Recipe, dataset: Dataset) -> tuple[object, ...]:
    """What is compared in turn: data, task, family and coupling, recipe, whose record, age."""
    record, task = stored.record, task_of(stored)
    return (
        record.data.sha256 == dataset.sha256,
        record.task == dataset.spec.name,
        task is not None and _kind(task) == _kind(dataset.spec),
        record.recipe.sha256 == recipe.sha256,
        stored.origin == "local",
        record.finished,
    )


def _kind(process: Process) -> tuple[str, bool, bool]:
    return process.family, process.is_independent, len(process.members) > 1
