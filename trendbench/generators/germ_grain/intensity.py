"""The network of the conditional intensity, learned by logistic regression.

Beside the grains of a training triplet lie dummies, ρ of them per px². Whether an event is a dummy
or a grain of size and mark k has log odds log λ_k − log ρ, and its log loss has its minimum at the
conditional intensities λ_k.

Source: Baddeley, Coeurjolly, Rubak & Waagepetersen, Logistic regression for spatial Gibbs point
processes, Biometrika 101 (2014).
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import cross_entropy, silu

from trendbench.generators.germ_grain.model import FEATURES, INNER, LEFT, PLACE, RIGHT, Law
from trendbench.training.context import RunContext

_BATCH = 1024
_DECAY, _WARMUP = 1e-4, 200
_NEVER = 1e-7  # dummies as often as grains of a k that never occurs
_RARE = 2e-3  # of the grains of a zone; a k that is rarer does not occur there
_DENSITY2 = 6  # number of that feature


class Events(NamedTuple):
    """Events of all training triplets.

    Attributes:
        features: (n, FEATURES).
        kinds: 0 for a dummy, 1 + k for a grain, (n,).
        density: ρ, dummies per px².
    """

    features: NDArray[np.float32]
    kinds: NDArray[np.int8]
    density: float


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
    events: Events, kinds: int, hidden: int, epochs: int, rate: float, by_place: bool,
    run: RunContext,
) -> Law:  # fmt: skip
    """Train the network for k = 0 … kinds − 1; torch's random state decides weights and order.

    Args:
        events: of all training triplets.
        kinds: sizes times marks.
        hidden: units of a layer.
        epochs: over the events.
        rate: of learning, at its peak.
        by_place: whether λ is to be a function of place and inputs, and not of other grains.
        run: for the progress.
    """
    x, y = torch.from_numpy(events.features), torch.from_numpy(events.kinds).long()
    offset = x[:, _DENSITY2] - math.log(events.density)
    network = _Network(hidden, kinds)
    mean, scale = x.mean(dim=0), x.std(dim=0, correction=0)
    scale = torch.where(scale > 1e-6, scale, 1.0)
    x = (x - mean) / scale
    counts = torch.bincount(y, minlength=kinds + 1).double()
    odds = (counts[1:] / counts[0]).clamp(_NEVER)
    used = PLACE if by_place else FEATURES
    x[:, used:] = 0
    with torch.no_grad():
        network.first.weight[:, used:] = 0
        network.exit.weight.zero_()
        network.exit.bias.copy_(odds.log() - offset.mean())
    steps = epochs * math.ceil(len(x) / _BATCH)
    adam = torch.optim.AdamW(network.parameters(), rate, weight_decay=_DECAY)
    with run.bar("intensity", steps, "steps") as progress:
        step = 0
        for _ in range(epochs):
            for chosen in torch.randperm(len(x)).split(_BATCH):
                factor = min(1.0, (step + 1) / _WARMUP) * (1 + math.cos(math.pi * step / steps)) / 2
                adam.param_groups[0]["lr"] = rate * factor
                logits = network(x[chosen]) + offset[chosen, None]
                dummy = torch.zeros(len(chosen), 1)
                loss = cross_entropy(torch.cat([dummy, logits], dim=1), y[chosen])
                adam.zero_grad()
                loss.backward()
                adam.step()
                step += 1
                progress.advance(1)
    layers = [network.first, network.second, network.exit]
    arrays = [part for layer in layers for part in (layer.weight, layer.bias)]
    parts = [part.detach().double().numpy() for part in (mean, scale, *arrays)]
    return Law._make([*parts, _shares(events, kinds)])


def _shares(events: Events, kinds: int) -> NDArray[np.float64]:
    """Share of each k among the grains of each zone, (3, kinds); 0 for rare ones."""
    left, right = (events.features[:, i] < 0 for i in (1, 2))
    every = events.kinds > 0
    zones = {LEFT: left & every, RIGHT: right & every, INNER: ~left & ~right & every}
    shares = np.empty((3, kinds))
    for zone, rows in zones.items():
        found = events.kinds[rows if rows.any() else every] - 1
        shares[zone] = np.bincount(found, minlength=kinds) / len(found)
    shares[shares < _RARE] = 0
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
