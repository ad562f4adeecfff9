"""Images that are nearly true: each change spoils one property and keeps others.

A change is drawn from the same random numbers whatever its size, so that images of different size
differ by no more than the change.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from trendbench.families.disks.germs import IN_R, Germs, as_germs
from trendbench.families.growing_disks.germs import marked
from trendbench.families.growing_disks.process import GrowingDisks
from trendbench.families.growing_disks.rendering import render_r
from trendbench.process.family import Change, Images
from trendbench.process.images import BLACK, WHITE
from trendbench.process.latent import Latent

_MOST = 2.0  # largest share of the intensity that a change asks for
_MARGIN = 1.5  # reach of the largest changed disk, in radii R₂
Rng = np.random.Generator


def changes(process: GrowingDisks) -> Mapping[str, Change]:
    """The changes of a process, by name. Unconditional ones draw germs of their own."""
    conditional = {
        "slope": (_slope, "slope κ smaller"),
        "radius": (_radius, "radii larger"),
    }
    alone = {
        "larger": (_larger, "radii larger, fewer germs"),
        "along-y": (_along_y, "intensity changing along y"),
        "waves": (_waves, "waves along y"),
        "border": (_border, "germs beyond the border missing"),
        "slopes": (_slopes, "two slopes"),
        "ellipses": (_ellipses, "ellipses"),
    }
    return {
        name: Change(partial(draw, process), meaning, conditional=table is conditional)
        for table in (conditional, alone)
        for name, (draw, meaning) in table.items()
    }


def _slope(process: GrowingDisks, latents: Latent, rng: Rng, size: float) -> Images:
    return render_r(_redrawn(process, latents, rng, 1 - size), process)


def _radius(process: GrowingDisks, latents: Latent, rng: Rng, size: float) -> Images:
    return render_r(_redrawn(process, latents, rng), process, scale=1 + size)


def _larger(process: GrowingDisks, latents: Latent, rng: Rng, size: float) -> Images:
    germs = _Candidates(process, len(latents), rng)
    return render_r(germs.thinned(1 / (1 + size) ** 2), process, scale=1 + size)


def _along_y(process: GrowingDisks, latents: Latent, rng: Rng, size: float) -> Images:
    germs = _Candidates(process, len(latents), rng)
    share = 1 + size * np.clip(2 * germs.y / process.height - 1, -1, 1)
    return render_r(germs.thinned(share), process)


def _waves(process: GrowingDisks, latents: Latent, rng: Rng, size: float) -> Images:
    germs = _Candidates(process, len(latents), rng)
    share = 1 + size * np.sin(8 * np.pi * germs.y / process.height)
    return render_r(germs.thinned(share), process)


def _border(process: GrowingDisks, latents: Latent, rng: Rng, size: float) -> Images:
    germs = _Candidates(process, len(latents), rng)
    beyond = (germs.x < 0) | (germs.x > process.width)
    return render_r(germs.thinned(np.where(beyond, 1 - size, 1.0)), process)


def _slopes(process: GrowingDisks, latents: Latent, rng: Rng, size: float) -> Images:
    germs = _Candidates(process, len(latents), rng)
    sign = np.where(germs.owner % 2, 1.0, -1.0)
    return render_r(germs.thinned(1.0, slope=1 + sign * size), process)


def _ellipses(process: GrowingDisks, latents: Latent, rng: Rng, size: float) -> Images:
    germs = _Candidates(process, len(latents), rng).thinned(1.0)
    owner = np.repeat(np.arange(len(germs)), np.diff(germs.offsets))
    radius = np.where(germs.member & IN_R, process.radius_right, process.radius_left)
    # +1 where a row of an ellipse begins, −1 after its end
    ends = np.zeros((len(germs), process.height, process.width + 1), dtype=np.int32)
    reach = int(np.ceil(process.radius_right)) + 1
    for down in range(-reach, reach + 1):
        r = np.floor(germs.y).astype(int) + down
        square = radius**2 - np.square((r + 0.5 - germs.y) * (1 + size))
        met = np.flatnonzero((square >= 0) & (r >= 0) & (r < process.height))
        half = np.sqrt(square[met]) * (1 + size)
        first = np.ceil(germs.x[met] - 0.5 - half).clip(0, process.width).astype(int)
        last = np.floor(germs.x[met] - 0.5 + half).clip(-1, process.width - 1).astype(int)
        np.add.at(ends, (owner[met], r[met], first), last >= first)
        np.add.at(ends, (owner[met], r[met], last + 1), -1 * (last >= first))
    black = ends.cumsum(axis=2)[:, :, :-1] > 0
    return np.where(black, BLACK, WHITE).astype(np.uint8)


def _redrawn(process: GrowingDisks, latents: Latent, rng: Rng, slope: float = 1.0) -> Germs:
    """The same germs with new marks, κ being ``slope`` times as large."""
    germs = as_germs(latents)
    chance = _chance(process, germs.x, slope)
    return marked(germs.offsets, germs.x, germs.y, rng.random(germs.x.size), chance)


def _chance(
    process: GrowingDisks, x: NDArray[np.float64], slope: float | NDArray[np.float64]
) -> NDArray[np.float64]:
    """ρ(x) with a slope of κ·``slope`` about mid-frame."""
    return process.rho(x) + (slope - 1) * process.rho.k * (x - process.width / 2)


class _Candidates:
    """Poisson germs of n images with intensity 2λ, to be thinned.

    Attributes:
        x: places along the columns [px], shape (m,); y: along the rows.
        owner: the image of each germ.
    """

    def __init__(self, process: GrowingDisks, n: int, rng: Rng) -> None:
        self._process, self._n = process, n
        reach = _MARGIN * process.radius_right
        area = (process.width + 2 * reach) * (process.height + 2 * reach)
        self.owner = np.repeat(np.arange(n), rng.poisson(_MOST * process.intensity * area, n))
        self.x = rng.uniform(-reach, process.width + reach, self.owner.size)
        self.y = rng.uniform(-reach, process.height + reach, self.owner.size)
        self._level = _MOST * rng.random(self.owner.size)
        self._mark = rng.random(self.owner.size)

    def thinned(
        self,
        share: float | NDArray[np.float64],
        slope: float | NDArray[np.float64] = 1.0,
    ) -> Germs:
        """Germs of intensity λ·share, marked; κ is ``slope`` times as large."""
        kept = self._level < share
        counts = np.bincount(self.owner[kept], minlength=self._n)
        grown = _chance(self._process, self.x, slope)
        offsets = np.concatenate([[0], np.cumsum(counts)])
        return marked(offsets, self.x[kept], self.y[kept], self._mark[kept], grown[kept])
