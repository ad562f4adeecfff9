"""Processes that share a study's trials, on this machine or on the workers of a cluster."""

import multiprocessing
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

from trendbench.engine import Engine
from trendbench.errors import WorkerError
from trendbench.machine import usable_cores
from trendbench.progress import quiet
from trendbench.tuning.trial import run_trial


def work(folder: Path, data: Path, trials: Sequence[int], jobs: int) -> None:
    """Run trials, by ``jobs`` processes at a time, each with its share of the machine's cores.

    Raises:
        TrendbenchError: as a trial raises it; the others are interrupted.
        WorkerError: a process was killed; its trial goes on with the same command.
        KeyboardInterrupt: on Ctrl-C, after all have left their checkpoints.
    """
    if jobs == 1:
        for index in trials:
            run_trial(folder, data, index)
        return
    context, others = multiprocessing.get_context("spawn"), multiprocessing.active_children()
    threads = max(1, usable_cores() // jobs)
    with ProcessPoolExecutor(jobs, context, _begin, (threads,)) as pool:
        futures = [pool.submit(run_trial, folder, data, index, quiet) for index in trials]
        try:
            for future in as_completed(futures):
                future.result()
        except BrokenProcessPool:
            raise WorkerError(
                "a worker process was killed: what was finished is saved, the same command goes on"
            ) from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in set(multiprocessing.active_children()).difference(others):
                process.terminate()
            raise


def work_on(engine: Engine, folder: Path, data: Path, trials: Sequence[int], jobs: int) -> None:
    """Run trials on ``jobs`` workers of a cluster, which see folder and data under the same paths.

    Raises:
        TrendbenchError: as a trial raises it.
        ClusterError: the cluster is gone, or a trial has taken several workers with it.
    """
    shares = [
        Share(folder.absolute(), data.absolute(), trials[job::jobs], Path.cwd())
        for job in range(jobs)
    ]
    for _ in engine.map(run_share, shares):
        pass


@dataclass(frozen=True)
class Share:
    """What one of a cluster's workers is given: some of a study's trials."""

    folder: Path
    data: Path
    trials: Sequence[int]
    current: Path


def run_share(share: Share) -> None:
    """Run its trials one after another."""
    with chdir(share.current):  # a file that is named by a path starts there
        for index in share.trials:
            run_trial(share.folder, share.data, index, quiet)


def _begin(threads: int) -> None:
    """The beginning of a process, in a session of its own: Ctrl-C reaches it by its parent alone.

    It ends with its parent, so that none goes on with a trial that the next command takes up.
    """
    import torch
    from numba import config, set_num_threads

    os.setsid()
    torch.set_num_threads(threads)
    set_num_threads(min(threads, int(config.NUMBA_NUM_THREADS)))  # type: ignore[attr-defined]
    parent = multiprocessing.parent_process()
    assert parent is not None

    def end_with_parent() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
