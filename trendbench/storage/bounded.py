"""Read what a stranger may have made: plain files of a known size, arrays of a known size.

Nothing is allocated, inflated or waited for on the word of a header.
"""

import os
import stat
import zipfile
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_HEADER = 1 << 14  # of a .npy; numpy itself takes no more than 10000 characters
_NPY = ".npy"


class ArrayError(Exception):
    """A .npy or .npz that is damaged, larger than it may be, or holds other than plain numbers."""


def read_file(path: Path, most: int) -> bytes:
    """The content of a plain file of at most ``most`` bytes; links, pipes, devices stay unopened.

    Raises:
        OSError: it is no plain file, it is larger, or as the file system reports it.
    """
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(None, "not a plain file", str(path))
    if status.st_size > most:
        raise OSError(None, f"larger than the {most} bytes it may have", str(path))
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(None, f"larger than the {most} bytes it may have", str(path))
    return content


def parse_npy(content: bytes) -> NDArray[Any]:
    """The array that the bytes of a .npy file hold, read-only.

    Raises:
        ArrayError: damaged, or objects in place of numbers.
    """
    stream = BytesIO(content)
    try:
        if np.lib.format.read_magic(stream) == (1, 0):
            shape, in_columns, dtype = np.lib.format.read_array_header_1_0(stream)
        else:
            shape, in_columns, dtype = np.lib.format.read_array_header_2_0(stream)
    except Exception as error:  # numpy hands the header to Python's own parser
        raise ArrayError(f"its header makes no sense: {error}") from None
    start = stream.tell()
    if dtype.kind not in "biuf" or min(shape, default=0) < 0:
        raise ArrayError(f"it holds {dtype!s:.60} of shape {shape!s:.60}, not plain numbers")
    if dtype.itemsize * prod(shape) != len(content) - start:
        raise ArrayError(f"it is cut short or too long for its shape {shape!s:.60}")
    flat = np.frombuffer(content, dtype, offset=start)
    return flat.reshape(shape, order="F" if in_columns else "C")


def parse_npz(content: bytes, most: int) -> dict[str, NDArray[Any]]:
    """The arrays that the bytes of a .npz file hold, at most ``most`` bytes of them in all.

    Raises:
        ArrayError: damaged, larger, or objects in place of numbers.
    """
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            members = [m for m in archive.infolist() if m.filename.endswith(_NPY)]
            if sum(member.file_size for member in members) > most:
                raise ArrayError(f"it says that it holds more than the {most} bytes it may hold")
            unpacked = {m.filename: _unpacked(archive, m) for m in members}
    except ArrayError:
        raise
    except Exception as error:  # zipfile and its decompressors raise a dozen kinds
        raise ArrayError(f"it is no sound archive: {error}") from None
    return {name.removesuffix(_NPY): parse_npy(npy) for name, npy in unpacked.items()}


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """A member's bytes, never more of them than it states."""
    with archive.open(member) as stream:
        content = stream.read(member.file_size + 1)
    if len(content) != member.file_size:
        raise ArrayError(f"{member.filename!r:.60} does not have the size that it states")
    return content


def npy_bytes(values: int, itemsize: int = 8) -> int:
    """The most bytes that a .npy of so many numbers takes, header included."""
    return values * itemsize + _HEADER
