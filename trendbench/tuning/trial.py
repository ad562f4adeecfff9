"""One trial: train with the values that were drawn, look at validation images after each epoch."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trendbench.data.dataset import Dataset
from trendbench.data.opening import open_dataset
from trendbench.errors import StudyError, TrainingError
from trendbench.generators.protocol import inputs_for, is_conditional, shown_to
from trendbench.generators.recipes import Recipe, load_class
from trendbench.metrics.intake import drawn_by
from trendbench.process.triplets import Triplets
from trendbench.progress import Bar, bar, say
from trendbench.runner.guard import call
from trendbench.runner.observer import VALIDATION_SEED, observer
from trendbench.storage.lock import holding
from trendbench.training.checkpoint import forget
from trendbench.training.context import FitReport, RunContext
from trendbench.training.curves import NO_CURVES
from trendbench.tuning.journal import ENDED, opened_study, origin_of, trial_folder, values_of
from trendbench.tuning.objective import Finding, Objective
from trendbench.tuning.plan import StudyPlan, stored_plan
from trendbench.tuning.space import with_values

if TYPE_CHECKING:
    from optuna.trial import Trial

RATIO, FLAGS, SECONDS = "xi_ratio", "flags", "seconds"
_LOCK = "lock"
_LONGEST_REASON = 200


class _CutShortError(BaseException):
    """A trial is worse than most at its age: no error, so that no class catches it as one."""


@dataclass(frozen=True)
class _Bench:
    """What every trial of a study needs of its data file, read once a process."""

    dataset: Dataset
    train: Triplets
    objective: Objective


def run_trial(folder: Path, data: Path, index: int, bar: Bar = bar) -> None:
    """Run the study's next trial to its end.

    Args:
        folder: of a study that ``trendbench.tuning.study.tune`` has begun.
        data: its data file.
        index: of the trial, as ``take_up`` gave it; the sampler's seed depends on it.
        bar: shows the training's progress.

    Raises:
        StudyError: the folder holds no study, or the data file is another.
        TrendbenchError: as a run raises it; the trial has failed.
        KeyboardInterrupt: the trial goes on when the study does.
    """
    plan = stored_plan(folder)
    if plan is None:
        raise StudyError(f"{folder} holds no study: trendbench tune begins one")
    bench = _bench(data, plan.data)
    opened_study(folder, plan, index).optimize(
        lambda trial: _run(trial, trial_folder(folder, trial), plan, bench, bar),
        n_trials=1,
        callbacks=[lambda _, trial: forget(trial_folder(folder, trial))],
    )


@lru_cache(maxsize=1)
def _bench(data: Path, sha256: str) -> _Bench:
    dataset = open_dataset(data)
    if dataset.sha256 != sha256:
        raise StudyError(f"{data} is not the data file that the study was begun with")
    return _Bench(dataset, dataset.load("train"), Objective(dataset))


def _run(trial: "Trial", place: Path, plan: StudyPlan, bench: _Bench, bar: Bar) -> float:
    """Train; the value of the trial.

    Raises:
        TrialPruned: it was cut short.
        RunError: another process trains in the trial's folder; the trial has not failed then.
    """
    recipe = with_values(plan.own_recipe(), values_of(trial, plan))
    say(f"trial {trial.number}: {_in_words(trial.params)}")
    # An interrupted command cannot stop the tasks that a cluster's workers have begun.
    with holding(place / _LOCK, f"trial {origin_of(trial)} in {place}"):
        return _value(trial, recipe, place, plan, bench, bar)


def _value(
    trial: "Trial", recipe: Recipe, place: Path, plan: StudyPlan, bench: _Bench, bar: Bar
) -> float:
    """As ``_run``, with the end of the trial noted."""
    from optuna import TrialPruned

    start = time.monotonic()
    reports: list[FitReport] = []
    try:
        finding = _trained(trial, recipe, place, plan, bench, bar, reports)
    except (_CutShortError, TrainingError) as end:
        reason = str(end).partition(":")[0] or "worse than the median"
        trial.set_user_attr(ENDED, reason)
        say(f"trial {trial.number}: cut short, {reason}")
        raise TrialPruned from None
    except Exception as error:
        trial.set_user_attr(ENDED, " ".join(str(error).split())[:_LONGEST_REASON])
        forget(place)  # Optuna calls no callback for it
        raise
    finally:
        spent = max(time.monotonic() - start, *(report.seconds for report in reports[-1:]), 0.0)
        trial.set_user_attr(SECONDS, round(spent, 1))
    _note(trial, finding)
    say(f"trial {trial.number}: value {finding.value:.3f}, {_finding_in_words(finding)}")
    return finding.value


def _trained(
    trial: "Trial", recipe: Recipe, place: Path, plan: StudyPlan, bench: _Bench, bar: Bar,
    reports: list[FitReport],
) -> Finding:  # fmt: skip
    """Fit a generator and draw the validation split with it.

    Raises:
        _CutShortError: the trial is worse than the median of the finished ones at an epoch.
    """
    model_class = load_class(recipe.generator)
    objective, dataset = bench.objective, bench.dataset

    def found(drawn: NDArray[np.uint8]) -> Finding:
        images = drawn_by(drawn, dataset.spec, len(objective.val), f"{recipe.arch}.sample")
        return objective(images, conditional=is_conditional(model_class))

    context = RunContext(
        seed=plan.seed,
        device=plan.device,
        precision=plan.precision,
        folder=place,
        identity=f"{recipe.identity} {plan.data}",
        bar=bar,
        observe=observer(
            place, model_class, dataset, recipe.arch, NO_CURVES, figures=None,
            images=len(objective.val), then=_reader(trial, found, plan.epochs),
        ),
        reports=reports,  # of a class that counts earlier sessions
    )  # fmt: skip
    generator = call(model_class, "__init__", recipe.build)
    train, val = (shown_to(model_class, split) for split in (bench.train, objective.val))
    call(model_class, "fit", generator.fit, train, val, context)
    inputs = inputs_for(model_class, objective.val)
    return found(call(model_class, "sample", generator.sample, inputs, VALIDATION_SEED))


def _reader(
    trial: "Trial", found: Callable[[NDArray[np.uint8]], Finding], epochs: int | None
) -> Callable[[int, NDArray[np.uint8]], None]:
    """What happens after an epoch: its value is reported, and a trial that lags behind ends.

    A trial that goes on with another one begins with the values that were reported there. An epoch
    that is repeated, as no checkpoint followed it, was reported.
    """
    reported: dict[int, float] = {}
    for before in trial.study.get_trials(deepcopy=False):
        if before.number < trial.number and origin_of(before) == origin_of(trial):
            reported |= before.intermediate_values
    for epoch, value in reported.items():
        trial.report(value, epoch)

    def read(epoch: int, drawn: NDArray[np.uint8]) -> None:
        if epoch not in reported:
            finding = found(drawn)
            _note(trial, finding)
            trial.report(finding.value, epoch)
        if epochs is not None and epoch < epochs and trial.should_prune():
            raise _CutShortError

    return read


def _note(trial: "Trial", finding: Finding) -> None:
    trial.set_user_attr(RATIO, finding.xi_ratio)
    trial.set_user_attr(FLAGS, finding.flags)


def _in_words(values: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} = {value:.3g}" if isinstance(value, float) else f"{name} = {value}"
        for name, value in values.items()
    )


def _finding_in_words(finding: Finding) -> str:
    return f"ξ/floor {finding.xi_ratio:.3f}, {', '.join(finding.flags) or 'no flag'}"
