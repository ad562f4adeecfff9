"""The trained classifier."""

from contextlib import contextmanager

import numpy as np
import pytest

from trendbench.errors import ImagesError
from trendbench.generators.protocol import Inputs
from trendbench.generators.reference.drawings import NULLS, TRUTHS, Scene
from trendbench.metrics import classifier
from trendbench.metrics.c2st import classifier_scores
from trendbench.metrics.classifier import _calibrate, tell_apart
from trendbench.metrics.thumbnails import thumbnails
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
