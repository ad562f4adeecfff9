"""One image of germs, for tests of the rasteriser and of what reads its images."""

import numpy as np

from trendbench.families.disks.raster import draw_series


def draw_disks(image, x, y, member, bit, radius):
    """Draw the disks of the germs whose bit is set."""
    offsets, bits = np.array([0, x.size]), np.array([bit], dtype=np.uint8)
    draw_series(offsets, x, y, member, bits, radius, image[None, None])
