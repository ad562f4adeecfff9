"""Look at an HDF5 file before following anything in it, and read it without HDF5's own filters.

A stranger's file can point at other files (external links, external storage, virtual data sets),
ask for filters that are loaded from elsewhere, declare far more than it holds, or hold a chunk
that inflates a thousandfold. Here links are looked at and never followed, and chunks are taken as
they lie and decoded within the size that they must have.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from math import prod
from pathlib import Path
from typing import IO, Any, TypeVar

import h5py
import numpy as np
from h5py import h5d, h5l, h5t, h5z
from numpy.typing import NDArray

from trendbench.machine import usable_cores
from trendbench.storage.deflate import DeflateError, inflate

Slices = tuple[slice, ...]
_Result = TypeVar("_Result")

_STOCK_FILTERS = {h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32}
_DEFLATE_LIMIT = 1032  # no zlib stream holds more bytes per byte than this
_SLACK = 1 << 16
_LARGEST_CHUNK = 1 << 22  # where the chunk is larger than the data, as for columns that may grow
_MOST_CHUNKS = 10_000  # besides one for each row
_LONGEST_TEXT = 1 << 16
_CHECKSUM_BYTES = 4
_WORTH_THREADS = 2
_RUN_BYTES = 1 << 21
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_SUPERBLOCK = 48  # bytes of it that matter here; no whole file is shorter
_END_OF_FILE = {b"\0": 40, b"\1": 44, b"\2": 28, b"\3": 28}  # where each version states it
_FLAGGED, _OPEN_FOR_WRITING = {b"\2", b"\3"}, 1
_PIECE = 1 << 24
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
    if data.shape is None or data.id.get_space().get_simple_extent_ndims() == 0:
        raise UnsafeError("no array")
    stored = data.id.get_storage_size()
    if stored > size:
        raise UnsafeError("more bytes stored than the file has")
    nbytes = prod(data.shape) * data.dtype.itemsize
    if nbytes > _DEFLATE_LIMIT * stored + _SLACK:
        raise UnsafeError("far fewer bytes stored than its shape needs")
    if data.chunks is None:
        return
    if prod(data.chunks) * data.dtype.itemsize > max(nbytes, _LARGEST_CHUNK):
        raise UnsafeError(f"chunks of {data.chunks}, far more than its shape needs")
    if _chunk_count(data) > len(data) + _MOST_CHUNKS:
        raise UnsafeError(f"cut into {_chunk_count(data)} chunks")


def read(
    data: h5py.Dataset,
    rows: slice = slice(None),
    seen: Callable[[memoryview], None] | None = None,
) -> NDArray[Any]:
    """The numbers of a sound data set, those of ``rows`` of its first axis.

    Chunks are decoded on every core, straight into the array that is returned.

    Args:
        data: the data set.
        rows: a contiguous range.
        seen: called with the bytes of all these rows, a run after another in their order, each as
            soon as it is there: a hash taken so costs no time beside the decoding.

    Raises:
        UnsafeError: a chunk that is damaged or holds more than it may.
        OSError, RuntimeError: as HDF5 reports it.
    """
    start, stop, _ = rows.indices(len(data))
    array = np.empty((max(stop - start, 0), *data.shape[1:]), dtype=data.dtype)
    if array.size == 0:
        return array
    if data.chunks is None:
        data.read_direct(array, np.s_[start:stop])
        if seen:
            seen(array.data)
        return array
    chunks = _Chunks(data)
    if len(chunks) < _chunk_count(data):
        array[...] = data.fillvalue

    def fill(run: tuple[int, int]) -> tuple[int, int]:
        for offset in _offsets(data, *run):
            chunk = chunks.at(offset)
            if chunk is not None:
                into, out_of = _overlap(offset, chunks.shape, (start, stop), array.shape[1:])
                array[into] = chunk[out_of]
        return run

    for low, high in _on_every_core(fill, list(_runs(data, start, stop))):
        if seen:
            seen(array[max(low - start, 0) : high - start].data)
    return array


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


def _runs(data: h5py.Dataset, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Rows ``start`` to ``stop`` in runs of whole chunks, each worth a thread's while."""
    step = data.chunks[0]
    row = prod(data.shape[1:]) * data.dtype.itemsize
    length = step * max(1, _RUN_BYTES // max(step * row, 1))
    for low in range(start - start % step, stop, length):
        yield low, min(low + length, stop)


def _offsets(data: h5py.Dataset, start: int, stop: int) -> Iterator[tuple[int, ...]]:
    """Where the chunks begin that hold rows ``start`` to ``stop``."""
    step = data.chunks[0]
    rows = range(start - start % step, stop, step)
    return product(
        rows, *(range(0, n, c) for n, c in zip(data.shape[1:], data.chunks[1:], strict=True))
    )


def _overlap(
    offset: Sequence[int], chunk: Sequence[int], rows: tuple[int, int], row: Sequence[int]
) -> tuple[Slices, Slices]:
    """Where a chunk's numbers go in the array of these rows, and which of them those are."""
    into, out_of = [], []
    windows = [rows, *((0, length) for length in row)]
    for begin, length, (low, high) in zip(offset, chunk, windows, strict=True):
        first, last = max(begin, low), min(begin + length, high)
        into.append(slice(first - low, last - low))
        out_of.append(slice(first - begin, last - begin))
    return tuple(into), tuple(out_of)


class _Chunks:
    """The chunks of a data set, as they lie in the file, decoded one by one."""

    def __init__(self, data: h5py.Dataset) -> None:
        self.shape: tuple[int, ...] = data.chunks
        self._id = data.id
        self._dtype = data.dtype
        self._nbytes = prod(self.shape) * self._dtype.itemsize
        self._most = self._nbytes + self._nbytes // 8 + _SLACK
        self._pipeline = _filters(data)
        self._sizes: dict[tuple[int, ...], int] = {}
        data.id.chunk_iter(self._note)

    def _note(self, info: Any) -> None:
        self._sizes[info.chunk_offset] = info.size

    def __len__(self) -> int:
        return len(self._sizes)

    def at(self, offset: tuple[int, ...]) -> NDArray[Any] | None:
        """The chunk that begins there; None where it was never written."""
        size = self._sizes.get(offset)
        if size is None:
            return None
        if size > self._most:
            raise UnsafeError(f"a chunk of {size} bytes that should hold {self._nbytes}")
        mask, content = self._id.read_direct_chunk(offset)
        try:
            decoded = self._decoded(content, mask)
        except DeflateError as error:
            raise UnsafeError(f"cannot be read ({error})") from None
        return np.frombuffer(decoded, dtype=self._dtype).reshape(self.shape)

    def _decoded(self, content: bytes, mask: int) -> bytes:
        """Bytes with the filters undone, last applied first; bit i of the mask skips one."""
        applied = [kind for i, kind in enumerate(self._pipeline) if not mask >> i & 1]
        while applied:
            kind = applied.pop()
            if kind == h5z.FILTER_DEFLATE:
                sums = applied.count(h5z.FILTER_FLETCHER32)
                content = inflate(content, self._nbytes + _CHECKSUM_BYTES * sums)
            elif kind == h5z.FILTER_FLETCHER32:
                content = _checked(content)
            else:
                content = _unshuffled(content, self._dtype.itemsize)
        if len(content) != self._nbytes:
            raise DeflateError(f"a chunk holds {len(content)} bytes, not {self._nbytes}")
        return content


def _unshuffled(content: bytes, itemsize: int) -> bytes:
    """Bytes that lie together by their place in a number, put back number by number."""
    whole = len(content) - len(content) % itemsize
    planes = np.frombuffer(content[:whole], dtype=np.uint8).reshape(itemsize, -1)
    return planes.T.tobytes() + content[whole:]


def _checked(content: bytes) -> bytes:
    """The bytes before a Fletcher-32 checksum: sums modulo 65535 of big-endian 16-bit words."""
    body, stated = content[:-_CHECKSUM_BYTES], content[-_CHECKSUM_BYTES:]
    words = np.frombuffer(body + b"\0" * (len(body) % 2), dtype=">u2").astype(np.uint64)
    ranks = np.arange(words.size, 0, -1, dtype=np.uint64) % 65535
    sums = int(words.sum()) % 65535, int((words * ranks % 65535).sum()) % 65535
    low, high = (int.from_bytes(stated[i : i + 2], "little") % 65535 for i in (0, 2))
    if sums != (low, high):
        raise DeflateError("a chunk does not match its checksum")
    return body


def _on_every_core(
    task: Callable[[tuple[int, int]], _Result], items: Sequence[tuple[int, int]]
) -> Iterator[_Result]:
    """The results in the order of the items; the first ones while others are at work."""
    if len(items) < _WORTH_THREADS:
        yield from map(task, items)
        return
    with ThreadPoolExecutor(usable_cores()) as pool:
        yield from pool.map(task, items)
