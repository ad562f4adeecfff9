"""make-data: simulate a task into one file, resumably."""

import hashlib
import shutil
from contextlib import suppress
from pathlib import Path

from trendbench.arguments import as_path, whole
from trendbench.data.blocks import MOST_WORKERS, Spool, produce, ready_kernels
from trendbench.data.opening import open_dataset
from trendbench.data.writer import FileWriter
from trendbench.errors import DataFileError
from trendbench.machine import usable_cores
from trendbench.process.seeds import SEED_LIMIT
from trendbench.progress import bar
from trendbench.provenance import sources_sha256
from trendbench.spec import TaskSpec, task_of
from trendbench.storage.atomic import plain_target, replacing
from trendbench.storage.lock import holding

_LOCK = "lock"


def default_path(spec: TaskSpec, seed: int) -> Path:
    """Where ``make-data`` puts a file and ``run`` looks for it, under ``./datasets/``."""
    return Path("datasets") / f"{spec.name}-n{spec.train}-seed{seed}.h5"


def make_data(
    spec: TaskSpec | str | Path,
    seed: int,
    path: str | Path,
    *,
    workers: int | None = None,
    overwrite: bool = False,
) -> bool:
    """Write the data file of ``spec`` and ``seed`` to ``path``, or find it there already.

    The file takes its name when it is complete. Until then finished blocks wait in
    ``<path>.part/``, where the same command finds them after an interruption. Content and bytes
    do not depend on the number of workers, nor on interruptions.

    Args:
        spec: the task, its name, or the path of its TOML file; split sizes included.
        seed: 0 ≤ seed < 2⁶⁴.
        path: the target, usually ``*.h5``.
        workers: threads; the cores this process may use by default.
        overwrite: replace another file that stands at ``path``.

    Returns:
        True if the file was written, False if it was there.

    Raises:
        SpecError: there is no such task.
        InputError: seed or workers out of range.
        DataFileError: something else stands at ``path``.
        RunError: another process is making the same file.
        OSError: the folder cannot be written or the disk is full.
    """
    spec, path = task_of(spec), as_path(path, "path")
    seed = whole(seed, "seed", most=SEED_LIMIT - 1)
    if workers is not None:
        whole(workers, "workers", 1)
    if path.is_dir():
        raise DataFileError(f"{path} is a folder: --out names the file to write")
    path = plain_target(path)
    folder = path.with_name(path.name + ".part")
    if path.exists() and not overwrite:
        _must_be(spec, seed, path)
        if not folder.is_dir():
            return False
    with holding(folder / _LOCK, f"make-data for {path}"):
        # There is a folder beside the file where a process was killed just after the file was
        # complete; and there is a file by now where another process has finished it meanwhile.
        if path.exists() and not overwrite:
            _must_be(spec, seed, path)
            _remove(folder)
            return False
        ready_kernels()
        plan = hashlib.sha256(f"{spec.to_json()} {seed} {sources_sha256()}".encode()).hexdigest()
        for leftover in folder.glob(".*.tmp"):  # of a run that was killed outright
            leftover.unlink()
        spool = Spool(folder / plan[:16])
        with (
            replacing(path, scratch=folder) as temporary,
            FileWriter(temporary, spec, seed) as writer,
            bar(path.name, sum(spec.sizes.values()), "triplets") as progress,
        ):
            for block in produce(spec, seed, spool, workers or min(usable_cores(), MOST_WORKERS)):
                writer.add(block)
                progress.advance(block.span.stop - block.span.start)
        _remove(folder)
    return True


def _remove(folder: Path) -> None:
    """Remove a folder whose lock is held: the lock last, as another process may wait for it.

    One that comes just then takes the folder for its own, and removes it in its turn.
    """
    for item in folder.iterdir():
        if item.is_dir():
            shutil.rmtree(item, ignore_errors=True)  # the next call removes what is left
        elif item.name != _LOCK:
            item.unlink()
    (folder / _LOCK).unlink()
    with suppress(OSError):
        folder.rmdir()


def _must_be(spec: TaskSpec, seed: int, path: Path) -> None:
    with open_dataset(path) as dataset:
        if dataset.spec == spec and dataset.seed == seed:
            return
        raise DataFileError(
            f"{path} holds other data ({dataset.describe()}): choose another --out, or "
            "--overwrite it"
        )
