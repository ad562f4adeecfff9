"""Conditional flow matching: trained to tell images from noise, drawn as noise gives way.

Gibbs sampling mends what rounding to black and white leaves.
"""

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

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
from trendbench.training.matrices import as_matrices
from trendbench.training.one_batch import mine

_AHEAD = 0.75  # of the mean's last change is expected in a step; coins of any bias come out so
_MIDDLE = 0.1  # signal-to-noise ratio of weight 1, where a particle's coin is tossed
_CLEAN_LEVEL = 2.0  # what the network is told then; from -1 to 1 for noisy images
_PHASES = ((0, 0), (1, 1), (0, 1), (1, 0))  # rows and columns, modulo 2, that a sweep asks in turn


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
        overshoot: how many times further than a stop's ratio the flow is followed before it comes
            back by fresh noise; 1 for the flow alone.
        steps: stops of the flow, each a pass of the network over an image.
        sweeps: of Gibbs sampling over all pixels that follow, each of four passes more.

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
    overshoot: float
    steps: int
    sweeps: int

    def __post_init__(self) -> None:
        super().__post_init__()
        self.must_lie(1, 4096, "width", "coarse")
        self.must_lie(1, 64, "blocks", "cell")
        self.must_lie(1, 1 << 16, "window")
        if self.window % (2 * self.cell):
            raise ValueError(f"window = {self.window}: a multiple of {2 * self.cell} px, two cells")
        self.must_lie(3, 1024, "steps")
        self.must_lie(0, 64, "sweeps")
        self.must_lie(0, 4, "emphasis")
        self.must_lie(1, 100, "overshoot")
        self.must_lie(1e-6, 1e6, "faintest", "clearest")
        if not self.faintest < self.clearest:
            raise ValueError(
                f"faintest, clearest = {self.faintest}, {self.clearest}: faintest < clearest"
            )
        self.must_lie(0, 1, "weight_decay")
        for name in ("warmup", "averaging", "pseudolikelihood"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)}: from 0 to below 1")


class View(NamedTuple):
    """What the network is shown of images, and what it need not say.

    Attributes:
        noisy: the images on two scales, (b, 2, H, W).
        level: how much of them is image, (b,).
        own: log odds that each pixel's own value gives it, (b, 1, H, W).
    """

    noisy: torch.Tensor
    level: torch.Tensor
    own: torch.Tensor


