"""Remembered and repeated images, by exchangeability; diversity."""

import numpy as np
import pytest

from trendbench.generators.protocol import Inputs
from trendbench.generators.reference.drawings import TRUTHS, Scene
from trendbench.metrics.card import score_images
from trendbench.metrics.diversity import Diversity
from trendbench.metrics.leakage import TargetLeakage
from trendbench.metrics.memorisation import Memorisation
from trendbench.metrics.repeats import Repeats
from trendbench.metrics.resampling import measured
from trendbench.metrics.sampling import features_of
from trendbench.metrics.thumbnails import nearest, squared_distances, thumbnails, variants
from trendbench.metrics.truth import Truth
from trendbench.metrics.votes import wilson
from trendbench.simulation import simulate

MEMORY, REPEATS = Memorisation(), Repeats()


@pytest.fixture(scope="module")
def world(small):
    """A task of 400 training and 200 test triplets with its references."""
    spec = small.model_copy(update={"height": 64})
    training = simulate(spec, 400, seed=1).r
    given = simulate(spec, 200, seed=2, split="test")
    profile = np.full(spec.width - spec.window + 1, 0.2)
    truth = Truth(spec, profile[None], 400, thumbnails(training == 0, spec))
    inputs = Inputs(given.s1, given.s2, given.latent, given.r)
    return truth, given, Scene(spec, inputs, training, np.random.default_rng(0))


def card_of(images, truth, metric):
    return score_images(images, truth, name="x", data="", metrics=[metric])


def memorised(images, truth):
    return card_of(images, truth, MEMORY).scores["memorisation"]


@pytest.mark.parametrize("shift", [(0, 0), (1, -1), (2, 2)])
@pytest.mark.parametrize("flip", [np.s_[:], np.s_[:, ::-1], np.s_[:, :, ::-1]])
def test_remembered_images_are_found_mirrored_and_shifted(world, flip, shift):
    truth, _, scene = world
    moved = np.roll(scene.training[:50][flip], shift, axis=(1, 2))
    assert memorised(moved, truth).value > 0.9


def test_the_score_is_the_share_of_remembered_images(world):
    truth, _, scene = world
    images = simulate(truth.spec, 200, seed=9).r
    images[:40] = scene.training[:40]
    noise = np.random.default_rng(0).random(images.shape) < 0.02
    for seen in (images, np.where(noise, 255 - images, images).astype(np.uint8)):
        card = card_of(seen, truth, MEMORY)
        score = card.scores["memorisation"]
        assert score.value == pytest.approx(0.2, abs=0.05)
        assert score.low < 0.2 < score.high
        assert [flag.name for flag in card.flags] == ["memorised"]


@pytest.mark.parametrize("images", ["white", "black", "sparse", "dense", "fresh", "noise", "one"])
def test_nobody_who_never_saw_the_training_set_is_accused(world, images):
    """However bad the images are, and though sparse ones lie near to anything."""
    truth, _, _ = world
    spec, n = truth.spec, 150
    rng = np.random.default_rng(1)
    drawn = {
        "white": lambda: np.full((n, 64, 64), 255, np.uint8),
        "black": lambda: np.zeros((n, 64, 64), np.uint8),
        "sparse": lambda: simulate(spec.model_copy(update={"lambda_right": 2e-3}), n, 5).r,
        "dense": lambda: simulate(spec.model_copy(update={"lambda_right": 4e-2}), n, 5).r,
        "fresh": lambda: simulate(spec, n, 6).r,
        "noise": lambda: np.where(rng.random((n, 64, 64)) < 0.2, 0, 255).astype(np.uint8),
        "one": lambda: np.repeat(simulate(spec, 400, seed=1).r[7:8], n, axis=0),
    }[images]()
    card = card_of(drawn, truth, MEMORY)
    assert card.flags == []
    if images != "one":  # a single training image, which is a collapse and not a memory
        assert card.scores["memorisation"].is_within


def test_the_exchange_of_labels_is_exact(world):
    """The share of honest sets beyond the 95 % quantile of their own exchanges is 5 % at most."""
    truth, _, _ = world
    images = simulate(truth.spec, 2000, seed=12).r
    features = features_of([MEMORY], images, truth, None, None, 200)["memorisation"]
    beyond = []
    for start in range(0, 2000, 50):
        some = features[start : start + 50]
        exchanged = MEMORY.exchanged(some, 500)
        beyond.append(some[:, 0].mean() > np.quantile(exchanged, 0.95))
    assert np.mean(beyond) <= 0.05 + 3 * np.sqrt(0.05 / len(beyond))
    assert abs(features[:, 0].mean()) < 0.05


