"""Deflate and inflate single images, in zlib's format, by Intel's ISA-L."""

from isal import isal_zlib

_LEVEL = 1
_ERROR: type[Exception] = isal_zlib.error  # type: ignore[assignment]  # stubs call it an instance


class DeflateError(Exception):
    """A stream is not zlib's, fails its checksum, or has another length than it should."""


def deflate(content: bytes | memoryview) -> bytes:
    """Compress a C-contiguous buffer into one zlib stream."""
    return isal_zlib.compress(content, _LEVEL)


def inflate(stream: bytes, size: int) -> bytes:
    """Decompress a stream that must hold ``size`` bytes; never allocates much more than that.

    Raises:
        DeflateError: damaged, or of another length.
    """
    decompressor = isal_zlib.decompressobj()
    try:
        content = decompressor.decompress(stream, size + 1)
    except _ERROR as error:
        raise DeflateError(str(error)) from None
    if len(content) != size or not decompressor.eof:
        raise DeflateError(f"it holds {len(content)} bytes or more, not {size}")
    return content
