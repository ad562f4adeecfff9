"""What can go wrong, as types: the command line turns each into one line and an exit code.

A message says what was wrong, where, and what would be right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


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


class ResultError(InputError):
    """A result record cannot be read or contradicts itself."""


class CheckpointError(TrendbenchError):
    """No intact checkpoint is left where one is needed."""


class TrainingError(TrendbenchError):
    """Training left the finite numbers and was stopped."""


def first_problem(error: ValidationError) -> str:
    """The first thing a model found wrong, as ``key: reason``."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    return f"{key + ': ' if key else ''}{first['msg'].removeprefix('Value error, ')}"
