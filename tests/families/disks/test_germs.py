"""The germs: Poisson counts, uniform places and marks, membership, and how they are named."""

import numpy as np
import pytest
from scipy import stats

from trendbench.errors import InputError
from trendbench.families.disks.germs import IN_R, IN_S1, IN_S2, draw_germs
from trendbench.families.disks.process import Disks

COUPLINGS = ("thinning", "independent")


def process(**changes) -> Disks:
    values = {"width": 96, "height": 64, "radius": 5.0, "lambda_left": 1e-3, "lambda_right": 6e-3}
    return Disks(**{**values, **changes})


@pytest.mark.parametrize("coupling", COUPLINGS)
@pytest.mark.parametrize("ends", [(1e-3, 6e-3), (6e-3, 1e-3), (2e-3, 2e-3)])
def test_counts_are_poisson_at_each_image_s_intensity(coupling, ends):
    """Mean and variance of the number of germs of each image, by z-score, either sign of k."""
    n = 4000
    p = process(coupling=coupling, lambda_left=ends[0], lambda_right=ends[1])
    germs = draw_germs(p, n, 5, "train")
    for bit, level in ((IN_S1, ends[0]), (IN_S2, ends[1]), (IN_R, sum(ends) / 2)):
        mean = level * p.dilated_area
        counts = germs.counts(bit)
        assert abs((counts.mean() - mean) / np.sqrt(mean / n)) < 4
        spread = np.sqrt((mean + 2 * mean**2) / n)  # of a Poisson sample's variance
        assert abs((counts.var() - mean) / spread) < 4


def test_places_and_marks_fill_the_dilated_frame_evenly():
    p = process(lambda_left=4e-3, lambda_right=4e-3)
    germs = draw_germs(p, 2000, 1, "train")
    for values, low, size in (
        (germs.x, -5.0, 106.0),
        (germs.y, -5.0, 74.0),
        (germs.mark, 0.0, 1.0),
    ):
        assert stats.kstest((values - low) / size, "uniform").pvalue > 1e-3


def test_the_trend_s_germs_follow_the_line():
    """x of r's germs has the density λ(x)/∫λ: its distribution function is a parabola."""
    p = process()
    germs = draw_germs(p, 2000, 1, "train")
    x = germs.x[(germs.member & IN_R) != 0]
    lam, left, k = p.intensity, -5.0, p.intensity.k
    total = float(lam(p.width / 2)) * (p.width + 10)

    def cdf(at):
        return (float(lam(left)) * (at - left) + k * (at - left) ** 2 / 2) / total

    assert stats.kstest(x, cdf).pvalue > 1e-3


def test_membership_is_the_mark_against_the_intensity():
    p = process()
    germs = draw_germs(p, 50, 2, "val")
    largest = p.intensity.extremes(p.radius)[1]
    for bit, level in ((IN_S1, 1e-3), (IN_S2, 6e-3), (IN_R, p.intensity(germs.x))):
        np.testing.assert_array_equal((germs.member & bit) != 0, germs.mark * largest < level)


def test_independent_images_share_no_germ():
    germs = draw_germs(process(coupling="independent"), 50, 2, "val")
    assert set(np.unique(germs.member)) <= {0, IN_S1, IN_S2, IN_R}


@pytest.mark.parametrize("coupling", COUPLINGS)
def test_a_triplet_depends_on_seed_split_and_index_alone(coupling):
    p = process(coupling=coupling)
    whole = draw_germs(p, 20, 9, "test")
    part = draw_germs(p, 4, 9, "test", start=13)
    same = whole[13:17]
    for name in ("offsets", "x", "y", "mark", "member"):
        np.testing.assert_array_equal(getattr(part, name), getattr(same, name))


def test_seeds_and_splits_give_other_germs():
    p = process()
    first = draw_germs(p, 3, 0, "train").x
    assert not np.array_equal(first, draw_germs(p, 3, 1, "train").x)
    assert not np.array_equal(first, draw_germs(p, 3, 0, "val").x)


def test_germs_equal_numpy_s_philox():
    """Anyone can draw a triplet's germs again with NumPy and the documented counters."""
    p = process()
    germs = draw_germs(p, 1, 4, "val", start=6)
    words = np.random.Philox(key=(4, 1), counter=(0, 0, 6, 0)).random_raw(4 * (len(germs.x) + 1))
    uniforms = (words >> np.uint64(11)) * 2.0**-53
    blocks = uniforms.reshape(-1, 4)[1:]
    np.testing.assert_array_equal(germs.x, -5.0 + 106.0 * blocks[:, 0])
    np.testing.assert_array_equal(germs.y, -5.0 + 74.0 * blocks[:, 1])
    np.testing.assert_array_equal(germs.mark, blocks[:, 2])


@pytest.mark.parametrize("wrong", [{"n": -1}, {"seed": -1}, {"seed": 1 << 64}, {"start": -2}])
def test_impossible_numbers_are_refused(wrong):
    with pytest.raises(InputError, match="needed is a whole number"):
        draw_germs(process(), **{"n": 1, "seed": 0, "split": "train", **wrong})
