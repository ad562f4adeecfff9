"""``make-data --n 3500`` against a plain script: Pillow ellipses and h5py's gzip level 1."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import figures, medians, process
from benchmarks.table import Row, at_least, at_most, limit, reported

TITLE = "Making the data, against a plain script"
LEAST = (
    "The plain script is the obvious one: NumPy draws the germs, Pillow the ellipses, and "
    "h5py compresses. It has one thread, no hashes and no germs. Start-up and compression, which "
    "the sections before and after measure alone, limit what faster drawing can gain."
)
RATIO, MEMORY, SIZE = 6.0, 500.0, 120.0
REPEATS = 3
IMPORTS = "import trendbench.data.make, trendbench.progress, trendbench.spec"


def measure(full: bool) -> Iterator[Row]:
    """Median of three pairs, taken in turn, after one run that fills the caches."""
    del full
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "ours.h5"
        ours = ["-m", "trendbench", "make-data", "--n", 3500, "--out", file]
        plain = ["-m", "benchmarks.plain_simulator", folder / "plain.h5"]
        process(*ours)
        size = file.stat().st_size / 1e6
        pairs = []
        for _ in range(REPEATS):
            file.unlink()
            pairs.append((process(*ours), process(*plain)))
        fast, slow = (medians(list(side)) for side in zip(*pairs, strict=True))
        (compressing,) = figures("benchmarks.data_file", "compress", file)
        bare = medians([process("-c", IMPORTS) for _ in range(REPEATS)])
    above = fast.megabytes - bare.megabytes
    yield reported("make-data --n 3500", f"{fast.seconds:.2f} s")
    yield at_least("speed over the plain script", slow.seconds / fast.seconds, RATIO, "times")
    least = bare.seconds + compressing
    yield limit("the same of start-up and compressing alone", f"{slow.seconds / least:.1f} times")
    yield at_most("peak memory above imports", above, MEMORY, "MB", ".0f")
    yield at_most("size of the file", size, SIZE, "MB", ".0f")
