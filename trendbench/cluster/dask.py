"""Dask as the engine: a cluster on this machine, or one that runs already."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from trendbench import __version__
from trendbench.engine import Engine, Here, Result, Task
from trendbench.errors import ClusterError
from trendbench.machine import usable_cores
from trendbench.progress import say
from trendbench.provenance import sources_sha256

LOCAL = "local"
_ADDRESSES = ("tcp://", "tls://", "ucx://", "ws://", "wss://")
_SECONDS_TO_CONNECT = 15
_GPU = {"GPU": 1.0}


@contextmanager
def connected(where: str | None, *, gpu: bool = False) -> Iterator[Engine]:
    """The engine that ``--cluster`` names, for the length of the block.

    Args:
        where: None for this process; ``local`` for one worker process a core; a scheduler's
            address, ``tcp://…``, or the JSON file that it wrote.
        gpu: give each task a worker of its own among those started with ``--resources GPU=1``.

    Raises:
        ClusterError: no such cluster, it cannot be reached, it has no worker, or its workers have
            another trendbench.
    """
    if where is None:
        yield Here()
        return
    try:
        import distributed
    except ImportError:
        raise ClusterError(
            "--cluster needs distributed: pip install 'trendbench[cluster]'"
        ) from None
    with ExitStack() as stack:
        _quieten()
        cluster = _cluster(where, distributed, stack, gpu)
        try:
            client = stack.enter_context(
                distributed.Client(cluster, timeout=_SECONDS_TO_CONNECT, set_as_default=False)
            )
        except (OSError, TimeoutError, ValueError) as error:
            raise ClusterError(
                f"--cluster {where}: no scheduler can be reached ({_line(error)}): start one "
                "with dask scheduler, and workers with dask worker ADDRESS"
            ) from None
        _await_worker(client, where)
        _must_be_alike(client)
        say(f"cluster: {_count(client)} workers, dashboard {client.dashboard_link}")
        yield _Dask(client, _GPU if gpu else {})


class _Dask:
    """Tasks as futures of one client; the scheduler gives a lost worker's tasks to another."""

    def __init__(self, client: Any, resources: dict[str, float]) -> None:
        self._client = client
        self._resources = resources

    def map(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
        """As ``Engine.map``.

        Raises:
            ClusterError: a task has taken several workers with it, or the scheduler is gone.
        """
        from distributed import CancelledError, KilledWorker

        tasks = list(tasks)
        futures = self._client.map(
            function, tasks, pure=False, resources=self._resources, key=function.__name__
        )
        try:
            for i, future in enumerate(futures):
                try:
                    yield future.result()
                except KilledWorker as error:
                    raise ClusterError(
                        f"task {i} of {len(tasks)} has taken several workers with it, the last at "
                        f"{error.last_worker.address}: out of memory there? What is done is kept, "
                        "and the same command goes on"
                    ) from None
                except (CancelledError, TimeoutError):
                    raise ClusterError(
                        "the scheduler is gone: what is done is kept, and the same command goes on"
                    ) from None
                future.release()
        finally:
            self._client.cancel(futures)


def _cluster(where: str, distributed: Any, stack: ExitStack, gpu: bool) -> Any:
    """What a Client connects to, started where it must be."""
    if where == LOCAL:
        options: dict[str, Any] = {"n_workers": usable_cores(), "threads_per_worker": 1}
        if gpu:
            options["resources"] = _GPU
            options["n_workers"] = 1
        return stack.enter_context(
            distributed.LocalCluster(
                host="127.0.0.1", dashboard_address="127.0.0.1:0", processes=True, **options
            )
        )
    if where.startswith(_ADDRESSES):
        return where
    if where.endswith(".json"):
        if not Path(where).is_file():
            raise ClusterError(f"--cluster {where}: no such scheduler file")
        return _scheduler_of(where)
    raise ClusterError(
        f"--cluster {where}: say local, a scheduler's address such as tcp://host:8786, or the "
        "JSON file that dask scheduler --scheduler-file wrote"
    )


def _scheduler_of(file: str) -> str:
    """The address in the file that ``dask scheduler --scheduler-file`` wrote."""
    import json

    try:
        return str(json.loads(Path(file).read_text(encoding="utf-8"))["address"])
    except (OSError, ValueError, KeyError, TypeError):
        raise ClusterError(f"--cluster {file}: not a scheduler's file") from None


def _await_worker(client: Any, where: str) -> None:
    try:
        client.wait_for_workers(1, timeout=_SECONDS_TO_CONNECT)
    except TimeoutError:
        raise ClusterError(
            f"--cluster {where}: no worker came within {_SECONDS_TO_CONNECT} s: start some with "
            "dask worker ADDRESS"
        ) from None


def _must_be_alike(client: Any) -> None:
    """Refuse workers whose trendbench would write other bytes.

    Raises:
        ClusterError: with the first of them.
    """
    own = (__version__, sources_sha256())
    for address, found in client.run(_installed, on_error="return").items():
        if found != own:
            what = f"trendbench {found[0]}" if isinstance(found, tuple) else _line(found)
            other = ", of other sources" if what == f"trendbench {__version__}" else ""
            raise ClusterError(
                f"the worker at {address} has {what}{other}; here is trendbench {__version__}: "
                "install the same on all"
            )


def _installed() -> tuple[str, str]:
    """Version and sources, asked of each worker."""
    return __version__, sources_sha256()


def _count(client: Any) -> int:
    return len(client.scheduler_info(n_workers=-1)["workers"])


def _quieten() -> None:
    """Say what happens in our own words; Dask's log has tracebacks for what it mends itself."""
    import logging
    import warnings

    warnings.filterwarnings("ignore", message="Sending large graph")
    for name in ("distributed", "asyncio", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _line(error: Any) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
