"""White runs, 2×2 configurations, Euler number, information and the conditional law."""

import math

import numpy as np
import pytest
from scipy import ndimage, optimize

from tests.conftest import z_score
from trendbench import theory
from trendbench.families import disks
from trendbench.families.disks.germs import IN_R, draw_germs
from trendbench.families.disks.intensity import LinearIntensity
from trendbench.families.disks.process import Disks

LIMIT = 4.0


@pytest.mark.parametrize(
    ("n", "along_x"), [(1, True), (7, True), (24, True), (7, False), (24, False)]
)
def test_white_runs(trend_v1, drawn, n, along_x):
    white = drawn.r != 0
    axis = 2 if along_x else 1
    runs = np.lib.stride_tricks.sliding_window_view(white, n, axis=axis).all(axis=-1)
    x = theory.pixel_centres(trend_v1.width)
    middles = x[: 256 - n + 1] + (n - 1) / 2 if along_x else x
    exact = disks.white_run(middles, n, trend_v1.intensity, trend_v1.radius)
    assert abs(z_score(runs.mean(axis=(1, 2)), exact.mean())) < LIMIT


@pytest.mark.parametrize("lag", [0, 1, 5, 12, 24])
@pytest.mark.parametrize("along_x", [True, False])
def test_two_point_probability(trend_v1, drawn, lag, along_x):
    black = drawn.r == 0
    pairs = (
        black[:, :, : 256 - lag] & black[:, :, lag:]
        if along_x
        else black[:, : 256 - lag] & black[:, lag:]
    )
    x = theory.pixel_centres(256)
    middles = x[: 256 - lag] + lag / 2 if along_x else x
    exact = theory.s2(trend_v1, middles, lag, along_x=along_x)
    assert abs(z_score(pairs.mean(axis=(1, 2)), exact.mean())) < LIMIT


def configurations(black):
    """The configuration of every 2×2 window, (…, H − 1, W − 1)."""
    b = black.astype(np.int64)
    return b[..., :-1, :-1] + 2 * b[..., :-1, 1:] + 4 * b[..., 1:, :-1] + 8 * b[..., 1:, 1:]


def test_all_sixteen_configurations(trend_v1, drawn):
    found = configurations(drawn.r == 0)
    exact = disks.configuration_probabilities(
        np.arange(1, 256), trend_v1.intensity, trend_v1.radius
    )
    np.testing.assert_allclose(exact.sum(axis=1), 1.0, atol=1e-12)
    assert (exact > 0).all()
    for c in range(16):
        share = (found == c).mean(axis=(1, 2))
        assert abs(z_score(share, exact[:, c].mean())) < LIMIT, c


def test_configurations_with_a_small_disk_and_a_steep_trend():
    """R below the window's diagonal, where the three-disk unions have another shape."""
    from trendbench.simulation import simulate

    p = Disks(width=40, height=40, radius=0.8, lambda_left=0.02, lambda_right=0.9)
    found = configurations(simulate(p, 2000, seed=4).r == 0)
    exact = disks.configuration_probabilities(np.arange(1, 40), p.intensity, p.radius)
    for c in range(16):
        assert abs(z_score((found == c).mean(axis=(1, 2)), exact[:, c].mean())) < LIMIT, c


def test_perimeter_and_euler_number(trend_v1, drawn):
    black = drawn.r == 0
    across = (black[:, :, 1:] != black[:, :, :-1]).mean(axis=(1, 2))
    down = (black[:, 1:] != black[:, :-1]).mean(axis=(1, 2))
    inner, centres = np.arange(1.0, 256), theory.pixel_centres(256)
    exact_across = theory.edge_probability(trend_v1, inner, along_x=True).mean()
    exact_down = theory.edge_probability(trend_v1, centres, along_x=False).mean()
    assert abs(z_score(across, exact_across)) < LIMIT
    assert abs(z_score(down, exact_down)) < LIMIT
    euler = theory.euler_weights()[configurations(black)].mean(axis=(1, 2))
    assert abs(z_score(euler, theory.euler_density(trend_v1, inner).mean())) < LIMIT


