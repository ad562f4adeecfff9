"""What must hold of germs and images in a data file, beside what every process is held to."""

import math
from collections.abc import Iterator

import numpy as np
import scipy
from numpy.typing import NDArray

from trendbench.families.disks.germs import IN_R, IN_S1, IN_S2, Germs, as_germs
from trendbench.families.disks.intensity import rate
from trendbench.families.disks.process import Disks
from trendbench.process.family import Check
from trendbench.process.images import IMAGES, Image
from trendbench.process.latent import Latent

_SMALLEST_TAIL = math.erfc(5 / math.sqrt(2))  # of counts, which are not Gaussian
_BITS: dict[Image, int] = {"s1": IN_S1, "s2": IN_S2, "r": IN_R}


def checks(process: Disks, latents: Latent) -> Iterator[Check]:
    """Membership of the germs, and their number on the dilated frame."""
    germs = as_germs(latents)
    yield _membership(process, germs)
    for name in IMAGES:
        expected = mean_count(process, name) * len(germs)
        counted = int(germs.counts(_BITS[name]).sum())
        yield counted_check(f"germ count of {name}", counted, expected)


def mean_count(process: Disks, image: Image) -> float:
    """Germs of an image on the dilated frame: λ at the frame's centre times the area."""
    middle = rate(process.intensity_of(image), process.width / 2)
    return float(middle) * process.dilated_area


def counted_check(name: str, counted: int, expected: float) -> Check:
    """A count against the Poisson law of its mean, both tails."""
    law = scipy.stats.poisson(expected)
    tail = 2 * min(law.cdf(counted), law.sf(counted - 1))
    reading = f"{counted}, expected {expected:.0f}, p = {min(tail, 1.0):.2g}"
    return Check(name, bool(tail >= _SMALLEST_TAIL), reading)


def _membership(process: Disks, germs: Germs) -> Check:
    """Under thinning, a germ's membership follows from its mark and place."""
    if process.is_independent:
        shared = int(np.count_nonzero(~np.isin(germs.member, (0, *_BITS.values()))))
        return Check("images share no germ", shared == 0, f"{shared} shared")
    level = germs.mark * process.intensity.extremes(process.radius)[1]
    levels: dict[Image, float | NDArray[np.float64]] = {
        "s1": process.lambda_left,
        "s2": process.lambda_right,
        "r": process.intensity(germs.x),
    }
    off = 0
    for name, bit in _BITS.items():
        shown = np.less(level, levels[name])
        off += int(np.count_nonzero(shown != ((germs.member & bit) != 0)))
    return Check("membership follows the marks", off == 0, f"{off} germs differ")
