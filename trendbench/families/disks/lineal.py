"""The lineal path of the white phase on the lattice: white pixels in line along an axis."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trendbench.arguments import fitting, numbers
from trendbench.families.disks.geometry import disk_area, lens_area
from trendbench.families.disks.intensity import Intensity, rate


def run_area(n: ArrayLike, radius: float) -> NDArray[np.float64]:
    """Area of the disks around n consecutive pixels of a line: A + (n − 1)·(A − ν(1)).

    Args:
        n: number of pixels, ≥ 1, any shape.
        radius: R ≥ ½ [px].

    Returns:
        Areas [px²], shape of ``n``.

    Raises:
        InputError: n is below 1, or R no positive number.
    """
    further = numbers(n, "n", least=1) - 1
    area = disk_area(radius)
    union: NDArray[np.float64] = area + further * (area - lens_area(1.0, radius))
    return union


def white_run(
    midpoint: ArrayLike, n: ArrayLike, intensity: Intensity, radius: float
) -> NDArray[np.float64]:
    """Probability that n consecutive pixels of a row or a column are all white.

    exp(−λ(m)·(A + (n − 1)·(A − ν(1)))): disks around points in line overlap pairwise only, so
    each further pixel adds the same crescent; m is the x of the run's middle.

    Args:
        midpoint: x of the middle of the run [px].
        n: number of pixels, ≥ 1; broadcast against ``midpoint``.
        intensity: λ(·), or a constant [px⁻²].
        radius: R [px].

    Raises:
        InputError: as ``coverage`` and ``run_area``, or the shapes do not fit.

    Source: lineal path of a Boolean model, Torquato, Random Heterogeneous Materials (2002),
    section 5.2, with the segment replaced by lattice points.
    """
    midpoint, n = fitting(midpoint=midpoint, n=n)
    return np.exp(-rate(intensity, midpoint) * run_area(n, radius))
