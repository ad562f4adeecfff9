"""The process of an image: disks of one radius, Poisson germs, intensity linear in x."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from trendbench.process.intensity import LinearIntensity

Coupling = Literal["thinning", "independent"]

_MOST_GERMS = 10_000_000
_MOST_PIXELS = 1 << 28
_Pixels = Annotated[int, Field(ge=1, le=1 << 20, examples=[256])]
_Intensity = Annotated[float, Field(ge=0, examples=[1e-3])]


class TrendProcess(BaseModel):
    """A Boolean model of disks with intensity linear in x, and the coupled s1 and s2.

    Attributes:
        width: W of the frame [px].
        height: H of the frame [px].
        radius: radius R of the disks [px].
        lambda_left: intensity at x = 0 [germs/px²].
        lambda_right: intensity at x = W [germs/px²].
        coupling: how the three images of a triplet share germs.

    Raises:
        pydantic.ValidationError: a number is out of range, or the intensity is negative somewhere
            on the frame dilated by R.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    width: _Pixels
    height: _Pixels
    radius: Annotated[float, Field(gt=0, le=10_000, examples=[3.0])]
    lambda_left: _Intensity
    lambda_right: _Intensity
    coupling: Annotated[Coupling, Field(examples=["thinning"])] = "thinning"

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
        if self.width * self.height > _MOST_PIXELS:
            raise ValueError(
                f"an image of {self.width}×{self.height} px has more than the {_MOST_PIXELS} px "
                "allowed"
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
