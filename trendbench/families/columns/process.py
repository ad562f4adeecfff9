"""The process: visits to random columns of a canvas, several germs a visit, disks of one size."""

import math
from collections.abc import Callable, Mapping
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from trendbench.process.family import Change, Images, Law, Process
from trendbench.process.images import Image
from trendbench.process.latent import Latent

SCALE = 3  # canvas px per px
_DISK_AREA = 293  # canvas px²
_PerVisit = Annotated[float, Field(ge=0, le=100, examples=[0.2])]


class Columns(Process):
    """Columns x of a canvas are visited at random; a visit leaves Poisson(λ(x)) disks in it.

    The canvas has 3W × 3H px. Each of ``columns`` visits draws x uniformly from 1 … 3W − 1, with
    replacement. Its germs have y uniform over the free rows of column x. A row is banned from a
    visit if the four canvas pixels at distance 9 px (left, right, above, below) are all black
    before it. Germs of one visit keep 10 canvas px apart. A disk is every canvas pixel within
    9.5 canvas px of the germ's pixel, 293 of them, clipped at the border. Pixel (r, c) of the image
    takes canvas pixel (3r + 1, 3c + 1). λ is linear in x in r, constant in s1 and s2. The three
    images are drawn independently.

    Attributes:
        width: W of the frame [px].
        height: H of the frame [px].
        columns: number of visits.
        per_visit_left: λ at x = 0, which is that of s1 [germs per visit].
        per_visit_right: λ at x = W, which is that of s2 [germs per visit].

    Raises:
        pydantic.ValidationError: a number is out of range.
    """

    family: ClassVar[str] = "columns"
    ends: ClassVar[tuple[str, ...]] = ("per_visit_left", "per_visit_right")

    columns: Annotated[int, Field(ge=1, le=1_000_000, examples=[230])]
    per_visit_left: _PerVisit
    per_visit_right: _PerVisit

    @property
    def length(self) -> float:
        """Radius of a circle with the mean area of a disk, 293/9 px²: 3.219 px."""
        return math.sqrt(_DISK_AREA / math.pi) / SCALE

    @property
    def about(self) -> str:
        """What black is."""
        return "disks whose centres come in columns"

    @property
    def laws(self) -> frozenset[Law]:
        """None."""
        return frozenset()

    def per_visit_of(self, image: Image) -> tuple[float, float]:
        """λ of an image at x = 0 and at x = W [germs per visit]."""
        left, right = self.per_visit_left, self.per_visit_right
        return {"s1": (left, left), "s2": (right, right), "r": (left, right)}[image]

    def draw(self, rng: np.random.Generator, of: Image) -> Images:
        """One image (H, W) uint8, see ``drawing.py``."""
        from trendbench.families.columns.drawing import draw

        return draw(self.width, self.height, self.columns, self.per_visit_of(of), rng)

    @classmethod
    def compile(cls) -> bool:
        """Make the kernel ready. True if this call had to compile it."""
        from trendbench.families.columns.drawing import cache_misses

        before = cache_misses()
        tiny = Columns(width=8, height=8, columns=4, per_visit_left=1.0, per_visit_right=1.0)
        tiny.draw(np.random.default_rng(0), "r")
        return cache_misses() > before

    def changes(self) -> Mapping[str, Change]:
        """A smaller slope; more visits with fewer germs each."""

        def slope(size: float) -> Columns:
            left, right = self.per_visit_left, self.per_visit_right
            middle, half = (left + right) / 2, (right - left) / 2 * (1 - size)
            return self.model_copy(
                update={"per_visit_left": middle - half, "per_visit_right": middle + half}
            )

        def columns(size: float) -> Columns:
            visits = round(self.columns * (1 + size))
            share = self.columns / visits
            return self.model_copy(
                update={
                    "columns": visits,
                    "per_visit_left": self.per_visit_left * share,
                    "per_visit_right": self.per_visit_right * share,
                }
            )

        def change(altered: Callable[[float], Columns], meaning: str) -> Change:
            def images(latents: Latent, rng: np.random.Generator, size: float) -> Images:
                process = altered(size)
                drawn = np.empty((len(latents), self.height, self.width), dtype=np.uint8)
                for image in drawn:
                    image[:] = process.draw(rng, "r")
                return drawn

            return Change(images, meaning)

        return {
            "slope": change(slope, "slope smaller"),
            "columns": change(columns, "more visits, fewer germs each"),
        }
