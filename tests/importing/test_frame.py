"""Crop, tiles and the axis of the trend."""

import numpy as np
import pytest

from trendbench.errors import ImagesError, InputError
from trendbench.importing.frame import Crop, Cut, lie_side_by_side, tiles

PICTURE = np.random.default_rng(0).random((10, 14)) < 0.5


def test_a_picture_is_one_tile():
    (tile,) = tiles(PICTURE, Cut(), "a")
    np.testing.assert_array_equal(tile, PICTURE)


def test_tiles_lie_side_by_side_and_the_rest_is_left_out():
    cut = tiles(PICTURE, Cut(tile=(6, 5)), "a")
    assert len(cut) == 4
    np.testing.assert_array_equal(cut[1], PICTURE[:5, 6:12])
    np.testing.assert_array_equal(cut[2], PICTURE[5:, :6])


def test_overlapping_tiles_share_their_borders():
    cut = tiles(PICTURE, Cut(tile=(14, 4), overlap=2), "a")
    assert len(cut) == 4
    np.testing.assert_array_equal(cut[0][2:], cut[1][:2])


def test_a_trend_along_y_is_turned_to_x():
    (tile,) = tiles(PICTURE, Cut(along="y"), "a")
    np.testing.assert_array_equal(tile, PICTURE.T)
    crop = Crop(width=8, height=3, left=1, top=2)
    (tile,) = tiles(PICTURE, Cut(crop=crop, along="y"), "a")
    np.testing.assert_array_equal(tile, PICTURE[2:5, 1:9].T)


@pytest.mark.parametrize(
    ("cut", "message"),
    [
        (Cut(tile=(15, 5)), "--tile 14x5"),
        (Cut(crop=Crop(8, 8, 7, 0)), "--crop reaches to 15×8"),
    ],
)
def test_pictures_that_are_too_small_are_refused(cut, message):
    with pytest.raises(ImagesError, match=message):
        tiles(PICTURE, cut, "a")


def test_an_overlap_that_leaves_no_step_is_refused():
    with pytest.raises(InputError, match="--overlap 0"):
        Cut(tile=(6, 5), overlap=5)
    with pytest.raises(InputError, match="--tile"):
        Cut(overlap=2)


@pytest.mark.parametrize(
    ("cut", "beside"),
    [
        (Cut(), False),
        (Cut(tile=(14, 5)), False),
        (Cut(tile=(7, 5)), True),
        (Cut(tile=(8, 5)), False),
        (Cut(tile=(8, 5), overlap=2), True),
        (Cut(tile=(10, 5), along="y"), False),
        (Cut(tile=(5, 5), along="y"), True),
        (Cut(tile=(7, 5), crop=Crop(9, 5, 0, 0)), False),
    ],
)
def test_tiles_that_lie_on_different_parts_of_the_trend_are_known(cut, beside):
    assert lie_side_by_side(PICTURE.shape, cut) == beside
