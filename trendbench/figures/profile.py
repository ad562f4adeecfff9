"""ξ(k): density profiles over their exact mean and exact envelope."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trendbench import theory
from trendbench.families.disks.process import Disks
from trendbench.figures.canvas import BAND, MODEL, MUTED, TRUTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_THREADS = 6  # single profiles that are drawn one by one


def draw_truth(axes: "Axes", process: Disks, window: int) -> None:
    """The exact mean of ξ_k and the 95 % envelope of one true image, global over k."""
    mean = theory.mean_profile(process, window)
    spread = np.sqrt(np.diag(theory.profile_covariance(process, window)))
    reach = theory.envelope_factor(process, window) * spread
    k = np.arange(1, mean.size + 1)
    axes.fill_between(
        k, mean - reach, mean + reach, color=BAND, linewidth=0,
        label="95 % of true images lie wholly here",
    )  # fmt: skip
    axes.plot(k, mean, color=TRUTH, linewidth=1.4, label="exact mean")
    axes.set(xlabel="k [px]", ylabel="density ξ(k)", xlim=(1, mean.size), ylim=(0, None))


def draw_model(axes: "Axes", profiles: NDArray[np.float64], name: str) -> None:
    """A model's mean profile and a few single ones, profiles (n, K)."""
    k = np.arange(1, profiles.shape[1] + 1)
    for profile in profiles[:_THREADS]:
        axes.plot(k, profile, color=MUTED, linewidth=0.5, alpha=0.7)
    axes.plot(k, profiles.mean(axis=0), color=MODEL, linewidth=1.4, label=f"{name}, mean")
