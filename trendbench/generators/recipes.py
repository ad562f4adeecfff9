"""Recipes: which generator, with which numbers. One TOML file per leaderboard row.

``baselines/<family>/family.toml`` names the generator class, what all rows of the family share, the
presets, which further names it reserves, whether its rows are ranked, and a note on its images;
``baselines/<family>/<row>.toml`` adds what makes the row, a class of its own included, and what a
preset has otherwise for this row. A family may name a function that reads parameters out of a row's
name, so that members without a file run too. ``space.toml`` beside them is what ``trendbench tune``
searches. A recipe of one's own is one file that says it all: ``name``, ``generator``, ``summary``
and ``[parameters]``.
"""

import hashlib
import importlib
import importlib.metadata
import inspect
import json
import os
import re
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trendbench import catalog
from trendbench.errors import RecipeError, first_problem, nearest
from trendbench.generators.discovery import only_class
from trendbench.generators.own_file import load_file, sources_sha256
from trendbench.plain_text import checked_name
from trendbench.storage.bounded import read_toml, toml_problem

ENTRY_POINTS = "trendbench.generators"
OWN_FAMILY = "own"
SPACE_FILE = "space.toml"
_FAMILY_FILE = "family.toml"
_NO_ROWS = {_FAMILY_FILE, SPACE_FILE}
_LONGEST_REFERENCE = 200

Parameters = dict[str, bool | int | float | str]
_Model = TypeVar("_Model", bound=BaseModel)
_Summary = Annotated[str, Field(max_length=200)]


class _Family(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    generator: str
    summary: _Summary
    names: str | None = None
    parameters: Parameters = {}
    presets: dict[str, Parameters] = {}
    default_preset: str | None = None
    reserved: str | None = None
    ranked: bool = True
    note: _Summary = ""


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    summary: _Summary
    generator: str | None = None
    parameters: Parameters = {}
    presets: dict[str, Parameters] = {}


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$",
            description="up to 64 letters, digits and _ -, a letter first",
            examples=["Mine"],
        ),
    ]
    generator: Annotated[str, Field(examples=["my_model.py:MyModel"])]
    summary: _Summary = ""
    parameters: Parameters = {}


