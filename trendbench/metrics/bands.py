"""Vertical bands of the frame, over which local statistics are averaged.

The statistics change along x with the intensity; within a band they are averaged over the
positions of their midpoints, and the exact values are averaged over the very same midpoints.
"""

import numpy as np
from numpy.typing import NDArray

BANDS = 4


def band_means(values: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.float64]:
    """Means over ``BANDS`` nearly equal runs of the last axis: (…, m) to (…, BANDS).

    Where m < BANDS some runs are empty and give 0.
    """
    m = values.shape[-1]
    ends = (np.arange(1, BANDS + 1) * m) // BANDS
    starts = np.concatenate([[0], ends[:-1]])
    sums = np.concatenate(
        [np.zeros((*values.shape[:-1], 1)), np.cumsum(values, axis=-1, dtype=np.float64)], axis=-1
    )
    return (sums[..., ends] - sums[..., starts]) / np.maximum(ends - starts, 1)
