"""The processes that train one network together: one, or those that torchrun has started."""

import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from trendbench.errors import PartnerError, RunError, TrendbenchError

if TYPE_CHECKING:
    import torch

_STARTED = ("TORCHELASTIC_RUN_ID", "WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR",
            "MASTER_PORT")  # fmt: skip
PATIENCE = timedelta(minutes=10)
_INTERRUPTED = 130
_Result = TypeVar("_Result")


class Processes:
    """One process alone: all that it asks of the others, it knows itself.

    Attributes:
        rank: 0 for the process that leads, which alone writes and speaks.
        count: how many they are.
    """

    rank = 0
    count = 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    def device(self, wanted: str) -> str:
        """Where this process computes, if ``wanted`` was asked for all of them."""
        return wanted

    def named(self, hardware: str) -> str:
        """How a record states what hardware they ran on."""
        return hardware

    def summed(self, values: "torch.Tensor") -> "torch.Tensor":
        """The sum over the processes, the same to the last bit on each."""
        return values

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """Whether each flag is raised in some process."""
        return flags

    def gathered(self, value: Any) -> list[Any]:
        """Each process's value, in the order of their ranks."""
        return [value]

    def led(self, work: Callable[[], _Result]) -> _Result:
        """What the leading process finds; an error of its is raised in all."""
        return work()

    def call(self, word: object) -> None:
        """Have the others begin, with what ``heard`` shall give them."""

    def heard(self) -> Any:
        """What the leading process calls the others with.

        Raises:
            SystemExit: it ended without calling; with its own exit code.
        """
        raise SystemExit(0)


ALONE = Processes()


class _Together(Processes):
    """Processes that torch.distributed joins: tensors of a GPU by NCCL, all else by gloo."""

    def __init__(self) -> None:
        import torch.distributed as dist

        self._dist = dist
        self._begun = False
        self.rank, self.count = dist.get_rank(), dist.get_world_size()

    def device(self, wanted: str) -> str:
        """The GPU of this process's place on its node."""
        return f"cuda:{os.environ['LOCAL_RANK']}" if wanted == "cuda" else wanted

    def named(self, hardware: str) -> str:
        return f"{self.count} × {hardware}"

    def summed(self, values: "torch.Tensor") -> "torch.Tensor":
        total = values.detach().clone()
        with _partners():
            self._dist.all_reduce(total)
        return total

    def any(self, *flags: bool) -> tuple[bool, ...]:
        import torch

        counts = self.summed(torch.tensor(flags, dtype=torch.int32))
        return tuple(count > 0 for count in counts.tolist())

    def gathered(self, value: Any) -> list[Any]:
        values: list[Any] = [None] * self.count
        with _partners():
            self._dist.all_gather_object(values, value)
        return values

    def led(self, work: Callable[[], _Result]) -> _Result:
        self._begun = True
        found: Any = None
        error: TrendbenchError | None = None
        if self.leads:
            try:
                found = work()
            except TrendbenchError as raised:
                error = raised
        found, error = self._told((found, error))
        if error is not None:
            raise error
        return found  # type: ignore[no-any-return]

    def call(self, word: object) -> None:
        self._begun = True
        self._told((word, None))

    def heard(self) -> Any:
        word, code = self._told(None)
        if code is not None:
            raise SystemExit(code)
        return word

    def dismiss(self, code: int) -> None:
        """Let the others go, if they still wait to be called."""
        if self.leads and not self._begun:
            self._told((None, code))

    def _told(self, word: Any) -> Any:
        """The leading process's word, in all."""
        import torch

        words = [word]
        with _partners():
            self._dist.broadcast_object_list(words, src=0, device=torch.device("cpu"))
        return words[0]


def started_together() -> bool:
    """Whether torchrun has started this process as one of several.

    Variables that a batch system, MPI or an earlier torchrun has left without the rest count for
    nothing: torchrun sets all of them.

    Raises:
        RunError: all are there, and the numbers among them are none.
    """
    if not all(os.environ.get(name) for name in _STARTED):
        return False
    count, rank, local = (os.environ[name] for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK"))
    whole = all(text.isascii() and text.isdecimal() for text in (count, rank, local))
    if not whole or not int(local) <= int(rank) < int(count):
        raise RunError(
            f"WORLD_SIZE={count:.20}, RANK={rank:.20} and LOCAL_RANK={local:.20} describe no "
            "process of torchrun: start it by torchrun, or unset TORCHELASTIC_RUN_ID"
        )
    return int(count) > 1


@contextmanager
def joined(patience: timedelta = PATIENCE) -> Iterator[Processes]:
    """All processes of this torchrun; ``ALONE`` where none, or a single one, was started by it.

    If the leading one leaves the block without having called the others, they are let go.

    Args:
        patience: how long to wait for one that neither answers nor has ended.

    Raises:
        PartnerError: not all came.
    """
    if not started_together():
        yield ALONE
        return
    import torch
    import torch.distributed as dist

    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    with _partners():
        dist.init_process_group(backend, timeout=patience)
    processes = _Together()
    try:
        yield processes
        processes.dismiss(0)
    except BaseException as error:
        code = _INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
        with suppress(PartnerError):
            processes.dismiss(getattr(error, "exit_code", code))
        raise
    finally:
        with suppress(RuntimeError):
            dist.destroy_process_group()


@contextmanager
def _partners() -> Iterator[None]:
    """Say in one line that another process is gone."""
    try:
        yield
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise PartnerError(
            "another process of this training has ended, or has not answered in time "
            f"({' '.join(str(error).split())[:120]}): the last checkpoint is kept, the same "
            "command goes on"
        ) from error
