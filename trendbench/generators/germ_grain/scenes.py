"""Triplets as configurations: which grains the inputs hold, and which of them r has."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trendbench.generators.germ_grain.cover import covering
from trendbench.generators.germ_grain.model import Placed, Scene, Shapes
from trendbench.generators.germ_grain.walk import moved

_NONE = np.empty((0, 3), dtype=np.int32)
_SETTLING = 20  # sweeps over the inputs' grains, whose hidden outlines images leave open
_LEAST = 1e-6  # of −log(white)
Mask = NDArray[np.bool_]


class Offered(NamedTuple):
    """Grains of the inputs: of s1, the sparser, and the further ones of s2.

    Attributes:
        placed: (n, 3).
        first: how many are of s1.
    """

    placed: Placed
    first: int


class Configuration(NamedTuple):
    """The grains of r in a training triplet.

    Attributes:
        offered: by the inputs.
        kept: which of the offered r has, (n,).
        new: the others, (m, 3).
    """

    offered: Offered
    kept: NDArray[np.bool_]
    new: Placed


def is_falling(s1: Mask, s2: Mask) -> bool:
    """Whether s1 is the denser input: the triplet is then looked at from the other end."""
    return bool(np.count_nonzero(s1) > np.count_nonzero(s2))


def rising(s1: Mask, s2: Mask) -> tuple[Mask, Mask]:
    """The inputs with the sparser first, from the other end if they were exchanged."""
    if is_falling(s1, s2):
        s1, s2 = s2[:, ::-1], s1[:, ::-1]
    return np.ascontiguousarray(s1), np.ascontiguousarray(s2)


def scene_of(
    s1: Mask, s2: Mask, offered: Offered, shapes: Shapes, borders: tuple[int, int]
) -> Scene:
    """What the walk is given; s1 is the sparser input, and ``borders`` are free and held."""
    density1, density2 = (
        math.log(max(-math.log(max(1 - float(s.mean()), 0.5 / s.size)), _LEAST)) for s in (s1, s2)
    )
    diameter = math.sqrt(4 * float(shapes.areas @ shapes.weights) / math.pi)
    placed, first = offered
    return Scene(~s1, ~s2, placed, first, density1, density2, *borders, shapes, diameter)


def offered_by(s1: Mask, s2: Mask, shapes: Shapes, rng: np.random.Generator) -> Offered:
    """The grains of two inputs, hidden outlines being drawn."""
    first = covering(s1, shapes, _NONE)
    second = covering(s2, shapes, first)
    shared = second[_among(second, first)]
    further = second[~_among(second, first)]
    second, (height, width) = np.concatenate([shared, further]), s2.shape
    both = moved(second, len(shared), height, width, shapes, _SETTLING, rng)
    return Offered(np.concatenate([first, both[len(shared) :]]), len(first))


def configuration_of(s1: Mask, s2: Mask, r: Mask, shapes: Shapes) -> Configuration:
    """The grains of a triplet, s1 being the sparser input.

    Grains of s1 that fit into r are taken to be in r, and grains of r that fit into s2 in s2.
    """
    first = covering(s1, shapes, _NONE)
    own = covering(r, shapes, first)
    second = covering(s2, shapes, np.concatenate([first, own[~_among(own, first)]]))
    placed = np.concatenate([first, second[~_among(second, first)]])
    return Configuration(
        Offered(placed, len(first)), _among(placed, own), own[~_among(own, placed)]
    )


def bordering(black: Mask, other: Mask) -> int:
    """Columns at each border beyond which an image has all black of another; W if there are none.

    Args:
        black: whose black is looked for, (H, W).
        other: where it is looked for, (H, W).
    """
    lacking = np.flatnonzero((black & ~other).any(axis=0))
    width = black.shape[1]
    if not len(lacking):
        return 0
    nearest = np.minimum(lacking, width - 1 - lacking).max() + 1
    return int(nearest) if nearest <= width // 4 else width


def _among(some: Placed, others: Placed) -> NDArray[np.bool_]:
    """Which placements are among others, (n,)."""
    keys = [placed.astype(np.int64) @ np.array([1 << 42, 1 << 21, 1]) for placed in (some, others)]
    return np.isin(*keys)
