"""Everything a recipe can state about the flow."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from trendbench.generators.network.schedule import Schedule, Share

_Width = Annotated[int, Field(ge=1, le=4096)]
_Few = Annotated[int, Field(ge=1, le=64)]
_Ratio = Annotated[float, Field(ge=1e-6, le=1e6)]


class Settings(Schedule):
    """The flow's settings.

    Attributes:
        width, coarse, blocks, cell: of the network.
        window: width in pixels of the pieces of images that training uses.
        weight_decay: of the optimisers, Muon for the kernels and AdamW for all else.
        warmup: share of all steps over which the learning rate rises; a cosine takes it to 0.
        averaging: decay per step of the exponential moving average of the weights. Images are
            drawn with this average.
        faintest, clearest: the least and the greatest signal-to-noise ratio ρ > 0 of the
            integration steps; training draws ρ log-uniform between them.
        emphasis: the log loss at ρ has a weight proportional to ρ to this power. With 0 the clear
            end has a hundredth of the gradient; with 2 the loss would bound the likelihood.
        pseudolikelihood: share of each batch's images shown without noise and with one pixel of
            every 2×2 hidden, whose log loss is taken; weighted as the clearest ratio.
        steps: integration steps of the flow, each a pass of the network over an image.
        sweeps: of Gibbs sampling over all pixels that follow, each of four further passes.
        ridge: potentials θ of 3×3 patterns are estimated for the sweeps after training, with
            the penalty ½·ridge·Σ θ²; 0 for no potentials.
    """

    width: _Width
    coarse: _Width
    blocks: _Few
    cell: _Few
    window: Annotated[int, Field(ge=1, le=1 << 16)]
    weight_decay: Annotated[float, Field(ge=0, le=1)]
    warmup: Share
    averaging: Share
    faintest: _Ratio
    clearest: _Ratio
    emphasis: Annotated[float, Field(ge=0, le=4)]
    pseudolikelihood: Share
    steps: Annotated[int, Field(ge=3, le=1024)]
    sweeps: Annotated[int, Field(ge=0, le=64)]
    ridge: Annotated[float, Field(ge=0, le=1e6)]

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.window % (2 * self.cell):
            raise ValueError(f"window = {self.window}: a multiple of {2 * self.cell} px, two cells")
        if self.ridge and not self.sweeps:
            raise ValueError(f"ridge = {self.ridge}: potentials are for sweeps, and sweeps = 0")
        if not self.faintest < self.clearest:
            raise ValueError(
                f"faintest, clearest = {self.faintest}, {self.clearest}: faintest < clearest"
            )
        return self
