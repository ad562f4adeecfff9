"""What 10⁶ and 10⁸ triplets cost, from rates measured here: ``docs/scaling.md``.

``python -m benchmarks.scaling`` prints the page's two tables, and with ``--write`` writes the page.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import figures
from benchmarks.page import machine
from benchmarks.table import grid

PAGE = Path(__file__).parents[1] / "docs" / "scaling.md"
_TEMPLATE = Path(__file__).parent / "scaling.md"
SIZES = {"10⁶": 10**6, "10⁸": 10**8}
CORES = 16
CORE_HOUR, GIGABYTE_MONTH = 0.04, 0.02  # assumed prices [dollars]
_TRIPLETS, _BATCH = 1000, 16
_TRAINED = 160


@dataclass(frozen=True)
class Rates:
    """Measured on one core.

    Attributes:
        make: seconds to simulate, hash, deflate and write a triplet.
        draw: seconds to draw it on the fly, without a file.
        nbytes: on disk, germs included.
        memory: peak of a process that makes a file [MB].
        train: seconds to train pix2pix-8 on a triplet once.
    """

    make: float
    draw: float
    nbytes: float
    memory: float
    train: float


def rates() -> Rates:
    """Each in a process of its own."""
    made = figures("benchmarks.scaling", "make")
    (train,) = figures("benchmarks.scaling", "train")
    return Rates(*made, train)


def tables(found: Rates) -> tuple[str, str]:
    """The rates, and what follows for each size."""
    measured = [
        ("simulate, hash, deflate and write", f"{1e3 * found.make:.2f} ms"),
        ("draw on the fly", f"{1e3 * found.draw:.2f} ms"),
        ("on disk, germs included", f"{found.nbytes / 1e3:.1f} kB"),
        ("peak memory of a process that makes a file", f"{found.memory:.0f} MB"),
        ("train pix2pix-8 on it once", f"{1e3 * found.train:.1f} ms"),
    ]
    hours, gigabytes = found.make / 3600, found.nbytes / 1e9
    rows = [
        ["triplets", *SIZES],
        ["written to a file, on one core", *_each(_duration, found.make)],
        ["drawn on the fly once, on one core", *_each(_duration, found.draw)],
        ["on disk", *_each(_bytes, found.nbytes)],
        ["dollars to write them", *_each(_number, hours * CORE_HOUR)],
        ["dollars to keep the file for a month", *_each(_number, gigabytes * GIGABYTE_MONTH)],
        [
            f"one epoch of pix2pix-8 on {CORES} cores, at best",
            *_each(_duration, found.train / CORES),
        ],
    ]
    return grid([["per triplet, one core", "measured"], *map(list, measured)]), grid(rows)


def page(found: Rates) -> str:
    """The page's text with both tables put in."""
    first, second = tables(found)
    text = _TEMPLATE.read_text(encoding="utf-8")
    return text.replace("{machine}", machine()).replace("{rates}", first).replace("{costs}", second)


def _each(shown: Callable[[float], str], one: float) -> list[str]:
    """What one triplet costs, times each size."""
    return [shown(n * one) for n in SIZES.values()]


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{_number(seconds / length)} {unit}"
    return f"{_number(seconds)} s"


def _bytes(count: float) -> str:
    for unit, size in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9)):
        if count >= size:
            return f"{_number(count / size)} {unit}"
    return f"{_number(count / 1e6)} MB"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _make() -> None:
    """Seconds to make a triplet and to draw it on the fly, bytes, peak memory [MB]."""
    from benchmarks.measure import peak
    from trendbench.data.make import make_data
    from trendbench.data.stream import streamed
    from trendbench.families.registry import family
    from trendbench.spec import load_spec

    family().compile()
    task = load_spec("trend-v1").model_copy(update={"train": _TRIPLETS, "val": 0, "test": 0})
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "a.h5"
        start = time.process_time()
        make_data(task, 0, path, workers=1)
        made = time.process_time() - start
        size, memory = path.stat().st_size, peak()
    images = streamed(task, _TRIPLETS, 0).r
    start = time.process_time()
    for at in range(0, _TRIPLETS, _BATCH):
        images[at : at + _BATCH]
    drawn = time.process_time() - start
    print(made / _TRIPLETS, drawn / _TRIPLETS, size / _TRIPLETS, memory)


def _train() -> None:
    """Processor seconds to train pix2pix-8 on a triplet."""
    import torch

    from trendbench.generators.recipes import find_recipe
    from trendbench.simulation import simulate
    from trendbench.spec import load_spec
    from trendbench.training.context import RunContext
    from trendbench.training.device import choose_precision

    torch.set_num_threads(1)
    triplets = simulate(load_spec("trend-v1"), _TRAINED)
    seconds = []
    for epochs in (1, 2):
        recipe = find_recipe("pix2pix-8", overrides={"epochs": epochs})
        with tempfile.TemporaryDirectory() as name:
            context = RunContext(
                seed=0, device="cpu", precision=choose_precision(torch.device("cpu")),
                folder=Path(name), identity="bench",
            )  # fmt: skip
            start = time.process_time()
            recipe.build().fit(triplets, triplets[:0], context)
            seconds.append(time.process_time() - start)
    print((seconds[1] - seconds[0]) / _TRAINED)


def main() -> None:
    """Measure and print, or write the page."""
    found = rates()
    print("\n\n".join(tables(found)))
    if "--write" in sys.argv:
        PAGE.write_text(page(found), encoding="utf-8")


if __name__ == "__main__":
    parts = {"make": _make, "train": _train}
    parts.get(sys.argv[1] if len(sys.argv) > 1 else "", main)()
