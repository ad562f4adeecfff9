"""A hostile file, the reader that meets it, and what its refusal may cost."""

import json
import os
import resource
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.moments import in_child
from trendbench.errors import TrendbenchError

_MOST_SECONDS, _MOST_BYTES = 2.0, 200 << 20
_LONGEST = 2000


@dataclass(frozen=True)
class Attack:
    """A hostile file and what reads it.

    Attributes:
        name: what it tries.
        make: writes it, and what it points at, into a folder; returns its path.
        read: must refuse it with a ``TrendbenchError``.
    """

    name: str
    make: Callable[[Path], Path]
    read: Callable[[Path], Any]


class Canary:
    """Leaves a file ``fired`` when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._folder / "fired"),)


def zeros(size: int) -> bytes:
    """So many zeros, a multiple of 1 MiB, deflated about a thousandfold."""
    squeeze = zlib.compressobj(9, wbits=-15)
    block = squeeze.compress(bytes(1 << 20)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    check = struct.pack(">I", (size % 65521) << 16 | 1)  # Adler-32 of zeros
    return b"\x78\xda" + block * (size >> 20) + b"\3\0" + check


def let_in(attacks: list[Attack], place: Path) -> list[str]:
    """Meet the attacks, in another process; which were not refused in one line, quickly, in room.

    Time is the process's own, memory its growth.
    """
    place.mkdir(parents=True, exist_ok=True)
    log = place / "outcomes.json"

    def job() -> None:
        outcomes = {a.name: _met(a, place / str(i)) for i, a in enumerate(attacks)}
        log.write_text(
            json.dumps([f"{name}: {wrong}" for name, wrong in outcomes.items() if wrong])
        )

    code = in_child(job)
    if code:
        return [f"a reader ended with {code}"]
    fired = [f"{path} fired" for path in place.rglob("fired")]
    return [*json.loads(log.read_text()), *fired]


def _met(attack: Attack, folder: Path) -> str | None:
    folder.mkdir()
    path = attack.make(folder)
    before = resource.getrusage(resource.RUSAGE_SELF)
    try:
        attack.read(path)
        return "it was let in"
    except TrendbenchError as refusal:
        if len(str(refusal)) >= _LONGEST or "\n" in str(refusal):
            return f"its line has {len(str(refusal))} characters"
    except Exception as other:
        return f"{type(other).__name__}: {other}"[:300]
    after = resource.getrusage(resource.RUSAGE_SELF)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    grown = (after.ru_maxrss - before.ru_maxrss) << 10
    if seconds > _MOST_SECONDS or grown > _MOST_BYTES:
        return f"took {seconds:.1f} s and {grown >> 20} MB"
    return None
