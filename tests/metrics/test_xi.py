"""ξ and its parts: as printed, on images whose ξ is known, and against closed forms."""

import numpy as np
import pytest

from tests.conftest import z_score
from trendbench.metrics.batch import Batch, density_profile
from trendbench.metrics.card import score_images
from trendbench.metrics.grey import GreyFraction
from trendbench.metrics.references import truth_of
from trendbench.metrics.registry import IMAGE_METRICS, METRICS
from trendbench.metrics.sampling import ReferenceDistribution
from trendbench.metrics.truth import Truth
from trendbench.simulation import simulate
from trendbench.spec import load_spec
from trendbench.theory import mean_profile

pytestmark = pytest.mark.full_pool


def xi_as_printed(image, xi0, w):
    """Line by line: the study's two formulas in plain Python."""
    height, width = image.shape
    xi = []
    for k in range(1, width - w + 2):
        total = 0.0
        for c in range(k - 1, k + w - 1):
            for row in range(height):
                total += abs((int(image[row, c]) - 255) / 255)
        xi.append(total / (height * w))
    return sum((a - b) ** 2 for a, b in zip(xi, xi0, strict=True)) / (width - w), xi


@pytest.fixture(scope="module")
def truth(trend_v1):
    training = simulate(trend_v1, 400, seed=1).r
    return Truth(trend_v1, density_profile(training, 16).mean(axis=0)[None], 400)


@pytest.fixture(scope="module")
def card(truth, drawn):
    return xi_card(drawn.r, truth)


XI_METRICS = [m for m in IMAGE_METRICS if m.name.startswith("xi") or m.name == "grey_fraction"]
REFERENCES = {}


def xi_card(images, truth, metrics=XI_METRICS):
    """The part of the card that is ξ's; the pool's features are taken once a truth."""
    reference = REFERENCES.setdefault(id(truth), ReferenceDistribution(truth, conditional=False))
    return score_images(images, truth, name="x", data="", reference=reference, metrics=metrics)


def score(images, truth, name):
    alone = [metric for metric in XI_METRICS if metric.name == name]
    return xi_card(images, truth, alone).scores[name].value


@pytest.mark.parametrize("window", [1, 3, 8])
def test_profile_and_xi_equal_the_printed_formulas(window):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 6, 17), dtype=np.uint8)
    xi0 = rng.uniform(0, 1, 17 - window + 1)
    profile = density_profile(images, window)
    for image, row in zip(images, profile, strict=True):
        slow, xi_k = xi_as_printed(image, xi0, window)
        np.testing.assert_allclose(row, xi_k, rtol=1e-12)
        assert np.square(row - xi0).sum() / (17 - window) == pytest.approx(slow, rel=1e-12)


def test_images_whose_xi_is_known(truth):
    n = truth.values.mean_profile.size
    flat = Truth(truth.spec, np.full(n, 0.25)[None], 400)
    white = np.full((3, 256, 256), 255, dtype=np.uint8)
    assert score(white, flat, "xi") == pytest.approx(0.25**2 * n / 240, rel=1e-12)
    assert score(255 - white, flat, "xi") == pytest.approx(0.75**2 * n / 240, rel=1e-12)
    quarter = white.copy()
    quarter[:, ::4] = 0
    assert score(quarter, flat, "xi") == pytest.approx(0.0, abs=1e-20)


def test_truth_scores_the_floor(truth, card, drawn):
    """Each score of true images lies within 4 standard errors of its value for truth."""
    errors = {
        name: values.std(ddof=1) / len(drawn) ** 0.5 for name, values in card.per_image.items()
    }
    for name in ("xi", "xi_ratio", "xi_binary", "xi_executed", "xi_variance_ratio"):
        # ξ₀ of 400 images moves ξ by less than its standard error; the floor carries 1 + 1/400.
        assert abs(card.scores[name].value - card.scores[name].truth) < 4 * errors[name], name
    assert card.scores["xi_ratio"].value == pytest.approx(
        card.scores["xi"].value / truth.xi_floor, rel=1e-12
    )
    assert card.scores["grey_fraction"].value == 0.0


def test_as_executed_in_2017_a_blank_page_beats_true_images():
    """On the study's task: white 0.0222, even grey 0.0074, true images 0.0436, (E ξ)² nearly 0."""
    spec = load_spec("study-2017")
    exact = mean_profile(spec, spec.window)
    truth = Truth(spec, exact[None], 10**9)
    assert truth.xi_floor == pytest.approx(0.0025782, rel=1e-4)
    true = simulate(spec, 100, seed=3).r
    page = np.full((1, 256, 256), 255, dtype=np.uint8)

    def executed(images):
        return METRICS["xi_executed"].features(Batch(images, spec.window), truth).ravel()

    assert executed(page)[0] == pytest.approx(0.02223, abs=1e-5)
    assert executed(page - np.uint8(32))[0] == pytest.approx(0.00738, abs=1e-5)
    assert METRICS["xi_executed"].ideal(truth) == pytest.approx(0.04359, abs=1e-5)
    assert abs(z_score(executed(true), METRICS["xi_executed"].ideal(truth))) < 4
    xi = Batch(true, spec.window).profile
    slow = [np.mean((one - np.mean(xi**2, axis=0)) ** 2) for one in xi]
    np.testing.assert_allclose(executed(true).mean(), np.mean(slow), rtol=0.02)


