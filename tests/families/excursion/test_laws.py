"""The laws against simulated images, by z-score with images as units and fixed seeds."""

import numpy as np
import pytest

from tests.conftest import z_score
from trendbench import theory
from trendbench.families.excursion.process import Excursion

LIMIT = 4.0
N = 1500
PROCESSES = {
    "porosity": {
        "width": 64, "height": 64, "sigma": 3.0, "coverage_left": 0.15, "coverage_right": 0.45,
    },
    "falling, large": {
        "width": 96, "height": 40, "sigma": 8.0, "coverage_left": 0.9, "coverage_right": 0.2,
    },
    "short, steep": {
        "width": 36, "height": 70, "sigma": 0.7, "coverage_left": 0.02, "coverage_right": 0.8,
    },
}  # fmt: skip


@pytest.fixture(scope="module", params=PROCESSES)
def case(request):
    process = Excursion(**PROCESSES[request.param])
    images = np.empty((3, N, process.height, process.width), np.uint8)
    process.render(process.latents(N, 11, "train"), images)
    return process, dict(zip(("s1", "s2", "r"), images == 0, strict=True))


@pytest.mark.parametrize("of", ["s1", "s2", "r"])
def test_coverage(case, of):
    process, black = case
    exact = process.coverage(theory.pixel_centres(process.width), of)
    share = black[of].mean(axis=1)
    for part in np.array_split(np.arange(process.width), 5):
        assert abs(z_score(share[:, part].mean(axis=1), exact[part].mean())) < LIMIT


@pytest.mark.parametrize("of", ["s1", "s2", "r"])
@pytest.mark.parametrize(("dx", "dy"), [(1, 0), (0, 1), (1, 1), (3, 4), (10, 0), (0, 16), (0, 39)])
def test_covariance_of_two_pixels(case, of, dx, dy):
    process, black = case
    x = theory.pixel_centres(process.width)
    centred = black[of] - process.coverage(x, of)
    height, width = centred.shape[1:]
    products = centred[:, : height - dy, : width - dx] * centred[:, dy:, dx:]
    exact = process.covariance(x[: width - dx], x[dx:], dy, of)
    assert abs(z_score(products.mean(axis=(1, 2)), exact.mean())) < LIMIT


def test_opposite_borders_are_independent(case):
    process, black = case
    x = theory.pixel_centres(process.width)
    centred = black["r"] - process.coverage(x)
    across = (centred[:, :, 0] * centred[:, :, -1]).mean(axis=1)
    assert abs(z_score(across, float(process.covariance(x[0], x[-1], 0.0)))) < LIMIT
    down = (centred[:, 0] * centred[:, -1]).mean(axis=1)
    exact = process.covariance(x, x, process.height - 1).mean()
    assert abs(z_score(down, exact)) < LIMIT


@pytest.mark.parametrize("of", ["s2", "r"])
def test_all_sixteen_configurations(case, of):
    process, black = case
    b = black[of].astype(np.int64)
    found = b[:, :-1, :-1] + 2 * b[:, :-1, 1:] + 4 * b[:, 1:, :-1] + 8 * b[:, 1:, 1:]
    exact = process.quads(np.arange(1.0, process.width), of).mean(axis=0)
    for c in range(16):
        share = (found == c).mean(axis=(1, 2))
        if exact[c] * found.size > 50:
            assert abs(z_score(share, exact[c])) < LIMIT, c
        else:
            assert share.sum() * found[0].size < 100, c


def test_perimeter_and_euler_number(case):
    process, black = case
    b, inner = black["r"], np.arange(1.0, process.width)
    x = theory.pixel_centres(process.width)
    across = (b[:, :, 1:] != b[:, :, :-1]).mean(axis=(1, 2))
    down = (b[:, 1:] != b[:, :-1]).mean(axis=(1, 2))
    exact_across = theory.edge_probability(process, inner, along_x=True).mean()
    assert abs(z_score(across, exact_across)) < LIMIT
    assert abs(z_score(down, theory.edge_probability(process, x, along_x=False).mean())) < LIMIT
    c = b.astype(np.int64)
    found = c[:, :-1, :-1] + 2 * c[:, :-1, 1:] + 4 * c[:, 1:, :-1] + 8 * c[:, 1:, 1:]
    euler = theory.euler_weights()[found].mean(axis=(1, 2))
    assert abs(z_score(euler, theory.euler_density(process, inner).mean())) < LIMIT


def test_the_floor_is_what_true_images_score(case):
    process, black = case
    kernel = np.full(10, 0.1)
    profile = np.array([np.convolve(row, kernel, "valid") for row in black["r"].mean(axis=1)])
    apart = profile - theory.mean_profile(process, 10)
    xi = np.square(apart).sum(axis=1) / (process.width - 10)
    assert abs(z_score(xi, theory.xi_floor(process, 10))) < LIMIT


def test_the_three_images_are_independent(case):
    process, black = case
    x = theory.pixel_centres(process.width)
    centred = {of: black[of] - process.coverage(x, of) for of in ("s1", "s2", "r")}
    for a, b in (("s1", "s2"), ("s1", "r"), ("s2", "r")):
        assert abs(z_score((centred[a] * centred[b]).mean(axis=(1, 2)), 0.0)) < LIMIT


@pytest.mark.parametrize("how", ["redraw", "free"])
def test_another_r_has_the_law_of_r_and_disagrees_as_stated(case, how):
    process, black = case
    latents = process.latents(N, 11, "train")
    again = process.render_r(getattr(process, how)(latents, np.random.default_rng(2))) == 0
    x = theory.pixel_centres(process.width)
    exact = process.coverage(x)
    for part in np.array_split(np.arange(process.width), 3):
        share = again[:, :, part].mean(axis=(1, 2))
        assert abs(z_score(share, exact[part].mean())) < LIMIT
    differ = (again != black["r"]).mean(axis=(1, 2))
    assert abs(z_score(differ, process.disagreement(x).mean())) < LIMIT
