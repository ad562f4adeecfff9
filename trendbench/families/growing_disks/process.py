"""The process: Poisson germs of constant intensity, whose disks have grown with a trend."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from trendbench.arguments import numbers
from trendbench.families.disks.geometry import disk_area
from trendbench.families.disks.intensity import LinearIntensity
from trendbench.families.disks.process import Disks
from trendbench.families.growing_disks import laws
from trendbench.process.family import Change, Check, Images, Process
from trendbench.process.images import Image
from trendbench.process.latent import Latent
from trendbench.process.seeds import Split
from trendbench.process.trend import Trend

if TYPE_CHECKING:
    from trendbench.families.disks.germs import Germs

_MOST_GERMS = 10_000_000
_Radius = Annotated[float, Field(gt=0, le=10_000, examples=[4.0])]
_Probability = Annotated[float, Field(ge=0, le=1, examples=[0.1])]


class GrowingDisks(Process):
    """Disks of radius R₁ in s1 and R₂ > R₁ in s2; in r each has grown with probability ρ(x).

    The three images share Poisson germs of constant intensity λ, and s1 ⊂ r ⊂ s2 everywhere.
    ρ is linear in x.

    Attributes:
        width: W of the frame [px].
        height: H of the frame [px].
        intensity: λ [germs/px²].
        radius_left: R₁, before growth [px].
        radius_right: R₂, after it [px].
        rho_left: ρ at x = 0.
        rho_right: ρ at x = W.

    Raises:
        pydantic.ValidationError: a number is out of range, R₂ is not larger than R₁, or ρ leaves
            [0, 1] somewhere on the frame dilated by R₂.
    """

    family: ClassVar[str] = "growing-disks"
    ends: ClassVar[tuple[str, ...]] = ("rho_left", "rho_right")
    stored: ClassVar[Mapping[str, str]] = Disks.stored

    intensity: Annotated[float, Field(gt=0, examples=[1e-3])]
    radius_left: _Radius
    radius_right: _Radius
    rho_left: _Probability
    rho_right: _Probability

    @model_validator(mode="after")
    def _exists(self) -> Self:
        if self.radius_right <= self.radius_left:
            raise ValueError(
                f"disks grow from radius_left = {self.radius_left:g} px to radius_right = "
                f"{self.radius_right:g} px: needed is a larger radius_right"
            )
        least, most = self.rho.extremes(self.radius_right)
        if least < 0 or most > 1:
            raise ValueError(
                f"the probability of growth would run from {least:.3g} to {most:.3g} within "
                f"{self.radius_right:g} px of the frame, and must stay in [0, 1]; bring rho_left "
                "and rho_right closer to 0.5"
            )
        germs = self.intensity * self.dilated_area
        if germs > _MOST_GERMS:
            raise ValueError(
                f"an image would hold about {germs:.3g} germs, more than the {_MOST_GERMS:.0e} "
                "allowed; lower the intensity or the frame"
            )
        return self

    @property
    def rho(self) -> LinearIntensity:
        """ρ(x), the probability that a germ at x has grown; its slope is κ [px⁻¹]."""
        return LinearIntensity(self.rho_left, self.rho_right, self.width)

    @property
    def ring_area(self) -> float:
        """I = A₂ − A₁ [px²]."""
        return disk_area(self.radius_right) - disk_area(self.radius_left)

    @property
    def dilated_area(self) -> float:
        """Area of the frame dilated by R₂ on every side [px²]: where germs are drawn."""
        return (self.width + 2 * self.radius_right) * (self.height + 2 * self.radius_right)

    def layers(self, of: Image) -> laws.Layers:
        """The independent disk processes (λ(·), R) whose union is the black of an image."""
        lam, left, right = self.intensity, self.rho_left, self.rho_right
        if of == "s1":
            return [(lam, self.radius_left)]
        if of == "s2":
            return [(lam, self.radius_right)]
        return [
            (LinearIntensity(lam * (1 - left), lam * (1 - right), self.width), self.radius_left),
            (LinearIntensity(lam * left, lam * right, self.width), self.radius_right),
        ]

    # what is drawn; germs and kernels bring Numba, which a spec alone should not wait for

    @property
    def length(self) -> float:
        """(R₁ + R₂)/2 [px]: four lengths exceed the reach 2R₂, as in ``disks``."""
        return (self.radius_left + self.radius_right) / 2

    def latents(self, n: int, seed: int, split: Split, start: int = 0) -> "Germs":
        """The germs of triplets, see ``germs.draw_germs``."""
        from trendbench.families.growing_disks.germs import draw_germs

        return draw_germs(self, n, seed, split, start)

    def render(self, latents: Latent, out: Images) -> None:
        """Draw s1, s2 and r of every triplet into ``out``, (3, n, H, W)."""
        from trendbench.families.disks.germs import as_germs
        from trendbench.families.growing_disks.rendering import render

        render(as_germs(latents), self, out)

    def redraw(self, latents: Latent, rng: np.random.Generator) -> "Germs":
        """The same germs with new marks: the true law of r given the germs of s1 and s2."""
        from trendbench.families.disks.germs import as_germs
        from trendbench.families.growing_disks.germs import redraw

        return redraw(self, as_germs(latents), rng)

    def free(self, latents: Latent, rng: np.random.Generator) -> "Germs":
        """New germs and marks."""
        from trendbench.families.growing_disks.germs import free

        return free(self, len(latents), rng)

    def render_r(self, latents: Latent) -> Images:
        """The r of germs, (n, H, W)."""
        from trendbench.families.disks.germs import as_germs
        from trendbench.families.growing_disks.rendering import render_r

        return render_r(as_germs(latents), self)

    def packed(self, latents: Latent) -> tuple[NDArray[np.int64], dict[str, NDArray[Any]]]:
        """Offsets and columns of germs."""
        from trendbench.families.disks.germs import pack

        return pack(latents)

    def unpacked(self, offsets: NDArray[np.int64], columns: dict[str, NDArray[Any]]) -> "Germs":
        """The germs of a data file, see ``germs.unpack``."""
        from trendbench.families.disks.germs import unpack

        return unpack(offsets, columns)

    @classmethod
    def compile(cls) -> bool:
        """Make the kernels ready, which are those of disks. True if this call compiled them."""
        return Disks.compile()

    # laws

    def coverage(self, x: ArrayLike, of: Image = "r") -> NDArray[np.float64]:
        """1 − exp(−λ[A₁ + ρ(x)(A₂ − A₁)]) in r."""
        return laws.coverage(x, self.layers(of))

    def pair_black(
        self, x1: ArrayLike, x2: ArrayLike, dy: ArrayLike, of: Image = "r"
    ) -> NDArray[np.float64]:
        """p(x₁)·p(x₂) + covariance."""
        alone = self.coverage(x1, of) * self.coverage(x2, of)
        return alone + self.covariance(x1, x2, dy, of)

    def covariance(
        self, x1: ArrayLike, x2: ArrayLike, dy: ArrayLike, of: Image = "r"
    ) -> NDArray[np.float64]:
        """See ``laws.covariance``."""
        return laws.covariance(x1, x2, dy, self.layers(of))

    @property
    def reach(self) -> float:
        """2R₂ [px]."""
        return 2 * self.radius_right

    def quads(self, x: ArrayLike, of: Image = "r") -> NDArray[np.float64]:
        """See ``laws.quads``."""
        return laws.quads(x, self.layers(of))

    def white_run(
        self, midpoint: ArrayLike, n: ArrayLike, of: Image = "r", *, along_x: bool
    ) -> NDArray[np.float64]:
        """See ``laws.white_run``; the same along either axis."""
        del along_x
        return laws.white_run(midpoint, n, self.layers(of))

    def survival(self, x: ArrayLike) -> NDArray[np.float64]:
        """(1 − exp(−λIρ))/(1 − exp(−λI)), see ``laws.survival``."""
        return laws.survival(x, self)

    def disagreement(self, x: ArrayLike) -> NDArray[np.float64]:
        """See ``laws.disagreement``."""
        return laws.disagreement(x, self)

    @property
    def trend(self) -> Trend:
        """−log(1 − p(x)) = λA₁ + λI·(ρ₀ + κx)."""
        return Trend(
            ("ρ₀", "κ"),
            ("1", "px⁻¹"),
            self.rho.left,
            self.rho.k,
            "complementary log",
            scale=self.intensity * self.ring_area,
            offset=self.intensity * disk_area(self.radius_left),
        )

    def information(self, *, dilated: bool = False) -> NDArray[np.float64]:
        """Information on (ρ₀, κ) in the germs of one image, see ``information.py``."""
        from trendbench.families.growing_disks.information import fisher_information

        return fisher_information(self, dilated=dilated)

    def impossible(self, black: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Black that no whole disk of radius R₁ inside the black accounts for.

        A disk of radius R₂ is a union of disks of radius R₁, so the smaller radius decides alone.
        A disk of a radius between the two is no less possible: it may be such a union too.
        """
        from trendbench.families.disks.stray import uncovered

        return np.asarray(np.count_nonzero(uncovered(black, self.radius_left), axis=(1, 2)))

    # how the images of a triplet hang together

    @property
    def is_independent(self) -> bool:
        """No: the images share germs."""
        return False

    @property
    def is_nested(self) -> bool:
        """Everywhere."""
        return True

    @property
    def has_trend(self) -> bool:
        """s1 and s2 differ in radius, also where ρ is constant."""
        return True

    @property
    def is_rising(self) -> bool:
        """s2 is the denser one, also where ρ falls."""
        return True

    # what people are told

    def grains(self, x: ArrayLike) -> NDArray[np.float64]:
        """λ [px⁻²]."""
        return np.full_like(numbers(x, "x"), self.intensity)

    @property
    def about(self) -> str:
        """What black is."""
        left, right = self.radius_left, self.radius_right
        return f"disks of radius {left:g} px that may have grown to {right:g} px"

    def facts(self) -> list[tuple[str, str]]:
        """Frame, radii, intensity, probability of growth."""
        return [
            ("frame", f"{self.width}×{self.height} px"),
            ("radius", f"{self.radius_left:g} px, {self.radius_right:g} px after growth"),
            ("intensity", f"{self.intensity:g} px⁻²"),
            ("growth", f"{self.rho_left:g} → {self.rho_right:g}"),
        ]

    def changes(self) -> Mapping[str, Change]:
        """See ``changes.py``."""
        from trendbench.families.growing_disks.changes import changes

        return changes(self)

    def checks(self, latents: Latent) -> Iterator[Check]:
        """Membership and germ counts, see ``checks.py``."""
        from trendbench.families.disks.germs import as_germs
        from trendbench.families.growing_disks.checks import checks

        return checks(self, as_germs(latents))
