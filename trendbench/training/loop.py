"""The training loop, the same for every network here.

Progress is counted in images seen. Whatever is random in a step is seeded from (seed, images
seen), and an epoch's order from (seed, epoch): resuming is running the same command again, and
ends where an uninterrupted run ends, bit for bit on the same machine and thread count.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from trendbench.errors import CheckpointError, TrainingError
from trendbench.training.checkpoint import Checkpoint, Checkpoints
from trendbench.training.context import RunContext
from trendbench.training.interruption import deferred
from trendbench.training.losses import CurveLog
from trendbench.training.randomness import derived_seed, epoch_order

ROWS_PER_EPOCH = 50  # of the loss log
_SECONDS_BETWEEN_CHECKPOINTS = 60.0
_SECONDS_BETWEEN_EPOCHS_CHECKPOINTS = 5.0  # at the ends of epochs, which may be short
_EXPLODED = 1e8  # ten times a log loss of 100 summed over the pixels of an image of 256²


class Trainable(Protocol):
    """Networks with their optimisers, and the step that changes them."""

    @property
    def parts(self) -> Mapping[str, Any]:
        """By name, everything that ``step`` changes; a checkpoint holds each ``state_dict()``."""

    def step(self, chosen: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """Train on the images of these indices, (b,) int64; return losses to log (scalars)."""


@dataclass(frozen=True)
class Trained:
    """How much training has been done in all, earlier sessions included."""

    images_seen: int
    seconds: float


def train(
    trainable: Trainable,
    n: int,
    *,
    batch: int,
    epochs: int,
    run: RunContext,
    after_epoch: Callable[[int], None],
    rows_of: Callable[[int], NDArray[np.int64]] | None = None,
    logged: int = ROWS_PER_EPOCH,
) -> Trained:
    """Train for ``epochs`` epochs of n images, from the last checkpoint if there is one.

    Args:
        trainable: what is trained.
        n: images of an epoch.
        batch: images per step; the last step of an epoch takes what is left.
        epochs: in all, earlier sessions included.
        run: seed, device and working folder.
        after_epoch: called with the number of epochs done.
        rows_of: indices of the images of an epoch in their order, (n,); by default all n
            training images in an order drawn from (seed, epoch).
        logged: rows of an epoch in the loss log, at most.

    Raises:
        TrainingError: a loss or a weight is no longer finite, or a loss has exploded; the last
            good checkpoint stays.
        CheckpointError: no checkpoint can be gone on from.
        KeyboardInterrupt: on Ctrl-C or SIGTERM, after a checkpoint.
    """
    checkpoints = Checkpoints(run.folder, run.identity)
    found = checkpoints.latest()
    pending = _resumed(trainable, found, run) if found else _Pending()
    seen, before = (found.images_seen, found.seconds) if found else (0, 0.0)
    spent, order = before, None
    log = CurveLog(run.folder / "losses.csv", seen)
    steps_per_row = max(1, math.ceil(n / batch) // logged)
    rows_of = rows_of or (lambda epoch: epoch_order(n, run.seed, epoch))
    start = saved_at = time.monotonic()
    with run.bar("training", epochs * n, "images", done=seen) as progress, deferred() as stop:
        while seen < epochs * n:
            epoch, position = divmod(seen, n)
            if order is None or position == 0:
                order = torch.from_numpy(rows_of(epoch))
            chosen = order[position : position + batch]
            torch.manual_seed(derived_seed(run.seed, "step", seen))
            pending.add(trainable.step(chosen.to(run.device)))
            seen += len(chosen)
            finished = seen % n == 0
            note = ""
            if pending.steps == steps_per_row or finished:
                means = pending.take()
                _must_be_finite(means, seen)
                log.add(seen, means)
                run.curves.scalars("loss", seen, means)
                note = "  ".join(f"{name} {value:.3g}" for name, value in means.items())
            progress.advance(len(chosen), note)
            if finished:
                after_epoch(epoch + 1)
            wait = _SECONDS_BETWEEN_EPOCHS_CHECKPOINTS if finished else _SECONDS_BETWEEN_CHECKPOINTS
            due = time.monotonic() - saved_at > wait
            if seen == epochs * n or stop.requested or (due and pending.steps == 0):
                log.sync()
                spent = before + time.monotonic() - start
                checkpoints.save(_checkpoint(trainable, pending, seen, spent))
                saved_at = time.monotonic()
            if stop.requested:
                raise KeyboardInterrupt
    return Trained(seen, spent)


def _resumed(trainable: Trainable, found: Checkpoint, run: RunContext) -> "_Pending":
    """Put every part back as it was; give the losses that were not yet logged.

    Raises:
        CheckpointError: the checkpoint is not of these parts.
    """
    try:
        for name, part in trainable.parts.items():
            part.load_state_dict(found.state["trainable"][name])
        return _Pending(found.state["pending"], run.device)
    except torch.OutOfMemoryError:
        raise
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"the checkpoint after {found.images_seen} images in {run.folder} does not fit these "
            f"networks ({' '.join(str(error).split())[:200]}): delete the folder to start again"
        ) from None


def _checkpoint(trainable: Trainable, pending: "_Pending", seen: int, seconds: float) -> Checkpoint:
    """Where training stands.

    Raises:
        TrainingError: a loss or a weight is not finite.
    """
    _must_be_finite(pending.means(), seen)
    parts = {name: part.state_dict() for name, part in trainable.parts.items()}
    checkpoint = Checkpoint(seen, seconds, {"trainable": parts, "pending": pending.to_state()})
    if not checkpoint.is_finite():  # the last step's losses were, before it was taken
        raise _left_the_numbers(f"the weights are no longer finite after {seen} images")
    return checkpoint


def _must_be_finite(losses: Mapping[str, float], seen: int) -> None:
    if not all(abs(value) < _EXPLODED for value in losses.values()):
        shown = ", ".join(f"{name} {value:.3g}" for name, value in losses.items())
        raise _left_the_numbers(
            f"a loss exploded or is no longer finite after {seen} images ({shown})"
        )


def _left_the_numbers(what: str) -> TrainingError:
    return TrainingError(
        f"{what}: the last good checkpoint is kept; lower learning_rate in the recipe, or train "
        "in fp32 if it was bf16, under another --runs folder"
    )


class _Pending:
    """Losses summed since the last row, kept on the device until the row is due.

    A step need not have every loss: each mean is over the steps that have it.
    """

    def __init__(self, state: Mapping[str, Any] | None = None, device: str = "cpu") -> None:
        self.steps: int = state["steps"] if state else 0
        sums = state["sums"] if state else {}
        counts = state.get("counts") if state else None  # until 0.1 every step had every loss
        self._counts: dict[str, int] = dict(counts or dict.fromkeys(sums, self.steps))
        self._sums: dict[str, torch.Tensor] = {
            name: torch.tensor(value, dtype=torch.float64, device=device)
            for name, value in sums.items()
        }

    def add(self, losses: Mapping[str, torch.Tensor]) -> None:
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + value.detach().double()
            self._counts[name] = self._counts.get(name, 0) + 1
        self.steps += 1

    def means(self) -> dict[str, float]:
        return {name: float(total) / self._counts[name] for name, total in self._sums.items()}

    def take(self) -> dict[str, float]:
        means = self.means()
        self._sums, self._counts, self.steps = {}, {}, 0
        return means

    def to_state(self) -> dict[str, Any]:
        sums = {name: float(total) for name, total in self._sums.items()}
        return {"steps": self.steps, "sums": sums, "counts": dict(self._counts)}
