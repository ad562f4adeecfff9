"""The intensity of the germs, linear in x."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trendbench.arguments import numbers
from trendbench.errors import InputError

Intensity = Callable[[ArrayLike], NDArray[np.float64]] | float


@dataclass(frozen=True)
class LinearIntensity:
    """λ(x) = λ_left + k·x with k = (λ_right − λ_left)/W, in germs per px².

    Args:
        left: λ(0) [px⁻²].
        right: λ(W) [px⁻²].
        width: W [px].
    """

    left: float
    right: float
    width: int

    @property
    def k(self) -> float:
        """Slope of the trend [px⁻³]."""
        return (self.right - self.left) / self.width

    def __call__(self, x: ArrayLike) -> NDArray[np.float64]:
        """λ at x [px], any shape; also beyond the frame."""
        return self.left + self.k * np.asarray(x, dtype=np.float64)

    def extremes(self, margin: float) -> tuple[float, float]:
        """Least and largest λ on [−margin, W + margin]."""
        ends = (self.left - self.k * margin, self.right + self.k * margin)
        return min(ends), max(ends)


def rate(intensity: Intensity, x: ArrayLike) -> NDArray[np.float64]:
    """λ at x [px]: of a function that is linear in x, or of a constant.

    Raises:
        InputError: x is no number, or ``intensity`` neither a function nor a number ≥ 0.
    """
    x = numbers(x, "x")
    if callable(intensity):
        return intensity(x)
    constant = numbers(intensity, "intensity", least=0)
    if constant.ndim:
        raise InputError(
            f"intensity has shape {constant.shape}: needed is a number [px⁻²], or a function "
            "that is linear in x, as spec.intensity is"
        )
    return np.full_like(x, constant)
