"""Images of germs."""

import numpy as np
from numpy.typing import NDArray

from trendbench.families.disks.germs import IN_R, IN_S1, IN_S2, as_germs
from trendbench.families.disks.process import Disks
from trendbench.families.disks.raster import draw_series
from trendbench.process.latent import Latent

_BITS = np.array([IN_S1, IN_S2, IN_R], dtype=np.uint8)


def render(latents: Latent, radius: float, images: NDArray[np.uint8]) -> None:
    """Draw s1, s2 and r of every triplet into ``images``, shape (3, n, H, W)."""
    germs = as_germs(latents)
    draw_series(germs.offsets, germs.x, germs.y, germs.member, _BITS, radius, images)


def render_r(latents: Latent, process: Disks, *, radius: float | None = None) -> NDArray[np.uint8]:
    """The images of the germs that are members of r, (n, H, W); of another radius if given."""
    germs = as_germs(latents)
    images = np.empty((1, len(germs), process.height, process.width), dtype=np.uint8)
    draw_series(
        germs.offsets, germs.x, germs.y, germs.member, _BITS[2:], radius or process.radius, images
    )
    only: NDArray[np.uint8] = images[0]
    return only


def cache_misses() -> int:
    """How often this process compiled the kernel that draws, as the disk had no code of it."""
    return sum(draw_series.stats.cache_misses.values())  # type: ignore[attr-defined]
