"""What is learned, and what an image is drawn from: values alone."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

S1, R, S2 = 1, 2, 4  # bits of a mark: the images of a triplet that have the grain
MARKS = 7  # all of them but 0
FEATURES = 23  # of a place given the grains around it
PLACE = 8  # of them, the first ones, do not depend on these grains
COLUMN = 5  # of these, the first ones are functions of the column alone
DENSITY2 = 6  # number of that feature
RINGS = 8  # number of the first of four for each image: grains in rings around the place
STRIPS = 20  # number of the first of three: grains of each image in a strip along y
LEFT, INNER, RIGHT = 0, 1, 2  # zones: beyond the left border, in the frame, beyond the right one

Placed = NDArray[np.int32]  # (n, 3): shape, row and column of the anchor
Marked = NDArray[np.int32]  # (n, 4): the same and the mark


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
        near_starts, near: (shape, rows, columns) of the shapes that differ least from each one,
            moved by as many rows and columns, see ``_nearest``.
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
    near_starts: NDArray[np.int64]
    near: NDArray[np.int32]


class Scene(NamedTuple):
    """What the grains of a triplet are drawn from.

    Attributes:
        runs: black pixels in a row that end at each pixel of s1, r and s2, W in an image that is
            not given, (3, H, W); s2 is the denser input.
        bound: which of the three images are given, (3,).
        density1, density2: log of −log(share of white)/(mean area of a grain) of s1 and s2.
        surplus: log of 1 − the ratio of the two.
        shapes: of grains.
        diameter: of a disk of the mean area [px].
    """

    runs: NDArray[np.int32]
    bound: NDArray[np.bool_]
    density1: float
    density2: float
    surplus: float
    shapes: Shapes
    diameter: float


class Law(NamedTuple):
    """The conditional intensity of grains of each size and mark, by a network with SiLU.

    log λ_k = density2 + output k of two hidden layers of h units; k = MARKS·size + mark − 1.

    Attributes:
        mean, scale: of the features, (FEATURES,).
        w1, b1, w2, b2, w3, b3: weights, (h, FEATURES), (h,), (h, h), (h,), (K, h), (K,).
        shares: of each k among the grains of each zone, (3, K); λ_k is 0 where the share is.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    w1: NDArray[np.float64]
    b1: NDArray[np.float64]
    w2: NDArray[np.float64]
    b2: NDArray[np.float64]
    w3: NDArray[np.float64]
    b3: NDArray[np.float64]
    shares: NDArray[np.float64]


class Model(NamedTuple):
    """What is learned.

    Attributes:
        shapes: of grains.
        law: of their conditional intensity.
        shared: whether the images of a triplet have grains in common.
        expected: grains of r that are in neither input, on average, rounded.
        frame: (height, width) of the training images.
    """

    shapes: Shapes
    law: Law
    shared: bool
    expected: int
    frame: tuple[int, int]
