"""Patterns of 3×3 pixels, their classes, and a pass that draws pixels by potentials of patterns.

The kernels stand in one file because compiled code is cached by the file it stands in.
"""

import math
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from trendbench.compiling import kernel
from trendbench.generators.flow.network import CERTAIN, Given

_STATES = 4  # of a pixel: white or black by a structural zero, white or black by chance
# Of patterns, by Burnside's lemma: the mean of the patterns that each of eight symmetries keeps.
CLASSES = (_STATES**9 + _STATES**5 + 2 * _STATES**3 + 4 * _STATES**6) // 8
WHITE, BLACK = 2, 3  # the states by chance
SETTLED = 14.0  # log odds, a chance of 10⁻⁶, beyond which the potentials are left out


@lru_cache(maxsize=1)
def classes() -> NDArray[np.int32]:
    """The class of each pattern by its number, (4⁹,): rotations and mirror images share one.

    A pattern's number has its pixels' states as digits, row by row.
    """
    digits = np.indices((_STATES,) * 9, dtype=np.int32).reshape(3, 3, -1)
    powers = (_STATES ** np.arange(9)[::-1]).astype(np.int32)
    alike = [
        powers @ np.rot90(square, turns).reshape(9, -1)
        for square in (digits, digits[:, ::-1])
        for turns in range(4)
    ]
    return np.unique(np.min(alike, axis=0), return_inverse=True)[1].astype(np.int32)


def states(given: Given, images: torch.Tensor) -> NDArray[np.int8]:
    """States of pixels: 0 and 1 white and black by a structural zero, 2 and 3 by chance.

    Args:
        given: what is known of the images.
        images: 0 or 1, (b, 1, H, W).

    Returns:
        (b, H, W).
    """
    by_chance = given.odds.abs() < CERTAIN
    return (images + 2 * by_chance)[:, 0].to(torch.int8).cpu().numpy()


def redrawn(
    before: NDArray[np.int8],
    logits: torch.Tensor,
    potentials: torch.Tensor,
    phase: tuple[int, int],
    uniforms: torch.Tensor,
) -> NDArray[np.int8]:
    """Every other pixel of every other row drawn anew, one after the other.

    A pixel is black iff u ≤ σ(logit + Σ θ(black) − Σ θ(white)), the sums over the complete
    patterns that hold it; Σ θ is left out beyond ``SETTLED``. Structural zeros stay.

    Args:
        before: states of all pixels, (b, H, W).
        logits: of the network, for the pixels to be drawn, (b, 1, H, W).
        potentials: θ of each class.
        phase: row and column to begin with, each 0 or 1.
        uniforms: u, 0 < u ≤ 1, (b, 1, H, W).

    Returns:
        States of all pixels after, (b, H, W).
    """
    theta = potentials.cpu().double().numpy()[classes()]
    after = before.copy()
    odds, u = (of[:, 0].cpu().numpy() for of in (logits, uniforms))
    _redraw(after, odds, theta, *phase, u)
    return after


@kernel
def _sum(states: NDArray[np.int8], theta: NDArray[np.float64], y: int, x: int) -> float:
    """Σ θ over the patterns that hold a pixel of (H, W), up to nine."""
    height, width = states.shape
    total = 0.0
    for i in range(max(y - 1, 1), min(y + 2, height - 1)):
        for j in range(max(x - 1, 1), min(x + 2, width - 1)):
            number = 0
            for row in range(i - 1, i + 2):
                for column in range(j - 1, j + 2):
                    number = 4 * number + states[row, column]
            total += theta[number]
    return total


@kernel
def _redraw(
    states: NDArray[np.int8],
    logits: NDArray[np.float32],
    theta: NDArray[np.float64],
    first_row: int,
    first_column: int,
    uniforms: NDArray[np.float32],
) -> None:
    b, height, width = states.shape
    for image in range(b):
        now = states[image]
        for y in range(first_row, height, 2):
            for x in range(first_column, width, 2):
                if now[y, x] < WHITE:
                    continue
                odds = float(logits[image, y, x])
                if abs(odds) < SETTLED:
                    now[y, x] = BLACK
                    odds += _sum(now, theta, y, x)
                    now[y, x] = WHITE
                    odds -= _sum(now, theta, y, x)
                black = uniforms[image, y, x] <= 1 / (1 + math.exp(-odds))
                now[y, x] = BLACK if black else WHITE
