"""A batch of images and the readings that several scores share, each taken once."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trendbench.metrics import columns
from trendbench.metrics.columns import Words
from trendbench.process.images import WHITE

THRESHOLD = 128


@dataclass(frozen=True)
class Batch:
    """Generated images with what they were generated from.

    Attributes:
        images: (b, H, W) uint8, raw grey.
        window: w of ξ [px].
        s1, s2: the inputs, (b, H, W) uint8; None where the images stand alone.
        target: the true r of the same triplets; None where there is none.
        second: another sample for the same inputs; None where there is none.
        redrawn: a true draw for the same inputs that nobody has seen; None where there is none.
        first: index of the first image in its set; image i has trend i modulo their number.
    """

    images: NDArray[np.uint8]
    window: int
    s1: NDArray[np.uint8] | None = None
    s2: NDArray[np.uint8] | None = None
    target: NDArray[np.uint8] | None = None
    second: NDArray[np.uint8] | None = None
    redrawn: NDArray[np.uint8] | None = None
    first: int = 0

    def trend(self, trends: int) -> NDArray[np.int64]:
        """Which of so many trends each image has, (b,)."""
        return (self.first + np.arange(len(self.images))) % trends

    @cached_property
    def profile(self) -> NDArray[np.float64]:
        """ξ_k of each image, (b, W − w + 1)."""
        return density_profile(self.images, self.window)

    @cached_property
    def black(self) -> NDArray[np.bool_]:
        """Pixels darker than mid-grey, (b, H, W)."""
        return self.images < THRESHOLD

    @cached_property
    def words(self) -> Words:
        """The columns of ``black`` as bit strings, (b, W, ⌈H/64⌉)."""
        return columns.pack(self.black)

    @cached_property
    def density(self) -> NDArray[np.float64]:
        """Black share of each column after thresholding, (b, W)."""
        return columns.count(self.words) / self.images.shape[1]

    @cached_property
    def binary_profile(self) -> NDArray[np.float64]:
        """ξ_k after thresholding, (b, W − w + 1)."""
        darkness = columns.count(self.words) * WHITE
        return _slide(darkness, self.images.shape[1], self.window)


def density_profile(images: NDArray[np.uint8], window: int) -> NDArray[np.float64]:
    """The study's sliding-window density.

    ξ_k = (1/(H·w)) Σ_{c=k−1}^{k+w−2} Σ_r (255 − I[r, c])/255, k = 1 … W − w + 1.

    Args:
        images: (n, H, W) uint8.
        window: w, 1 ≤ w ≤ W.

    Returns:
        (n, W − w + 1). Sums run over integers, so the only rounding is the final division.
    """
    brightness = images.sum(axis=1, dtype=np.int64)
    darkness = WHITE * images.shape[1] - brightness
    return _slide(darkness, images.shape[1], window)


def xi_of(
    profile: NDArray[np.float64], reference: NDArray[np.float64], normaliser: int
) -> NDArray[np.float64]:
    """ξ of each image: (1/(W − w)) Σ_k (ξ_k − ξ₀_k)², from profiles (n, K) to (n,)."""
    return np.square(profile - reference).sum(axis=1) / normaliser


def _slide(darkness: NDArray[np.int64], height: int, window: int) -> NDArray[np.float64]:
    """Column sums of 255 − I, (n, W), to window means of darkness in [0, 1]."""
    sums = np.pad(np.cumsum(darkness, axis=1), ((0, 0), (1, 0)))
    return (sums[:, window:] - sums[:, :-window]) / (WHITE * height * window)
