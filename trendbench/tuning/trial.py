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
from trendbench.progress import Bar, bar, say
from trendbench.rendering.triplets import Triplets
from trendbench.runner.guard import call
from trendbench.runner.observer import VALIDATION_SEED, observer
from trendbench.training.checkpoint import forget
from trendbench.training.context import RunContext
from trendbench.training.curves import NO_CURVES
from trendbench.tuning.journal import next_trial, trial_folder, values_of
from trendbench.tuning.objective import Finding, Objective
from trendbench.tuning.plan import StudyPlan, stored_plan
from trendbench.tuning.space import with_values

if TYPE_CHECKING:
    from optuna.trial import Trial

_MOST_FAILURES = 3
RATIO, FLAGS, SECONDS, ENDED, FAILURES = "xi_ratio", "flags", "seconds", "ended", "failures"


class _CutShortError(BaseException):
    """A trial is worse than most at its age: no error, so that no class catches it as one."""


@dataclass(frozen=True)
class _Bench:
    """What every trial of a study needs of its data file, read once a process."""

    dataset: Dataset
    train: Triplets
    objective: Objective


def run_trial(folder: Path, data: Path, trials: int, *, bar: Bar = bar) -> int | None:
    """Run the study's next trial to its end: any process that sees the folder may call this.

    A trial that was left in the middle goes on from its checkpoint before a new one is begun.

    Args:
        folder: of a study that ``trendbench.tuning.study.begin`` has begun.
        data: its data file.
        trials: how many trials the study is to have in all.
        bar: shows the training's progress.

    Returns:
        The trial's number; None where nothing is left to begin.

    Raises:
        StudyError: the folder holds no study, or the data file is another.
        TrendbenchError: as a run raises it; the trial is tried again by the next call, and given
            up after the third failure.
        KeyboardInterrupt: the trial goes on with the next call.
    """
    plan = stored_plan(folder)
    if plan is None:
        raise StudyError(f"{folder} holds no study: trendbench tune begins one")
    bench = _bench(data, plan.data)
    with next_trial(folder, plan, trials) as trial:
        if trial is None:
            return None
        try:
            _run(trial, folder, plan, bench, bar)
        except Exception:
            _note_failure(trial)
            raise
        forget(trial_folder(folder, trial.number))
        return trial.number


@lru_cache(maxsize=1)
def _bench(data: Path, sha256: str) -> _Bench:
    dataset = open_dataset(data)
    if dataset.sha256 != sha256:
        raise StudyError(f"{data} is not the data file that the study was begun with")
    return _Bench(dataset, dataset.load("train"), Objective(dataset))


def _run(trial: "Trial", folder: Path, plan: StudyPlan, bench: _Bench, bar: Bar) -> None:
    """Train, and tell the study what came of it."""
    from optuna.trial import TrialState

    recipe = with_values(plan.own_recipe(), values_of(trial, plan))
    say(f"trial {trial.number}: {_in_words(values_of(trial, plan))}")
    start = time.monotonic()
    try:
        finding = _trained(trial, recipe, trial_folder(folder, trial.number), plan, bench, bar)
    except (_CutShortError, TrainingError) as end:
        trial.set_user_attr(ENDED, str(end).partition(":")[0] or "worse than the median")
        _note_seconds(trial, start)
        trial.study.tell(trial, state=TrialState.PRUNED)
        say(f"trial {trial.number}: cut short, {trial.user_attrs[ENDED]}")
    else:
        _note(trial, finding)
        _note_seconds(trial, start)
        trial.study.tell(trial, finding.value)
        say(f"trial {trial.number}: value {finding.value:.3f}, {_finding_in_words(finding)}")


def _trained(
    trial: "Trial", recipe: Recipe, place: Path, plan: StudyPlan, bench: _Bench, bar: Bar
) -> Finding:
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

    An epoch that is repeated, as the process was killed before its checkpoint, was reported.
    """
    reported = set(trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values)

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


def _note_seconds(trial: "Trial", start: float) -> None:
    """How long the training took, earlier sessions left out."""
    trial.set_user_attr(SECONDS, round(time.monotonic() - start, 1))


def _note_failure(trial: "Trial") -> None:
    """Count a failure; after the third one the trial is given up and another takes its place."""
    from optuna.trial import TrialState

    failures = trial.user_attrs.get(FAILURES, 0) + 1
    trial.set_user_attr(FAILURES, failures)
    if failures >= _MOST_FAILURES:
        trial.study.tell(trial, state=TrialState.FAIL)


def _in_words(values: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} = {value:.3g}" if isinstance(value, float) else f"{name} = {value}"
        for name, value in values.items()
    )


def _finding_in_words(finding: Finding) -> str:
    return f"ξ/floor {finding.xi_ratio:.3f}, {', '.join(finding.flags) or 'no flag'}"
