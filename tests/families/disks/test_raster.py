"""Rasterising, against the definition pixel by pixel."""

import numpy as np
import pytest

from tests.families.disks.drawing import draw_disks
from trendbench.simulation import simulate


def by_definition(shape, x, y, radius):
    """Black iff some germ lies within R of the pixel's centre: every pixel against every germ."""
    rows, columns = np.indices(shape) + 0.5
    apart = (columns[..., None] - x) ** 2 + (rows[..., None] - y) ** 2
    return np.where((apart <= radius**2).any(axis=-1), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("radius", [0.3, 0.5, 1.0, 2.7, 6.0, 40.0])
@pytest.mark.parametrize("shape", [(1, 1), (5, 40), (33, 17)])
def test_pixels_are_black_where_the_definition_says(radius, shape):
    rng = np.random.default_rng(int(10 * radius) + shape[0])
    height, width = shape
    x = rng.uniform(-radius, width + radius, 25)
    y = rng.uniform(-radius, height + radius, 25)
    image = np.full(shape, 77, dtype=np.uint8)
    draw_disks(image, x, y, np.ones(25, dtype=np.uint8), 1, radius)
    np.testing.assert_array_equal(image, by_definition(shape, x, y, radius))


def test_a_germ_exactly_at_distance_r_counts():
    image = np.zeros((1, 9), dtype=np.uint8)
    draw_disks(image, np.array([4.5]), np.array([0.5]), np.ones(1, dtype=np.uint8), 1, 2.0)
    assert image.tolist() == [[255, 255, 0, 0, 0, 0, 0, 255, 255]]


def test_only_members_are_drawn(small):
    triplets = simulate(small, 3, seed=8)
    germs = triplets.latent
    assert germs is not None
    for i in range(3):
        own = germs[i : i + 1]
        for bit, name in ((1, "s1"), (2, "s2"), (4, "r")):
            shown = (own.member & bit) != 0
            expected = by_definition((32, 64), own.x[shown], own.y[shown], small.radius)
            np.testing.assert_array_equal(getattr(triplets, name)[i], expected)
