"""Reconstruction by simulated annealing: images whose two-point statistics reach their targets.

S2(h) is the probability that both pixels of a pair at lag h are black. With a trend it depends on
the place, so pairs along rows (d = x) and along columns (d = y) are counted in vertical bands b,
by the midpoint of the pair:

    S2_d(b, h) = (black-black pairs in band b at lag h along d)/(all such pairs), h = 1 … L.

Its mean over the training images is the target T. An image starts as independent pixels, black
with the training images' coverage p of their column. A step exchanges a black and a white pixel of
one column, which leaves the profile as it is. The white one must have a black pixel beside it. The
step changes the energy

    E = Σ_d Σ_b Σ_h (S2_d(b, h) − T_d(b, h))²

by ΔE, and is taken with probability min(1, exp(−ΔE/θ)). The temperature θ falls geometrically.
Only the pairs of the two pixels are counted again.

Source: Yeong & Torquato, Reconstructing random media, Physical Review E 57, 495 (1998); acceptance
after Metropolis, Rosenbluth, Rosenbluth, Teller & Teller, Journal of Chemical Physics 21, 1087
(1953); steps at interfaces after Rozman & Utz, Efficient reconstruction of multiphase morphologies
from correlation functions, Physical Review E 63, 066701 (2001).
"""

import math
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from trendbench.compiling import kernel
from trendbench.generators.geostatistics.generator import (
    Arrays,
    Checked,
    Pixels,
    Pixelwise,
)
from trendbench.process.images import BLACK
from trendbench.process.triplets import Triplets

_TRIALS = 1000  # steps of the start that the first temperature is found from
_BLOCK = 64  # training images that are held at once
_USUAL_WIDTH = 256  # for which parameters are counted before fitting

Pairs = NDArray[np.float64]  # (2, bands, lags): along rows, along columns


class Settings(Checked):
    """Everything a recipe can state about annealing.

    Attributes:
        lags: L, the longest lag [px]; a smaller frame has shorter ones alone.
        bands: vertical bands of equal width; a frame of fewer columns has one a column.
        swaps: steps per pixel of the frame.
        acceptance: probability with which the start's mean uphill step is taken.
        cooling: the factor by which the temperature falls while each pixel has one step.
    """

    lags: Annotated[int, Field(ge=1, le=1024)]
    bands: Annotated[int, Field(ge=1, le=1024)]
    swaps: Annotated[float, Field(gt=0, le=1e6)]
    acceptance: Annotated[float, Field(gt=0, lt=1)]
    cooling: Annotated[float, Field(gt=0, lt=1)]


class TwoPointAnnealing(Pixelwise[Settings]):
    """Coverage by column and S2 by band of the training images, without inputs.

    Args:
        **settings: the fields of ``Settings``.

    Source: as above.
    """

    settings_type = Settings

    @property
    def parameters(self) -> int:
        """Column coverages and values of S2, as 256² images have them before fitting."""
        if self.learned is not None:
            return sum(array.size for array in self.learned.values())
        return _USUAL_WIDTH + 2 * self.settings.bands * self.settings.lags

    def learn(self, train: Triplets, trends: int) -> Arrays:
        """``coverage``, (k, W), and ``s2``, (k, 2, bands, lags), of each of k trends, float64."""
        n, (height, width) = len(train), train.r.shape[1:]
        k = min(trends, n)
        coverage, pairs = np.zeros((k, width)), np.zeros((k, *self._shape(height, width)))
        for start in range(0, n, _BLOCK):
            black = train.r[start : min(start + _BLOCK, n)] == BLACK
            for i, image in enumerate(black.astype(np.uint8), start):
                coverage[i % k] += image.mean(axis=0)
                add_pairs(image, pairs[i % k])
        images = np.bincount(np.arange(n) % k)
        everywhere = np.maximum(all_pairs(height, width, pairs[0]), 1)
        s2 = pairs / everywhere / images[:, None, None, None]
        return {"coverage": coverage / images[:, None], "s2": s2}

    def fits(self, learned: Arrays, height: int, width: int) -> bool:
        """Whether loaded arrays can be drawn from."""
        coverage, s2 = learned["coverage"], learned["s2"]
        if any(a.dtype != np.float64 or np.any((a < 0) | (a > 1)) for a in (coverage, s2)):
            return False
        k = len(coverage)
        return k > 0 and (coverage.shape, s2.shape) == (
            (k, width), (k, *self._shape(height, width))
        )  # fmt: skip

    def draw(self, learned: Arrays, height: int, width: int, rng: np.random.Generator) -> Pixels:
        """One image: independent pixels, annealed towards the targets."""
        settings = self.settings
        trend = int(rng.integers(len(learned["s2"])))
        black: Pixels = np.asarray(
            rng.random((height, width)) < learned["coverage"][trend], dtype=np.uint8
        )
        excess, weight = misfit(black, learned["s2"][trend])
        steps = math.ceil(settings.swaps * black.size)
        cooling = settings.cooling ** (1 / black.size)
        anneal(black, excess, weight, steps, settings.acceptance, cooling, rng)
        return black

    def _shape(self, height: int, width: int) -> tuple[int, int, int]:
        lags = min(self.settings.lags, max(height, width) - 1)
        return 2, min(self.settings.bands, width), lags


def all_pairs(height: int, width: int, like: Pairs) -> Pairs:
    """All pairs of a frame's pixels by direction, band and lag, in an array like ``like``."""
    pairs = np.zeros_like(like)
    add_pairs(np.ones((height, width), dtype=np.uint8), pairs)
    return pairs


