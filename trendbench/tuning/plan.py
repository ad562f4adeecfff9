"""What defines a study: the same folder must never hold two of these."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trendbench.errors import StudyError
from trendbench.generators.recipes import Recipe
from trendbench.runner.plan import Plan, differences_of, in_words
from trendbench.storage.atomic import write_text
from trendbench.tuning.space import Parameter, Space

_FILE = "study.json"
_FORMAT = "trendbench-study/1"
_OWN = 12  # characters of the hash in a study's name


@dataclass(frozen=True)
class StudyPlan:
    """A search, before any trial.

    Attributes:
        task: name of the task; train: its training triplets.
        arch, family: of the recipe that is varied.
        recipe: its content, parameters included.
        data: content hash of the data file.
        seed: of the sampler, and of every trial's training.
        device, precision: what trials train on and in.
        space: each parameter's range or choices.
    """

    task: str
    train: int
    arch: str
    family: str
    recipe: dict[str, Any]
    data: str
    seed: int
    device: str
    precision: str
    space: dict[str, dict[str, Any]]

    @property
    def name(self) -> str:
        """``<task>-<arch>-<hash>``: of this study and no other."""
        content = json.dumps(self.__dict__, sort_keys=True).encode()
        return f"{self.task}-{self.arch}-{hashlib.sha256(content).hexdigest()[:_OWN]}"

    @property
    def epochs(self) -> int | None:
        """Passes over the training triplets of each trial; None where the recipe has none."""
        epochs = self.recipe["parameters"].get("epochs")
        return epochs if isinstance(epochs, int) else None

    def parameters(self) -> Space:
        """The space, as ``find_space`` gave it."""
        return {name: Parameter(**table) for name, table in self.space.items()}

    def own_recipe(self) -> Recipe:
        """The recipe that is varied."""
        return Recipe(self.arch, self.family, **self.recipe)

    def run_plan(self, recipe: Recipe) -> Plan:
        """The plan of one trial's run."""
        content = recipe.content
        return Plan(self.arch, content, self.data, self.seed, self.device, self.precision)

    def flat(self) -> dict[str, Any]:
        """One level of keys, as differences are shown."""
        fields = self.run_plan(self.own_recipe()).flat()
        return fields | {f"[{name}]": str(known) for name, known in self.parameters().items()}


def stored_plan(folder: Path) -> StudyPlan | None:
    """The plan that a study folder was begun with; None where no study was begun.

    Raises:
        StudyError: the folder's file is not that of a study.
    """
    path = folder / _FILE
    if not path.is_file():
        return None
    try:
        stored = json.loads(path.read_bytes())
        stated = stored.pop("format")
        if stated != _FORMAT:
            raise ValueError(f"its format is {stated!r:.40}, not {_FORMAT}")
        plan = StudyPlan(**stored)
        plan.flat()
        return plan
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise StudyError(
            f"{path} is damaged, or of another trendbench ({reason}): name another folder with "
            "--study"
        ) from None


def keep(folder: Path, plan: StudyPlan) -> None:
    """Note the plan in a study's folder, or find it there.

    Raises:
        StudyError: the folder holds another study; the message shows the difference.
    """
    before = stored_plan(folder)
    if before is None:
        stored = {"format": _FORMAT, **plan.__dict__}
        write_text(folder / _FILE, json.dumps(stored, indent=2) + "\n")
    elif before.flat() != plan.flat():
        differences = differences_of(before.flat(), plan.flat())
        raise StudyError(
            f"{folder} holds another study ({in_words(differences)}): name another folder with "
            "--study, or delete this one"
        )
