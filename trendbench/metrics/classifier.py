"""The 2017 study's distance of two distributions: the loss of a trained classifier.

A new network learns to tell the true r from the generated image of the same triplet. Triplets,
not images, are split into training, calibration and held-out parts, so that a pair of inputs is
never on two sides. The network's logit is calibrated on the calibration part, which also picks
the epoch; the score is the log loss on the held-out part over ln 2: 1 where nothing can be told,
0 where everything can.

Sources: Budakyan (2017), the loss of the discriminator as a distance; Lopez-Paz & Oquab,
Revisiting classifier two-sample tests (ICLR 2017).
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from trendbench.progress import Bar, Progress, quiet
from trendbench.rendering.disks import WHITE
from trendbench.rendering.triplets import Triplets
from trendbench.training.device import choose_device, choose_precision, keep_freed_memory
from trendbench.training.randomness import derived_seed

_SEED = 20170604
_EPOCHS = 12
_BATCH = 16
_LEARNING_RATE, _DECAY = 2e-3, 1e-2
_TRAINING, _CALIBRATION = 0.6, 0.15
_WIDTHS = (16, 32, 64, 64)


@dataclass(frozen=True)
class HeldOut:
    """What the classifier says of the held-out triplets, calibrated.

    Attributes:
        logloss: (m,) mean log loss of a triplet's true and generated image, over ln 2.
        accuracy: (m,) share of the two that are classified correctly.
    """

    logloss: NDArray[np.float64]
    accuracy: NDArray[np.float64]


def tell_apart(
    images: NDArray[np.uint8], given: Triplets, *, conditional: bool = True, bar: Bar = quiet
) -> HeldOut:
    """Train the classifier on true against generated images, and hold it to unseen triplets.

    Args:
        images: generated, (n, H, W) uint8, one for each triplet.
        given: the triplets, whose r are the true images.
        conditional: whether the classifier sees (s1, s2, image) or the image alone.
        bar: shows progress; nothing by default.
    """
    n = len(given)
    keep_freed_memory()
    device = choose_device()
    order = np.random.default_rng(_SEED).permutation(n)
    ends = round(_TRAINING * n), round((_TRAINING + _CALIBRATION) * n)
    training, calibration, held_out = np.split(order, ends)
    pairs = _Pairs(images, given, conditional, device)
    devices = [device] if device.type == "cuda" else []
    total = _EPOCHS * len(training)
    with torch.random.fork_rng(devices), bar("classifier", total, "triplets") as progress:
        logits = _best_logits(pairs, training, calibration, held_out, progress)
    slope, offset = _calibrate(logits[0])
    found = slope * logits[1] + offset
    signed = np.stack([found[:, 0], -found[:, 1]], axis=1)  # true images are class 1
    logloss = np.logaddexp(0.0, -signed).mean(axis=1) / math.log(2)
    accuracy = ((signed > 0) + 0.5 * (signed == 0)).mean(axis=1)
    return HeldOut(logloss, accuracy)


class _Network(nn.Sequential):
    """Four stride-2 convolutions with group norm, then the mean over the frame, then one logit."""

    def __init__(self, inputs: int) -> None:
        layers: list[nn.Module] = []
        for width in _WIDTHS:
            layers += [
                nn.Conv2d(inputs, width, 4, stride=2, padding=1),
                nn.GroupNorm(8, width),
                nn.SiLU(),
            ]
            inputs = width
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 1)]
        super().__init__(*layers)


class _Pairs:
    """True and generated images of chosen triplets as network inputs, with a column ramp."""

    def __init__(
        self,
        images: NDArray[np.uint8],
        given: Triplets,
        conditional: bool,
        device: torch.device,
    ) -> None:
        self._given = (given.s1, given.s2) if conditional else ()
        self._sides = (given.r, images)
        self.device = device
        self.channels = len(self._given) + 2
        width = given.r.shape[2]
        self._ramp = torch.linspace(-1, 1, width, device=device)

    def take(
        self, chosen: NDArray[np.int64], flip: NDArray[np.bool_] | None = None
    ) -> torch.Tensor:
        """(2b, channels, H, W): the true images first; flipped upside down where asked."""
        inputs = []
        for side in self._sides:
            stack = np.stack([series[chosen] for series in (*self._given, side)], axis=-1)
            if flip is not None:
                stack[flip] = stack[flip][:, ::-1]
            inputs.append(stack)
        pixels = torch.from_numpy(np.concatenate(inputs)).to(self.device)
        dark = (1.0 - pixels.float() / WHITE).permute(0, 3, 1, 2)
        ramp = self._ramp.expand(dark.shape[0], 1, dark.shape[2], -1)
        return torch.cat([dark, ramp], dim=1).contiguous(memory_format=torch.channels_last)


def _best_logits(
    pairs: _Pairs,
    training: NDArray[np.int64],
    calibration: NDArray[np.int64],
    held_out: NDArray[np.int64],
    progress: Progress,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logits (m, 2) of the calibration and held-out parts, at the epoch best on the former."""
    torch.manual_seed(derived_seed(_SEED, "weights"))
    network = _Network(pairs.channels).to(device=pairs.device)
    bf16 = choose_precision(pairs.device) == "bf16"
    steps = _EPOCHS * math.ceil(len(training) / _BATCH)
    adam = torch.optim.AdamW(network.parameters(), _LEARNING_RATE, weight_decay=_DECAY, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, _LEARNING_RATE, total_steps=steps)
    best, kept = math.inf, (np.zeros((0, 2)), np.zeros((0, 2)))
    for epoch in range(_EPOCHS):
        rng = np.random.default_rng(derived_seed(_SEED, "epoch", epoch))
        order = rng.permutation(training)
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            x = pairs.take(chosen, rng.random(len(chosen)) < 0.5)
            truth = torch.arange(len(x), device=pairs.device) < len(chosen)
            with torch.autocast(pairs.device.type, torch.bfloat16, enabled=bf16):
                logits = network(x)
            loss = binary_cross_entropy_with_logits(logits.float()[:, 0], truth.float())
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()
            schedule.step()
            progress.advance(len(chosen))
        logits_c = _logits(network, pairs, calibration, bf16)
        loss_c = _calibrated_loss(logits_c, _calibrate(logits_c))
        if loss_c < best:
            best, kept = loss_c, (logits_c, _logits(network, pairs, held_out, bf16))
    return kept


