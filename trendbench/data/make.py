"""make-data: simulate a task into one file, which appears whole or not at all."""

from pathlib import Path

from trendbench.arguments import as_path, whole
from trendbench.data.blocks import MOST_WORKERS, produce, ready_kernels
from trendbench.data.layout import must_be_named
from trendbench.data.opening import open_dataset
from trendbench.data.writer import FileWriter
from trendbench.errors import DataFileError
from trendbench.machine import usable_cores
from trendbench.process.seeds import SEED_LIMIT
from trendbench.progress import bar
from trendbench.spec import TaskSpec, task_of
from trendbench.storage.atomic import plain_target, replacing
from trendbench.storage.folder import must_be_writable
from trendbench.storage.lock import holding


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

    The file takes its name when it is complete. What an interrupted call has drawn is not kept:
    the same call draws all of it again. Content and bytes do not depend on the number of workers.

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
        DataFileError: something else stands at ``path``, or its name does not end in .h5.
        RunError: another process is making the same file.
        OSError: the folder cannot be written or the disk is full.
    """
    spec, path = task_of(spec), as_path(path, "path")
    seed = whole(seed, "seed", most=SEED_LIMIT - 1)
    if workers is not None:
        whole(workers, "workers", 1)
    if path.is_dir():
        raise DataFileError(f"{path} is a folder: --out names the file to write")
    named, path = path, plain_target(path)
    must_be_named(named)
    lock = path.with_name(path.name + ".lock")
    if path.exists() and not overwrite and not lock.exists():
        _must_be(spec, seed, path)
        return False
    must_be_writable(path)
    with holding(lock, f"make-data for {path}"):
        try:
            if path.exists() and not overwrite:  # another process has finished it meanwhile
                _must_be(spec, seed, path)
                return False
            _write(spec, seed, path, workers or min(usable_cores(), MOST_WORKERS))
            return True
        finally:
            lock.unlink(missing_ok=True)


def _write(spec: TaskSpec, seed: int, path: Path, workers: int) -> None:
    ready_kernels(spec)
    with (
        replacing(path) as temporary,
        FileWriter(temporary, spec, seed) as writer,
        bar(path.name, sum(spec.sizes.values()), "triplets") as progress,
    ):
        for block in produce(spec, seed, workers):
            writer.add(block)
            progress.advance(block.span.stop - block.span.start)


def _must_be(spec: TaskSpec, seed: int, path: Path) -> None:
    with open_dataset(path) as dataset:
        if dataset.spec == spec and dataset.seed == seed:
            return
        raise DataFileError(
            f"{path} holds other data ({dataset.describe()}): choose another --out, or "
            "--overwrite it"
        )
