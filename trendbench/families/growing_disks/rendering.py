"""Images of germs."""

import numpy as np
from numpy.typing import NDArray

from trendbench.families.disks.germs import IN_R, IN_S1, IN_S2, Germs
from trendbench.families.disks.raster import draw_series
from trendbench.families.growing_disks.process import GrowingDisks

Images = NDArray[np.uint8]


def render(germs: Germs, process: GrowingDisks, out: Images) -> None:
    """Draw s1, s2 and r of every triplet into ``out``, (3, n, H, W).

    r is the black of s1, and the disks of radius R₂ around the germs that have grown.
    """
    _draw(germs, [IN_S1], process.radius_left, out[:1])
    _draw(germs, [IN_S2, IN_R], process.radius_right, out[1:])
    np.minimum(out[0], out[2], out=out[2])


def render_r(germs: Germs, process: GrowingDisks, *, scale: float = 1.0) -> Images:
    """The r of germs, (n, H, W); both radii are multiplied by ``scale``."""
    small, large = np.empty((2, 1, len(germs), process.height, process.width), dtype=np.uint8)
    _draw(germs, [IN_S1], scale * process.radius_left, small)
    _draw(germs, [IN_R], scale * process.radius_right, large)
    images: Images = np.minimum(small[0], large[0], out=large[0])
    return images


def _draw(germs: Germs, bits: list[int], radius: float, images: Images) -> None:
    shown = np.array(bits, dtype=np.uint8)
    draw_series(germs.offsets, germs.x, germs.y, germs.member, shown, radius, images)
