"""The flow: training by the published recipe, and drawing, each against its convolutions alone."""

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.measure import figures
from benchmarks.table import Row, at_most, limit

if TYPE_CHECKING:
    from trendbench.process.triplets import Triplets

TITLE = "The flow"
LEAST = (
    "The published recipe takes 70 000 windows of 192 px, each once forward and backward, before "
    "it estimates potentials. An image is drawn in 8 integration steps and 2 sweeps of 4 passes: "
    "16 passes of the network over 256 × 256 px. The limits run the convolutions of these steps "
    "and passes alone. Fewer passes need another recipe: with fewer steps or sweeps more scores "
    "tell the images from true ones."
)
TRAINING, DRAWING = 1200.0, 30.0
_IMAGES = 1000
_EPOCH, _DRAWN = 160, 32  # triplets of a timed epoch; images drawn
_REPEATS, _TURNS = 2, 2


def measure(full: bool) -> Iterator[Row]:
    """Medians of two rounds; a part is timed, and taken as often as the whole has it."""
    del full
    rounds = [figures("benchmarks.flow") for _ in range(_REPEATS)]
    steps, of_steps, drawing, of_passes = (median(column) for column in zip(*rounds, strict=True))
    yield at_most("training without potentials", steps, TRAINING, "s", ".0f")
    yield limit("the convolutions of its steps alone", f"{of_steps:.0f} s")
    yield at_most(f"{_IMAGES} images", drawing, DRAWING, "s", ".0f")
    yield limit("the convolutions of its passes alone", f"{of_passes:.0f} s")


def _timed() -> tuple[float, float, float, float]:
    """Seconds of all steps, of their convolutions, of 1000 images, of their convolutions."""
    from benchmarks.convolutions import noted, seconds_of
    from trendbench.catalog import RESULTS
    from trendbench.generators.flow.generator import Flow
    from trendbench.generators.protocol import Inputs
    from trendbench.generators.recipes import find_recipe
    from trendbench.results import weights
    from trendbench.results.store import read_folder
    from trendbench.simulation import simulate
    from trendbench.spec import load_spec

    recipe, task = find_recipe("flow"), load_spec("trend-v1")
    triplets = simulate(task, 2 * _EPOCH)
    _fit(triplets[:32])  # warms up
    with noted() as of_epoch:
        _fit(triplets[:_EPOCH])
    start = time.perf_counter()
    _fit(triplets[:_EPOCH])
    middle = time.perf_counter()
    _fit(triplets)
    epoch = (time.perf_counter() - middle) - (middle - start)
    often = int(recipe.parameters["epochs"]) * task.train / _EPOCH

    stored = next(
        one
        for one in read_folder(RESULTS, "published")
        if (one.record.task, one.record.arch) == (task.name, recipe.arch)
    )
    with weights.unpacked(stored) as folder:
        flow = Flow.load(folder)
    given = simulate(task, _DRAWN, split="val")
    inputs = Inputs(given.s1, given.s2)
    with noted() as of_images:
        flow.sample(inputs, 0)
    start = time.perf_counter()
    flow.sample(inputs, 0)
    drawing = time.perf_counter() - start
    share = _IMAGES / _DRAWN
    return (
        epoch * often, seconds_of(of_epoch, _TURNS) * often,
        drawing * share, seconds_of(of_images, _TURNS) * share,
    )  # fmt: skip


def _fit(triplets: "Triplets") -> None:
    """One epoch without potentials."""
    from trendbench.generators.recipes import find_recipe
    from trendbench.training.context import RunContext
    from trendbench.training.device import choose_device, choose_precision

    device = choose_device()
    with tempfile.TemporaryDirectory() as name:
        run = RunContext(0, str(device), choose_precision(device), Path(name), "bench")
        flow = find_recipe("flow", overrides={"epochs": 1, "ridge": 0.0}).build()
        flow.fit(triplets, triplets[:0], run)


if __name__ == "__main__":
    sys.stdout.write(" ".join(map(str, _timed())))
