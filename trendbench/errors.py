"""What can go wrong, as types: the command line turns each into one line and an exit code.

A message says what was wrong, where, and what would be right.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import BaseModel, ValidationError

DEBUG = "TRENDBENCH_DEBUG"  # environment variable: set, it shows the traceback of an error


class TrendbenchError(Exception):
    """Base of every error that trendbench raises on purpose (exit code 1)."""

    exit_code = 1


class InputError(TrendbenchError):
    """Something the user gave or asked for cannot be used (exit code 2)."""

    exit_code = 2


class SpecError(InputError):
    """A task spec is missing, malformed or describes no valid process."""


class DataFileError(InputError):
    """A data file is missing, foreign, damaged, or not the one expected."""


class ImagesError(InputError):
    """Images handed in for scoring have the wrong count, shape, type or range."""


class RecipeError(InputError):
    """No such generator, or a recipe that does not hold together."""


class RunError(InputError):
    """A run folder or result folder is in use, foreign, or asks for something else."""


class StudyError(InputError):
    """A search space or a study folder that cannot be used, or is another study's."""


class ResultError(InputError):
    """A result record cannot be read or contradicts itself."""


class ScoreError(InputError, KeyError):
    """A score that does not exist, or not for these images."""

    __str__ = Exception.__str__  # a KeyError's own quotes its message


class ClusterError(InputError):
    """A cluster that cannot be reached or used, or that has lost a task for good."""


class ReportError(InputError):
    """A folder that a report cannot be written to."""


class WeightsError(InputError):
    """Saved weights are missing, damaged, or not those of the generator that they should be."""


class CheckpointError(TrendbenchError):
    """No intact checkpoint is left where one is needed."""


class PartnerError(TrendbenchError):
    """Another process of the same training is gone or silent."""


class TrainingError(TrendbenchError):
    """Training left the finite numbers and was stopped."""


class WorkerError(TrendbenchError):
    """A process that works for this one ended before its work did."""


def nearest(name: str, known: Iterable[str], count: int = 1) -> list[str]:
    """Up to ``count`` known names that ``name`` may be a misspelling of, the likeliest first."""
    return difflib.get_close_matches(name, list(known), n=count, cutoff=0.5)


def first_problem(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """What a model found wrong: an unknown key, as that may explain the rest, or the first.

    Where the model is given, the known key nearest to the unknown one is suggested.
    """
    problems = error.errors(include_url=False)
    unknown = [p["loc"] for p in problems if p["type"] == "extra_forbidden" and len(p["loc"]) == 1]
    if unknown:
        key = str(unknown[0][0])
        known = list(model.model_fields) if model else []
        near = nearest(key, known)
        hint = f": did you mean '{near[0]}'?" if near else f": known are {', '.join(known)}"
        return f"unknown key '{key:.60}'{hint if known else ''}"
    first = problems[0]
    key = ".".join(str(part) for part in first["loc"])
    return f"{key + ': ' if key else ''}{first['msg'].removeprefix('Value error, ')}"
