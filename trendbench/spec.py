"""A task: the process, the frame, the split sizes and ξ's window, checked and frozen."""

import json
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from trendbench import catalog
from trendbench.errors import SpecError, first_problem, nearest
from trendbench.families.registry import DEFAULT_FAMILY, family
from trendbench.plain_text import must_read_back
from trendbench.process.family import Process
from trendbench.process.mixture import Mixture, mixture_of
from trendbench.process.seeds import SEED_LIMIT, Split
from trendbench.storage.bounded import read_toml, toml_problem
from trendbench.storage.folder import kind_of

_Count = Annotated[int, Field(ge=0, le=1_000_000_000, examples=[100])]
Task = Process | str | Path  # a task, its name, or the path of its TOML file
_Model = TypeVar("_Model", bound=BaseModel)
_OF_TRENDS = {"trends", "test_trends"}  # keys of tasks whose triplets have trends of their own


class TaskSpec(Process):
    """One benchmark task: a process, split sizes and ξ's window.

    It is the ``[task]`` table of a file in ``datasets/``, or made from keywords:

        tb.TaskSpec(name="mine", width=64, height=64, radius=3.0, lambda_left=1e-3,
                    lambda_right=1.2e-2, window=8, train=96, val=8, test=100)

    The keyword ``family`` chooses the process, ``disks`` by default; a task is then a process of
    that family, with its parameters and laws.

    Attributes:
        width: W of the frame [px].
        height: H of the frame [px].
        name: of the task in records and on the leaderboard.
        window: width w of ξ's sliding window [px].
        train: number of training triplets.
        val: number of validation triplets.
        test: number of test triplets.

    Raises:
        SpecError: a key is missing or unknown, or a number is out of range.
    """

    name: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$",
            description="up to 64 small letters, digits and . _ -, a letter or digit first",
            examples=["mine"],
        ),
        AfterValidator(must_read_back),
    ]
    window: Annotated[int, Field(ge=1, examples=[16])] = 16
    train: _Count
    val: _Count
    test: _Count

    def __new__(cls, /, **fields: Any) -> Self:
        """An instance of the class of tasks of the family."""
        if cls is TaskSpec:
            named = fields.get("family", DEFAULT_FAMILY)
            return cast(
                Self,
                object.__new__(_tasks_of(str(named), not fields.keys().isdisjoint(_OF_TRENDS))),
            )
        return super().__new__(cls)

    def __init__(self, /, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            said = first_problem(error, type(self), self.also)
            several = [name for name in self.ends if isinstance(fields.get(name), list | tuple)]
            if several and said.startswith(tuple(several)):
                said += (
                    f"; several trends are trends = [[…, …], …], pairs of {', '.join(self.ends)}"
                )
            raise SpecError(said) from None

    @model_serializer(mode="wrap")
    def _with_family(self, fields: SerializerFunctionWrapHandler) -> dict[str, Any]:
        stated = {} if self.family == DEFAULT_FAMILY else {"family": self.family}
        return {**stated, **fields(self)}

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (self.model_dump(), self.__pydantic_private__)

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if self.window >= self.width:
            raise ValueError(
                f"window = {self.window} leaves no room to slide in a frame of width {self.width}"
            )
        return self

    @model_validator(mode="after")
    def _shares_out(self) -> Self:
        if not isinstance(self, Mixture):
            return self
        for name, size, k in (
            ("test", self.test, len(self.test_trends or self.trends)),
            ("train", self.train, len(self.trends)),
        ):
            if size % k:
                raise ValueError(
                    f"{name} = {size} is no multiple of the {k} trends: {name} = "
                    f"{-(-size // k) * k} gives each as many triplets"
                )
        return self

    @property
    def members(self) -> tuple["TaskSpec", ...]:
        """The task with each trend of the test split: itself where it has one."""
        return _members(self) if isinstance(self, Mixture) else (self,)

    @property
    def xi0_images(self) -> int | None:
        """How many training images ξ₀ averages for each trend; None where it is the exact mean."""
        if self.of_split("train") != self:
            return None
        return self.train // len(self.members) or None

    @property
    def sizes(self) -> dict[Split, int]:
        """Triplets per split, in file order."""
        return {"train": self.train, "val": self.val, "test": self.test}

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces."""
        return json.dumps(self.model_dump(), sort_keys=True, separators=(",", ":"))


@cache
def _tasks_of(name: str, mixed: bool = False) -> type[TaskSpec]:
    """The class of tasks whose process is of a family, or a mixture of such processes.

    Raises:
        SpecError: there is no such family.
    """
    process = mixture_of(family(name)) if mixed else family(name)
    return cast(type[TaskSpec], type("TaskSpec", (TaskSpec, process), {"__module__": __name__}))


@lru_cache(maxsize=64)
def _members(task: TaskSpec) -> tuple[TaskSpec, ...]:
    assert isinstance(task, Mixture)
    own = {name: getattr(task, name) for name in TaskSpec.model_fields}
    more = {name: value for name, value in own.items() if name not in Process.model_fields}
    trends = task.test_trends or task.trends
    return tuple(task.with_ends(TaskSpec, ends, family=task.family, **more) for ends in trends)


def _made(fields: dict[str, Any], private: dict[str, Any] | None) -> TaskSpec:
    spec = TaskSpec(**fields)
    object.__setattr__(spec, "__pydantic_private__", private)
    return spec


class CanonicalFile(BaseModel):
    """The data file of a task's published results."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    train: _Count
    seed: Annotated[int, Field(ge=0, lt=SEED_LIMIT)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class CardTable(BaseModel):
    """Text about a task for its card."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    summary: Annotated[str, Field(max_length=1000, pattern=r"^[^\x00-\x1f\x7f]*$")]


def load_spec(name_or_path: str | Path, *, train: int | None = None) -> TaskSpec:
    """Read a task spec by name (one of ``datasets/*.toml``) or from a TOML file.

    Args:
        name_or_path: ``"trend-v1"``, or the path of a TOML file.
        train: number of training triplets in place of the spec's.

    Returns:
        The task, lengths in px and intensities in germs per px².

    Raises:
        SpecError: no such spec, unknown keys, or values that describe no process.
    """
    table, where = _read(name_or_path)
    if train is not None:
        table = {**table, "task": {**table["task"], "train": train}}
    return _task(table["task"], where)


def task(name_or_path: str | Path, *, train: int | None = None) -> TaskSpec:
    """A task by its name or from a TOML file: the same as ``load_spec``.

    Args:
        name_or_path: one of ``tasks()``, or the path of a TOML file.
        train: number of training triplets in place of the spec's.

    Raises:
        SpecError: as ``load_spec``.
    """
    return load_spec(name_or_path, train=train)


def tasks() -> list[str]:
    """The names of the shipped tasks, sorted."""
    return catalog.spec_names()


def process_of(task: Task) -> Process:
    """The task itself, or the one that ``load_spec`` finds by this name or path.

    Raises:
        SpecError: as ``load_spec``.
    """
    return task if isinstance(task, Process) else load_spec(task)


def task_of(task: TaskSpec | str | Path) -> TaskSpec:
    """The same where split sizes are needed.

    Raises:
        SpecError: as ``load_spec``.
    """
    return task if isinstance(task, TaskSpec) else load_spec(task)


def spec_from_json(text: str, where: str) -> TaskSpec:
    """The spec stored in a data file or a record; ``where`` names it in errors."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SpecError(f"{where}: the stored spec is not JSON ({error})") from None
    return _task(fields, where)


def is_shipped(spec: TaskSpec) -> bool:
    """Whether a shipped task has this name and these numbers, its training triplets aside."""
    if spec.name not in catalog.spec_names():
        return False
    return load_spec(spec.name).model_copy(update={"train": spec.train}) == spec


def canonical_file(task: str) -> CanonicalFile | None:
    """The file of a shipped task's published results; None for other tasks."""
    if task not in catalog.spec_names():
        return None
    table, where = _read(task)
    return _checked(CanonicalFile, table["canonical"], where) if "canonical" in table else None


def summary_of(name_or_path: str | Path) -> str:
    """The ``[card]`` table's summary of a task; empty where the spec has none.

    Raises:
        SpecError: as ``load_spec``.
    """
    table, where = _read(name_or_path)
    return _checked(CardTable, table["card"], where).summary if "card" in table else ""


def _read(name_or_path: str | Path) -> tuple[dict[str, Any], str]:
    if not isinstance(name_or_path, str | Path):
        raise SpecError(
            f"{name_or_path!r:.60}: needed is a task's name, a path of a TOML file, or a TaskSpec"
        )
    path = catalog.spec_path(str(name_or_path))
    if path is None:
        path = Path(name_or_path)
        _must_be_file(path)
    try:
        table = read_toml(path)
    except (OSError, ValueError) as error:
        raise SpecError(f"{path} {toml_problem(error)}") from None
    unknown = set(table) - {"task", "card", "canonical"}
    if unknown or not isinstance(table.get("task"), dict):
        raise SpecError(
            f"{path}: a spec has one table [task], and beside it at most [card] and [canonical]"
        )
    if "canonical" in table:
        _checked(CanonicalFile, table["canonical"], str(path))
    return table, str(path)


def _must_be_file(path: Path) -> None:
    known = catalog.spec_names()
    names = ", ".join(known)
    try:
        kind = kind_of(path)
    except OSError as error:
        raise SpecError(f"{path} cannot be read ({error.strerror})") from None
    except ValueError:  # a NUL in the name
        kind = None
    if kind == "a file":
        return
    if kind is not None:
        raise SpecError(f"{path} is {kind}: needed is a TOML file, or one of {names}")
    if path.suffix or len(path.parts) > 1:
        raise SpecError(f"there is no file {path}: needed is a TOML file, or one of {names}")
    near = nearest(str(path), known)
    hint = f"did you mean '{near[0]}'?" if near else f"name one of {names}, or give a TOML file"
    raise SpecError(f"no task spec '{path}': {hint}")


def _task(fields: object, where: str) -> TaskSpec:
    if not isinstance(fields, dict) or not all(isinstance(name, str) for name in fields):
        raise SpecError(f"{where}: needed is a table of names and values")
    try:
        return TaskSpec(**fields)
    except SpecError as error:
        raise SpecError(f"{where}: {error}") from None


def _checked(model: type[_Model], fields: object, where: str) -> _Model:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise SpecError(f"{where}: {first_problem(error, model)}") from None
