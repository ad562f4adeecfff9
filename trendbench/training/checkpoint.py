"""Checkpoints that are whole or not there, and that know whose they are."""

import hashlib
import io
import math
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from trendbench.errors import CheckpointError
from trendbench.progress import say
from trendbench.storage.atomic import write_bytes

_VERSION = 1
_KEPT = 2
_NAME = re.compile(r"checkpoint-(?P<images>\d{12})-(?P<hash>[0-9a-f]{16})\.pt")


@dataclass(frozen=True)
class Checkpoint:
    """Where training stood: images seen, seconds spent, and the state that goes on from there."""

    images_seen: int
    seconds: float
    state: dict[str, Any]

    def is_finite(self) -> bool:
        """Whether every number in the state is."""
        return _all_finite(self.state)


class Checkpoints:
    """The checkpoints of one run folder: the newest two, each named by its own hash."""

    def __init__(self, folder: Path, identity: str) -> None:
        self._folder = folder
        self._identity = identity

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint atomically, then drop all but the newest two."""
        buffer = io.BytesIO()
        torch.save(
            {
                "version": _VERSION,
                "identity": self._identity,
                "images_seen": checkpoint.images_seen,
                "seconds": checkpoint.seconds,
                "state": checkpoint.state,
            },
            buffer,
        )
        content = buffer.getvalue()
        digest = hashlib.sha256(content).hexdigest()[:16]
        path = self._folder / f"checkpoint-{checkpoint.images_seen:012d}-{digest}.pt"
        write_bytes(path, content)
        for old in self._newest_first()[_KEPT:]:
            old.unlink(missing_ok=True)

    def latest(self) -> Checkpoint | None:
        """The newest intact checkpoint; None if there never was one.

        A damaged one is named on stderr and the one before it is used.

        Raises:
            CheckpointError: there are checkpoints but none is intact, or they belong to another
                recipe, data file or version.
        """
        paths = self._newest_first()
        for path in paths:
            content = path.read_bytes() if path.is_file() else b""
            stated = _NAME.fullmatch(path.name)
            assert stated is not None
            if hashlib.sha256(content).hexdigest()[:16] != stated["hash"]:
                say(f"{path} is damaged and was passed over")
                continue
            return self._open(path, content)
        if paths:
            raise CheckpointError(
                f"no checkpoint in {self._folder} is intact: delete the folder to start again"
            )
        return None

    def _open(self, path: Path, content: bytes) -> Checkpoint:
        try:
            with warnings.catch_warnings():  # of pickles, which are not opened
                warnings.simplefilter("ignore")
                stored = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        except MemoryError:
            raise
        except Exception:  # no sound archive, or objects in it, which are not built
            raise CheckpointError(
                f"{path} holds other than tensors and numbers, or more than the memory: it was not "
                "opened"
            ) from None
        if not isinstance(stored, dict) or "version" not in stored:
            raise CheckpointError(f"{path} is none of trendbench's checkpoints: delete it")
        if stored["version"] != _VERSION:
            raise CheckpointError(
                f"{path} has checkpoint version {stored['version']!r:.40}, this trendbench reads "
                f"{_VERSION}: use the version that wrote it, or delete the folder"
            )
        if stored.get("identity") != self._identity:
            raise CheckpointError(
                f"{path} belongs to another recipe or data file: delete the folder to start again"
            )
        seen, seconds, state = (stored.get(k) for k in ("images_seen", "seconds", "state"))
        if not (isinstance(seen, int) and isinstance(seconds, float) and isinstance(state, dict)):
            raise CheckpointError(f"{path} is none of trendbench's checkpoints: delete it")
        return Checkpoint(seen, seconds, state)

    def _newest_first(self) -> list[Path]:
        paths = (path for path in self._folder.iterdir() if _NAME.fullmatch(path.name))
        return sorted(paths, reverse=True)


def forget(folder: Path) -> None:
    """Delete the checkpoints of a run that nobody goes on with."""
    for path in folder.iterdir():
        if _NAME.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _all_finite(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return not value.is_floating_point() or bool(torch.isfinite(value).all())
    if isinstance(value, dict):
        return all(_all_finite(part) for part in value.values())
    if isinstance(value, list | tuple):
        return all(_all_finite(part) for part in value)
    return not isinstance(value, float) or math.isfinite(value)
