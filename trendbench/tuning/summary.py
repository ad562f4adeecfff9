"""What a study leaves: a summary for the report, a CSV of its trials, the best recipe."""

import csv
import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trendbench.data.dataset import Dataset
from trendbench.results.record import code_entry
from trendbench.results.study import StudySummary, TrialEntry, study_path
from trendbench.storage.atomic import write_text
from trendbench.tuning.journal import ENDED, opened_study
from trendbench.tuning.plan import StudyPlan
from trendbench.tuning.space import with_values
from trendbench.tuning.trial import FLAGS, RATIO, SECONDS

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

SUMMARY, TRIALS, BEST = "summary.json", "trials.csv", "best.toml"
_FEWEST_TO_WEIGH = 6
_COLUMNS = ("number", "state", "value", "xi_ratio", "flags", "epochs", "seconds")
_UNFIT = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_NAME = 64


def write_summary(folder: Path, plan: StudyPlan, dataset: Dataset, results: Path) -> StudySummary:
    """Write summary, CSV and best recipe into the study's folder, the summary to results too."""
    summary = _summary(folder, plan, dataset)
    write_text(folder / SUMMARY, summary.to_json())
    write_text(folder / TRIALS, _csv(summary))
    if summary.best is not None:
        write_text(folder / BEST, _recipe(summary, plan))
    if summary.trials:
        write_text(study_path(results, summary.name), summary.to_json())
    return summary


def _summary(folder: Path, plan: StudyPlan, dataset: Dataset) -> StudySummary:
    study = opened_study(folder, plan)
    finished = [_entry(trial) for trial in study.get_trials() if _is_over(trial)]
    complete = [t for t in finished if t.state == "complete" and t.value is not None]
    best = min(complete, key=lambda t: (t.value, t.number)).number if complete else None
    content: dict[str, Any] = {
        "format": "trendbench-study/1",
        "name": plan.name,
        "task": plan.task,
        "arch": plan.arch,
        "family": plan.family,
        "generator": plan.recipe["generator"],
        "recipe": plan.recipe["parameters"],
        "data": plan.data,
        "train": plan.train,
        "val": dataset.spec.val,
        "seed": plan.seed,
        "epochs": plan.epochs,
        "precision": plan.precision,
        "code": code_entry(),
        "space": plan.space,
        "importances": _importances(study, complete),
        "best": best,
        "trials": finished,
    }
    return StudySummary.model_validate(content)


def _is_over(trial: "FrozenTrial") -> bool:
    """Whether a trial has ended, and no other one goes on with it."""
    return trial.state.is_finished() and (trial.state.name != "FAIL" or ENDED in trial.user_attrs)


def _entry(trial: "FrozenTrial") -> TrialEntry:
    noted, steps = trial.user_attrs, sorted(trial.intermediate_values)
    states = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
    return TrialEntry.model_validate(
        {
            "number": trial.number,
            "state": states[trial.state.name],
            "value": trial.value,
            "xi_ratio": noted.get(RATIO),
            "flags": noted.get(FLAGS, []),
            "parameters": trial.params,
            "epochs": steps,
            "values": [trial.intermediate_values[step] for step in steps],
            "seconds": noted.get(SECONDS),
            "ended": noted.get(ENDED),
        }
    )


def _importances(study: "Study", complete: list[TrialEntry]) -> dict[str, float]:
    """Each parameter's share in the spread of the values, by PED-ANOVA, the largest first."""
    from optuna.importance import get_param_importances

    if len(complete) < _FEWEST_TO_WEIGH or len({trial.value for trial in complete}) == 1:
        return {}
    return {name: round(float(v), 4) for name, v in get_param_importances(study).items()}


def _csv(summary: StudySummary) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = list(summary.space)
    writer.writerow([*_COLUMNS, *names])
    for trial in summary.trials:
        fields = {**trial.model_dump(), "flags": ";".join(trial.flags), "epochs": len(trial.epochs)}
        values = [trial.parameters.get(name) for name in names]
        writer.writerow([*(fields[column] for column in _COLUMNS), *values])
    return text.getvalue()


def _recipe(summary: StudySummary, plan: StudyPlan) -> str:
    """The best trial as a recipe that ``trendbench run --arch`` takes."""
    trial = next(trial for trial in summary.trials if trial.number == summary.best)
    recipe = with_values(plan.own_recipe(), trial.parameters)
    name = _UNFIT.sub("-", f"tuned-{plan.arch}")[:_LONGEST_NAME]
    lines = [
        f"# Trial {trial.number} of the study {summary.name}.",
        f"name = {_toml(name)}",
        f"generator = {_toml(recipe.generator)}",
        f"summary = {_toml(f'{plan.arch}, the best of {len(summary.trials)} trials'[:200])}",
        "",
        "[parameters]",
        *(f"{key} = {_toml(value)}" for key, value in recipe.parameters.items()),
    ]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    """A value as TOML writes it; JSON's texts and truth values are TOML's."""
    return json.dumps(value, ensure_ascii=False)
