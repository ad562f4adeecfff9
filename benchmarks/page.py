"""``docs/performance.md``, written by ``python -m benchmarks --write``."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

from benchmarks.measure import cores
from benchmarks.table import Row, markdown

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
_PACKAGES = (
    "numpy", "numba", "h5py", "isal", "torch", "pillow", "opencv-python-headless", "porespy",
)  # fmt: skip
_HEAD = """# How fast it is

`make bench` measures the figures of this page and prints them; `make bench WRITE=--write` writes
the page. Each figure is a median of several repeats. Compared programs take turns in a run. Each
measurement of memory has a separate process. The verdict is `ok` if the limit is kept, else
`SHORT`. The optional extra `bench` installs the peers; a row without its peer says so. Each section
begins with the minimum of work for any program. A row *limit* measures, in the same run, what
stands in the way of a row above it.
"""


def page(parts: Iterable[tuple[ModuleType, Sequence[Row]]]) -> str:
    """The whole page: a section for each part."""
    sections = [
        f"## {part.TITLE}\n\n{part.LEAST}\n\n{markdown(list(rows)) if rows else 'Not measured.'}\n"
        for part, rows in parts
    ]
    return "\n".join([_HEAD, machine() + "\n", *sections])


def machine() -> str:
    """Processor, cores, accelerator and versions in one sentence."""
    used = ", ".join(f"{name} {found}" for name in _PACKAGES if (found := _version(name)))
    return (
        f"Measured on {_processor()}, {cores()} cores, {_accelerator()}, "
        f"{platform.system()}, Python {platform.python_version()}; {used}."
    )


def _processor() -> str:
    """What the processor calls itself."""
    if os.path.exists("/proc/cpuinfo"):
        for entry in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if entry.startswith("model name"):
                return entry.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _accelerator() -> str:
    """The GPU's name. Asked for in a process of its own, as children inherit a peak of memory."""
    asked = "import torch as t; print(t.cuda.get_device_name() if t.cuda.is_available() else '')"
    child = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True
    )
    return child.stdout.strip() or "no GPU"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
