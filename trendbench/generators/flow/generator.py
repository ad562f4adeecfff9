"""Conditional flow matching: trained to tell images from noise, sampled along the flow."""

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from trendbench.errors import RecipeError
from trendbench.generators.flow.network import COLUMNS, Denoiser, Given, cases
from trendbench.generators.network import (
    NetworkGenerator,
    Parts,
    Schedule,
    darkness,
    descend,
    resident,
)
from trendbench.rendering.triplets import Triplets
from trendbench.training.one_batch import mine

_MIDDLE = 0.1  # signal-to-noise ratio of weight 1, where a particle's coin is tossed


@dataclass(frozen=True, kw_only=True)
class Settings(Schedule):
    """Everything a recipe can state about the flow.

    Attributes:
        width, coarse, blocks, cell: of the network.
        window: width in pixels of the pieces of the images that training sees.
        weight_decay: of AdamW.
        warmup: share of all steps over which the learning rate rises; a cosine takes it to 0.
        averaging: decay per step of the exponential moving average of the weights, with which
            images are drawn.
        faintest, clearest: the least and the greatest signal-to-noise ratio t/(1 − t) at which
            the flow stops on its way, and between which training draws it, log-uniform.
        emphasis: the log loss at a ratio is weighted with this power of it. 0 leaves the clear end
            to a hundredth of the gradient; 2 would bound the likelihood.
        steps: passes of the network over an image.

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
    steps: int

    def __post_init__(self) -> None:
        super().__post_init__()
        self.must_lie(1, 4096, "width", "coarse")
        self.must_lie(1, 64, "blocks", "cell")
        self.must_lie(1, 1 << 16, "window")
        if self.window % (2 * self.cell):
            raise ValueError(f"window = {self.window}: a multiple of {2 * self.cell} px, two cells")
        self.must_lie(3, 1024, "steps")
        self.must_lie(0, 4, "emphasis")
        self.must_lie(1e-6, 1e6, "faintest", "clearest")
        if not self.faintest < self.clearest:
            raise ValueError(
                f"faintest, clearest = {self.faintest}, {self.clearest}: faintest < clearest"
            )
        self.must_lie(0, 1, "weight_decay")
        for name in ("warmup", "averaging"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)}: from 0 to below 1")


class Flow(NetworkGenerator[Settings, Denoiser]):
    """A flow from white noise z ~ N(0, 1) to images x = ±1, black being 1, given (s1, s2).

    On the way stands x_t = t·x + (1 − t)·z, 0 ≤ t ≤ 1. The flow dx_t/dt = (x̂ − x_t)/(1 − t) with
    x̂(x_t, t) = E(x | x_t, s1, s2) carries the law of z to that of x. A pixel is one of two values,
    so x̂ = 2p − 1 with p = P(x = 1 | x_t, s1, s2), which log loss teaches. The noise of pixels is
    independent, so log p/(1 − p) = (what all other pixels say) + 2·t·x_t/(1 − t)²; the network
    learns the first term, and the second, the pixel's own word, is exact.

    The flow is followed in equal steps of log t/(1 − t) by the second-order multistep rule; then p
    is rounded, so no pixel is grey.

    Args:
        **settings: the fields of ``Settings``.

    Source: Lipman et al., Flow matching for generative modeling (2023); Lu et al., DPM-Solver++
    (2022), for the rule.
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
        return Denoiser(settings.width, settings.coarse, settings.blocks, settings.cell)

    def trainable(self, train: Triplets) -> "_Learner":
        """The network, and the running average of its weights that images are drawn with."""
        return _Learner(self, train)

    def logits(
        self, network: Denoiser, given: Given, x: torch.Tensor, ratio: torch.Tensor
    ) -> torch.Tensor:
        """The log odds of black, log p/(1 − p), of every pixel.

        Args:
            network: being trained, or the average.
            given: of b images.
            x: x_t, (b, 1, H, W).
            ratio: t/(1 − t), (b,).

        Returns:
            (b, 1, H, W).
        """
        settings = self.settings
        low, high = math.log(settings.faintest), math.log(settings.clearest)
        level = 2 * (ratio.clamp(settings.faintest).log() - low) / (high - low) - 1
        ratio = ratio[:, None, None, None]
        own = 2 * ratio * (1 + ratio) * x  # 2·t·x_t/(1 − t)², as 1/(1 − t) = 1 + t/(1 − t)
        scaled = x * (1 + ratio) / (1 + ratio.square()).sqrt()
        noisy = torch.cat([scaled, torch.tanh(own / 2)], dim=1)
        with self.autocast():
            logits: torch.Tensor = network(given, noisy, level)
        return logits.float() + own

    def draw(self, pair: torch.Tensor) -> torch.Tensor:
        """Follow the flow from noise to black and white: (b, 2, H, W) to (b, 1, H, W), 0 or 1.

        A falling trend is a rising one from right to left, so the network need know no other.
        """
        falls = _falls(pair)
        drawn = self._draw_rising(_turned(pair, falls))
        return torch.where(falls, drawn.flip(3), drawn)

    def _draw_rising(self, pair: torch.Tensor) -> torch.Tensor:
        """The same where s2 is the denser input."""
        settings = self.settings
        low, high = math.log(settings.faintest), math.log(settings.clearest)
        stops = [0.0, *torch.linspace(low, high, settings.steps - 1).exp().tolist()]
        x = torch.randn_like(pair[:, :1])
        given = self.network.given(pair)
        before: torch.Tensor | None = None
        for i, ratio in enumerate(stops):
            ratios = torch.full((len(pair),), ratio, device=pair.device)
            p = torch.sigmoid(self.logits(self.network, given, x, ratios))
            if i + 1 == len(stops):
                break
            clean = 2 * p - 1
            # Steps are equal in log t/(1 − t), but for the first, which comes from t = 0.
            ahead = clean if before is None or i == 1 else 1.5 * clean - 0.5 * before
            t, s = ratio / (1 + ratio), stops[i + 1] / (1 + stops[i + 1])
            x = (1 - s) / (1 - t) * x + (s - t) / (1 - t) * ahead
            before = clean
        return (p >= 0.5).float()


