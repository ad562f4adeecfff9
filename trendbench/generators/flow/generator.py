"""Conditional flow matching: trained to tell images from noise, drawn as noise gives way.

Gibbs sampling mends what rounding to black and white leaves.
"""

import math
from dataclasses import dataclass

import torch

from trendbench.errors import RecipeError
from trendbench.generators.flow.learner import Learner
from trendbench.generators.flow.network import Denoiser, Given
from trendbench.generators.flow.patterns import CLASSES, redrawn, states
from trendbench.generators.flow.potentials import learn
from trendbench.generators.flow.views import PHASES, View, all_but, every_fourth, falls, turned
from trendbench.generators.network import NetworkGenerator, Schedule
from trendbench.rendering.triplets import Triplets
from trendbench.training.context import RunContext

_AHEAD = 0.75  # of the mean's last change is expected in a step; large wholes come out so


@dataclass(frozen=True, kw_only=True)
class Settings(Schedule):
    """Everything a recipe can state about the flow.

    Attributes:
        width, coarse, blocks, cell: of the network.
        window: width in pixels of the pieces of the images that training sees.
        weight_decay: of the optimisers, Muon for the kernels and AdamW for all else.
        warmup: share of all steps over which the learning rate rises; a cosine takes it to 0.
        averaging: decay per step of the exponential moving average of the weights, with which
            images are drawn.
        faintest, clearest: the least and the greatest signal-to-noise ratio ρ at which
            drawing stops on its way, and between which training draws it, log-uniform.
        emphasis: the log loss at a ratio is weighted with this power of it. 0 leaves the clear end
            to a hundredth of the gradient; 2 would bound the likelihood.
        pseudolikelihood: share of each batch's images that are seen without noise, the law of
            every fourth pixel being learned given all others; weighted as the clearest ratio.
        steps: stops of the flow, each a pass of the network over an image.
        sweeps: of Gibbs sampling over all pixels that follow, each of four passes more.
        ridge: under ½·ridge·Σ θ² potentials θ of 3×3 patterns are estimated for the sweeps once the
            network is trained; 0 for no potentials.

    Raises:
        ValueError: a number out of range.
    """

    width: int
    coarse: int
    blocks: int
    cell: int
    window: int
    weight_decay: float
    warmup: float
    averaging: float
    faintest: float
    clearest: float
    emphasis: float
    pseudolikelihood: float
    steps: int
    sweeps: int
    ridge: float

    def __post_init__(self) -> None:
        super().__post_init__()
        self.must_lie(1, 4096, "width", "coarse")
        self.must_lie(1, 64, "blocks", "cell")
        self.must_lie(1, 1 << 16, "window")
        if self.window % (2 * self.cell):
            raise ValueError(f"window = {self.window}: a multiple of {2 * self.cell} px, two cells")
        self.must_lie(3, 1024, "steps")
        self.must_lie(0, 64, "sweeps")
        self.must_lie(0, 1e6, "ridge")
        if self.ridge and not self.sweeps:
            raise ValueError(f"ridge = {self.ridge}: potentials are for sweeps, of which are none")
        self.must_lie(0, 4, "emphasis")
        self.must_lie(1e-6, 1e6, "faintest", "clearest")
        if not self.faintest < self.clearest:
            raise ValueError(
                f"faintest, clearest = {self.faintest}, {self.clearest}: faintest < clearest"
            )
        self.must_lie(0, 1, "weight_decay")
        for name in ("warmup", "averaging", "pseudolikelihood"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)}: from 0 to below 1")


