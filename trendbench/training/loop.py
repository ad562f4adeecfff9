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

import torch

from trendbench.errors import CheckpointError, TrainingError
from trendbench.training.checkpoint import Checkpoint, Checkpoints
from trendbench.training.context import RunContext
from trendbench.training.interruption import deferred
from trendbench.training.losses import CurveLog
from trendbench.training.randomness import derived_seed, epoch_order

_ROWS_PER_EPOCH = 50
_SECONDS_BETWEEN_CHECKPOINTS = 60.0
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
) -> Trained:
    """Train for ``epochs`` passes over n images, from the last checkpoint if there is one.

    Args:
        trainable: what is trained.
        n: number of training images.
        batch: images per step; the last step of an epoch takes what is left.
        epochs: passes over the images in all, earlier sessions included.
        run: seed, device and working folder.
        after_epoch: called with the number of epochs done.

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
    steps_per_row = max(1, math.ceil(n / batch) // _ROWS_PER_EPOCH)
    start = saved_at = time.monotonic()
    with run.bar("training", epochs * n, "images", done=seen) as progress, deferred() as stop:
        while seen < epochs * n:
            epoch, position = divmod(seen, n)
            if order is None or position == 0:
                order = torch.from_numpy(epoch_order(n, run.seed, epoch))
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
            due = time.monotonic() - saved_at > _SECONDS_BETWEEN_CHECKPOINTS
            if finished or stop.requested or (due and pending.steps == 0):
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
    """Losses summed since the last row, kept on the device until the row is due."""

    def __init__(self, state: Mapping[str, Any] | None = None, device: str = "cpu") -> None:
        self.steps: int = state["steps"] if state else 0
        self._sums: dict[str, torch.Tensor] = {
            name: torch.tensor(value, dtype=torch.float64, device=device)
            for name, value in (state["sums"] if state else {}).items()
        }

    def add(self, losses: Mapping[str, torch.Tensor]) -> None:
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + value.detach().double()
        self.steps += 1

    def means(self) -> dict[str, float]:
        return {name: float(total) / self.steps for name, total in self._sums.items()}

    def take(self) -> dict[str, float]:
        means = self.means()
        self._sums, self.steps = {}, 0
        return means

    def to_state(self) -> dict[str, Any]:
        sums = {name: float(total) for name, total in self._sums.items()}
        return {"steps": self.steps, "sums": sums}
