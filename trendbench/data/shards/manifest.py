"""The manifest of a sharded data set: what it holds, in how many shards, with every hash."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trendbench.data.parts import Part
from trendbench.errors import DataFileError, SpecError, first_problem
from trendbench.process.seeds import SEED_LIMIT
from trendbench.spec import TaskSpec, spec_from_json
from trendbench.storage.atomic import write_text
from trendbench.storage.bounded import decoded, read_file

MANIFEST = "manifest.json"
MOST_SHARDS = 100_000
_LARGEST = 1 << 24


class Manifest(BaseModel):
    """What stands in ``manifest.json``.

    Attributes:
        format: of this file.
        spec: the task as JSON, split sizes included.
        seed: what the shards were simulated from.
        trendbench_version: what wrote them.
        shards: SHA-256 of each shard's content, in order.
        hashes: SHA-256 of each column's bytes over all shards, as one file of the same data has.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    format: Literal["trendbench-shards/1"] = "trendbench-shards/1"
    spec: str
    seed: int = Field(ge=0, lt=SEED_LIMIT)
    trendbench_version: str = Field(pattern=r"^[0-9A-Za-z.+!-]{1,64}$")
    shards: list[str] = Field(min_length=2, max_length=MOST_SHARDS)
    hashes: dict[str, str]

    def task(self, where: Path) -> TaskSpec:
        """The spec.

        Raises:
            DataFileError: it describes no valid task.
        """
        try:
            return spec_from_json(self.spec, str(where))
        except SpecError as error:
            raise DataFileError(str(error)) from None


def shard_path(folder: Path, part: Part) -> Path:
    """Where a shard lies: names follow from numbers and are never taken from a file."""
    return folder / f"shard-{part.index:05d}-of-{part.count:05d}.h5"


def parts(count: int) -> list[Part]:
    """The parts that ``count`` shards hold."""
    return [Part(i, count) for i in range(count)]


def read_manifest(folder: Path) -> Manifest:
    """The manifest in ``folder``.

    Raises:
        DataFileError: there is none, or it is not one.
    """
    path = folder / MANIFEST
    advice = "run the same make-data --shards command again"
    if not path.is_file() or path.is_symlink():
        raise DataFileError(
            f"{folder} holds no whole data set, as there is no {MANIFEST}: if make-data was "
            f"interrupted, {advice}"
        )
    try:
        return Manifest.model_validate_json(decoded(read_file(path, _LARGEST)))
    except OSError as error:
        raise DataFileError(f"{path} cannot be read: {error.strerror or error}") from None
    except ValidationError as error:
        reason = first_problem(error, Manifest)
    except ValueError as error:
        reason = str(error)
    raise DataFileError(
        f"{path} is damaged, or of another trendbench ({reason}): copy it again; where this "
        f"trendbench made the shards, delete it and {advice}"
    )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put it there, whole or not at all: with it the shards become a data set."""
    write_text(folder / MANIFEST, manifest.model_dump_json(indent=2) + "\n")
