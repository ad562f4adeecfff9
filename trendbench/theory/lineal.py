"""White runs along an axis: the lineal path of the white phase, as the lattice sees it."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trendbench.process.intensity import LinearIntensity
from trendbench.theory.geometry import disk_area, lens_area


def run_area(n: ArrayLike, radius: float) -> NDArray[np.float64]:
    """Area of the disks around n consecutive pixels of a line: A + (n − 1)·(A − ν(1)).

    Args:
        n: number of pixels, ≥ 1, any shape.
        radius: R ≥ ½ [px].

    Returns:
        Areas [px²], shape of ``n``.
    """
    area = disk_area(radius)
    union: NDArray[np.float64] = area + (np.asarray(n) - 1) * (area - lens_area(1.0, radius))
    return union


def white_run(
    midpoint: ArrayLike, n: ArrayLike, intensity: LinearIntensity, radius: float
) -> NDArray[np.float64]:
    """Probability that n consecutive pixels of a row or a column are all white.

    exp(−λ(m)·(A + (n − 1)·(A − ν(1)))): disks around points in line overlap pairwise only, so
    each further pixel adds the same crescent; m is the x of the run's middle.

    Args:
        midpoint: x of the middle of the run [px].
        n: number of pixels, ≥ 1; broadcast against ``midpoint``.
        intensity: λ(·).
        radius: R [px].

    Source: lineal path of a Boolean model, Torquato, Random Heterogeneous Materials (2002),
    section 5.2, with the segment replaced by lattice points.
    """
    return np.exp(-intensity(midpoint) * run_area(n, radius))
