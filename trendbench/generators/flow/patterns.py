"""Patterns of 3×3 pixels: which hold a pixel, and passes that mind what each is worth.

The kernels stand in one file because compiled code is cached by the file it stands in.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from trendbench.compiling import kernel
from trendbench.generators.flow.network import CERTAIN, Given

_STATES = 4  # of a pixel: white or black for certain, white or black by chance
# Of patterns, by Burnside's lemma: the mean of what each of eight symmetries leaves as it is.
CLASSES = (_STATES**9 + _STATES**5 + 2 * _STATES**3 + 4 * _STATES**6) // 8
_WHITE, _BLACK = 2, 3
_SETTLED = 14.0  # log odds, a chance of 10⁻⁶, that are left as the network says


class Doubts(NamedTuple):
    """Pixels whose colour is not settled, n of them.

    Attributes:
        logits: what the network says of each, (n,).
        black: whether it is, (n,).
        if_black, if_white: the classes of the nine patterns that hold it, it being black or white,
            (n, 9); where the frame ends before the pattern does, 0 on either side.
    """

    logits: NDArray[np.float32]
    black: NDArray[np.bool_]
    if_black: NDArray[np.uint16]
    if_white: NDArray[np.uint16]


@lru_cache(maxsize=1)
def classes() -> NDArray[np.int32]:
    """The class of each pattern by its number, (4⁹,): turns and mirror images are of one class.

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
    """States of pixels: 0 and 1 white and black for certain, 2 and 3 by chance.

    Args:
        given: what is known of the images.
        images: 0 or 1, (b, 1, H, W).

    Returns:
        (b, H, W).
    """
    by_chance = given.odds.abs() < CERTAIN
    return (images + 2 * by_chance)[:, 0].to(torch.int8).cpu().numpy()


def in_doubt(seen: NDArray[np.int8], logits: torch.Tensor, phase: tuple[int, int]) -> Doubts:
    """Every other pixel of every other row, but for those of which nothing need be learned.

    Args:
        seen: states of all pixels, (b, H, W).
        logits: what the network says of these, (b, 1, H, W).
        phase: row and column to begin with, each 0 or 1.

    Returns:
        Of pixels by chance that the network is not as good as certain of.
    """
    says = logits[:, 0].cpu().numpy()
    asked = (..., slice(phase[0], None, 2), slice(phase[1], None, 2))
    n = int(((seen[asked] >= _WHITE) & (np.abs(says[asked]) < _SETTLED)).sum())
    found = Doubts(
        np.zeros(n, np.float32), np.zeros(n, np.bool_),
        np.zeros((n, 9), np.uint16), np.zeros((n, 9), np.uint16),
    )  # fmt: skip
    row, column = phase
    _fill(seen.copy(), says, classes(), row, column, *found)
    return found


def redrawn(
    before: NDArray[np.int8],
    logits: torch.Tensor,
    potentials: torch.Tensor,
    phase: tuple[int, int],
    coins: torch.Tensor,
) -> NDArray[np.int8]:
    """Every other pixel of every other row drawn anew, one after the other.

    What is certain stays, and potentials leave alone what the network is as good as certain of;
    all others follow the law that ``potentials.learn`` states.

    Args:
        before: states of all pixels, (b, H, W).
        logits: what the network says of the pixels to be drawn, (b, 1, H, W).
        potentials: θ of each class.
        phase: row and column to begin with, each 0 or 1.
        coins: uniform on 0 < u ≤ 1, (b, 1, H, W).

    Returns:
        States of all pixels after, (b, H, W).
    """
    worth = potentials.cpu().double().numpy()[classes()]
    after = before.copy()
    says, coin = (of[:, 0].cpu().numpy() for of in (logits, coins))
    _redraw(after, says, worth, *phase, coin)
    return after


@kernel
def _number(states: NDArray[np.int8], y: int, x: int) -> int:
    """Of the pattern about a pixel that is not on the border of (H, W)."""
    number = 0
    for i in range(y - 1, y + 2):
        for j in range(x - 1, x + 2):
            number = 4 * number + states[i, j]
    return number


@kernel
def _fill(
    states: NDArray[np.int8],
    logits: NDArray[np.float32],
    class_of: NDArray[np.int32],
    first_row: int,
    first_column: int,
    said: NDArray[np.float32],
    black: NDArray[np.bool_],
    if_black: NDArray[np.uint16],
    if_white: NDArray[np.uint16],
) -> None:
    b, height, width = states.shape
    k = 0
    for image in range(b):
        now = states[image]
        for y in range(first_row, height, 2):
            for x in range(first_column, width, 2):
                real = now[y, x]
                if real < _WHITE or abs(logits[image, y, x]) >= _SETTLED:
                    continue
                said[k], black[k] = logits[image, y, x], real == _BLACK
                for i in range(max(y - 1, 1), min(y + 2, height - 1)):
                    for j in range(max(x - 1, 1), min(x + 2, width - 1)):
                        place = 3 * (i - y + 1) + j - x + 1
                        now[y, x] = _BLACK
                        if_black[k, place] = class_of[_number(now, i, j)]
                        now[y, x] = _WHITE
                        if_white[k, place] = class_of[_number(now, i, j)]
                now[y, x] = real
                k += 1


@kernel
def _worth(states: NDArray[np.int8], worth: NDArray[np.float64], y: int, x: int) -> float:
    """Σ θ over the patterns that hold a pixel of (H, W), up to nine."""
    height, width = states.shape
    total = 0.0
    for i in range(max(y - 1, 1), min(y + 2, height - 1)):
        for j in range(max(x - 1, 1), min(x + 2, width - 1)):
            total += worth[_number(states, i, j)]
    return total


@kernel
def _redraw(
    states: NDArray[np.int8],
    logits: NDArray[np.float32],
    worth: NDArray[np.float64],
    first_row: int,
    first_column: int,
    coins: NDArray[np.float32],
) -> None:
    b, height, width = states.shape
    for image in range(b):
        now = states[image]
        for y in range(first_row, height, 2):
            for x in range(first_column, width, 2):
                if now[y, x] < _WHITE:
                    continue
                odds = float(logits[image, y, x])
                if abs(odds) < _SETTLED:
                    now[y, x] = _BLACK
                    odds += _worth(now, worth, y, x)
                    now[y, x] = _WHITE
                    odds -= _worth(now, worth, y, x)
                black = coins[image, y, x] <= 1 / (1 + math.exp(-odds))
                now[y, x] = _BLACK if black else _WHITE
