"""make-data --shards: each shard a file of its own, made anywhere, then held together."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trendbench import __version__
from trendbench.data import layout
from trendbench.data.blocks import MOST_WORKERS, produce, ready_kernels, triplets_per_block
from trendbench.data.file import FileDataset
from trendbench.data.parts import Part
from trendbench.data.shards.dataset import open_shard
from trendbench.data.shards.manifest import (
    MANIFEST,
    Manifest,
    parts,
    read_manifest,
    shard_path,
    write_manifest,
)
from trendbench.data.writer import FileWriter
from trendbench.engine import Engine, Here
from trendbench.errors import DataFileError
from trendbench.machine import usable_cores
from trendbench.process.seeds import SPLITS
from trendbench.progress import bar
from trendbench.spec import TaskSpec
from trendbench.storage.atomic import replacing
from trendbench.storage.lock import holding


@dataclass(frozen=True)
class ShardTask:
    """One shard to be made; plain numbers and texts, so that it travels to another machine.

    Attributes:
        spec, seed: of the whole data set.
        folder: absolute, and the same on every machine that makes shards.
        part: which of its shards.
        workers: threads; the cores that the process may use if None.
    """

    spec: TaskSpec
    seed: int
    folder: Path
    part: Part
    workers: int | None = None


def default_folder(spec: TaskSpec, seed: int) -> Path:
    """Where ``make-data --shards`` puts a data set, under ``./datasets/``."""
    return Path("datasets") / f"{spec.name}-n{spec.train}-seed{seed}.shards"


def make_shards(
    spec: TaskSpec,
    seed: int,
    folder: Path,
    count: int,
    *,
    workers: int | None = None,
    overwrite: bool = False,
    engine: Engine | None = None,
) -> bool:
    """Write the data set of ``spec`` and ``seed`` to ``folder`` as ``count`` shards.

    Each shard takes its name when it is whole and is never changed again. The same command after
    an interruption, or after shards were deleted, makes those that are missing. The manifest
    comes last and holds the hashes of the whole, so that the data are known by the same SHA-256
    in any number of shards.

    Args:
        spec: the task, split sizes included.
        seed: 0 ≤ seed < 2⁶⁴.
        folder: the target.
        count: number of shards, from 2 to the number of triplets.
        workers: threads for each shard; the cores its process may use by default.
        overwrite: replace another data set that stands at ``folder``.
        engine: where shards are made: this process if None, or a cluster whose machines see the
            folder under the same path.

    Returns:
        True if a shard or the manifest was written, False if all was there.

    Raises:
        DataFileError: more shards than triplets, or something else stands at ``folder``.
        RunError: another process is making the same data set.
        OSError: the folder cannot be written or the disk is full.
    """
    total = sum(spec.sizes.values())
    if not 2 <= count <= total:
        raise DataFileError(f"--shards {count}: from 2 to {total}, the number of triplets")
    if folder.exists() and not folder.is_dir():
        raise DataFileError(f"{folder} is a file: --out names the folder of the shards")
    folder = folder.absolute()
    lock = folder.with_name(folder.name + ".lock")
    with holding(lock, f"make-data for {folder}"):
        try:
            wanted = _wanted(spec, seed, folder, count, overwrite)
            return _make(spec, seed, folder, count, workers, wanted, engine or Here())
        finally:
            lock.unlink()


def make_shard(task: ShardTask) -> str:
    """Write one shard, or find it there; its content's SHA-256.

    Raises:
        OSError: the folder cannot be written or the disk is full.
    """
    path = shard_path(task.folder, task.part)
    found = _found(task)
    if found:
        return found
    workers = task.workers or min(usable_cores(), MOST_WORKERS)
    with (
        replacing(path) as temporary,
        FileWriter(temporary, task.spec, task.seed, task.part) as writer,
    ):
        for block in produce(task.spec, task.seed, None, workers, task.part):
            writer.add(block)
    with open_shard(task.folder, task.part) as shard:
        return shard.sha256


def _found(task: ShardTask) -> str | None:
    """The content's SHA-256 of a shard that is there, of the same data and the same version."""
    try:
        with open_shard(task.folder, task.part) as shard:
            same = (shard.spec, shard.seed, shard.version) == (task.spec, task.seed, __version__)
            return shard.sha256 if same else None
    except DataFileError:
        return None


