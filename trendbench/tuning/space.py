"""What a search may try: a TOML table for each parameter, with a range or a list of choices.

``[eta]`` with ``low``, ``high`` and, for a range that is searched by its logarithm, ``log = true``;
or ``[batch]`` with ``choices = [1, 2, 4]``. A range is of whole numbers where both its ends are.
``baselines/<family>/space.toml`` is a family's own.
"""

import inspect
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from trendbench import catalog
from trendbench.errors import RecipeError, StudyError, first_problem, nearest
from trendbench.generators.recipes import SPACE_FILE, Recipe
from trendbench.runner.guard import call
from trendbench.storage.bounded import read_toml, toml_problem

Value = bool | int | float | str
_MOST_CHOICES, _MOST_PARAMETERS = 100, 32
_SCHEDULE = "epochs"


class Parameter(BaseModel):
    """The values that one parameter may take: ``low`` to ``high``, or one of ``choices``."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    choices: Annotated[list[Value], Field(min_length=1, max_length=_MOST_CHOICES)] | None = None

    @model_validator(mode="after")
    def _is_a_range_or_a_list(self) -> Self:
        if self.choices is not None:
            if self.low is not None or self.high is not None or self.log:
                raise ValueError("either choices, or low and high")
            if len({(type(value), value) for value in self.choices}) < len(self.choices):
                raise ValueError("a choice stands twice in choices")
        elif self.low is None or self.high is None:
            raise ValueError("low and high are needed, or choices")
        elif not self.low < self.high:
            raise ValueError(f"low = {self.low} is not below high = {self.high}")
        elif self.log and not self.low > 0:
            raise ValueError(f"low = {self.low} has no logarithm: log = true needs low above 0")
        return self

    @property
    def is_whole(self) -> bool:
        """Whether it is a range of whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def ends(self) -> list[Value]:
        """Every choice, or both ends of the range."""
        if self.choices is not None:
            return list(self.choices)
        return [end for end in (self.low, self.high) if end is not None]

    def __contains__(self, value: Any) -> bool:
        if self.choices is not None:
            return any(type(value) is type(known) and value == known for known in self.choices)
        if self.low is None or self.high is None or isinstance(value, bool | str | None):
            return False
        return self.low <= value <= self.high and (isinstance(value, int) or not self.is_whole)

    def __str__(self) -> str:
        if self.choices is not None:
            return ", ".join(map(str, self.choices))
        return f"{self.low} to {self.high}{', logarithmic' if self.log else ''}"


Space = dict[str, Parameter]


def find_space(recipe: Recipe, model_class: Any, path: Path | None) -> Space:
    """The space in a file, or that of the recipe's family, if the class takes its values.

    Args:
        recipe: whose parameters are searched.
        model_class: what the recipe builds.
        path: a TOML file; the family's ``space.toml`` if None.

    Raises:
        StudyError: there is no such file, or a name or a range in it is wrong.
    """
    where = path or catalog.BASELINES / recipe.family / SPACE_FILE
    if path is None and not where.is_file():
        raise StudyError(
            f"no search space is shipped for {recipe.arch}: --space names a TOML file with a table "
            "for each parameter, such as [learning_rate] low = 1e-4, high = 1e-2, log = true"
        )
    space = read_space(where)
    for name, parameter in space.items():
        _must_be_known(name, model_class, where)
        for value in parameter.ends:
            _must_be_taken(recipe, model_class, name, value, where)
    return space


def own_values(space: Space, recipe: Recipe) -> dict[str, Value]:
    """The recipe's own value of each parameter whose range holds it."""
    own = recipe.parameters
    return {name: own[name] for name, known in space.items() if name in own and own[name] in known}


def with_values(recipe: Recipe, values: dict[str, Value]) -> Recipe:
    """The recipe with some parameters replaced."""
    return Recipe(**{**recipe.__dict__, "parameters": {**recipe.parameters, **values}})


def read_space(path: Path) -> Space:
    """The space in a TOML file, whichever class it is for.

    Raises:
        StudyError: it cannot be read, or a range in it is wrong.
    """
    try:
        tables = read_toml(path)
    except (OSError, ValueError) as error:
        raise StudyError(f"{path} {toml_problem(error)}") from None
    if not 1 <= len(tables) <= _MOST_PARAMETERS:
        raise StudyError(f"{path}: {len(tables)} parameters, needed are 1 to {_MOST_PARAMETERS}")
    return {name: _parameter(name, table, path) for name, table in tables.items()}


def _parameter(name: str, table: Any, path: Path) -> Parameter:
    if not isinstance(table, dict):
        raise StudyError(f"{path}: {name:.60} is no table: write [{name:.60}] and its low and high")
    try:
        return Parameter.model_validate(table)
    except ValidationError as error:
        raise StudyError(f"{path}, [{name:.60}]: {first_problem(error, Parameter)}") from None


def _must_be_known(name: str, model_class: Any, path: Path) -> None:
    """Refuse a parameter that the class's constructor does not take, and the length of training."""
    if name == _SCHEDULE:
        raise StudyError(f"{path}: every trial has the same number of epochs, which --epochs says")
    taken = inspect.signature(getattr(model_class, "settings_type", model_class)).parameters
    if name in taken or any(known.kind is known.VAR_KEYWORD for known in taken.values()):
        return
    near = nearest(name, taken)
    hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(taken) or 'none'}"
    raise StudyError(f"{path}: {model_class.__name__} has no parameter '{name:.60}': {hint}")


def _must_be_taken(recipe: Recipe, model_class: Any, name: str, value: Value, path: Path) -> None:
    """Refuse a value that the class refuses."""
    try:
        call(model_class, "__init__", with_values(recipe, {name: value}).build)
    except RecipeError as error:
        raise StudyError(f"{path}, [{name}]: {error}") from None
