"""Take entries into a folder of records, once nothing in them is in doubt."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trendbench.errors import ResultError
from trendbench.results.record import (
    SUBMITTED,
    CodeEntry,
    HardwareEntry,
    RecipeEntry,
    RunRecord,
    TrainingEntry,
)
from trendbench.results.store import (
    StoredRecord,
    newness,
    pack_per_image,
    read_all,
    record_path,
    run_key,
    write_record,
)
from trendbench.submissions.consistency import must_be_consistent
from trendbench.submissions.entry import Parcel, pack, unpack

ENTRY = "entry.zip"
_MOMENT = "%Y-%m-%dT%H:%M:%SZ"


def merge(
    paths: Sequence[Path], results: Path, *, replace: bool = False
) -> list[tuple[Path, bool]]:
    """Record entries with the status ``self-reported``; all of them, or none if one is refused.

    Args:
        paths: files that ``trendbench submit`` wrote.
        results: the folder of records.
        replace: whether an entry may stand in for another of its task, name, recipe and seed,
            whose record stays in the folder.

    Returns:
        For each entry its record's path, and whether it is new there.

    Raises:
        ResultError: an entry is refused, or would replace another; nothing has been written.
        OSError: the folder cannot be written.
    """
    stored = read_all(results)
    known = [s.record for s in stored]
    parcels = [unpack(path) for path in paths]
    for path, parcel in zip(paths, parcels, strict=True):
        must_be_consistent(parcel, known, str(path))
    there = {_content(s.record): s.path for s in stored}
    standing = {run_key(s.record): s for s in sorted(stored, key=newness)}
    finished = datetime.now(UTC)
    made = []
    for path, parcel in zip(paths, parcels, strict=True):
        record, per_image, entry = _record(parcel, finished.strftime(_MOMENT), str(path))
        is_new = _content(record) not in there
        old = standing.get(run_key(record))
        if is_new and old is not None:
            if not replace:
                raise ResultError(_taken(path, record, old))
            # Records tell time in seconds, and the one that is taken in last must be the newest.
            after = datetime.strptime(old.record.finished, _MOMENT) + timedelta(seconds=1)
            moment = max(finished.strftime(_MOMENT), after.strftime(_MOMENT))
            record = record.model_copy(update={"finished": moment})
        file = there.setdefault(_content(record), record_path(results, record))
        if is_new:
            standing[run_key(record)] = StoredRecord(record, file, "local")
        made.append((record, per_image, entry, file, is_new))
    for record, per_image, entry, _, is_new in made:
        if is_new:
            write_record(results, record, per_image, {ENTRY: entry})
    return [(file, is_new) for *_, file, is_new in made]


def _taken(path: Path, record: RunRecord, old: StoredRecord) -> str:
    return (
        f"{path}: {old.path} already stands for '{record.arch}', seed {record.seed}, with this "
        "recipe and other samples: submit with another --name, or with another --seed where it is "
        f"another training of the same model; trendbench leaderboard --merge {path} --replace puts "
        "this one in its place"
    )


def _content(record: RunRecord) -> str:
    """A record without the moment at which it was taken in."""
    return record.model_copy(update={"finished": ""}).to_json()


def _record(parcel: Parcel, finished: str, where: str) -> tuple[RunRecord, bytes, bytes]:
    """The record, its per-image scores, and the entry packed anew from what was checked."""
    entry = parcel.entry
    per_image = pack_per_image(parcel.per_image)
    digest = hashlib.sha256(per_image).hexdigest()
    content = pack(entry.model_copy(update={"images": digest}), per_image, parcel.recipe)
    try:
        record = RunRecord(
            task=entry.task,
            arch=entry.name,
            family=SUBMITTED,
            status=entry.status,
            seed=entry.seed,
            recipe=RecipeEntry(
                generator=SUBMITTED,
                parameters={},
                source=entry.recipe.sha256,
                sha256=entry.recipe_hash,
            ),
            data=entry.data,
            code=CodeEntry(**entry.code.model_dump()),
            hardware=HardwareEntry(device=entry.device, precision=SUBMITTED),
            training=TrainingEntry(
                epochs=entry.epochs, seconds=None, sampling_seconds=None, sampling_seed=None
            ),
            parameters=entry.parameters,
            conditional=entry.conditional,
            privileged=entry.privileged,
            n_test=entry.samples.n,
            xi_floor=entry.xi_floor,
            scores=entry.scores,
            flags=entry.flags,
            images=digest,
            attachments={ENTRY: hashlib.sha256(content).hexdigest()},
            finished=finished,
        )
    except ValueError as error:
        raise ResultError(f"{where} makes no record ({error})") from None
    return record, per_image, content
