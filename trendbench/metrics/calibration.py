"""Platt scaling of logits, cross-fitted: no triplet helps to calibrate its own logits.

Source: Platt, Probabilistic outputs for support vector machines (1999).
"""

import numpy as np
import scipy
from numpy.typing import NDArray

_PARTS = 10
_SEED = 20170607
_STEEPEST, _FARTHEST = 100.0, 100.0  # of standardised logits
_SMALLEST = 1e-12
Logits = NDArray[np.float64]


def cross_calibrated(logits: Logits) -> Logits:
    """Logits (m, 2) of true and generated images, each tenth calibrated on the other nine."""
    parts = np.random.default_rng(_SEED).permutation(len(logits)) % _PARTS
    calibrated = np.empty_like(logits)
    for part in range(_PARTS):
        slope, offset = platt(logits[parts != part])
        calibrated[parts == part] = slope * logits[parts == part] + offset
    return calibrated


def platt(logits: Logits) -> tuple[float, float]:
    """Slope ≥ 0 and offset that minimise ``losses`` of slope·logits + offset, logits (m, 2)."""
    middle, spread = logits.mean(), max(float(logits.std()), _SMALLEST)
    x = (logits - middle) / spread
    found = scipy.optimize.minimize(
        lambda theta: losses(theta[0] * x + theta[1]).mean(),
        np.array([0.5, 0.0]),
        bounds=[(0.0, _STEEPEST), (-_FARTHEST, _FARTHEST)],
        method="L-BFGS-B",
    )
    slope, offset = float(found.x[0]) / spread, float(found.x[1])
    return slope, offset - slope * float(middle)


def losses(logits: Logits) -> NDArray[np.float64]:
    """Log loss [nat] of each triplet, the mean of its true and its generated image, (m,)."""
    return (np.logaddexp(0.0, -logits[:, 0]) + np.logaddexp(0.0, logits[:, 1])) / 2
