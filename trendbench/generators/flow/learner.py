"""How the flow is trained: by the log loss of pixels beneath noise, and of hidden ones."""

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from trendbench.generators.flow.law import PHASES, Law, all_but, either, every_fourth, expanded
from trendbench.generators.flow.network import COLUMNS, Given, cases
from trendbench.generators.flow.orientation import falls, rising, turned
from trendbench.generators.network.images import darkness, resident
from trendbench.process.triplets import Triplets
from trendbench.training.matrices import as_matrices

_MIDDLE = 0.1  # signal-to-noise ratio of weight 1, at which whole particles are decided


class Learner:
    """One step down the log loss of pixels beneath the noise, and of hidden ones."""

    def __init__(self, law: Law, train: Triplets, device: torch.device) -> None:
        settings = law.settings
        self._average = law.network  # what observers draw with and what is saved
        self._average.begin_with(*_pixels_by_inputs(train))
        self._network = copy.deepcopy(self._average)
        self._law = replace(law, network=self._network)
        self._series = [resident(s, device) for s in (train.s1, train.s2, train.r)]
        weights = list(self._network.parameters())
        kernels = as_matrices(w for w in weights if w.ndim == 4)
        rate, decay = settings.learning_rate, settings.weight_decay
        muon = torch.optim.Muon(kernels, rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw")
        adam = torch.optim.AdamW([w for w in weights if w.ndim != 4], rate, weight_decay=decay)
        self._optimisers: tuple[torch.optim.Optimizer, ...] = (muon, adam)
        steps = settings.epochs * math.ceil(len(train) / settings.batch)
        shape = _rise_and_fall(steps, round(settings.warmup * steps))
        self._schedules = [torch.optim.lr_scheduler.LambdaLR(o, shape) for o in self._optimisers]
        self.parts = {
            "network": self._network, "average": self._average, "muon": muon, "adam": adam,
            "muon_schedule": self._schedules[0], "adam_schedule": self._schedules[1],
        }  # fmt: skip

    def step(self, chosen: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """One step on the triplets of these indices, (b,); the loss is in nats a pixel.

        Each is cut to a window at a random place, and batches are mirrored in y at random.
        """
        settings = self._law.settings
        triplet = darkness(torch.stack([series[chosen] for series in self._series], dim=-1))
        if torch.rand(()) < 0.5:
            triplet = triplet.flip(2)
        triplet = turned(triplet, falls(triplet))
        given, real = windows(self._network.given(triplet[:, :2]), triplet[:, 2:], settings.window)
        b = len(chosen)
        # One level from each of b equal strata, so that no batch is all noise or all image; images
        # beyond the clearest ratio are shown without noise.
        place = (torch.arange(b) + torch.rand(b)).to(real.device) / b
        place = place / (1 - settings.pseudolikelihood)
        clean = place >= 1
        ratio = settings.faintest * (settings.clearest / settings.faintest) ** place.clamp(max=1)
        image = 2 * real - 1
        y = ratio[:, None, None, None] * image + torch.randn_like(real)
        hidden = every_fourth(real, torch.randint(len(PHASES), (b,)).to(real.device))
        view = either(clean, all_but(image, hidden), self._law.beneath_noise(y, ratio))
        logits = self._law.odds(given, view)
        counted = (hidden | ~expanded(clean, hidden)).float()
        losses = binary_cross_entropy_with_logits(logits, real, weight=counted, reduction="none")
        losses = losses.sum((1, 2, 3)) / counted.sum((1, 2, 3))
        weights = (ratio / _MIDDLE) ** settings.emphasis
        for optimiser in self._optimisers:
            optimiser.zero_grad()
        (weights * losses).mean().backward()
        for optimiser in self._optimisers:
            optimiser.step()
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


def windows(given: Given, real: torch.Tensor, width: int) -> tuple[Given, torch.Tensor]:
    """A piece of each image, and of what is given, at a random place along x.

    A window's borders then lie anywhere along the trend, so that borders do not give the place.

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
    for i in range(len(train)):
        triplet = rising(train[i : i + 1])
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
