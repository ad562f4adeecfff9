"""What a test is asked to do: the tiny task, and where and how it runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trendbench.spec import TaskSpec, load_spec, spec_from_json

PREPARING, DONE = "preparing", "done"  # steps of a test that are not the generator's
Stage = Literal["examine", "reload"]
_TRAIN, _VAL, _TEST = 16, 6, 6
_TINY = {
    "name": "tiny", "width": 64, "height": 32, "radius": 3.0, "lambda_left": 1e-3,
    "lambda_right": 1.2e-2, "window": 8,
}  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """One test.

    Attributes:
        reference: what ``find_recipe`` understands.
        spec: the task's canonical JSON.
        root: scratch folder of the test.
        device: torch's name of the device.
        stage: ``examine``, everything up to saving; ``reload``, in a process of its own.
    """

    reference: str
    spec: str
    root: str
    device: str
    stage: Stage

    @property
    def task(self) -> TaskSpec:
        """The task."""
        return spec_from_json(self.spec, "the test's task")

    @property
    def run(self) -> Path:
        """The run's working folder, gone when the weights are loaded."""
        return Path(self.root) / "run"

    @property
    def moved(self) -> Path:
        """Where the saved weights lie when they are loaded."""
        return Path(self.root) / "moved" / "weights"

    @property
    def drawn(self) -> Path:
        """The images that the loaded generator must draw again, ``.npy``."""
        return Path(self.root) / "drawn.npy"

    @property
    def said(self) -> Path:
        """What the process printed."""
        return Path(self.root) / "said.txt"


def small_task(name_or_path: str | None) -> TaskSpec:
    """A task of few triplets: 64×32 px, or with the frame and process of a spec.

    Raises:
        SpecError: no such spec.
    """
    counts = {"train": _TRAIN, "val": _VAL, "test": _TEST}
    if name_or_path is None:
        return TaskSpec.model_validate(_TINY | counts)
    task = load_spec(name_or_path)
    for name in counts:  # as many of each trend, where the task has several
        trends = len(task.of_split("test" if name == "test" else "train").members)
        counts[name] = -(-counts[name] // trends) * trends
    return task.model_copy(update=counts)
