"""Write a data file from a stream of blocks, in constant memory and in one fixed order."""

import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from trendbench import __version__
from trendbench.data import layout
from trendbench.data.blocks import Block
from trendbench.process.images import IMAGES
from trendbench.process.seeds import SPLITS
from trendbench.spec import TaskSpec
from trendbench.storage.calls import reserve
from trendbench.storage.hdf5 import fixed_text

_MARGIN = 1 << 24  # more than HDF5 holds back until it closes a file
_LIBRARY = ("v110", "v110")  # metadata with checksums; read by every HDF5 since 1.10 (2016)
_IMAGE_OPTIONS: dict[str, Any] = {"compression": "gzip", "compression_opts": 1}
_ROW_OPTIONS: dict[str, Any] = {"maxshape": (None,), "chunks": (1 << 14,), "fletcher32": True}


class FileWriter:
    """Fill a new file at ``path`` block by block; use as a context manager.

    Image chunks go in ready deflated. The other columns carry a Fletcher-32 checksum; the zlib
    streams have one of their own. Nothing of the clock or the host enters the file.
    """

    def __init__(self, path: Path, spec: TaskSpec, seed: int) -> None:
        self._path, self._spec = path, spec
        self._reserve(0, _MARGIN)
        self._file = h5py.File(path, "w", libver=_LIBRARY, locking=False)
        self._reserve(0, _MARGIN)
        self._hashes: dict[str, hashlib._Hash] = {}
        self._file.attrs[layout.ATTRIBUTE_FORMAT] = fixed_text(layout.format_of(spec))
        self._file.attrs[layout.ATTRIBUTE_SPEC] = fixed_text(spec.to_json())
        self._file.attrs[layout.ATTRIBUTE_SEED] = np.uint64(seed)
        self._file.attrs[layout.ATTRIBUTE_VERSION] = fixed_text(__version__)
        for split in SPLITS:
            group = self._file.create_group(split)
            for column in layout.columns(spec, split):
                self._create(group, column)
            if spec.stored:
                self._extend(group[layout.LATENTS][layout.OFFSETS], np.zeros(1, dtype="<i8"))
            for name, values in spec.of_split(split).ends_of(spec.sizes[split]).items():
                self._extend(group[name], values)

    def _create(self, group: h5py.Group, column: layout.Column) -> None:
        if column.row and column.rows:
            shape: tuple[int, ...] = (column.rows, *column.row)
            options = {**_IMAGE_OPTIONS, "chunks": (1, *column.row)}
        elif column.row:
            shape, options = (0, *column.row), {}
        else:
            shape, options = (0,), _ROW_OPTIONS
        data = group.create_dataset(column.path, shape=shape, dtype=column.dtype, **options)
        self._hashes[data.name] = hashlib.sha256()

    def add(self, block: Block) -> None:
        """Append the next block of file order.

        Raises:
            OSError: no room for it; nothing of it has been written then.
        """
        written = self._file.id.get_filesize()
        offsets, columns = self._spec.packed(block.latents) if self._spec.stored else (None, {})
        size = sum(map(len, block.deflated)) + sum(values.nbytes for values in columns.values())
        self._reserve(written, 2 * size + _MARGIN)
        group = self._file[block.span.split]
        streams = iter(block.deflated)
        for name, series in zip(IMAGES, block.images, strict=True):
            data = group[name]
            for i in range(block.span.start, block.span.stop):
                data.id.write_direct_chunk((i, 0, 0), next(streams))
            self._hashes[data.name].update(series.data)
        if offsets is not None:
            latents = group[layout.LATENTS]
            so_far = latents[next(iter(columns))].shape[0]
            self._extend(latents[layout.OFFSETS], offsets[1:] + so_far)
            for column, values in columns.items():
                self._extend(latents[column], values)

    def _reserve(self, start: int, length: int) -> None:
        """Set disk space aside.

        HDF5 does not survive a full disk: it fails again on closing, and may crash on exit. So it
        never meets one; the margin covers what it writes on closing.
        """
        with self._path.open("r+b") as file:
            reserve(file.fileno(), start, length)

    def _extend(self, data: h5py.Dataset, rows: NDArray[np.generic]) -> None:
        rows = np.ascontiguousarray(rows, dtype=data.dtype)
        start = data.shape[0]
        data.resize(start + rows.size, axis=0)
        data[start:] = rows
        self._hashes[data.name].update(rows.data)

    def __enter__(self) -> "FileWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            for name, content in self._hashes.items():
                self._file[name].attrs[layout.ATTRIBUTE_HASH] = fixed_text(content.hexdigest())
        self._file.flush()
        size = self._file.id.get_filesize()
        self._file.close()
        os.truncate(self._path, size)  # gives back what was reserved and not needed
