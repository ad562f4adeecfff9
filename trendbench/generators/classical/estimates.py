"""Estimated parameters with their errors: the content of estimates.json."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from trendbench.families.disks.estimation.particles import Radius
from trendbench.families.disks.estimation.window import Window, process_of
from trendbench.families.disks.process import Coupling, Disks
from trendbench.generators.classical.prior import End, joined
from trendbench.theory import cramer_rao

_LEAST = 1e-3


class _Numbers(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


class Coefficient(_Numbers):
    """λ₀ [px⁻²] or k [px⁻³].

    Attributes:
        estimate, standard_error: as fitted.
        cramer_rao: the least standard error of any unbiased estimate from the germs of as many
            images, on the dilated frame, at the estimated trend.
        efficiency: (cramer_rao/standard_error)².
    """

    estimate: float
    standard_error: float = Field(ge=0)
    cramer_rao: float = Field(ge=0)
    efficiency: float = Field(ge=0)


class Estimates(_Numbers):
    """All that is needed to draw, and how well it is known.

    Attributes:
        width, height, coupling: of the task.
        training_images: n.
        one_trend: whether all triplets have the same trend. If not, each pair of inputs says which
            of them is denser, and lambda0, k are of one trend's r.
        lambda0, k: the trend fitted to the training r.
        radius: R.
        left, right: λ of s1 and of s2 over the images of the task.
    """

    width: int = Field(ge=1)
    height: int = Field(ge=1)
    coupling: Coupling
    training_images: int = Field(ge=1)
    one_trend: bool = True
    lambda0: Coefficient
    k: Coefficient
    radius: Radius
    left: End
    right: End

    @model_validator(mode="after")
    def _exists(self) -> Self:
        self.process(self.left.mean, self.right.mean)
        return self

    @property
    def window(self) -> Window:
        """The frame dilated by R."""
        return Window(self.width, self.height, self.radius.estimate)

    def process(self, left: float, right: float, *, rising: bool = True) -> Disks:
        """The task with these λ's, in their order and λ ≥ 0 where germs are.

        The order is that of all images, or ``rising`` where triplets have trends of their own.

        The smaller end is raised to max·R/(W + R) where the line would be negative within R of
        the frame, and to the larger one where the two have changed places.
        """
        if self.one_trend:
            rising = self.left.mean <= self.right.mean
        return process_of(left, right, self.window, self.coupling, rising=rising)


def assembled(
    coupling: Coupling,
    images: int,
    window: Window,
    trend: tuple[NDArray[np.float64], NDArray[np.float64]],
    radius: Radius,
    left: End,
    right: End,
    *,
    one_trend: bool,
) -> Estimates:
    """Everything a row has estimated, put together.

    Under ``independent`` r has germs of its own, and its trend's ends sharpen the λ's of s1 and
    s2. Under ``thinning`` they are those of s1 and s2 again and tell nothing new.

    Args:
        coupling: of the task.
        images: number of training triplets.
        window: of the germs.
        trend: (λ₀, k) of r and its covariance.
        radius: R.
        left: λ of s1.
        right: λ of s2.
        one_trend: whether all triplets have the same trend.
    """
    line, covariance = trend
    lambda0, k = coefficients(line, covariance, images, window)
    if coupling == "independent" and one_trend:
        at_ends = np.array([[1.0, 0.0], [1.0, window.width]])
        means, errors = at_ends @ line, np.sqrt(np.diag(at_ends @ covariance @ at_ends.T))
        left = joined(left, float(means[0]), float(errors[0]))
        right = joined(right, float(means[1]), float(errors[1]))
    return Estimates(
        width=window.width, height=window.height, coupling=coupling, training_images=images,
        one_trend=one_trend,
        lambda0=lambda0, k=k, radius=radius, left=left, right=right,
    )  # fmt: skip


def coefficients(
    line: NDArray[np.float64], covariance: NDArray[np.float64], images: int, window: Window
) -> tuple[Coefficient, Coefficient]:
    """λ₀ and k beside their Cramér–Rao bounds at the fitted trend.

    Where λ falls to 0 within the dilated frame the information would be infinite; the bound is
    that of a trend whose least λ is a thousandth of its larger end.

    Args:
        line: (λ₀, k).
        covariance: (2, 2).
        images: n.
        window: of the germs.
    """
    left, right = float(line[0]), float(line[0] + line[1] * window.width)
    process = process_of(left, right, window, "thinning", rising=left <= right, slack=_LEAST)
    bounds = cramer_rao(process, images=images, dilated=True)
    errors = np.sqrt(np.diag(covariance))
    lambda0, k = (
        Coefficient(
            estimate=float(value),
            standard_error=float(error),
            cramer_rao=bound,
            efficiency=float((bound / error) ** 2) if error > 0 else 0.0,
        )
        for value, error, bound in zip(line, errors, bounds, strict=True)
    )
    return lambda0, k