class Flow(NetworkGenerator[Settings, Denoiser]):
    """A flow from white noise z ~ N(0, 1) to images x = ±1, black being 1, given (s1, s2).

    On the way stands y_ρ = ρ·x + z, the signal-to-noise ratio ρ going from 0 to ∞: up to its scale
    x_t = t·x + (1 − t)·z with t = ρ/(1 + ρ). The flow dy/dρ = E(x | y_ρ, s1, s2) carries the law of
    z to that of x. A pixel is one of two values, so E(x | ·) = 2p − 1 with
    p = P(x = 1 | y_ρ, s1, s2), which log loss teaches. The noise of pixels is independent, so
    log p/(1 − p) = (what all other pixels say) + 2·ρ·y_ρ; the network learns the first term, and
    the second, the pixel's own word, is exact.

    The flow is followed from stop to stop, evenly in log ρ. At each it goes too far, to ρ' > ρ, and
    comes back by fresh noise: (ρ/ρ')·y + √(1 − (ρ/ρ')²)·z has the law of y_ρ. So an error of one
    step is seen and mended in those that follow, which the flow alone would carry to the end. Then
    p is rounded, so no pixel is grey.

    What rounding leaves ragged, sweeps of Gibbs sampling mend: every other pixel of every other row
    is hidden and drawn anew by P(x = 1 | the pixels not hidden, s1, s2), four times until each
    pixel was. The same network says it, taught by the log loss of hidden pixels, their
    pseudo-likelihood. Those hidden together are drawn as if independent of each other given the
    rest; they are no neighbours, and true images stay as they are but for little.

    Args:
        **settings: the fields of ``Settings``.

    Source: Lipman et al., Flow matching for generative modeling (2023); Karras et al., Elucidating
    the design space of diffusion-based generative models (2022), for the fresh noise; Besag,
    Spatial interaction and the statistical analysis of lattice systems (1974), for learning from
    pixels that are hidden together.
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
        return self.said(network, given, _all_but(image, asked))

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
        falls = _falls(pair)
        drawn = self._draw_rising(_turned(pair, falls))
        return torch.where(falls, drawn.flip(3), drawn)

    def _draw_rising(self, pair: torch.Tensor) -> torch.Tensor:
        """The same where s2 is the denser input."""
        settings = self.settings
        low, high = math.log(settings.faintest), math.log(settings.clearest)
        stops = [0.0, *torch.linspace(low, high, settings.steps - 1).exp().tolist()]
        given = self.network.given(pair)
        y = torch.randn_like(pair[:, :1])
        mean = torch.zeros_like(y)
        for i, ratio in enumerate(stops):
            before = mean
            ratios = torch.full((len(pair),), ratio, device=pair.device)
            p = torch.sigmoid(self.logits(self.network, given, y, ratios))
            if i + 1 == len(stops):
                break
            mean = 2 * p - 1
            # Stops are even in log ρ but for the first, at 0, from which no trend can be told.
            ahead = mean if i < 2 else (mean + _AHEAD * (mean - before)).clamp(-1, 1)
            last = i + 2 == len(stops)
            too_far = stops[i + 1] * (1 if last else settings.overshoot)
            y = y + (too_far - ratio) * ahead
            back = stops[i + 1] / too_far
            y = back * y + math.sqrt(1 - back**2) * torch.randn_like(y)
        return self._swept(given, (p >= 0.5).float())

    def _swept(self, given: Given, drawn: torch.Tensor) -> torch.Tensor:
        """Images, 0 or 1, after the sweeps of Gibbs sampling."""
        for _ in range(self.settings.sweeps):
            for phase in range(len(_PHASES)):
                asked = _every_fourth(drawn, torch.full((len(drawn),), phase))
                logits = self.conditionals(self.network, given, 2 * drawn - 1, asked)
                # From 0 < u ≤ 1, so that never is never: rand is 0 once in 2²⁴ times.
                anew = (1 - torch.rand_like(logits) <= torch.sigmoid(logits)).float()
                drawn = torch.where(asked, anew, drawn)
        return drawn


class _Learner(Parts):
    """One step down the log loss of pixels beneath the noise, and of hidden ones."""

    def __init__(self, model: Flow, train: Triplets) -> None:
        settings = model.settings
        self._model = model
        self._average = model.network  # what observers see and what is saved
        model.network.begin_with(*_pixels_by_inputs(train))
        self._network = copy.deepcopy(model.network)
        self._series = [resident(s, model.device) for s in (train.s1, train.s2, train.r)]
        weights = list(self._network.parameters())
        kernels = as_matrices(w for w in weights if w.ndim == 4)
        rate, decay = settings.learning_rate, settings.weight_decay
        muon = torch.optim.Muon(kernels, rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw")
        adam = torch.optim.AdamW([w for w in weights if w.ndim != 4], rate, weight_decay=decay)
        self._optimisers = (muon, adam)
        steps = settings.epochs * math.ceil(len(train) / settings.batch)
        shape = _rise_and_fall(steps, round(settings.warmup * steps))
        self._schedules = [torch.optim.lr_scheduler.LambdaLR(o, shape) for o in self._optimisers]
        super().__init__(
            network=self._network, average=self._average, muon=muon, adam=adam,
            muon_schedule=self._schedules[0], adam_schedule=self._schedules[1],
        )  # fmt: skip

    def step(self, chosen: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """One step on the triplets of these indices, (b,); the loss is in nats a pixel.

        Each is seen through a window at a random place, and batches are mirrored in y at random.
        """
        settings = self._model.settings
        triplet = darkness(torch.stack([series[chosen] for series in self._series], dim=-1))
        if torch.rand(()) < 0.5:
            triplet = triplet.flip(2)
        triplet = _turned(triplet, _falls(triplet))
        given, real = _windows(self._network.given(triplet[:, :2]), triplet[:, 2:], settings.window)
        b = len(chosen)
        # One level from each of b equal strata, so that no batch is all noise or all image; what
        # lies beyond the clearest is seen without noise.
        place = (torch.arange(b) + torch.rand(b)).to(real.device) / b
        place = place / (1 - settings.pseudolikelihood)
        clean = place >= 1
        ratio = settings.faintest * (settings.clearest / settings.faintest) ** place.clamp(max=1)
        image = 2 * real - 1
        y = ratio[:, None, None, None] * image + torch.randn_like(real)
        asked = _every_fourth(real, torch.randint(len(_PHASES), (b,)).to(real.device))
        # All was drawn for the whole batch; the network sees our rows of it.
        given, real, y, ratio = Given(*map(mine, given)), mine(real), mine(y), mine(ratio)
        image, asked, clean = mine(image), mine(asked), mine(clean)
        view = _either(clean, _all_but(image, asked), self._model.beneath_noise(y, ratio))
        logits = self._model.said(self._network, given, view)
        counted = (asked | ~_like(clean, asked)).float()
        losses = binary_cross_entropy_with_logits(logits, real, weight=counted, reduction="none")
        losses = losses.sum((1, 2, 3)) / counted.sum((1, 2, 3))
        weights = (ratio / _MIDDLE) ** settings.emphasis
        descend((weights * losses).mean(), *self._optimisers)
        for schedule in self._schedules:
            schedule.step()
        self._follow(settings.averaging)
        return {"log_loss": losses.mean()}

    @torch.no_grad()
    def _follow(self, decay: float) -> None:
        """Let the running average follow; young averages follow faster."""
        steps = self._schedules[0].last_epoch
        weight = 1 - min(decay, (1 + steps) / (10 + steps))
        for mean, current in zip(
            self._average.parameters(), self._network.parameters(), strict=True
        ):
            mean.lerp_(current, weight)


def _all_but(image: torch.Tensor, asked: torch.Tensor) -> View:
    """Images, ±1, without noise but for the pixels asked for, of which nothing is shown."""
    seen = torch.where(asked, 0.0, image)
    level = torch.full((len(image),), _CLEAN_LEVEL, device=image.device)
    return View(torch.cat([seen, seen], dim=1), level, torch.zeros_like(image))


def _either(rows: torch.Tensor, one: View, other: View) -> View:
    """Of each image, the one view where its row is true, (b,), and else the other."""
    return View(
        *(torch.where(_like(rows, a), a, b) for a, b in zip(one, other, strict=True)),
    )


def _like(rows: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """(b,) with as many axes as (b, …)."""
    return rows.view(-1, *[1] * (images.ndim - 1))


def _every_fourth(like: torch.Tensor, phases: torch.Tensor) -> torch.Tensor:
    """Every other pixel of every other row, beginning as each image's phase says: (b, 1, H, W)."""
    rows, columns = (torch.arange(n, device=like.device) % 2 for n in like.shape[2:])
    first = torch.tensor(_PHASES, device=like.device)[phases]
    of_rows = (rows == first[:, :1])[:, None, :, None]
    return of_rows & (columns == first[:, 1:])[:, None, None, :]


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
