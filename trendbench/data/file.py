"""The HDF5 file of a data set: nothing in it is trusted that has not been checked."""

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from trendbench.data import layout
from trendbench.errors import DataFileError, SpecError, nearest, no_data_file
from trendbench.process.seeds import SEED_LIMIT, SPLITS, Split
from trendbench.spec import TaskSpec, spec_from_json
from trendbench.storage import hdf5

_VERSION = re.compile(r"[0-9A-Za-z.+!-]{1,64}")
_PIECE = 1 << 24
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DAMAGED = "copy the file again, or make it again with trendbench make-data --overwrite"


class DataFile:
    """The data file at ``path``: its task, and its columns by name.

    Args:
        path: what ``make-data`` wrote.

    Attributes:
        path: where it lies.
        spec: its task, split sizes included.
        seed: what it was simulated from.
        version: the trendbench that wrote it.
        hashes: SHA-256 of each column's bytes, by path, as the file states them.

    Raises:
        DataFileError: missing, foreign, damaged, or not laid out as ``trendbench/1`` says.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = hdf5.opened(path)
            self._size = path.stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            raise no_data_file(path) from None
        except OSError as error:
            what = f"{path} cannot be read" if error.errno else f"no data file at {path}"
            raise DataFileError(f"{what}: {error.strerror or error}") from None
        except hdf5.CutShortError as error:
            advice = f"wait where it is still being written, else {_DAMAGED}"
            raise DataFileError(f"{path} {error}: {advice}") from None
        except hdf5.UnsafeError as error:
            raise DataFileError(f"{path} {error}") from None
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
        except MemoryError:
            self._file.close()
            raise
        except Exception as error:  # HDF5 finds damage in many ways, and h5py names it in many
            self._file.close()
            raise self._unreadable(path.name, error) from None

    def numbers(
        self, name: str, rows: slice = slice(None), *, new: hdf5.New = np.empty
    ) -> NDArray[Any]:
        """Rows of the column at this path, e.g. ``train/germs/x``; held against no hash.

        Args:
            name: of the column.
            rows: a contiguous range.
            new: makes the array of a shape and type that they are read into.

        Raises:
            DataFileError: there is no such column, or it cannot be read.
        """
        self._must_hold(name)
        if not self._file:
            raise DataFileError(f"{self.path} is closed: open it again with open_dataset")
        try:
            return hdf5.read(self._data[name], rows, new=new)
        except hdf5.UnsafeError as error:
            raise self.wrong(name, f"cannot be read ({error})") from None
        except (OSError, RuntimeError) as error:
            raise self._unreadable(name, error, f": {_DAMAGED}") from None

    def close(self) -> None:
        """Close the file; arrays that were read stay valid."""
        self._file.close()

    def wrong(self, name: str, reason: str) -> DataFileError:
        """For bytes that were read and are not those that were written: make the file again."""
        return DataFileError(f"{self.path}, {name}: {reason}: {_DAMAGED}")

    def _must_hold(self, name: str) -> None:
        """Refuse the name of a column that there is not.

        Raises:
            DataFileError: with the split or the column that may be meant.
        """
        if name not in self.hashes:
            split, _, column = str(name).partition("/")
            what, wrong, known = "split", split, [str(split) for split in SPLITS]
            if split in SPLITS:
                own = (other.partition("/") for other in self.hashes)
                what, wrong = f"column in '{split}'", column
                known = [name for first, _, name in own if first == split]
            near = nearest(wrong, known)
            hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(known)}"
            raise DataFileError(f"no {what} is called '{wrong:.60}': {hint}")

    def _foreign(self, name: str, reason: str) -> DataFileError:
        """For a sound file that another program wrote or rewrote."""
        return DataFileError(f"{self.path}, {name}: {reason}: make-data writes no such file")

    def _unreadable(self, name: str, error: Exception, advice: str = "") -> DataFileError:
        """What HDF5 cannot read: the system's reason where it has one, as HDF5 does not pass it on.

        Where the system reads every byte, nobody knows whether the file is damaged.
        """
        try:
            with self.path.open("rb") as file:
                while file.read(_PIECE):
                    pass
        except OSError as cause:
            return DataFileError(f"{self.path} cannot be read: {cause.strerror or cause}")
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return DataFileError(f"{self.path}, {name}: HDF5 cannot read it ({reason}){advice}")

    def _root(self) -> tuple[TaskSpec, int, str]:
        stated = hdf5.text(self._file, layout.ATTRIBUTE_FORMAT)
        if stated not in layout.FORMATS:
            later = (stated or "").startswith(layout.FORMATS[0].rstrip("1"))
            raise DataFileError(
                f"{self.path} is not a trendbench file: its format is {stated!r:.60}, "
                f"not {' or '.join(map(repr, layout.FORMATS))}"
                + (", and a later trendbench reads it: pip install -U trendbench" if later else "")
            )
        text = hdf5.text(self._file, layout.ATTRIBUTE_SPEC)
        seed = hdf5.number(self._file, layout.ATTRIBUTE_SEED)
        version = hdf5.text(self._file, layout.ATTRIBUTE_VERSION)
        if text is None or seed is None or version is None:
            raise self._foreign("root attributes", "spec, seed or version is missing")
        if not 0 <= seed < SEED_LIMIT or not _VERSION.fullmatch(version):
            raise self._foreign("root attributes", "no such seed or version")
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
                raise self._foreign(name, "missing")
            if not isinstance(item, h5py.Dataset):
                raise self._foreign(name, "not a data set")
            hdf5.must_be_sound(item, self._size)
        except hdf5.UnsafeError as error:
            raise self._foreign(name, str(error)) from None
        if item.dtype != np.dtype(column.dtype):
            raise self._foreign(name, f"type {item.dtype}, not {np.dtype(column.dtype)}")
        rows = column.rows if column.rows is not None else item.shape[0]
        if item.shape != (rows, *column.row):
            raise self._foreign(name, f"shape {item.shape}, not {(rows, *column.row)}")
        return item

    def _stated_hash(self, name: str) -> str:
        stated = hdf5.text(self._data[name], layout.ATTRIBUTE_HASH)
        if stated is None or not _SHA256.fullmatch(stated):
            raise self._foreign(name, "no SHA-256 beside it")
        return stated