def test_gray_s_weights_count_components_minus_holes(drawn):
    """Framed in white, the sum over windows is 8-connected components minus 4-connected holes."""
    for image in drawn.r[:5]:
        black = np.pad(image == 0, 1)
        components = ndimage.label(black, structure=np.ones((3, 3)))[1]
        holes = ndimage.label(~black)[1] - 1
        total = theory.euler_weights()[configurations(black)].sum()
        assert total == components - holes


def test_union_of_disks():
    area = disks.disk_area(2.0)
    assert disks.union_of_disks([(1.5, 7.0)], 2.0) == pytest.approx((area, 1.5))
    two, middle = disks.union_of_disks([(0.0, 0.0), (1.0, 0.0)], 2.0)
    assert two == pytest.approx(2 * area - disks.lens_area(1.0, 2.0))
    assert middle == pytest.approx(0.5)
    apart, centroid = disks.union_of_disks([(0.0, 0.0), (9.0, 0.0)], 2.0)
    assert (apart, centroid) == pytest.approx((2 * area, 4.5))
    fine = (np.arange(3000) + 0.5) * 0.002 - 3
    x, y = np.meshgrid(fine, fine)
    for centres in ([(0, 0), (1, 0), (0, 1)], [(0, 0), (1, 0), (0, 1), (1, 1)]):
        inside = np.any([(x - a) ** 2 + (y - b) ** 2 <= 1.5**2 for a, b in centres], axis=0)
        exact = (inside.sum() * 4e-6, x[inside].mean())
        assert disks.union_of_disks(centres, 1.5) == pytest.approx(exact, rel=2e-4, abs=2e-4)


@pytest.mark.parametrize(("dilated", "percent"), [(False, 16.4), (True, 14.7)])
def test_the_bound_on_k_is_the_contract_s(trend_v1, dilated, percent):
    _, k = theory.cramer_rao(trend_v1, dilated=dilated)
    assert round(100 * k / trend_v1.intensity.k, 1) == percent
    _, of_a_hundred = theory.cramer_rao(trend_v1, dilated=dilated, images=100)
    assert of_a_hundred == pytest.approx(k / 10)


def test_maximum_likelihood_reaches_the_bound(trend_v1):
    """Germs of 20 images at a time: the spread of the estimates is the bound's, 300 times."""
    estimates = []
    for i in range(300):
        germs = draw_germs(trend_v1, 20, seed=100 + i, split="train")
        x = germs.x[(germs.member & IN_R) != 0]
        y = germs.y[(germs.member & IN_R) != 0]
        x = x[(x > 0) & (x < 256) & (y > 0) & (y < 256)]

        def score(k, x=x):
            mean = len(x) / (20 * 256 * 256)  # profile λ₀ out: λ₀ = mean − k·W/2
            return ((x - 128) / (mean + k * (x - 128))).sum()

        mean = len(x) / (20 * 256 * 256)
        estimates.append(optimize.brentq(score, -mean / 128 * 0.999, mean / 128 * 0.999))
    _, bound = theory.cramer_rao(trend_v1, images=20)
    exact = trend_v1.intensity.k
    assert abs(np.mean(estimates) - exact) < 4 * bound / math.sqrt(300)
    assert np.std(estimates) == pytest.approx(bound, rel=4 / math.sqrt(600))


def test_information_of_a_flat_process_is_area_over_intensity():
    p = Disks(width=50, height=30, radius=2.0, lambda_left=3e-3, lambda_right=3e-3)
    assert theory.fisher_information(p)[0, 0] == pytest.approx(50 * 30 / 3e-3)
    se, _ = theory.cramer_rao(p)
    assert se > math.sqrt(3e-3 / 1500)  # k is not known


def test_survival_runs_from_0_to_1_either_way():
    for ends in ((1e-3, 4e-3), (4e-3, 1e-3)):
        lam = LinearIntensity(*ends, 100)
        curve = disks.survival([0, 50, 100], lam)
        expected = [0, 0.5, 1] if ends[0] < ends[1] else [1, 0.5, 0]
        np.testing.assert_allclose(curve, expected)
