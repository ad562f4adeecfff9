"""The training loop, the same for every network here.

Progress is counted in images seen. Whatever is random in a step is seeded from (seed, images
seen), and an epoch's order from (seed, epoch): resuming is running the same command again, and
ends where an uninterrupted run ends, bit for bit on the same machine and thread count.

Several processes share each batch (``one_batch``) and take every step together. They resume from
the leading one's checkpoint, and stop where any of them is asked to.
"""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch

from trendbench.errors import CheckpointError, RunError, TrainingError
from trendbench.training.checkpoint import Checkpoint, Checkpoints
from trendbench.training.context import RunContext
from trendbench.training.interruption import deferred
from trendbench.training.losses import CurveLog
from trendbench.training.one_batch import averaged, shared
from trendbench.training.randomness import derived_seed, epoch_order

_ROWS_PER_EPOCH = 50
_SECONDS_BETWEEN_CHECKPOINTS = 60.0
_EXPLODED = 1e8  # ten times a log loss of 100 summed over the pixels of an image of 256²


class Trainable(Protocol):
    """Networks with their optimisers: what a step changes and a checkpoint holds."""

    def step(self, chosen: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """Train on the images of these indices, (b,) int64; return losses to log (scalars).

        Among several processes ``one_batch.mine`` says which rows are this one's. A step that does
        not ask trains on all of them everywhere: to the same end, and no faster.
        """

    def state_dict(self) -> dict[str, Any]:
        """Everything that ``step`` changes."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state that ``state_dict`` gave."""


def train(
    trainable: Trainable,
    n: int,
    *,
    batch: int,
    epochs: int,
    run: RunContext,
    after_epoch: Callable[[int], None],
) -> float:
    """Train for ``epochs`` passes over n images, from the last checkpoint if there is one.

    Args:
        trainable: what is trained.
        n: number of training images.
        batch: images per step; the last step of an epoch takes what is left.
        epochs: passes over the images in all, earlier sittings included.
        run: seed, device and working folder.
        after_epoch: called with the number of epochs done.

    Returns:
        Seconds of training in all, earlier sittings included.

    Raises:
        RunError: there are more processes than images in a batch.
        TrainingError: a loss or a weight is no longer finite, or a loss has exploded; the last
            good checkpoint stays.
        CheckpointError: no checkpoint can be gone on from.
        KeyboardInterrupt: on Ctrl-C or SIGTERM, after a checkpoint.
    """
    processes = run.processes
    if batch < processes.count:
        raise RunError(
            f"{processes.count} processes cannot share a batch of {batch}: start {batch} at most, "
            "or choose a preset of larger batches"
        )
    checkpoints = Checkpoints(run.folder, run.identity)
    found = processes.led(checkpoints.latest)
    seen, before, pending = 0, 0.0, _Pending()
    if found:
        seen, before = found.images_seen, found.seconds
        try:
            trainable.load_state_dict(found.state["trainable"])
            pending = _Pending(found.state["pending"], run.device)
        except torch.OutOfMemoryError:
            raise
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise CheckpointError(
                f"the checkpoint after {seen} images in {run.folder} does not fit these networks "
                f"({' '.join(str(error).split())[:200]}): delete the folder to start again"
            ) from None
    log = CurveLog(run.folder / "losses.csv", seen)
    steps_per_row = max(1, math.ceil(n / batch) // _ROWS_PER_EPOCH)
    start = saved_at = time.monotonic()

    def save() -> float:
        seconds = before + time.monotonic() - start
        log.sync()
        _must_be_finite(pending.means(), seen)
        state = {"trainable": trainable.state_dict(), "pending": pending.to_state()}
        checkpoint = Checkpoint(seen, seconds, state)
        if not checkpoint.is_finite():  # the last step's losses were, before it was taken
            raise _left_the_numbers(f"the weights are no longer finite after {seen} images")
        if processes.leads:
            checkpoints.save(checkpoint)
        run.report(epochs=seen / n, images_seen=seen, seconds=seconds)
        return seconds

    spent = before
    with run.bar("training", epochs * n, "images", done=seen) as progress, deferred() as stop:
        while seen < epochs * n:
            epoch, position = divmod(seen, n)
            if position == 0 or found:
                order, found = torch.from_numpy(epoch_order(n, run.seed, epoch)), None
            chosen = order[position : position + batch]
            torch.manual_seed(derived_seed(run.seed, "step", seen))
            with shared(len(chosen), processes):
                pending.add(averaged(trainable.step(chosen.to(run.device))))
            seen += len(chosen)
            finished = seen % n == 0
            if pending.steps == steps_per_row or finished:
                means = pending.take()
                _must_be_finite(means, seen)
                log.add(seen, means)
                run.curves.scalars("loss", seen, means)
                note = "  ".join(f"{name} {value:.3g}" for name, value in means.items())
                progress.advance(len(chosen), note)
            else:
                progress.advance(len(chosen))
            if finished:
                after_epoch(epoch + 1)
            due = time.monotonic() - saved_at > _SECONDS_BETWEEN_CHECKPOINTS
            due, asked = processes.any(due, stop.requested)
            if finished or asked or (due and pending.steps == 0):
                spent = save()
                saved_at = time.monotonic()
            if asked:
                raise KeyboardInterrupt
    return spent


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
