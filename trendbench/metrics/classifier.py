"""The 2017 study's distance of two distributions: the loss of a trained classifier.

A network is trained to tell the true r from the generated image of the same triplet. Triplets,
never images, are split into five folds, copies of an image together. Each fold is held out once,
so every triplet is scored by a network that was trained without it. If the folds held out so far
tell the two apart beyond doubt, the remaining folds are not trained.

A network is trained on crops, beside a column ramp and a row ramp that give the place in the frame.
In each epoch the true image of a training triplet is a fresh draw of the law of r given its inputs,
so no single true image can be remembered. A held-out triplet is scored with its own r.

Sources: Budakyan (2017), the loss of the discriminator as a distance; Lopez-Paz & Oquab,
Revisiting classifier two-sample tests (ICLR 2017).
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from trendbench.metrics.exchange import pooled_p, signed_rank_z
from trendbench.metrics.folds import FOLDS, Groups, deal
from trendbench.process.images import WHITE
from trendbench.process.seeds import SEED_LIMIT
from trendbench.process.triplets import Triplets
from trendbench.progress import Bar, Progress, quiet
from trendbench.training.device import choose_device, choose_precision, keep_freed_memory
from trendbench.training.randomness import derived_seed

_SEED = 20170604
_EPOCHS = 16
_BATCH = 16
_CROP = 128
_LEARNING_RATE, _DECAY = 2e-3, 1e-2
_WIDTHS = (16, 32, 64, 64)
_BEYOND_DOUBT = 1e-8
Images = NDArray[np.uint8]


@dataclass(frozen=True)
class HeldOut:
    """What networks find in triplets that they were not trained on.

    Attributes:
        triplets: (m,) their indices, fold by fold; all n unless it ended early.
        logits: (m, 2) of the true and of the generated image; positive speaks for a true one.
        p: of the labels' exchange, one-sided, see ``exchange.py``.
    """

    triplets: NDArray[np.int64]
    logits: NDArray[np.float64]
    p: float


def tell_apart(
    images: Images,
    given: Triplets,
    groups: Groups,
    *,
    conditional: bool = True,
    bar: Bar = quiet,
) -> HeldOut:
    """Cross-fit the classifier on true against generated images.

    Args:
        images: generated, (n, H, W) uint8, one for each triplet.
        given: the triplets, whose r are the true images.
        groups: (n,) of ``folds.copies``; a group is held out together.
        conditional: whether the classifier is given (s1, s2, image) or the image alone.
        bar: shows progress; nothing by default.
    """
    keep_freed_memory()
    device = choose_device()
    fold_of = deal(groups, derived_seed(_SEED, "folds"))
    pairs = _Pairs(images, given, conditional, device)
    devices = [device] if device.type == "cuda" else []
    held_out, logits, z = [], [], []
    left = _EPOCHS * (FOLDS - 1) * len(given)
    with torch.random.fork_rng(devices), bar("classifier", left, "triplets") as progress:
        for fold in range(FOLDS):
            training, held = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
            network = _fitted(pairs, training, fold, progress)
            left -= _EPOCHS * len(training)
            held_out.append(held)
            logits.append(_logits(network, pairs, held))
            z.append(signed_rank_z(logits[-1][:, 0] - logits[-1][:, 1], groups[held]))
            if pooled_p(z) < _BEYOND_DOUBT:
                progress.advance(left)
                break
    return HeldOut(np.concatenate(held_out), np.concatenate(logits), pooled_p(z))


class _Network(nn.Sequential):
    """Four stride-2 convolutions with batch norm, then the mean over the frame, then one logit."""

    def __init__(self, inputs: int) -> None:
        layers: list[nn.Module] = []
        for width in _WIDTHS:
            layers += [
                nn.Conv2d(inputs, width, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.SiLU(),
            ]
            inputs = width
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 1)]
        super().__init__(*layers)


class _Pairs:
    """True and generated images of chosen triplets as network inputs, with ramps in x and y."""

    def __init__(
        self, images: Images, given: Triplets, conditional: bool, device: torch.device
    ) -> None:
        self._images, self._triplets, self._conditional = images, given, conditional
        self._inputs = (given.s1, given.s2) if conditional else ()
        self.device = device
        self.channels = len(self._inputs) + 3
        self.crop = min(_CROP, images.shape[1]), min(_CROP, images.shape[2])

    def fresh_true(self, rng: np.random.Generator) -> Images:
        """A fresh true image for each triplet, (n, H, W), given its inputs if they are looked at.

        Where the latents are unknown there is no law to draw from, and the stored r serve.
        """
        spec, latents = self._triplets.spec, self._triplets.latent
        if latents is None:
            return self._triplets.r
        if self._conditional:
            return spec.render_r(spec.redraw(latents, rng))
        seed = int(rng.integers(SEED_LIMIT, dtype=np.uint64))
        return spec.render_r(spec.latents(len(latents), seed, "test"))

    def crops(
        self, chosen: NDArray[np.int64], true: Images, rng: np.random.Generator
    ) -> torch.Tensor:
        """(2b, channels, h, w): the true images first; both of a triplet cut at one place."""
        (h, w), (height, width) = self.crop, true.shape[1:]
        tops = rng.integers(height - h + 1, size=len(chosen))
        lefts = rng.integers(width - w + 1, size=len(chosen))
        return self._take(chosen, true, tops, lefts, (h, w))

    def whole(self, chosen: NDArray[np.int64]) -> torch.Tensor:
        """(2b, channels, H, W): the true images first."""
        r, origin = self._triplets.r, np.zeros(len(chosen), dtype=np.int64)
        return self._take(chosen, r, origin, origin, r.shape[1:])

    def _take(
        self,
        chosen: NDArray[np.int64],
        true: Images,
        tops: NDArray[np.int64],
        lefts: NDArray[np.int64],
        size: tuple[int, ...],
    ) -> torch.Tensor:
        b, inputs = len(chosen), len(self._inputs)
        pixels = np.empty((2, b, inputs + 1, *size), dtype=np.uint8)
        for j, (i, top, left) in enumerate(zip(chosen, tops, lefts, strict=True)):
            place = i, slice(top, top + size[0]), slice(left, left + size[1])
            for channel, series in enumerate(self._inputs):
                pixels[:, j, channel] = series[place]
            pixels[0, j, inputs] = true[place]
            pixels[1, j, inputs] = self._images[place]
        dark = 1.0 - torch.from_numpy(pixels).to(self.device).float() / WHITE
        down, across = self._ramp(tops, size[0], 1), self._ramp(lefts, size[1], 2)
        ramps = torch.stack(torch.broadcast_tensors(down[:, :, None], across[:, None, :]), dim=1)
        x = torch.cat([dark, ramps.expand(2, -1, -1, -1, -1)], dim=2).flatten(0, 1)
        return x.contiguous(memory_format=torch.channels_last)

    def _ramp(self, starts: NDArray[np.int64], length: int, axis: int) -> torch.Tensor:
        """Places of pixels ``starts`` … on an axis of the frame, −1 … 1, (b, length)."""
        middle = (self._images.shape[axis] - 1) / 2
        places = (starts[:, None] + np.arange(length) - middle) / max(middle, 1.0)
        return torch.from_numpy(places.astype(np.float32)).to(self.device)


def _fitted(pairs: _Pairs, training: NDArray[np.int64], fold: int, progress: Progress) -> nn.Module:
    """The network of a fold, trained on the triplets outside it."""
    torch.manual_seed(derived_seed(_SEED, "weights", fold))
    network = _Network(pairs.channels).to(device=pairs.device)
    bf16 = choose_precision(pairs.device) == "bf16"
    steps = _EPOCHS * math.ceil(len(training) / _BATCH)
    adam = torch.optim.AdamW(network.parameters(), _LEARNING_RATE, weight_decay=_DECAY, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, _LEARNING_RATE, total_steps=steps)
    for epoch in range(_EPOCHS):
        rng = np.random.default_rng(derived_seed(_SEED, "epoch", fold, epoch))
        true = pairs.fresh_true(rng)
        order = rng.permutation(training)
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            x = pairs.crops(chosen, true, rng)
            truth = torch.arange(len(x), device=pairs.device) < len(chosen)
            with torch.autocast(pairs.device.type, torch.bfloat16, enabled=bf16):
                logits = network(x)
            loss = binary_cross_entropy_with_logits(logits.float()[:, 0], truth.float())
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()
            schedule.step()
            progress.advance(len(chosen))
    return network.eval()


@torch.no_grad()
def _logits(network: nn.Module, pairs: _Pairs, triplets: NDArray[np.int64]) -> NDArray[np.float64]:
    """(m, 2): of the true and of the generated image, both whole."""
    bf16 = choose_precision(pairs.device) == "bf16"
    parts = []
    for start in range(0, len(triplets), _BATCH):
        x = pairs.whole(triplets[start : start + _BATCH])
        with torch.autocast(pairs.device.type, torch.bfloat16, enabled=bf16):
            logits = network(x)
        parts.append(logits.float().reshape(2, -1).T.cpu().numpy().astype(np.float64))
    return np.concatenate(parts)
