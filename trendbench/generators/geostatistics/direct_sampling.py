"""Direct sampling: each pixel is copied from a place of a training image with like neighbours.

Pixels are drawn in random order. For pixel u, the data event is the n nearest pixels already
drawn, at lags h_1 … h_n. A place y of a training image Z has the distance

    d(y) = (1/n) Σ_i [Z(y + h_i) ≠ I(u + h_i)],

the share of differing neighbours. Places are scanned from a random one on. The first with d ≤ t
gives I(u) = Z(y). After a share f of one image's places, the one of least distance among them gives
it. The trend enters by an auxiliary variable, the place along x: only columns within a tolerance of
u's own are scanned.

Source: Mariethoz, Renard & Straubhaar, The Direct Sampling method to perform multiple-point
geostatistical simulations, Water Resources Research 46, W11536 (2010); auxiliary variable after
Chugunova & Hu, Multiple-point simulations constrained by continuous auxiliary data, Mathematical
Geosciences 40 (2008).
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
    Count,
    Pixels,
    Pixelwise,
)
from trendbench.process.images import BLACK
from trendbench.process.triplets import Triplets

_UNKNOWN = 2  # a pixel that is not drawn yet
_BLOCK = 64  # training images that are held as bytes at once


class Settings(Checked):
    """Everything a recipe can state about direct sampling.

    Attributes:
        images: at most so many training images are kept and scanned, the first ones.
        neighbours: n, the most pixels of a data event.
        reach: neighbours are at most so far away [px].
        threshold: t, the share of neighbours that may differ.
        fraction: f, the most places that are scanned, over those of one image; above 1 for several.
        tolerance: columns further than this from the pixel's own are not scanned [px].
    """

    images: Count
    neighbours: Annotated[int, Field(ge=1, le=4096)]
    reach: Annotated[int, Field(ge=1, le=512)]
    threshold: Annotated[float, Field(ge=0, lt=1)]
    fraction: Annotated[float, Field(gt=0, le=1 << 16)]
    tolerance: Annotated[int, Field(ge=0, le=1 << 16)]


class DirectSampling(Pixelwise[Settings]):
    """Multiple-point statistics of the training images, without inputs.

    Args:
        **settings: the fields of ``Settings``.

    Source: as above.
    """

    settings_type = Settings
    parameters = 0  # images are kept, and nothing is estimated

    def used_of(self, n: int) -> int:
        """The first ``images`` ones."""
        return min(self.settings.images, n)

    def learn(self, train: Triplets, trends: int) -> Arrays:
        """``images``, (m, H, ⌈W/8⌉) uint8, eight pixels a byte, and ``trend``, (m,) int64."""
        kept = self.used_of(len(train))
        blocks = [
            np.packbits(train.r[start : min(start + _BLOCK, kept)] == BLACK, axis=2)
            for start in range(0, kept, _BLOCK)
        ]
        return {"images": np.concatenate(blocks), "trend": np.arange(kept) % trends}

    def fits(self, learned: Arrays, height: int, width: int) -> bool:
        """Whether loaded arrays can be drawn from."""
        images, trend = learned["images"], learned["trend"]
        return (
            images.dtype == np.uint8
            and images.ndim == 3
            and images.shape[1:] == (height, math.ceil(width / 8))
            and 1 <= len(images) <= self.settings.images
            and trend.dtype == np.int64
            and trend.shape == images.shape[:1]
        )

    def draw(self, learned: Arrays, height: int, width: int, rng: np.random.Generator) -> Pixels:
        """One image, from the training images of one trend."""
        trend, numbers = learned["trend"], self.settings
        own = learned["images"][trend == rng.choice(np.unique(trend))]
        training = np.unpackbits(own, axis=2, count=width)
        path = rng.permutation(height * width)
        lags = lags_by_distance(min(numbers.reach, max(height, width)), rng)
        return simulate(
            training, path, lags, numbers.neighbours, numbers.threshold, numbers.fraction,
            numbers.tolerance, rng,
        )  # fmt: skip


def lags_by_distance(reach: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Lags (rows, columns) of length 0 < h ≤ reach, the shortest first, equal ones shuffled.

    Args:
        reach: [px].
        rng: source of the order among equal lengths.

    Returns:
        (m, 2).
    """
    side = np.arange(-reach, reach + 1)
    lags = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
    squared = (lags**2).sum(axis=1)
    lags = rng.permutation(lags[(squared > 0) & (squared <= reach**2)])
    return lags[np.argsort((lags**2).sum(axis=1), kind="stable")]


@kernel
def simulate(
    training: NDArray[np.uint8],
    path: NDArray[np.int64],
    lags: NDArray[np.int64],
    neighbours: int,
    threshold: float,
    fraction: float,
    tolerance: int,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """One image by direct sampling.

    The training images together are what is scanned, row by row, then image by image, from a
    random place on. Only places where the whole data event lies in the image count.

    Args:
        training: black pixels 1, others 0, (m, H, W).
        path: the order of pixels, row · W + column, (H·W,).
        lags: ``lags_by_distance``.
        neighbours: n.
        threshold: t.
        fraction: f, over the places of one image.
        tolerance: of columns [px].
        rng: source of the first places.

    Returns:
        (H, W) uint8, 1 for black.
    """
    m, height, width = training.shape
    flat = training.reshape(m, height * width)
    drawn = np.full((height, width), _UNKNOWN, dtype=np.uint8)
    step = np.empty(neighbours, dtype=np.int64)
    value = np.empty(neighbours, dtype=np.uint8)
    for u in path:
        row, column = u // width, u % width
        n = top = bottom = left = right = 0  # the data event and how far it extends
        for k in range(len(lags)):
            dr, dc = lags[k, 0], lags[k, 1]
            r, c = row + dr, column + dc
            if r < 0 or r >= height or c < 0 or c >= width or drawn[r, c] == _UNKNOWN:
                continue
            step[n], value[n] = dr * width + dc, drawn[r, c]
            top, bottom = min(top, dr), max(bottom, dr)
            left, right = min(left, dc), max(right, dc)
            n += 1
            if n == neighbours:
                break
        first_row, last_row = -top, height - 1 - bottom
        first_column = max(column - tolerance, -left)
        last_column = min(column + tolerance, width - 1 - right)
        across = last_column - first_column + 1
        places = (last_row - first_row + 1) * across  # of one image
        z = int(rng.random() * m)
        r = first_row + int(rng.random() * (last_row - first_row + 1))
        c = first_column + int(rng.random() * across)
        least, copied = n + 1, np.uint8(0)
        for _ in range(min(math.ceil(fraction * places), m * places)):
            y = r * width + c
            differing = 0
            for k in range(n):
                if flat[z, y + step[k]] != value[k]:
                    differing += 1
                    if differing == least:
                        break
            if differing < least:
                least, copied = differing, flat[z, y]
                if differing <= threshold * n:
                    break
            c += 1
            if c > last_column:
                c, r = first_column, r + 1
                if r > last_row:
                    r, z = first_row, (z + 1) % m
        drawn[row, column] = copied
    return drawn
