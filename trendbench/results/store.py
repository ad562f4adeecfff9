"""Where records lie, how they are written, and how they are read back."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from trendbench import catalog
from trendbench.errors import ResultError, first_problem, nearest
from trendbench.progress import say
from trendbench.results.record import RunRecord
from trendbench.storage.atomic import write_bytes, write_text
from trendbench.storage.bounded import ArrayError, read_file, read_npz

Origin = Literal["published", "local"]
PerImage = dict[str, NDArray[np.float64]]
_DEFAULT = "results"
_LARGEST_RECORD = 1 << 20
LARGEST_COMPANION = 1 << 27
_MOST_SCORES = 64


@dataclass(frozen=True)
class StoredRecord:
    """A record, the file it lies in, and whether it is ours or shipped."""

    record: RunRecord
    path: Path
    origin: Origin

    def per_image(self) -> PerImage:
        """The per-image scores beside the record: name to (n,), in test order.

        Raises:
            ResultError: the sidecar is missing or is not the one that was recorded.
        """
        return self._per_image

    @cached_property
    def _per_image(self) -> PerImage:
        path = self.path.with_suffix(".npz")
        content = self._read(path, self.record.images)

        def check(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
            if shape != (self.record.n_test,) or dtype.kind != "f":
                raise ResultError(f"{path}: {name!r:.60} is not one number for each test image")
            if prod(shape) * dtype.itemsize * _MOST_SCORES > LARGEST_COMPANION:
                raise ResultError(f"{path} is larger than any record's")

        try:
            arrays = read_npz(content, check, _MOST_SCORES)
        except ArrayError as error:
            raise ResultError(f"{path} is not a readable .npz ({error})") from None
        return {name: array.astype(np.float64) for name, array in arrays.items()}

    def attachment(self, name: str) -> bytes | None:
        """A file of the record's folder; None where the record has none of that name.

        Raises:
            ResultError: it is missing or is not the one that was recorded.
        """
        digest = self.record.attachments.get(name)
        return None if digest is None else self._read(self.path.with_suffix("") / name, digest)

    def _read(self, path: Path, digest: str) -> bytes:
        try:
            content = read_file(path, LARGEST_COMPANION)
        except OSError as error:
            raise ResultError(f"{path} cannot be read ({error.strerror})") from None
        if hashlib.sha256(content).hexdigest() != digest:
            raise ResultError(f"{path} is not the file that {self.path.name} was written with")
        return content


def pack_per_image(values: PerImage) -> bytes:
    """Per-image scores as a compressed .npz in single precision."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{k: v.astype(np.float32) for k, v in values.items()})  # type: ignore[arg-type]
    return buffer.getvalue()


def write_record(
    results: Path,
    record: RunRecord,
    per_image: bytes,
    attachments: Mapping[str, bytes] = MappingProxyType({}),
) -> Path:
    """Put a record and its companions under ``results/<task>/<arch>/``; never overwrites.

    The companions come first, so that a record that is there always has them: per-image scores
    in ``<run-id>.npz``, attachments in the folder ``<run-id>``.
    """
    path = record_path(results, record)
    folder = path.with_suffix("")
    if not path.exists():
        for name, content in attachments.items():
            write_bytes(folder / name, content)
        write_bytes(path.with_suffix(".npz"), per_image)
        write_text(path, record.to_json())
    return path


def record_path(results: Path, record: RunRecord) -> Path:
    """Where a record lies under a folder of results."""
    return results / record.task / record.arch / f"{record.run_id}.json"


def row_key(record: RunRecord) -> tuple[str, str, int, str, str]:
    """What the records of one row of a leaderboard share: task, data, name, recipe."""
    data = record.data
    return record.task, data.sha256, data.train, record.arch, record.recipe.sha256


def run_key(record: RunRecord) -> tuple[object, ...]:
    """What the records of one row and seed share; of these the newest counts."""
    return (*row_key(record), record.seed)


def newness(stored: StoredRecord) -> tuple[str, int, str]:
    """What records are sorted by, the oldest first; of one run, the one with fewer scores."""
    scores = sum(score is not None for score in stored.record.scores.values())
    return stored.record.finished, scores, stored.path.stem


def results_folder(named: str | Path | None) -> Path:
    """The folder of records that was named, or ``results``, which need not exist.

    Raises:
        ResultError: there is no such folder.
    """
    if named is None:
        return Path(_DEFAULT)
    folder = Path(named)
    if not folder.is_dir():
        what = "is a file, and no folder of records" if folder.exists() else "does not exist"
        near = nearest(folder.name, _folders_in(folder.parent))
        hint = f"did you mean '{folder.parent / near[0]}'?" if near else (
            f"name a folder that holds <task>/<arch>/seed….json, such as '{_DEFAULT}'"
        )  # fmt: skip
        raise ResultError(f"{folder} {what}: {hint}")
    return folder


def _folders_in(place: Path) -> list[str]:
    return [path.name for path in place.iterdir() if path.is_dir()] if place.is_dir() else []


def read_record(path: Path) -> RunRecord:
    """Read one record.

    Raises:
        ResultError: not a record, or not the one its name says.
    """
    try:
        content = read_file(path, _LARGEST_RECORD)
        record = RunRecord.model_validate(json.loads(content))
    except ValidationError as error:
        raise ResultError(f"{path}: {first_problem(error, RunRecord)}") from None
    except OSError as error:
        raise ResultError(f"{path} cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{path} is not a readable record ({error})") from None
    if path.stem != record.id_of(content) and path.stem != record.run_id:  # the second is slow
        raise ResultError(
            f"{path} was renamed, or changed after it was written: its content says {record.run_id}"
        )
    return record


def read_all(results: Path) -> list[StoredRecord]:
    """Every local record under ``results``, and the published ones that lie elsewhere."""
    published = catalog.RESULTS.resolve()
    if results.resolve() == published:
        return read_folder(results, "published")
    return read_folder(results, "local") + read_folder(published, "published")


def read_folder(folder: Path, origin: Origin) -> list[StoredRecord]:
    """The records under a folder, in the order of their paths.

    A file that is no record, or not the one its name says, is named on stderr and left out: it
    must not stop anyone's run.
    """
    found = []
    for path in sorted(folder.glob("*/*/seed*.json")):
        try:
            stored = StoredRecord(read_record(path), path, origin)
            stored.per_image()
            for name in stored.record.attachments:
                stored.attachment(name)
        except ResultError as error:
            say(f"left out: {error}")
        else:
            found.append(stored)
    return found
