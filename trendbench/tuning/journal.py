"""Optuna's study in a folder that several processes share, and whose turn it is.

The trials stand in Optuna's own journal, a file to which lines are appended. A process holds a lock
on the trial that it runs, and the kernel drops the lock when the process ends, however it ends: a
trial that is marked as running and that nobody holds is one to go on with, under its own number and
with its own checkpoint.
"""

import importlib.util
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from trendbench.errors import RunError, StudyError
from trendbench.storage.calls import sync
from trendbench.storage.lock import holding, waiting
from trendbench.training.randomness import derived_seed
from trendbench.tuning.plan import StudyPlan
from trendbench.tuning.space import Parameter, Value, own_values

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial, Trial

TURN = "lock"
_JOURNAL, _TRIALS, _HELD = "journal.log", "trials", "trial.lock"
_NAME = "trendbench"
_DRAWN_FREELY = 6  # trials before the sampler looks at any
_SEEN_WHOLE = 4  # trials that finish before any is cut short


def must_have_optuna() -> None:
    """Refuse, before any work is done, to search where nothing can be searched with.

    Raises:
        StudyError: Optuna is not installed.
    """
    if importlib.util.find_spec("optuna") is None:
        raise StudyError("Optuna is not installed: pip install 'trendbench[tune]'")


def trial_folder(folder: Path, number: int) -> Path:
    """The working folder of a trial."""
    return folder / _TRIALS / f"{number:04d}"


def turn(folder: Path) -> AbstractContextManager[None]:
    """Hold the study's folder, waiting for those who hold it: no trial begins meanwhile."""
    return waiting(folder / TURN)


def opened_study(folder: Path, plan: StudyPlan) -> "Study":
    """The study in a folder, made where there is none; the recipe's own values come first.

    Call it holding the study's ``turn``.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    _mend(folder / _JOURNAL)
    study = optuna.create_study(
        storage=_storage(folder / _JOURNAL),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_SEEN_WHOLE),
        study_name=_NAME,
        load_if_exists=True,
    )
    if not study.get_trials(deepcopy=False):
        study.enqueue_trial(own_values(plan.parameters(), plan.own_recipe()))
    return study


def trials_of(folder: Path, plan: StudyPlan) -> "tuple[Study, list[FrozenTrial]]":
    """The study and its trials, those that wait to be begun left out."""
    from optuna.trial import TrialState

    with waiting(folder / TURN):
        study = opened_study(folder, plan)
    trials = study.get_trials()
    return study, [trial for trial in trials if trial.state is not TrialState.WAITING]


@contextmanager
def next_trial(folder: Path, plan: StudyPlan, wanted: int) -> "Iterator[Trial | None]":
    """Hold the next trial for the block: one that was left in the middle, or a new one.

    None where ``wanted`` trials are finished or at work. Trials that failed do not count.
    """
    with ExitStack() as held:
        with waiting(folder / TURN):
            study = opened_study(folder, plan)
            trial = _left_behind(study, folder, held)
            if trial is None and _counted(study) < wanted:
                trial = _fresh(study, plan, folder, held)
        yield trial


def values_of(trial: "Trial", plan: StudyPlan) -> dict[str, Value]:
    """The values of a trial's parameters, those that it lacks drawn now."""
    return {name: _drawn(trial, name, known) for name, known in plan.parameters().items()}


def _left_behind(study: "Study", folder: Path, held: ExitStack) -> "Trial | None":
    """A trial that is marked as running and that no process holds, held from now on."""
    from optuna.trial import Trial, TrialState

    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        with ExitStack() as attempt:
            try:
                attempt.enter_context(_holding(folder, trial.number))
            except RunError:
                continue
            # It may have been finished, and let go, since the list was made.
            if study.get_trials(deepcopy=False)[trial.number].state is TrialState.RUNNING:
                held.enter_context(attempt.pop_all())
                return Trial(study, trial._trial_id)
    return None


def _fresh(study: "Study", plan: StudyPlan, folder: Path, held: ExitStack) -> "Trial":
    """A new trial with its values drawn; which they are depends on the trials before it alone."""
    import optuna

    seed = derived_seed(plan.seed, "sampler", len(study.get_trials(deepcopy=False)))
    study.sampler = optuna.samplers.TPESampler(n_startup_trials=_DRAWN_FREELY, seed=seed % 2**32)
    trial = study.ask()
    held.enter_context(_holding(folder, trial.number))
    values_of(trial, plan)
    return trial


def _counted(study: "Study") -> int:
    """Trials that are finished or at work."""
    from optuna.trial import TrialState

    counted = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)
    return len(study.get_trials(deepcopy=False, states=counted))


def _holding(folder: Path, number: int) -> AbstractContextManager[None]:
    place = trial_folder(folder, number)
    return holding(place / _HELD, f"trial {number} in {folder}")


def _drawn(trial: "Trial", name: str, known: Parameter) -> Value:
    if known.choices is not None:
        chosen = trial.suggest_categorical(name, known.choices)
        assert chosen is not None
        return chosen
    assert known.low is not None
    assert known.high is not None
    if known.is_whole:
        return trial.suggest_int(name, int(known.low), int(known.high), log=known.log)
    return trial.suggest_float(name, known.low, known.high, log=known.log)


def _storage(journal: Path) -> "BaseStorage":
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    class KernelLock(JournalFileOpenLock):
        """Optuna's lock on its journal, in place of a file that a killed process leaves behind."""

        def acquire(self) -> bool:
            self._lock = ExitStack()
            self._lock.enter_context(waiting(journal.with_suffix(".lock")))
            return True

        def release(self) -> None:
            self._lock.close()

    return JournalStorage(JournalFileBackend(str(journal), KernelLock(str(journal))))


def _mend(journal: Path) -> None:
    """Drop a last line that a power cut has left without its end, as no other could follow it."""
    if not journal.is_file():
        return
    with waiting(journal.with_suffix(".lock")), journal.open("rb+") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            file.truncate(whole)
            sync(file.fileno())
