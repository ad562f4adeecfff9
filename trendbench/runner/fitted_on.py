"""Take over what an earlier run fitted on another data file with the same training triplets."""

import shutil
from pathlib import Path

from trendbench.data.dataset import Dataset
from trendbench.data.opening import open_dataset
from trendbench.errors import RunError
from trendbench.generators.recipes import Recipe
from trendbench.runner.plan import differences_of, in_words, run_folder, stored_plan
from trendbench.runner.stages import Fitted, read_notes
from trendbench.runner.workspace import LOCK, STATE, WEIGHTS, Workspace
from trendbench.storage.lock import holding

_TRAINING = ("train/", "val/")


def take_over(
    workspace: Workspace, recipe: Recipe, dataset: Dataset, other: Path, runs: Path
) -> Fitted:
    """Copy the weights of the run of this recipe and seed on another data file.

    Args:
        workspace: of the run that needs weights.
        recipe: its recipe.
        dataset: its data file.
        other: the data file of the earlier run.
        runs: folder of working states, the earlier run's among them.

    Raises:
        RunError: the training or validation triplets of the two files differ, or there is no such
            run with saved weights.
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
        folder = run_folder(row, workspace.plan.seed, recipe)
    before = stored_plan(folder)
    fitted = read_notes(folder / STATE).fitted if before else None
    if before is None or fitted is None:
        raise RunError(
            f"{folder} holds no fitted {recipe.arch}: trendbench run --arch {recipe.arch} --data "
            f"{other} --seed {workspace.plan.seed} fits it"
        )
    differences = differences_of(before.flat(), workspace.plan.flat())
    differences.pop("data", None)
    if differences:
        raise RunError(f"{folder} holds a run of another plan ({in_words(differences)})")
    with holding(folder / LOCK, f"a run in {folder}"):
        shutil.copytree(folder / WEIGHTS, workspace.weights, dirs_exist_ok=True)
    if not workspace.holds(fitted):
        raise RunError(f"{folder / WEIGHTS}: the weights are not those that were saved")
    workspace.note(fitted=fitted, drawn=None)
    return fitted


def _training(dataset: Dataset) -> dict[str, str]:
    """SHA-256 of the columns of the training and validation split."""
    return {name: sha for name, sha in dataset.hashes.items() if name.startswith(_TRAINING)}
