"""r drawn at once, where its grains are a Poisson process whose λ is a function of the place alone.

Source: Chiu, Stoyan, Kendall & Mecke, Stochastic geometry and its applications (2013), chapter 2.
"""

import numpy as np
from numpy.typing import NDArray

from trendbench.errors import RecipeError
from trendbench.generators.germ_grain.cover import paint
from trendbench.generators.germ_grain.model import MARKS, Law, R, Scene
from trendbench.generators.germ_grain.walk import intensities, is_by_place

_MOST = 4  # grains per pixel


def is_poisson(law: Law) -> bool:
    """Whether λ depends on no other grain, and no grain of r is one of s1 or s2."""
    bits = np.arange(law.shares.shape[1]) % MARKS + 1
    joined = (bits & R > 0) & (bits != R)
    return bool(is_by_place(law)) and not law.shares[:, joined].any()


def drawn_at_once(scene: Scene, law: Law, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Black of r, (H, W).

    A column x of anchors has Poisson(λ_c(x)·(H + 2·reach)) grains of size c. Their rows are
    uniform, and their shapes have the frequencies among those of the size.

    Args:
        scene: the inputs; r is not given.
        law: of the grains, one with ``is_poisson``.
        rng: of the image.

    Raises:
        RecipeError: λ asks for more than four grains per pixel.
    """
    shapes, (_, height, width) = scene.shapes, scene.runs.shape
    rows = height + 2 * shapes.reach
    means = intensities(scene, law)[:, R - 1 :: MARKS].T * rows
    if not means.sum() <= _MOST * height * width:
        raise RecipeError(
            f"the weights ask for more than {_MOST} grains per pixel: they are damaged, or learned "
            "from far sparser inputs"
        )
    black = np.zeros((height, width), dtype=np.bool_)
    for size, mean in enumerate(means):
        ids = np.flatnonzero(shapes.classes == size)
        numbers = rng.poisson(mean)
        total = int(numbers.sum())
        placed = np.empty((total, 3), dtype=np.int32)
        frequency = shapes.weights[ids] / shapes.weights[ids].sum()
        placed[:, 0] = rng.choice(ids, size=total, p=frequency)
        placed[:, 1] = rng.integers(rows, size=total) - shapes.reach
        placed[:, 2] = np.repeat(np.arange(len(mean)), numbers) - shapes.reach
        paint(black, placed, shapes)
    return black
