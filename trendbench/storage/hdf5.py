"""Look at an HDF5 file before following anything in it, and at its chunks before HDF5 does.

A third party's file can point at other files (external links, external storage, virtual data
sets), ask for filters that are loaded from elsewhere, declare far more than it holds, or hold a
chunk that inflates a thousandfold, or to less than its shape needs. Links are looked at and never
followed. h5py reads chunks that were found to hold exactly the bytes that they should.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from math import prod
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np
from h5py import h5d, h5l, h5t, h5z
from numpy.typing import NDArray

from trendbench.machine import usable_cores
from trendbench.storage.bounded import DEFLATE_LIMIT
from trendbench.storage.deflate import DeflateError, inflate

_STOCK_FILTERS = {h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32}
_SHUFFLED_LAST = [h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE]
_SLACK = 1 << 16
_LARGEST_CHUNK = 1 << 22  # where the chunk is larger than the data, as for columns that may grow
_MOST_CHUNKS = 10_000  # besides one for each row
_LONGEST_TEXT = 1 << 16
_CHECKSUM_BYTES = 4
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_SUPERBLOCK = 48  # bytes of it that matter here; no whole file is shorter
_END_OF_FILE = {b"\0": 40, b"\1": 44, b"\2": 28, b"\3": 28}  # where each version states it
_FLAGGED, _OPEN_FOR_WRITING = {b"\2", b"\3"}, 1
_PIECE = 1 << 24
New = Callable[[tuple[int, ...], np.dtype[Any]], NDArray[Any]]
_HEAP = b"GCOL\x01\0\0\0"
_MOST_TEXTS = 100_000


class UnsafeError(Exception):
    """Something in a file that is not followed, not read, or not what it says."""


class CutShortError(UnsafeError):
    """A file that ends before its end."""


def opened(path: Path) -> h5py.File:
    """The file at ``path``, for reading.

    HDF5 shares what one process opens twice, and refuses where the two ask for other locks. Files
    are opened by HDF5's ``stdio`` driver here, so that nobody's ``h5py.File(path)`` is in the way
    of ours, nor ours in theirs. Nothing is locked: files are whole when they get their name.

    Raises:
        OSError: the system cannot read it, or another program has it open for writing.
        UnsafeError: no HDF5 file, cut short, or damaged so that HDF5 would not open it or would
            not come back from reading its texts.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(None, "not a plain file", str(path))
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(_SUPERBLOCK)
        _must_come_back(file, size)
        try:
            return h5py.File(path, "r", driver="stdio", locking=False)
        except OSError:
            os.close(os.dup(file.fileno()))  # raises where too many files are open
            raise _why_not(head, size, path) from None


def _why_not(head: bytes, size: int, path: Path) -> OSError | UnsafeError:
    """Why HDF5 does not open a file, from its superblock: signature, version, flags, end of file.

    Source: HDF5 File Format Specification 3.0, section II.A.
    """
    version = head[8:9]
    if not head.startswith(_SIGNATURE):
        return UnsafeError("is not an HDF5 file")
    at = _END_OF_FILE.get(version, size)
    end = int.from_bytes(head[at : at + 8], "little")
    if version in _FLAGGED and head[11] & _OPEN_FOR_WRITING:
        return OSError(
            errno.ETXTBSY,
            "it is open for writing, here or in another program, or was when that was killed: "
            f"close it there; where none is left, h5clear -s {path.name} or a new copy mends it",
            str(path),
        )
    if size < max(end, _SUPERBLOCK):
        return CutShortError(f"is cut short: {size} of {max(end, _SUPERBLOCK)} bytes are there")
    return UnsafeError(
        f"cannot be opened by HDF5 {h5py.version.hdf5_version}: its first bytes are damaged, or a "
        "later HDF5 wrote it"
    )


def fixed_text(text: str) -> np.bytes_:
    """A text as an attribute of fixed length: it lies in a header that has a checksum.

    Texts of variable length, h5py's default, lie in a heap that has none.
    """
    return np.bytes_(text.encode("utf-8"))


