"""What the harness hands to a generator's ``fit``."""

import json
import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trendbench.progress import Progress, bar
from trendbench.storage.atomic import write_text
from trendbench.training.curves import NO_CURVES, Curves
from trendbench.training.processes import ALONE, Processes

Bar = Callable[..., AbstractContextManager[Progress]]
Observer = Callable[[Any, int], None]
FIT_FILE = "fit.json"


def _look_away(generator: Any, epoch: int) -> None:
    del generator, epoch


@dataclass(frozen=True)
class RunContext:
    """Seed, device, precision, working folder and progress of one run.

    Attributes:
        seed: seeds everything random in ``fit``.
        device: torch's name of the device, e.g. ``"cpu"`` or ``"cuda"``.
        precision: ``"bf16"`` or ``"fp32"``.
        folder: working folder of this run alone; checkpoints and logs belong here.
        identity: hash of recipe and data; a checkpoint of another identity is not resumed.
        bar: ``bar(title, total, unit, done=0)``, a context manager giving ``advance(count)``.
        observe: ``observe(self, epoch)``, to be called after an epoch: the harness draws a few
            validation samples from the generator and logs them.
        curves: ``curves.scalars(group, images_seen, values)`` shows losses where the user asked
            to see them.
        processes: those that train together; each has a context and a folder of its own.
    """

    seed: int
    device: str
    precision: str
    folder: Path
    identity: str
    bar: Bar = bar
    observe: Observer = _look_away
    curves: Curves = NO_CURVES
    processes: Processes = ALONE

    def report(
        self, *, seconds: float, epochs: float | None = None, images_seen: int | None = None
    ) -> None:
        """Leave word of how much training has been done; it goes into the record."""
        fit = {"epochs": epochs, "images_seen": images_seen, "seconds": round(seconds, 3)}
        write_text(self.folder / FIT_FILE, json.dumps(fit) + "\n")


@dataclass(frozen=True)
class FitReport:
    """How much training a finished fit took."""

    epochs: float | None
    images_seen: int | None
    seconds: float


def read_report(folder: Path) -> FitReport | None:
    """What ``RunContext.report`` last left in a folder; None if it left nothing, or damaged it."""
    path = folder / FIT_FILE
    try:
        stored = json.loads(path.read_bytes())
        epochs, seen, seconds = (stored[key] for key in ("epochs", "images_seen", "seconds"))
    except (FileNotFoundError, ValueError, KeyError, TypeError, RecursionError):
        return None
    numbers = [epochs or 0.0, seen or 0, seconds]
    sound = all(isinstance(n, int | float) and math.isfinite(n) and n >= 0 for n in numbers)
    return FitReport(epochs, seen, seconds) if sound else None
