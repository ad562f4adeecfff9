"""The story of a search, top to bottom."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trendbench.data.canonical import canonical_data
from trendbench.data.dataset import Dataset
from trendbench.data.opening import open_dataset
from trendbench.engine import Engine
from trendbench.errors import StudyError
from trendbench.generators.recipes import Recipe, find_recipe, load_class
from trendbench.results.study import StudySummary, study_path
from trendbench.runner.guard import call, must_follow_protocol
from trendbench.storage.folder import must_take_files
from trendbench.storage.lock import holding
from trendbench.training.device import choose_device, choose_precision
from trendbench.tuning.journal import must_have_optuna, take_up
from trendbench.tuning.objective import must_be_usable
from trendbench.tuning.plan import StudyPlan, keep, stored_plan
from trendbench.tuning.space import Space, find_space
from trendbench.tuning.summary import BEST, TRIALS, write_summary
from trendbench.tuning.workers import work, work_on

_LOCK = "lock"


@dataclass(frozen=True)
class Outcome:
    """Where everything of a study lies.

    Attributes:
        summary: its content; path: the file that a report reads.
        folder: the study's; best: the recipe of its best trial; trials: the CSV.
    """

    summary: StudySummary
    path: Path
    folder: Path

    @property
    def best(self) -> Path:
        """The best trial's recipe."""
        return self.folder / BEST

    @property
    def trials(self) -> Path:
        """All trials, as CSV."""
        return self.folder / TRIALS


def tune(
    arch: str,
    *,
    trials: int,
    data: Path | None = None,
    epochs: int | None = None,
    preset: str | None = None,
    space: Path | None = None,
    seed: int = 0,
    device: str = "auto",
    jobs: int = 1,
    engine: Engine | None = None,
    study: Path | None = None,
    runs: Path = Path("runs"),
    results: Path = Path("results"),
) -> Outcome:
    """Search until the study has ``trials`` trials in all; the same call goes on with it.

    Args:
        arch: what ``find_recipe`` understands.
        trials: that are to be finished, cut short ones included, earlier sessions too.
        data: a data file; the canonical one, made where missing, if None.
        epochs: of each trial, in place of the recipe's.
        preset: one of the family's schedules.
        space: a TOML file; the family's own if None.
        seed: of the sampler, and of every trial's training.
        device: ``auto``, ``cpu``, ``cuda``, …
        jobs: processes at a time, each with its share of the cores.
        engine: a cluster, of which ``jobs`` workers take part; this machine if None.
        study: the study's folder; by task, data, arch and seed under ``runs`` if None.
        runs: folder for working state.
        results: folder whose ``studies`` gets the summary.

    Raises:
        TrendbenchError: anything the user can mend, with one line that says how.
        KeyboardInterrupt: finished trials are kept, the others go on from their checkpoints.
    """
    must_have_optuna()
    recipe = find_recipe(
        arch, preset=preset, overrides={} if epochs is None else {"epochs": epochs}
    )
    model_class = load_class(recipe.generator)
    must_follow_protocol(model_class, recipe.generator)
    call(model_class, "__init__", recipe.build)
    searched = find_space(recipe, model_class, space)
    path = data or canonical_data()
    with open_dataset(path) as dataset:
        place = Path(dataset.spec.name, dataset.sha256[:8], recipe.arch, f"study-seed{seed}")
        folder = study or runs / place
        plan = _plan(recipe, searched, dataset, seed, device, stored_plan(folder))
        must_be_usable(dataset)
        with begun(folder, plan):
            try:
                left = take_up(folder, plan, trials)
                if engine is None:
                    work(folder, path, left, jobs)
                else:
                    work_on(engine, folder, path, left, jobs)
            finally:
                summary = write_summary(folder, plan, dataset, results)
    return Outcome(summary, study_path(results, summary.name), folder)


@contextmanager
def begun(folder: Path, plan: StudyPlan) -> Iterator[None]:
    """Begin a study in a folder, or find it there, and keep others out for the block.

    Raises:
        StudyError: the folder holds another study, or something else.
        RunError: another command works on it.
    """
    must_take_files(folder, "--study", StudyError)
    if folder.is_dir() and stored_plan(folder) is None:
        strange = [path.name for path in folder.iterdir() if path.name != _LOCK]
        if strange:
            raise StudyError(f"{folder} holds {strange[0]} and no study: name a new folder")
    with holding(folder / _LOCK, f"the study in {folder}"):
        keep(folder, plan)
        yield


def _plan(
    recipe: Recipe, space: Space, dataset: Dataset, seed: int, device: str, before: StudyPlan | None
) -> StudyPlan:
    """The plan asked for; what was left to be chosen is what an earlier session chose."""
    if before is not None and device == "auto":
        kind, precision = before.device, before.precision
    else:
        chosen = choose_device(device)
        kind, precision = str(chosen), choose_precision(chosen)
    return StudyPlan(
        task=dataset.spec.name,
        train=dataset.spec.train,
        arch=recipe.arch,
        family=recipe.family,
        recipe=recipe.content,
        data=dataset.sha256,
        seed=seed,
        device=kind,
        precision=precision,
        space={name: known.model_dump(exclude_defaults=True) for name, known in space.items()},
    )
