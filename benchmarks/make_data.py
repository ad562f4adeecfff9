"""``make-data --n 3500`` against a plain script: Pillow ellipses and h5py's gzip level 1."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import medians, process, verdict

RATIO, MEMORY, SIZE = 4.0, 500.0, 120.0
REPEATS = 5
IMPORTS = "import trendbench.data.make, trendbench.progress, trendbench.spec"


def measure() -> Iterator[str]:
    """Median of five pairs, taken in turn, after one run that fills the caches."""
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
        bare = medians([process("-c", IMPORTS) for _ in range(REPEATS)])
    ratio = slow.seconds / fast.seconds
    above = fast.megabytes - bare.megabytes
    yield (
        f"make-data --n 3500    {fast.seconds:6.2f} s        plain script {slow.seconds:.2f} s, "
        f"{ratio:.1f} times ours; wanted {RATIO:g}: {verdict(ratio >= RATIO)}"
    )
    yield (
        f"  memory above imports {above:5.0f} MB       limit {MEMORY:g} MB: "
        f"{verdict(above <= MEMORY)}"
    )
    yield f"  file                 {size:5.0f} MB       limit {SIZE:g} MB: {verdict(size <= SIZE)}"