def _wanted(
    spec: TaskSpec, seed: int, folder: Path, count: int, overwrite: bool
) -> Manifest | None:
    """The manifest that stands there for these very shards; None if they are to be made.

    Raises:
        DataFileError: another data set stands there, and is not to be overwritten.
    """
    manifest = read_manifest(folder) if (folder / MANIFEST).exists() else None
    if manifest is None:
        return None
    task = manifest.task(folder)
    if (task, manifest.seed, len(manifest.shards)) == (spec, seed, count):
        return manifest
    if not overwrite:
        raise DataFileError(
            f"{folder} holds other data ({task.name}, seed {manifest.seed}, "
            f"{sum(task.sizes.values())} triplets in {len(manifest.shards)} shards): choose "
            "another --out, or --overwrite it"
        )
    (folder / MANIFEST).unlink()
    for part in parts(len(manifest.shards)):
        shard_path(folder, part).unlink(missing_ok=True)
    return None


def _make(
    spec: TaskSpec,
    seed: int,
    folder: Path,
    count: int,
    workers: int | None,
    wanted: Manifest | None,
    engine: Engine,
) -> bool:
    missing = [part for part in parts(count) if not shard_path(folder, part).is_file()]
    if wanted and not missing:
        return False
    folder.mkdir(parents=True, exist_ok=True)
    tasks = [ShardTask(spec, seed, folder, part, workers) for part in parts(count)]
    if wanted:
        tasks = [task for task in tasks if task.part in missing]
    columns = _Columns(spec)
    contents: list[str] = []
    if missing and isinstance(engine, Here):  # machines of a cluster compile their own
        ready_kernels()
    with bar(folder.name, sum(task.part.size(spec) for task in tasks), "triplets") as progress:
        for task, content in zip(tasks, engine.map(make_shard, tasks), strict=True):
            if wanted and content != wanted.shards[task.part.index]:
                raise DataFileError(
                    f"{shard_path(folder, task.part)} was made again with other content than the "
                    f"manifest's, which trendbench {wanted.trendbench_version} wrote: make all "
                    "shards again with --overwrite"
                )
            if not wanted:
                with open_shard(folder, task.part) as shard:
                    columns.add(shard)
            contents.append(content)
            progress.advance(task.part.size(spec))
    if not wanted:
        write_manifest(
            folder,
            Manifest(
                spec=spec.to_json(),
                seed=seed,
                trendbench_version=__version__,
                shards=contents,
                hashes=columns.hashes(),
            ),
        )
    return True


class _Columns:
    """The hashes of whole columns, from shards in their order, in the memory of one block."""

    def __init__(self, spec: TaskSpec) -> None:
        self._spec = spec
        self._step = triplets_per_block(spec)
        self._hashes = {
            f"{split}/{column.path}": hashlib.sha256()
            for split in SPLITS
            for column in layout.columns(spec, split)
        }
        self._germs = dict.fromkeys(SPLITS, 0)
        for split in SPLITS:
            self._hashes[f"{split}/germs/{layout.GERM_OFFSETS}"].update(np.zeros(1, np.int64).data)

    def add(self, shard: FileDataset) -> None:
        """Go on with the next shard.

        Raises:
            DataFileError: it cannot be read.
        """
        for split in SPLITS:
            for column in layout.columns(self._spec, split):
                name = f"{split}/{column.path}"
                if column.path.endswith(layout.GERM_OFFSETS):
                    offsets = shard.numbers(name)[1:] + self._germs[split]
                    self._hashes[name].update(offsets.data)
                    self._germs[split] = int(offsets[-1]) if len(offsets) else self._germs[split]
                    continue
                step = self._step if column.row else max(shard.count(name), 1)
                for start in range(0, shard.count(name), step):
                    rows = shard.numbers(name, slice(start, start + step))
                    self._hashes[name].update(rows.data)

    def hashes(self) -> dict[str, str]:
        """Of all columns, as one file would state them."""
        return {name: content.hexdigest() for name, content in self._hashes.items()}