class Flow(NetworkGenerator[Settings, Denoiser]):
    """A flow from white noise z ~ N(0, 1) to images x = ±1, black being 1, given (s1, s2).

    On the way stands y_ρ = ρ·x + z, the signal-to-noise ratio ρ going from 0 to ∞: up to its scale
    x_t = t·x + (1 − t)·z with t = ρ/(1 + ρ). The flow dy/dρ = E(x | y_ρ, s1, s2) carries the law of
    z to that of x. A pixel is one of two values, so E(x | ·) = 2p − 1 with
    p = P(x = 1 | y_ρ, s1, s2), which log loss teaches. The noise of pixels is independent, so
    log p/(1 − p) = (what all other pixels say) + 2·ρ·y_ρ; the network learns the first term, and
    the second, the pixel's own word, is exact.

    The flow is followed from stop to stop, evenly in log ρ, and at the last p is rounded, so no
    pixel is grey.

    What rounding leaves ragged, sweeps of Gibbs sampling mend: every other pixel of every other row
    is hidden and drawn anew by P(x = 1 | the pixels not hidden, s1, s2), four times until each
    pixel was. The same network says it, taught by the log loss of hidden pixels, their
    pseudo-likelihood. Potentials of 3×3 patterns add to these log odds, pixel after pixel, so those
    hidden together see each other in them alone.

    Args:
        **settings: the fields of ``Settings``.

    Source: Lipman et al., Flow matching for generative modeling (2023); Besag, Spatial interaction
    and the statistical analysis of lattice systems (1974), for learning from pixels that are hidden
    together.
    """

    extendable = False  # the learning rate's schedule ends with the last epoch
    settings_type = Settings

    def build(self, height: int, width: int) -> Denoiser:
        """The network; any frame of whole pairs of cells will do."""
        settings = self.settings
        step = 2 * settings.cell
        if height % step or width % step:
            raise RecipeError(
                f"the network's grid needs sides that are multiples of {step} px, which "
                f"{width}×{height} px are not"
            )
        return Denoiser(
            settings.width, settings.coarse, settings.blocks, settings.cell, patterns=CLASSES
        )

    def trainable(self, train: Triplets) -> Learner:
        """The network, and the running average of its weights that images are drawn with."""
        return Learner(self, train)

    def conclude(self, train: Triplets, run: RunContext) -> None:
        """Estimate the potentials, if any are wanted."""
        if self.settings.ridge:
            learn(self, train, run)

    def logits(
        self, network: Denoiser, given: Given, y: torch.Tensor, ratio: torch.Tensor
    ) -> torch.Tensor:
        """The log odds of black, log p/(1 − p), of every pixel.

        Args:
            network: being trained, or the average.
            given: of b images.
            y: y_ρ = ρ·x + z, (b, 1, H, W).
            ratio: ρ, (b,).

        Returns:
            (b, 1, H, W).
        """
        return self.said(network, given, self.beneath_noise(y, ratio))

    def conditionals(
        self, network: Denoiser, given: Given, image: torch.Tensor, asked: torch.Tensor
    ) -> torch.Tensor:
        """The log odds of black of the pixels asked for, given those that are not.

        Args:
            network: being trained, or the average.
            given: of b images.
            image: x, 1 where black and −1 where white, (b, 1, H, W).
            asked: which pixels are hidden from the network, (b, 1, H, W), in training no two of
                them neighbours.

        Returns:
            (b, 1, H, W), of no meaning where not asked for.
        """
        return self.said(network, given, all_but(image, asked))

    def law_of_a_quarter(self, given: Given, image: torch.Tensor, number: int) -> torch.Tensor:
        """The log odds of every fourth pixel given all others, as ``PHASES[number]`` begins.

        Args:
            given: of b images.
            image: 0 or 1, (b, 1, H, W).
            number: of the pass in its sweep, 0 to 3.

        Returns:
            (b, 1, H, W), of no meaning for other pixels.
        """
        asked = every_fourth(image, torch.full((len(image),), number))
        return self.conditionals(self.network, given, 2 * image - 1, asked)

    def said(self, network: Denoiser, given: Given, view: View) -> torch.Tensor:
        """The log odds of black from whatever view: (b, 1, H, W)."""
        with self.autocast():
            logits: torch.Tensor = network(given, view.noisy, view.level)
        return logits.float() + view.own

    def beneath_noise(self, y: torch.Tensor, ratio: torch.Tensor) -> View:
        """The view of y_ρ, (b, 1, H, W), at the ratios ρ, (b,)."""
        settings = self.settings
        low, high = math.log(settings.faintest), math.log(settings.clearest)
        level = 2 * (ratio.clamp(settings.faintest).log() - low) / (high - low) - 1
        ratio = ratio[:, None, None, None]
        own = 2 * ratio * y
        noisy = torch.cat([y / (1 + ratio.square()).sqrt(), torch.tanh(own / 2)], dim=1)
        return View(noisy, level, own)

    def draw(self, pair: torch.Tensor) -> torch.Tensor:
        """Follow the flow from noise to black and white, and sweep: (b, 1, H, W), 0 or 1.

        A falling trend is a rising one from right to left, so the network need know no other.

        Args:
            pair: darkness of s1 and s2, (b, 2, H, W).
        """
        falling = falls(pair)
        given = self.network.given(turned(pair, falling))
        drawn = self.swept(given, self.followed(given))
        return torch.where(falling, drawn.flip(3), drawn)

    def followed(self, given: Given) -> torch.Tensor:
        """Follow the flow from noise to black and white, s2 being the denser input: 0 or 1."""
        settings = self.settings
        low, high = math.log(settings.faintest), math.log(settings.clearest)
        stops = [0.0, *torch.linspace(low, high, settings.steps - 1).exp().tolist()]
        y = torch.randn_like(given.odds)
        mean = torch.zeros_like(y)
        for i, ratio in enumerate(stops):
            before = mean
            ratios = torch.full((len(y),), ratio, device=y.device)
            # Of pure noise there is nothing to see; the network would read a faint image in it.
            seen = y if ratio else torch.zeros_like(y)
            p = torch.sigmoid(self.logits(self.network, given, seen, ratios))
            if i + 1 == len(stops):
                break
            mean = 2 * p - 1
            # Stops are even in log ρ but for the first, at 0, from which no trend can be told.
            ahead = mean if i < 2 else (mean + _AHEAD * (mean - before)).clamp(-1, 1)
            y = y + (stops[i + 1] - ratio) * ahead
        return (p >= 0.5).float()

    def swept(self, given: Given, drawn: torch.Tensor) -> torch.Tensor:
        """Images, 0 or 1, after the sweeps of Gibbs sampling."""
        for _ in range(self.settings.sweeps):
            drawn = self._swept_once(given, drawn)
        return drawn

    def _swept_once(self, given: Given, drawn: torch.Tensor) -> torch.Tensor:
        for number, phase in enumerate(PHASES):
            logits = self.law_of_a_quarter(given, drawn, number)
            # From 0 < u ≤ 1, so that never is never: rand is 0 once in 2²⁴ times.
            coins = 1 - torch.rand_like(logits)
            before = states(given, drawn)
            after = redrawn(before, logits, self.network.potentials, phase, coins)
            drawn = torch.from_numpy(after % 2)[:, None].to(drawn)
        return drawn
