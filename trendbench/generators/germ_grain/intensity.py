"""The networks of the conditional intensity, learned by logistic regression.

Beside the grains of a training image lie dummies, ρ of them per px². Whether one of the two is a
grain is a Bernoulli variable with log odds log λ − log ρ, and its log loss has its minimum at the
conditional intensity λ. Whether r has a grain of its inputs is one with log odds of their own.

Source: Baddeley, Coeurjolly, Rubak & Waagepetersen, Logistic regression for spatial Gibbs point
processes, Biometrika 101 (2014).
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, silu

from trendbench.generators.germ_grain.model import FEATURES, KEPT, NEW, Networks
from trendbench.training.context import RunContext

_BATCH = 512
_DECAY, _WARMUP = 1e-4, 200
_NEVER = 1e-6  # a probability


class Events(NamedTuple):
    """Events of all training images.

    Attributes:
        features: (n, FEATURES).
        which: the network of each, (n,).
        is_there: whether the image has the grain, (n,).
        density: ρ, dummies per px².
    """

    features: NDArray[np.float32]
    which: NDArray[np.int8]
    is_there: NDArray[np.bool_]
    density: float


class _Head(nn.Module):
    """Two hidden layers."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.first = nn.Linear(FEATURES, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.exit = nn.Linear(hidden, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.exit(silu(self.second(silu(self.first(x)))))[:, 0]
        return out


def learned(events: Events, hidden: int, epochs: int, rate: float, run: RunContext) -> Networks:
    """Train both networks; torch's random state decides weights and order."""
    heads = [_trained(events, which, hidden, epochs, rate, run) for which in (KEPT, NEW)]
    stacked = [np.stack(parts) for parts in zip(*heads, strict=True)]
    networks = Networks(*stacked)
    networks.b3[NEW] += math.log(events.density)
    return networks


def _trained(
    events: Events, which: int, hidden: int, epochs: int, rate: float, run: RunContext
) -> list[NDArray[np.float64]]:
    """One network's arrays in the order of ``Networks``."""
    rows = events.which == which
    x = torch.from_numpy(events.features[rows])
    y = torch.from_numpy(events.is_there[rows]).float()
    head = _Head(hidden)
    nn.init.zeros_(head.exit.weight)
    if not len(x):  # none was ever offered: the odds of such a grain are next to 0
        nn.init.constant_(head.exit.bias, math.log(_NEVER))
        return _arrays(head, torch.zeros(FEATURES), torch.ones(FEATURES))
    mean, scale = x.mean(dim=0), x.std(dim=0, correction=0)
    scale = torch.where(scale > 1e-6, scale, 1.0)
    x = (x - mean) / scale
    share = float(y.mean().clamp(_NEVER, 1 - _NEVER))
    nn.init.constant_(head.exit.bias, math.log(share / (1 - share)))
    steps = epochs * math.ceil(len(x) / _BATCH)
    adam = torch.optim.AdamW(head.parameters(), rate, weight_decay=_DECAY)
    with run.bar(("kept grains", "new grains")[which], steps, "steps") as progress:
        step = 0
        for _ in range(epochs):
            for chosen in torch.randperm(len(x)).split(_BATCH):
                factor = min(1.0, (step + 1) / _WARMUP) * (1 + math.cos(math.pi * step / steps)) / 2
                adam.param_groups[0]["lr"] = rate * factor
                loss = binary_cross_entropy_with_logits(head(x[chosen]), y[chosen])
                adam.zero_grad()
                loss.backward()
                adam.step()
                step += 1
                progress.advance(1)
    return _arrays(head, mean, scale)


def _arrays(head: _Head, mean: torch.Tensor, scale: torch.Tensor) -> list[NDArray[np.float64]]:
    layers = [head.first.weight, head.first.bias, head.second.weight, head.second.bias]
    parts = [mean, scale, *layers, head.exit.weight[0], head.exit.bias[0]]
    return [part.detach().double().numpy() for part in parts]
