"""Read what a third party may have made: plain files, texts and arrays of a known size.

Nothing is allocated, inflated or waited for on the word of a header.
"""

import codecs
import os
import stat
import tomllib
import zipfile
from collections.abc import Callable
from functools import lru_cache, partial
from io import BytesIO
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from trendbench.errors import TrendbenchError
from trendbench.storage.scratch import pieces, scratch

Check = Callable[[str, tuple[int, ...], np.dtype[Any]], None]  # an array's name, shape, type

_HEADER = 1 << 14  # of a .npy; numpy itself takes no more than 10000 characters
_NPY = ".npy"
DEFLATE_LIMIT = 1032  # no zlib stream holds more bytes per byte than this
_LONGEST_TOML = 1 << 20
LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})  # what file managers leave behind
_MOST_DOTS = 200  # in a line; the parser's work grows with the square of a key's parts


class ArrayError(Exception):
    """A .npy or .npz that is damaged, or holds other than plain numbers."""


def read_file(path: Path, most: int, *, typed: bool = False) -> bytes:
    """The content of a plain file of at most ``most`` bytes; links, pipes, devices stay unopened.

    Args:
        path: of the file.
        most: bytes that it may have.
        typed: whether the user named this very path, which may then be a link to a plain file.

    Raises:
        OSError: it is no plain file, it is larger, or as the file system reports it.
    """
    with _plain(path, typed) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(None, f"larger than the {most} bytes it may have", str(path))
    return content


def read_npy(path: Path, check: Check) -> NDArray[Any]:
    """The array in the .npy file that the user named; read if ``check`` lets its header pass.

    Raises:
        OSError: as ``read_file``.
        ArrayError: damaged, or not numbers.
    """
    with _plain(path, typed=True) as file:
        return _array(file, os.fstat(file.fileno()).st_size, partial(check, ""))


def read_npz(content: bytes, check: Check, most: int) -> dict[str, NDArray[Any]]:
    """The arrays that the bytes of a .npz hold, each unpacked if ``check`` lets its header pass.

    Raises:
        ArrayError: damaged, not numbers, or more than ``most`` arrays.
    """
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            members = [m for m in kept_members(archive) if m.filename.endswith(_NPY)]
            if len(members) > most:
                raise ArrayError(f"it holds {len(members)} arrays, and {most} at most is needed")
            found = {}
            for member in members:
                name = member.filename.removesuffix(_NPY)
                stored = min(member.compress_size, len(content))
                if member.file_size > DEFLATE_LIMIT * stored + _HEADER:
                    raise ArrayError("far fewer bytes are stored than it says to hold")
                with archive.open(member) as stream:
                    found[name] = _array(stream, member.file_size, partial(check, name))
            return found
    except (ArrayError, TrendbenchError):
        raise
    except Exception as error:  # zipfile and its decompressors raise a dozen kinds
        raise ArrayError(f"it is no sound archive: {error}") from None


def kept_members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """An archive's members without what file managers add, as a Mac adds ``__MACOSX/``."""

    def is_litter(name: str) -> bool:
        return name.startswith(("__MACOSX/", "._")) or name in LITTER

    return [member for member in archive.infolist() if not is_litter(member.filename)]


def decoded(content: bytes) -> str:
    """A text in UTF-8, with or without the byte-order mark that Windows programs begin it with.

    Lines that end as on old Macs, in a carriage return alone, end in a newline here.

    Raises:
        ValueError: it is in another encoding.
    """
    if content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise ValueError("it is UTF-32: save it as UTF-8")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError("it is UTF-16: save it as UTF-8")
    if b"\0" in content:
        wide = "UTF-32" if content[:4].count(0) == 3 else "UTF-16"
        raise ValueError(f"it holds NUL bytes, as {wide} without its mark does: save it as UTF-8")
    try:
        text = content.decode("utf-8").lstrip("\ufeff")
        return text if "\n" in text else text.replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} is not UTF-8: save the file as UTF-8") from None


def toml_problem(error: OSError | ValueError) -> str:
    """Why ``read_toml`` failed, as a message goes on after the path."""
    if isinstance(error, OSError):
        return f"cannot be read ({error.strerror})"
    return f"is not a readable TOML file ({error})"


def read_toml(path: Path) -> dict[str, Any]:
    """The table that a TOML file holds which the user named.

    Raises:
        OSError: as ``read_file``.
        ValueError: it is no TOML in UTF-8, or nested deeper than any of ours.
    """
    return parse_toml(decoded(read_file(path, _LONGEST_TOML, typed=True)))


def parse_toml(text: str) -> dict[str, Any]:
    """The table that a TOML text holds.

    Raises:
        ValueError: it is no TOML, or nested deeper than any of ours.
    """
    if len(text) > _LONGEST_TOML or any(line.count(".") > _MOST_DOTS for line in text.split("\n")):
        raise ValueError("larger or nested deeper than any such file has to be")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _plain(path: Path, typed: bool = False) -> IO[bytes]:
    """A plain file, open for reading; where the user typed its path, links to it are followed."""
    if typed:
        path = Path(os.path.realpath(path))
    kind = path.lstat().st_mode
    if stat.S_ISLNK(kind):
        hint = f"a link, and links are not followed here: cp -L {path} copies what it points to"
        raise OSError(None, hint, str(path))
    if not stat.S_ISREG(kind):
        raise OSError(None, "not a plain file", str(path))
    return open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")


def _array(
    stream: IO[bytes], size: int, check: Callable[[tuple[int, ...], np.dtype[Any]], None]
) -> NDArray[Any]:
    """The array in a .npy stream of ``size`` bytes."""
    head = stream.read(min(size, _HEADER))
    shape, in_columns, dtype, start = _header(head)
    check(shape, dtype)
    nbytes = dtype.itemsize * prod(shape)
    if dtype.kind not in "biuf" or min(shape, default=0) < 0:
        raise ArrayError(f"it holds {dtype!s:.60} of shape {shape!s:.60}, not plain numbers")
    if start + nbytes != size:
        raise ArrayError(f"it is cut short or too long for its shape {shape!s:.60}")
    content = np.empty(nbytes, np.uint8) if in_columns else scratch((nbytes,), np.uint8)
    _fill(content, head[start:], stream)
    return content.view(dtype).reshape(shape, order="F" if in_columns else "C")


def _fill(content: NDArray[np.uint8], head: bytes, stream: IO[bytes]) -> None:
    """Put bytes that were read and those that come next in an array.

    Raises:
        ArrayError: the stream ends before.
    """
    known = min(len(head), content.size)
    content[:known] = np.frombuffer(head, np.uint8, count=known)
    rest = content[known:]
    for part in pieces(rest):
        read = stream.read(len(rest[part]))
        if len(read) != len(rest[part]):
            raise ArrayError("it is cut short")
        rest[part] = np.frombuffer(read, np.uint8)


def _header(head: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, whether column by column, type, and where the numbers begin."""
    length = 10 if head[6:7] == b"\1" else 12  # the format's own fields, then the text's length
    return _parsed(head[: length + int.from_bytes(head[8:length], "little")])


@lru_cache(maxsize=256)
def _parsed(head: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """As ``_header``; the arrays of a record, and of most records, have one header."""
    stream = BytesIO(head)
    try:
        if np.lib.format.read_magic(stream) == (1, 0):
            fields = np.lib.format.read_array_header_1_0(stream)
        else:
            fields = np.lib.format.read_array_header_2_0(stream)
    except Exception as error:  # numpy hands the header to Python's own parser
        raise ArrayError(f"its header makes no sense: {error}") from None
    return *fields, stream.tell()
