"""How the coverage follows from two coefficients: a generalised linear model of the columns."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Link = Literal["identity", "complementary log"]
_LARGEST_EXPONENT = 700.0  # exp of more overflows


@dataclass(frozen=True)
class Trend:
    """Coverage p(x) = g(η(x)) with η(x) = offset + scale·(intercept + slope·x).

    g(η) = η for the link ``identity``, and 1 − exp(−η) for ``complementary log``.

    Attributes:
        names: of intercept and slope, as people know them.
        units: of intercept and slope.
        intercept, slope: of the process.
        link: see above.
        scale, offset: see above.
    """

    names: tuple[str, str]
    units: tuple[str, str]
    intercept: float
    slope: float
    link: Link
    scale: float = 1.0
    offset: float = 0.0

    def at(self, x: ArrayLike) -> NDArray[np.float64]:
        """Intercept + slope·x, any shape of x [px]."""
        return self.intercept + self.slope * np.asarray(x, dtype=np.float64)

    def coverage(self, eta: NDArray[np.float64]) -> NDArray[np.float64]:
        """g(η)."""
        if self.link == "identity":
            return eta
        return -np.expm1(-np.maximum(eta, -_LARGEST_EXPONENT))

    def predictor(self, coverage: NDArray[np.float64]) -> NDArray[np.float64]:
        """η of a coverage in (0, 1)."""
        return coverage if self.link == "identity" else -np.log1p(-coverage)

    def derivative(self, coverage: NDArray[np.float64]) -> NDArray[np.float64]:
        """dp/dη at a coverage."""
        return np.ones_like(coverage) if self.link == "identity" else 1 - coverage
