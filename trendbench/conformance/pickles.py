"""Whether a file holds a pickle, told without loading it."""

import zipfile
from pathlib import Path

_SUFFIXES = {".pkl", ".pickle", ".joblib"}
_PROTO = 0x80  # opcode that every pickle since protocol 2 begins with
_PROTOCOLS = range(2, 6)
_HEAD = 512


def pickled(path: Path) -> bool:
    """Whether the file is a pickle, holds one (as .pt does), or an array of objects."""
    if path.is_symlink():
        return False
    if path.suffix.lower() in _SUFFIXES:
        return True
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                with archive.open(member) as file:
                    if member.filename.endswith(".pkl") or _is_pickle(file.read(_HEAD)):
                        return True
        return False
    return _is_pickle(head)


def _is_pickle(head: bytes) -> bool:
    if head.startswith(b"\x93NUMPY"):
        return b"'|O'" in head
    return len(head) > 1 and head[0] == _PROTO and head[1] in _PROTOCOLS
