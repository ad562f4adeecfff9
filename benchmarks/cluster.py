"""Sweeps and scores on Dask with one, two and four worker processes, and one that is killed."""

import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import cores, process

WORKERS = (1, 2, 4)
TASKS = ("trend-v1", "trend-v1-independent")
ARCHS = ("pix2pix-8", "vae")
SEEDS = (0, 1)
RUNS = len(TASKS) * len(ARCHS) * len(SEEDS)
SCORED = 4000
_TRAIN, _VAL, _TEST, _EPOCHS = 200, 10, 200, 2
_DONE = 3  # runs that are recorded when the worker is killed


@dataclass(frozen=True)
class Found:
    """What the clusters took.

    Attributes:
        sweep: wall seconds of the sweep, for each number of workers.
        killed: of the sweep with two workers, one of which is killed after the first runs.
        equal: whether every sweep drew the same images, run by run.
        score: wall seconds of a card of ``SCORED`` images without the classifier, for each number.
    """

    sweep: tuple[float, ...]
    killed: float
    equal: bool
    score: tuple[float, ...]


def measure() -> Found:
    """Run everything, one after another."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [_data(task, folder) for task in TASKS]
        done = [_sweep(count, files, folder / f"w{count}") for count in WORKERS]
        killed = _sweep(2, files, folder / "killed", kill_after=_DONE)
        drawn = [images for _, images in [*done, killed]]
        assert len(drawn[0]) == RUNS
        samples, data = _many(folder)
        scored = tuple(_score(count, samples, data) for count in WORKERS)
    equal = all(images == drawn[0] for images in drawn)
    return Found(tuple(seconds for seconds, _ in done), killed[0], equal, scored)


def efficiency(seconds: tuple[float, ...]) -> list[float]:
    """Speed-up over one worker, of the cores that the workers can use together."""
    return [
        seconds[0] / took / min(count, cores())
        for count, took in zip(WORKERS, seconds, strict=True)
    ]


def _sweep(
    workers: int, files: list[Path], folder: Path, kill_after: int = 0
) -> tuple[float, dict[str, str]]:
    """Wall seconds, and the hash of each run's images; a worker is killed after so many runs."""
    from trendbench.results.store import read_folder

    named = [word for file in files for word in ("--data", file)]
    named += [word for arch in ARCHS for word in ("--arch", arch)]
    named += [word for seed in SEEDS for word in ("--seed", seed)]
    with _cluster(workers) as cluster:
        if kill_after:
            victim = next(iter(cluster.workers.values())).pid
            results = folder / "results"
            threading.Thread(target=_kill, args=(victim, results, kill_after), daemon=True).start()
        seconds = process(
            "-m", "trendbench", "run", "--no-c2st", "--epochs", _EPOCHS, *named,
            "--cluster", cluster.scheduler_address,
            "--runs", folder / "runs", "--results", folder / "results",
        ).seconds  # fmt: skip
        if kill_after:
            assert victim not in {nanny.pid for nanny in cluster.workers.values()}
    records = [stored.record for stored in read_folder(folder / "results", "local")]
    return seconds, {f"{r.task} {r.arch} {r.seed}": r.images for r in records}


def _kill(victim: int, results: Path, kill_after: int) -> None:
    """Kill a process as soon as so many runs are recorded."""
    while len(list(results.glob("*/*/seed*.json"))) < kill_after:
        time.sleep(0.1)
    os.kill(victim, signal.SIGKILL)


def _score(workers: int, samples: Path, data: Path) -> float:
    with _cluster(workers) as cluster:
        return process(
            "-m", "trendbench", "score", samples, "--data", data, "--name", "true", "--no-c2st",
            "--cluster", cluster.scheduler_address,
        ).seconds  # fmt: skip


@contextmanager
def _cluster(workers: int) -> Iterator[Any]:
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=workers, threads_per_worker=1, host="127.0.0.1",
        dashboard_address="127.0.0.1:0", silence_logs=50,
    ) as cluster:  # fmt: skip
        yield cluster


def _data(task: str, folder: Path) -> Path:
    from trendbench.data.make import make_data
    from trendbench.spec import load_spec

    path = folder / f"{task}.h5"
    sizes = {"train": _TRAIN, "val": _VAL, "test": _TEST}
    make_data(load_spec(task).model_copy(update=sizes), 0, path)
    return path


def _many(folder: Path) -> tuple[Path, Path]:
    """True images, and a data file with as many test triplets."""
    from trendbench.data.make import make_data
    from trendbench.simulation import simulate
    from trendbench.spec import load_spec

    task = load_spec("trend-v1").model_copy(update={"train": 1000, "val": 0, "test": SCORED})
    data, samples = folder / "many.h5", folder / "many.npy"
    make_data(task, 0, data)
    np.save(samples, simulate(task, SCORED, seed=1).r)
    return samples, data


def main() -> None:
    """Print everything."""
    start = time.perf_counter()
    found = measure()
    print(found)
    print(efficiency(found.sweep), efficiency(found.score), time.perf_counter() - start)


if __name__ == "__main__":
    main()