class _Learner(Parts):
    """One step down the log loss of the pixels beneath the noise."""

    def __init__(self, model: Flow, train: Triplets) -> None:
        settings = model.settings
        self._model = model
        self._average = model.network  # what observers see and what is saved
        model.network.begin_with(*_pixels_by_inputs(train))
        self._network = copy.deepcopy(model.network)
        self._series = [resident(s, model.device) for s in (train.s1, train.s2, train.r)]
        self._adam = torch.optim.AdamW(
            self._network.parameters(),
            settings.learning_rate,
            weight_decay=settings.weight_decay,
            fused=True,
        )
        steps = settings.epochs * math.ceil(len(train) / settings.batch)
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._adam, _rise_and_fall(steps, round(settings.warmup * steps))
        )
        super().__init__(
            network=self._network, average=self._average, adam=self._adam, schedule=self._schedule
        )

    def step(self, chosen: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """One step of AdamW on the triplets of these indices, (b,); the loss in nats a pixel.

        Each is seen through a window at a random place, and batches are mirrored in y at random.
        """
        settings = self._model.settings
        triplet = darkness(torch.stack([series[chosen] for series in self._series], dim=-1))
        if torch.rand(()) < 0.5:
            triplet = triplet.flip(2)
        triplet = _turned(triplet, _falls(triplet))
        given, real = _windows(self._network.given(triplet[:, :2]), triplet[:, 2:], settings.window)
        b = len(chosen)
        # One level from each of b equal strata, so that no batch is all noise or all image.
        place = (torch.arange(b) + torch.rand(b)).to(real.device) / b
        ratio = settings.faintest * (settings.clearest / settings.faintest) ** place
        t = (ratio / (1 + ratio))[:, None, None, None]
        x = t * (2 * real - 1) + (1 - t) * torch.randn_like(real)
        # All was drawn for the whole batch; the network sees our rows of it.
        given, real, x, ratio = Given(*map(mine, given)), mine(real), mine(x), mine(ratio)
        logits = self._model.logits(self._network, given, x, ratio)
        losses = binary_cross_entropy_with_logits(logits, real, reduction="none").mean((1, 2, 3))
        weights = (ratio / _MIDDLE) ** settings.emphasis
        descend((weights * losses).mean(), self._adam)
        self._schedule.step()
        self._follow(settings.averaging)
        return {"log_loss": losses.mean()}

    @torch.no_grad()
    def _follow(self, decay: float) -> None:
        """Let the running average follow; young averages follow faster."""
        steps = self._schedule.last_epoch
        weight = 1 - min(decay, (1 + steps) / (10 + steps))
        for mean, current in zip(
            self._average.parameters(), self._network.parameters(), strict=True
        ):
            mean.lerp_(current, weight)


def _falls(images: torch.Tensor) -> torch.Tensor:
    """Whether s1 has more ink than s2, the first two of (b, ≥ 2, H, W): (b, 1, 1, 1)."""
    ink = images[:, :2].mean(dim=(2, 3))
    return (ink[:, 0] > ink[:, 1])[:, None, None, None]


def _turned(images: torch.Tensor, falls: torch.Tensor) -> torch.Tensor:
    """Where the trend falls, seen from the other end, so that it rises: (b, ≥ 2, H, W)."""
    mirrored = torch.cat([images[:, :2].flip(1), images[:, 2:]], dim=1).flip(3)
    return torch.where(falls, mirrored, images)


def _windows(given: Given, real: torch.Tensor, width: int) -> tuple[Given, torch.Tensor]:
    """A piece of each image, and of what is given, at a random place along x.

    The frame's borders then stand anywhere along the trend, and tell nothing of the place.

    Args:
        given: of b images.
        real: the images, (b, 1, H, W).
        width: of the pieces in pixels, where the images are not narrower.
    """
    spare = max(real.shape[3] - width, 0)
    lefts = torch.randint(spare + 1, (len(real),)).tolist()

    def pieces(maps: torch.Tensor) -> torch.Tensor:
        return torch.stack(
            [of[..., left : left + width] for of, left in zip(maps, lefts, strict=True)]
        )

    return Given(*map(pieces, given)), pieces(real)


def _pixels_by_inputs(train: Triplets) -> tuple[torch.Tensor, torch.Tensor]:
    """Black and white pixels of r by their ``cases``, s1 being the sparser: (4, columns) each."""
    black, both = torch.zeros(2, 4 * COLUMNS, dtype=torch.long)
    for images in zip(train.s1, train.s2, train.r, strict=True):
        triplet = darkness(torch.from_numpy(np.stack(images, axis=-1))[None])
        triplet = _turned(triplet, _falls(triplet))
        case = cases(triplet[:, :2])[0]
        both += case.flatten().bincount(minlength=4 * COLUMNS)
        black += case[triplet[0, 2] >= 0.5].bincount(minlength=4 * COLUMNS)
    return black.reshape(4, COLUMNS), (both - black).reshape(4, COLUMNS)


def _rise_and_fall(steps: int, rising: int) -> Callable[[int], float]:
    """The learning rate over its peak: linear up to step ``rising``, then half a cosine to 0."""

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / (rising + 1)
        return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))

    return factor