def _must_come_back(file: IO[bytes], size: int) -> None:
    """Walk the heaps in which HDF5 keeps texts of variable length.

    A heap is ``GCOL``, version 1, three zeros, its size, then objects: number, references, four
    zeros, size, and the bytes padded to eights; number 0 is the free rest. HDF5 walks them without
    looking, and one of size 0 keeps it there for ever.
    """
    objects = 0
    for at in _heaps(file):
        end = at + int.from_bytes(_bytes(file, at + 8, 8), "little")
        here = at + 16
        if end > size:
            raise UnsafeError("is damaged: a heap of texts is cut short")
        while here + 16 <= end:
            head = _bytes(file, here, 16)
            number, length = (int.from_bytes(part, "little") for part in (head[:2], head[8:]))
            taken = 16 + length + -length % 8 if number else end - here
            objects += 1
            wrong = length != taken if number == 0 else here + taken > end
            if wrong or objects > _MOST_TEXTS:
                raise UnsafeError("is damaged: a heap of texts makes no sense")
            here += taken


def _heaps(file: IO[bytes]) -> Iterator[int]:
    """Where heaps begin; read piece by piece, as not every file system maps files to memory."""
    start = 0
    while content := _bytes(file, start, _PIECE + len(_HEAP) - 1):
        at = content.find(_HEAP)
        while at >= 0:
            yield start + at
            at = content.find(_HEAP, at + 1)
        start += _PIECE


def _bytes(file: IO[bytes], at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)


