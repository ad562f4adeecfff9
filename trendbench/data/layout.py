"""The file formats ``trendbench/1`` and ``/2``: every name, type and shape in them, written once.

Version 1 holds disks with one trend. Version 2 says in its spec which family it holds, and has that
family's parameters and latents in the places of intensities and germs; its triplets may have trends
of their own.
"""

from dataclasses import dataclass
from pathlib import Path

from trendbench.errors import DataFileError
from trendbench.families.registry import DEFAULT_FAMILY
from trendbench.process.images import IMAGES
from trendbench.process.mixture import Mixture
from trendbench.process.seeds import Split
from trendbench.spec import TaskSpec

SUFFIXES = (".h5", ".hdf5")
FORMATS = ("trendbench/1", "trendbench/2")

ATTRIBUTE_FORMAT = "format"
ATTRIBUTE_SPEC = "spec"
ATTRIBUTE_SEED = "seed"
ATTRIBUTE_VERSION = "trendbench_version"
ATTRIBUTE_HASH = "sha256"

LATENTS = "germs"  # group of the latents
OFFSETS = "offsets"


@dataclass(frozen=True)
class Column:
    """One HDF5 data set: its path within a split, its type, and the shape of one row."""

    path: str
    dtype: str
    row: tuple[int, ...] = ()
    rows: int | None = None  # None: as many as there are latents


def format_of(spec: TaskSpec) -> str:
    """The format of a task's data file."""
    return FORMATS[spec.family != DEFAULT_FAMILY or isinstance(spec, Mixture)]


def must_be_named(path: Path) -> None:
    """Refuse a name that other commands would not take for a data file's.

    Raises:
        DataFileError: it does not end in .h5 or .hdf5.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise DataFileError(
            f"{path}: the name of a data file ends in .h5, as {path.with_suffix('.h5')}"
        )


def columns(spec: TaskSpec, split: Split) -> list[Column]:
    """Every data set of a split's group, in file order."""
    n = spec.sizes[split]
    found = [
        *(Column(name, "|u1", (spec.height, spec.width), n) for name in IMAGES),
        *(Column(name, "<f8", rows=n) for name in spec.ends),
    ]
    if spec.stored:
        found.append(Column(f"{LATENTS}/{OFFSETS}", "<i8", rows=n + 1))
        found += [Column(f"{LATENTS}/{name}", dtype) for name, dtype in spec.stored.items()]
    return found