@torch.no_grad()
def _logits(
    network: nn.Module, pairs: _Pairs, triplets: NDArray[np.int64], bf16: bool
) -> NDArray[np.float64]:
    """(m, 2): of the true and of the generated image."""
    parts = []
    for start in range(0, len(triplets), _BATCH):
        chosen = triplets[start : start + _BATCH]
        with torch.autocast(pairs.device.type, torch.bfloat16, enabled=bf16):
            logits = network(pairs.take(chosen))
        parts.append(logits.float().reshape(2, -1).T.cpu().numpy().astype(np.float64))
    return np.concatenate(parts)


def _calibrate(logits: NDArray[np.float64]) -> tuple[float, float]:
    """Slope ≥ 0 and offset that minimise the log loss of logits (m, 2) (Platt scaling)."""
    found = minimize(
        lambda theta: _calibrated_loss(logits, theta),
        np.array([0.5, 0.0]),
        bounds=[(0.0, 10.0), (-10.0, 10.0)],
        method="L-BFGS-B",
    )
    return float(found.x[0]), float(found.x[1])


def _calibrated_loss(
    logits: NDArray[np.float64], theta: tuple[float, float] | NDArray[np.float64]
) -> float:
    scaled = theta[0] * logits + theta[1]
    return float(np.logaddexp(0, -scaled[:, 0]).mean() + np.logaddexp(0, scaled[:, 1]).mean()) / 2
