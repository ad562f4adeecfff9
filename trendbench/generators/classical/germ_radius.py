"""R from germs and images together: it lies between two distances that can be seen.

Every black pixel has a germ within R, every white one has none, so

    max over black pixels of the nearest germ's distance ≤ R < min over white ones of it.

The interval shrinks like 1 over the number of pixels at edges, far faster than a standard error.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from trendbench.errors import RecipeError


def radius_interval(
    images: NDArray[np.uint8], germs: list[NDArray[np.float64]]
) -> tuple[float, float]:
    """Least and largest R that agree with the images and their germs.

    Only pixels at an edge between black and white are looked at: the others say nothing new.

    Args:
        images: (n, H, W) uint8, black 0.
        germs: for each image the (x, y) of its germs [px], (m, 2).

    Returns:
        (low, high) [px], low < high.

    Raises:
        RecipeError: no image shows an edge, or no R agrees with them.
    """
    low, high = 0.0, np.inf
    for image, centres in zip(images, germs, strict=True):
        black = image == 0
        edge = _at_edge(black)
        if not len(centres) or not edge.any():
            continue
        rows, columns = np.nonzero(edge)
        distance, _ = cKDTree(centres).query(np.column_stack([columns, rows]) + 0.5)
        inside = black[edge]
        low = max(low, float(distance[inside].max()))
        high = min(high, float(distance[~inside].min()))
    if not 0 < low <= high < np.inf:
        raise RecipeError(
            f"no radius agrees with the training images and germs: black pixels ask for R ≥ "
            f"{low:.6g} px, white ones for R < {high:.6g} px"
        )
    return low, high


def _at_edge(black: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels with a neighbour of the other colour in their row or column."""
    edge = np.zeros_like(black)
    across, down = black[:, 1:] != black[:, :-1], black[1:] != black[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    return edge
