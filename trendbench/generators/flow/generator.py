"""Conditional flow matching for binary images: noise is carried to black and white.

Gibbs sampling then draws single pixels that rounding leaves biased.
"""

import math

import torch

from trendbench.errors import RecipeError
from trendbench.generators.flow.law import PHASES, Law, hidden_in_pass
from trendbench.generators.flow.learner import Learner
from trendbench.generators.flow.network import Denoiser, Given
from trendbench.generators.flow.orientation import falls, turned
from trendbench.generators.flow.patterns import CLASSES, redrawn, states
from trendbench.generators.flow.potentials import learn
from trendbench.generators.flow.settings import Settings
from trendbench.generators.network.generator import NetworkGenerator
from trendbench.process.triplets import Triplets
from trendbench.training.context import RunContext

_AHEAD = 0.75  # of the mean's last change is added in a step: clusters of 30 to 113 px come out so


class Flow(NetworkGenerator[Settings, Denoiser]):
    """A flow from white noise z ~ N(0, 1) to images x = ±1, black being 1, given (s1, s2).

    Between them lies y_ρ = ρ·x + z, the signal-to-noise ratio ρ going from 0 to ∞: up to its scale
    x_t = t·x + (1 − t)·z with t = ρ/(1 + ρ). The flow dy/dρ = E(x | y_ρ, s1, s2) carries the law of
    z to that of x. A pixel has one of two values, so E(x | ·) = 2p − 1 with
    p = P(x = 1 | y_ρ, s1, s2), the minimiser of the log loss. The noise of pixels is independent,
    so log p/(1 − p) = (a term of s1, s2 and all other pixels) + 2·ρ·y_ρ. The network is the first
    term; the second, the pixel's likelihood term, is exact.

    Integration steps are even in log ρ. After the last one p is rounded, so no pixel is grey.

    Sweeps of Gibbs sampling follow: every other pixel of every other row is hidden and drawn anew
    by P(x = 1 | the pixels not hidden, s1, s2), four times until each pixel was drawn. The same
    network computes it; it is trained by the log loss of hidden pixels, their pseudo-likelihood.
    Potentials of 3×3 patterns are added to these log odds.

    Args:
        **settings: the fields of ``Settings``.

    Source: Lipman et al., Flow matching for generative modeling (2023); Besag, Spatial interaction
    and the statistical analysis of lattice systems (1974), for learning from pixels that are hidden
    together.
    """

    extendable = False  # the learning rate's schedule ends with the last epoch
    settings_type = Settings

    def build(self, height: int, width: int) -> Denoiser:
        """The network, for any frame of whole pairs of cells."""
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

    @property
    def law(self) -> Law:
        """The law of a pixel by the averaged weights."""
        return Law(self.network, self.settings, self.autocast)

    def trainable(self, train: Triplets) -> Learner:
        """The network, and the running average of its weights that images are drawn with."""
        return Learner(self.law, train, self.device)

    def conclude(self, train: Triplets, run: RunContext) -> None:
        """Estimate the potentials, if the recipe states them."""
        if self.settings.ridge:
            learn(self.law, train, run, self.device)

    def draw(self, pair: torch.Tensor) -> torch.Tensor:
        """Follow the flow from noise to black and white, and sweep: (b, 1, H, W), 0 or 1.

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
        ratios = [0.0, *torch.linspace(low, high, settings.steps - 1).exp().tolist()]
        y = torch.randn_like(given.odds)
        mean = torch.zeros_like(y)
        for i, ratio in enumerate(ratios):
            before = mean
            # Pure noise holds no image; the network, trained from ``faintest`` on, is shown 0.
            seen = y if ratio else torch.zeros_like(y)
            rho = torch.full((len(y),), ratio, device=y.device)
            p = torch.sigmoid(self.law.given_noise(given, seen, rho))
            if i + 1 == len(ratios):
                break
            mean = 2 * p - 1
            # Steps are even in log ρ but for the first, from 0, which gives no trend of the mean.
            ahead = mean if i < 2 else (mean + _AHEAD * (mean - before)).clamp(-1, 1)
            y = y + (ratios[i + 1] - ratio) * ahead
        return (p >= 0.5).float()

    def swept(self, given: Given, drawn: torch.Tensor) -> torch.Tensor:
        """Images, 0 or 1, after the sweeps of Gibbs sampling."""
        for _ in range(self.settings.sweeps):
            for number, phase in enumerate(PHASES):
                hidden = hidden_in_pass(drawn, number)
                logits = self.law.given_others(given, 2 * drawn - 1, hidden)
                # 0 < u ≤ 1: rand is exactly 0 once in 2²⁴ times, which structural zeros must bear.
                uniforms = 1 - torch.rand_like(logits)
                before = states(given, drawn)
                after = redrawn(before, logits, self.network.potentials, phase, uniforms)
                drawn = torch.from_numpy(after % 2)[:, None].to(drawn)
        return drawn
