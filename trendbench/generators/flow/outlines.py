"""Outlines: the log odds of an uncertain pixel corrected by all other pixels around it.

The flow's network gives a pixel's law while a quarter of the pixels is hidden. Where several
pixels of an outline are hidden, their common law is lost. A small network of the window around one
hidden pixel corrects its log odds, and each uncertain pixel is drawn again.

Source: Besag, Statistical analysis of non-lattice data (1975), for the pseudo-likelihood.
"""

import copy
import math
from typing import NamedTuple

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, pad

from trendbench.generators.flow.correction import REACH, UNCERTAIN, Correction
from trendbench.generators.flow.law import PHASES, Law, hidden_in_pass
from trendbench.generators.flow.network import Given
from trendbench.generators.flow.orientation import rising
from trendbench.generators.network.layers import placed
from trendbench.process.triplets import Triplets
from trendbench.training.context import RunContext
from trendbench.training.matrices import as_matrices

_SIDE = 2 * REACH + 1  # px of a window
_APART = 3  # pixels of a pass that are drawn together lie this many pixels of the pass apart
_IMAGES = 1800  # of the training triplets, at most, whose uncertain pixels are learned from
_PIXELS = 1_250_000  # after so many no further image is looked at
_TOGETHER = 512  # pixels of a step
_RATES = 4e-3, 2e-3  # of Muon and of AdamW, at the peak
_DECAY, _WARMUP, _AVERAGING = 0.01, 100, 0.998


class Uncertain(NamedTuple):
    """Pixels of training images whose log odds are within ``UNCERTAIN``, n of them.

    Attributes:
        frames: ``framed`` training images.
        places: image, row and column of each pixel, (n, 3).
        logits: log odds given a quarter hidden, (n,).
    """

    frames: torch.Tensor
    places: torch.Tensor
    logits: torch.Tensor


