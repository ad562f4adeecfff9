"""Whole processes, timed from outside: wall seconds and peak memory of the largest process."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Reading:
    """Wall seconds and peak resident memory [MB] of one process."""

    seconds: float
    megabytes: float


def process(*arguments: object, cwd: Path | None = None) -> Reading:
    """Run ``python ARGUMENTS`` to its end."""
    command = [sys.executable, *map(str, arguments)]
    start = time.perf_counter()
    child = subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert child.stderr is not None
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise RuntimeError(f"{' '.join(command)} failed:\n{errors}")
    return Reading(seconds, usage.ru_maxrss / 1024)


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


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def verdict(reached: bool) -> str:
    """How a line ends."""
    return "reached" if reached else "MISSED"
