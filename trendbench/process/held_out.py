"""Pictures that stand for a law which nobody can draw from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The true pictures of a data file's test split.

    Attributes:
        s1, s2, r: (m, H, W) uint8.
        source: (m,) int64, the picture that each was cut from. Tiles of one source are dependent;
            sources are independent.
    """

    s1: NDArray[np.uint8]
    s2: NDArray[np.uint8]
    r: NDArray[np.uint8]
    source: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.r)
