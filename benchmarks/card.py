"""The score card of 1000 images of trend-v1: first without its classifier, then that alone."""

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.measure import figures, process, verdict

SECONDS, MEGABYTES = 30.0, 1000.0
CLASSIFIER_SECONDS = 180.0
_SEED = 1  # of the images that are scored


def measure() -> Iterator[str]:
    """Each part in a fresh process, on a data file and images made beforehand."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process("-m", "trendbench", "make-data", "--out", folder / "data.h5")
        process("-m", "benchmarks.card", "draw", folder)
        seconds, above, peak = figures("benchmarks.card", "score", folder)
        yield (
            f"card, no classifier   {seconds:6.2f} s        limit {SECONDS:g} s: "
            f"{verdict(seconds <= SECONDS)}"
        )
        yield (
            f"  peak memory          {peak:5.0f} MB       limit {MEGABYTES:g} MB, of which "
            f"{above:.0f} above imports: {verdict(peak < MEGABYTES)}"
        )
        seconds, above, peak = figures("benchmarks.card", "classify", folder)
        yield (
            f"classifier alone      {seconds:6.1f} s        limit {CLASSIFIER_SECONDS:g} s: "
            f"{verdict(seconds <= CLASSIFIER_SECONDS)}"
        )
        yield (
            f"  peak memory          {peak:5.0f} MB       of which {above:.0f} above imports; "
            "reported"
        )


def _draw(folder: Path) -> None:
    """Two draws of r from its true law for each test triplet."""
    from trendbench.data.opening import open_dataset
    from trendbench.process.conditional import redraw_r
    from trendbench.rendering.triplets import render_r

    with open_dataset(folder / "data.h5") as data:
        germs, rng = data.germs("test"), np.random.default_rng(_SEED)
        drawn = [render_r(redraw_r(data.spec, germs, rng), data.spec) for _ in range(2)]
    np.save(folder / "samples.npy", np.stack(drawn))


def _score(folder: Path) -> None:
    from trendbench.data.opening import open_dataset
    from trendbench.metrics.full_card import full_card

    before, start = _peak(), time.perf_counter()
    images, second = np.load(folder / "samples.npy")
    with open_dataset(folder / "data.h5") as data:
        full_card(images, data, name="bench", second=second, c2st=False)
    _print(start, before)


def _classify(folder: Path) -> None:
    from trendbench.data.opening import open_dataset
    from trendbench.metrics.classifier import tell_apart

    before, start = _peak(), time.perf_counter()
    images, _ = np.load(folder / "samples.npy")
    with open_dataset(folder / "data.h5") as data:
        tell_apart(images, data.load("test"))
    _print(start, before)


def _peak() -> float:
    """Peak resident memory of this process [MB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _print(start: float, before: float) -> None:
    """Seconds, peak memory above ``before``, peak memory."""
    seconds, peak = time.perf_counter() - start, _peak()
    print(seconds, peak - before, peak)


if __name__ == "__main__":
    part, place = sys.argv[1:]
    {"draw": _draw, "score": _score, "classify": _classify}[part](Path(place))
