"""The conditional law: its marginal is the process, and two draws differ as the theory says."""

import itertools
import math

import numpy as np
import pytest

from tests.conftest import z_score
from trendbench import theory
from trendbench.families import disks
from trendbench.families.disks.conditional import redraw_r
from trendbench.families.disks.germs import IN_R, draw_germs
from trendbench.families.disks.process import Disks
from trendbench.families.disks.rendering import render_r
from trendbench.simulation import simulate

LIMIT = 4.0
TASKS = {
    "rising": {"lambda_left": 1e-3, "lambda_right": 8e-3},
    "falling": {"lambda_left": 8e-3, "lambda_right": 1e-3},
    "independent": {"lambda_left": 1e-3, "lambda_right": 8e-3, "coupling": "independent"},
}


@pytest.fixture(params=TASKS)
def process(request):
    return Disks(width=80, height=48, radius=4.5, **TASKS[request.param])


def test_redrawn_germs_follow_the_trend_on_the_whole_dilated_frame(process):
    """Counts in five bands, borders included, against ∫λ: mean and Poisson variance."""
    n = 4000
    germs = draw_germs(process, n, 3, "train")
    again = redraw_r(process, germs, np.random.default_rng(0))
    edges = np.array([-4.5, 0.0, 30.0, 60.0, 80.0, 84.5])
    owner = np.repeat(np.arange(n), np.diff(again.offsets))
    assert set(np.unique(again.member)) == {IN_R}
    for a, b in itertools.pairwise(edges):
        mean = float(process.intensity((a + b) / 2)) * (b - a) * 57.0
        counts = np.bincount(owner[(again.x >= a) & (again.x < b)], minlength=n)
        assert abs((counts.mean() - mean) / math.sqrt(mean / n)) < LIMIT
        assert abs((counts.var() - mean) / math.sqrt((mean + 2 * mean**2) / n)) < LIMIT


def test_two_draws_disagree_as_the_closed_form_says(process):
    germs = draw_germs(process, 2500, 3, "train")
    rng = np.random.default_rng(1)
    one, two = (render_r(redraw_r(process, germs, rng), process) for _ in range(2))
    inner = slice(5, 75)
    x = theory.pixel_centres(80)[inner]
    exact = disks.conditional_disagreement(x, process)
    differ = (one != two)[:, :, inner].mean(axis=1)
    for band in np.array_split(np.arange(x.size), 3):
        assert abs(z_score(differ[:, band].mean(axis=1), exact[band].mean())) < LIMIT


def test_the_true_r_is_a_draw_of_it(process):
    """The stored r against a redrawn one: the same disagreement as between two redrawn ones."""
    triplets = simulate(process, 2500, seed=3)
    drawn = render_r(redraw_r(process, triplets.latent, np.random.default_rng(2)), process)
    inner = slice(5, 75)
    exact = disks.conditional_disagreement(theory.pixel_centres(80)[inner], process).mean()
    differ = (triplets.r != drawn)[:, :, inner].mean(axis=(1, 2))
    assert abs(z_score(differ, exact)) < LIMIT


def test_marks_and_membership_in_r_are_not_looked_at(process):
    germs = draw_germs(process, 20, 3, "train")
    blinded = type(germs)(
        germs.offsets, germs.x, germs.y, np.zeros_like(germs.mark), germs.member & 3
    )
    one = redraw_r(process, germs, np.random.default_rng(5))
    two = redraw_r(process, blinded, np.random.default_rng(5))
    np.testing.assert_array_equal(one.x, two.x)


def test_flat_intensity_has_nothing_to_redraw():
    p = Disks(width=40, height=30, radius=2.0, lambda_left=5e-3, lambda_right=5e-3)
    triplets = simulate(p, 50, seed=1)
    drawn = render_r(redraw_r(p, triplets.latent, np.random.default_rng(0)), p)
    np.testing.assert_array_equal(drawn, triplets.r)
    assert disks.conditional_disagreement(20.0, p) == 0
