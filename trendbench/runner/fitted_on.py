"""Take over what an earlier run fitted on another data file with the same training triplets."""

import shutil
from dataclasses import replace
from pathlib import Path

from trendbench.data.dataset import Dataset
from trendbench.data.opening import open_dataset
from trendbench.errors import RunError
from trendbench.generators.recipes import Recipe
from trendbench.progress import say
from trendbench.results import weights as published
from trendbench.results.record import RunRecord
from trendbench.results.store import newness, read_all
from trendbench.runner.plan import (
    Plan,
    differences_of,
    in_words,
    row_folder,
    run_folder,
    stored_plan,
)
from trendbench.runner.stages import Fitted, read_notes
from trendbench.runner.workspace import LOCK, STATE, WEIGHTS, Workspace
from trendbench.storage.lock import holding

_TRAINING = ("train/", "val/")


def take_over(
    workspace: Workspace, recipe: Recipe, dataset: Dataset, other: Path, runs: Path, results: Path
) -> Fitted:
    """Copy the weights of the run of this recipe and seed on another data file.

    They are looked for in its folder, then beside its record.

    Args:
        workspace: of the run that needs weights.
        recipe: its recipe.
        dataset: its data file.
        other: the data file of the earlier run.
        runs: folder of working states, the earlier run's among them.
        results: folder of local records, looked through with the published ones.

    Raises:
        RunError: the training or validation triplets of the two files differ, or neither the folder
            nor a record holds the weights.
        DataFileError: the other data file cannot be read.
    """
    with open_dataset(other) as fitted_on:
        wrong = _training(fitted_on).items() ^ _training(dataset).items()
        if wrong:
            raise RunError(
                f"{other} and {dataset.path} differ in {min(name for name, _ in wrong)}: a fitted "
                "generator is taken over where the training and validation triplets are the same"
            )
        before = replace(workspace.plan, data=fitted_on.sha256)
        row = row_folder(runs, fitted_on, before.stream, recipe.arch)
        train = before.stream or fitted_on.spec.train
    in_folder = _of_run(workspace, run_folder(row, before.seed, recipe), before)
    if isinstance(in_folder, Fitted):
        return in_folder
    in_record = _of_record(workspace, recipe, before, train, results)
    if isinstance(in_record, Fitted):
        return in_record
    stream = f" --stream {before.stream}" if before.stream else ""
    raise RunError(
        f"{in_folder}, and {in_record}: trendbench run --arch {recipe.arch} --data {other}{stream} "
        f"--seed {before.seed} fits it"
    )


def _of_run(workspace: Workspace, folder: Path, before: Plan) -> Fitted | str:
    """Copy what the earlier run's folder holds, or say why that cannot be."""
    plan = stored_plan(folder)
    notes = read_notes(folder / STATE) if plan else None
    if plan is None or notes is None or notes.fitted is None:
        return f"{folder} holds no fitted {before.arch}"
    if differences := differences_of(plan.flat(), before.flat()):
        return f"{folder} holds a run of another plan ({in_words(differences)})"
    with holding(folder / LOCK, f"a run in {folder}"):
        if not Workspace(folder, plan, notes).holds(notes.fitted):
            return f"{folder / WEIGHTS} does not hold the weights that were saved"
        shutil.copytree(folder / WEIGHTS, workspace.weights, dirs_exist_ok=True)
    workspace.note(fitted=notes.fitted, drawn=None)
    return notes.fitted


def _of_record(
    workspace: Workspace, recipe: Recipe, before: Plan, train: int, results: Path
) -> Fitted | str:
    """Copy what lies beside the newest record of the earlier run, or say why that cannot be."""
    asked = (before.arch, recipe.sha256, before.seed, before.data, train)
    found = [stored for stored in read_all(results) if _asked(stored.record) == asked]
    found = [stored for stored in found if published.names(stored.record)]
    if not found:
        return "no record of that recipe and seed came with weights"
    stored = max(found, key=newness)
    record = stored.record
    if record.hardware.precision != before.precision:
        return (
            f"the weights of record {record.run_id} were trained in {record.hardware.precision}, "
            f"and this run is in {before.precision}"
        )
    say(f"weights of {stored.origin} record {record.run_id}, trained on {record.task}")
    with published.unpacked(stored) as folder:
        shutil.copytree(folder, workspace.weights, dirs_exist_ok=True)
    training = record.training
    fitted = Fitted(
        weights={name: record.attachments[name] for name in published.names(record)},
        code=record.code,
        hardware=record.hardware.device,
        parameters=record.parameters,
        epochs=training.epochs,
        images_seen=training.images_seen,
        seconds=0.0 if training.seconds is None else training.seconds,
    )
    workspace.note(fitted=fitted, drawn=None)
    return fitted


def _asked(record: RunRecord) -> tuple[object, ...]:
    """Of a record, what a run with its weights must have in common with it."""
    data = record.data
    return record.arch, record.recipe.sha256, record.seed, data.sha256, data.train


def _training(dataset: Dataset) -> dict[str, str]:
    """SHA-256 of the columns of the training and validation split."""
    return {name: sha for name, sha in dataset.hashes.items() if name.startswith(_TRAINING)}
