"""What workers are asked to do in the tests; they import it by name."""

import os
import signal
import time

from trendbench.errors import DataFileError


def whose(task: int) -> tuple[int, int]:
    """The task and the process that did it."""
    time.sleep(0.05)
    return task, os.getpid()


def fatal(task: int) -> int:
    """Task 1 takes its worker with it, every time."""
    if task == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def refused(task: int) -> int:
    """An error of ours, which travels back."""
    raise DataFileError(f"task {task} is refused")


def full(task: int) -> int:
    """A full disk, on task 2."""
    if task == 2:
        raise OSError(28, "No space left on device")
    return task
