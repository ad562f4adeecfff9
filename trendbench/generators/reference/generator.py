"""The reference rows as generators: nothing is trained, everything is known."""

import json
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from trendbench.errors import RecipeError
from trendbench.generators.protocol import Inputs
from trendbench.generators.reference.drawings import (
    NULLS,
    TRUTHS,
    UNCONDITIONAL_NULLS,
    Scene,
)
from trendbench.process.triplets import Triplets
from trendbench.spec import TaskSpec, spec_from_json
from trendbench.storage.atomic import write_text
from trendbench.training.context import RunContext

_DRAWINGS = {
    **TRUTHS,
    **{f"null-{name}": draw for name, draw in (NULLS | UNCONDITIONAL_NULLS).items()},
}
_SETTINGS, _TRAINING, _VALIDATION = "settings.json", "training.npy", "validation.npy"
_KEPT = 1000  # training images that a saved row can replay


class Reference:
    """A reference row: drawn from latents and targets, and not ranked.

    Args:
        drawing: ``oracle``, ``real``, or ``null-<name>`` of a negative control in ``drawings``.

    Raises:
        ValueError: no such drawing.
    """

    privileged = True
    parameters = 0

    def __init__(self, *, drawing: str) -> None:
        if drawing not in _DRAWINGS:
            raise ValueError(f"drawing = '{drawing}': one of {', '.join(_DRAWINGS)}")
        self.drawing = drawing
        self._task: TaskSpec | None = None
        self._training: NDArray[np.uint8] = np.empty((0, 0, 0), dtype=np.uint8)
        self._validation = self._training

    def fit(self, train: Triplets, val: Triplets, run: RunContext) -> None:
        """Remember the task and some training and validation images."""
        self._task = train.spec if isinstance(train.spec, TaskSpec) else None
        self._training, self._validation = train.r[:_KEPT], val.r[:_KEPT]
        run.report(epochs=0, images_seen=0, seconds=0.0)

    def sample(self, inputs: Inputs, seed: int) -> NDArray[np.uint8]:
        """One image of the drawing for each pair of inputs."""
        if self._task is None:
            raise RecipeError("a reference row has no task yet: call fit or load first")
        rng = np.random.default_rng(seed)
        scene = Scene(self._task, inputs, self._training, rng, self._validation)
        return _DRAWINGS[self.drawing](scene)

    def save(self, folder: Path) -> None:
        """The task, and the images with eight pixels a byte."""
        assert self._task is not None
        stored = {"drawing": self.drawing, "task": self._task.to_json()}
        write_text(folder / _SETTINGS, json.dumps(stored, indent=2) + "\n")
        for name, images in ((_TRAINING, self._training), (_VALIDATION, self._validation)):
            np.save(folder / name, np.packbits(images > 0, axis=2))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The row that ``save`` left in a folder."""
        stored = json.loads((folder / _SETTINGS).read_text())
        row = cls(drawing=stored["drawing"])
        row._task = spec_from_json(stored["task"], str(folder / _SETTINGS))
        width = row._task.width
        row._training = _unpacked(folder / _TRAINING, width)
        row._validation = _unpacked(folder / _VALIDATION, width)
        return row


class UnconditionalReference(Reference):
    """A negative control that is drawn without regard to the inputs."""

    conditional = False


def _unpacked(path: Path, width: int) -> NDArray[np.uint8]:
    bits = np.unpackbits(np.load(path, allow_pickle=False), axis=2)
    return bits[:, :, :width] * np.uint8(255)
