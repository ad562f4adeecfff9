"""The stages of a run as values: what each gives to the next, and what a folder notes of it."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trendbench.metrics.card import Card
from trendbench.progress import say
from trendbench.results.record import CodeEntry
from trendbench.storage.atomic import write_text
from trendbench.storage.stated import Count, Part, Sha256, Text

_CHECK = "sha256"  # of the rest of a note


class Fitted(Part):
    """Saved weights.

    Attributes:
        weights: SHA-256 of each file that the generator saved, by its path.
        code, hardware: that trained; parameters: trained numbers, None where not known.
        epochs, images_seen, seconds: of training, in all sessions.
    """

    weights: dict[str, Sha256]
    code: CodeEntry
    hardware: Text
    parameters: Count | None
    epochs: float | None
    images_seen: Count | None
    seconds: float


@dataclass(frozen=True, eq=False)
class Drawn:
    """Two samples for each test triplet.

    Attributes:
        first, second: (n, H, W) uint8.
        seconds: that the first one took; finished: when both were there, UTC.
    """

    first: NDArray[np.uint8]
    second: NDArray[np.uint8]
    seconds: float
    finished: str


@dataclass(frozen=True, eq=False)
class Scored:
    """The scores of the first sample, and pictures of it by file name."""

    card: Card
    pictures: dict[str, bytes]


class SamplesNote(Part):
    """What is noted of ``Drawn`` beside ``samples.npy``, whose SHA-256 is ``samples``."""

    samples: Sha256
    seconds: float
    finished: str


class Notes(Part):
    """The stages that a run's folder has behind it, from which the same command goes on.

    Attributes:
        fitted: once the weights are saved; drawn: once the samples are.
        record: path of the record within the folder of results.
    """

    fitted: Fitted | None = None
    drawn: SamplesNote | None = None
    record: str | None = None

    def write(self, path: Path) -> None:
        """Put the notes on the disk, with a hash of their own."""
        stored = self.model_dump()
        write_text(path, json.dumps({**stored, _CHECK: _digest(stored)}, indent=2) + "\n")


def read_notes(path: Path) -> Notes:
    """What was noted there; nothing, so that all is done again, where that is damaged."""
    if not path.is_file():
        return Notes()
    try:
        stored = json.loads(path.read_bytes())
        if stored.pop(_CHECK) == _digest(stored):
            return Notes.model_validate(stored)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    say(f"{path} is damaged or of another version: what it noted as done is done again")
    return Notes()


def _digest(stored: object) -> str:
    return hashlib.sha256(json.dumps(stored, sort_keys=True).encode()).hexdigest()
