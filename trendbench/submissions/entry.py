"""An entry: one file with the scores of samples made elsewhere and what they rest on.

``trendbench-entry/1`` is a zip archive of exactly three members, the same bytes for the same
content: ``entry.json`` (an ``Entry``), ``scores.npz`` (each score image by image) and the recipe's
text, ``recipe.md`` or ``recipe.toml``.
"""

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trendbench.errors import ResultError, first_problem
from trendbench.generators.recipes import Recipe
from trendbench.results.record import SUBMITTED, DataEntry, Name, RowName, ScoreEntry, Sha256
from trendbench.results.store import PerImage
from trendbench.storage.bounded import ArrayError, decoded, parse_toml, read_file, read_npz
from trendbench.submissions.text import LONGEST_PAGE, checked_page

RecipeFile = Literal["recipe.md", "recipe.toml"]
RECIPES: tuple[RecipeFile, ...] = ("recipe.md", "recipe.toml")
_ENTRY, _SCORES = "entry.json", "scores.npz"
_DATE = (1980, 1, 1, 0, 0, 0)
_LARGEST_FILE, _LARGEST_ENTRY, _LARGEST_SCORES = 1 << 25, 1 << 18, 1 << 25
_MOST_NUMBER = 1 << 53
_MOST_IMAGES = 100_000
_MOST_SCORES = 64
_SINGLE = np.dtype("<f4")

_Count = Annotated[int, Field(ge=0, le=_MOST_NUMBER)]
_Version = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+){1,3}[a-z0-9.+]{0,20}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Code(_Part):
    """The trendbench that scored: its version, and the hash of its sources."""

    version: _Version
    sha256: Sha256


class RecipeText(_Part):
    """The recipe's file and the hash of its bytes."""

    file: RecipeFile
    sha256: Sha256


class Samples(_Part):
    """How many images, and the hash of their bytes as (n, H, W) uint8; of a second set likewise."""

    n: Annotated[int, Field(ge=2, le=_MOST_IMAGES)]
    sha256: Sha256
    second: Sha256 | None = None


class Entry(_Part):
    """Everything an entry states, but for the per-image scores and the recipe's text."""

    format: Literal["trendbench-entry/1"] = "trendbench-entry/1"
    status: Literal["self-reported"] = "self-reported"
    name: RowName
    task: RowName
    seed: Annotated[int, Field(ge=0, lt=1 << 63)]
    data: DataEntry
    code: Code
    recipe: RecipeText
    samples: Samples
    conditional: bool
    privileged: bool
    parameters: _Count | None = None
    epochs: Annotated[float, Field(ge=0, le=_MOST_NUMBER)] | None = None
    device: str
    xi_floor: float
    scores: dict[Name, ScoreEntry | None]
    flags: list[Name]
    images: Sha256

    @property
    def recipe_hash(self) -> str:
        """The row's recipe hash: of the recipe's text."""
        return Recipe(self.name, SUBMITTED, SUBMITTED, source=self.recipe.sha256).sha256


@dataclass(frozen=True, eq=False)
class Parcel:
    """An entry with its per-image scores, name to (n,) float32, and its recipe's text."""

    entry: Entry
    per_image: PerImage
    recipe: str


def samples_hash(images: NDArray[np.uint8]) -> str:
    """SHA-256 of the images' bytes, whatever file they came in."""
    return hashlib.sha256(np.ascontiguousarray(images).tobytes()).hexdigest()


