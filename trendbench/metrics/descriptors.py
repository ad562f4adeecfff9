"""What the linear discriminant measures in one image: counts whose means are the card's scores.

Two-point counts along x, y and both diagonals, lineal paths, 2×2 configurations, lone pixels,
grey, black in vertical and horizontal strips, and black over each of the four states of the two
inputs. Texture and inputs are counted in the vertical bands of the card.
"""

import numpy as np
from numpy.typing import NDArray

from trendbench.metrics import columns
from trendbench.metrics.bands import band_means
from trendbench.metrics.batch import THRESHOLD
from trendbench.metrics.columns import Counts, Words
from trendbench.metrics.grey import DARKEST, LIGHTEST
from trendbench.process.triplets import Triplets

_LAGS = (0.5, 1.0, 2.0, 4.0)  # in lengths, beside a lag of 1 px
_STRIPS = 16  # at most, and none thinner than a length
_BATCH = 128
Features = NDArray[np.float64]


def describe(images: NDArray[np.uint8], given: Triplets, *, conditional: bool) -> Features:
    """The descriptors of each image, (n, d).

    Args:
        images: one for each triplet, (n, H, W) uint8.
        given: the triplets.
        conditional: whether the inputs are looked at.
    """
    parts = []
    for start in range(0, len(images), _BATCH):
        rows = slice(start, start + _BATCH)
        inputs = (given.s1[rows], given.s2[rows]) if conditional else None
        parts.append(_of_batch(images[rows], inputs, given.spec.length))
    return np.concatenate(parts)


def _of_batch(
    images: NDArray[np.uint8],
    inputs: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None,
    length: float,
) -> Features:
    black = images < THRESHOLD
    words, height = columns.pack(black), black.shape[1]
    grey = (images >= DARKEST) & (images <= LIGHTEST)
    parts = [
        grey.mean(axis=(1, 2))[:, None],
        _strips(black.mean(axis=1), length),
        _strips(black.mean(axis=2), length),
        _texture(words, height, length),
        _lone(words, height),
        _lone(~words & columns.rows_mask(height), height),
    ]
    if inputs is not None:
        s1, s2 = (columns.pack(given < THRESHOLD) for given in inputs)
        states = (s1 & s2, s1 & ~s2, ~s1 & s2, ~s1 & ~s2)
        parts += [band_means(columns.count(words & state)) for state in states]
    return np.concatenate(parts, axis=1)


def _strips(profile: NDArray[np.float64], length: float) -> Features:
    """Means of a profile (b, m) over strips of about equal length."""
    m = profile.shape[1]
    number = int(np.clip(m / max(length, 1.0), 1, _STRIPS))
    ends = np.arange(number + 1) * m // number
    sums: Features = np.add.reduceat(profile, ends[:-1], axis=1) / np.diff(ends)
    return sums


def _texture(words: Words, height: int, length: float) -> Features:
    """Counts of pairs, lineal paths and 2×2 configurations in each band, (b, d)."""
    width, mask = words.shape[1], columns.rows_mask(height)
    reach = min(width, height) - 1
    lags = sorted({1, *(round(share * length) for share in _LAGS)} & set(range(1, reach + 1)))
    counts: list[Counts] = []
    for lag in lags:
        down = columns.shift(words, lag)
        counts += [
            columns.count(words[:, lag:] & words[:, :-lag]),
            columns.count(words & down),
            columns.count(words[:, :-lag] & down[:, lag:]),
            columns.count(words[:, lag:] & down[:, :-lag]),
        ]
    white = ~words & mask
    across, along = white, white
    for length in range(2, max(lags, default=0) + 1):
        across = across[:, :-1] & white[:, length - 1 :]
        along = along & columns.shift(white, length - 1)
        if length in lags:
            counts += [columns.count(across), columns.count(along)]
    counts += columns.quads(words, height)
    return np.concatenate([band_means(c) for c in counts], axis=1)


def _lone(words: Words, height: int) -> Features:
    """Pixels unlike their 8 neighbours, the frame's border left out, (b, 1)."""
    middle, below = columns.shift(words, 1), columns.shift(words, 2)
    beside = words | middle | below
    around = beside[:, :-2] | beside[:, 2:] | words[:, 1:-1] | below[:, 1:-1]
    inside = columns.shift(columns.rows_mask(height), 2)
    alone = columns.count(middle[:, 1:-1] & ~around & inside)
    return alone.sum(axis=1, dtype=np.float64)[:, None]
