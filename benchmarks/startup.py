"""``--help``, and the first and the second ``make-data`` of a machine without compiled kernels."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import medians, process
from benchmarks.table import OK, SHORT, Row, at_most, reported

TITLE = "Start-up"
LEAST = (
    "`--help` needs the interpreter, click, and the names of the commands. Kernels are "
    "compiled once on a machine, and their machine code is kept."
)
LIMIT = 0.3
_SPEC = """[task]
name = "little"
width = 64
height = 64
radius = 3.0
lambda_left = 1e-3
lambda_right = 1e-2
window = 8
train = 1
val = 1
test = 2
"""
_WORD = "compiled"


def measure(full: bool) -> Iterator[Row]:
    """Median of nine starts; then two commands that share a cache of kernels, at first empty."""
    del full
    starts = medians([process("-m", "trendbench", "--help") for _ in range(9)])
    yield at_most("trendbench --help", starts.seconds, LIMIT, "s", ".2f")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "little.toml").write_text(_SPEC, encoding="utf-8")
        make = ["-m", "trendbench", "make-data", "--spec", folder / "little.toml"]
        cache = {"NUMBA_CACHE_DIR": str(folder / "cache")}
        runs = [process(*make, "--out", folder / f"{i}.h5", variables=cache) for i in (1, 2)]
    first, second = (_WORD in run.said for run in runs)
    yield Row(
        "first make-data, of four triplets", f"{runs[0].seconds:.1f} s, says that it compiles: "
        f"{_yes(first)}", "yes", OK if first else SHORT,
    )  # fmt: skip
    yield Row(
        "second make-data", f"{runs[1].seconds:.1f} s, says that it compiles: {_yes(second)}",
        "no", SHORT if second else OK,
    )  # fmt: skip
    yield reported("compiling", f"{runs[0].seconds - runs[1].seconds:.1f} s")


def _yes(answer: bool) -> str:
    return "yes" if answer else "no"
