"""The working folder of one run: what was asked for, how far it has come."""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trendbench.errors import RunError, WeightsError
from trendbench.results.weights import CARD
from trendbench.runner.plan import EPOCHS, PLAN, Plan, differences_of, in_words, stored_plan
from trendbench.runner.stages import Fitted, Notes, read_notes
from trendbench.storage.atomic import write_text
from trendbench.storage.lock import holding

STATE, WEIGHTS, LOCK = "state.json", "weights", "lock"
_TRACES = {PLAN, STATE, LOCK, "losses.csv", "validation.csv", "figures",
           "tensorboard"}  # what a fit leaves that goes on from nothing  # fmt: skip


@dataclass
class Workspace:
    """A run's folder, held by this process.

    Attributes:
        folder: ``<runs>/<task>/<data8>/<arch>/seed<K>``.
        plan: what was asked for.
        notes: the stages that are done.
    """

    folder: Path
    plan: Plan
    notes: Notes

    @property
    def weights(self) -> Path:
        """Folder that the generator saves itself into."""
        return self.folder / WEIGHTS

    @property
    def samples(self) -> Path:
        """The test samples, ``.npy`` (2, n, H, W) uint8."""
        return self.folder / "samples.npy"

    @property
    def figures(self) -> Path:
        """Folder of the run's pictures."""
        return self.folder / "figures"

    def saved(self) -> dict[str, str]:
        """SHA-256 of each file that the generator saved, by its path within ``weights``."""
        return _hashes(self.weights)

    def holds(self, fitted: Fitted) -> bool:
        """Whether the weights are those that were saved."""
        return fitted.weights.items() <= self.saved().items()

    def note(self, **done: Any) -> None:
        """Note durably that a stage is done: a field of ``Notes``."""
        self.notes = self.notes.model_copy(update=done)
        self.notes.write(self.folder / STATE)


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
    with holding(folder / LOCK, f"a run in {folder}"):
        before = stored_plan(folder)
        differences = differences_of(before.flat(), plan.flat()) if before else {}
        if restart or (differences and not _holds_work(folder)):
            _empty(folder)
            before, differences = None, {}
        notes = read_notes(folder / STATE)
        if before is not None and differences:
            if set(differences) != {EPOCHS} or not extendable or not before.grows_to(plan):
                raise RunError(_refusal(folder, before, plan, differences))
            notes = Notes()
        for leftover in folder.rglob(".*.tmp"):  # of a session that was killed outright
            leftover.unlink()
        workspace = Workspace(folder, plan, notes)
        if before is None or differences:
            workspace.note()
            write_text(folder / PLAN, json.dumps(plan.__dict__, indent=2) + "\n")
        yield workspace


def _refusal(
    folder: Path, before: Plan, plan: Plan, differences: Mapping[str, tuple[Any, Any]]
) -> str:
    """Why a folder cannot be gone on in, and the three ways out."""
    what = f"another run of this row and seed ({in_words(differences)})"
    if set(differences) == {EPOCHS} and plan.grows_to(before):
        old, new = differences[EPOCHS]
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
        elif path.name != LOCK:
            path.unlink()


def must_be_as_noted(weights: Path) -> None:
    """Refuse a run's weights that are no longer those that it noted; others have no note.

    Args:
        weights: a folder that a generator saved, in the run's folder or elsewhere.

    Raises:
        WeightsError: they differ from the note.
    """
    path = weights.parent / STATE
    if weights.name != WEIGHTS or not path.is_file():
        return
    fitted = read_notes(path).fitted
    if fitted and not fitted.weights.items() <= _hashes(weights).items():
        raise WeightsError(f"{weights}: the weights are not those that were saved")


def _hashes(folder: Path) -> dict[str, str]:
    """Of all files but the model card, which is written once there is a record."""
    return {
        path.relative_to(folder).as_posix(): sha256_of(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != CARD
    }


def sha256_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
