"""Black and white of grey pictures: labels, thresholds, Otsu's criterion."""

import numpy as np
import pytest

from trendbench.errors import ImagesError
from trendbench.importing.phases import OTSU, otsu, survey, threshold_of
from trendbench.importing.reading import Page


def surveyed(*arrays):
    return survey(Page(str(i), str(i), np.asarray(a)) for i, a in enumerate(arrays))


def test_otsu_maximises_the_variance_between_the_phases():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(50, 10, 3000), rng.normal(160, 20, 2000)]).round()
    levels = np.unique(values)

    def between(t):
        low, high = values[values < t], values[values >= t]
        return low.size * high.size * (low.mean() - high.mean()) ** 2

    best = max(levels[1:], key=between)
    assert ((values < otsu(values)) == (values < best)).all()
    assert 85 < best < 125
    assert otsu(np.array([0, 3, 3, 250, 255.0])) == 126.5


@pytest.mark.parametrize(
    ("picture", "white"),
    [
        ([[0, 255]], 255),
        ([[False, True]], 1),
        ([[0, 1]], 1),
        ([[0, 65535]], 65535),
        ([[0.0, 1.0]], 1.0),
        ([[3, 7]], 7),
    ],
)
def test_the_higher_of_two_values_is_white(picture, white):
    assert threshold_of(surveyed(picture), None, "here") == white


def test_a_number_counts_on_the_scale_of_the_pictures():
    deep = np.array([[1000, 30000, 5000]], dtype=np.uint16)
    assert threshold_of(surveyed(deep), 12000.0, "here") == 12000
    assert 5000 < threshold_of(surveyed(deep, deep), OTSU, "here") <= 30000


@pytest.mark.parametrize(
    ("picture", "asked", "message"),
    [
        ([[0, 1], [2, 0]], None, "values 0, 1, 2, more than two phases: --threshold 1 "),
        (np.arange(40.0)[None], None, "is grey, with values from 0 to 39: --threshold otsu"),
        ([[7, 7]], None, "every pixel is 7"),
        ([[7, 7]], OTSU, "every pixel is 7"),
        ([[0, 9]], 12.0, "--threshold 12 makes no black and white: --threshold otsu"),
        ([[0.0, np.nan]], None, "not finite"),
    ],
)
def test_what_is_refused_and_the_way_out(picture, asked, message):
    with pytest.raises(ImagesError, match=message):
        threshold_of(surveyed(picture), asked, "here")


def test_every_picture_has_an_equal_share_in_the_threshold():
    """A long stack: the first half holds 0 and 100, the second 100 and 200."""
    early, late = np.tile([0, 100], (256, 128)), np.tile([100, 200], (256, 128))
    found = survey(Page(str(i), str(i), early if i < 256 else late) for i in range(512))
    share = np.bincount(found.sample.astype(int), minlength=201)[[0, 100, 200]] / len(found.sample)
    np.testing.assert_allclose(share, [0.25, 0.5, 0.25], atol=0.01)
    first, last = found.sample[:8192], found.sample[-8192:]
    np.testing.assert_allclose([first.mean(), last.mean()], [50, 150], atol=3)
