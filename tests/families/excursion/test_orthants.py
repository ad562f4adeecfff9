"""Orthant probabilities against Owen's T, nested quadrature, SciPy, and more nodes."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtr, owens_t

from trendbench.families.excursion import orthants
from trendbench.families.excursion.orthants import all_above, excess
from trendbench.families.excursion.process import Excursion


def by_owen(u, v, rho):
    """P(X > u, Y > v) for u, v ≠ 0."""
    root = np.sqrt((1 - rho) * (1 + rho))
    t = owens_t(u, (v - rho * u) / (u * root)) + owens_t(v, (u - rho * v) / (v * root))
    return (ndtr(-u) + ndtr(-v)) / 2 - t - np.where(u * v < 0, 0.5, 0)


@pytest.mark.parametrize("rho", [0.9999, 0.993, 0.5, 1e-6, -0.3, -0.999])
def test_two_numbers_against_owen_s_t(rho):
    u, v = np.meshgrid(np.linspace(-2.4, 2.5, 43), np.linspace(-2.35, 2.3, 39))
    near = u + np.linspace(0.001, 0.1, 39)[:, None]
    for other in (v, near):
        found = ndtr(-u) * ndtr(-other) + excess(u, other, np.arctanh(rho))
        np.testing.assert_allclose(found, by_owen(u, other, rho), atol=3e-13, rtol=0)


def test_two_numbers_of_equal_median_are_an_angle():
    """P = ¼ + arcsin(ϱ)/2π at u = v = 0."""
    rho = np.array([-0.99, -0.2, 0.0, 0.7, 1 - 1e-9])
    found = excess(np.zeros(5), np.zeros(5), np.arctanh(rho))
    np.testing.assert_allclose(found, np.arcsin(rho) / (2 * np.pi), atol=1e-14)


PROCESSES = [
    Excursion(width=256, height=256, sigma=6.0, coverage_left=0.15, coverage_right=0.45),
    Excursion(width=64, height=40, sigma=100.0, coverage_left=0.99, coverage_right=0.01),
    Excursion(width=40, height=90, sigma=0.5, coverage_left=0.3, coverage_right=0.1),
]


@pytest.mark.parametrize("process", PROCESSES)
def test_pairs_of_pixels(process):
    """Neighbours, pairs over large distances, levels far apart: against Owen's T."""
    rng = np.random.default_rng(5)
    x1 = np.floor(rng.uniform(0, process.width, 20_000)) + 0.5
    step = np.rint(rng.normal(size=x1.size) * rng.choice([1.0, process.sigma], x1.size))
    x2 = np.clip(x1 + step, 0.5, process.width - 0.5)
    dy = np.where(x1 == x2, 1, rng.integers(0, int(3 * process.sigma) + 2, x1.size))
    rho = np.exp(-(np.square(x1 - x2) + np.square(dy)) / (4 * process.sigma**2))
    exact = by_owen(process.level(x1), process.level(x2), rho)
    np.testing.assert_allclose(process.pair_black(x1, x2, dy), exact, atol=5e-13, rtol=0)


@pytest.mark.parametrize("process", PROCESSES)
def test_twice_the_nodes_change_nothing(process, monkeypatch):
    def laws():
        x = np.arange(1.0, process.width)
        pairs = process.covariance(x[:, None], x[:, None] + 0.5, np.arange(1, 60))
        triple = all_above(np.stack([process.level(x)] * 3, axis=-1), _window(6.0)[:3, :3])
        return pairs, triple, all_above(np.stack([process.level(x)] * 4, axis=-1), _window(6.0))

    before, nodes = laws(), orthants._nodes
    monkeypatch.setattr(orthants, "_nodes", lambda span: 2 * nodes(span))
    for some, more in zip(before, laws(), strict=True):
        np.testing.assert_allclose(some, more, atol=1e-14, rtol=0)


def test_a_pixel_with_itself_and_the_limit_of_two():
    process = PROCESSES[0]
    p = process.coverage(100.0)
    assert process.covariance(100.0, 100.0, 0.0) == p * (1 - p)
    assert process.covariance(100.0, 100.0, 1e-9) == pytest.approx(p * (1 - p), abs=1e-9)
    assert process.covariance(100.0, 100.0, process.reach) < 2e-13


def _window(sigma):
    """Correlations of 2×2 pixels."""
    a = np.exp(-1 / (4 * sigma**2))
    return np.kron([[1, a], [a, 1]], [[1, a], [a, 1]])


def nested(left, right, sigma, pixels):
    """P(pixels 0 … black) of a 2×2 window: quadrature over the left column, pixel by pixel.

    Given the left column (z₀, z₂), the right one has means a·z and spread √(1 − a²), and the
    correlation a again.
    """
    nodes, weights = np.polynomial.legendre.leggauss(300)
    a = np.exp(-1 / (4 * sigma**2))
    root = np.sqrt((1 - a) * (1 + a))

    def above(level):
        z = level + (10 - level) * (nodes + 1) / 2
        return z, weights * (10 - level) / 2 * np.exp(-np.square(z) / 2) / np.sqrt(2 * np.pi)

    total = 0.0
    for z0, weight in zip(*above(left), strict=True):
        if (left - a * z0) / root > 10:
            continue
        rest, weights2 = above(max((left - a * z0) / root, -10))
        u, v = (right - a * z0) / root, (right - a * (a * z0 + root * rest)) / root
        black = ndtr(-u)
        if pixels == 4:
            black = black * ndtr(-v) + excess(np.full_like(v, u), v, np.arctanh(a))
        total += weight * np.sum(weights2 * black)
    return total


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0, 6.0])
@pytest.mark.parametrize("level", [-2.0, -0.2, 0.0, 1.0, 2.3])
@pytest.mark.parametrize("pixels", [3, 4])
def test_three_and_four_pixels_against_nested_quadrature(sigma, level, pixels):
    right = level - 0.06 / sigma
    levels = np.array([level, right, level, right])
    order = [0, 1, 2, 3][:pixels]
    found = all_above(levels[order], _window(sigma)[np.ix_(order, order)])
    assert found == pytest.approx(nested(level, right, sigma, pixels), abs=1e-13)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 6.0])
def test_four_pixels_against_scipy(sigma):
    """By SciPy's quasi-Monte Carlo, to its error."""
    levels = np.array([0.5, 0.4, 0.5, 0.4])
    law = stats.multivariate_normal(
        cov=_window(sigma), seed=0, abseps=1e-7, releps=1e-7, maxpts=2_000_000
    )
    assert all_above(levels, _window(sigma)) == pytest.approx(law.cdf(-levels), abs=1e-5)


@pytest.mark.parametrize("process", PROCESSES)
def test_configurations_contain_pairs_and_pixels(process):
    x = np.arange(1.0, process.width)
    quads = process.quads(x)
    assert quads.shape == (x.size, 16)
    np.testing.assert_allclose(quads.sum(axis=-1), 1, atol=1e-13)
    both = {
        (0, 0): process.coverage(x - 0.5), (3, 3): process.coverage(x + 0.5),
        (0, 1): process.pair_black(x - 0.5, x + 0.5, 0.0),
        (1, 2): process.pair_black(x - 0.5, x + 0.5, 1.0),
        (1, 3): process.pair_black(x + 0.5, x + 0.5, 1.0),
    }  # fmt: skip
    for (i, j), exact in both.items():
        black = [c for c in range(16) if c >> i & 1 and c >> j & 1]
        np.testing.assert_allclose(quads[:, black].sum(axis=-1), exact, atol=1e-8)
