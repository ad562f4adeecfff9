"""Read a data file, trusting nothing in it that has not been checked."""

import hashlib
import re
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from trendbench.data import layout
from trendbench.errors import DataFileError, SpecError
from trendbench.process.germs import Germs
from trendbench.process.seeds import SEED_LIMIT, SPLITS, Split
from trendbench.rendering.triplets import IMAGES, Triplets
from trendbench.spec import TaskSpec, spec_from_json
from trendbench.storage import hdf5

_VERSION = re.compile(r"[0-9A-Za-z.+!-]{1,64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ADVICE = "make it again with trendbench make-data --overwrite"


class Dataset:
    """An open data file; use as a context manager.

    Attributes:
        path: where it lies.
        spec: its task, split sizes included.
        seed: what it was simulated from.
        version: the trendbench that wrote it.
        hashes: SHA-256 of each data set's bytes, by path, as the file states them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise DataFileError(f"no data file at {path}: trendbench make-data writes one")
        try:
            self._file = hdf5.opened(path)
            self._size = path.stat().st_size
        except (OSError, hdf5.UnsafeError) as error:
            reason = str(error).splitlines()[0]
            raise DataFileError(
                f"{path} is not a whole HDF5 file ({reason}): if trendbench wrote it, {_ADVICE}"
            ) from None
        try:
            self.spec, self.seed, self.version = self._root()
            self._data = {
                f"{split}/{column.path}": self._checked(split, column)
                for split in SPLITS
                for column in layout.columns(self.spec, split)
            }
            self.hashes = {name: self._stated_hash(name) for name in self._data}
        except DataFileError:
            self._file.close()
            raise
        except Exception as error:  # HDF5 finds damage in many ways, and h5py names it in many
            self._file.close()
            raise DataFileError(f"{path} is damaged ({error}): {_ADVICE}") from None

    @property
    def sha256(self) -> str:
        """One hash for the whole content: of the spec, the seed and every data set's hash."""
        lines = [self.spec.to_json(), str(self.seed)]
        lines += [f"{name} {self.hashes[name]}" for name in sorted(self.hashes)]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def describe(self) -> str:
        """Task, sizes and seed in a few words."""
        sizes = " + ".join(str(size) for size in self.spec.sizes.values())
        return f"{self.spec.name}, {sizes} triplets, seed {self.seed}"

    def images(self, split: Split, name: str) -> NDArray[np.uint8]:
        """One series of images, (n, H, W) uint8, checked against its hash.

        Raises:
            DataFileError: the bytes are not those that were written.
        """
        return self._read(f"{split}/{name}")

    def intensities(self, split: Split) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """λ_left and λ_right of each triplet [px⁻²], two arrays (n,)."""
        left, right = (self._read(f"{split}/{name}") for name in layout.INTENSITIES)
        return left, right

    def germs(self, split: Split) -> Germs:
        """The germs of a split, checked against their hashes.

        Raises:
            DataFileError: they are not what was written, or do not fit together.
        """
        offsets, *columns = (
            self._read(f"{split}/germs/{name}")
            for name in (layout.GERM_OFFSETS, *layout.GERM_COLUMNS)
        )
        if offsets[0] != 0 or np.any(np.diff(offsets) < 0) or offsets[-1] != columns[0].size:
            raise self._wrong(f"{split}/germs", "the offsets do not fit the germs")
        germs = Germs(offsets, *columns)
        if not all(np.isfinite(values).all() for values in (germs.x, germs.y, germs.mark)):
            raise self._wrong(f"{split}/germs", "places or marks that are not finite")
        return germs

    def load(self, split: Split) -> Triplets:
        """A whole split in memory, germs included.

        Raises:
            DataFileError: anything in it is not what was written.
        """
        s1, s2, r = (self.images(split, name) for name in IMAGES)
        return Triplets(self.spec, s1, s2, r, self.germs(split))

    def glance(self, split: Split, start: int, count: int) -> Triplets:
        """A few triplets without germs, to look at: read alone, so not held against a hash.

        Raises:
            DataFileError: they cannot be read.
        """
        rows = slice(start, start + count)
        s1, s2, r = (self._numbers(f"{split}/{name}", rows) for name in IMAGES)
        return Triplets(self.spec, s1, s2, r)

    def close(self) -> None:
        """Close the file; arrays that were read stay valid."""
        self._file.close()

    def __enter__(self) -> "Dataset":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _wrong(self, name: str, reason: str) -> DataFileError:
        return DataFileError(f"{self.path}, {name}: {reason}: {_ADVICE}")

    def _root(self) -> tuple[TaskSpec, int, str]:
        stated = hdf5.text(self._file, layout.ATTRIBUTE_FORMAT)
        if stated != layout.FORMAT:
            raise DataFileError(
                f"{self.path} is not a trendbench file: its format is {stated!r:.60}, "
                f"not '{layout.FORMAT}'"
            )
        text = hdf5.text(self._file, layout.ATTRIBUTE_SPEC)
        seed = hdf5.number(self._file, layout.ATTRIBUTE_SEED)
        version = hdf5.text(self._file, layout.ATTRIBUTE_VERSION)
        if text is None or seed is None or version is None:
            raise self._wrong("root attributes", "spec, seed or version is missing")
        if not 0 <= seed < SEED_LIMIT or not _VERSION.fullmatch(version):
            raise self._wrong("root attributes", "no such seed or version")
        try:
            return spec_from_json(text, str(self.path)), seed, version
        except SpecError as error:
            raise DataFileError(str(error)) from None

    def _checked(self, split: Split, column: layout.Column) -> h5py.Dataset:
        """The data set of a column, after looking at it but before following anything."""
        name = f"{split}/{column.path}"
        item: h5py.Group | h5py.Dataset | None = self._file
        try:
            for part in name.split("/"):
                item = hdf5.member(item, part) if isinstance(item, h5py.Group) else None
            if item is None:
                raise self._wrong(name, "missing")
            if not isinstance(item, h5py.Dataset):
                raise self._wrong(name, "not a data set")
            hdf5.must_be_sound(item, self._size)
        except hdf5.UnsafeError as error:
            raise self._wrong(name, str(error)) from None
        if item.dtype != np.dtype(column.dtype):
            raise self._wrong(name, f"type {item.dtype}, not {np.dtype(column.dtype)}")
        rows = column.rows if column.rows is not None else item.shape[0]
        if item.shape != (rows, *column.row):
            raise self._wrong(name, f"shape {item.shape}, not {(rows, *column.row)}")
        return item

    def _stated_hash(self, name: str) -> str:
        stated = hdf5.text(self._data[name], layout.ATTRIBUTE_HASH)
        if stated is None or not _SHA256.fullmatch(stated):
            raise self._wrong(name, "no SHA-256 beside it")
        return stated

    def _numbers(self, name: str, rows: slice = slice(None)) -> NDArray[Any]:
        try:
            return hdf5.read(self._data[name], rows)
        except (OSError, RuntimeError, hdf5.UnsafeError) as error:
            raise self._wrong(name, f"cannot be read ({error})") from None

    def _read(self, name: str) -> NDArray[Any]:
        array = self._numbers(name)
        if hashlib.sha256(array.data).hexdigest() != self.hashes[name]:
            raise self._wrong(name, "the content does not match its SHA-256")
        return array


def open_dataset(path: str | Path) -> Dataset:
    """Open a data file for reading; use as a context manager.

    Args:
        path: what ``trendbench make-data`` wrote.

    Returns:
        The open file: ``load(split)`` gives s1, s2, r as (n, H, W) uint8 with their germs.

    Raises:
        DataFileError: missing, foreign, damaged, or not laid out as ``trendbench/1`` says.
    """
    return Dataset(Path(path))
