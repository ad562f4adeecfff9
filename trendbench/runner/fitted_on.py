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
from trendbench.runner.plan import Plan, differences_of, in_words, run_folder, stored_plan
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
        RunError: the training or validation triplets of the two files differ, or neither a folder
            nor a record holds the weights.
        ResultError: a record's weights were changed.
        DataFileError: the other data file cannot be read.
    """
    with open_dataset(other) as fitted_on:
        wrong = _training(fitted_on).items() ^ _training(dataset).items()
        if wrong:
            raise RunError(
                f"{other} and {dataset.path} differ in {min(name for name, _ in wrong)}: a fitted "
                "generator is taken over where the training and validation triplets are the same"
            )
        row = runs / fitted_on.spec.name / fitted_on.sha256[:8] / recipe.arch
        train = workspace.plan.stream or fitted_on.spec.train
        before = replace(workspace.plan, data=fitted_on.sha256)
    folder = run_folder(row, before.seed, recipe)
    fitted = _of_run(workspace, folder, before)
    if fitted is None:
        fitted = _of_record(workspace, recipe, before, train, results)
    if fitted is None:
        raise RunError(
            f"neither {folder} nor a record holds weights of {recipe.arch}: trendbench run "
            f"--arch {recipe.arch} --data {other} --seed {before.seed} fits it"
        )
    if not workspace.holds(fitted):
        raise RunError(f"{folder / WEIGHTS}: the weights are not those that were saved")
    workspace.note(fitted=fitted, drawn=None)
    return fitted


def _of_run(workspace: Workspace, folder: Path, before: Plan) -> Fitted | None:
    """Copy what the earlier run's folder holds; None where nothing was fitted there."""
    found = stored_plan(folder)
    fitted = read_notes(folder / STATE).fitted if found else None
    if found is None or fitted is None:
        return None
    if differences := differences_of(found.flat(), before.flat()):
        raise RunError(f"{folder} holds a run of another plan ({in_words(differences)})")
    with holding(folder / LOCK, f"a run in {folder}"):
        shutil.copytree(folder / WEIGHTS, workspace.weights, dirs_exist_ok=True)
    return fitted


def _of_record(
    workspace: Workspace, recipe: Recipe, before: Plan, train: int, results: Path
) -> Fitted | None:
    """Copy what lies beside the newest record of the earlier run; None where there is none."""
    asked = (before.arch, recipe.sha256, before.seed, before.data, train, before.precision)
    found = [stored for stored in read_all(results) if _asked(stored.record) == asked]
    found = [stored for stored in found if published.names(stored.record)]
    if not found:
        return None
    stored = max(found, key=newness)
    record = stored.record
    say(f"weights of {stored.origin} record {record.run_id}, trained on {record.task}")
    with published.unpacked(stored) as folder:
        shutil.copytree(folder, workspace.weights, dirs_exist_ok=True)
    return Fitted(
        weights={name: record.attachments[name] for name in published.names(record)},
        code=record.code,
        hardware=record.hardware.device,
        parameters=record.parameters,
        epochs=record.training.epochs,
        images_seen=record.training.images_seen,
        seconds=record.training.seconds or 0.0,
    )


def _asked(record: RunRecord) -> tuple[object, ...]:
    """Of a record, what a run with its weights must have in common with it."""
    data = record.data
    return (
        record.arch, record.recipe.sha256, record.seed, data.sha256, data.train,
        record.hardware.precision,
    )  # fmt: skip


def _training(dataset: Dataset) -> dict[str, str]:
    """SHA-256 of the columns of the training and validation split."""
    return {name: sha for name, sha in dataset.hashes.items() if name.startswith(_TRAINING)}