@dataclass(frozen=True)
class Recipe:
    """A generator and all its numbers.

    Attributes:
        arch: the row's name.
        family: the folder under ``baselines/``, or ``own``.
        generator: ``package.module:Class`` or ``file.py:Class``.
        parameters: every keyword the constructor gets.
        preset: which preset the schedule came from, if any.
        summary: one line for people.
        source: SHA-256 of the file a generator is loaded from by path, and of what it imports
            from beside it.
    """

    arch: str
    family: str
    generator: str
    parameters: Parameters = field(default_factory=dict)
    preset: str | None = None
    summary: str = ""
    source: str | None = None

    @property
    def content(self) -> dict[str, Any]:
        """What defines the recipe, whatever it is called."""
        content: dict[str, Any] = {"generator": self.generator, "parameters": self.parameters}
        return content | ({"source": self.source} if self.source else {})

    @property
    def sha256(self) -> str:
        """Hash of the content, as canonical JSON."""
        text = json.dumps(self.content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def identity(self) -> str:
        """Hash of the content without the epochs: what a checkpoint must agree with."""
        parameters = {k: v for k, v in self.parameters.items() if k != "epochs"}
        return replace(self, parameters=parameters).sha256

    def build(self) -> Any:
        """The generator itself, not yet fitted.

        Raises:
            RecipeError: the class cannot be imported, or refuses its parameters.
        """
        generator = load_class(self.generator)
        try:
            return generator(**self.parameters)
        except (TypeError, ValueError) as error:
            raise RecipeError(
                f"{self.arch}: {self.generator} refuses its parameters: {error}"
                f"{_arguments(generator, self.parameters)}"
            ) from None


def _arguments(generator: Any, parameters: Parameters) -> str:
    """The __init__ that would take the parameters, where the class's own does not."""
    try:
        inspect.signature(generator).bind(**parameters)
    except TypeError:
        return f": needed is def __init__(self, {', '.join(parameters)})"
    except ValueError:  # a class that Python cannot look into
        pass
    return ""


def find_recipe(
    arch: str, *, preset: str | None = None, overrides: Mapping[str, Any] | None = None
) -> Recipe:
    """The recipe of a name, with a preset's schedule and any overrides put in.

    Args:
        arch: a row of ``baselines/``, another member of a family's grammar, the name of an entry
            point in ``trendbench.generators``, ``package.module:Class``, ``file.py:Class``,
            ``file.py`` alone where it holds one generator class, or ``file.toml``, a recipe.
        preset: which of the family's presets; its default if None.
        overrides: parameters that replace the recipe's, e.g. ``{"epochs": 3}``.

    Raises:
        RecipeError: no such generator, no such preset, a broken recipe file, or a name that the
            leaderboard cannot show.
    """
    if not isinstance(arch, str):
        raise RecipeError(f"{arch!r:.60}: needed is the name of a generator")
    recipe, presets = _shipped(arch, preset) or _own(reference_of(arch))
    try:
        checked_name(recipe.arch)
    except ValueError as error:
        raise RecipeError(f"{arch}: {error}") from None
    if preset and preset not in presets:
        known = ", ".join(presets) or "none"
        raise RecipeError(f"{arch} has no preset '{preset}': it has {known}")
    parameters = {**recipe.parameters, **(overrides or {})}
    return Recipe(**{**recipe.__dict__, "parameters": parameters})


def presets_of(arch: str) -> list[str]:
    """The presets of a shipped name; of another name none."""
    found = _shipped(arch, None)
    return list(found[1]) if found else []


def reference_of(arch: str) -> str:
    """The same name, with its one generator class added to a file that is named alone.

    Raises:
        RecipeError: which class of the file is meant cannot be told.
    """
    return f"{arch}:{only_class(Path(arch))}" if arch.endswith(".py") else arch


def shipped_recipes() -> list[Recipe]:
    """The recipe of every row in ``baselines/``, in the order of families and rows."""
    rows = (path for path in _family_folders() for path in _row_files(path))
    return [find_recipe(path.stem) for path in rows]


def is_reserved(name: str) -> bool:
    """Whether a name means one of our rows, in any spelling of its letters' case.

    Families, their rows, and the names that a family's file reserves by a pattern.
    """
    for folder in _family_folders():
        family = _family_of(folder)
        known = [folder.name, *(path.stem for path in _row_files(folder))]
        pattern = family.reserved
        if name.casefold() in (row.casefold() for row in known) or (
            pattern and re.fullmatch(pattern, name, re.IGNORECASE)
        ):
            return True
    return False


def note_of(family: str) -> str:
    """What a family's file says to whoever has run a row of it; empty for others."""
    folders = {folder.name: folder for folder in _family_folders()}
    return _family_of(folders[family]).note if family in folders else ""


def unranked_families() -> set[str]:
    """Families whose rows are measured against, not ranked."""
    return {f.name for f in _family_folders() if not _family_of(f).ranked}


def load_class(reference: str) -> Any:
    """Import ``package.module:Class`` or ``path/to/file.py:Class``, as the file is now.

    Raises:
        RecipeError: no such file, module or class, or it fails on import.
    """
    place, _, name = reference.rpartition(":")
    try:
        module = load_file(Path(place)) if place.endswith(".py") else _import_module(place)
    except RecipeError:
        raise
    except (Exception, SystemExit) as error:  # whatever a third party's module does on import
        raise RecipeError(
            f"{place} fails on import: {type(error).__name__}: {error}{_line_of(error)}"
        ) from error
    try:
        return getattr(module, name)
    except AttributeError:
        raise RecipeError(f"{place} has no class '{name}'") from None


def _line_of(error: BaseException) -> str:
    """Where a module failed, its own line or that of one it imports; a syntax error says it."""
    places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    ours = str(Path(__file__).parent)
    own = [p for p in places if not p[0].startswith(("<frozen", ours))]
    return f" at {own[-1][0]}:{own[-1][1]}" if own and not isinstance(error, SyntaxError) else ""


def _shipped(arch: str, preset: str | None) -> tuple[Recipe, Mapping[str, Parameters]] | None:
    for folder in _family_folders():
        family = _family_of(folder)
        row = _row(arch, folder, family)
        if row is None:
            continue
        chosen = preset or family.default_preset
        schedule = family.presets.get(chosen, {}) if chosen else {}
        own = row.presets.get(chosen, {}) if chosen else {}
        parameters = {**family.parameters, **schedule, **row.parameters, **own}
        generator = row.generator or family.generator
        recipe = Recipe(arch, folder.name, generator, parameters, chosen, row.summary)
        return recipe, family.presets
    return None


def _row(arch: str, folder: Path, family: _Family) -> _Row | None:
    name = f"{arch}.toml"
    if name in os.listdir(folder) and name not in _NO_ROWS:  # on any disk, case and all
        return _read_shipped(folder / name, _Row)
    if family.names:
        parameters = load_class(family.names)(arch)
        if parameters is not None:
            return _Row(summary=family.summary, parameters=parameters)
    return None


def _own(arch: str) -> tuple[Recipe, Mapping[str, Parameters]]:
    if len(arch) > _LONGEST_REFERENCE:
        raise RecipeError(f"'{arch[:40]}…' is longer than {_LONGEST_REFERENCE} characters")
    for entry in importlib.metadata.entry_points(group=ENTRY_POINTS):
        if entry.name == arch:
            return Recipe(arch, OWN_FAMILY, entry.value), {}
    if arch.endswith(".toml"):
        return _from_file(Path(arch)), {}
    _, _, name = arch.rpartition(":")
    if name != arch and re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,63}", name):
        return Recipe(name, OWN_FAMILY, arch, source=_source_of(arch)), {}
    near = nearest(arch, (recipe.arch for recipe in shipped_recipes()), count=3)
    hint = f"did you mean {', '.join(near)}? " if near else ""
    raise RecipeError(
        f"unknown arch '{arch}': {hint}trendbench archs lists the names; your own is "
        "package.module:Class or file.py:Class"
    )


