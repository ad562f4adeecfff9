"""r drawn at once, where its grains are a Poisson process: a function of place alone is their λ.

Source: Chiu, Stoyan, Kendall & Mecke, Stochastic geometry and its applications (2013), chapter 2.
"""

import numpy as np
from numpy.typing import NDArray

from trendbench.generators.germ_grain.cover import paint
from trendbench.generators.germ_grain.model import MARKS, PLACE, Law, R, Scene
from trendbench.generators.germ_grain.walk import intensities


def is_poisson(law: Law) -> bool:
    """Whether λ depends on no other grain, and no grain of r is one of s1 or s2."""
    bits = np.arange(law.shares.shape[1]) % MARKS + 1
    joined = (bits & R > 0) & (bits != R)
    return not law.w1[:, PLACE:].any() and not law.shares[:, joined].any()


def drawn_at_once(scene: Scene, law: Law, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Black of r, (H, W): in each column of anchors a Poisson number of grains of each size.

    Args:
        scene: the inputs; r is not given.
        law: of the grains, one with ``is_poisson``.
        rng: of the image.
    """
    shapes, (_, height, width) = scene.shapes, scene.runs.shape
    rows = height + 2 * shapes.reach
    black = np.zeros((height, width), dtype=np.bool_)
    for size, rates in enumerate(intensities(scene, law)[:, R - 1 :: MARKS].T):
        ids = np.flatnonzero(shapes.classes == size)
        numbers = rng.poisson(rates * rows)
        total = int(numbers.sum())
        placed = np.empty((total, 3), dtype=np.int32)
        frequency = shapes.weights[ids] / shapes.weights[ids].sum()
        placed[:, 0] = rng.choice(ids, size=total, p=frequency)
        placed[:, 1] = rng.integers(rows, size=total) - shapes.reach
        placed[:, 2] = np.repeat(np.arange(len(rates)), numbers) - shapes.reach
        paint(black, placed, shapes)
    return black