def read_recipe(path: Path) -> tuple[RecipeFile, str]:
    """A recipe's file name within an entry, and its text.

    Raises:
        ResultError: no such file, another kind of file, or text that does not go in.
    """
    file = next((f for f in RECIPES if f.endswith(path.suffix.lower() or "?")), None)
    if file is None:
        raise ResultError(f"{path}: a recipe is a .md or a .toml file")
    try:
        content = decoded(read_file(path, LONGEST_PAGE, typed=True)).encode()
    except OSError as error:
        raise ResultError(f"{path} cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise ResultError(f"{path}: {error}") from None
    return file, _recipe(file, content, str(path))


def pack(entry: Entry, per_image: bytes, recipe: str) -> bytes:
    """The file's bytes."""
    text = json.dumps(entry.model_dump(), indent=2, ensure_ascii=False) + "\n"
    members = {
        _ENTRY: text.encode(), _SCORES: per_image, entry.recipe.file: recipe.encode(),
    }  # fmt: skip
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in members.items():
            member = zipfile.ZipInfo(name, _DATE)
            member.create_system, member.external_attr = 3, 0o644 << 16
            archive.writestr(member, content, zipfile.ZIP_DEFLATED, 9)
    return buffer.getvalue()


def unpack(path: Path) -> Parcel:
    """Read an entry, trusting nothing in it: form, sizes, hashes and types are checked here.

    Whether its numbers make sense is for ``submissions.consistency``.

    Raises:
        ResultError: it is not such a file, or contradicts itself.
    """
    try:
        content = read_file(path, _LARGEST_FILE)
    except OSError as error:
        raise ResultError(f"{path} cannot be read ({error.strerror})") from None
    where = str(path)
    try:
        members = _members(content, where)
    except ResultError:
        raise
    except Exception as error:  # zipfile and its decompressors raise a dozen kinds
        raise ResultError(f"{where} is not a readable entry ({error})") from None
    entry = _entry(members[_ENTRY], where)
    recipe = members.get(entry.recipe.file)
    if recipe is None:
        raise ResultError(f"{where}: entry.json speaks of {entry.recipe.file}, which is not in it")
    for name, stated, found in (
        (entry.recipe.file, entry.recipe.sha256, recipe), (_SCORES, entry.images, members[_SCORES]),
    ):  # fmt: skip
        if hashlib.sha256(found).hexdigest() != stated:
            raise ResultError(f"{where}: {name} is not the file that entry.json was written with")
    text = _recipe(entry.recipe.file, recipe, f"{where}, {entry.recipe.file}")
    return Parcel(entry, _per_image(members[_SCORES], entry.samples.n, where), text)


def _members(content: bytes, where: str) -> dict[str, bytes]:
    """The three members and nothing else, none larger than such a member can be."""
    limits = {_ENTRY: _LARGEST_ENTRY, _SCORES: _LARGEST_SCORES}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        found = archive.infolist()
        names = [member.filename for member in found]
        expected = [sorted([_ENTRY, _SCORES, recipe]) for recipe in RECIPES]
        if sorted(names) not in expected:
            shown = ", ".join(repr(name[:40]) for name in names[:5])
            raise ResultError(
                f"{where} holds {shown or 'nothing'}: an entry holds {_ENTRY}, {_SCORES} and "
                "recipe.md or recipe.toml, nothing else"
            )
        return {
            member.filename: _member(
                archive, member, limits.get(member.filename, LONGEST_PAGE), where
            )
            for member in found
        }


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int, where: str) -> bytes:
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ResultError(f"{where}: {member.filename} is packed in an unusual way")
    if member.file_size > limit:
        raise ResultError(f"{where}: {member.filename} is larger than {limit} bytes")
    with archive.open(member) as file:
        content = file.read(limit + 1)
    if len(content) != member.file_size:
        raise ResultError(f"{where}: {member.filename} is not as long as the archive says")
    return content


def _entry(content: bytes, where: str) -> Entry:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) < len(pairs):
            raise ValueError("a key twice")
        return table

    def never(word: str) -> float:
        raise ValueError(f"{word} is no number")

    try:
        fields = json.loads(content.decode(), object_pairs_hook=once, parse_constant=never)
        return Entry.model_validate(fields)
    except ValidationError as error:
        raise ResultError(f"{where}: {first_problem(error, Entry)}") from None
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{where}: {_ENTRY} is not readable ({error})") from None


def _recipe(file: str, content: bytes, where: str) -> str:
    text = checked_page(content, where)
    if file.endswith(".toml"):
        try:
            parse_toml(text)
        except ValueError as error:
            raise ResultError(f"{where} is not TOML ({error})") from None
    return text


def _per_image(content: bytes, n: int, where: str) -> PerImage:
    """The arrays of ``scores.npz``: each one (n,) float32, all finite."""

    def wrong(name: str) -> ResultError:
        return ResultError(
            f"{where}: {_SCORES}, {name[:40]!r} is not one finite float32 for each of the {n} "
            "images"
        )

    def check(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        if shape != (n,) or dtype != _SINGLE:
            raise wrong(name)

    try:
        found = read_npz(content, check, _MOST_SCORES)
    except ArrayError as error:
        raise ResultError(f"{where}: {_SCORES} is not a readable .npz ({error})") from None
    for name, values in found.items():
        if not np.isfinite(values).all():
            raise wrong(name)
    return found
