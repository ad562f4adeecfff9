"""What defines a run, and the folder that holds it."""

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trendbench.data.dataset import Dataset
from trendbench.errors import ResultError, RunError
from trendbench.generators.recipes import Recipe
from trendbench.progress import say
from trendbench.results.store import read_record
from trendbench.training.device import choose_device, choose_precision

PLAN = "run.json"
EPOCHS = "epochs"
_HASH = re.compile(r"[0-9a-f]{64}")
_OURS = f"{__name__.partition('.')[0]}."


@dataclass(frozen=True)
class Plan:
    """What defines a run: the same folder must never hold two of these.

    Attributes:
        arch: row name.
        recipe: content of the recipe, parameters included.
        data: content hash of the data file.
        seed: of the run.
        device: torch device type; precision: ``bf16`` or ``fp32``.
        place: where the class comes from, the file's path in full; None in a plan that an earlier
            version wrote.
        stream: training triplets that are drawn on the fly; None for those of the file.
    """

    arch: str
    recipe: dict[str, Any]
    data: str
    seed: int
    device: str
    precision: str
    place: str | None = None
    stream: int | None = None

    def flat(self) -> dict[str, Any]:
        """One level of keys, as differences are shown; a file counts by content, not by path."""
        fields = {**self.__dict__, **{k: v for k, v in self.recipe.items() if k != "parameters"}}
        if "source" in fields:
            fields["generator"] = fields["generator"].rpartition(":")[2]
        del fields["recipe"], fields["place"]
        return fields | dict(self.recipe.get("parameters", {}))

    def grows_to(self, other: "Plan") -> bool:
        """Whether the other one has more epochs."""
        old, new = self.flat().get(EPOCHS), other.flat().get(EPOCHS)
        return old is not None and new is not None and bool(new > old)

    def is_of(self, recipe: Recipe) -> bool:
        """Whether it runs the recipe's class, as it is now or as it was before a change."""
        generator, source = self.recipe["generator"], self.recipe.get("source")
        if all(name.startswith(_OURS) for name in (generator, recipe.generator)):
            return True
        same = (self.place or place_of(generator)) == place_of(recipe.generator)
        return same or (source is not None and source == recipe.source)


def planned(
    recipe: Recipe,
    dataset: Dataset,
    stream: int | None,
    seed: int,
    device: str,
    before: Plan | None,
) -> Plan:
    """The plan asked for; what was left to be chosen is what an earlier session chose."""
    if before is not None and device == "auto":
        kind, precision = before.device, before.precision
    else:
        chosen = choose_device(device)
        kind, precision = chosen.type, choose_precision(chosen)
    place = place_of(recipe.generator)
    return Plan(recipe.arch, recipe.content, dataset.sha256, seed, kind, precision, place, stream)


def place_of(generator: str) -> str:
    """``package.module:Class``, or the full path of the file with its class."""
    place, _, name = generator.rpartition(":")
    return f"{Path(place).resolve()}:{name}" if place.endswith(".py") else generator


def row_folder(runs: Path, dataset: Dataset, stream: int | None, arch: str) -> Path:
    """``<runs>/<task>/<data8>/<arch>``, the folder of a row's runs on a data file or a stream."""
    data8 = dataset.sha256[:8] + (f"-stream{stream}" if stream else "")
    return runs / dataset.spec.name / data8 / arch


def run_folder(row: Path, seed: int, recipe: Recipe) -> Path:
    """``<row>/seed<K>``, or ``<row>-<hash>/seed<K>`` where that holds a run of another class.

    Two files may each have a class of one name: neither takes, or deletes, the other's runs.

    Args:
        row: from ``row_folder``.
        seed: of the run.
        recipe: whose generator is to be run.
    """
    shared, place = row / f"seed{seed}", place_of(recipe.generator)
    apart = row.with_name(f"{row.name}-{hashlib.sha256(place.encode()).hexdigest()[:8]}")
    before = stored_plan(shared)
    if not (apart / shared.name / PLAN).is_file() and (before is None or before.is_of(recipe)):
        return shared
    other = "" if before is None else before.place or before.recipe["generator"]
    say(f"{shared} holds a run of {other}; that of {place} is in {apart / shared.name}")
    return apart / shared.name


def stored_plan(folder: Path) -> Plan | None:
    """The plan that a run folder was begun with; None where no run was begun.

    Raises:
        RunError: the folder's files are not those of a run.
    """
    path = folder / PLAN
    if not path.is_file():
        return None
    try:
        plan = Plan(**json.loads(path.read_bytes()))
        plan.flat()
        return plan
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise RunError(
            f"{path} is damaged, or of another trendbench ({error}): give another --runs folder, "
            "or --restart to delete this run and begin again"
        ) from None


def recorded(results: Path, dataset: Dataset, plan: Plan, recipe: Recipe) -> Path | None:
    """The record of this very plan, if there is one: its run's folder may have gone on since."""
    train = plan.stream or dataset.spec.train
    for path in sorted((results / dataset.spec.name / recipe.arch).glob(f"seed{plan.seed}-*.json")):
        with suppress(ResultError):
            record = read_record(path)
            found = (record.data.sha256, record.data.train, record.hardware.precision)
            if (record.recipe.sha256, *found) == (recipe.sha256, plan.data, train, plan.precision):
                return path
    return None


def differences_of(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[str, tuple[Any, Any]]:
    """The keys in which two plans differ: what was, and what is now."""
    keys = [*before, *(key for key in after if key not in before)]
    return {
        key: (before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)
    }


def in_words(differences: Mapping[str, tuple[Any, Any]]) -> str:
    """Differences as a message shows them."""
    return "; ".join(
        f"{key} was {_short(old)}, now {_short(new)}" for key, (old, new) in differences.items()
    )


def _short(value: Any) -> str:
    """A value as a message shows it: of a hash, the beginning."""
    is_hash = isinstance(value, str) and _HASH.fullmatch(value)
    return f"{value[:8]}…" if is_hash else repr(value)
