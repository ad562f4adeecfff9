"""How potentials are learned: from what sweeps draw too often, and too rarely.

A network that says 3 in 10⁴ where 2 is true loses next to nothing by it, and is found out by
whoever counts. So a model of maximum entropy corrects what it says, as little as will make
patterns of 3×3 pixels as frequent as in the training images.

Source: Zhu, Wu & Mumford, Filters, random fields and maximum entropy (1998).
"""

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from trendbench.generators.flow.network import Given
from trendbench.generators.flow.patterns import counts, number_of_classes, states
from trendbench.generators.flow.views import falls, turned
from trendbench.generators.network import darkness
from trendbench.rendering.triplets import Triplets
from trendbench.training.context import RunContext

if TYPE_CHECKING:
    from trendbench.generators.flow.generator import Flow

_IMAGES = 800  # of the training triplets, at most, whose inputs are drawn from
_PRIOR = 8.0  # occurrences that each class is credited with on either side
_STEP = 0.35  # share of log(true / drawn) that a round's potentials gain


@torch.no_grad()
def learn(model: "Flow", train: Triplets, run: RunContext) -> None:
    """Let the network's potentials θ match the patterns' frequencies.

    The flow is followed once for some of the training inputs. In every round the sweeps of a
    drawing set out from there, and θ(class) gains 0.35·log((true + 8)/(drawn + 8)) after it, counts
    being for as many images. So it is the images that are handed out whose patterns match.
    """
    n, batch = min(_IMAGES, len(train)), model.settings.batch
    rounds = model.settings.rounds
    wanted = _true_counts(model, train) * (n / len(train))
    with run.bar("potentials", (rounds + 1) * n, "images") as progress:
        followed = []
        for rows in _batches(n, batch):
            given, _ = _rising(model, train[rows])
            followed.append(model.followed(given))
            progress.advance(len(followed[-1]))
        for _ in range(rounds):
            found = np.zeros(number_of_classes(), dtype=np.int64)
            for rows, drawn in zip(_batches(n, batch), followed, strict=True):
                given, _ = _rising(model, train[rows])
                found += counts(states(given, model.swept(given, drawn)))
                progress.advance(len(drawn))
            gain = _STEP * np.log((wanted + _PRIOR) / (found + _PRIOR))
            potentials = model.network.potentials
            potentials += torch.from_numpy(gain).to(potentials)


def _true_counts(model: "Flow", train: Triplets) -> NDArray[np.int64]:
    found = np.zeros(number_of_classes(), dtype=np.int64)
    for rows in _batches(len(train), model.settings.batch):
        given, real = _rising(model, train[rows])
        found += counts(states(given, real))
    return found


def _batches(n: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def _rising(model: "Flow", triplets: Triplets) -> tuple[Given, torch.Tensor]:
    """What the network is given of triplets, s1 being the sparser input, and their r, 0 or 1."""
    series = (triplets.s1, triplets.s2, triplets.r)
    triplet = darkness(torch.from_numpy(np.stack(series, axis=-1)).to(model.device))
    triplet = turned(triplet, falls(triplet))
    return model.network.given(triplet[:, :2]), (triplet[:, 2:] >= 0.5).float()
