"""A generator under test: its class called as the harness calls it, and watched meanwhile."""

import inspect
import random
import sys
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trendbench.conformance.findings import FaultError
from trendbench.conformance.plan import Plan
from trendbench.conformance.watch import (
    WatchedInputs,
    Writes,
    watched_inputs,
    watched_triplets,
)
from trendbench.generators.protocol import inputs_for, shown_to
from trendbench.generators.recipes import Recipe, find_recipe
from trendbench.progress import quiet
from trendbench.rendering.triplets import Triplets, simulate
from trendbench.runner.guard import call
from trendbench.training.context import RunContext

SEED, OTHER_SEED = 2, 3
_EPOCHS = "epochs"
Images = NDArray[np.uint8]


@dataclass
class Trial:
    """A class on its tiny task.

    Attributes:
        plan, writes: what is asked for; what has been written elsewhere.
        recipe, model_class: what is tested.
        generator: fitted, or loaded.
        images: what it drew first.
        shown: the triplets that it was fitted with.
    """

    plan: Plan
    writes: Writes
    recipe: Recipe
    model_class: type[Any]
    generator: Any = None
    images: Images = field(default_factory=lambda: np.empty(0, np.uint8))
    shown: tuple[Triplets, ...] = ()

    def __post_init__(self) -> None:
        spec = self.plan.task
        self.train, self.val, self.test = (
            simulate(spec, spec.sizes[split], 0, split=split) for split in ("train", "val", "test")
        )

    def inputs(self, triplets: Triplets) -> WatchedInputs:
        """What the class may draw from, in arrays of its own."""
        return watched_inputs(inputs_for(self.model_class, _copy(triplets)))

    def build(self) -> Any:
        """The generator, with one epoch where its constructor takes a number of epochs."""
        recipe = self.recipe
        if _EPOCHS in recipe.parameters or _takes(self.model_class, _EPOCHS):
            recipe = find_recipe(self.plan.reference, overrides={_EPOCHS: 1})
        with self.writes.armed():
            return call(self.model_class, "__init__", recipe.build)

    def fit(self) -> tuple[Triplets, Triplets]:
        """Fit a new generator; returns the triplets that it was shown."""
        self.plan.run.mkdir(parents=True)
        shown = [
            watched_triplets(shown_to(self.model_class, _copy(part)))
            for part in (self.train, self.val)
        ]
        context = RunContext(
            seed=0, device=self.plan.device, precision="fp32", folder=self.plan.run,
            identity="test", bar=quiet, observe=self._observe,
        )  # fmt: skip
        self.generator = self.build()
        disturb(1)
        with self.writes.armed():
            call(self.model_class, "fit", self.generator.fit, *shown, context)
        return shown[0], shown[1]

    def sample(self, inputs: WatchedInputs, seed: int) -> Images:
        """Draw, and refuse what is not one uint8 image for each pair."""
        with self.writes.armed():
            drawn = call(self.model_class, "sample", self.generator.sample, inputs, seed)
        return checked(drawn, inputs.s1.shape)

    def _observe(self, generator: Any, epoch: int) -> None:
        """As the harness does after an epoch: draw a few validation images."""
        del epoch
        generator.sample(self.inputs(self.val), 1)  # what it returns is looked at later


def checked(drawn: Any, shape: tuple[int, ...]) -> Images:
    """What ``sample`` returned, if it is what the protocol asks for.

    Raises:
        FaultError: it is not; the message says how to mend it.
    """
    wanted = f"one image for each pair, a NumPy array {shape} of uint8"
    if not isinstance(drawn, np.ndarray):
        what = f"{type(drawn).__module__}.{type(drawn).__qualname__}".removeprefix("builtins.")
        hint = ": images.cpu().numpy() makes one" if what.startswith("torch.") else ""
        raise FaultError(f"sample returned {what}: needed is {wanted}{hint}")
    if drawn.shape != shape:
        raise FaultError(f"sample returned shape {drawn.shape}: needed is {wanted}")
    if drawn.dtype != np.uint8:
        hint = (
            ": (255 * images).round().astype(np.uint8) makes it of floats in 0 … 1"
            if drawn.dtype.kind == "f"
            else ": images.astype(np.uint8) makes it of integers in 0 … 255"
        )
        raise FaultError(f"sample returned {drawn.dtype}: needed is {wanted}{hint}")
    if drawn.size and drawn.max() <= 1:
        raise FaultError(
            "every value is 0 or 1: a particle is 0 and the background 255, so multiply by 255"
        )
    return drawn


def disturb(state: int) -> None:
    """Put every global source of randomness somewhere else, as another program would."""
    random.seed(state)
    np.random.seed(state)  # noqa: NPY002  # the state that others may draw from
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(state)


def _copy(triplets: Triplets) -> Triplets:
    s1, s2, r = (series.copy() for series in (triplets.s1, triplets.s2, triplets.r))
    return Triplets(triplets.spec, s1, s2, r, triplets.germs)


def _takes(model_class: type[Any], keyword: str) -> bool:
    try:
        return keyword in inspect.signature(model_class).parameters
    except (TypeError, ValueError):
        return False
