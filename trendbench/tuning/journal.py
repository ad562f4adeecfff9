"""Optuna's study in a folder: its trials stand in Optuna's own journal, a file of lines.

One command at a time works on a study, so a trial that is marked as running when the command
begins was left behind by a killed process. It is marked as failed, and its values are put in line
again as a new trial, which works in the folder of the first one and goes on from its checkpoint.
"""

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

from trendbench.errors import StudyError
from trendbench.training.randomness import derived_seed
from trendbench.tuning.plan import StudyPlan
from trendbench.tuning.space import Parameter, Value, own_values

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial, Trial

ENDED, ORIGIN = "ended", "origin"  # why a trial is over; number of the trial that it goes on with
_JOURNAL, _TRIALS = "journal.log", "trials"
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


def origin_of(trial: "Trial | FrozenTrial") -> int:
    """Number of the trial that this one goes on with; its own if it is the first."""
    return int(trial.user_attrs.get(ORIGIN, trial.number))


def trial_folder(folder: Path, trial: "Trial | FrozenTrial") -> Path:
    """The working folder of a trial."""
    return folder / _TRIALS / f"{origin_of(trial):04d}"


def opened_study(folder: Path, plan: StudyPlan, index: int = 0) -> "Study":
    """The study in a folder, made where there is none.

    Args:
        folder: of the study.
        plan: what is searched.
        index: of the trial that is to be drawn; which values it gets depends on this, on the
            study's seed and on the trials before it alone.
    """
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    seed = derived_seed(plan.seed, "sampler", index) % 2**32
    return optuna.create_study(
        storage=optuna.storages.JournalStorage(JournalFileBackend(str(folder / _JOURNAL))),
        sampler=optuna.samplers.TPESampler(n_startup_trials=_DRAWN_FREELY, seed=seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_SEEN_WHOLE),
        study_name=_NAME,
        load_if_exists=True,
    )


def take_up(folder: Path, plan: StudyPlan, wanted: int) -> range:
    """Put in line what an earlier session left in the middle, or the recipe's own values first.

    Returns:
        The indices of the trials that are missing until ``wanted`` are finished, those cut short
        included. A trial that has failed is not counted, and its index is not used again: the same
        index draws the same values.
    """
    from optuna.trial import TrialState

    _drop_torn_line(folder / _JOURNAL)
    study = opened_study(folder, plan)
    trials = study.get_trials()
    if not trials:
        study.enqueue_trial(own_values(plan.parameters(), plan.own_recipe()))
    latest = {origin_of(trial): trial for trial in trials}
    for origin, trial in latest.items():
        if trial.state is TrialState.RUNNING:
            study.tell(trial.number, state=TrialState.FAIL)
        elif trial.state is not TrialState.FAIL or ENDED in trial.user_attrs:
            continue
        study.enqueue_trial(trial.params, user_attrs={ORIGIN: origin})
    finished = sum(trial.state in (TrialState.COMPLETE, TrialState.PRUNED) for trial in trials)
    failed = sum(trial.state is TrialState.FAIL and ENDED in trial.user_attrs for trial in trials)
    return range(finished + failed, wanted + failed)


def values_of(trial: "Trial", plan: StudyPlan) -> dict[str, Value]:
    """The values of a trial's parameters, those that it lacks drawn now."""
    return {name: _drawn(trial, name, known) for name, known in plan.parameters().items()}


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


def _drop_torn_line(journal: Path) -> None:
    """A power cut may leave the last line without its end, after which no other could follow."""
    if journal.is_file():
        os.truncate(journal, journal.read_bytes().rfind(b"\n") + 1)
