"""The file format ``trendbench/1``: every name, type and shape in it, written once."""

from dataclasses import dataclass

from trendbench.process.images import IMAGES
from trendbench.process.seeds import Split
from trendbench.spec import TaskSpec

FORMAT = "trendbench/1"

ATTRIBUTE_FORMAT = "format"
ATTRIBUTE_SPEC = "spec"
ATTRIBUTE_SEED = "seed"
ATTRIBUTE_VERSION = "trendbench_version"
ATTRIBUTE_HASH = "sha256"

INTENSITIES = ("lambda_left", "lambda_right")
GERM_COLUMNS = {"x": "<f8", "y": "<f8", "mark": "<f8", "member": "|u1"}
GERM_OFFSETS = "offsets"


@dataclass(frozen=True)
class Column:
    """One HDF5 data set: its path within a split, its type, and the shape of one row."""

    path: str
    dtype: str
    row: tuple[int, ...] = ()
    rows: int | None = None  # None: as many as there are germs


def columns(spec: TaskSpec, split: Split) -> list[Column]:
    """Every data set of a split's group, in file order."""
    n = spec.sizes[split]
    return [
        *(Column(name, "|u1", (spec.height, spec.width), n) for name in IMAGES),
        *(Column(name, "<f8", rows=n) for name in INTENSITIES),
        Column(f"germs/{GERM_OFFSETS}", "<i8", rows=n + 1),
        *(Column(f"germs/{name}", dtype) for name, dtype in GERM_COLUMNS.items()),
    ]
