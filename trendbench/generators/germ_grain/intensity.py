"""The network of the conditional intensity, learned by logistic regression.

Beside the grains of a training triplet lie dummies of each size, ρ of them per px². Whether an
event of a size is a dummy or a grain of mark m has log odds log λ_m − log ρ, and its log loss has
its minimum at the conditional intensities λ_m of the size.

Source: Baddeley, Coeurjolly, Rubak & Waagepetersen, Logistic regression for spatial Gibbs point
processes, Biometrika 101 (2014).
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, logsumexp
from torch import nn
from torch.nn.functional import cross_entropy, silu

from trendbench.generators.germ_grain.model import (
    COLUMN,
    DENSITY2,
    FEATURES,
    INNER,
    LEFT,
    MARKS,
    PLACE,
    RIGHT,
    Law,
)
from trendbench.training.context import RunContext

_BATCH = 1024
_BLOCK = 1 << 16  # events at a time, where nothing is learned
_DECAY, _WARMUP = 1e-4, 200
_ABSENT = 1e-7  # odds of a grain of a k that does not occur, to a dummy
_RARE = 2e-3  # of the grains of a zone; a k that is rarer does not occur there
_EVERY = 10  # of so many triplets one is held out
_CLEAR = 3.0  # standard errors
_FLAT = 1e-6  # of the greatest variance of a direction


class Events(NamedTuple):
    """Events of all training triplets.

    Attributes:
        features: (n, FEATURES).
        sizes: (n,).
        marks: 0 for a dummy, (n,).
        triplets: number of the triplet, (n,).
        densities: ρ, dummies of each size per px², (sizes,).
    """

    features: NDArray[np.float32]
    sizes: NDArray[np.int16]
    marks: NDArray[np.int16]
    triplets: NDArray[np.int32]
    densities: NDArray[np.float64]


class _Network(nn.Module):
    """Two hidden layers."""

    def __init__(self, hidden: int, kinds: int) -> None:
        super().__init__()
        self.first = nn.Linear(FEATURES, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.exit = nn.Linear(hidden, kinds)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.exit(silu(self.second(silu(self.first(x)))))
        return out


def learned(
    events: Events, hidden: int, epochs: int, rate: float, by_place: bool, run: RunContext
) -> Law:
    """Train the network; torch's random state decides weights and order.

    Args:
        events: of all training triplets.
        hidden: units of a layer.
        epochs: over the events.
        rate: of learning, at its peak.
        by_place: whether λ is to be a function of place and inputs, and not of other grains.
        run: for the progress.
    """
    x, sizes, y = (torch.from_numpy(part) for part in (events.features, events.sizes, events.marks))
    sizes, y = sizes.long(), y.long()
    number = len(events.densities)
    offset = x[:, DENSITY2] - torch.from_numpy(np.log(events.densities))[sizes].float()
    network = _Network(hidden, MARKS * number)
    mean, scale = x.mean(dim=0), x.std(dim=0, correction=0)
    scale = torch.where(scale > 1e-6, scale, 1.0)
    x = x.sub(mean).div_(scale)
    white = _whitening(x[:, :COLUMN])
    x[:, :COLUMN] = x[:, :COLUMN] @ white.float()
    counts = torch.bincount((MARKS + 1) * sizes + y, minlength=(MARKS + 1) * number)
    counts = counts.view(number, MARKS + 1).double()
    odds = (counts[:, 1:] / counts[:, :1].clamp(1)).clamp(_ABSENT).flatten()
    used = PLACE if by_place else FEATURES
    x[:, used:] = 0
    with torch.no_grad():
        network.first.weight[:, used:] = 0
        network.exit.weight.zero_()
        network.exit.bias.copy_(odds.log() - offset.mean())
    steps = epochs * math.ceil(len(x) / _BATCH)
    adam = torch.optim.AdamW(network.parameters(), rate, weight_decay=_DECAY, fused=True)
    with run.bar("intensity", steps, "steps") as progress:
        step = 0
        for _ in range(epochs):
            for chosen in torch.randperm(len(x)).split(_BATCH):
                factor = min(1.0, (step + 1) / _WARMUP) * (1 + math.cos(math.pi * step / steps)) / 2
                adam.param_groups[0]["lr"] = rate * factor
                every = network(x[chosen]).view(len(chosen), number, MARKS)
                logits = every[torch.arange(len(chosen)), sizes[chosen]] + offset[chosen, None]
                dummy = torch.zeros(len(chosen), 1)
                loss = cross_entropy(torch.cat([dummy, logits], dim=1), y[chosen])
                adam.zero_grad()
                loss.backward()
                adam.step()
                step += 1
                progress.advance(1)
    network.double()
    with torch.no_grad():
        network.first.weight[:, :COLUMN] = network.first.weight[:, :COLUMN] @ white.T
    layers = [network.first, network.second, network.exit]
    arrays = [part for layer in layers for part in (layer.weight, layer.bias)]
    parts = [part.detach().double().numpy() for part in (mean, scale, *arrays)]
    return Law._make([*parts, _shares(events)])


def _whitening(x: torch.Tensor) -> torch.Tensor:
    """The matrix A for which features x·A have variance 1 and no correlation, (n, n), double.

    The features of the column are nearly linearly dependent, and λ near a border depends on
    directions of small variance. Whitened, these are learned at the same rate as the others.
    Directions without variance become 0.

    Args:
        x: features of mean 0, (events, n).
    """
    covariance = sum(part.double().T @ part.double() for part in x.split(_BLOCK)) / len(x)
    variances, directions = torch.linalg.eigh(covariance)
    there = variances > _FLAT * variances[-1]
    return torch.where(there, directions / variances.clamp(min=1e-300).sqrt(), 0.0)


def depends_on_others(
    events: Events, hidden: int, epochs: int, rate: float, run: RunContext
) -> bool:
    """Whether the events show that λ depends on other grains.

    Two networks, with and without these features and alike in all else, learn from nine of ten
    triplets. The log loss of a triplet held out must be less with them by more than three standard
    errors, on average.

    Args:
        events: of all triplets.
        hidden: units of a layer.
        epochs: over the events.
        rate: of learning, at its peak.
        run: for the progress.
    """
    is_held_out = events.triplets % _EVERY == _EVERY - 1
    seen, held_out = (_chosen(events, rows) for rows in (~is_held_out, is_held_out))
    state, losses = torch.get_rng_state(), []
    for by_place in (True, False):
        torch.set_rng_state(state)
        losses.append(_losses(held_out, learned(seen, hidden, epochs, rate, by_place, run)))
    numbers, triplet = np.unique(held_out.triplets, return_inverse=True)
    gains = np.bincount(triplet, weights=losses[0] - losses[1])
    few = len(numbers) < 2
    return not few and bool(gains.mean() > _CLEAR * gains.std(ddof=1) / math.sqrt(len(gains)))


def _chosen(events: Events, rows: NDArray[np.bool_]) -> Events:
    """Some of the events."""
    features, sizes, marks, triplets, densities = events
    return Events(features[rows], sizes[rows], marks[rows], triplets[rows], densities)


def _losses(events: Events, law: Law) -> NDArray[np.float64]:
    """Log loss of each event, (n,)."""
    number = len(events.densities)
    losses = np.empty(len(events.marks))
    for start in range(0, len(losses), _BLOCK):
        rows = slice(start, start + _BLOCK)
        x = events.features[rows].astype(float)
        first = _silu((x - law.mean) / law.scale @ law.w1.T + law.b1)
        exits = _silu(first @ law.w2.T + law.b2) @ law.w3.T + law.b3
        sizes = events.sizes[rows]
        logits = exits.reshape(len(x), number, MARKS)[np.arange(len(x)), sizes]
        logits += (x[:, DENSITY2] - np.log(events.densities)[sizes])[:, None]
        odds = np.concatenate([np.zeros((len(x), 1)), logits], axis=1)
        own = odds[np.arange(len(x)), events.marks[rows]]
        losses[rows] = logsumexp(odds, axis=1) - own
    return losses


def _silu(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(z * expit(z))


def _shares(events: Events) -> NDArray[np.float64]:
    """Share of each size and mark among the grains of each zone, (3, K); 0 for rare ones."""
    left, right = (events.features[:, i] < 0 for i in (1, 2))
    every = events.marks > 0
    zones = {LEFT: left & every, RIGHT: right & every, INNER: ~left & ~right & every}
    kinds = MARKS * events.sizes + events.marks - 1
    shares = np.empty((3, MARKS * len(events.densities)))
    for zone, rows in zones.items():
        found = kinds[rows if rows.any() else every]
        shares[zone] = np.bincount(found, minlength=shares.shape[1]) / len(found)
    shares[shares < _RARE] = 0
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
