"""What a data file of pictures keeps of them beside the images."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trendbench.families.images.process import PictureSet
from trendbench.families.images.shown import digest
from trendbench.families.images.sources import Sources


def made_of(
    held_out: NDArray[np.uint8],
    *,
    characteristic_length: float,
    inputs: bool,
    pixel_size: float | None,
    pixel_unit: str | None,
) -> dict[str, Any]:
    """The fields of a task's spec that say of which process it is.

    Args:
        held_out: the r of the test split, (m, H, W) uint8.
        characteristic_length: where the covariance along y has fallen to 1/e [px].
        inputs: whether there are s1 and s2.
        pixel_size: of a pixel, in ``pixel_unit``; None where the files do not say.
        pixel_unit: for example "µm".
    """
    _, height, width = held_out.shape
    return {
        "family": PictureSet.family,
        "width": width,
        "height": height,
        "characteristic_length": characteristic_length,
        "inputs": inputs,
        "held_out_sha256": digest(held_out),
        "pixel_size": pixel_size,
        "pixel_unit": pixel_unit,
    }


def sources_of(source: NDArray[np.int64]) -> Sources:
    """The latents of triplets that were cut from these sources, (n,)."""
    return Sources(source)
