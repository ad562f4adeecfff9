"""A generator under test: its class called as the harness calls it, and watched meanwhile."""

import inspect
import random
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trendbench.conformance.findings import FaultError, MootError
from trendbench.conformance.plan import Plan
from trendbench.conformance.watch import (
    WatchedInputs,
    Writes,
    watched_inputs,
    watched_triplets,
)
from trendbench.errors import ImagesError
from trendbench.generators.protocol import inputs_for, shown_to
from trendbench.generators.recipes import Recipe, find_recipe
from trendbench.metrics.intake import drawn_by
from trendbench.process.triplets import Triplets
from trendbench.progress import Progress, quiet
from trendbench.runner.guard import call
from trendbench.simulation import simulate
from trendbench.training.context import RunContext

SEED, OTHER_SEED = 2, 3
MOOT = "nothing to compare, as the same inputs and seed do not give the same images"
_SMALL = {"epochs": 1, "batch": 4}  # several steps, so that a fit can be stopped between two
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
        repeats: whether the same inputs and seed gave the same images.
    """

    plan: Plan
    writes: Writes
    recipe: Recipe
    model_class: type[Any]
    generator: Any = None
    images: Images = field(default_factory=lambda: np.empty(0, np.uint8))
    shown: tuple[Triplets, ...] = ()
    repeats: bool = True

    def __post_init__(self) -> None:
        spec = self.plan.task
        self.train, self.val, self.test = (
            simulate(spec, spec.sizes[split], 0, split=split) for split in ("train", "val", "test")
        )

    def inputs(self, triplets: Triplets) -> WatchedInputs:
        """What the class may draw from, in arrays of its own."""
        return watched_inputs(inputs_for(self.model_class, _copy(triplets)))

    def build(self) -> Any:
        """The generator, with one epoch and small batches where its constructor takes such."""
        small = {
            name: value
            for name, value in _SMALL.items()
            if name in self.recipe.parameters or _takes(self.model_class, name)
        }
        recipe = find_recipe(self.plan.reference, overrides=small) if small else self.recipe
        with self.writes.armed():
            return call(self.model_class, "__init__", recipe.build)

    def fit(self) -> tuple[Triplets, Triplets]:
        """Fit a new generator; returns the triplets that it was shown."""
        shown = self._shown()
        disturb(1)
        self.generator = self._fitted(shown, self._context(self.plan.run))
        return shown

    def fit_interrupted(self) -> tuple[Any, bool]:
        """A generator fitted in a folder where Ctrl-C had stopped another one half way.

        Returns:
            It, and whether there was a moment to press Ctrl-C at.
        """
        context = self._context(self.plan.run.with_name("interrupted"))
        interrupting = Interrupting()
        disturb(6)
        with suppress(KeyboardInterrupt):
            self._fitted(self._shown(), replace(context, bar=interrupting.bar))
        disturb(7)
        return self._fitted(self._shown(), context), interrupting.done

    def _shown(self) -> tuple[Triplets, Triplets]:
        """Training and validation triplets as the class may see them, in arrays of their own."""
        train, val = (
            watched_triplets(shown_to(self.model_class, _copy(part)))
            for part in (self.train, self.val)
        )
        return train, val

    def _context(self, folder: Path) -> RunContext:
        folder.mkdir(parents=True)
        return RunContext(
            seed=0, device=self.plan.device, precision="fp32", folder=folder, identity="test",
            bar=quiet, observe=self._observe,
        )  # fmt: skip

    def _fitted(self, shown: tuple[Triplets, Triplets], context: RunContext) -> Any:
        generator = self.build()
        with self.writes.armed():
            call(self.model_class, "fit", generator.fit, *shown, context)
        return generator

    def sample(self, inputs: WatchedInputs, seed: int) -> Images:
        """Draw, and refuse what is not one uint8 image for each pair."""
        with self.writes.armed():
            drawn = call(self.model_class, "sample", self.generator.sample, inputs, seed)
        try:
            return drawn_by(drawn, self.plan.task, len(inputs), "sample")
        except ImagesError as error:
            raise FaultError(str(error)) from None

    def drawn_again(self) -> Images:
        """The test images once more, with every global source of randomness elsewhere.

        Raises:
            MootError: another call with the same inputs and seed gives others.
        """
        first = self.sample(self.inputs(self.test), SEED).copy()
        disturb(9)
        if not (self.repeats and np.array_equal(self.sample(self.inputs(self.test), SEED), first)):
            raise MootError(MOOT)
        return first

    def _observe(self, generator: Any, epoch: int) -> None:
        """As the harness does after an epoch: draw a few validation images."""
        del epoch
        generator.sample(self.inputs(self.val), 1)  # what it returns is looked at later


class Interrupting:
    """Presses Ctrl-C, once, when half of what a progress bar counts is done.

    Attributes:
        done: whether it was pressed.
    """

    def __init__(self) -> None:
        self.done = False
        self._left = 0

    @contextmanager
    def bar(self, title: str, total: int, unit: str, done: int = 0) -> Iterator[Progress]:
        """In place of ``progress.bar``."""
        del title, unit, done
        self._left = max(total // 2, 1)
        yield self

    def advance(self, count: int = 1, note: str = "") -> None:
        """Count down to the interruption."""
        del note
        self._left -= count
        if self._left <= 0 and not self.done:
            self.done = True
            signal.raise_signal(signal.SIGINT)


def disturb(state: int) -> None:
    """Put every global source of randomness somewhere else, as another program would."""
    random.seed(state)
    np.random.seed(state)  # noqa: NPY002  # the state that others may draw from
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(state)


def _copy(triplets: Triplets) -> Triplets:
    s1, s2, r = (series.copy() for series in (triplets.s1, triplets.s2, triplets.r))
    return Triplets(triplets.spec, s1, s2, r, triplets.latent)


def _takes(model_class: type[Any], keyword: str) -> bool:
    try:
        return keyword in inspect.signature(model_class).parameters
    except (TypeError, ValueError):
        return False
