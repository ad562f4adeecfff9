"""Areas of disks and of their intersections."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


def disk_area(radius: float) -> float:
    """A = πR² [px²]."""
    return math.pi * radius * radius


def lens_area(h: ArrayLike, radius: float) -> NDArray[np.float64]:
    """Area common to two disks of radius R whose centres are h apart.

    ν(h) = 2R² arccos(h/2R) − (h/2)·√(4R² − h²) for h < 2R, else 0.

    Args:
        h: distances ≥ 0 [px], any shape.
        radius: R [px].

    Returns:
        ν(h) [px²], shape of ``h``.
    """
    h = np.minimum(np.asarray(h, dtype=np.float64), 2 * radius)
    lens: NDArray[np.float64] = 2 * radius**2 * np.arccos(h / (2 * radius)) - h / 2 * np.sqrt(
        4 * radius**2 - h**2
    )
    return lens
