"""Probabilities that correlated normal numbers all exceed their levels.

With sin θ = tanh τ, the bivariate normal law reads

    P(X > u, Y > v) = Φ(−u)Φ(−v)
        + (1/2π) ∫₀^{atanh ϱ} exp(−½(u − v)²·cosh²τ − ½uv·(1 + e^{−2τ}))/cosh τ dτ.

The integrand is smooth on the scale of 1 up to ϱ → 1, where one in θ or ϱ is not.

Three and four numbers follow by Plackett's identity along the correlations t·ϱ_ij:

    dP/dt = Σ_{i<j} ϱ_ij φ₂(u_i, u_j; tϱ_ij) P(the others exceed theirs | X_i = u_i, X_j = u_j),

with t·(1 − μ) = tanh τ for the same reason, μ the least eigenvalue of ϱ: that of the correlations
t·ϱ_ij is 1 − t·(1 − μ). The number of Gauss–Legendre nodes grows with the range of τ.

The quadrature leaves errors near 1e-15. Two numbers have no other. Rounding in the conditional
correlation of four numbers is of order 1e-16/μ, and 1 − ϱ ≪ 1 makes μ small. The four pixels of a
2×2 window have μ ≈ 1/16σ⁴: errors are below 1e-13 for σ ≤ 6 px and below 1e-11 for σ ≤ 20 px.

Sources: Drezner & Wesolowsky, J. Statist. Comput. Simul. 35, 101 (1990); Plackett, Biometrika 41,
351 (1954); Genz & Bretz, Computation of Multivariate Normal and t Probabilities, Springer 2009.
"""

import math
from functools import lru_cache
from itertools import combinations

import numpy as np
import scipy
from numpy.typing import NDArray

Array = NDArray[np.float64]
_LARGEST_TAU = 18.0  # ϱ = 1 − 5e-16


def excess(u: Array, v: Array, tau: Array) -> Array:
    """P(X > u, Y > v) − Φ(−u)Φ(−v) for correlation tanh τ, the arrays broadcast; no cancellation.

    Args:
        u: level of X.
        v: level of Y.
        tau: of either sign, finite.
    """
    v, span = v * np.where(tau < 0, -1.0, 1.0), np.abs(tau)
    apart, product = 0.5 * np.square(u - v), 0.5 * u * v
    total = np.zeros(np.broadcast_shapes(apart.shape, span.shape))
    for node, weight in zip(*_gauss_legendre(_nodes(span)), strict=True):
        t = node * span
        cosh = np.cosh(t)
        total += weight / cosh * np.exp(-apart * cosh**2 - product * (1 + np.exp(-2 * t)))
    return total * tau / (2 * math.pi)


def all_above(levels: Array, correlation: Array) -> Array:
    """P(X_i > u_i for all i) of two to four standard normal numbers.

    Args:
        levels: u, (…, n).
        correlation: ϱ, (n, n), positive and below 1 off the diagonal.

    Returns:
        The shape of ``levels`` without its last axis.
    """
    n = levels.shape[-1]
    total: Array = scipy.special.ndtr(-levels).prod(axis=-1)
    if n == 2:
        tau = np.arctanh(correlation[0, 1])
        return total + excess(levels[..., 0], levels[..., 1], tau)
    scale = 1 - float(np.linalg.eigvalsh(correlation)[0])
    end = math.atanh(min(scale, math.tanh(_LARGEST_TAU)))
    nodes, weights = _gauss_legendre(_nodes(np.asarray(end)))
    t = np.tanh(nodes * end) / scale
    weights = weights * end / np.cosh(nodes * end) ** 2 / scale
    for i, j in combinations(range(n), 2):
        total += _derivative(levels[..., None], correlation, t, i, j) @ weights
    return total


def _derivative(levels: Array, correlation: Array, t: Array, i: int, j: int) -> Array:
    """The term (i, j) of Plackett's identity, the shape of ``levels`` (…, n, 1) without n."""
    rho = t * correlation[i, j]
    u, v = levels[..., i, :], levels[..., j, :]
    rest = 1 - rho**2
    density = np.exp(-(u**2 + v**2 - 2 * rho * u * v) / (2 * rest)) / (2 * np.pi * np.sqrt(rest))
    others = [k for k in range(correlation.shape[0]) if k not in (i, j)]
    above, spread, loads = [], [], []
    for k in others:
        with_i, with_j = t * correlation[k, i], t * correlation[k, j]
        on_i, on_j = (with_i - rho * with_j) / rest, (with_j - rho * with_i) / rest
        spread.append(np.sqrt(1 - on_i * with_i - on_j * with_j))
        above.append((levels[..., k, :] - on_i * u - on_j * v) / spread[-1])
        loads.append((on_i, on_j))
    conditional = scipy.special.ndtr(-above[0])
    if len(others) == 2:
        k, other = others
        joint = t * correlation[k, other]
        joint = joint - loads[0][0] * t * correlation[other, i]
        joint = (joint - loads[0][1] * t * correlation[other, j]) / (spread[0] * spread[1])
        most = math.tanh(_LARGEST_TAU)
        tau = np.arctanh(np.clip(joint, -most, most))
        conditional = conditional * scipy.special.ndtr(-above[1]) + excess(above[0], above[1], tau)
    term: Array = correlation[i, j] * density * conditional
    return term


def _nodes(span: Array) -> int:
    return 8 + math.ceil(10 * float(span.max(initial=0.0)))


@lru_cache
def _gauss_legendre(n: int) -> tuple[Array, Array]:
    """Nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return (nodes + 1) / 2, weights / 2
