"""The summary of a study: what was searched, and what came of each trial."""

import json
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from trendbench import catalog
from trendbench.errors import ResultError, first_problem
from trendbench.progress import say
from trendbench.results.record import CodeEntry
from trendbench.storage.bounded import read_file
from trendbench.storage.stated import Count, Name, Parameters, Part, Sha256, Text

FOLDER = "studies"
_LARGEST = 1 << 22
_MOST = 10_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,159}")


class RangeEntry(Part):
    """What a parameter may be: a range, or one of some choices."""

    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    choices: Annotated[list[bool | int | float | Text], Field(max_length=100)] | None = None


class TrialEntry(Part):
    """One finished trial.

    Attributes:
        number: its place in the study.
        state: ``complete``; ``pruned``, cut short; ``failed``, given up.
        value: what is minimised, of the last images that were looked at; null if there were none.
        xi_ratio: ξ after thresholding over the floor; flags: those raised.
        parameters: the values that were tried.
        epochs, values: the value after each epoch.
        seconds: of training.
        ended: why it was cut short.
    """

    number: Count
    state: Literal["complete", "pruned", "failed"]
    value: float | None
    xi_ratio: float | None
    flags: Annotated[list[Name], Field(max_length=32)]
    parameters: Parameters
    epochs: Annotated[list[Count], Field(max_length=_MOST)]
    values: Annotated[list[float], Field(max_length=_MOST)]
    seconds: float | None
    ended: Text | None = None


class StudySummary(Part):
    """A study and its finished trials.

    Attributes:
        name: ``<task>-<arch>-<hash>``, of what defines the study.
        task, arch, family, generator, recipe: what was varied.
        data: content hash of the data file; train, val: its triplets.
        seed: of the sampler and of every trial.
        epochs: of each trial.
        space: ranges and choices by parameter.
        importances: each parameter's share in the spread of the values; empty with few trials.
        best: number of the complete trial with the least value.
        trials: in order.
    """

    format: Literal["trendbench-study/1"]
    name: Annotated[str, Field(pattern=f"^{_NAME.pattern}$")]
    task: Name
    arch: Name
    family: Name
    generator: Text
    recipe: Parameters
    data: Sha256
    train: Count
    val: Count
    seed: Annotated[int, Field(ge=0, lt=1 << 64)]
    epochs: Count | None
    precision: Name
    code: CodeEntry
    space: Annotated[dict[Name, RangeEntry], Field(min_length=1, max_length=32)]
    importances: dict[Name, float]
    best: Count | None
    trials: Annotated[list[TrialEntry], Field(max_length=_MOST)]

    def to_json(self) -> str:
        """The file's content."""
        return json.dumps(self.model_dump(), indent=1, ensure_ascii=False) + "\n"

    def ranked(self) -> list[TrialEntry]:
        """Trials by value, the least first: complete ones, then those cut short, then the rest."""
        states = ("complete", "pruned", "failed")
        return sorted(
            self.trials,
            key=lambda t: (states.index(t.state), float("inf") if t.value is None else t.value),
        )


def study_path(results: Path, name: str) -> Path:
    """Where the summary of a study lies under a folder of results."""
    return results / FOLDER / f"{name}.json"


def read_studies(results: Path) -> list[StudySummary]:
    """Every summary under ``results``, and the published ones that it lacks, by name.

    A file that is no summary is named on stderr and left out.
    """
    found: dict[str, StudySummary] = {}
    for folder in (results, catalog.RESULTS):
        for path in sorted((folder / FOLDER).glob("*.json")):
            try:
                summary = _read(path)
            except ResultError as error:
                say(f"left out: {error}")
            else:
                found.setdefault(summary.name, summary)
    return [found[name] for name in sorted(found)]


def _read(path: Path) -> StudySummary:
    try:
        stored = json.loads(read_file(path, _LARGEST))
        summary = StudySummary.model_validate(stored)
    except ValidationError as error:
        raise ResultError(f"{path}: {first_problem(error, StudySummary)}") from None
    except OSError as error:
        raise ResultError(f"{path} cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{path} is no summary of a study ({error})") from None
    if path.stem != summary.name:
        raise ResultError(f"{path} bears another name than its study, {summary.name}")
    return summary
