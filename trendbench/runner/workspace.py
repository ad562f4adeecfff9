"""The working folder of one run: what was asked for, how far it has come."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trendbench.errors import RunError, WeightsError
from trendbench.generators.recipes import Recipe
from trendbench.progress import say
from trendbench.storage.atomic import write_text
from trendbench.storage.lock import holding
from trendbench.training.context import FIT_FILE

_PLAN, _STATE, _WEIGHTS = "run.json", "state.json", "weights"
_LOCK = "lock"
_HASH = re.compile(r"[0-9a-f]{64}")
_CHECK = "sha256"  # of the rest of the state
_STAGES = {"fitted", "hardware", "parameters", "code", "samples", "sampling_seconds", "scored",
           "record"}  # fmt: skip
_EPOCHS = "epochs"
_OURS = f"{__name__.partition('.')[0]}."
_TRACES = {_PLAN, _STATE, _LOCK, FIT_FILE, "losses.csv", "validation.csv", "figures",
           "tensorboard"}  # what a fit leaves that goes on from nothing  # fmt: skip


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

    def is_of(self, recipe: Recipe) -> bool:
        """Whether it runs the recipe's class, as it is now or as it was before a change."""
        generator, source = self.recipe["generator"], self.recipe.get("source")
        if all(name.startswith(_OURS) for name in (generator, recipe.generator)):
            return True
        same = (self.place or place_of(generator)) == place_of(recipe.generator)
        return same or (source is not None and source == recipe.source)


@dataclass
class Workspace:
    """A run's folder, held by this process.

    Attributes:
        folder: ``<runs>/<task>/<data8>/<arch>/seed<K>``.
        plan: what was asked for.
        state: stages done: ``fitted`` (True once the weights are saved), ``weights`` (their
            hashes by file), ``samples`` (hash of the samples file), ``record`` (path of the
            record), and what the record is made of.
    """

    folder: Path
    plan: Plan
    state: dict[str, Any]

    @property
    def weights(self) -> Path:
        """Folder that the generator saves itself into."""
        return self.folder / _WEIGHTS

    @property
    def samples(self) -> Path:
        """The test samples, ``.npy`` (n, H, W) uint8."""
        return self.folder / "samples.npy"

    @property
    def figures(self) -> Path:
        """Folder of the run's pictures."""
        return self.folder / "figures"

    def saved(self) -> dict[str, str]:
        """SHA-256 of each file that the generator saved, by its path within ``weights``."""
        return _hashes(self.weights)

    def mark(self, **stages: Any) -> None:
        """Note durably that stages are done."""
        self.state.update(stages)
        stored = {**self.state, _CHECK: _digest(self.state)}
        write_text(self.folder / _STATE, json.dumps(stored, indent=2) + "\n")


def place_of(generator: str) -> str:
    """``package.module:Class``, or the full path of the file with its class."""
    place, _, name = generator.rpartition(":")
    return f"{Path(place).resolve()}:{name}" if place.endswith(".py") else generator


def run_folder(row: Path, seed: int, recipe: Recipe) -> Path:
    """``<row>/seed<K>``, or ``<row>-<hash>/seed<K>`` where that holds a run of another class.

    Two files may each have a class of one name: neither takes, or deletes, the other's runs.

    Args:
        row: ``<runs>/<task>/<data8>/<arch>``.
        seed: of the run.
        recipe: whose generator is to be run.
    """
    shared, place = row / f"seed{seed}", place_of(recipe.generator)
    apart = row.with_name(f"{row.name}-{hashlib.sha256(place.encode()).hexdigest()[:8]}")
    before = stored_plan(shared)
    if not (apart / shared.name / _PLAN).is_file() and (before is None or before.is_of(recipe)):
        return shared
    other = "" if before is None else before.place or before.recipe["generator"]
    say(f"{shared} holds a run of {other}; that of {place} is in {apart / shared.name}")
    return apart / shared.name


def stored_plan(folder: Path) -> Plan | None:
    """The plan that a run folder was begun with; None where no run was begun.

    Raises:
        RunError: the folder's files are not those of a run.
    """
    path = folder / _PLAN
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


