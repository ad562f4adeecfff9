"""The trained classifier, the linear discriminant, and their p-value."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest

from trendbench.errors import ImagesError
from trendbench.families.disks.rendering import render_r
from trendbench.generators.protocol import Inputs
from trendbench.generators.reference.drawings import NULLS, TRUTHS, Scene
from trendbench.metrics import c2st, classifier
from trendbench.metrics.c2st import classifier_scores, wilson
from trendbench.metrics.calibration import cross_calibrated, losses, platt
from trendbench.metrics.classifier import _Pairs, tell_apart
from trendbench.metrics.descriptors import describe
from trendbench.metrics.discriminant import exchange_p, shrunk_second_moment
from trendbench.metrics.exchange import pooled_p, signed_rank_z
from trendbench.metrics.folds import FOLDS, copies, deal
from trendbench.progress import Silent
from trendbench.simulation import simulate

N = 120


@pytest.fixture(scope="module")
def world(small):
    """120 triplets in a small frame, and what the reference rows draw for them."""
    spec = small.model_copy(update={"height": 64})
    given = simulate(spec, N, seed=2, split="test")
    inputs = Inputs(given.s1, given.s2, given.latent, given.r)
    training = simulate(spec, 2 * N, seed=1).r
    return given, Scene(spec, inputs, training, np.random.default_rng(0))


def each_alone(n=N):
    return np.arange(n)


def darker_below(given, rng):
    """Fresh images whose intensity falls to a third at the top and is kept at the bottom."""
    fresh = simulate(given.spec, len(given), seed=9).latent
    kept = rng.random(fresh.y.size) < 1 / 3 + fresh.y / given.spec.height * 2 / 3
    member = np.where(kept, fresh.member, 0).astype(np.uint8)
    return render_r(replace(fresh, member=member), given.spec)


def thinner(given, rng):
    """Fresh images of the same mean intensity without the gradient."""
    fresh = simulate(given.spec, len(given), seed=9).latent
    member = np.where(rng.random(fresh.y.size) < 2 / 3, fresh.member, 0).astype(np.uint8)
    return render_r(replace(fresh, member=member), given.spec)


def test_the_oracle_is_at_chance(world, monkeypatch):
    given, scene = world
    monkeypatch.setattr(classifier, "_EPOCHS", 4)
    scores = classifier_scores(TRUTHS["oracle"](scene), given)
    assert scores["c2st_p"].value > 0.01
    assert 0.9 < scores["c2st_logloss"].value <= scores["c2st_logloss"].high <= 1
    assert all(score.is_within for score in scores.values())


def test_the_true_images_themselves_are_at_chance(world, monkeypatch):
    given, _ = world
    monkeypatch.setattr(classifier, "_EPOCHS", 1)
    scores = classifier_scores(given.r, given)
    assert (scores["c2st_p"].value, scores["c2st_accuracy"].value) == (1, 0.5)
    monkeypatch.setattr(c2st, "exchange_p", lambda *_: 0.01)
    assert classifier_scores(given.r, given)["c2st_p"].value == 0.02


def test_a_negative_control_is_found_early(world, monkeypatch):
    """Beyond doubt after some folds, the rest is not trained; the bar is full all the same."""
    given, scene = world
    monkeypatch.setattr(classifier, "_EPOCHS", 4)
    monkeypatch.setattr(classifier, "_BEYOND_DOUBT", 1e-5)
    counted = []

    @contextmanager
    def bar(title, total, unit):
        counted.append(-total)
        assert (title, unit) == ("classifier", "triplets")
        progress = Silent()
        monkeypatch.setattr(progress, "advance", counted.append)
        yield progress

    images = NULLS["columns"](scene)
    found = tell_apart(images, given, each_alone(), bar=bar)
    assert len(found.triplets) < N
    assert found.p < 1e-5
    assert sum(counted) == 0
    scores = classifier_scores(images, given)
    assert scores["c2st_logloss"].value < 0.7
    assert 0.6 < scores["c2st_accuracy"].low < scores["c2st_accuracy"].value
    assert scores["c2st_p"].value < 1e-3


def test_a_gradient_along_y_is_found(world, monkeypatch):
    """By the network alone, against images of the same mean intensity."""
    given, _ = world
    monkeypatch.setattr(classifier, "_EPOCHS", 8)
    rng = np.random.default_rng(0)
    level = replace(given, r=thinner(given, rng), latent=None)
    found = tell_apart(darker_below(given, rng), level, each_alone(), conditional=False)
    assert found.p < 1e-3


def test_inputs_are_seen_only_if_they_should_be(world, monkeypatch):
    """An independent true r is perfect alone and wrong beside its inputs."""
    given, scene = world
    monkeypatch.setattr(classifier, "_EPOCHS", 8)
    images = NULLS["independent"](scene)
    assert classifier_scores(images, given, conditional=False)["c2st_p"].value > 0.01
    assert tell_apart(images, given, each_alone(), conditional=True).p < 1e-6


def test_the_classifier_repeats_itself_and_holds_every_triplet_out_once(world, monkeypatch, capfd):
    given, scene = world
    monkeypatch.setattr(classifier, "_EPOCHS", 1)
    images = TRUTHS["oracle"](scene)
    one, two = (tell_apart(images, given, each_alone()) for _ in range(2))
    np.testing.assert_array_equal(one.logits, two.logits)
    np.testing.assert_array_equal(np.sort(one.triplets), np.arange(N))
    assert capfd.readouterr() == ("", "")


def test_true_images_are_fresh_and_follow_their_inputs(world):
    given, _ = world
    device = classifier.choose_device("cpu")
    pairs = _Pairs(given.r, given, True, device)
    one, two = (pairs.fresh_true(np.random.default_rng(seed)) for seed in (0, 1))
    assert (one != two).any(axis=(1, 2)).mean() > 0.9
    inner = slice(8, -8)
    assert (one[..., inner] <= given.s1[..., inner]).all()  # black where s1 is black
    alone = _Pairs(given.r, given, False, device).fresh_true(np.random.default_rng(0))
    assert not (alone[..., inner] <= given.s1[..., inner]).all()
    unknown = _Pairs(given.r, replace(given, latent=None), True, device)
    assert unknown.fresh_true(np.random.default_rng(0)) is given.r


def test_crops_keep_pixels_and_places(world, monkeypatch):
    """Both ramps and both images of a triplet are cut at one place of the frame."""
    given, _ = world
    monkeypatch.setattr(classifier, "_CROP", 16)
    pairs = _Pairs(255 - given.r, given, True, classifier.choose_device("cpu"))
    x = pairs.crops(np.array([3, 5]), given.r, np.random.default_rng(0)).numpy()
    whole = pairs.whole(np.array([3, 5])).numpy()
    assert x.shape == (4, 5, 16, 16)
    for cut, full in zip(x, whole, strict=True):
        (top, left) = (int(np.abs(full[c] - cut[c, 0, 0]).argmin()) for c in (3, 4))
        top //= full.shape[2]
        np.testing.assert_array_equal(cut, full[:, top : top + 16, left : left + 16])
    np.testing.assert_array_equal(x[:2, 2], 1 - x[2:, 2])
    assert (whole[0, 3, 0, 0], whole[0, 3, -1, 0], whole[0, 4, 0, -1]) == (-1, 1, 1)


def test_copies_lie_in_one_fold_and_folds_are_balanced():
    images = np.random.default_rng(0).integers(0, 256, (100, 4, 4), dtype=np.uint8)
    images[10:25] = images[3]
    images[40:47] = images[30]
    groups = copies(images)
    assert len(np.unique(groups)) == 100 - 15 - 7
    folds = deal(groups, seed=0)
    assert len(np.unique(folds[[3, *range(10, 25)]])) == 1
    assert len(np.unique(folds[[30, *range(40, 47)]])) == 1
    np.testing.assert_array_equal(np.bincount(folds), np.full(FOLDS, 20))


def test_copies_that_would_fill_a_fold_are_dealt_out_one_by_one():
    folds = deal(copies(np.zeros((100, 4, 4), dtype=np.uint8)), seed=0)
    np.testing.assert_array_equal(np.bincount(folds), np.full(FOLDS, 20))


def test_the_linear_p_value_is_uniform_and_small_for_a_shift():
    """Of skewed descriptors on true and generated side; more descriptors than triplets, too."""
    rng = np.random.default_rng(0)
    p, shifted = [], []
    for k in range(200):
        n, d = (40, 60) if k % 2 else (60, 10)
        apart = rng.exponential(size=(n, d)) - rng.exponential(size=(n, d))
        p.append(exchange_p(apart, np.arange(n), exchanges=199, seed=k))
        shifted.append(exchange_p(apart + 0.5, np.arange(n), exchanges=199, seed=k))
    assert kstest(p, "uniform").pvalue > 0.01
    assert np.mean(shifted) < 0.01


def test_copies_are_exchanged_together():
    """Ten copies of six differences are no more evidence than the six: 2 of 64 signs reach T."""
    apart = np.repeat(np.random.default_rng(0).normal(3, 0.1, (6, 1)), 10, axis=0)
    groups = np.repeat(np.arange(6), 10)
    assert exchange_p(apart, groups) == pytest.approx(2 / 64, rel=0.15)
    assert exchange_p(apart, np.arange(60)) < 1e-3
    assert 2 < signed_rank_z(apart[:, 0], groups) < np.sqrt(6)
    assert signed_rank_z(apart[:, 0], np.arange(60)) > 6


def test_no_difference_has_p_value_one():
    assert exchange_p(np.zeros((50, 3)), np.arange(50)) == 1
    assert signed_rank_z(np.zeros(50), np.arange(50)) == 0


def test_the_second_moment_is_that_of_ledoit_and_wolf():
    """Against their definitions, written out; near the truth I where n < p."""
    x = np.random.default_rng(0).normal(size=(30, 50))
    moment = x.T @ x / 30
    mu = np.trace(moment) / 50
    apart = np.linalg.norm(moment - mu * np.eye(50)) ** 2
    spread = sum(np.linalg.norm(np.outer(row, row) - moment) ** 2 for row in x) / 30**2
    share = min(spread, apart) / apart
    np.testing.assert_allclose(
        shrunk_second_moment(x), share * mu * np.eye(50) + (1 - share) * moment
    )
    assert np.linalg.norm(shrunk_second_moment(x) - np.eye(50)) < 0.2 * np.linalg.norm(
        moment - np.eye(50)
    )


@pytest.mark.parametrize("d", [1, 4, 400])
def test_the_pooled_p_value_allows_for_dependent_folds(d):
    """Of a linear learner, s_i = d_i · (sum over the other folds): never too small at the tail.

    In many dimensions Z has variance 1; without the factor it would have 2.
    """
    rng = np.random.default_rng(d)
    fold_of, groups, p = np.arange(50) % FOLDS, np.arange(50), []
    pooled = []
    for _ in range(600):
        x = rng.normal(size=(50, d))
        z = []
        for fold in range(FOLDS):
            held = fold_of == fold
            z.append(signed_rank_z(x[held] @ x[~held].sum(axis=0), groups[held]))
        p.append(pooled_p(z))
        pooled.append(sum(z) / np.sqrt(2 * FOLDS))
    assert np.mean(np.array(p) <= 0.05) < 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 600)
    if d > 100:
        assert np.var(pooled) == pytest.approx(1, abs=4 * np.sqrt(2 / 600))


def test_descriptors_are_the_counts_they_are_said_to_be(world):
    """Against plain lines on one image: strips, pairs on diagonals, lineal paths, lone pixels."""
    given, _ = world
    one = replace(given[:1], spec=given.spec.model_copy(update={"radius": 1.0}))
    image = np.where(np.random.default_rng(0).random((1, 64, 64)) < 0.2, 0, 255).astype(np.uint8)
    found = describe(image, one, conditional=True)[0]
    black = image[0] == 0
    rows = black.reshape(16, 4, 64).mean(axis=(1, 2))
    np.testing.assert_allclose(found[17:33], rows)
    falling = (black[:-2, :-2] & black[2:, 2:]).sum(axis=0)[:15].mean()
    rising = (black[:-2, 2:] & black[2:, :-2]).sum(axis=0)[:15].mean()
    paths = (~black[:-1] & ~black[1:]).sum(axis=0)[:16].mean()
    lone = [
        sum(
            (side[i - 1 : i + 2, j - 1 : j + 2].sum() == 1) & side[i, j]
            for i in range(1, 63) for j in range(1, 63)
        )
        for side in (black, ~black)
    ]  # fmt: skip
    kept = (black & (given.s1[0] > 0) & (given.s2[0] == 0)).sum(axis=0)[:16].mean()
    places = [57, 61, 85, 109, 110, 119]
    np.testing.assert_allclose(found[places], [falling, rising, paths, *lone, kept])


def test_calibration_finds_slope_and_offset():
    """Logits blown up fivefold and shifted come back to the loss of the true ones."""
    rng = np.random.default_rng(0)
    true = np.stack([rng.normal(1, np.sqrt(2), 4000), rng.normal(-1, np.sqrt(2), 4000)], axis=1)
    slope, offset = platt(5 * true + 2)
    assert slope == pytest.approx(1 / 5, rel=0.1)  # N(±1, 2): the log odds are the value itself
    assert offset == pytest.approx(-2 / 5, abs=0.1)


def test_calibration_gains_nothing_from_noise():
    """In-sample calibration would: half a χ² each. Perfect logits still come out perfect."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(60, 40, 2))
    within = [losses(s * logits + o).mean() for logits in noise for s, o in [platt(logits)]]
    assert np.mean(within) < np.log(2)
    assert np.mean([losses(cross_calibrated(logits)).mean() for logits in noise]) > np.log(2)
    assert losses(cross_calibrated(np.stack([noise[0, :, 0] + 99, noise[0, :, 1]], 1))).max() < 0.01


