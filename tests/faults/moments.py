"""Kill a process at one exact moment of its work, or let one of its system calls fail.

A moment is the n-th time that the work writes, syncs, renames, takes a training step, draws a
batch or measures images. Counting moments in place of seconds makes every kill repeatable and
reaches those that a clock would miss, such as a checkpoint half written.
"""

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

Hook = Callable[[str], None]
FAILED = 70  # exit code of a child whose job raised


def in_child(job: Callable[[], None], hook: Hook | None = None, errors: Path | None = None) -> int:
    """Run a job as ``start`` does, to its end.

    Returns:
        Its exit code, or minus the signal that ended it.
    """
    return os.waitstatus_to_exitcode(os.waitpid(start(job, hook, errors), 0)[1])


def start(job: Callable[[], None], hook: Hook | None = None, errors: Path | None = None) -> int:
    """Run a job in a forked process, a hook called at each of its moments.

    Args:
        job: what to do.
        hook: is told the kind of each moment.
        errors: file that takes the child's stderr.

    Returns:
        The child's process id.
    """
    warm()
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads
        pid = os.fork()
    if pid:
        return pid
    code = FAILED
    try:
        if errors is not None:
            os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
            sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
        import torch

        torch.set_num_threads(1)  # the parent's threads, if any, are not here
        if hook is not None:
            instrument(hook)
        job()
        code = 0
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else FAILED
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


@cache
def warm() -> None:
    """Import and compile before the first fork what every child would import and compile."""
    import trendbench.figures.card
    import trendbench.generators.pix2pix.generator
    import trendbench.runner.run  # noqa: F401
    from trendbench.families.registry import family

    family().compile()


def count(job: Callable[[], None], log: Path) -> list[str]:
    """The moments of a job that nothing disturbs, in order, each by its kind."""

    def note(kind: str) -> None:
        os.write(handle, f"{kind}\n".encode())

    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    code = in_child(job, note)
    os.close(handle)
    assert code == 0, f"the undisturbed job ended with {code}"
    return log.read_text().split()


def killing(at: int) -> Hook:
    """A hook that ends the process outright at moment ``at``, counted from 0."""
    moments = iter(range(at + 1))

    def hook(kind: str) -> None:
        del kind
        if next(moments, at) == at:
            os.kill(os.getpid(), signal.SIGKILL)

    return hook


def failing(at: int, errno: int) -> Hook:
    """A hook that lets the system call of moment ``at`` fail, counted from 0."""
    moments = iter(range(at + 1))
    passed = [False]

    def hook(kind: str) -> None:
        del kind
        if not passed[0] and next(moments) == at:
            passed[0] = True
            raise OSError(errno, os.strerror(errno))

    return hook


def instrument(hook: Hook) -> None:
    """Have ``hook(kind)`` called at each moment of this process."""
    from trendbench.data import blocks
    from trendbench.data.writer import FileWriter
    from trendbench.generators.pix2pix.generator import Pix2Pix, _Contest
    from trendbench.metrics import card

    write_bytes = Path.write_bytes

    def in_halves(path: Path, content: Any) -> int:
        hook("write")
        with path.open("wb") as file:
            file.write(bytes(content)[: len(content) // 2])
        hook("half")
        return write_bytes(path, content)

    Path.write_bytes = in_halves  # type: ignore[method-assign,assignment]
    for module, name, kind in (
        (os, "fsync", "sync"),
        (os, "replace", "rename"),
        (blocks, "deflate", "deflate"),
        (FileWriter, "add", "append"),
        (_Contest, "step", "step"),
        (Pix2Pix, "draw", "draw"),
        (card, "features_of", "measure"),
    ):
        setattr(module, name, _announced(getattr(module, name), kind, hook))


def _announced(function: Callable[..., Any], kind: str, hook: Hook) -> Callable[..., Any]:
    def announced(*arguments: Any, **keywords: Any) -> Any:
        hook(kind)
        return function(*arguments, **keywords)

    return announced


def spread(moments: list[str], tries: int) -> list[int]:
    """``tries`` moments, every kind among them, the rest evenly over the work."""
    first = {kind: i for i, kind in reversed(list(enumerate(moments)))}
    chosen = sorted(first.values())[:tries]
    rest = max(tries - len(chosen), 0)
    return sorted(chosen + [len(moments) * (2 * i + 1) // (2 * rest) for i in range(rest)])
