"""Two-point probability, digital perimeter and Euler number, from a process's own laws."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trendbench.arguments import fitting, numbers
from trendbench.process.images import Image
from trendbench.spec import Task, process_of

CONFIGURATIONS = 16
_DIAGONALS = (0b1001, 0b0110)


def s2(
    process: Task, midpoint: ArrayLike, lag: ArrayLike, of: Image = "r", *, along_x: bool
) -> NDArray[np.float64]:
    """Two-point probability S2: both of two pixels black.

    Args:
        process: the task.
        midpoint: x of the point halfway between the pixels [px].
        lag: their distance [px], along a row or along a column; broadcast against ``midpoint``.
        of: of which image.
        along_x: the pixels lie in a row, otherwise in a column.

    Raises:
        LawError: the family states no law of two pixels.
        InputError: no numbers, or the shapes do not fit.
    """
    middle, apart = fitting(midpoint=midpoint, lag=numbers(lag, "lag", least=0))
    step, down = (apart / 2, 0.0) if along_x else (0.0, apart)
    return process_of(process).pair_black(middle - step, middle + step, down, of)


def edge_probability(
    process: Task, x: ArrayLike, of: Image = "r", *, along_x: bool
) -> NDArray[np.float64]:
    """Probability that two neighbouring pixels differ in colour: p₁ + p₂ − 2p₁₂.

    The digital perimeter is the number of such pairs inside the frame; the frame's own border
    does not count.

    Args:
        process: the task.
        x: x of the middle of the pair [px].
        of: of which image.
        along_x: neighbours in a row, otherwise in a column.

    Raises:
        LawError, InputError: as ``s2``.
    """
    at, process = numbers(x, "x"), process_of(process)
    step = 0.5 if along_x else 0.0
    alone = process.coverage(at - step, of) + process.coverage(at + step, of)
    return alone - 2 * s2(process, at, 1.0, of, along_x=along_x)


def euler_weights() -> NDArray[np.float64]:
    """Gray's weight of each 2×2 configuration in the Euler number of the black phase, (16,).

    χ = ¼·(#one black − #three black − 2·#diagonal), for 8-connected black and 4-connected white.
    Summed over all 2×2 windows of an image that is framed in white, this is the number of black
    components minus the number of holes. The score and its expectation sum over the windows inside
    the frame instead.

    Source: Gray, Local properties of binary images, IEEE Trans. Comput. C-20, 551 (1971).
    """
    weights = np.zeros(CONFIGURATIONS)
    for black in range(CONFIGURATIONS):
        count = black.bit_count()
        weights[black] = {1: 1.0, 3: -1.0}.get(count, 0.0)
    weights[list(_DIAGONALS)] = -2.0
    return weights / 4


def euler_density(process: Task, x: ArrayLike, of: Image = "r") -> NDArray[np.float64]:
    """Expected contribution of a 2×2 window centred at x to the Euler number [px⁻²].

    Raises:
        LawError: the family does not state the law of 2×2 pixels.
        InputError: x is no number.
    """
    return process_of(process).quads(x, of) @ euler_weights()