def test_the_distance_is_the_least_over_mirrors_and_shifts(world):
    """Against the plain line: shift, shrink, subtract."""
    truth, given, _ = world
    black = given.r[:6] == 0
    moved = [
        np.roll(image, (down, along), axis=(1, 2))
        for image in (black, black[:, ::-1], black[:, :, ::-1], black[:, ::-1, ::-1])
        for down in (-2, 0, 2)
        for along in (-2, 0, 2)
    ]
    apart = np.array([
        np.square(thumbnails(image, truth.spec)[:, None] - truth.thumbnails).mean(axis=2)
        for image in moved
    ]).min(axis=0)  # fmt: skip
    least, which = nearest(variants(black, truth.spec), truth.thumbnails)
    np.testing.assert_allclose(least, apart.min(axis=1), rtol=1e-3)
    np.testing.assert_array_equal(which, apart.argmin(axis=1))
    every = squared_distances(variants(black, truth.spec), truth.thumbnails)
    np.testing.assert_allclose(every, apart, rtol=1e-3, atol=1e-6)


def test_thumbnails_are_block_means(world):
    truth, _, scene = world
    black = scene.training[:2] == 0
    small = thumbnails(black, truth.spec).reshape(2, 10, 10)
    assert small[1, 3, 5] == pytest.approx(black[1, 18:24, 30:36].mean())


@pytest.mark.parametrize(("copies", "share"), [(0, 0), (10, 0.1), (50, 0.5), (100, 1)])
def test_the_share_of_images_with_a_twin(world, copies, share):
    """Copies also mirrored, in any order; a copy and its source count both."""
    truth, _, _ = world
    images = simulate(truth.spec, 200, seed=21).r
    images[200 - copies :] = images[:copies, ::-1]
    images = np.random.default_rng(3).permutation(images)
    card = card_of(images, truth, REPEATS)
    assert card.scores["repeats"].value == pytest.approx(share, abs=0.02)
    assert [flag.name for flag in card.flags] == (["repeats"] if copies >= 10 else [])


def test_a_set_of_quadruples_is_no_set_of_independent_twins(world):
    truth, _, _ = world
    images = np.repeat(simulate(truth.spec, 30, seed=21).r, 4, axis=0)
    features = REPEATS.features_of_set(images, truth)
    assert features[:, 0].mean() == pytest.approx(1, abs=0.05)
    assert len(np.unique(features[:, 1])) <= 30


@pytest.mark.parametrize(
    "other", [{"radius": 1.5}, {"radius": 9.0}, {"lambda_right": 2e-3}, {"lambda_left": 2e-2}, {}]
)
def test_other_images_are_not_taken_for_repeats(world, other):
    """Nor are sets of two kinds: inverted and not."""
    truth, _, _ = world
    images = simulate(truth.spec.model_copy(update=other), 200, seed=4).r
    if not other:
        images[::2] = 255 - images[::2]
    assert card_of(images, truth, REPEATS).scores["repeats"].value < 0.02


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
        features = features_of([metric], one, truth, triplets, second, 64)["diversity"]
        return measured(metric, features, truth)

    assert value(two) == pytest.approx(1, abs=0.06)
    assert value(one) == 0
    assert features_of([metric], one, truth, triplets, None, 64) == {}


def test_leakage_is_the_share_of_copied_targets(world):
    """Best guesses and blank pages are no copies; a third of the targets is a third."""
    truth, given, scene = world
    leakage = TargetLeakage()
    honest = TRUTHS["oracle"](scene)
    third = honest.copy()
    third[::3] = given.r[::3]
    guess = np.where(np.arange(64) < 32, given.s1, given.s2)  # near to any draw for these inputs
    blank = np.full_like(honest, 255)
    for images, share in ((honest, 0), (third, 1 / 3), (given.r, 1), (guess, 0), (blank, 0)):
        card = score_images(images, truth, name="x", data="", given=given, metrics=[leakage])
        assert card.scores["target_leakage"].value == pytest.approx(share, abs=0.05)
        assert [flag.name for flag in card.flags] == (["copies-target"] if share else [])


def test_wilson_s_interval_of_a_share():
    """Against the defining equation |p̂ − p| = z·√(p(1 − p)/n)."""
    for share, n in ((0.0, 100), (0.03, 100), (0.5, 10), (1.0, 40)):
        for end in wilson(share, n):
            if 0 < end < 1:
                assert abs(share - end) == pytest.approx(
                    1.959964 * np.sqrt(end * (1 - end) / n), rel=1e-6
                )
    assert wilson(0.0, 100)[0] == 0
    assert wilson(1.0, 40)[1] == 1