def test_xi_bias_is_unbiased_and_sees_a_known_bias(truth, drawn):
    """Over disjoint sets of true images it averages to 0; a known shift comes out squared."""
    sets = drawn.r.reshape(30, 50, 256, 256)
    values = np.array([score(images, truth, "xi_bias") for images in sets])
    assert abs(z_score(values, 0.0)) < 4
    shifted = np.where(drawn.r, np.uint8(229), np.uint8(0))  # instead of white: +0.1·(1 − p)
    exact = np.square((255 - 229) / 255 * (1 - truth.values.mean_profile)).sum() / 240
    assert score(shifted, truth, "xi_bias") == pytest.approx(exact, rel=0.1)


def test_a_grey_ramp_scores_below_the_floor_in_xi_and_is_seen_by_the_rest(truth):
    columns = 255 * (
        1 - np.interp(np.arange(256) + 0.5, np.arange(241) + 8, truth.values.mean_profile)
    )
    ramp = np.broadcast_to(columns.round().astype(np.uint8), (50, 256, 256)).copy()
    card = xi_card(ramp, truth)
    assert card.scores["xi"].value < 0.1 * truth.xi_floor
    assert card.scores["xi_variance_ratio"].value < 0.01
    assert card.scores["grey_fraction"].value > 0.8
    assert card.scores["xi_binary"].value > 3 * truth.xi_floor


@pytest.mark.parametrize("value", [25, 26, 128, 229, 230])
def test_grey_is_26_to_229(truth, value):
    images = np.full((2, 256, 256), 255, dtype=np.uint8)
    images[:, :, :64] = value
    batch = Batch(images, 16)
    share = GreyFraction().features(batch, truth).ravel()
    assert share.tolist() == [0.25 if 26 <= value <= 229 else 0.0] * 2


def test_scores_do_not_depend_on_batches_or_order(truth, drawn, monkeypatch):
    images = drawn.r[:300]
    whole = xi_card(images, truth)
    monkeypatch.setattr("trendbench.metrics.card._BATCH", 7)
    small_batches = xi_card(images, truth)
    assert small_batches.scores == whole.scores
    shuffled = xi_card(images[::-1], truth)
    for name, one in whole.scores.items():
        assert shuffled.scores[name].value == pytest.approx(one.value, rel=1e-9), name


def test_damage_moves_each_score_in_order(truth, drawn):
    """The more columns are blanked, the further ξ and its bias are from truth."""
    values = []
    for blank in (0, 16, 48, 96):
        images = drawn.r[:200].copy()
        images[:, :, 256 - blank :] = 255
        values.append([score(images, truth, name) for name in ("xi", "xi_bias")])
    assert (np.diff(values, axis=0) > 0).all()


def test_per_image_values_average_to_the_score(card):
    for name in ("xi", "xi_ratio", "xi_binary", "grey_fraction"):
        assert card.per_image[name].mean() == pytest.approx(card.scores[name].value, rel=1e-9)


def test_intervals_hold_the_floor_as_often_as_they_say(truth, drawn):
    """95 % intervals over 30 disjoint sets of 50 true images: at least 24 hold the exact value."""
    exact = Truth(truth.spec, truth.values.mean_profile[None], 10**9)
    for name in ("xi", "xi_variance_ratio"):
        held = 0
        for images in drawn.r.reshape(30, 50, 256, 256):
            one = xi_card(images, exact).scores[name]
            held += one.low <= one.truth <= one.high
        assert held >= 24, name


def test_every_metric_declares_itself(truth):
    assert len(METRICS) == len(IMAGE_METRICS) + 3  # the classifier's; no name twice
    for name, metric in METRICS.items():
        assert (metric.name, bool(metric.meaning)) == (name, True)
        assert metric.direction in ("lower", "higher", "target")
        assert metric.version >= 1
    for metric in IMAGE_METRICS:
        assert np.isfinite(metric.ideal(truth))


def test_truth_of_a_file_averages_its_training_images(small_data):
    truth = truth_of(small_data)
    profile = density_profile(small_data.images("train", "r"), 8)
    np.testing.assert_array_equal(truth.xi0[0], profile.mean(axis=0))
    assert truth.training_images == 24
