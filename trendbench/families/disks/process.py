"""The process: disks of one radius, Poisson germs, intensity linear in x."""

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from trendbench.arguments import numbers
from trendbench.families.disks import configurations, lineal, thinning
from trendbench.families.disks.coverage import covariance as covariance_of
from trendbench.families.disks.coverage import coverage as coverage_of
from trendbench.families.disks.coverage import pair_white
from trendbench.families.disks.geometry import disk_area
from trendbench.families.disks.intensity import Intensity, LinearIntensity, rate
from trendbench.process.family import Change, Check, Images, Law, Process
from trendbench.process.images import Image
from trendbench.process.latent import Latent
from trendbench.process.seeds import Split
from trendbench.process.trend import Trend

if TYPE_CHECKING:
    from trendbench.families.disks.germs import Germs

Coupling = Literal["thinning", "independent"]

COLUMNS = {"x": "<f8", "y": "<f8", "mark": "<f8", "member": "|u1"}  # of germs in a data file
_MOST_GERMS = 10_000_000
_Intensity = Annotated[float, Field(ge=0, examples=[1e-3])]


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


class Disks(Process):
    """A Boolean model of disks with intensity linear in x, and the coupled s1 and s2.

    ``coverage_left`` and ``coverage_right`` may be given in place of the intensities:
    λ = −log(1 − p)/πR². The process keeps λ.

    Attributes:
        width: W of the frame [px].
        height: H of the frame [px].
        radius: radius R of the disks [px].
        lambda_left: intensity at x = 0 [germs/px²].
        lambda_right: intensity at x = W [germs/px²].
        coupling: how the three images of a triplet share germs: one germ set under ``thinning``,
            one each under ``independent``.

    Raises:
        pydantic.ValidationError: a number is out of range, an intensity is given beside its
            coverage, or the intensity is negative somewhere on the frame dilated by R.
    """

    family: ClassVar[str] = "disks"
    ends: ClassVar[tuple[str, ...]] = ("lambda_left", "lambda_right")
    stored: ClassVar[Mapping[str, str]] = COLUMNS

    also: ClassVar[tuple[str, ...]] = (*Process.also, "coverage_left", "coverage_right")

    radius: Annotated[float, Field(gt=0, le=10_000, examples=[3.0])]
    lambda_left: _Intensity
    lambda_right: _Intensity
    coupling: Annotated[Coupling, Field(examples=["thinning"])] = "thinning"

    @model_validator(mode="before")
    @classmethod
    def _from_coverage(cls, fields: Any) -> Any:
        if not isinstance(fields, dict):
            return fields
        fields, radius = dict(fields), fields.get("radius")
        for side in ("left", "right"):
            given, stored = f"coverage_{side}", f"lambda_{side}"
            if given not in fields:
                continue
            if stored in fields:
                raise ValueError(f"{given} stands in place of {stored}: give one of them")
            p = fields.pop(given)
            if not _is_number(p) or not 0 <= p < 1:
                raise ValueError(
                    f"{given} = {p!r:.60}: needed is a number of at least 0 and below 1, as in "
                    f"{given} = 0.2"
                )
            has_area = _is_number(radius) and 0 < radius < math.inf
            fields[stored] = -math.log1p(-p) / disk_area(radius) if has_area else 0.0
        return fields

    @model_validator(mode="after")
    def _exists(self) -> Self:
        least, most = self.intensity.extremes(self.radius)
        if least < 0:
            raise ValueError(
                f"the intensity would be {least:.3g} px⁻² within R = {self.radius:g} px of the "
                "frame's border; raise the smaller of lambda_left and lambda_right, or lower R"
            )
        if most * self.dilated_area > _MOST_GERMS:
            raise ValueError(
                f"an image would hold about {most * self.dilated_area:.3g} germs, more than the "
                f"{_MOST_GERMS:.0e} allowed; lower the intensity or the frame"
            )
        return self

    @property
    def intensity(self) -> LinearIntensity:
        """λ(x) of the image with the trend."""
        return LinearIntensity(self.lambda_left, self.lambda_right, self.width)

    @property
    def dilated_area(self) -> float:
        """Area of the frame dilated by R on every side [px²]: where germs are drawn."""
        return (self.width + 2 * self.radius) * (self.height + 2 * self.radius)

    def intensity_of(self, image: Image) -> Intensity:
        """λ(x) of r; the constant intensity of s1 or s2 [px⁻²]."""
        if image == "r":
            return self.intensity
        return self.lambda_left if image == "s1" else self.lambda_right

    # what is drawn; germs and kernels bring Numba, which a spec alone should not wait for

    @property
    def length(self) -> float:
        """R [px]."""
        return self.radius

    def latents(self, n: int, seed: int, split: Split, start: int = 0) -> "Germs":
        """The germs of triplets, see ``germs.draw_germs``."""
        from trendbench.families.disks.germs import draw_germs

        return draw_germs(self, n, seed, split, start)

    def render(self, latents: Latent, out: Images) -> None:
        """Draw s1, s2 and r of every triplet into ``out``, (3, n, H, W)."""
        from trendbench.families.disks.rendering import render

        render(latents, self.radius, out)

    def redraw(self, latents: Latent, rng: np.random.Generator) -> "Germs":
        """Germs of another r, given those of s1 and s2, see ``conditional.redraw_r``."""
        from trendbench.families.disks.conditional import redraw_r
        from trendbench.families.disks.germs import as_germs

        return redraw_r(self, as_germs(latents), rng)

    def free(self, latents: Latent, rng: np.random.Generator) -> "Germs":
        """Germs of another r that has nothing to do with s1 and s2."""
        return self.model_copy(update={"coupling": "independent"}).redraw(latents, rng)

    def render_r(self, latents: Latent) -> Images:
        """The images of the germs that are members of r, (n, H, W)."""
        from trendbench.families.disks.rendering import render_r

        return render_r(latents, self)

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
        """Make the kernels ready. True if this call had to compile them."""
        from trendbench.families.disks.rendering import cache_misses

        before = cache_misses()
        tiny = Disks(width=8, height=8, radius=1.0, lambda_left=0.01, lambda_right=0.02)
        tiny.render(tiny.latents(1, 0, "train"), np.empty((3, 1, 8, 8), dtype=np.uint8))
        return cache_misses() > before

    @classmethod
    def compiled(cls) -> str | None:
        """The folder of Numba's cache."""
        from trendbench.families.disks.raster import draw_series

        place = getattr(getattr(draw_series, "stats", None), "cache_path", None)
        return str(place) if place else None

    # laws

    @property
    def laws(self) -> frozenset[Law]:
        """Everything; survival where the images share germs."""
        return super().laws - ({"survival"} if self.is_independent else frozenset())

    def coverage(self, x: ArrayLike, of: Image = "r") -> NDArray[np.float64]:
        """p(x) = 1 − exp(−A·λ(x))."""
        return coverage_of(x, self.intensity_of(of), self.radius)

    def pair_black(
        self, x1: ArrayLike, x2: ArrayLike, dy: ArrayLike, of: Image = "r"
    ) -> NDArray[np.float64]:
        """1 − q(x₁) − q(x₂) + q₁₂."""
        x1, x2, dy = numbers(x1, "x1"), numbers(x2, "x2"), numbers(dy, "dy")
        lam, area = self.intensity_of(of), disk_area(self.radius)
        alone = np.exp(-area * rate(lam, x1)) + np.exp(-area * rate(lam, x2))
        h = np.hypot(x1 - x2, dy)
        return 1 - alone + pair_white((x1 + x2) / 2, h, lam, self.radius)

    def covariance(
        self, x1: ArrayLike, x2: ArrayLike, dy: ArrayLike, of: Image = "r"
    ) -> NDArray[np.float64]:
        """q₁₂ − q(x₁)·q(x₂), without cancellation."""
        x1, x2, dy = numbers(x1, "x1"), numbers(x2, "x2"), numbers(dy, "dy")
        h = np.hypot(x1 - x2, dy)
        return covariance_of((x1 + x2) / 2, h, self.intensity_of(of), self.radius)

    @property
    def reach(self) -> float:
        """2R [px]."""
        return 2 * self.radius

    def quads(self, x: ArrayLike, of: Image = "r") -> NDArray[np.float64]:
        """The 16 configurations, see ``configurations.configuration_probabilities``."""
        return configurations.configuration_probabilities(x, self.intensity_of(of), self.radius)

    def white_run(
        self, midpoint: ArrayLike, n: ArrayLike, of: Image = "r", *, along_x: bool
    ) -> NDArray[np.float64]:
        """exp(−λ(m)·(A + (n − 1)·(A − ν(1)))), along either axis."""
        del along_x
        return lineal.white_run(midpoint, n, self.intensity_of(of), self.radius)

    def survival(self, x: ArrayLike) -> NDArray[np.float64]:
        """(1 − exp(−AΔρ))/(1 − exp(−AΔ)), see ``thinning.pixel_survival``."""
        if self.is_independent:
            raise self._absent("survival")
        return thinning.pixel_survival(x, self.intensity, self.radius)

    def disagreement(self, x: ArrayLike) -> NDArray[np.float64]:
        """See ``thinning.conditional_disagreement``."""
        return thinning.conditional_disagreement(x, self)

    @property
    def trend(self) -> Trend:
        """−log(1 − p(x)) = A·(λ₀ + kx)."""
        lam = self.intensity
        names, units = ("λ₀", "k"), ("px⁻²", "px⁻³")
        area = disk_area(self.radius)
        return Trend(names, units, lam.left, lam.k, "complementary log", scale=area)

    def information(self, *, dilated: bool = False) -> NDArray[np.float64]:
        """Information on (λ₀, k) in the germs of one image, see ``information.py``."""
        from trendbench.families.disks.information import fisher_information

        return fisher_information(self, dilated=dilated)

    def impossible(self, black: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Black that no whole disk inside the black accounts for, see ``stray.py``."""
        from trendbench.families.disks.stray import uncovered

        count: NDArray[np.int64] = np.count_nonzero(uncovered(black, self.radius), axis=(1, 2))
        return count

    # how the images of a triplet hang together

    @property
    def is_independent(self) -> bool:
        """Whether each image has germs of its own."""
        return self.coupling == "independent"

    @property
    def is_nested(self) -> bool:
        """Whether the images share germs and differ."""
        return not self.is_independent and self.has_trend

    @property
    def margin(self) -> float:
        """R [px]."""
        return self.radius

    # what people are told

    def grains(self, x: ArrayLike) -> NDArray[np.float64]:
        """λ(x) [px⁻²]."""
        return self.intensity(x)

    @property
    def about(self) -> str:
        """Disks of a radius."""
        return f"disks of radius {self.radius:g} px"

    def facts(self) -> list[tuple[str, str]]:
        """Frame, radius, coupling, intensities."""
        return [
            ("frame", f"{self.width}×{self.height} px, R = {self.radius:g} px, {self.coupling}"),
            ("intensity", f"{self.lambda_left:g} → {self.lambda_right:g} px⁻²"),
        ]

    def changes(self) -> Mapping[str, Change]:
        """See ``changes.py``."""
        from trendbench.families.disks.changes import changes

        return changes(self)

    def checks(self, latents: Latent) -> Iterator[Check]:
        """Membership and germ counts, see ``checks.py``."""
        from trendbench.families.disks.checks import checks

        return checks(self, latents)
