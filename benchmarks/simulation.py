"""Images per second on one thread: ours, Pillow, OpenCV, PoreSpy, and filling the same bytes.

Everyone but PoreSpy draws the germs of trend-v1's triplets and their three images. PoreSpy draws
homogeneous images of one intensity: it is given the triplets' mean number of disks an image, by
way of the porosity that such a number leaves. Processor seconds, which other work does not stretch.
"""

import importlib.util
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks import plain_simulator as plain
from benchmarks.measure import figures
from benchmarks.table import Row, absent, at_least, at_most, limit, reported

TITLE = "Simulation"
LEAST = (
    "An image of 256 × 256 px is 65 536 bytes, each of which must be written once: the floor is a "
    "fill of the same memory. Its germs (about 290 a triplet) cost a block of Philox "
    "each, and each disk 12 or 13 runs of pixels. The peers draw disks in C as well: a program as "
    "fast as the fill would beat them by the product of both ratios, and no more."
)
LIMITS = {"pillow": 15.0, "cv2": 15.0, "porespy": 300.0}
FILL = 6.0
NAMES = {"pillow": "Pillow's ellipses", "cv2": "OpenCV's circles", "porespy": "PoreSpy's spheres"}
_TRIPLETS, _PEER_TRIPLETS = 170, 20
_REPEATS = 9
_SHIFT = 4  # OpenCV counts in sixteenths of a pixel


def measure(full: bool) -> Iterator[Row]:
    """Medians of nine rounds, in each of which everyone has a turn."""
    del full
    ours, fill, germs, plain_germs, page, *peers = figures("benchmarks.simulation")
    yield reported("images a second on one core, germs included", f"{1 / ours:,.0f}")
    yield at_most("time over a fill of the same bytes", ours / fill, FILL, "times")
    yield limit("germs alone, over a fill", f"{germs / fill:.1f} times")
    yield limit("white pages and disks alone, over a fill", f"{(ours - germs) / fill:.1f} times")
    for (module, wanted), seconds in zip(LIMITS.items(), peers, strict=True):
        what = f"speed over {NAMES[module]}"
        if math.isnan(seconds):
            yield absent(what, f"{module} is not installed")
        else:
            yield at_least(what, seconds / ours, wanted, "times")
            if module == "pillow":
                parts = (plain_germs, page, seconds - plain_germs - page)
                shown = ", ".join(f"{100 * part / seconds:.0f} %" for part in parts)
                yield limit("the peer's germs by NumPy, empty page, ellipses", shown)


def _compare() -> list[float]:
    """Processor seconds an image, nan where a peer is not installed.

    Ours, the fill, our germs alone, the peers' germs, Pillow's page, Pillow, OpenCV, PoreSpy.
    """
    from trendbench.simulation import simulate
    from trendbench.spec import load_spec

    spec = load_spec("trend-v1")
    memory = np.empty((3, _TRIPLETS, spec.height, spec.width), dtype=np.uint8)
    many, few = 3 * _TRIPLETS, 3 * _PEER_TRIPLETS
    turns: list[tuple[Callable[[], object], int]] = [
        (lambda: simulate(spec, _TRIPLETS, out=memory), many),
        (lambda: memory.fill(255), many),
        (lambda: spec.latents(_TRIPLETS, 0, "train"), many),
        (lambda: _triplets(_nothing), few),
        (_pages, few),
        (lambda: _triplets(plain.draw), few),
        (lambda: _triplets(_circles), few),
        (_spheres, few),
    ]
    there = [True] * 5 + [*(name == "pillow" or _is_there(name) for name in LIMITS)]
    seconds: list[list[float]] = [[] for _ in turns]
    for repeat in range(_REPEATS + 1):
        for (work, images), known, own in zip(turns, there, seconds, strict=True):
            used = _seconds(work) / images if known else math.nan
            if repeat:  # the first round warms everyone
                own.append(used)
    return [statistics.median(own) for own in seconds]


def _triplets(draw: Callable[[np.ndarray, np.ndarray], object]) -> None:
    rng = np.random.default_rng(0)
    for _ in range(_PEER_TRIPLETS):
        for x, y in plain.germs(rng):
            draw(x, y)


def _circles(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """One image of black disks, their centres in sixteenths of a pixel."""
    import cv2

    cv2.setNumThreads(1)
    image = np.full((plain.H, plain.W), 255, dtype=np.uint8)
    parts = 1 << _SHIFT
    columns, rows = (np.rint((place - 0.5) * parts).astype(int).tolist() for place in (x, y))
    radius = int(plain.R * parts)
    for centre in zip(columns, rows, strict=True):
        cv2.circle(image, centre, radius, 0, cv2.FILLED, cv2.LINE_8, _SHIFT)
    return image


def _nothing(x: np.ndarray, y: np.ndarray) -> None:
    """What is drawn where germs alone count."""


def _pages() -> None:
    for _ in range(3 * _PEER_TRIPLETS):
        plain.draw(np.empty(0), np.empty(0))


def _spheres() -> None:
    import porespy

    porespy.settings.ncores = 1
    porosity = math.exp(-math.pi * plain.R**2 * (plain.LEFT + plain.RIGHT) / 2)
    for _ in range(3 * _PEER_TRIPLETS):
        porespy.generators.overlapping_spheres(
            [plain.H, plain.W], r=int(plain.R), porosity=porosity
        )


def _is_there(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    sys.stdout.write(" ".join(map(str, _compare())))
