"""Whether time and memory of ``make-data`` stay flat as the file grows, and as the frame does."""

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from benchmarks.measure import figures, peak
from benchmarks.table import Row, at_most, reported

TITLE = "Growth"
LEAST = (
    "Twice the triplets are twice the pixels. Time may grow in proportion. Memory may not "
    "grow, since a few blocks of 32 MB suffice. The largest reading is compared with the "
    "smallest. The first block is drawn before anything is written, and the last written after "
    "everything is drawn: a block of 170 triplets is 11 % of the smallest file."
)
TIME, MEMORY, FRAME = 1.1, 1.1, 1.2
SIZES = (350, 3500, 35_000)
WIDTHS = (256, 512, 1024, 2048)
_PIXELS = 1 << 28  # of the training r images of each width
_REPEATS = 3


def measure(full: bool) -> Iterator[Row]:
    """Medians of three rounds; each file is made by a process of its own, start-up not counted."""
    del full
    readings = _rounds([(n, 256) for n in SIZES])
    times = [1e6 * seconds / (n + 1250) for n, (seconds, _) in zip(SIZES, readings, strict=True)]
    memory = [megabytes for _, megabytes in readings]
    shown = ", ".join(f"{value:.0f}" for value in times)
    yield reported(f"n = {_listed(SIZES)}: time a triplet", f"{shown} µs")
    yield at_most("  largest over smallest", max(times) / min(times), TIME, "times", ".2f")
    shown = ", ".join(f"{value:.0f}" for value in memory)
    yield reported("  peak memory", f"{shown} MB")
    yield at_most("  largest over smallest", max(memory) / min(memory), MEMORY, "times", ".2f")
    readings = _rounds([(_PIXELS // width**2, width) for width in WIDTHS])
    times = [1e9 * seconds / (3 * _PIXELS) for seconds, _ in readings]
    shown = ", ".join(f"{value:.2f}" for value in times)
    yield reported(f"W = H = {_listed(WIDTHS)}: time a pixel", f"{shown} ns")
    yield at_most("  largest over smallest", max(times) / min(times), FRAME, "times", ".2f")


def _rounds(tasks: Sequence[tuple[int, int]]) -> list[list[float]]:
    """Seconds and megabytes of each task: medians of rounds in which each has a turn."""
    rounds = []
    for _ in range(_REPEATS):
        with tempfile.TemporaryDirectory() as name:
            rounds.append([figures("benchmarks.growth", n, width, name) for n, width in tasks])
    return [
        [median(column) for column in zip(*own, strict=True)] for own in zip(*rounds, strict=True)
    ]


def _make(n: int, width: int, folder: Path) -> tuple[float, float]:
    """Seconds of one data file, and this process's peak memory [MB]; the file is removed."""
    from trendbench.data.make import make_data
    from trendbench.families.registry import family
    from trendbench.spec import load_spec

    family().compile()
    make_data(
        load_spec("trend-v1").model_copy(update={"train": 1, "val": 1, "test": 1}),
        0,
        folder / "first.h5",
    )  # what a process does once
    size = {"width": width, "height": width, "train": n}
    few = {} if width == 256 and n in SIZES else {"val": 1, "test": 1}
    spec = load_spec("trend-v1").model_copy(update=size | few)
    path = folder / "grown.h5"
    start = time.perf_counter()
    make_data(spec, 0, path)
    seconds = time.perf_counter() - start
    path.unlink()
    return seconds, peak()


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


if __name__ == "__main__":
    n, width, place = sys.argv[1:]
    print(*_make(int(n), int(width), Path(place)))
