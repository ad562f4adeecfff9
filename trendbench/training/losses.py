"""Loss curves: one small CSV, a row for every stretch of steps."""

import csv
from collections.abc import Mapping
from pathlib import Path

from trendbench.storage.atomic import write_text
from trendbench.storage.calls import sync

_POSITION = "images_seen"
_LONGEST_NUMBER = 19


class CurveLog:
    """Append rows to a CSV keyed by a growing first column.

    Rows beyond the position where training resumes are dropped first, so that an interrupted
    run leaves the same file as an uninterrupted one.
    """

    def __init__(self, path: Path, position: int, key: str = _POSITION) -> None:
        self._path = path
        self._key = key
        if path.is_file():
            text = path.read_text(encoding="utf-8-sig", errors="replace").replace("\0", "")
            header, *rows = [*csv.reader(text.splitlines())] or [[]]
            if header[:1] != [key]:  # damaged by a power cut or by hand
                path.unlink()
                return
            whole = [row for row in rows if len(row) == len(header) and _is_position(row[0])]
            kept = [header, *(row for row in whole if int(row[0]) <= position)]
            write_text(path, "".join(",".join(row) + "\n" for row in kept))

    def add(self, position: int, values: Mapping[str, float]) -> None:
        """One more row, handed to the system at once; ``sync`` puts it on the disk."""
        if not self._path.exists():
            write_text(self._path, ",".join([self._key, *values]) + "\n")
        with self._path.open("a") as file:
            file.write(",".join([str(position), *(f"{v:.6g}" for v in values.values())]) + "\n")

    def sync(self) -> None:
        """Put all rows on the disk, as a checkpoint that counts on them must."""
        if self._path.exists():
            with self._path.open("a") as file:
                sync(file.fileno())


def _is_position(text: str) -> bool:
    return text.isdecimal() and text.isascii() and len(text) < _LONGEST_NUMBER
