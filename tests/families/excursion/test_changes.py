"""Changes: true at size 0, and off by what they say."""

import numpy as np
import pytest

from tests.conftest import z_score
from trendbench import theory
from trendbench.families.excursion.process import Excursion

PROCESS = Excursion(width=64, height=48, sigma=2.0, coverage_left=0.2, coverage_right=0.6)
N = 400
X = theory.pixel_centres(64)
KEEP_THE_PROFILE = ["along-y", "waves", "sigma", "ellipses", "rough", "slopes"]


def drawn(name, size):
    latents = PROCESS.latents(N, 0, "test")
    return PROCESS.changes()[name].draw(latents, np.random.default_rng(3), size) == 0


@pytest.mark.parametrize("name", PROCESS.changes())
def test_size_0_changes_nothing(name):
    black = drawn(name, 0.0)
    assert black.shape == (N, 48, 64)
    exact = PROCESS.coverage(X)
    for part in np.array_split(np.arange(64), 4):
        assert abs(z_score(black[:, :, part].mean(axis=(1, 2)), exact[part].mean())) < 4
    for step, axis in (((0, 1), 2), ((1, 0), 1)):
        edges = np.diff(black, axis=axis).mean(axis=(1, 2))
        x = X if axis == 1 else np.arange(1.0, 64)
        exact_edges = theory.edge_probability(PROCESS, x, along_x=axis == 2).mean()
        assert abs(z_score(edges, exact_edges)) < 4, step


@pytest.mark.parametrize("name", KEEP_THE_PROFILE)
def test_the_profile_is_kept(name):
    black, exact = drawn(name, 0.4), PROCESS.coverage(X)
    for part in np.array_split(np.arange(64), 4):
        assert abs(z_score(black[:, :, part].mean(axis=(1, 2)), exact[part].mean())) < 4


@pytest.mark.parametrize(("size", "slope"), [(1.0, 0.0), (2.0, -1.0)])
def test_slope(size, slope):
    tilt = (X - 32) / np.square(X - 32).sum()
    per_image = drawn("slope", size).mean(axis=1) @ tilt
    assert abs(z_score(per_image, slope * PROCESS.trend.slope)) < 4


def test_slopes_differ_between_images():
    tilt = (X - 32) / np.square(X - 32).sum()
    spread = [(drawn("slopes", size).mean(axis=1) @ tilt).std() for size in (0.0, 0.8)]
    assert spread[1] ** 2 - spread[0] ** 2 > 0.5 * (0.8 * PROCESS.trend.slope) ** 2


def test_coverage_rises_downwards_or_in_waves():
    y, variance = theory.pixel_centres(48) / 48, PROCESS.coverage(X) * (1 - PROCESS.coverage(X))
    for name, shape in (("along-y", 2 * y - 1), ("waves", np.sin(8 * np.pi * y))):
        weight = shape / np.square(shape).sum()
        per_image = np.einsum("nyx,y->n", drawn(name, 0.3), weight) / 64
        assert abs(z_score(per_image, 0.3 * variance.mean())) < 4, name


def test_the_border_has_less():
    outer = np.minimum(X, 64 - X) < PROCESS.length
    per_image = drawn("border", 0.5)[:, :, outer].mean(axis=(1, 2))
    assert abs(z_score(per_image, 0.5 * PROCESS.coverage(X)[outer].mean())) < 4


def test_sigma_is_that_of_another_process():
    black = drawn("sigma", 0.25)
    other = PROCESS.model_copy(update={"sigma": 2.5})
    edges = np.diff(black, axis=1).mean(axis=(1, 2))
    assert abs(z_score(edges, theory.edge_probability(other, X, along_x=False).mean())) < 4


def test_ellipses_are_longer_along_x():
    black = drawn("ellipses", 0.25)
    for axis, sigma in ((1, 2.0 / 1.25), (2, 2.5)):
        other = PROCESS.model_copy(update={"sigma": sigma})
        x = X if axis == 1 else np.arange(1.0, 64)
        edges = np.diff(black, axis=axis).mean(axis=(1, 2))
        exact = theory.edge_probability(other, x, along_x=axis == 2).mean()
        assert abs(z_score(edges, exact)) < 4, axis


def test_rough_phases_have_more_edges():
    edges = np.diff(drawn("rough", 0.1), axis=1).mean(axis=(1, 2))
    assert z_score(edges, theory.edge_probability(PROCESS, X, along_x=False).mean()) > 10
