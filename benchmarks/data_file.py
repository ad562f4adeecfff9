"""The data file: made against compressing its bytes and nothing else, read against h5py itself."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measure import cores, figures, peak, process
from benchmarks.table import Row, at_least, at_most, limit, reported

TITLE = "The data file"
LEAST = (
    "`make-data --n 3500` holds 4750 triplets, 934 MB of pixels: each must be drawn, hashed and "
    "compressed, and 65 MB reach the disk. The floor is python-isal compressing the same images on "
    "the same cores. Reading must inflate and hash each byte and write it to memory once; the "
    "peer is h5py reading the same data sets through HDF5's own zlib."
)
WRITE, READ, COPIES = 1.3, 2.0, 1.1
_REPEATS = 3
_IMPORTS = "import trendbench.data.make, trendbench.progress, trendbench.spec"


def measure(full: bool) -> Iterator[Row]:
    """Medians of three, taken in turn; each in a process of its own."""
    del full
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "ours.h5"
        make = ["-m", "trendbench", "make-data", "--n", 3500, "--out", file]
        whole, start, bare = [], [], []
        for _ in range(_REPEATS):
            file.unlink(missing_ok=True)
            whole.append(process(*make).seconds)
            start.append(process("-c", _IMPORTS).seconds)
            bare.append(figures("benchmarks.data_file", "compress", file)[0])
        least, beyond = median(bare), median(whole) - median(start)
        yield reported("make-data --n 3500, the whole command", f"{median(whole):.2f} s")
        yield at_most(
            "the command beyond imports over compressing alone", beyond / least, WRITE, "times"
        )
        drawing, hashing, inflating, hashing_read = figures("benchmarks.data_file", "alone", file)
        evenly = least + drawing + hashing / cores()
        yield limit(
            "drawing, hashing, compressing alone, spread evenly", f"{evenly / least:.1f} times"
        )
        read = [
            (
                figures("benchmarks.data_file", "load", file),
                figures("benchmarks.data_file", "h5py", file),
                figures("benchmarks.data_file", "hashing", file),
            )
            for _ in range(_REPEATS)
        ]
        (ours, copies), (peer, _), (hashed, _) = (
            [median(column) for column in zip(*side, strict=True)]
            for side in zip(*read, strict=True)
        )
        yield reported("training split into memory, hashes checked", f"{ours:.2f} s")
        yield at_least("h5py's time over ours", peer / ours, READ, "times")
        yield limit(
            "inflating alone on all cores, hashing alone in one thread",
            f"{inflating:.2f} s, {hashing_read:.2f} s",
        )
        yield reported("the same, h5py followed by hashes", f"{hashed / ours:.1f} times")
        yield at_most("peak memory over the bytes read", copies, COPIES, "times", ".2f")


def _compress(file: Path) -> tuple[float]:
    """Seconds of compressing the file's images on every core, drawing not counted."""
    del file
    from trendbench.data.blocks import ranges
    from trendbench.simulation import simulate
    from trendbench.spec import load_spec
    from trendbench.storage.deflate import deflate

    spec, seconds = load_spec("trend-v1"), 0.0
    with ThreadPoolExecutor(cores()) as pool:
        for span in ranges(spec):
            drawn = simulate(spec, span.stop - span.start, split=span.split, start=span.start)
            images = [image.data for series in (drawn.s1, drawn.s2, drawn.r) for image in series]
            start = time.perf_counter()
            list(pool.map(deflate, images, chunksize=1))
            seconds += time.perf_counter() - start
    return (seconds,)


def _alone(file: Path) -> tuple[float, float, float, float]:
    """Seconds of each part of the work alone.

    Drawing every image on all cores; hashing them in one thread, as a hash takes its bytes in
    order; inflating the training images on all cores; hashing those in one thread.
    """
    import hashlib

    import h5py

    from trendbench.data.blocks import ranges
    from trendbench.simulation import simulate
    from trendbench.spec import load_spec
    from trendbench.storage.deflate import inflate

    spec = load_spec("trend-v1")

    def drawn(span: Any) -> Any:
        return simulate(spec, span.stop - span.start, split=span.split, start=span.start)

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(drawn, ranges(spec)[: cores()]))
        start = time.perf_counter()
        for _ in pool.map(drawn, ranges(spec)):
            pass
        drawing = time.perf_counter() - start
        with h5py.File(file) as data:
            series = [data[f"train/{name}"] for name in ("s1", "s2", "r")]
            size = series[0].shape[1] * series[0].shape[2]
            packed = [
                one.id.read_direct_chunk((i, 0, 0))[1] for one in series for i in range(len(one))
            ]
        start = time.perf_counter()
        images = list(pool.map(partial(inflate, size=size), packed, chunksize=1))
        inflating = time.perf_counter() - start
    start = time.perf_counter()
    running = hashlib.sha256()
    for image in images:
        running.update(image)
    hashing = time.perf_counter() - start
    return drawing, hashing * sum(spec.sizes.values()) / spec.train, inflating, hashing


def _load(file: Path) -> tuple[float, float]:
    """Seconds of reading the training split, and peak memory over its bytes."""
    from trendbench.data.opening import open_dataset

    with open_dataset(file) as data:
        data.latents("val")  # imports what germs need
    before, start = peak(), time.perf_counter()
    with open_dataset(file) as data:
        triplets = data.load("train")
    seconds = time.perf_counter() - start
    images = (triplets.s1, triplets.s2, triplets.r)
    return seconds, (peak() - before) * 2**20 / sum(series.nbytes for series in images)


def _h5py(file: Path) -> tuple[float, float]:
    """The same by h5py alone, without hashes."""
    import h5py

    before, start = peak(), time.perf_counter()
    with h5py.File(file) as data:
        images = [data[f"train/{name}"][...] for name in ("s1", "s2", "r")]
    seconds = time.perf_counter() - start
    return seconds, (peak() - before) * 2**20 / sum(series.nbytes for series in images)


def _hashing(file: Path) -> tuple[float, float]:
    """By h5py, each series hashed after it is read, as ours are."""
    import hashlib

    import h5py

    start = time.perf_counter()
    with h5py.File(file) as data:
        for name in ("s1", "s2", "r"):
            hashlib.sha256(data[f"train/{name}"][...].data).hexdigest()
    return time.perf_counter() - start, 0.0


_PARTS: dict[str, Callable[[Path], tuple[float, ...]]] = {
    "alone": _alone, "compress": _compress, "load": _load, "h5py": _h5py, "hashing": _hashing,
}  # fmt: skip

if __name__ == "__main__":
    part, place = sys.argv[1:]
    print(*_PARTS[part](Path(place)))
