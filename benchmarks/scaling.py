"""What large data and many runs cost, from rates measured here: ``docs/scaling.md``.

``python -m benchmarks.scaling`` prints the page's tables, and with ``--write`` writes the page.
"""

import heapq
import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import cluster
from benchmarks.measure import cores, figures, process
from benchmarks.page import machine
from benchmarks.table import grid

PAGE = Path(__file__).parents[1] / "docs" / "scaling.md"
_TEMPLATE = Path(__file__).parent / "scaling.md"
SIZES = {"10⁶": 10**6, "10⁸": 10**8}
CORES = 16
CORE_HOUR, GIGABYTE_MONTH = 0.04, 0.02  # assumed prices [dollars]
_TRIPLETS, _BATCH = 1000, 16
_TRAINED = 160
SEEDS, MACHINES = 3, (1, 10, 100)


@dataclass(frozen=True)
class Rates:
    """Measured on one core.

    Attributes:
        make: seconds to simulate, hash, deflate and write a triplet.
        draw: seconds to draw it on the fly, without a file.
        nbytes: on disk, germs included.
        memory: peak of a process that makes a file [MB].
        train: seconds to train pix2pix-8 on a triplet once.
        card: seconds to score 1000 images, the classifier included.
    """

    make: float
    draw: float
    nbytes: float
    memory: float
    train: float
    card: float


@dataclass(frozen=True)
class Plan:
    """What one seed of every published network cost.

    Attributes:
        seconds: of each run on one core, training and drawing.
    """

    seconds: tuple[float, ...]

    def elapsed(self, seeds: int, workers: int, card: float) -> float:
        """Seconds until every run with every seed is scored; the longest begin first."""
        free = [0.0] * workers
        for run in sorted(self.seconds * seeds, reverse=True):
            heapq.heapreplace(free, free[0] + run + card)
        return max(free)


def rates() -> Rates:
    """Each in a process of its own."""
    made = figures("benchmarks.scaling", "make")
    (train,) = figures("benchmarks.scaling", "train")
    (card,) = figures("benchmarks.scaling", "card")
    return Rates(*made, train, card)


def plan() -> Plan:
    """From the published records of networks, one a row: seconds times threads."""
    from trendbench.catalog import RESULTS
    from trendbench.leaderboard.board import entries
    from trendbench.results.store import read_folder

    records = [group[0].record for group in entries(read_folder(RESULTS, "published"))]
    seconds = {  # once where a row has taken over the weights of another
        (r.arch, r.training.seconds): (r.training.seconds + (r.training.sampling_seconds or 0))
        * _threads(r.hardware.device)
        for r in records
        if r.parameters and r.training.seconds
    }
    return Plan(tuple(seconds.values()))


def cluster_table(found: cluster.Found) -> str:
    """A row for each number of workers, and one for the sweep that lost a worker."""
    rows = [["workers", "the sweep", "efficiency", "the card", "efficiency"]]
    columns = zip(
        cluster.WORKERS, found.sweep, cluster.efficiency(found.sweep), found.score,
        cluster.efficiency(found.score), strict=True,
    )  # fmt: skip
    for count, sweep, one, score, other in columns:
        rows.append([str(count), f"{sweep:.0f} s", f"{one:.2f}", f"{score:.0f} s", f"{other:.2f}"])
    rows.append(["2, one killed", f"{found.killed:.0f} s", "", "", ""])
    return grid(rows)


def plan_table(made: Plan, card: float) -> str:
    """Core hours of every published network, and days or hours on several machines."""
    n, hours = len(made.seconds), sum(made.seconds) / 3600
    rows = [
        [f"{n} networks, one seed", "measured"],
        ["training and drawing", f"{_number(hours)} core hours"],
        ["the longest of them", _duration(max(made.seconds))],
        ["a card of 1000 images, classifier included", f"{_number(card)} core s"],
    ]
    for machines in MACHINES:
        elapsed = made.elapsed(SEEDS, 2 * machines, card)
        shown = "a machine" if machines == 1 else f"{machines} machines"
        rows.append([f"{SEEDS} seeds on {shown} of two cores", _duration(elapsed)])
    return grid(rows)


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


def page(found: Rates, done: cluster.Found, made: Plan) -> str:
    """The page's text with its tables put in."""
    first, second = tables(found)
    same = "the same bytes as with one" if done.equal else "OTHER bytes than with one"
    parts = {
        "machine": machine(), "rates": first, "costs": second, "sweeps": cluster_table(done),
        "plan": plan_table(made, found.card), "cores": str(cores()), "same": same,
        "runs": str(cluster.RUNS), "scored": str(cluster.SCORED),
    }  # fmt: skip
    text = _TEMPLATE.read_text(encoding="utf-8")
    for name, part in parts.items():
        text = text.replace(f"{{{name}}}", part)
    return text


def _threads(device: str) -> int:
    """Of a record's ``… , 2 threads``; 1 where it does not say."""
    found = re.search(r"(\d+) threads?$", device)
    return int(found[1]) if found else 1


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


def _card() -> None:
    """Processor seconds to score 1000 images, the classifier included."""
    import numpy as np
    import torch

    from trendbench.data.opening import open_dataset
    from trendbench.metrics.full_card import full_card

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        process("-m", "benchmarks.card", "draw", name, 1000)
        images, second = np.load(Path(name) / "samples.npy")
        start = time.process_time()
        with open_dataset(Path(name) / "data.h5") as data:
            full_card(images, data, name="true", second=second)
        print(time.process_time() - start)


def main() -> None:
    """Measure and print, or write the page."""
    found, made, done = rates(), plan(), cluster.measure()  # memory first: a child inherits a peak
    shown = (*tables(found), cluster_table(done), plan_table(made, found.card))
    print("\n\n".join(shown))
    if "--write" in sys.argv:
        PAGE.write_text(page(found, done, made), encoding="utf-8")


if __name__ == "__main__":
    parts = {"make": _make, "train": _train, "card": _card}
    parts.get(sys.argv[1] if len(sys.argv) > 1 else "", main)()