def member(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset | None:
    """What a group itself holds under ``name``; None where it holds nothing.

    Raises:
        UnsafeError: it is a link to elsewhere, or neither group nor data set.
    """
    encoded = name.encode()
    if not group.id.links.exists(encoded):
        return None
    if group.id.links.get_info(encoded).type != h5l.TYPE_HARD:
        raise UnsafeError("a link in place of the data, which is not followed")
    item = group[name]
    if not isinstance(item, h5py.Group | h5py.Dataset):
        raise UnsafeError("neither a group nor a data set")
    return item


def must_be_sound(data: h5py.Dataset, size: int) -> None:
    """Refuse a data set whose numbers are not plain, not in this file, or not there.

    Args:
        data: looked at, not read.
        size: of the file [bytes].

    Raises:
        UnsafeError: with the reason.
    """
    properties = data.id.get_create_plist()
    if properties.get_layout() == h5d.VIRTUAL or properties.get_external_count():
        raise UnsafeError("stored outside the file, which is not followed")
    kind = data.id.get_type()
    plain = kind.get_class() in (h5t.INTEGER, h5t.FLOAT)
    if not plain or not kind.equal(h5t.py_create(kind.dtype)):
        raise UnsafeError("of a type other than plain integers or floats")
    filters = _filters(data)
    if not set(filters) <= _STOCK_FILTERS or len(set(filters)) < len(filters):
        raise UnsafeError("a filter other than gzip, shuffle and fletcher32")
    if [kind for kind in filters if kind != h5z.FILTER_FLETCHER32] == _SHUFFLED_LAST:
        raise UnsafeError("shuffle after gzip, which no program has a use for")
    if data.shape is None or data.id.get_space().get_simple_extent_ndims() == 0:
        raise UnsafeError("no array")
    stored = data.id.get_storage_size()
    if stored > size:
        raise UnsafeError("more bytes stored than the file has")
    nbytes = prod(data.shape) * data.dtype.itemsize
    if nbytes > DEFLATE_LIMIT * stored + _SLACK:
        raise UnsafeError("far fewer bytes stored than its shape needs")
    if data.chunks is None:
        return
    if prod(data.chunks) * data.dtype.itemsize > max(nbytes, _LARGEST_CHUNK):
        raise UnsafeError(f"chunks of {data.chunks}, far more than its shape needs")
    if _chunk_count(data) > len(data) + _MOST_CHUNKS:
        raise UnsafeError(f"cut into {_chunk_count(data)} chunks")


def read(data: h5py.Dataset, rows: slice = slice(None), *, new: New = np.empty) -> NDArray[Any]:
    """The numbers of a sound data set, those of ``rows`` of its first axis.

    Chunks that are one row each, with gzip at most, are images: what ``_whole`` inflates is kept.
    All others h5py reads, once ``_whole`` has found them so.

    Args:
        data: the data set.
        rows: a contiguous range.
        new: makes the array of a shape and type that they are read into.

    Raises:
        UnsafeError: a chunk that holds more or fewer bytes than its shape needs.
        OSError, RuntimeError: as HDF5 reports it.
    """
    start, stop, _ = rows.indices(len(data))
    shape = (max(stop - start, 0), *data.shape[1:])
    numbers = new(shape, data.dtype)
    kinds, offsets = _filters(data), list[tuple[int, ...]]()
    by_row = data.chunks == (1, *data.shape[1:]) and set(kinds) <= {h5z.FILTER_DEFLATE}

    def note(chunk: Any) -> None:
        if start - data.chunks[0] < chunk.chunk_offset[0] < stop:
            offsets.append(chunk.chunk_offset)

    def take(share: list[tuple[int, ...]]) -> None:
        for offset in share:
            content = _whole(data, kinds, offset)
            if by_row:
                row = np.frombuffer(content, data.dtype)
                numbers[offset[0] - start] = row.reshape(data.shape[1:])

    if by_row and data.id.get_num_chunks() == len(data):  # no pass over all for a few
        offsets = [(row, *(0 for _ in data.shape[1:])) for row in range(start, stop)]
    elif data.chunks is not None:
        data.id.chunk_iter(note)
    if offsets:
        n = usable_cores()
        with ThreadPoolExecutor(n) as pool:
            list(pool.map(take, [offsets[i::n] for i in range(n)]))
    if numbers.size and not (by_row and len(offsets) == len(numbers)):
        data.read_direct(numbers, np.s_[start:stop])
    return numbers


def _whole(data: h5py.Dataset, kinds: list[int], offset: tuple[int, ...]) -> bytes:
    """The bytes of a chunk, gzip undone, if they are as many as they should be.

    HDF5 does not compare: it allocates whatever a chunk inflates to, and reads beyond the end of
    one that inflates to less, which ends the process by SIGSEGV (HDF5 2.0.0).
    """
    mask, content = data.id.read_direct_chunk(offset)
    applied = [kind for i, kind in enumerate(kinds) if not mask >> i & 1]
    if applied and applied[-1] == h5z.FILTER_FLETCHER32:
        applied.pop()
        content = content[:-_CHECKSUM_BYTES]
    sums = applied.count(h5z.FILTER_FLETCHER32)
    size = prod(data.chunks) * data.dtype.itemsize + _CHECKSUM_BYTES * sums
    try:
        if h5z.FILTER_DEFLATE in applied:
            content = inflate(content, size)
    except DeflateError as error:
        raise UnsafeError(f"cannot be read ({error})") from None
    if len(content) != size:
        raise UnsafeError(f"a chunk holds {len(content)} bytes, not {size}")
    return bytes(content)


def text(holder: h5py.Group | h5py.Dataset, name: str) -> str | None:
    """A text attribute, or None where there is none.

    Raises:
        UnsafeError: it is no text, or a very long one.
    """
    value = _attribute(holder, name, h5t.STRING)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return None if value is None else str(value)


def number(holder: h5py.Group | h5py.Dataset, name: str) -> int | None:
    """An integer attribute, or None where there is none.

    Raises:
        UnsafeError: it is no integer.
    """
    value = _attribute(holder, name, h5t.INTEGER)
    return None if value is None else int(value)


def _attribute(holder: h5py.Group | h5py.Dataset, name: str, kind: int) -> Any:
    if not h5py.h5a.exists(holder.id, name.encode()):
        return None
    attribute = h5py.h5a.open(holder.id, name.encode())
    if attribute.get_type().get_class() != kind or attribute.get_space().shape != ():
        raise UnsafeError(f"its attribute {name} is of another type than it should be")
    if attribute.get_storage_size() > _LONGEST_TEXT:
        raise UnsafeError(f"its attribute {name} is too long")
    return holder.attrs[name]


def _filters(data: h5py.Dataset) -> list[int]:
    properties = data.id.get_create_plist()
    return [properties.get_filter(i)[0] for i in range(properties.get_nfilters())]


def _chunk_count(data: h5py.Dataset) -> int:
    return prod(-(-length // step) for length, step in zip(data.shape, data.chunks, strict=True))
