"""Read a data file, trusting nothing in it that has not been checked."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray

from trendbench.data import layout
from trendbench.data.deflate import DeflateError, inflate
from trendbench.errors import DataFileError, SpecError
from trendbench.machine import usable_cores
from trendbench.process.germs import Germs
from trendbench.process.seeds import SPLITS, Split
from trendbench.rendering.triplets import IMAGES, Triplets
from trendbench.spec import TaskSpec, spec_from_json

_DEFLATE = h5py.h5z.FILTER_DEFLATE
_STOCK_FILTERS = {_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
_DEFLATE_LIMIT = 1032  # no zlib stream holds more bytes per byte than this
_ADVICE = "make it again with trendbench make-data --overwrite"
_Result = TypeVar("_Result")


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
            self._file = h5py.File(path, "r")
        except OSError as error:
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
            self.hashes = {name: self._stated_hash(data) for name, data in self._data.items()}
        except (OSError, KeyError, RuntimeError, ValueError, TypeError) as error:
            self._file.close()
            raise DataFileError(f"{path} is damaged ({error}): {_ADVICE}") from None
        except DataFileError:
            self._file.close()
            raise

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
        return Germs(offsets, *columns)

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
        try:
            s1, s2, r = (self._data[f"{split}/{name}"][rows] for name in IMAGES)
        except (OSError, RuntimeError) as error:
            raise self._wrong(split, f"cannot be read ({error})") from None
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
        attributes = self._file.attrs
        stated = attributes.get(layout.ATTRIBUTE_FORMAT)
        if stated != layout.FORMAT:
            raise DataFileError(
                f"{self.path} is not a trendbench file: its format is {stated!r:.60}, "
                f"not '{layout.FORMAT}'"
            )
        missing = [name for name in layout.ROOT_ATTRIBUTES if name not in attributes]
        if missing:
            raise self._wrong("root attributes", f"{missing[0]} is missing")
        try:
            spec = spec_from_json(str(attributes[layout.ATTRIBUTE_SPEC]), str(self.path))
        except SpecError as error:
            raise DataFileError(str(error)) from None
        seed, version = attributes[layout.ATTRIBUTE_SEED], attributes[layout.ATTRIBUTE_VERSION]
        return spec, int(seed), str(version)

    def _checked(self, split: Split, column: layout.Column) -> h5py.Dataset:
        """The data set of a column, after looking at it but before following anything."""
        name = f"{split}/{column.path}"
        item: Any = self._file
        for part in name.split("/"):
            if not isinstance(item, h5py.Group) or part not in item:
                raise self._wrong(name, "missing")
            if not isinstance(item.get(part, getlink=True), h5py.HardLink):
                raise self._wrong(name, "a link in place of the data, which is not followed")
            item = item[part]
        if not isinstance(item, h5py.Dataset):
            raise self._wrong(name, "not a data set")
        if item.is_virtual or item.external:
            raise self._wrong(name, "stored outside the file, which is not followed")
        if item.dtype != np.dtype(column.dtype):
            raise self._wrong(name, f"type {item.dtype}, not {np.dtype(column.dtype)}")
        rows = column.rows if column.rows is not None else (item.shape or (0,))[0]
        if item.shape != (rows, *column.row):
            raise self._wrong(name, f"shape {item.shape}, not {(rows, *column.row)}")
        if not set(_filters(item)) <= _STOCK_FILTERS:
            raise self._wrong(name, "a filter other than gzip, shuffle and fletcher32")
        if item.nbytes > _DEFLATE_LIMIT * item.id.get_storage_size() + (1 << 16):
            raise self._wrong(name, "far fewer bytes stored than its shape needs")
        return item

    def _stated_hash(self, data: h5py.Dataset) -> str:
        return str(data.attrs.get(layout.ATTRIBUTE_HASH, ""))

    def _read(self, name: str) -> NDArray[Any]:
        data = self._data[name]
        try:
            if data.ndim == 3 and len(data) and _filters(data) == [_DEFLATE]:
                array = self._inflate(data)
            else:
                array = np.ascontiguousarray(data[...])
        except (OSError, RuntimeError, DeflateError) as error:
            raise self._wrong(name, f"cannot be read ({error})") from None
        if hashlib.sha256(array.data).hexdigest() != self.hashes[name]:
            raise self._wrong(name, "the content does not match its SHA-256")
        return array

    def _inflate(self, data: h5py.Dataset) -> NDArray[Any]:
        """Read image chunks as they lie in the file and inflate them on every core."""
        array = np.empty(data.shape, dtype=data.dtype)
        if data.chunks != (1, *data.shape[1:]):
            data.read_direct(array)
            return array

        def fill(i: int) -> None:
            _, stream = data.id.read_direct_chunk((i, 0, 0))
            content = inflate(stream, array[i].nbytes)
            array[i] = np.frombuffer(content, dtype=data.dtype).reshape(array[i].shape)

        _on_every_core(fill, range(len(array)))
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


def _filters(data: h5py.Dataset) -> list[int]:
    properties = data.id.get_create_plist()
    return [properties.get_filter(i)[0] for i in range(properties.get_nfilters())]


def _on_every_core(task: Callable[[int], _Result], items: Sequence[int]) -> Iterable[_Result]:
    with ThreadPoolExecutor(usable_cores()) as pool:
        return list(pool.map(task, items))
