"""Open a data set, be it one file or a folder of shards."""

import os
from pathlib import Path

from trendbench.data.dataset import Dataset
from trendbench.data.file import FileDataset
from trendbench.data.shards.dataset import ShardedDataset
from trendbench.errors import DataFileError


def open_dataset(path: str | Path) -> Dataset:
    """Open a data set for reading; use as a context manager.

    Args:
        path: what ``trendbench make-data`` wrote: a file, or with ``--shards`` a folder.

    Returns:
        The open data set: ``load(split)`` gives s1, s2, r as (n, H, W) uint8 with their germs.

    Raises:
        DataFileError: missing, foreign, damaged, or not laid out as ``trendbench/1`` says.
    """
    if not isinstance(path, str | Path):
        raise DataFileError(f"{path!r:.60}: needed is the path of a data file")
    path = Path(path)
    return ShardedDataset(path) if os.path.isdir(path) else FileDataset(path)
