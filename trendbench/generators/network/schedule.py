"""What every trained network's recipe states, checked as it is read."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trendbench.errors import first_problem

Count = Annotated[int, Field(ge=1, le=1 << 20)]  # bounded, so that a file cannot ask for all memory
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]


class Schedule(BaseModel):
    """The settings that all trained networks share; a family's ``Settings`` adds its own.

    Types are strict, but a whole number may stand for a float. Unknown keys are refused.

    Attributes:
        learning_rate: of the optimiser.
        batch: images per step, in training and in sampling.
        epochs: passes over the training triplets.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    learning_rate: Positive
    batch: Count
    epochs: Count


Settings = TypeVar("Settings", bound=Schedule)
_Model = TypeVar("_Model", bound=BaseModel)


def checked(model: type[_Model], settings: Mapping[str, Any]) -> _Model:
    """The settings of these names and values.

    Raises:
        ValueError: an unknown, missing or impossible one, named in one line.
    """
    try:
        return model(**settings)
    except ValidationError as error:
        raise ValueError(first_problem(error, model)) from None
