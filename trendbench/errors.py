"""Errors by type. The command line turns each into one line and an exit code.

A message says what is wrong, where, and what is right.
"""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import BaseModel, ValidationError
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

DEBUG = "TRENDBENCH_DEBUG"  # environment variable: if set, errors show their traceback


class TrendbenchError(Exception):
    """Base of every error that trendbench raises on purpose (exit code 1)."""

    exit_code = 1


class InputError(TrendbenchError):
    """An argument, a file or a request that cannot be used (exit code 2)."""

    exit_code = 2


class SpecError(InputError):
    """A task spec is missing, malformed or describes no valid process."""


class DataFileError(InputError):
    """A data file is missing, damaged, of another format, or not the expected one."""


def no_data_file(path: object) -> DataFileError:
    """The error for a path without a data file."""
    return DataFileError(f"no data file at {path}: trendbench make-data writes one")


class ImagesError(InputError):
    """Images handed in for scoring have the wrong count, shape, type or range."""


class RecipeError(InputError):
    """There is no such generator, or a recipe contradicts itself."""


class RunError(InputError):
    """A run or result folder is in use, or belongs to another run."""


class StudyError(InputError):
    """A search space or a study folder that cannot be used, or is another study's."""


class ResultError(InputError):
    """A result record cannot be read or contradicts itself."""


class ScoreError(InputError, KeyError):
    """A score does not exist, or not for these images."""

    __str__ = Exception.__str__  # a KeyError's own quotes its message


class LawError(InputError):
    """A family of textures does not state the law that is asked for."""


class ClusterError(InputError):
    """A cluster cannot be reached or used, or has lost a task."""


class ReportError(InputError):
    """A report cannot be written to a folder."""


class WeightsError(InputError):
    """Saved weights are missing, damaged, or of another generator."""


class CheckpointError(TrendbenchError):
    """No intact checkpoint is left where one is needed."""


class TrainingError(TrendbenchError):
    """Training was stopped, since losses or weights were no longer finite."""


class WorkerError(TrendbenchError):
    """A worker process ended before its work was done."""


_SHORT = 3  # letters


def nearest(name: str, known: Iterable[str], count: int = 1) -> list[str]:
    """Up to ``count`` known names that ``name`` may be a misspelling of, the likeliest first."""
    by_small = {word.casefold(): word for word in known}
    near = difflib.get_close_matches(name.casefold(), by_small, n=count, cutoff=0.5)
    least = 0.5 if len(name) <= _SHORT else 0.6  # half the letters of a longer name are no guess
    if not difflib.get_close_matches(name.casefold(), near[:1], cutoff=least):
        return []
    return [by_small[word] for word in near]


# What a field needs, by pydantic's name for what is wrong or by that name's first word.
_NEEDED = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "bool": "true or false",
    "string": "text in quotes",
    "list": "a list",
    "tuple": "a list",
    "dict": "a table",
    "model": "a table",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
    "string_too_long": "text of at most {max_length} characters",
    "string_pattern_mismatch": "text that matches {pattern}",
    "too_short": "{min_length} or more entries",
    "too_long": "at most {max_length} entries",
    "literal_error": "{expected}",
}
_KEY = "[key]"  # where pydantic finds fault with a key itself
# What pydantic adds to the place of a value that may have one of several types.
_ONE_OF_SEVERAL = re.compile(r"(constrained-)?(bool|int|float|str)|function-\w+\[.*", re.DOTALL)


def first_problem(
    error: ValidationError, model: type[BaseModel] | None = None, also: Iterable[str] = ()
) -> str:
    """The first fault that a pydantic model found: where, what is needed, and an example line.

    An unknown key comes first, since it may explain the rest; then every missing key; then the
    first value that cannot be used. If the model is given, the text has the field's example, and
    the known key nearest to an unknown one; ``also`` are keys that are known beside its fields.
    """
    fields = model.model_fields if model else {}
    problems = error.errors(include_url=False)
    first = problems[0]
    unknown = [p["loc"] for p in problems if p["type"] == "extra_forbidden"]
    if unknown:
        key = _place(unknown[0])
        known = [*fields, *also]
        near = nearest(key, known)
        hint = f": did you mean '{near[0]}'?" if near else f": known are {', '.join(known)}"
        return f"unknown key '{key:.60}'{hint if fields and len(unknown[0]) == 1 else ''}"
    missing = [_place(p["loc"]) for p in problems if p["type"] == "missing"]
    if missing:
        lines = [_example(key, fields) for key in missing]
        add = f": add {', '.join(lines)}" if all(lines) else ""
        return f"{', '.join(missing)} {'are' if len(missing) > 1 else 'is'} missing{add}"
    key = _place(first["loc"])
    if first["type"] == "json_invalid":
        return f"not JSON ({first['ctx']['error']})"
    here = [problem for problem in problems if _place(problem["loc"]) == key]
    for problem in here:
        if problem["type"] == "value_error":
            return f"{key + ': ' if key else ''}{problem['ctx']['error']}"
    needed = dict.fromkeys(map(_needed, here))
    if first["type"] == "string_pattern_mismatch" and key in fields and fields[key].description:
        needed = {str(fields[key].description): None}
    text = f"{key} = {first['input']!r:.60}" if key else f"{first['input']!r:.60}"
    if first["loc"][-1:] == (_KEY,):
        text = f"{_place(first['loc'][:-2])}: key {first['input']!r:.60}"
    line = _example(key, fields)
    return f"{text}: needed is {' or '.join(needed)}{f', as in {line}' if line else ''}"


def _place(location: tuple[int | str, ...]) -> str:
    """The field: ``a.b`` for a part, ``a[0]`` for an entry; which type was tried is left out."""
    *outer, last = location or ("",)
    tried = outer and isinstance(last, str) and (last == _KEY or _ONE_OF_SEVERAL.fullmatch(last))
    parts = outer if tried else location
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.removeprefix(".")


def _needed(problem: ErrorDetails) -> str:
    kind = problem["type"]
    words = _NEEDED.get(kind) or _NEEDED.get(kind.partition("_")[0], "another value")
    return words.format(**problem.get("ctx", {}))


def _example(key: str, fields: Mapping[str, FieldInfo]) -> str:
    """A line that sets a field; empty where its model gives no example."""
    examples = fields[key].examples if key in fields else None
    return f"{key} = {json.dumps(examples[0])}" if examples else ""
