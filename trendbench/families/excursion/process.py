"""The process: a Gaussian field above a level that follows a coverage linear in x."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from trendbench.arguments import numbers
from trendbench.errors import InputError
from trendbench.process.family import Change, Images, Process
from trendbench.process.images import BLACK, WHITE, Image, pixel_centres
from trendbench.process.trend import Trend

_MOST_WAVES = 30_000_000  # entries of a table of waves: 240 MB
_REACH = 10.5  # of h/σ: the covariance is below exp(−10.5²/4)/2π < 2e-13
_LARGEST_TAU = 40.0  # of atanh ϱ: the rest of the integral is below 1e-17
_Coverage = Annotated[float, Field(gt=0, lt=1, examples=[0.15])]


class Excursion(Process):
    """A pixel is black iff Z > u(x), Z Gaussian with covariance exp(−h²/4σ²).

    u(x) = −Φ⁻¹(p(x)) with p(x) linear in x in r, constant in s1 and s2. The three images have
    fields of their own.

    Attributes:
        width: W of the frame [px].
        height: H of the frame [px].
        sigma: σ [px]; the correlation of the field falls to 1/e at 2σ.
        coverage_left: p at x = 0, which is that of s1.
        coverage_right: p at x = W, which is that of s2.

    Raises:
        pydantic.ValidationError: a number is out of range, or the frame is too large for σ.
    """

    family: ClassVar[str] = "excursion"
    ends: ClassVar[tuple[str, ...]] = ("coverage_left", "coverage_right")

    sigma: Annotated[float, Field(ge=0.1, le=1000, examples=[6.0])]
    coverage_left: _Coverage
    coverage_right: _Coverage

    @model_validator(mode="after")
    def _has_few_waves(self) -> Self:
        from trendbench.families.excursion.field import frequencies

        side = max(self.width, self.height)
        if side * (2 * frequencies(side, self.sigma)[1] + 1) > _MOST_WAVES:
            raise ValueError(
                f"a frame of {side} px with sigma = {self.sigma:g} px needs a table of more than "
                f"the {_MOST_WAVES:.0e} waves allowed; raise sigma or lower the frame"
            )
        return self

    # what is drawn

    @property
    def length(self) -> float:
        """2σ [px], where the field's correlation is 1/e.

        The mean chord of both phases at p = ½ is π√2·σ, so that this is about half of it.
        """
        return 2 * self.sigma

    def draw(self, rng: np.random.Generator, of: Image) -> Images:
        """One image (H, W) uint8, see ``field.py``."""
        from trendbench.families.excursion.field import field

        z = field(self.height, self.width, self.sigma, self.sigma, rng)
        level = self.level(pixel_centres(self.width), of)
        return np.where(z > level, np.uint8(BLACK), np.uint8(WHITE))

    # laws

    def level(self, x: ArrayLike, of: Image = "r") -> NDArray[np.float64]:
        """u(x) = −Φ⁻¹(p(x)), which the field exceeds in black pixels."""
        level: NDArray[np.float64] = -scipy.special.ndtri(self.coverage(x, of))
        return level

    def coverage(self, x: ArrayLike, of: Image = "r") -> NDArray[np.float64]:
        """p(x) = p_left + (p_right − p_left)·x/W; constant in s1 and s2.

        Raises:
            InputError: x is no number, or so far beyond the frame that p leaves (0, 1).
        """
        x = numbers(x, "x")
        if of != "r":
            return np.full_like(x, self.coverage_left if of == "s1" else self.coverage_right)
        p = self.trend.at(x)
        if p.size and not (p.min() > 0 and p.max() < 1):
            raise InputError(
                f"x = {x.ravel()[np.argmax(np.abs(p.ravel() - 0.5))]:g}: the coverage would not "
                f"lie between 0 and 1; needed are places on the frame, 0 to {self.width} px"
            )
        return p

    def pair_black(
        self, x1: ArrayLike, x2: ArrayLike, dy: ArrayLike, of: Image = "r"
    ) -> NDArray[np.float64]:
        """p₁p₂ + covariance."""
        alone = self.coverage(x1, of) * self.coverage(x2, of)
        return alone + self.covariance(x1, x2, dy, of)

    def covariance(
        self, x1: ArrayLike, x2: ArrayLike, dy: ArrayLike, of: Image = "r"
    ) -> NDArray[np.float64]:
        """(1/2π) ∫₀^{arcsin ϱ} exp(−(u² + v² − 2uv sin θ)/(2cos²θ)) dθ, see ``orthants.py``.

        ϱ = exp(−h²/4σ²). The error is below 1e-13.
        """
        from trendbench.families.excursion.orthants import excess

        x1, x2, dy = numbers(x1, "x1"), numbers(x2, "x2"), numbers(dy, "dy")
        exponent = (np.square(x1 - x2) + np.square(dy)) / (4 * self.sigma**2)
        same = exponent == 0
        apart = np.where(same, 1.0, exponent)
        tau = 0.5 * np.log1p(2 * np.exp(-apart) / -np.expm1(-apart))  # atanh ϱ
        between = excess(self.level(x1, of), self.level(x2, of), np.minimum(tau, _LARGEST_TAU))
        p = self.coverage(x1, of)
        return np.where(same, p * (1 - p), between)

    @property
    def reach(self) -> float:
        """10.5σ [px], where the covariance is below 2e-13."""
        return _REACH * self.sigma

    def quads(self, x: ArrayLike, of: Image = "r") -> NDArray[np.float64]:
        """The 16 configurations, see ``configurations.py``."""
        from trendbench.families.excursion.configurations import configuration_probabilities

        at = numbers(x, "x")
        return configuration_probabilities(
            self.level(at - 0.5, of), self.level(at + 0.5, of), self.sigma
        )

    @property
    def trend(self) -> Trend:
        """p(x) = p₀ + slope·x."""
        slope = (self.coverage_right - self.coverage_left) / self.width
        names, units = ("p₀", "slope"), ("1", "px⁻¹")
        return Trend(names, units, self.coverage_left, slope, "identity")

    # what people are told

    def grains(self, x: ArrayLike) -> NDArray[np.float64]:
        """Local maxima of the field per px²: 1/(4√3·πσ²), whatever the level.

        Each black component holds one at least. Source: Bond & Efstathiou, Mon. Not. R. Astron.
        Soc. 226, 655 (1987), equation A1.9.
        """
        return np.full_like(numbers(x, "x"), 1 / (4 * np.sqrt(3) * np.pi * self.sigma**2))

    @property
    def about(self) -> str:
        """What black is."""
        return f"where a Gaussian field of length σ = {self.sigma:g} px exceeds a level"

    def facts(self) -> list[tuple[str, str]]:
        """Frame and σ; the coverages are shown of every process."""
        return [("frame", f"{self.width}×{self.height} px, σ = {self.sigma:g} px, independent")]

    def changes(self) -> Mapping[str, Change]:
        """See ``changes.py``."""
        from trendbench.families.excursion.changes import changes

        return changes(self)
