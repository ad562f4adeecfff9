"""The characteristic length of pictures: where their covariance has fallen to 1/e."""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

_LEVEL = math.exp(-1.0)
_SHORTEST = 0.5  # px


def characteristic_length(black: Iterable[NDArray[np.bool_]]) -> float:
    """The distance h [px] along y at which C(h) = C(0)/e, between lags by a straight line.

    C(h) = mean_x [P(both black at distance h in column x) − p(x)²], p(x) over all pictures. The
    law changes along x alone, so that columns are stationary. For disks it is about their radius.

    Args:
        black: pictures (H, W) of one size.
    """
    pictures = [picture.astype(np.float32) for picture in black]
    height = pictures[0].shape[0]
    p = np.mean([picture.mean(axis=0) for picture in pictures], axis=0)
    lags = range(height // 2 + 1)
    covariance = np.array([_at(pictures, p, lag) for lag in lags])
    if covariance[0] <= 0:
        return _SHORTEST
    ratio = covariance / covariance[0]
    below = np.flatnonzero(ratio < _LEVEL)
    if not below.size:
        return max(float(height) / 4, _SHORTEST)
    h = int(below[0])
    step = float(ratio[h - 1] - _LEVEL) / float(ratio[h - 1] - ratio[h])
    return max(h - 1 + step, _SHORTEST)


def _at(pictures: list[NDArray[np.float32]], p: NDArray[np.float32], lag: int) -> float:
    rows = pictures[0].shape[0] - lag
    both = np.mean([(x[:rows] * x[lag:]).mean(axis=0) for x in pictures], axis=0)
    return float((both - np.square(p)).mean())