def framed(pair: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """s1, s2 and r as ±1 with ``REACH`` px of 0 around: (b, 3, H + 20, W + 20) int8.

    Args:
        pair: darkness of s1 and s2, (b, 2, H, W).
        images: r, 0 or 1, (b, 1, H, W).
    """
    signs = (2 * torch.cat([pair, images], dim=1).round() - 1).to(torch.int8)
    return pad(signs, (REACH, REACH, REACH, REACH))


def around(frames: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """The windows around pixels, which are hidden in them: (m, 3, 21, 21) float.

    Args:
        frames: ``framed`` images.
        places: image, row and column of each pixel, (m, 3).
    """
    image, row, column = places.unbind(dim=1)
    windows = frames.unfold(2, _SIDE, 1).unfold(3, _SIDE, 1)[image, :, row, column].float()
    windows[:, 2, REACH, REACH] = 0
    return windows


def redrawn_outlines(
    law: Law, correction: Correction, given: Given, images: torch.Tensor, cut: float,
    *, settling: bool = False,
) -> torch.Tensor:  # fmt: skip
    """Images, 0 or 1, (b, 1, H, W), after a sweep that draws single pixels by corrected log odds.

    The network gives log odds l while a quarter of the pixels is hidden. Pixels with |l| ≥ 8 are
    set to the likelier colour. The others are drawn in nine groups, 6 px apart in a group and those
    of a group at once, by the log odds of ``correction`` given all others in the window; beyond
    ±``cut`` they are set as well.

    Args:
        law: of a pixel.
        correction: of its log odds.
        given: of the images.
        images: 0 or 1, (b, 1, H, W).
        cut: log odds beyond which the improbable colour is not drawn.
        settling: pixels within ±``cut`` stay as they are, so that the sweep draws nothing.
    """
    frames = framed(given.pair, images)
    height, width = images.shape[2:]
    now = frames[:, 2, REACH : REACH + height, REACH : REACH + width]
    for number in range(len(PHASES)):
        shown = now[:, None].float()
        hidden = hidden_in_pass(shown, number)
        logits = law.given_others(given, shown, hidden)
        uniforms = 1 - torch.rand_like(logits)  # 0 < u ≤ 1
        logits, uniforms, hidden = logits[:, 0], uniforms[:, 0], hidden[:, 0]
        open_ = logits.abs() < UNCERTAIN
        now.copy_(torch.where(hidden & ~open_, _sign(logits > 0), now))
        places = (hidden & open_).nonzero()
        row, column = (places[:, axis] // 2 % _APART for axis in (1, 2))
        group = row * _APART + column
        for which in range(_APART**2):
            chosen = places[group == which]
            if not len(chosen):
                continue
            at = tuple(chosen.unbind(dim=1))
            with law.autocast():
                odds = correction(around(frames, chosen), logits[at])
            drawn = now[at] > 0 if settling else uniforms[at] <= torch.sigmoid(odds)
            now[at] = _sign(torch.where(odds.abs() < cut, drawn, odds > 0))
    return (now[:, None] > 0).to(images.dtype)


def learn_outlines(
    law: Law, correction: Correction, train: Triplets, run: RunContext, device: torch.device,
    epochs: int,
) -> None:  # fmt: skip
    """Train the correction by the log loss of uncertain pixels of training images.

    Each pixel's window is turned and mirrored at random, one of eight ways for all of a step, as
    potentials are the same for a pattern's turns and mirror images.

    Args:
        law: of a pixel; trained.
        correction: trained from what it is; becomes the running average of the weights.
        train: whose images are learned from, up to 1800 images or 1.25 million uncertain pixels.
        run: shows progress.
        device: of the network.
        epochs: as many pixels are taken, 512 a step, as so many passes over all would take.
    """
    found = _uncertain_in(law, train, run, device)
    if not len(found.places):
        return
    steps = epochs * math.ceil(len(found.places) / _TOGETHER)
    trained = placed(copy.deepcopy(correction), device)
    weights = list(trained.parameters())
    kernels = [w for w in weights if w.ndim == 4]
    matrices = [w for w in weights if w.ndim == 2 and w is not trained.exit.weight]
    others = [w for w in weights if w.ndim == 1 or w is trained.exit.weight]
    muon = torch.optim.Muon(
        [*as_matrices(kernels), *matrices], _RATES[0], weight_decay=_DECAY,
        adjust_lr_fn="match_rms_adamw",
    )  # fmt: skip
    adam = torch.optim.AdamW(others, _RATES[1], weight_decay=_DECAY)
    height, width = train.r.shape[1:]
    inside = found.frames[:, 2, REACH : REACH + height, REACH : REACH + width]
    with run.bar("outlines", steps, "steps") as progress:
        for step in range(steps):
            shape = min(1.0, (step + 1) / _WARMUP) * (1 + math.cos(math.pi * step / steps)) / 2
            muon.param_groups[0]["lr"], adam.param_groups[0]["lr"] = (r * shape for r in _RATES)
            chosen = torch.randint(len(found.places), (_TOGETHER,)).to(device)
            places = found.places[chosen]
            black = (inside[tuple(places.unbind(dim=1))] > 0).float()
            seen = _turned_at_random(around(found.frames, places))
            with law.autocast():
                odds = trained(seen, found.logits[chosen])
            muon.zero_grad()
            adam.zero_grad()
            binary_cross_entropy_with_logits(odds, black).backward()
            muon.step()
            adam.step()
            with torch.no_grad():
                for mean, current in zip(correction.parameters(), weights, strict=True):
                    mean.lerp_(current, 1 - min(_AVERAGING, (1 + step) / (10 + step)))
            progress.advance(1)


@torch.no_grad()
def _uncertain_in(law: Law, train: Triplets, run: RunContext, device: torch.device) -> Uncertain:
    """The uncertain pixels of training images, each hidden once as a sweep hides it."""
    n, batch = min(_IMAGES, len(train)), law.settings.batch
    height, width = train.r.shape[1:]
    frames = torch.empty(
        (n, 3, height + 2 * REACH, width + 2 * REACH), dtype=torch.int8, device=device
    )
    all_places, all_logits = [], []
    with run.bar("uncertain pixels", n, "images") as progress:
        for start in range(0, n, batch):
            triplet = rising(train[start : min(start + batch, n)]).to(device)
            given, real = law.network.given(triplet[:, :2]), triplet[:, 2:].round()
            logits = torch.zeros_like(real)
            for number in range(len(PHASES)):
                hidden = hidden_in_pass(real, number)
                logits = torch.where(hidden, law.given_others(given, 2 * real - 1, hidden), logits)
            logits = logits[:, 0]
            places = (logits.abs() < UNCERTAIN).nonzero()
            frames[start : start + len(real)] = framed(triplet[:, :2], real)
            all_places.append(places + torch.tensor([start, 0, 0], device=device))
            all_logits.append(logits[tuple(places.unbind(dim=1))])
            progress.advance(len(real))
            if sum(map(len, all_logits)) >= _PIXELS:
                break
    return Uncertain(frames[: start + len(real)], torch.cat(all_places), torch.cat(all_logits))


def _sign(black: torch.Tensor) -> torch.Tensor:
    return 2 * black.to(torch.int8) - 1


def _turned_at_random(windows: torch.Tensor) -> torch.Tensor:
    """All windows turned and mirrored alike, in one of eight ways."""
    way = int(torch.randint(8, ()))
    turned = torch.rot90(windows, way % 4, (2, 3))
    return turned.flip(3) if way >= 4 else turned
