"""A third party's family: dead leaves, black with a probability that is linear in x.

Disks of radius R fall one after another until they cover the frame, and later ones hide earlier
ones. A leaf whose centre is at x is black with probability p(x), else white. The leaf that shows in
a pixel has its centre uniform on the disk of radius R around the pixel. The mean of a linear p over
that disk is p at the pixel: the coverage is exact.

Source: Matheron, Schéma booléen séquentiel de partition aléatoire, Fontainebleau 1968.
"""

import math
from typing import Annotated, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from trendbench.process.family import Images, Process
from trendbench.process.images import BLACK, WHITE, Image

_Coverage = Annotated[float, Field(ge=0, le=1, examples=[0.2])]


class DeadLeaves(Process):
    """Leaves of radius R; p(x) is linear in x in r, constant in s1 and s2.

    Attributes:
        width: W of the frame [px].
        height: H of the frame [px].
        radius: R of the leaves [px].
        coverage_left: p at x = 0, which is that of s1.
        coverage_right: p at x = W, which is that of s2.
    """

    family: ClassVar[str] = "dead-leaves"
    ends: ClassVar[tuple[str, ...]] = ("coverage_left", "coverage_right")

    radius: Annotated[float, Field(ge=0.5, le=1000, examples=[3.0])]
    coverage_left: _Coverage
    coverage_right: _Coverage

    @model_validator(mode="after")
    def _exists(self) -> Self:
        ends = self._p(np.array([-self.radius, self.width + self.radius]), "r")
        if ends.min() < 0 or ends.max() > 1:
            raise ValueError(
                f"p would run from {ends[0]:.3g} to {ends[1]:.3g} within R = {self.radius:g} px of "
                "the frame, and must stay in [0, 1]; bring coverage_left and coverage_right closer"
            )
        return self

    @property
    def length(self) -> float:
        """R [px]."""
        return self.radius

    def coverage(self, x: ArrayLike, of: Image = "r") -> NDArray[np.float64]:
        """p(x)."""
        return self._p(np.asarray(x, dtype=np.float64), of)

    def draw(self, rng: np.random.Generator, of: Image) -> Images:
        """One image (H, W) uint8.

        Layers of leaves are drawn from the front to the back until no pixel is free. A layer fills
        what the layers before it have left free.
        """
        image = np.zeros((self.height, self.width), dtype=np.uint8)
        free = np.ones(image.shape, dtype=bool)
        while free.any():
            layer, covered = self._layer(rng, of)
            shown = free & covered
            image[shown] = layer[shown]
            free &= ~covered
        return image

    def _layer(self, rng: np.random.Generator, of: Image) -> tuple[Images, NDArray[np.bool_]]:
        """Some leaves and the pixels that they cover, each (H, W)."""
        margin, reach = self.radius, math.ceil(self.radius)
        width, height = self.width + 2 * margin, self.height + 2 * margin
        n = math.ceil(3 * width * height / (math.pi * margin**2))
        x, y, mark = rng.random((3, n)) * [[width], [height], [1]] - [[margin], [margin], [0]]
        colour = np.where(mark < self._p(x, of), BLACK, WHITE).astype(np.uint8)
        # the pixels around each leaf; of those in several leaves the last assignment stands
        near = np.arange(-reach - 1, reach + 1)
        column = np.floor(x).astype(int)[:, None, None] + near
        row = np.floor(y).astype(int)[:, None, None] + near[:, None]
        apart = np.hypot(column + 0.5 - x[:, None, None], row + 0.5 - y[:, None, None])
        inside = (column >= 0) & (column < self.width) & (row >= 0) & (row < self.height)
        leaf, i, j = np.nonzero(inside & (apart <= margin))
        at = row[leaf, i, 0], column[leaf, 0, j]
        layer = np.zeros((self.height, self.width), dtype=np.uint8)
        covered = np.zeros(layer.shape, dtype=bool)
        layer[at], covered[at] = colour[leaf], True
        return layer, covered

    def _p(self, x: NDArray[np.float64], of: Image) -> NDArray[np.float64]:
        """Value of p at x [px], also beyond the frame."""
        left, right = self.coverage_left, self.coverage_right
        left, right = {"s1": (left, left), "s2": (right, right), "r": (left, right)}[of]
        return left + (right - left) * x / self.width