def misfit(black: Pixels, target: Pairs) -> tuple[Pairs, Pairs]:
    """Black pairs beyond their target, and their weights: E = Σ weight · excess².

    Args:
        black: 1 for black, (H, W).
        target: T, (2, bands, lags).

    Returns:
        Both like ``target``. The weight is 1/(all pairs)², and 0 where a frame has no such pair.
    """
    pairs = all_pairs(black.shape[0], black.shape[1], target)
    excess = -target * pairs
    add_pairs(black, excess)
    return excess, np.divide(1, pairs**2, out=np.zeros_like(pairs), where=pairs > 0)


@kernel
def _band_of(width: int, bands: int) -> NDArray[np.int64]:
    """Band of the midpoint (c + c' + 1)/2 of columns c, c', by c + c' + 1, (2W,)."""
    return np.arange(2 * width) * bands // (2 * width)


@kernel
def add_pairs(black: NDArray[np.uint8], pairs: NDArray[np.float64]) -> None:
    """Count an image's black-black pairs in.

    Args:
        black: 1 for black, 0 for white, (H, W).
        pairs: (2, bands, lags), changed in place: pairs along rows, pairs along columns.
    """
    height, width = black.shape
    band = _band_of(width, pairs.shape[1])
    for r in range(height):
        for c in range(width):
            if black[r, c]:
                for h in range(1, pairs.shape[2] + 1):
                    if c + h < width and black[r, c + h]:
                        pairs[0, band[2 * c + h + 1], h - 1] += 1
                    if r + h < height and black[r + h, c]:
                        pairs[1, band[2 * c + 1], h - 1] += 1


@kernel
def _turn(
    black: NDArray[np.uint8],
    r: int,
    c: int,
    band: NDArray[np.int64],
    excess: NDArray[np.float64],
    weight: NDArray[np.float64],
    touched: NDArray[np.int64],
    n: int,
) -> tuple[float, int]:
    """Turn one pixel black or white and update the excess: the change of energy.

    A term weight · e² changes by weight · (±2e + 1) when a pair comes or goes. The flat index of
    each such term goes into ``touched`` behind its first n entries; their new number is returned.
    """
    height, width = black.shape
    bands, lags = excess.shape[1:]
    terms, weights = excess.ravel(), weight.ravel()
    by = -1.0 if black[r, c] else 1.0
    first, own = n, (bands + band[2 * c + 1]) * lags - 1
    for h in range(1, lags + 1):  # no branch on colour: the next entry replaces a white pixel's
        if c >= h:
            touched[n] = band[2 * c - h + 1] * lags + h - 1
            n += black[r, c - h]
        if c + h < width:
            touched[n] = band[2 * c + h + 1] * lags + h - 1
            n += black[r, c + h]
        if r >= h:
            touched[n] = own + h
            n += black[r - h, c]
        if r + h < height:
            touched[n] = own + h
            n += black[r + h, c]
    change = 0.0
    for k in touched[first:n]:
        change += weights[k] * (2 * by * terms[k] + 1)
        terms[k] += by
    black[r, c] = 1 - black[r, c]
    return change, n


@kernel
def _has_black_beside(black: NDArray[np.uint8], r: int, c: int) -> bool:
    """Whether one of the four adjacent pixels is black."""
    height, width = black.shape
    return bool(
        (r > 0 and black[r - 1, c])
        or (r + 1 < height and black[r + 1, c])
        or (c > 0 and black[r, c - 1])
        or (c + 1 < width and black[r, c + 1])
    )


@kernel
def anneal(
    black: NDArray[np.uint8],
    excess: NDArray[np.float64],
    weight: NDArray[np.float64],
    steps: int,
    acceptance: float,
    cooling: float,
    rng: np.random.Generator,
) -> None:
    """Exchange black and white pixels within columns, in place.

    A step draws a column, and a black and a white pixel of it. Nothing happens if the white one
    has no black pixel beside it. The first temperature is mean uphill ΔE/−log(acceptance), from
    trial steps that are undone.

    Args:
        black: 1 for black, 0 for white, (H, W).
        excess: of ``misfit``, (2, bands, lags), kept up to date.
        weight: of ``misfit``.
        steps: how many, those included in which nothing happens.
        acceptance: probability of the mean uphill step at the first temperature.
        cooling: factor of the temperature at each step.
        rng: source of the steps.
    """
    height, width = black.shape
    band, terms = _band_of(width, excess.shape[1]), excess.ravel()
    touched = np.empty(8 * excess.shape[2] + 1, dtype=np.int64)
    rows = np.empty((width, height), dtype=np.int64)  # of each column, the black ones first
    count = np.zeros(width, dtype=np.int64)
    for c in range(width):
        at = 0
        for colour in (1, 0):
            for r in range(height):
                if black[r, c] == colour:
                    rows[c, at] = r
                    at += 1
                    count[c] += colour
    uphill, found, theta = 0.0, 0, 0.0
    for step in range(-_TRIALS, steps):
        if step == 0 and found:
            theta = uphill / found / -math.log(acceptance)
        theta *= cooling
        c = int(rng.random() * width)
        if count[c] in (0, height):
            continue
        i = int(rng.random() * count[c])
        j = count[c] + int(rng.random() * (height - count[c]))
        on, off = rows[c, i], rows[c, j]
        if not _has_black_beside(black, off, c):
            continue
        less, n = _turn(black, on, c, band, excess, weight, touched, 0)
        more, last = _turn(black, off, c, band, excess, weight, touched, n)
        change = less + more
        if step < 0 and change > 0:
            uphill += change
            found += 1
        if step >= 0 and (change <= 0 or (theta > 0 and rng.random() < math.exp(-change / theta))):
            rows[c, i], rows[c, j] = off, on
            continue
        black[on, c], black[off, c] = 1, 0
        for k in touched[:n]:
            terms[k] += 1
        for k in touched[n:last]:
            terms[k] -= 1
