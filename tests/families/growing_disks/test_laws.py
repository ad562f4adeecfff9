"""The laws against simulated images, by z-score with images as units and fixed seeds."""

import numpy as np
import pytest
from scipy import stats

from trendbench.errors import InputError
from trendbench.families.growing_disks.process import GrowingDisks
from trendbench.process.images import IMAGES, pixel_centres
from trendbench.simulation import simulate

LIMIT = 4.0
N = 1500
PROCESSES = {
    "rising": {
        "width": 96, "height": 64, "intensity": 3e-3, "radius_left": 3.0, "radius_right": 6.5,
        "rho_left": 0.1, "rho_right": 0.9,
    },
    "falling": {
        "width": 60, "height": 90, "intensity": 8e-3, "radius_left": 1.2, "radius_right": 5.0,
        "rho_left": 0.85, "rho_right": 0.1,
    },
    "level": {
        "width": 64, "height": 64, "intensity": 4e-3, "radius_left": 2.0, "radius_right": 6.0,
        "rho_left": 0.3, "rho_right": 0.3,
    },
}  # fmt: skip


@pytest.fixture(params=PROCESSES, scope="module")
def process(request):
    return GrowingDisks(**PROCESSES[request.param])


@pytest.fixture(scope="module")
def triplets(process):
    return simulate(process, N, seed=11)


def z_score(per_image, exact):
    return (per_image.mean() - exact) / (per_image.std(ddof=1) / np.sqrt(len(per_image)))


def check_bands(per_column, exact, bands=4):
    """Means over bands of columns of (n, W) values, against the exact (W,)."""
    for band in np.array_split(np.arange(exact.size), bands):
        assert abs(z_score(per_column[:, band].mean(axis=1), exact[band].mean())) < LIMIT


def configurations(black):
    b = black.astype(np.int64)
    return b[..., :-1, :-1] + 2 * b[..., :-1, 1:] + 4 * b[..., 1:, :-1] + 8 * b[..., 1:, 1:]


@pytest.mark.parametrize("of", IMAGES)
def test_coverage_borders_included(process, triplets, of):
    exact = process.coverage(pixel_centres(process.width), of)
    check_bands((getattr(triplets, of) == 0).mean(axis=1), exact, bands=8)


@pytest.mark.parametrize("of", IMAGES)
@pytest.mark.parametrize(("dx", "dy"), [(0, 1), (1, 0), (3, 4), (0, 9), (9, 0), (13, 5)])
def test_pairs_and_covariance(process, triplets, of, dx, dy):
    x = pixel_centres(process.width)
    black, p = getattr(triplets, of) == 0, process.coverage(x, of)
    left = x[: process.width - dx]
    first = (slice(None), slice(None, process.height - dy), slice(None, process.width - dx))
    second = (slice(None), slice(dy, None), slice(dx, None))
    pairs = (black[first] & black[second]).mean(axis=1)
    check_bands(pairs, process.pair_black(left, left + dx, dy, of), bands=3)
    products = ((black - p)[first] * (black - p)[second]).mean(axis=1)
    exact = process.covariance(left, left + dx, dy, of)
    check_bands(products, exact, bands=3)
    if np.hypot(dx, dy) >= process.reach:
        assert not exact.any()


def test_a_pixel_with_itself(process):
    x = pixel_centres(process.width)
    p = process.coverage(x)
    np.testing.assert_allclose(process.pair_black(x, x, 0), p)
    np.testing.assert_allclose(process.covariance(x, x, 0), p * (1 - p))


@pytest.mark.parametrize("of", IMAGES)
def test_all_sixteen_configurations(process, triplets, of):
    x = np.arange(1, process.width)
    exact, found = process.quads(x, of), configurations(getattr(triplets, of) == 0)
    for c in range(16):
        assert abs(z_score((found == c).mean(axis=(1, 2)), exact[:, c].mean())) < LIMIT, c


@pytest.mark.parametrize("of", IMAGES)
def test_configurations_agree_with_the_laws_of_one_and_two_pixels(process, of):
    x = np.arange(1, process.width)
    quads, c = process.quads(x, of), np.arange(16)
    np.testing.assert_allclose(quads.sum(axis=1), 1, atol=1e-12)
    assert (quads > 0).all()
    black = {i: quads[:, c >> i & 1 == 1].sum(axis=1) for i in range(4)}
    np.testing.assert_allclose(black[2], process.coverage(x - 0.5, of))
    np.testing.assert_allclose(black[1], process.coverage(x + 0.5, of))
    for pair, dx, dy in ((0b11, 1, 0), (0b101, 0, 1), (0b1001, 1, 1)):
        both = quads[:, c & pair == pair].sum(axis=1)
        np.testing.assert_allclose(both, process.pair_black(x - 0.5, x - 0.5 + dx, dy, of))


@pytest.mark.parametrize("of", IMAGES)
@pytest.mark.parametrize("along_x", [True, False])
@pytest.mark.parametrize("n", [1, 5, 14])
def test_white_runs(process, triplets, of, along_x, n):
    x = pixel_centres(process.width)
    white, axis = getattr(triplets, of) != 0, 2 if along_x else 1
    runs = np.lib.stride_tricks.sliding_window_view(white, n, axis=axis).all(axis=-1)
    middles = x[: process.width - n + 1] + (n - 1) / 2 if along_x else x
    check_bands(runs.mean(axis=1), process.white_run(middles, n, of, along_x=along_x), bands=3)


