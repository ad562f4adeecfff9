"""Remembered images, diversity, and the trained classifier."""

from contextlib import contextmanager

import numpy as np
import pytest

from trendbench.errors import ImagesError
from trendbench.generators.protocol import Inputs
from trendbench.generators.reference.drawings import NULLS, TRUTHS, Scene
from trendbench.metrics import classifier
from trendbench.metrics.c2st import classifier_scores
from trendbench.metrics.card import score_images
from trendbench.metrics.classifier import _calibrate, tell_apart
from trendbench.metrics.diversity import Diversity
from trendbench.metrics.memorisation import Memorisation, distances, thumbnails
from trendbench.metrics.sampling import features_of
from trendbench.metrics.truth import Truth
from trendbench.progress import Silent
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


def test_the_classifier_is_at_chance_for_the_oracle(world):
    _, given, scene = world
    found = tell_apart(TRUTHS["oracle"](scene), given)
    assert found.logloss.mean() >= 0.98
    assert abs(found.accuracy.mean() - 0.5) < 4 * 0.5 / np.sqrt(100)
    assert len(found.logloss) == 50


def test_the_classifier_finds_a_negative_control(world):
    _, given, scene = world
    found = tell_apart(NULLS["columns"](scene), given)
    assert found.logloss.mean() < 0.5
    assert found.accuracy.mean() > 0.85


def test_the_classifier_sees_inputs_only_if_it_should(world):
    """An independent true r is perfect alone and wrong beside its inputs."""
    _, given, scene = world
    images = NULLS["independent"](scene)
    assert tell_apart(images, given, conditional=False).logloss.mean() >= 0.95
    assert tell_apart(images, given, conditional=True).logloss.mean() < 0.9


def test_the_classifier_repeats_itself_and_a_bar_counts_its_triplets(world, monkeypatch, capfd):
    _, given, _ = world
    monkeypatch.setattr(classifier, "_EPOCHS", 2)
    counted = []

    @contextmanager
    def bar(title, total, unit):
        counted.extend([title, total, unit])
        progress = Silent()
        monkeypatch.setattr(progress, "advance", counted.append)
        yield progress

    quiet = tell_apart(given.r, given)
    assert capfd.readouterr() == ("", "")
    shown = tell_apart(given.r, given, bar=bar)
    n = round(0.6 * len(given))
    assert counted[:3] == ["classifier", 2 * n, "triplets"]
    assert sum(counted[3:]) == 2 * n
    np.testing.assert_array_equal(quiet.logloss, shown.logloss)


def test_calibration_finds_slope_and_offset():
    """Logits blown up fivefold and shifted come back to the loss of the true ones."""
    rng = np.random.default_rng(0)
    true = np.stack([rng.normal(1, np.sqrt(2), 4000), rng.normal(-1, np.sqrt(2), 4000)], axis=1)
    slope, offset = _calibrate(5 * true + 2)
    assert slope == pytest.approx(1 / 5, rel=0.1)  # N(±1, 2): the log odds are the value itself
    assert offset == pytest.approx(-2 / 5, abs=0.1)


def test_too_few_triplets_are_refused(world):
    _, given, _ = world
    with pytest.raises(ImagesError, match="--no-c2st"):
        classifier_scores(given.r[:60], given[:60])


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in NULLS if n != "targets"])
def test_the_classifier_falls_well_below_for_every_null(trend_v1, name):
    """At 1000 images of the canonical task; the targets themselves are truth to it."""
    training = simulate(trend_v1, 200, seed=1).r
    given = simulate(trend_v1, 1000, seed=2, split="test")
    inputs = Inputs(given.s1, given.s2, given.germs, given.r)
    scene = Scene(trend_v1, inputs, training, np.random.default_rng(0))
    assert tell_apart(NULLS[name](scene), given).logloss.mean() < 0.9


@pytest.mark.slow
def test_the_classifier_is_at_chance_for_fresh_oracle_draws(trend_v1):
    for seed in range(3):
        given = simulate(trend_v1, 1000, seed=50 + seed, split="test")
        inputs = Inputs(given.s1, given.s2, given.germs, given.r)
        scene = Scene(trend_v1, inputs, given.r[:1], np.random.default_rng(seed))
        assert tell_apart(TRUTHS["oracle"](scene), given).logloss.mean() >= 0.98
