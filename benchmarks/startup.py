"""``--help``, the first and the second ``make-data`` of a machine, and other commands' starts."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import medians, process
from benchmarks.table import OK, SHORT, Row, at_most, limit, reported
from trendbench.catalog import RESULTS

TITLE = "Start-up"
LEAST = (
    "`--help` needs the interpreter, click, and the names of the commands. Other commands import "
    "what they use: the libraries alone, imported by a plain Python process, set the limit that no "
    "code of this project can pass. Kernels are compiled once on a machine, and their machine code "
    "is kept. Loading it is Numba's: before it runs the first kept kernel of a process, it imports "
    "scipy.linalg and its own random generators. `leaderboard` reads every record and its values "
    "by image, as a record that was changed must not count."
)
LIMIT, BEYOND = 0.3, 0.25
_STARTS = 9
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
_BOARD, _MAKE = "leaderboard --task trend-v1", "make-data, four triplets"
_PLAIN = {
    _BOARD: (
        "importing numpy and pydantic, reading and hashing the records",
        """import glob, hashlib, json, zipfile
import numpy
import pydantic
for path in glob.glob("{results}/*/*/seed*.json"):
    json.load(open(path, encoding="utf-8"))
    content = open(path[:-5] + ".npz", "rb").read()
    hashlib.sha256(content).hexdigest()
    with numpy.load(path[:-5] + ".npz") as values:
        [values[name] for name in values]
""",
    ),
    _MAKE: (
        "a script that runs one kept Numba kernel",
        """import h5py
import numba
import numpy
@numba.njit(cache=True)
def first(values):
    return values[0]
first(numpy.zeros(3))
""",
    ),
}


def measure(full: bool) -> Iterator[Row]:
    """``--help``; then two commands that share a cache of kernels, at first empty; then others."""
    del full
    least = _seconds("-m", "trendbench", "--help")
    yield at_most("trendbench --help", least, LIMIT, "s", ".2f")
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
    yield from _beyond_help(least)


def _beyond_help(least: float) -> Iterator[Row]:
    """What commands take to start beyond ``--help``, and what their libraries alone do."""
    plain = _seconds("-c", "pass")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "little.toml").write_text(_SPEC, encoding="utf-8")
        make = ["-m", "trendbench", "make-data", "--spec", folder / "little.toml", "--overwrite"]
        make += ["--out", folder / "little.h5"]
        process(*make)
        commands = {
            "info": ["-m", "trendbench", "info", folder / "little.h5"],
            _BOARD: ["-m", "trendbench", *_BOARD.split()],
            _MAKE: make,
        }
        for what, command in commands.items():
            beyond = _seconds(*command) - least
            yield at_most(f"{what}: beyond --help", beyond, BEYOND, "s", ".2f")
            if what in _PLAIN:
                script = folder / "plain.py"
                script.write_text(_PLAIN[what][1].format(results=RESULTS), encoding="utf-8")
                process(script)
                alone = _seconds(script) - plain
                yield limit(_PLAIN[what][0], f"{alone:.2f} s")
    for what in ("numpy, h5py, pydantic", "numpy, scipy.special, pydantic", "numpy, h5py, numba"):
        alone = _seconds("-c", f"import {what}") - plain
        yield reported(f"  importing {what} alone", f"{alone:.2f} s")


def _seconds(*command: object) -> float:
    """Median of nine starts."""
    return medians([process(*command) for _ in range(_STARTS)]).seconds


def _yes(answer: bool) -> str:
    return "yes" if answer else "no"
