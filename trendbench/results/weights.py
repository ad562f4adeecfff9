"""Weights that travel with a record: small ones, so that anyone can draw with them."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trendbench.errors import ResultError
from trendbench.results import attachments
from trendbench.results.record import RunRecord
from trendbench.results.store import StoredRecord

LARGEST = 2_000_000  # bytes in all
CARD = "README.md"  # the model card, which is made from the record and so no part of it
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MOST_FILES = 8
_ENDS = (".safetensors", ".json", ".npz", ".txt")


def portable(folder: Path) -> dict[str, bytes]:
    """What a generator saved, by file name, if it can travel with its record; else nothing.

    It can if it is a few files of at most ``LARGEST`` bytes in all, in no folder of their own, of
    kinds that run nothing when they are read, and under names that mean nothing else to a record.
    """
    paths = [path for path in sorted(folder.rglob("*")) if path.name != CARD]
    fits = len(paths) <= _MOST_FILES and all(
        path.parent == folder
        and path.is_file()
        and not path.is_symlink()
        and path.suffix in _ENDS
        and path.name not in attachments.NAMES
        and _NAME.fullmatch(path.name)
        for path in paths
    )
    if not fits or sum(path.stat().st_size for path in paths) > LARGEST:
        return {}
    return {path.name: path.read_bytes() for path in paths}


def names(record: RunRecord) -> list[str]:
    """The files among a record's attachments that are weights."""
    return [
        name
        for name in record.attachments
        if name not in attachments.NAMES and name.endswith(_ENDS)
    ]


@contextmanager
def unpacked(stored: StoredRecord) -> Iterator[Path]:
    """A folder that holds a record's weights, each file held against its hash, for the block.

    Raises:
        ResultError: the record has none, or they are missing or changed.
    """
    found = names(stored.record)
    if not found:
        raise ResultError(f"{stored.path} came without weights")
    with tempfile.TemporaryDirectory(prefix="trendbench-weights-") as place:
        for name in found:
            content = stored.attachment(name)
            assert content is not None
            (Path(place) / name).write_bytes(content)
        yield Path(place)
