"""Processes that share a study, on one machine or on the workers of a cluster."""

import multiprocessing
import os
import signal
from contextlib import chdir, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import NoReturn

from trendbench.engine import Engine
from trendbench.errors import TrendbenchError, WorkerError
from trendbench.machine import usable_cores
from trendbench.progress import Bar, bar, quiet
from trendbench.training.interruption import deferred
from trendbench.tuning.trial import run_trial

_SECONDS_BETWEEN_LOOKS = 0.1
_INTERRUPTED = 130
_Worker = tuple[BaseProcess, Connection]


def work(folder: Path, data: Path, trials: int, jobs: int) -> None:
    """Run trials until the study has ``trials`` in all, by ``jobs`` processes at a time.

    Each has its share of the machine's cores. One job is this process itself.

    Raises:
        TrendbenchError: as a trial raises it; the others are interrupted.
        WorkerError: a process was killed; its trial goes on with the same command.
        KeyboardInterrupt: on Ctrl-C or SIGTERM, after all have left their checkpoints.
    """
    if jobs == 1:
        _until_done(folder, data, trials, bar)
        return
    threads = max(1, usable_cores() // jobs)
    context = multiprocessing.get_context("spawn")
    workers: list[_Worker] = []
    with deferred() as stop:
        try:
            for _ in range(jobs):
                ours, theirs = context.Pipe(duplex=False)
                arguments = (folder, data, trials, threads, theirs)
                process: BaseProcess = context.Process(target=_worker, args=arguments)
                process.start()
                theirs.close()
                workers.append((process, ours))
            while any(process.is_alive() for process, _ in workers):
                for process, _ in workers:
                    process.join(_SECONDS_BETWEEN_LOOKS)
                    if stop.requested or process.exitcode not in (None, 0):
                        _interrupt(workers)
        finally:
            _interrupt(workers)
        if stop.requested:
            raise KeyboardInterrupt
    _raise_what_was_raised(workers)


@dataclass(frozen=True)
class Share:
    """What each of a cluster's workers is given: the whole study, of which it takes trials."""

    folder: Path
    data: Path
    trials: int
    current: Path


def work_on(engine: Engine, folder: Path, data: Path, trials: int, jobs: int) -> None:
    """Run trials until the study has ``trials`` in all, by ``jobs`` workers of a cluster.

    Workers see the folder and the data under the same paths, on a file system that has locks.

    Raises:
        TrendbenchError: as a trial raises it.
        ClusterError: the cluster is gone, or a trial has taken several workers with it.
    """
    shares = [Share(folder.absolute(), data.absolute(), trials, Path.cwd())] * jobs
    for _ in engine.map(take_share, shares):
        pass


def take_share(share: Share) -> None:
    """Run one trial after another until there are enough."""
    with chdir(share.current):  # a file that is named by a path starts there
        _until_done(share.folder, share.data, share.trials, quiet)


def _until_done(folder: Path, data: Path, trials: int, bar: Bar) -> None:
    while run_trial(folder, data, trials, bar=bar) is not None:
        parent = multiprocessing.parent_process()
        if parent is not None and not parent.is_alive():
            return  # nobody waits for more


def _worker(folder: Path, data: Path, trials: int, threads: int, parent: Connection) -> None:
    """The life of a process, in a session of its own: Ctrl-C reaches it through its parent."""
    import torch
    from numba import config, set_num_threads

    os.setsid()
    signal.signal(signal.SIGTERM, _as_ctrl_c)
    torch.set_num_threads(threads)
    set_num_threads(min(threads, int(config.NUMBA_NUM_THREADS)))  # type: ignore[attr-defined]
    try:
        _until_done(folder, data, trials, quiet)
    except KeyboardInterrupt:
        os._exit(_INTERRUPTED)
    except TrendbenchError as error:
        parent.send(error)
        os._exit(error.exit_code)


def _as_ctrl_c(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise KeyboardInterrupt


def _interrupt(workers: list[_Worker]) -> None:
    """Ask every process once to leave its checkpoint, and wait until it has."""
    alive = [process for process, _ in workers if process.is_alive()]
    for process in alive:
        process.terminate()
    for process in alive:
        process.join()


def _raise_what_was_raised(workers: list[_Worker]) -> None:
    for _, connection in workers:
        with suppress(EOFError):
            if connection.poll():
                raise connection.recv()
    for process, _ in workers:
        if process.exitcode not in (0, _INTERRUPTED):
            raise WorkerError(
                f"a worker process ended with code {process.exitcode}: what was finished is saved, "
                "the same command goes on"
            )
