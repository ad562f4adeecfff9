"""Shards as one data set: one opened at a time, so that their number costs no memory."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trendbench.data import layout
from trendbench.data.dataset import Dataset, Seen
from trendbench.data.file import SHA256, FileDataset
from trendbench.data.parts import Part
from trendbench.data.shards.manifest import parts, read_manifest, shard_path
from trendbench.errors import DataFileError
from trendbench.process.seeds import SPLITS, Split

_ADVICE = "run the same make-data --shards command again"


class ShardedDataset(Dataset):
    """The data set that the shards in ``path`` make up.

    Its content, hashes and ``sha256`` are those of one file with the same spec and seed.

    Args:
        path: a folder that ``make-data --shards`` wrote.

    Raises:
        DataFileError: no data set, a damaged manifest, or a shard that is missing or a link.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        manifest = read_manifest(path)
        self.spec, self.seed = manifest.task(path), manifest.seed
        self.version = manifest.trendbench_version
        self.parts = parts(len(manifest.shards))
        self._contents = manifest.shards
        names = {
            f"{split}/{column.path}"
            for split in SPLITS
            for column in layout.columns(self.spec, split)
        }
        stated = [*manifest.shards, *manifest.hashes.values()]
        if set(manifest.hashes) != names or not all(SHA256.fullmatch(text) for text in stated):
            raise self.wrong("manifest", "its hashes are not those of the spec's columns")
        self.hashes = manifest.hashes
        for part in self.parts:
            _must_be_there(path, part)
        self._at, self._open = -1, None

    _at: int
    _open: FileDataset | None

    def numbers(
        self, name: str, rows: slice = slice(None), seen: Seen | None = None
    ) -> NDArray[Any]:
        """Rows of a column, shard by shard into one array."""
        self.must_hold(name)
        split: Split
        split, _, column = name.partition("/")  # type: ignore[assignment]
        small = column.startswith("germs/") or column in layout.INTENSITIES
        if small:
            whole = self._offsets(name) if column.endswith(layout.GERM_OFFSETS) else self._all(name)
            array = whole[rows]
            if seen:
                seen(array.data)
            return array
        start, stop, _ = rows.indices(self.spec.sizes[split])
        array = np.empty((max(stop - start, 0), self.spec.height, self.spec.width), dtype=np.uint8)
        for part in self.parts:
            held = part.rows(self.spec)[split]
            low, high = max(start, held.start), min(stop, held.stop)
            if low < high:
                wanted = slice(low - held.start, high - held.start)
                array[low - start : high - start] = self.shard(part).numbers(name, wanted, seen)
        return array

    def shard(self, part: Part) -> FileDataset:
        """One shard, open until the next one is asked for.

        Raises:
            DataFileError: it is not the shard that the manifest names.
        """
        if self._at != part.index or self._open is None:
            self.close()
            self._open = open_shard(self.path, part)
            self._at = part.index
            if self._open.sha256 != self._contents[part.index]:
                raise self.wrong(shard_path(self.path, part).name, "not the one of the manifest")
        return self._open

    def close(self) -> None:
        """Close the shard that is open."""
        if self._open is not None:
            self._open.close()
        self._open = None

    def wrong(self, name: str, reason: str) -> DataFileError:
        """With the advice to have the shard made again."""
        return DataFileError(
            f"{self.path}, {name}: {reason}: delete the shard that is wrong and {_ADVICE}"
        )

    def _all(self, name: str) -> NDArray[Any]:
        return np.concatenate([self.shard(part).numbers(name) for part in self.parts])

    def _offsets(self, name: str) -> NDArray[Any]:
        """Each shard's offsets begin at 0; here they go on where the last shard ended."""
        joined = np.zeros(1, dtype=np.int64)
        for part in self.parts:
            own = self.shard(part).numbers(name)
            joined = np.concatenate([joined, own[1:] + joined[-1]])
        return joined


def open_shard(folder: Path, part: Part) -> FileDataset:
    """The shard of that part.

    Raises:
        DataFileError: missing, a link, damaged, or another part.
    """
    _must_be_there(folder, part)
    return FileDataset(shard_path(folder, part), part)


def _must_be_there(folder: Path, part: Part) -> None:
    path = shard_path(folder, part)
    if path.is_symlink():
        raise DataFileError(f"{path} is a link, which is not followed: put the shard itself there")
    if not path.is_file():
        raise DataFileError(f"{path} is missing: {_ADVICE}, which makes that shard alone")
