"""Images: their two grey values, their names in a triplet, the places of their columns."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trendbench.arguments import whole

WHITE = 255
BLACK = 0  # the phase whose coverage has the trend
Image = Literal["s1", "s2", "r"]
IMAGES: tuple[Image, ...] = ("s1", "s2", "r")


def pixel_centres(width: int) -> NDArray[np.float64]:
    """Centres of the pixel columns: c + ½ for c = 0 … W − 1 [px]."""
    width = whole(width, "width", 1)
    return np.arange(width, dtype=np.float64) + 0.5
