"""The process that a generator is tested in: it tells the other one what it does and finds."""

import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from trendbench.conformance.calls import Trial
from trendbench.conformance.checks import EXAMINE, IMPORT, RELOAD, Check
from trendbench.conformance.findings import DoubtError, FaultError, Finding, MootError, Outcome
from trendbench.conformance.plan import DONE, PREPARING, Plan
from trendbench.conformance.watch import REACHES, Writes
from trendbench.errors import DEBUG, TrendbenchError
from trendbench.generators.recipes import find_recipe, load_class


def main(plan: Plan, told: Connection) -> None:
    """Run a stage of a test; names of what begins and findings go into the pipe ``told``."""
    # One check presses Ctrl-C. Under nohup this process would ignore it as its parent does.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for step in _story(plan, Path(plan.root)):
        told.send(step)
    told.send(DONE)


def _story(plan: Plan, root: Path) -> Iterator[str | Finding]:
    """Names of what begins, each followed by what was found."""
    from trendbench.families.registry import family

    yield PREPARING
    family().compile()
    writes = Writes(root)
    REACHES.places.clear()
    yield IMPORT
    try:
        with writes.armed():
            recipe = find_recipe(plan.reference)
            model_class = load_class(recipe.generator)
    except TrendbenchError as error:
        yield _failed(IMPORT, error)
        return
    if plan.stage == "examine":
        yield Finding(IMPORT, "ok", f"{recipe.generator}")
    yield PREPARING
    trial = Trial(plan, writes, recipe, model_class)
    yield from _looked(trial, EXAMINE if plan.stage == "examine" else RELOAD)


def _looked(trial: Trial, checks: Sequence[Check]) -> Iterator[str | Finding]:
    for check in checks:
        yield check.name
        finding = _finding(trial, check)
        yield finding
        if check.needed and finding.outcome == "FAIL":
            return


def _finding(trial: Trial, check: Check) -> Finding:
    outcome: Outcome = "ok"
    try:
        reading = check.look(trial)
    except DoubtError as doubt:
        outcome, reading = "warn", str(doubt)
    except MootError as moot:
        outcome, reading = "skip", str(moot)
    except (FaultError, TrendbenchError) as error:
        return _failed(check.name, error)
    return Finding(check.name, outcome, reading)


def _failed(check: str, error: Exception) -> Finding:
    if os.environ.get(DEBUG) and error.__cause__ is not None:
        traceback.print_exception(error.__cause__, file=sys.stderr)
    return Finding(check, "FAIL", " ".join(str(error).split()))
