"""What the harness hands to a generator's ``fit``."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trendbench.progress import Bar, bar
from trendbench.training.curves import NO_CURVES, Curves

Observer = Callable[[Any, int], None]


def _look_away(generator: Any, epoch: int) -> None:
    del generator, epoch


@dataclass(frozen=True)
class FitReport:
    """How much training a fit took, in all sessions; None where its class does not say."""

    epochs: float | None
    images_seen: int | None
    seconds: float


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
        reports: what ``report`` was given; the last one counts.
    """

    seed: int
    device: str
    precision: str
    folder: Path
    identity: str
    bar: Bar = bar
    observe: Observer = _look_away
    curves: Curves = NO_CURVES
    reports: list[FitReport] = field(default_factory=list)

    def report(
        self, *, seconds: float, epochs: float | None = None, images_seen: int | None = None
    ) -> None:
        """Say how much training was done, earlier sessions included; it goes into the record.

        Raises:
            ValueError: a number is negative or not finite.
        """
        stated = {"seconds": seconds, "epochs": epochs, "images_seen": images_seen}
        for name, value in stated.items():
            if value is not None and not 0 <= value < math.inf:
                raise ValueError(f"{name} = {value}: needed is a finite number of at least 0")
        self.reports.append(
            FitReport(
                None if epochs is None else float(epochs),
                None if images_seen is None else int(images_seen),
                round(float(seconds), 3),
            )
        )
