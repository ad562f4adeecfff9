"""Whole processes, timed from outside: wall seconds and peak memory of the largest process."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

_KILOBYTES = 1024 if sys.platform == "linux" else 1  # a unit of ru_maxrss, in bytes


@dataclass(frozen=True)
class Reading:
    """Wall seconds and peak resident memory [MB] of one process, and what it said on stderr."""

    seconds: float
    megabytes: float
    said: str = ""


def process(
    *arguments: object, cwd: Path | None = None, variables: Mapping[str, str] | None = None
) -> Reading:
    """Run ``python ARGUMENTS`` to its end, with further environment variables."""
    command = [sys.executable, *map(str, arguments)]
    environment = {**os.environ, **(variables or {})}
    start = time.perf_counter()
    child = subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert child.stderr is not None
    with child.stderr:
        said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if status:
        raise RuntimeError(f"{' '.join(command)} failed:\n{said}")
    return Reading(seconds, usage.ru_maxrss * _KILOBYTES / 2**20, said)


def figures(module: str, *arguments: object) -> list[float]:
    """The numbers in the last line that ``python -m MODULE ARGUMENTS`` prints."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    if child.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{child.stderr}")
    return [float(word) for word in child.stdout.splitlines()[-1].split()]


def medians(readings: list[Reading]) -> Reading:
    """The median of each figure."""
    return Reading(median(r.seconds for r in readings), median(r.megabytes for r in readings))


def peak() -> float:
    """Peak resident memory of this process [MB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KILOBYTES / 2**20


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))
