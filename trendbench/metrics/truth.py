"""What the task says of true images: the side of every score that is not measured."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trendbench import theory
from trendbench.spec import TaskSpec


@dataclass(frozen=True, eq=False)
class Truth:
    """Exact and training-set references of one data file.

    Attributes:
        spec: the task.
        xi0: ξ₀, the profile averaged over the training r images, (W − w + 1,).
        training_images: how many it was averaged over.
        thumbnails: of the images that must not be remembered, (m, d); None where only closed
            forms are asked for.
    """

    spec: TaskSpec
    xi0: NDArray[np.float64]
    training_images: int
    thumbnails: NDArray[np.float32] | None = None

    @cached_property
    def mean_profile(self) -> NDArray[np.float64]:
        """E ξ_k, exact, (W − w + 1,)."""
        return theory.mean_profile(self.spec, self.spec.window)

    @cached_property
    def profile_covariance(self) -> NDArray[np.float64]:
        """Cov(ξ_k, ξ_l), exact, (W − w + 1, W − w + 1)."""
        return theory.profile_covariance(self.spec, self.spec.window)

    @cached_property
    def xi_floor(self) -> float:
        """E ξ of a true image against this ξ₀: Σ_k Var(ξ_k)/(W − w) · (1 + 1/n)."""
        return theory.xi_floor(self.spec, self.spec.window, self.training_images)

    @property
    def normaliser(self) -> int:
        """W − w, as ξ is printed."""
        return self.spec.width - self.spec.window
