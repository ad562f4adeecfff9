"""Images that are nearly true: each change spoils one property, and most keep the profile.

Images are drawn without regard to the inputs. A change of size 0 gives true images.
"""

from collections.abc import Callable

import numpy as np
import scipy
from numpy.typing import NDArray

from trendbench.families.excursion.field import field
from trendbench.families.excursion.process import Excursion
from trendbench.process.family import Change, Images
from trendbench.process.images import BLACK, WHITE, pixel_centres
from trendbench.process.latent import Latent

_PERIODS = 4  # of the waves, to the height of the frame
_SHORT = 3  # times shorter is the field that makes phases rough
Rng = np.random.Generator
Array = NDArray[np.float64]


def changes(process: Excursion) -> dict[str, Change]:
    """The changes of a process, by name."""
    height, width, sigma = process.height, process.width, process.sigma
    x, y = pixel_centres(width), (pixel_centres(height) / height)[:, None]
    p = process.coverage(x)
    middle = (process.coverage_left + process.coverage_right) / 2

    def smooth(rng: Rng, along_y: float = sigma, along_x: float = sigma) -> Array:
        return field(height, width, along_y, along_x, rng)

    def with_coverage(altered: Callable[[float], Array]) -> Callable[[Rng, float], Images]:
        return lambda rng, size: _black(smooth(rng), altered(size))

    def slopes(rng: Rng, size: float) -> Images:
        share = 1 + size if rng.random() < 0.5 else 1 - size
        return _black(smooth(rng), middle + (p - middle) * share)

    def longer(rng: Rng, size: float) -> Images:
        return _black(smooth(rng, sigma * (1 + size), sigma * (1 + size)), p)

    def ellipses(rng: Rng, size: float) -> Images:
        return _black(smooth(rng, sigma / (1 + size), sigma * (1 + size)), p)

    def rough(rng: Rng, size: float) -> Images:
        short = smooth(rng, sigma / _SHORT, sigma / _SHORT)
        return _black(np.sqrt(1 - size) * smooth(rng) + np.sqrt(size) * short, p)

    def change(draw: Callable[[Rng, float], Images], meaning: str) -> Change:
        def images(latents: Latent, rng: Rng, size: float) -> Images:
            drawn = np.empty((len(latents), height, width), dtype=np.uint8)
            for image in drawn:
                image[:] = draw(rng, size)
            return drawn

        return Change(images, meaning)

    slope = with_coverage(lambda size: middle + (p - middle) * (1 - size))
    along_y = with_coverage(lambda size: p + size * p * (1 - p) * (2 * y - 1))
    wave = np.sin(2 * np.pi * _PERIODS * y)
    waves = with_coverage(lambda size: p + size * p * (1 - p) * wave)
    outer = np.minimum(x, width - x) < process.length
    border = with_coverage(lambda size: np.where(outer, p * (1 - size), p))
    return {
        "slope": change(slope, "slope smaller"),
        "slopes": change(slopes, "two slopes"),
        "along-y": change(along_y, "coverage changing along y"),
        "waves": change(waves, "waves along y"),
        "border": change(border, "coverage smaller at the borders"),
        "sigma": change(longer, "σ larger"),
        "ellipses": change(ellipses, "σ larger along x, smaller along y"),
        "rough": change(rough, "a share of the variance at σ/3"),
    }


def _black(z: Array, coverage: Array) -> Images:
    """Black where the field exceeds the level of a coverage, clipped to [0, 1]."""
    level = -scipy.special.ndtri(np.clip(coverage, 0, 1))
    return np.where(z > level, np.uint8(BLACK), np.uint8(WHITE))
