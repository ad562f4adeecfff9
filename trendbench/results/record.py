"""The record of one run: everything a row of the leaderboard rests on."""

import hashlib
import json
from typing import Annotated, Literal

from pydantic import Field

import trendbench
from trendbench.metrics.metric import Score
from trendbench.provenance import sources_sha256
from trendbench.storage.stated import Count, Name, Parameters, Part, RowName, Sha256, Text

SUBMITTED = "submitted"  # the family of such rows, and in place of a generator's class
Status = Literal["reproduced", "self-reported"]
_Number = Annotated[int, Field(ge=0, le=(1 << 64) - 1)]


class RecipeEntry(Part):
    """The recipe, whole."""

    generator: Text
    parameters: Parameters
    preset: Text | None = None
    source: Sha256 | None = None
    sha256: Sha256


class DataEntry(Part):
    """The data file."""

    sha256: Sha256
    train: Count
    seed: _Number


class CodeEntry(Part):
    """The code: its version, and the hash of every source file of the package."""

    version: Text
    sha256: Sha256


class HardwareEntry(Part):
    """Where it ran."""

    device: Text
    precision: Text


class TrainingEntry(Part):
    """What the fit and the sampling cost; None where a submitter has not said."""

    epochs: float | None = None
    images_seen: Count | None = None
    seconds: float | None
    sampling_seconds: float | None
    sampling_seed: _Number | None


class RunRecord(Part):
    """One run of one row, as it lies in ``results/<task>/<arch>/<run-id>.json``.

    ``images`` is the hash of the per-image scores beside it, ``attachments`` those of the files
    in the folder of its name. ``told_by`` names the scores that tell the images from true ones in
    one test; it is None where the images were scored before there was that test.
    """

    format: Literal["trendbench-result/1"] = "trendbench-result/1"
    task: RowName
    arch: RowName
    family: RowName
    status: Status
    seed: _Number
    recipe: RecipeEntry
    data: DataEntry
    code: CodeEntry
    hardware: HardwareEntry
    training: TrainingEntry
    parameters: Count | None = None
    conditional: bool
    privileged: bool
    n_test: Count
    xi_floor: float
    scores: dict[Name, Score | None]
    flags: list[Name] = Field(default_factory=list)
    told_by: list[Name] | None = None
    images: Sha256
    attachments: dict[Name, Sha256] = Field(default_factory=dict)
    finished: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]

    @property
    def run_id(self) -> str:
        """``seed<K>-<hash>``: the hash of the record's own content, so no two records share it."""
        return self.id_of(self.to_json().encode())

    def id_of(self, content: bytes) -> str:
        """``run_id`` of a record whose JSON these bytes are."""
        return f"seed{self.seed}-{hashlib.sha256(content).hexdigest()[:12]}"

    def to_json(self) -> str:
        """Stable, readable JSON; a key that older records lack is left out where it is empty."""
        absent = {"attachments": not self.attachments, "told_by": self.told_by is None}
        content = self.model_dump(exclude={key for key, is_absent in absent.items() if is_absent})
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def code_entry() -> CodeEntry:
    """The code at work."""
    return CodeEntry(version=trendbench.__version__, sha256=sources_sha256())
