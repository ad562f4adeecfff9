"""Take entries into a folder of records: each is scored here, on the data that it names."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trendbench.data.make import default_path, make_data
from trendbench.data.opening import open_dataset
from trendbench.errors import DataFileError, ResultError
from trendbench.figures.card import curves_of
from trendbench.figures.samples import contact_sheet
from trendbench.metrics.by_trend import trends_of
from trendbench.metrics.c2st import FEWEST_TRIPLETS, LOGLOSS
from trendbench.metrics.full_card import full_card, must_know_trends
from trendbench.metrics.intake import accepted
from trendbench.metrics.registry import are_current
from trendbench.progress import Bar, optional, quiet, say
from trendbench.results import attachments
from trendbench.results.assembly import Making, assembled
from trendbench.results.record import (
    SUBMITTED,
    HardwareEntry,
    RecipeEntry,
    RunRecord,
    TrainingEntry,
    code_entry,
)
from trendbench.results.store import (
    StoredRecord,
    newness,
    read_all,
    run_key,
    write_record,
)
from trendbench.results.task import task_of
from trendbench.spec import canonical_file, is_shipped, load_spec
from trendbench.submissions.entry import Entry, EntryFile, pack

ENTRY = "entry.zip"
_SHOWN = 4
_MOMENT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, eq=False)
class _Checked:
    """An entry that can be scored.

    Attributes:
        file: as it came; packed: as it is kept, of nothing but what was checked.
        data: its data file; train: the number of training triplets in it.
        c2st: whether the classifier is among its scores.
    """

    file: EntryFile
    packed: bytes
    data: Path
    train: int
    c2st: bool

    @property
    def key(self) -> tuple[object, ...]:
        """As ``run_key`` of its record."""
        entry = self.file.entry
        recipe = self.file.row_recipe.sha256
        return entry.task, entry.data, self.train, entry.name, recipe, entry.seed

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.packed).hexdigest()

    def is_scored_by(self, record: RunRecord) -> bool:
        """Whether a record of this entry has every score, as it is computed now."""
        return are_current(record.scores) and not (self.c2st and record.scores.get(LOGLOSS) is None)


def merge(
    paths: Sequence[Path],
    results: Path,
    *,
    data: Path | None = None,
    c2st: bool = True,
    replace: bool = False,
    bar: Bar = quiet,
) -> list[tuple[Path, bool]]:
    """Score entries and record them; all of them, or none if one is refused.

    Their scores are computed here. How the images were made is what the submitter says, so the
    records have the status ``self-reported``.

    Args:
        paths: files that ``trendbench submit`` wrote.
        results: the folder of records.
        data: the data file of all entries. If None, the one that each entry names is made or
            found: the canonical file of a task, or that of a run in ``results``.
        c2st: whether to train the classifier, on tasks with enough test triplets.
        replace: whether an entry may stand in for another of its task, name, recipe and seed,
            whose record stays in the folder.
        bar: shows progress.

    Returns:
        For each entry its record's path, and whether it is new there. An entry that is on record
        is scored again only where a score has a newer version, or the classifier is missing.

    Raises:
        ResultError: an entry is refused, or would replace another; nothing has been written.
        ImagesError: its images cannot be scored.
        DataFileError: the data file is not there.
        OSError: a folder cannot be written.
    """
    stored = read_all(results)
    standing = {run_key(s.record): s for s in sorted(stored, key=newness)}
    planned: dict[tuple[object, ...], _Checked] = {}
    places: list[tuple[tuple[object, ...], Path | None]] = []
    for path in paths:
        checked = _checked(path, data, stored, c2st=c2st)
        key = checked.key
        before, other = standing.get(key), planned.get(key)
        if other is not None:
            if other.digest != checked.digest:
                raise _taken(path, checked, "another entry of this merge", "")
        elif before is not None and before.record.attachments.get(ENTRY) == checked.digest:
            if checked.is_scored_by(before.record):
                places.append((key, before.path))
                continue
        elif before is not None and not replace:
            hint = f"; trendbench leaderboard --merge {path} --replace puts this one in its place"
            raise _taken(path, checked, str(before.path), hint)
        planned[key] = checked
        places.append((key, None))
    made = {key: _scored(checked, standing.get(key), bar) for key, checked in planned.items()}
    written = {key: write_record(results, *parts) for key, parts in made.items()}
    return [(there or written[key], there is None) for key, there in places]


def _taken(path: Path, checked: _Checked, other: str, hint: str) -> ResultError:
    entry = checked.file.entry
    return ResultError(
        f"{path}: {other} already stands for '{entry.name}', seed {entry.seed}, with this recipe "
        "and other samples: submit with another --name, or with another --seed where it is "
        f"another training of the same model{hint}"
    )


def _checked(
    path: Path, data: Path | None, stored: Sequence[StoredRecord], *, c2st: bool
) -> _Checked:
    """An entry, if it is for its data file and can be scored."""
    file = EntryFile(path)
    entry = file.entry
    place = data or _data_of(entry, stored, str(path))
    with open_dataset(place) as dataset:
        spec, sha256 = dataset.spec, dataset.sha256
    if (entry.data, entry.task) != (sha256, spec.name):
        raise ResultError(
            f"{path} was made for data {entry.data[:12]} of task {entry.task}, and {place} holds "
            f"{sha256[:12]} of {spec.name}: name the right file with --data"
        )
    images, second = file.images(spec)
    for sample in (images, second):
        if sample is not None:
            accepted(sample, spec, str(path))
    if c2st and spec.test < FEWEST_TRIPLETS:
        say(f"{spec.test} test triplets: the classifier needs {FEWEST_TRIPLETS}: left out")
        c2st = False
    return _Checked(file, pack(entry, file.recipe, images, second), place, spec.train, c2st)


def _data_of(entry: Entry, stored: Sequence[StoredRecord], where: str) -> Path:
    """The data file that an entry names, made if it is not there: of a task, or of a run."""
    canonical = canonical_file(entry.task)
    if canonical and canonical.sha256 == entry.data:
        spec, seed = load_spec(entry.task, train=canonical.train), canonical.seed
    else:
        runs = (s for s in stored if s.record.status == "reproduced")
        known = (s for s in runs if s.record.data.sha256 == entry.data)
        found = [(task, s.record.data.seed) for s in known if (task := task_of(s))]
        if not found:
            raise ResultError(
                f"{where}: data {entry.data[:12]} of task {entry.task} is not known here: name its "
                "file with --data FILE"
            )
        spec, seed = found[0]
    path = default_path(spec, seed)
    try:
        if make_data(spec, seed, path):
            say(f"made {path}")
    except DataFileError as error:
        raise ResultError(
            f"{where}: its data cannot be made at {path} ({error}): name its file with --data FILE"
        ) from None
    return path


def _scored(
    checked: _Checked, before: StoredRecord | None, bar: Bar
) -> tuple[RunRecord, bytes, dict[str, bytes]]:
    """The record of an entry, its scores image by image, and what goes into its folder."""
    file = checked.file
    with open_dataset(checked.data) as dataset:
        must_know_trends(dataset.spec, conditional=file.entry.conditional)
        images, second = file.images(dataset.spec)
        card = full_card(
            images, dataset, name=file.entry.name, second=second,
            conditional=file.entry.conditional, c2st=checked.c2st, bar=bar,
        )  # fmt: skip
        shown = {ENTRY: checked.packed}
        with optional("the record's samples and curves"):
            test = dataset.load("test")[:_SHOWN]
            shown[attachments.SAMPLES] = contact_sheet(test, images[:_SHOWN])
            shown[attachments.CURVES] = attachments.pack_curves(curves_of(images, dataset, card))
            if trends := trends_of(images, dataset):
                shown[attachments.TRENDS] = trends.model_dump_json().encode()
        if not is_shipped(dataset.spec):
            shown[attachments.TASK] = dataset.spec.to_json().encode()
        made, per_image = assembled(_making(file), dataset, card, shown, _finished(before))
        return made, per_image, shown


def _making(file: EntryFile) -> Making:
    """What the submitter says."""
    entry, recipe = file.entry, file.row_recipe
    return Making(
        arch=entry.name,
        family=SUBMITTED,
        status="self-reported",
        seed=entry.seed,
        recipe=RecipeEntry(
            generator=SUBMITTED, parameters={}, source=recipe.source, sha256=recipe.sha256
        ),
        code=code_entry(),
        hardware=HardwareEntry(device=entry.device, precision=SUBMITTED),
        training=TrainingEntry(
            epochs=entry.epochs, seconds=None, sampling_seconds=None, sampling_seed=None
        ),
        parameters=entry.parameters,
        conditional=entry.conditional,
        privileged=entry.privileged,
    )


def _finished(before: StoredRecord | None) -> str:
    """Now, or a second after the record before: records tell time in seconds."""
    finished = datetime.now(UTC)
    if before is not None:
        earlier = datetime.strptime(before.record.finished, _MOMENT).replace(tzinfo=UTC)
        finished = max(finished, earlier + timedelta(seconds=1))
    return finished.strftime(_MOMENT)
