"""Fisher information on the trend, and the Cramér–Rao bound."""

import math

import numpy as np
from numpy.typing import NDArray

from trendbench.arguments import whole
from trendbench.spec import Task, process_of


def fisher_information(process: Task, *, dilated: bool = False) -> NDArray[np.float64]:
    """Information on intercept and slope of the trend in what one image follows from, (2, 2).

    Args:
        process: the task.
        dilated: whether what lies beyond the frame counts too, as far as images depend on it.

    Raises:
        LawError: the family does not state it.
        InputError: there is no such task, or the information is infinite.
    """
    return process_of(process).information(dilated=dilated)


def cramer_rao(process: Task, *, images: int = 1, dilated: bool = False) -> tuple[float, float]:
    """Least standard errors of unbiased estimates of intercept and slope, in the trend's units.

    The roots of the diagonal of I⁻¹/n for n independent images.

    Raises:
        LawError, InputError: as ``fisher_information``, or n is no whole number ≥ 1.
    """
    images = whole(images, "images", 1)
    bound = np.linalg.inv(fisher_information(process, dilated=dilated)) / images
    return math.sqrt(bound[0, 0]), math.sqrt(bound[1, 1])
