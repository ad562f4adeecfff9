"""Open a data file."""

from pathlib import Path

from trendbench.data.dataset import Dataset
from trendbench.errors import DataFileError


def open_dataset(path: str | Path) -> Dataset:
    """Open a data file for reading; use as a context manager.

    Args:
        path: what ``trendbench make-data`` wrote.

    Returns:
        The open data file: ``load(split)`` gives s1, s2, r as (n, H, W) uint8 with their germs.

    Raises:
        DataFileError: missing, foreign, damaged, or not laid out as ``trendbench/1`` says.
    """
    if not isinstance(path, str | Path):
        raise DataFileError(f"{path!r:.60}: needed is the path of a data file")
    return Dataset(Path(path))