@contextmanager
def opened(
    folder: Path, plan: Plan, *, extendable: bool, restart: bool = False
) -> Iterator[Workspace]:
    """Hold the folder for ``plan``: begin it, or go on in it.

    With ``restart`` what it holds is deleted first; so is what a run of another plan has left that
    ended before anything was saved. More epochs than before extend the run where the generator is
    ``extendable``.

    Raises:
        RunError: another process works there, or the folder holds a run of another plan; the
            message shows the difference.
    """
    with holding(folder / _LOCK, f"a run in {folder}"):
        before = stored_plan(folder)
        differences = differences_of(before.flat(), plan.flat()) if before else {}
        if restart or (differences and not _holds_work(folder)):
            _empty(folder)
            before, differences = None, {}
        state = _read_state(folder / _STATE)
        if before is not None and differences:
            if set(differences) != {_EPOCHS} or not extendable or not _grows(before, plan):
                raise RunError(_refusal(folder, before, plan, differences))
            state = {}
            (folder / FIT_FILE).unlink(missing_ok=True)
        for leftover in folder.rglob(".*.tmp"):  # of a sitting that was killed outright
            leftover.unlink()
        workspace = Workspace(folder, plan, state)
        if before is None or differences:
            workspace.mark()
            write_text(folder / _PLAN, json.dumps(plan.__dict__, indent=2) + "\n")
        yield workspace


def _refusal(
    folder: Path, before: Plan, plan: Plan, differences: Mapping[str, tuple[Any, Any]]
) -> str:
    """Why a folder cannot be gone on in, and the three ways out."""
    what = f"another run of this row and seed ({in_words(differences)})"
    if set(differences) == {_EPOCHS} and _grows(plan, before):
        old, new = differences[_EPOCHS]
        what = f"a run of {old} epochs, which cannot go back to {new} (epochs was {old}, now {new})"
    changed = f" of {plan.place}" if plan.place and "source" in differences else ""
    return (
        f"{folder} holds {what}{changed}: --restart deletes it and begins again; or give another "
        "--seed, or another folder with --runs"
    )


def _holds_work(folder: Path) -> bool:
    """Whether a run's folder holds anything that could be gone on from or looked at."""
    kept = (path for path in folder.iterdir() if path.name not in _TRACES)
    return any(path.is_file() or any(path.iterdir()) for path in kept if path.suffix != ".tmp")


def _empty(folder: Path) -> None:
    """Delete everything in a run's folder but the lock that is held."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != _LOCK:
            path.unlink()


def in_words(differences: Mapping[str, tuple[Any, Any]]) -> str:
    """Differences as a message shows them."""
    return "; ".join(
        f"{key} was {_short(old)}, now {_short(new)}" for key, (old, new) in differences.items()
    )


def _short(value: Any) -> str:
    """A value as a message shows it: of a hash, the beginning."""
    is_hash = isinstance(value, str) and _HASH.fullmatch(value)
    return f"{value[:8]}…" if is_hash else repr(value)


def must_be_as_noted(weights: Path) -> None:
    """Refuse a run's weights that are no longer those that it noted; others have no note.

    Args:
        weights: a folder that a generator saved, in the run's folder or elsewhere.

    Raises:
        WeightsError: they differ from the note.
    """
    path = weights.parent / _STATE
    if weights.name != _WEIGHTS or not path.is_file():
        return
    noted = _read_state(path).get("weights")
    found = _hashes(weights)
    if noted is not None and any(found.get(name) != digest for name, digest in noted.items()):
        raise WeightsError(f"{weights}: the weights are not those that were saved")


def _hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256_of(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _read_state(path: Path) -> dict[str, Any]:
    """What was noted there; nothing, so that all is done again, where that is damaged."""
    try:
        stored = json.loads(path.read_bytes()) if path.is_file() else {}
        content = stored.pop(_CHECK, None) if isinstance(stored, dict) else None
    except (ValueError, RecursionError):
        stored, content = None, None
    if stored and content is None and set(stored) <= _STAGES:  # written by version 0.1.0
        return dict(stored)
    if stored == {} or (stored and content == _digest(stored)):
        return dict(stored)
    say(f"{path} is damaged or of another version: what it noted as done is done again")
    return {}


def _digest(state: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _grows(before: Plan, after: Plan) -> bool:
    old, new = before.flat().get(_EPOCHS), after.flat().get(_EPOCHS)
    return old is not None and new is not None and bool(new > old)


def differences_of(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[str, tuple[Any, Any]]:
    """The keys in which two plans differ: what was, and what is now."""
    keys = [*before, *(key for key in after if key not in before)]
    return {
        key: (before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)
    }