def test_wilsons_interval_is_wide_at_one_and_known():
    assert wilson(1.0, 100) == (pytest.approx(0.9630, abs=1e-4), pytest.approx(1.0))
    assert wilson(0.5, 100) == (pytest.approx(0.4038, abs=1e-4), pytest.approx(0.5962, abs=1e-4))


def test_too_few_triplets_are_refused(world):
    given, _ = world
    with pytest.raises(ImagesError, match="--no-c2st"):
        classifier_scores(given.r[:60], given[:60])


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in NULLS if n != "targets"])
def test_the_classifier_falls_well_below_for_every_null(trend_v1, name):
    """At 1000 images of the canonical task; the targets themselves are truth to it."""
    training = simulate(trend_v1, 200, seed=1).r
    given = simulate(trend_v1, 1000, seed=2, split="test")
    inputs = Inputs(given.s1, given.s2, given.latent, given.r)
    scene = Scene(trend_v1, inputs, training, np.random.default_rng(0))
    scores = classifier_scores(NULLS[name](scene), given)
    assert scores["c2st_logloss"].value < 0.9
    assert scores["c2st_p"].value < 1e-3


@pytest.mark.slow
def test_the_classifier_is_at_chance_for_fresh_oracle_draws(trend_v1):
    for seed in range(3):
        given = simulate(trend_v1, 1000, seed=50 + seed, split="test")
        inputs = Inputs(given.s1, given.s2, given.latent, given.r)
        scene = Scene(trend_v1, inputs, given.r[:1], np.random.default_rng(seed))
        scores = classifier_scores(TRUTHS["oracle"](scene), given)
        assert scores["c2st_p"].value > 0.001
        assert all(score.is_within for score in scores.values())