def test_survival_borders_included(process, triplets):
    """Σ over the pixels of s2∖s1 of (black in r − exact probability) has mean 0."""
    exact = process.survival(pixel_centres(process.width))
    extra = (triplets.s2 == 0) & (triplets.s1 != 0)
    residual = np.where(extra, (triplets.r == 0) - exact, 0.0).mean(axis=1)
    check_bands(residual, np.zeros(process.width), bands=6)


def test_two_draws_disagree_as_the_closed_form_says(process, triplets):
    """Two redrawn r, and a redrawn one against the true one; borders included."""
    rng = np.random.default_rng(1)
    one, two = (process.render_r(process.redraw(triplets.latent, rng)) for _ in range(2))
    exact = process.disagreement(pixel_centres(process.width))
    check_bands((one != two).mean(axis=1), exact)
    check_bands((one != triplets.r).mean(axis=1), exact)


def test_two_draws_disagree_where_rho_is_steep_within_a_disk():
    """A frame narrower than the ring, where the terms in κ² count."""
    steep = GrowingDisks(
        width=8, height=24, intensity=1.5e-3, radius_left=6.0, radius_right=20.0,
        rho_left=0.42, rho_right=0.58,
    )  # fmt: skip
    triplets = simulate(steep, 4000, seed=2)
    one = steep.render_r(steep.redraw(triplets.latent, np.random.default_rng(4)))
    exact = steep.disagreement(pixel_centres(8)).mean()
    assert abs(z_score((one != triplets.r).mean(axis=(1, 2)), exact)) < LIMIT


def test_a_redrawn_r_has_the_law_of_r_and_nests(process, triplets):
    again = process.render_r(process.redraw(triplets.latent, np.random.default_rng(2)))
    check_bands((again == 0).mean(axis=1), process.coverage(pixel_centres(process.width)))
    assert (triplets.s2 <= again).all()
    assert (again <= triplets.s1).all()


def test_a_free_r_has_the_law_of_r_whatever_the_inputs(process, triplets):
    free = process.render_r(process.free(triplets.latent, np.random.default_rng(3)))
    p = process.coverage(pixel_centres(process.width))
    check_bands((free == 0).mean(axis=1), p)
    products = ((free == 0) - p) * ((triplets.s2 == 0) - process.coverage(0.0, "s2"))
    assert abs(z_score(products.mean(axis=(1, 2)), 0.0)) < LIMIT


def test_the_trend_is_linear_in_the_predictor(process):
    trend, x = process.trend, np.linspace(0, process.width, 9)
    eta = trend.offset + trend.scale * trend.at(x)
    np.testing.assert_allclose(trend.coverage(eta), process.coverage(x))
    assert trend.at(process.width) == pytest.approx(process.rho_right)


@pytest.mark.parametrize("dilated", [False, True])
def test_information_is_the_variance_of_the_score_function(process, triplets, dilated):
    germs, margin = triplets.latent, process.radius_right if dilated else 0.0
    rho = process.rho(germs.x)
    score = (((germs.member & 4) != 0) - rho) / (rho * (1 - rho))
    for at, size in ((germs.x, process.width), (germs.y, process.height)):
        score *= (at >= -margin) & (at <= size + margin)
    owner = np.repeat(np.arange(N), np.diff(germs.offsets))
    scores = np.stack([np.bincount(owner, weights=score * germs.x**power) for power in (0, 1)])
    exact = process.information(dilated=dilated)
    for i in range(2):
        assert abs(z_score(scores[i], 0.0)) < LIMIT
        for j in range(2):
            assert abs(z_score(scores[i] * scores[j], exact[i, j])) < LIMIT


def test_information_of_a_level_probability():
    level = GrowingDisks(**PROCESSES["level"])
    assert level.information()[0, 0] == pytest.approx(4e-3 * 64 * 64 / (0.3 * 0.7))
    for rho in (0.0, 1.0):
        sure = level.model_copy(update={"rho_left": rho, "rho_right": rho})
        with pytest.raises(InputError, match="infinite"):
            sure.information()


@pytest.mark.parametrize(("rho", "of"), [(0.0, "s1"), (1.0, "s2")])
def test_certain_growth_is_one_of_the_inputs(rho, of):
    sure = GrowingDisks(**{**PROCESSES["level"], "rho_left": rho, "rho_right": rho})
    triplets = simulate(sure, 5)
    np.testing.assert_array_equal(triplets.r, getattr(triplets, of))
    np.testing.assert_allclose(sure.quads([5.0]), sure.quads([5.0], of))
    np.testing.assert_allclose(sure.disagreement([5.0]), 0, atol=1e-15)
    np.testing.assert_allclose(sure.survival([5.0]), rho)


def test_germs_are_poisson_and_grow_along_the_line(process, triplets):
    germs, margin = triplets.latent, process.radius_right
    mean = process.intensity * process.dilated_area
    counts = np.diff(germs.offsets)
    assert abs(counts.mean() - mean) < LIMIT * np.sqrt(mean / N)
    assert abs(counts.var() - mean) < LIMIT * np.sqrt((mean + 2 * mean**2) / N)
    for values, size in ((germs.x, process.width), (germs.y, process.height)):
        assert stats.kstest((values + margin) / (size + 2 * margin), "uniform").pvalue > 1e-3
    residual = ((germs.member & 4) != 0) - process.rho(germs.x)
    for third in np.array_split(np.argsort(germs.x), 3):
        assert abs(z_score(residual[third], 0.0)) < LIMIT
