"""What is learned, and what an image is drawn from: values alone."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FEATURES = 19  # of a grain given all others
KEPT, NEW = 0, 1  # the networks: of grains of the inputs, and of all others

Placed = NDArray[np.int32]  # (n, 3): shape, row and column of the anchor


class Shapes(NamedTuple):
    """G shapes as runs of black pixels, relative to an anchor near their middle.

    Attributes:
        masks: the shapes around their anchors, (G, 2·reach + 1, 2·reach + 1).
        runs: (row, first column, length) of each run, from the middle row outwards, (G, m, 3);
            unused ones have length 0.
        cores: the runs that all shapes of a size share, (sizes, c, 3).
        areas: pixels of each shape, (G,).
        weights: relative frequency of each shape, (G,); cumulative: their running sum.
        reach: no pixel is further from the anchor in y or in x [px].
        inside: whether each shape lies inside each other one, anchor upon anchor, (G, G).
        classes: number of the size that each shape belongs to, the largest being 0, (G,).
        starts, ids: the shapes that differ where the frame cuts them, see ``_where_cut``.
    """

    masks: NDArray[np.bool_]
    runs: NDArray[np.int32]
    cores: NDArray[np.int32]
    areas: NDArray[np.int32]
    weights: NDArray[np.float64]
    cumulative: NDArray[np.float64]
    reach: int
    inside: NDArray[np.bool_]
    classes: NDArray[np.int32]
    starts: NDArray[np.int64]
    ids: NDArray[np.int32]


class Scene(NamedTuple):
    """What an image is drawn from.

    Attributes:
        white1, white2: whether a pixel of s1 and of s2 is white, (H, W); s2 is the denser.
        offered: grains of the two inputs, (n, 3).
        first: how many of them are of s1.
        density1, density2: log(−log(share of white)) of s1 and s2.
        free: columns at the left and the right border in which r may have black that s2 lacks.
        held: columns there beyond which r has all black of s1.
        shapes: of grains.
        diameter: of a disk of the mean area [px].
    """

    white1: NDArray[np.bool_]
    white2: NDArray[np.bool_]
    offered: Placed
    first: int
    density1: float
    density2: float
    free: int
    held: int
    shapes: Shapes
    diameter: float


class Networks(NamedTuple):
    """Two networks of two hidden layers with SiLU, the first axis being ``KEPT`` and ``NEW``.

    Attributes:
        mean, scale: of the features, (2, FEATURES).
        w1, b1, w2, b2, w3, b3: weights, (2, h, FEATURES), (2, h), (2, h, h), (2, h), (2, h), (2,).
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    w1: NDArray[np.float64]
    b1: NDArray[np.float64]
    w2: NDArray[np.float64]
    b2: NDArray[np.float64]
    w3: NDArray[np.float64]
    b3: NDArray[np.float64]


class Model(NamedTuple):
    """What is learned.

    Attributes:
        shapes: of grains.
        networks: of the conditional intensity.
        expected: grains of r that the inputs do not offer, on average, rounded.
        borders: columns at each border in which r may have black that s2 lacks, and in which it may
            lack black of s1; W where it may everywhere.
        frame: (height, width) of the training images.
    """

    shapes: Shapes
    networks: Networks
    expected: int
    borders: tuple[int, int]
    frame: tuple[int, int]
