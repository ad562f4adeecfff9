"""How potentials are estimated: from what the network says of pixels, and what they are.

A network that says 3 in 10⁴ where 2 is true loses next to nothing by it, and is found out by
whoever counts. So each pattern of 3×3 pixels has a number that corrects what the network says. They
are estimated once the network is trained, by the log loss that taught it; but unlike its weights
they are bound to the patterns that whoever counts would count.

Source: Besag, Statistical analysis of non-lattice data (1975), for the pseudo-likelihood; Zhu, Wu
& Mumford, Filters, random fields and maximum entropy (1998), for potentials that images give.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize

from trendbench.compiling import kernel
from trendbench.generators.flow.patterns import CLASSES, Doubts, in_doubt, states
from trendbench.generators.flow.views import PHASES, rising
from trendbench.rendering.triplets import Triplets
from trendbench.training.context import RunContext

if TYPE_CHECKING:
    from trendbench.generators.flow.generator import Flow

_IMAGES = 750  # of the training triplets, at most, that potentials are estimated from
_ITERATIONS = 40  # of L-BFGS


def learn(model: "Flow", train: Triplets, run: RunContext) -> None:
    """Estimate the network's potentials θ by maximum pseudo-likelihood.

    P(black | all others) has the log odds that the network says plus Σ θ(pattern) over the nine
    patterns that hold the pixel, it being black, less the same, it being white. The log loss of
    this over the training images' pixels in doubt, and ½·ridge·Σ θ² beside it, is convex in θ.
    Where it is least, and but for the ridge, one pixel drawn anew leaves every class of patterns as
    frequent as it is in these images; 40 iterations of L-BFGS go there.
    """
    found = _pixels_in_doubt(model, train, run)
    theta = estimated(found, model.settings.ridge)
    potentials = model.network.potentials
    potentials.copy_(torch.from_numpy(theta).to(potentials))


@torch.no_grad()
def _pixels_in_doubt(model: "Flow", train: Triplets, run: RunContext) -> Doubts:
    """All pixels of training images, each hidden once as a sweep hides it, that are in doubt."""
    n, batch = min(_IMAGES, len(train)), model.settings.batch
    parts = []
    with run.bar("potentials", n, "images") as progress:
        for start in range(0, n, batch):
            triplet = rising(train[start : min(start + batch, n)]).to(model.device)
            given, real = model.network.given(triplet[:, :2]), triplet[:, 2:].round()
            seen = states(given, real)
            for number, phase in enumerate(PHASES):
                parts.append(in_doubt(seen, model.law_of_a_quarter(given, real, number), phase))
            progress.advance(len(real))
    return Doubts(*map(np.concatenate, zip(*parts, strict=True)))


def estimated(found: Doubts, ridge: float) -> NDArray[np.float64]:
    """The potentials θ of least log loss + ½·ridge·Σ θ², (classes,).

    Args:
        found: pixels in doubt, and what they are.
        ridge: above 0, so that patterns that hardly come stay near 0.
    """
    # In units of what each potential's curvature allows it, so that few iterations are enough.
    curvature = _curvature(found.logits, found.if_black, found.if_white)
    unit = 1 / np.sqrt(curvature + ridge)

    def loss(scaled: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        theta = scaled * unit
        gradient = np.zeros_like(theta)
        nats = _log_loss(theta, *found, gradient)
        return nats + ridge * float(theta @ theta) / 2, (gradient + ridge * theta) * unit

    least = minimize(
        loss, np.zeros_like(unit), jac=True, method="L-BFGS-B",
        options={"maxiter": _ITERATIONS, "maxcor": 20},
    )  # fmt: skip
    theta: NDArray[np.float64] = least.x * unit
    return theta


@kernel
def _log_loss(
    theta: NDArray[np.float64],
    logits: NDArray[np.float32],
    black: NDArray[np.bool_],
    if_black: NDArray[np.uint16],
    if_white: NDArray[np.uint16],
    gradient: NDArray[np.float64],
) -> float:
    """Σ log loss in nats; its gradient is added up in the last argument."""
    nats = 0.0
    for k in range(len(logits)):
        odds = float(logits[k])
        for place in range(9):
            odds += theta[if_black[k, place]] - theta[if_white[k, place]]
        wrong = -odds if black[k] else odds
        nats += max(wrong, 0.0) + math.log1p(math.exp(-abs(wrong)))
        error = 1 / (1 + math.exp(-odds)) - black[k]
        for place in range(9):
            gradient[if_black[k, place]] += error
            gradient[if_white[k, place]] -= error
    return nats


@kernel
def _curvature(
    logits: NDArray[np.float32],
    if_black: NDArray[np.uint16],
    if_white: NDArray[np.uint16],
) -> NDArray[np.float64]:
    """Σ p·(1 − p) over the pixels that each class has to do with, p being what the network says."""
    found = np.zeros(CLASSES)
    for k in range(len(logits)):
        p = 1 / (1 + math.exp(-float(logits[k])))
        for place in range(9):
            found[if_black[k, place]] += p * (1 - p)
            found[if_white[k, place]] += p * (1 - p)
    return found
