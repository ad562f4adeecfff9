"""Estimators of the classical rows, over many simulated training sets: z-scores and efficiency."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.conftest import z_score
from trendbench import theory
from trendbench.errors import RecipeError
from trendbench.families.disks.estimation.lineal_paths import fit_runs, lineal_paths
from trendbench.families.disks.estimation.particles import (
    isolated,
    outline,
    radii,
    radius_of_particles,
)
from trendbench.families.disks.estimation.window import Window
from trendbench.families.disks.germs import IN_R, draw_germs
from trendbench.families.disks.process import Disks
from trendbench.generators.classical.estimates import coefficients
from trendbench.generators.classical.poisson import fit_poisson, radius_interval
from trendbench.generators.classical.prior import (
    draw_from_count,
    draw_from_estimate,
    end_from_counts,
    end_from_coverage,
    intensity_of,
    joined,
)
from trendbench.simulation import simulate

LIMIT = 4.0
RISING = Disks(width=64, height=40, radius=3.2, lambda_left=2e-3, lambda_right=1e-2)
FALLING = RISING.model_copy(update={"lambda_left": 1e-2, "lambda_right": 2e-3})
WINDOW = Window(64, 40, 3.2)
# λ(−R) = 0: the line may not tilt further.
STEEPEST = RISING.model_copy(update={"lambda_left": 1e-2 * 3.2 / 67.2, "lambda_right": 1e-2})


def germs_of(process: Disks, replicate: int, images: int) -> np.ndarray:
    germs = draw_germs(process, images, 17, "train", start=replicate * images)
    return germs.x[(germs.member & IN_R) != 0]


@pytest.mark.parametrize("process", [RISING, FALLING])
def test_poisson_estimates_are_unbiased_efficient_and_know_their_errors(process):
    """600 sets of 20 images: means, variances over Cramér–Rao, and the errors stated."""
    replicates, images = 600, 20
    fits = [fit_poisson(germs_of(process, i, images), images, WINDOW) for i in range(replicates)]
    found = np.array([line for line, _ in fits])
    stated = np.array([np.sqrt(np.diag(covariance)) for _, covariance in fits])
    exact = np.array([process.intensity.left, process.intensity.k])
    bounds = np.array(theory.cramer_rao(process, images=images, dilated=True))
    ratio = found.var(axis=0, ddof=1) / bounds**2
    assert np.all(np.abs(ratio - 1) < LIMIT * math.sqrt(2 / replicates))
    for j in range(2):
        assert abs(z_score(found[:, j], exact[j])) < LIMIT
        assert stated[:, j].mean() == pytest.approx(bounds[j], rel=0.02)


def test_a_line_that_would_be_negative_stops_at_zero():
    """At the steepest trend about half of all fits end at the bound, with the best tilt there."""
    tilts = np.linspace(-1, 1, 4001)[1:-1] / WINDOW.half_width
    at_bound = 0
    for i in range(40):
        x = germs_of(STEEPEST, i, 3)
        (left, k), _ = fit_poisson(x, 3, WINDOW)
        assert left - k * 3.2 >= -1e-15
        offset = x - WINDOW.middle
        best = tilts[np.argmax(np.log1p(tilts[:, None] * offset).sum(axis=1))]
        mean = x.size / (3 * WINDOW.area)
        assert k / mean == pytest.approx(best, abs=1.01 * (tilts[1] - tilts[0]))
        at_bound += left - k * 3.2 < 1e-9
    assert 10 <= at_bound <= 30


def test_a_bound_fit_still_has_a_finite_card():
    for images_fit in (
        fit_poisson(np.array([60.0, 64.0, 66.0]), 1, WINDOW),
        fit_poisson(np.array([-3.0, -2.0, 1.0]), 1, WINDOW),
    ):
        for coefficient in coefficients(*images_fit, 1, WINDOW):
            assert math.isfinite(coefficient.standard_error)
            assert coefficient.cramer_rao > 0


def test_runs_of_white_pixels_are_counted_as_a_loop_counts_them():
    images = simulate(RISING, 3, seed=1).r
    runs = lineal_paths(images, 9)
    np.testing.assert_array_equal(runs.lengths, [1, 2, 4, 8])
    for j, n in enumerate(runs.lengths):
        slow = np.mean([(images[:, r : r + n] > 0).all(axis=1) for r in range(40 - n + 1)], axis=0)
        np.testing.assert_allclose(runs.shares[:, j], slow)


@pytest.mark.parametrize("process", [RISING, FALLING])
def test_image_estimates_are_unbiased_and_their_errors_are_honest(process):
    """80 sets of 40 images: z-scores of λ₀, k and R with mean 0 and variance 1."""
    replicates, images = 80, 40
    runs = lineal_paths(simulate(process, replicates * images, seed=23).r, 8)
    exact = np.array([process.intensity.left, process.intensity.k, process.radius])
    z = []
    for i in range(replicates):
        own = type(runs)(runs.lengths, runs.shares[i * images : (i + 1) * images])
        fit = fit_runs(own)
        found = np.array([*fit.line, fit.radius])
        z.append((found - exact) / [*np.sqrt(np.diag(fit.covariance)), fit.radius_error])
        known = fit_runs(own.alone, process.radius)
        z[-1] = np.concatenate(
            [z[-1], (known.line - exact[:2]) / np.sqrt(np.diag(known.covariance))]
        )
    z = np.array(z)
    # A ratio estimator of R has a bias of the order of its variance: 0.3 errors are left for it.
    assert np.all(np.abs(z.mean(axis=0)) < LIMIT / math.sqrt(replicates) + 0.3 * (np.arange(5) < 3))
    assert np.all(np.abs(z.var(axis=0, ddof=1) - 1) < LIMIT * math.sqrt(2 / replicates))


def test_a_coverage_line_that_would_be_negative_stops_at_zero():
    ends = []
    for i in range(20):
        runs = lineal_paths(simulate(STEEPEST, 4, seed=31, start=4 * i).r, 1)
        left, k = fit_runs(runs, STEEPEST.radius).line
        ends.append(left - k * 3.2)
    assert min(ends) >= -1e-12
    assert 2 <= sum(end < 1e-9 for end in ends) <= 18


def test_a_radius_lies_between_the_distances_of_germs_from_pixels():
    triplets = simulate(RISING, 20, seed=4)
    low, high = radius_interval(triplets)
    assert low < 3.2 < high < low + 0.01
    with pytest.raises(RecipeError, match="no radius agrees"):
        radius_interval(replace(triplets, s2=triplets.s1))


def test_a_digital_disk_allows_its_own_radius_and_a_pair_allows_none():
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:24, :24]
    for _ in range(20):
        x, y = 12 + rng.random(2)
        (shape,) = isolated(
            np.where(np.hypot(columns - x, rows - y) <= 5.3, 0, 255).astype(np.uint8), 5.4
        )
        low, high = radii(*outline(shape))
        assert low <= 5.3 < high < low + 0.5
        pair = np.hypot(columns - x, rows - y) <= 5.3
        pair |= np.hypot(columns - x - 1.6, rows - y - 1.1) <= 5.3
        (shape,) = isolated(np.where(pair, 0, 255).astype(np.uint8), 7.0)
        assert radii(*outline(shape)) == (math.inf, 0.0)


def test_isolated_particles_give_the_radius_within_its_error():
    """Many germs, a few merged into what looks like one disk among them."""
    process = Disks(width=96, height=96, radius=4.3, lambda_left=1e-3, lambda_right=1e-3)
    images = simulate(process, 150, seed=8).s1
    found = radius_of_particles(images, 4.35, 0.15, 100_000)
    assert int(found.source.split()[0]) > 600
    assert found.low < 4.3 < found.high < found.low + 0.03
    assert abs(found.estimate - 4.3) < LIMIT * found.standard_error < 0.01
    assert radius_of_particles(images[:1], 4.35, 0.15, 10) is None


def test_counts_that_vary_between_images_are_shrunk_as_bayes_has_it():
    """λ_i Gamma: draws are as spread as the λ_i and centred on them, given the counts."""
    rng = np.random.default_rng(3)
    lam = rng.gamma(16.0, 5e-3 / 16, 4000)
    counts = rng.poisson(lam * WINDOW.area)
    end = end_from_counts(counts, WINDOW)
    assert end.mean == pytest.approx(5e-3, rel=0.03)
    assert end.between == pytest.approx(1.25e-3, rel=0.08)
    drawn = np.array([draw_from_count(end, int(n), WINDOW.area, rng) for n in counts])
    assert abs(z_score(drawn - lam, 0.0)) < LIMIT
    assert drawn.std() == pytest.approx(lam.std(), rel=0.08)
    posterior = 16 / 5e-3 + WINDOW.area
    expected = 2 * np.mean((16 + counts) / posterior**2)  # a draw and λ_i: twice the variance
    assert np.mean((drawn - lam) ** 2) == pytest.approx(expected, rel=0.1)


def test_coverages_that_vary_between_images_are_shrunk_as_bayes_has_it():
    rng = np.random.default_rng(4)
    same = simulate(RISING, 1500, seed=9).s2
    covered = np.count_nonzero(same == 0, axis=(1, 2)) / same[0].size
    end = end_from_coverage(covered, WINDOW)
    assert abs(end.mean - 1e-2) < LIMIT * end.standard_error
    assert end.within == pytest.approx(intensity_of(covered, 3.2).std(), rel=0.08)
    assert end.between < 0.4 * end.within
    varied = end.model_copy(update={"between": end.within, "standard_error": 0.0})
    lam = 1e-2 + end.within * rng.standard_normal(4000)
    observed = lam + end.within * rng.standard_normal(4000)
    drawn = np.array([draw_from_estimate(varied, float(o), rng) for o in observed])
    assert abs(z_score(drawn - lam, 1e-2 - end.mean)) < LIMIT * 2
    assert drawn.std() == pytest.approx(lam.std(), rel=0.06)
    assert np.mean((drawn - lam) ** 2) == pytest.approx(end.within**2, rel=0.1)


def test_two_estimates_of_one_mean_are_joined_by_their_errors():
    end = end_from_counts(np.array([10, 12, 14, 8]), WINDOW)
    other = joined(end, 2 * end.mean, end.standard_error)
    assert other.mean == pytest.approx(1.5 * end.mean)
    assert other.standard_error == pytest.approx(end.standard_error / math.sqrt(2))
    assert joined(end, 1.0, 0.0) == end
