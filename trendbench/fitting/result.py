"""What a fit of pictures gives: a frozen value."""

from dataclasses import dataclass
from typing import Any

from trendbench.families.disks import Disks
from trendbench.fitting.goodness import Curve, Range
from trendbench.notebook import table

_HOLDS = "no sign against the Boolean model of disks"


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error and its 95 % interval.

    Attributes:
        value, error: as estimated; low, high: the interval; unit: of all four.
    """

    value: float
    error: float
    low: float
    high: float
    unit: str


@dataclass(frozen=True, eq=False)
class Curves:
    """Statistics of the pictures, and of the fitted model with the range of 95 % of simulated sets.

    Attributes:
        pictures, model, low, high: from lag 0 on, or from a length of 1 px on.
    """

    pictures: Curve
    model: Curve
    low: Curve
    high: Curve


@dataclass(frozen=True, eq=False, repr=False)
class Fit:
    """The Boolean model of disks with a linear trend, as fitted to pictures.

    Attributes:
        pictures: their number.
        along: the axis of the pictures that the trend was looked for on; it is x here.
        model: the process at the estimates.
        lambda0, k, radius: λ(0) [px⁻²], the slope of λ [px⁻³], R [px].
        radius_from: what R was estimated from.
        errors_from: what the standard errors and the intervals were estimated from.
        coverage: at the left border, in the middle and at the right border.
        z, p_trend: of the test of k = 0.
        scores: the texture scores, each beside its range over simulated sets.
        sets: the number of these.
        p: of the goodness of fit, all scores together.
        columns: coverage of each column of the pictures, (W,).
        band: of the fitted coverage of each column, value, standard error and the ends of the
            pointwise 95 % band, (4, W).
        curves: S2 ``along x`` and ``along y``, and the ``lineal path`` along x.
    """

    pictures: int
    along: str
    model: Disks
    lambda0: Estimate
    k: Estimate
    radius: Estimate
    radius_from: str
    errors_from: str
    coverage: tuple[Estimate, Estimate, Estimate]
    z: float
    p_trend: float
    scores: dict[str, Range]
    sets: int
    p: float
    columns: Curve
    band: Curve
    curves: dict[str, Curves]

    @property
    def told_by(self) -> tuple[str, ...]:
        """The scores that lie outside their range."""
        return tuple(name for name, score in self.scores.items() if not score.is_within)

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against the model."""
        return not self.told_by

    @property
    def verdict(self) -> str:
        """Whether the model holds, in words."""
        if self.holds:
            return f"{_HOLDS} (p = {self.p:.2g})"
        return (
            f"not a Boolean model of disks (p = {self.p:.2g}): told by {', '.join(self.told_by)}; "
            "λ₀, k and R are those of the nearest Boolean model, not of the pictures"
        )

    def __repr__(self) -> str:
        numbers = ", ".join(
            f"{name} {estimate.value:.4g} ± {estimate.error:.2g} {estimate.unit}"
            for name, estimate in self.parameters.items()
        )
        return f"<Fit of {self.pictures} pictures: {numbers}; {self.verdict}>"

    def _repr_html_(self) -> str:
        """Parameters, coverage and verdict, for a notebook."""
        rows = [
            (
                name,
                f"{estimate.value:.4g}",
                f"{estimate.error:.2g}",
                f"[{estimate.low:.3g}, {estimate.high:.3g}]",
                estimate.unit,
            )
            for name, estimate in self.rows.items()
        ]
        heads = ("", "value", "standard error", "95 % interval", "unit")
        return table(f"{self.pictures} pictures: {self.verdict}", rows, heads)

    @property
    def parameters(self) -> dict[str, Estimate]:
        """λ₀, k and R by their letters."""
        return {"λ₀": self.lambda0, "k": self.k, "R": self.radius}

    @property
    def rows(self) -> dict[str, Estimate]:
        """The parameters, and the coverage at three places."""
        places = ("left", "middle", "right")
        named = {f"coverage {p}": c for p, c in zip(places, self.coverage, strict=True)}
        return {**self.parameters, **named}

    def to_json(self) -> dict[str, Any]:
        """Everything but the curves, for programs."""
        return {
            "pictures": self.pictures,
            "width": self.model.width,
            "height": self.model.height,
            "along": self.along,
            "lambda0": vars(self.lambda0),
            "k": vars(self.k),
            "radius": vars(self.radius),
            "radius_from": self.radius_from,
            "errors_from": self.errors_from,
            "coverage": [vars(estimate) for estimate in self.coverage],
            "trend": {"z": self.z, "p": self.p_trend},
            "scores": {
                name: {**vars(score), "is_within": score.is_within}
                for name, score in self.scores.items()
            },
            "sets": self.sets,
            "p": self.p,
            "holds": self.holds,
            "told_by": list(self.told_by),
            "verdict": self.verdict,
        }
