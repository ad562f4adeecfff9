"""What a generator is: the same small protocol for ours and for anyone's."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from trendbench.process.latent import Latent
from trendbench.process.triplets import Triplets
from trendbench.training.context import RunContext


@dataclass(frozen=True)
class Inputs:
    """What a generator draws from.

    Attributes:
        s1, s2: (n, H, W) uint8, the textures at x = 0 and at x = W.
        latent: what the images follow from, such as germs, for classes with
            ``privileged = True`` only.
        target: the true r, for the same classes.
    """

    s1: NDArray[np.uint8]
    s2: NDArray[np.uint8]
    latent: Latent | None = None
    target: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.s1)


@runtime_checkable
class Generator(Protocol):
    """A model that draws r from (s1, s2).

    A constructor takes hyper-parameters as keywords, so that a recipe can state them. Four
    facts about a class may be declared as class attributes; the defaults stand in parentheses:
    ``privileged`` (False): it is shown latents and targets; ``conditional`` (True): it looks at
    s1 and s2; ``extendable`` (False): more epochs continue a finished run; ``streams`` (False):
    ``fit`` takes training images by slices and batches of row numbers, so that they may be drawn
    meanwhile. An attribute or property ``parameters`` gives the number of trained numbers.
    """

    def fit(self, train: Triplets, val: Triplets, run: RunContext) -> None:
        """Learn from training triplets; go on from what ``run.folder`` holds, if anything."""

    def sample(self, inputs: Inputs, seed: int) -> NDArray[np.uint8]:
        """Draw one image for each pair of inputs: (n, H, W) uint8, the same for the same seed."""

    def save(self, folder: Path) -> None:
        """Write everything that ``load`` needs into an existing folder."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """A generator that samples as the saved one did."""


METHODS = tuple(name for name in vars(Generator) if not name.startswith("_"))


def declared(generator: type[Any], fact: str, default: bool) -> bool:
    """A fact that a generator class declares of itself, or the protocol's default."""
    return bool(getattr(generator, fact, default))


def is_privileged(generator: type[Any]) -> bool:
    """Whether the class asks for latents and targets."""
    return declared(generator, "privileged", False)


def is_conditional(generator: type[Any]) -> bool:
    """Whether the class looks at s1 and s2."""
    return declared(generator, "conditional", True)


def is_extendable(generator: type[Any]) -> bool:
    """Whether more epochs continue a finished run to the same end as one long run."""
    return declared(generator, "extendable", False)


def does_stream(generator: type[Any]) -> bool:
    """Whether training images of the class may be drawn as it asks for them."""
    return declared(generator, "streams", False)


def shown_to(generator: type[Any], triplets: Triplets) -> Triplets:
    """Triplets as a class may train on them: latents only if it declares itself privileged."""
    return triplets if is_privileged(generator) else replace(triplets, latent=None)


def inputs_for(generator: type[Any], triplets: Triplets) -> Inputs:
    """What a class may draw from: latents and targets only if it declares itself privileged."""
    if is_privileged(generator):
        return Inputs(triplets.s1, triplets.s2, triplets.latent, triplets.r)
    return Inputs(triplets.s1, triplets.s2)
