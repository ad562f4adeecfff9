"""The score card of trend-v1 images, without its classifier and that alone, in time and memory."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import disk_usage
from tempfile import gettempdir

import numpy as np

from benchmarks.measure import figures, peak, process
from benchmarks.table import Row, absent, at_most, limit, reported
from trendbench.storage.scratch import places

TITLE = "The score card"
LEAST = (
    "Each scored image is read once with its three companions from the data file, 262 kB in "
    "all, and gives 24 kB of features. As many fresh true images are scored once. The data file "
    "is read a batch at a time. Values are judged over a whole set before any image is scored, and "
    "intervals resample whole images. From some 2000 images on, two samples, 131 kB an image, and "
    "the features lie on the disk meanwhile, and leave memory a block at a time. "
    "Memorisation compares 36 mirrored and shifted thumbnails of each image with every training "
    "and validation image and as many fresh ones, for scored and for fresh images. The classifier "
    "trains five networks, one a fold, for 16 epochs each."
)
SECONDS, MEGABYTES = 10.0, 1000.0
CLASSIFIER_SECONDS = 60.0
FLAT = 1.1
MANY, FULL = (4000, 10_000), 100_000
_SEED = 1  # of the images that are scored
_STEPS = 100  # of the classifier's convolutions, timed
_ON_DISK = 2 * 2 * 256**2 + 24_000 + 30_000  # two samples twice, features, the data file [bytes]
_BLOCK = 1000


def measure(full: bool) -> Iterator[Row]:
    """Each part in a fresh process, on a data file and images made beforehand."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process("-m", "benchmarks.card", "draw", folder, 1000)
        seconds, above, least = figures("benchmarks.card", "score", folder)
        yield at_most("1000 images, no classifier", seconds, SECONDS, "s")
        products, folds = figures("benchmarks.card", "alone", folder)
        yield limit("products of thumbnails alone", f"{products:.1f} s")
        yield reported("  memory above imports", f"{above:.0f} MB")
        yield at_most("  peak memory", least, MEGABYTES, "MB", ".0f")
        seconds, above, highest = figures("benchmarks.card", "classify", folder)
        yield at_most("1000 images, the classifier alone", seconds, CLASSIFIER_SECONDS, "s", ".0f")
        yield limit("its convolutions alone", f"{folds:.0f} s")
        yield reported("  peak memory", f"{highest:.0f} MB, {above:.0f} above imports")
    for n in (*MANY, FULL):
        yield from _many(n, least, full)


def _many(n: int, least: float, full: bool) -> Iterator[Row]:
    """The card of n images, no classifier; ``least`` is the peak memory of 1000 [MB]."""
    what = f"{n} images, no classifier"
    free = min(disk_usage(place).free for place in (gettempdir(), places()[0]))
    needed, there = _ON_DISK * n / 2**30, free / 2**30
    if n == FULL and not full:
        yield absent(what, "only with --full")
    elif needed > there:
        yield absent(what, f"needs {needed:.0f} GB of disk, {there:.0f} GB are free")
    else:
        with tempfile.TemporaryDirectory() as name:
            process("-m", "benchmarks.card", "draw", name, n)
            seconds, _, highest = figures("benchmarks.card", "score", name)
        yield reported(what, f"{seconds:.0f} s, {highest:.0f} MB")
        yield at_most("  peak memory over that of 1000", highest / least, FLAT, "times")


def _draw(folder: Path, n: str) -> None:
    """A data file with n test triplets, and two draws of r from its true law for each."""
    from trendbench.data.make import make_data
    from trendbench.data.opening import open_dataset
    from trendbench.families.disks.conditional import redraw_r
    from trendbench.families.disks.rendering import render_r
    from trendbench.spec import load_spec

    spec = load_spec("trend-v1").model_copy(update={"test": int(n)})
    make_data(spec, 0, folder / "data.h5")
    shape = (2, spec.test, spec.height, spec.width)
    samples = np.lib.format.open_memmap(folder / "samples.npy", "w+", np.uint8, shape)
    with open_dataset(folder / "data.h5") as data:
        germs, rng = data.latents("test"), np.random.default_rng(_SEED)
        for start in range(0, spec.test, _BLOCK):
            rows = slice(start, start + _BLOCK)
            for drawn in samples:
                drawn[rows] = render_r(redraw_r(data.spec, germs[rows], rng), data.spec)


def _score(folder: Path) -> None:
    from trendbench.data.opening import open_dataset
    from trendbench.metrics.files import read_samples
    from trendbench.metrics.full_card import full_card

    before, start = peak(), time.perf_counter()
    with open_dataset(folder / "data.h5") as data:
        images, second = read_samples(folder / "samples.npy", data.spec, data.spec.test)
        full_card(images, data, name="bench", second=second, c2st=False)
    _print(start, before)


def _classify(folder: Path) -> None:
    from trendbench.data.opening import open_dataset
    from trendbench.metrics.c2st import classifier_scores

    before, start = peak(), time.perf_counter()
    images, _ = np.load(folder / "samples.npy")
    with open_dataset(folder / "data.h5") as data:
        classifier_scores(images, data.load("test"))
    _print(start, before)


def _alone(folder: Path) -> None:
    """Seconds of what the card and its classifier cannot do without.

    The products of thumbnails: 36 variants of 1000 scored and of 1000 fresh images with those of
    3750 known images, of 3750 fresh ones, and of the 1000 themselves. The convolutions of every
    training step of five networks, forward and backward, at the shapes and precision of the steps.
    """
    import torch

    from benchmarks.convolutions import Call, work_of
    from trendbench.data.opening import open_dataset
    from trendbench.metrics import classifier
    from trendbench.metrics.folds import FOLDS
    from trendbench.metrics.thumbnails import variants
    from trendbench.training.device import choose_device, choose_precision, keep_freed_memory

    images, _ = np.load(folder / "samples.npy", mmap_mode="r")
    with open_dataset(folder / "data.h5") as data:
        spec = data.spec
    moved = variants(images[:128] < 128, spec)
    n, known = len(images), spec.train + spec.val
    references = [np.resize(moved[0], (m, moved.shape[2])) for m in (known, known, n)]
    start = time.perf_counter()
    for _ in range(0, 2 * n, moved.shape[1]):
        for variant in moved:
            for reference in references:
                variant @ reference.T
    products = time.perf_counter() - start

    keep_freed_memory()
    device = choose_device()
    kind = torch.bfloat16 if choose_precision(device) == "bf16" else torch.float32
    network = classifier._Network(5)
    x = torch.zeros(2 * classifier._BATCH, 5, classifier._CROP, classifier._CROP)
    works = []
    for i, layer in enumerate(network):
        if isinstance(layer, torch.nn.Conv2d):
            works.append(work_of(Call(layer, tuple(x.shape), i > 0, True), device, kind))
        x = layer(x)
    for work in works * 3:
        work()
    start = time.perf_counter()
    for work in works * _STEPS:
        work()
    step = (time.perf_counter() - start) / _STEPS
    training = n * (FOLDS - 1) // FOLDS
    steps = FOLDS * classifier._EPOCHS * -(-training // classifier._BATCH)
    print(products, step * steps)


def _print(start: float, before: float) -> None:
    """Seconds, peak memory above ``before``, peak memory."""
    seconds, highest = time.perf_counter() - start, peak()
    print(seconds, highest - before, highest)


_PARTS: dict[str, Callable[..., None]] = {
    "alone": _alone, "draw": _draw, "score": _score, "classify": _classify,
}  # fmt: skip

if __name__ == "__main__":
    part, place, *rest = sys.argv[1:]
    _PARTS[part](Path(place), *rest)
