"""Remembered images and diversity."""

import numpy as np
import pytest

from trendbench.generators.protocol import Inputs
from trendbench.generators.reference.drawings import NULLS, TRUTHS, Scene
from trendbench.metrics.card import score_images
from trendbench.metrics.diversity import Diversity
from trendbench.metrics.memorisation import Memorisation, distances, thumbnails
from trendbench.metrics.sampling import features_of
from trendbench.metrics.truth import Truth
from trendbench.rendering.triplets import simulate

pytestmark = pytest.mark.full_pool


@pytest.fixture(scope="module")
def world(small):
    """A task of 400 training and 200 test triplets with its references."""
    spec = small.model_copy(update={"height": 64})
    training = simulate(spec, 400, seed=1).r
    given = simulate(spec, 200, seed=2, split="test")
    small_images = thumbnails(training == 0, spec)
    profile = np.full(spec.width - spec.window + 1, 0.2)
    truth = Truth(spec, profile, 400, small_images)
    inputs = Inputs(given.s1, given.s2, given.germs, given.r)
    return truth, given, Scene(spec, inputs, training, np.random.default_rng(0))


def share(images, truth):
    return float(
        features_of([Memorisation()], images, truth, None, None, 64)["memorisation"].mean()
    )


def test_fresh_images_are_as_near_as_they_should_be(world):
    truth, _, _ = world
    fresh = simulate(truth.spec, 2000, seed=9).r
    assert share(fresh, truth) == pytest.approx(0.01, abs=4 * np.sqrt(0.01 / 2000) * 2)


@pytest.mark.parametrize("shift", [(0, 0), (1, 0), (1, -1), (2, 2)])
@pytest.mark.parametrize("name", ["replayed", "mirrored"])
def test_remembered_images_are_found_mirrored_and_shifted(world, name, shift):
    truth, _, scene = world
    moved = np.roll(NULLS[name](scene)[:50], shift, axis=(1, 2))
    assert share(moved, truth) > 0.95


def test_a_share_of_remembered_images_shows_as_that_share(world):
    truth, _, scene = world
    images = simulate(truth.spec, 200, seed=9).r
    images[:40] = scene.training[:40]
    assert share(images, truth) == pytest.approx(0.2, abs=0.04)
    card = score_images(images, truth, name="x", data="", metrics=[Memorisation()])
    assert [flag.name for flag in card.flags] == ["memorised"]


def test_distance_to_oneself_is_zero_and_symmetric_under_the_mirror(world):
    truth, _, scene = world
    black = scene.training[:5] == 0
    np.testing.assert_allclose(distances(black, truth), 0, atol=1e-6)
    np.testing.assert_allclose(distances(black[:, ::-1], truth), 0, atol=1e-6)


def test_the_distance_is_the_least_over_mirror_and_shifts(world):
    """Against the plain line: shift, shrink, subtract."""
    truth, given, _ = world
    black = given.r[:6] == 0
    moved = [
        np.roll(image, (down, along), axis=(1, 2))
        for image in (black, black[:, ::-1]) for down in (-2, 0, 2) for along in (-2, 0, 2)
    ]  # fmt: skip
    apart = [
        np.square(thumbnails(image, truth.spec)[:, None] - truth.thumbnails).mean(axis=2)
        for image in moved
    ]
    np.testing.assert_allclose(distances(black, truth), np.min(apart, axis=(0, 2)), rtol=1e-4)


def test_thumbnails_are_block_means(world):
    truth, _, scene = world
    black = scene.training[:2] == 0
    small = thumbnails(black, truth.spec).reshape(2, 21, 21)
    assert small[1, 3, 5] == pytest.approx(black[1, 9:12, 15:18].mean())


@pytest.mark.parametrize("conditional", [True, False])
def test_diversity_of_two_draws_is_one_and_of_one_draw_is_zero(world, conditional):
    truth, given, scene = world
    if conditional:
        one, two = TRUTHS["oracle"](scene), TRUTHS["oracle"](scene)
    else:
        one, two = (simulate(truth.spec, 200, seed=s).r for s in (20, 21))
    metric = Diversity()
    triplets = given if conditional else None

    def value(second):
        return features_of([metric], one, truth, triplets, second, 64)["diversity"].mean()

    assert value(two) == pytest.approx(1, abs=0.06)
    assert value(one) == 0
    assert features_of([metric], one, truth, triplets, None, 64) == {}
