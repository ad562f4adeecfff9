"""ξ(k): density profiles over the mean and the envelope of true ones."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trendbench.figures.canvas import BAND, MODEL, MUTED, TRUTH
from trendbench.metrics.truth import PAIRS, true_values
from trendbench.spec import TaskSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_THREADS = 6  # single profiles that are drawn one by one


def draw_truth(axes: "Axes", spec: TaskSpec) -> None:
    """The mean of ξ_k and the 95 % envelope of one true image, global over k.

    Both are exact where the family states the law of two pixels, else estimated.
    """
    values = true_values(spec)
    mean, reach = values.mean_profile, values.envelope
    word = "exact" if spec.laws >= PAIRS else "estimated"
    k = np.arange(1, mean.size + 1)
    axes.fill_between(
        k, mean - reach, mean + reach, color=BAND, linewidth=0,
        label="95 % of true images lie wholly here",
    )  # fmt: skip
    axes.plot(k, mean, color=TRUTH, linewidth=1.4, label=f"{word} mean")
    axes.set(xlabel="k [px]", ylabel="density ξ(k)", xlim=(1, mean.size), ylim=(0, None))


def trend_in_words(spec: TaskSpec) -> str:
    """The values of the trend's parameters at both borders."""
    return " → ".join(f"{getattr(spec, name):g}" for name in spec.ends)


def draw_model(axes: "Axes", profiles: NDArray[np.float64], name: str) -> None:
    """A model's mean profile and a few single ones, profiles (n, K)."""
    k = np.arange(1, profiles.shape[1] + 1)
    for profile in profiles[:_THREADS]:
        axes.plot(k, profile, color=MUTED, linewidth=0.5, alpha=0.7)
    axes.plot(k, profiles.mean(axis=0), color=MODEL, linewidth=1.4, label=f"{name}, mean")
