"""Potentials of 3×3 patterns, estimated by maximum pseudo-likelihood once the network is trained.

A probability of 3 in 10⁴ where 2 is true costs the network next to no log loss, and shows in the
frequencies of patterns. One number for each class of patterns corrects it.

Source: Besag, Statistical analysis of non-lattice data (1975), for the pseudo-likelihood; Zhu, Wu
& Mumford, Filters, random fields and maximum entropy (1998), for potentials that images give.
"""

import math
from typing import NamedTuple

import numpy as np
import scipy
import torch
from numpy.typing import NDArray

from trendbench.compiling import kernel
from trendbench.generators.flow.law import PHASES, Law, hidden_in_pass
from trendbench.generators.flow.orientation import rising
from trendbench.generators.flow.patterns import BLACK, CLASSES, SETTLED, WHITE, classes, states
from trendbench.process.triplets import Triplets
from trendbench.training.context import RunContext

_IMAGES = 750  # of the training triplets, at most, that potentials are estimated from
_ITERATIONS = 40  # of L-BFGS


class Unsettled(NamedTuple):
    """Pixels by chance whose log odds are within ``SETTLED``, n of them.

    Attributes:
        logits: of the network, (n,).
        black: whether the pixel is, (n,).
        if_black, if_white: the classes of the nine patterns that hold the pixel, it being black or
            white, (n, 9); 0 in both where the frame cuts the pattern off.
    """

    logits: NDArray[np.float32]
    black: NDArray[np.bool_]
    if_black: NDArray[np.uint16]
    if_white: NDArray[np.uint16]


def learn(law: Law, train: Triplets, run: RunContext, device: torch.device) -> None:
    """Estimate the network's potentials θ.

    P(black | all others) has the network's log odds plus Σ θ(pattern) over the nine patterns that
    hold the pixel, it being black, less the same, it being white. The log loss of this over the
    unsettled pixels of up to 750 training images, plus ½·ridge·Σ θ², is convex in θ. At its
    minimum, but for the ridge, one pixel drawn anew leaves the frequency of every class as it is
    in these images.
    """
    found = _unsettled_in(law, train, run, device)
    potentials = law.network.potentials
    potentials.copy_(torch.from_numpy(estimated(found, law.settings.ridge)).to(potentials))


@torch.no_grad()
def _unsettled_in(law: Law, train: Triplets, run: RunContext, device: torch.device) -> Unsettled:
    """The unsettled pixels of training images, each hidden once as a sweep hides it."""
    n, batch = min(_IMAGES, len(train)), law.settings.batch
    parts = []
    with run.bar("potentials", n, "images") as progress:
        for start in range(0, n, batch):
            triplet = rising(train[start : min(start + batch, n)]).to(device)
            given, real = law.network.given(triplet[:, :2]), triplet[:, 2:].round()
            seen = states(given, real)
            for number, phase in enumerate(PHASES):
                logits = law.given_others(given, 2 * real - 1, hidden_in_pass(real, number))
                parts.append(unsettled(seen, logits, phase))
            progress.advance(len(real))
    return Unsettled(*map(np.concatenate, zip(*parts, strict=True)))


def unsettled(seen: NDArray[np.int8], logits: torch.Tensor, phase: tuple[int, int]) -> Unsettled:
    """The unsettled among every other pixel of every other row.

    Args:
        seen: states of all pixels, (b, H, W).
        logits: of the network, (b, 1, H, W).
        phase: row and column to begin with, each 0 or 1.
    """
    odds = logits[:, 0].cpu().numpy()
    drawn = np.zeros(seen.shape, dtype=bool)
    drawn[:, phase[0] :: 2, phase[1] :: 2] = True
    image, y, x = np.nonzero(drawn & (seen >= WHITE) & (np.abs(odds) < SETTLED))
    state = seen[image, y, x]
    windows = np.lib.stride_tricks.sliding_window_view(seen, (3, 3), axis=(1, 2))
    powers = 4 ** np.arange(9)[::-1].reshape(3, 3)
    numbers = np.pad(
        np.einsum("bijkl,kl->bij", windows, powers), ((0, 0), (2, 2), (2, 2)), constant_values=-1
    )
    if_black, if_white = np.zeros((2, state.size, 9), dtype=np.uint16)
    for place in range(9):  # the pattern's centre lies (place // 3 − 1, place % 3 − 1) from here
        number = numbers[image, y + place // 3, x + place % 3]
        whole = number >= 0
        for found, colour in ((if_black, BLACK), (if_white, WHITE)):
            changed = number + (colour - state.astype(np.int64)) * 4**place
            found[whole, place] = classes()[changed[whole]]
    return Unsettled(odds[image, y, x], state == BLACK, if_black, if_white)


def estimated(found: Unsettled, ridge: float) -> NDArray[np.float64]:
    """The potentials θ of least log loss + ½·ridge·Σ θ², (classes,).

    Args:
        found: unsettled pixels and their colours.
        ridge: above 0, so that rare patterns stay near 0.
    """
    # Scaled by the curvature, so that few iterations are enough.
    curvature = _curvature(found.logits, found.if_black, found.if_white)
    unit = 1 / np.sqrt(curvature + ridge)

    def loss(scaled: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        theta = scaled * unit
        gradient = np.zeros_like(theta)
        nats = _log_loss(theta, *found, gradient)
        return nats + ridge * float(theta @ theta) / 2, (gradient + ridge * theta) * unit

    least = scipy.optimize.minimize(
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
    """Σ p·(1 − p) over the pixels of each class, p being the network's probability."""
    found = np.zeros(CLASSES)
    for k in range(len(logits)):
        p = 1 / (1 + math.exp(-float(logits[k])))
        for place in range(9):
            found[if_black[k, place]] += p * (1 - p)
            found[if_white[k, place]] += p * (1 - p)
    return found