def _from_file(path: Path) -> Recipe:
    """The recipe that a TOML file states alone.

    Raises:
        RecipeError: no such file, not such a recipe, or the name of one of ours.
    """
    stated = _read(path, _File)
    if is_reserved(stated.name):
        raise RecipeError(f"{path}: the name '{stated.name}' is a shipped row's: choose another")
    return Recipe(
        stated.name, OWN_FAMILY, stated.generator, stated.parameters,
        summary=stated.summary, source=_source_of(stated.generator),
    )  # fmt: skip


def _source_of(generator: str) -> str | None:
    """SHA-256 of the files that a class is loaded from by path; None for an importable one.

    Raises:
        RecipeError: there is no such file.
    """
    place = generator.rpartition(":")[0]
    if not place.endswith(".py"):
        return None
    try:
        return sources_sha256(Path(place))
    except OSError as error:
        raise RecipeError(f"no file {place} ({error.strerror})") from None


def _family_folders() -> list[Path]:
    return sorted(path.parent for path in catalog.BASELINES.glob(f"*/{_FAMILY_FILE}"))


def _row_files(folder: Path) -> list[Path]:
    def naturally(path: Path) -> list[tuple[int, str]]:
        return [(int(part or 0), part) if part.isdigit() else (0, part)
                for part in re.split(r"(\d+)", path.stem)]  # fmt: skip

    return sorted((p for p in folder.glob("*.toml") if p.name not in _NO_ROWS), key=naturally)


def _family_of(folder: Path) -> _Family:
    return _read_shipped(folder / _FAMILY_FILE, _Family)


def _read_shipped(path: Path, model: type[_Model]) -> _Model:
    read: _Model = _as_last_changed(path, model, path.stat().st_mtime_ns)
    return read


@lru_cache(maxsize=256)
def _as_last_changed(path: Path, model: type[_Model], changed: int) -> _Model:
    """A shipped file, read once: a leaderboard asks for the recipe of every row."""
    del changed
    return _read(path, model)


def _read(path: Path, model: type[_Model]) -> _Model:
    try:
        return model.model_validate(read_toml(path))
    except ValidationError as error:
        raise RecipeError(f"{path}: {first_problem(error, model)}") from None
    except (OSError, ValueError) as error:
        raise RecipeError(f"{path} {toml_problem(error)}") from None


def _import_module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        file = Path(f"{name.replace('.', '/')}.py")
        is_it = name == error.name or name.startswith(f"{error.name}.")
        way = f"name its file, {file}:…" if is_it and file.is_file() else "is it installed?"
        raise RecipeError(f"no module '{error.name}', wanted by {name}: {way}") from None
