"""The scores beyond ξ: against slow lines of the same formula, against truth, under damage."""

import math
from contextlib import contextmanager

import numpy as np
import pytest

from tests.conftest import z_score
from trendbench import theory
from trendbench.families import disks
from trendbench.families.disks import changes as damages
from trendbench.families.disks.conditional import redraw_r
from trendbench.families.disks.rendering import render_r
from trendbench.metrics import columns
from trendbench.metrics.anisotropy import AnisotropyError
from trendbench.metrics.bands import BANDS, band_means
from trendbench.metrics.batch import Batch, density_profile
from trendbench.metrics.card import score_images
from trendbench.metrics.coupling import (
    Containment,
    InputDisagreement,
    RetentionError,
    TargetDisagreement,
    inner_columns,
)
from trendbench.metrics.fit import fit_trend
from trendbench.metrics.metric import SetMetric
from trendbench.metrics.pool import true_pool
from trendbench.metrics.references import truth_of
from trendbench.metrics.registry import IMAGE_METRICS
from trendbench.metrics.resampling import (
    bootstrap_weights,
    count,
    interval,
    means,
    measured,
    own_mean,
)
from trendbench.metrics.sampling import ReferenceDistribution, features_of
from trendbench.metrics.stray import StrayError
from trendbench.metrics.strips import ColumnError, RowError
from trendbench.metrics.texture import EulerError, LinealError, PerimeterError, S2Error
from trendbench.metrics.thumbnails import thumbnails
from trendbench.metrics.trend import (
    KVarianceRatio,
    LambdaVarianceRatio,
)
from trendbench.metrics.truth import Truth, true_values
from trendbench.simulation import simulate

TEXTURE = (S2Error(), LinealError(), PerimeterError(), EulerError(), RowError(), ColumnError())
PER_BATCH = [metric for metric in IMAGE_METRICS if not isinstance(metric, SetMetric)]
BY_NAME = {metric.name: metric for metric in IMAGE_METRICS}


@pytest.fixture(scope="module")
def truth(trend_v1):
    training = simulate(trend_v1, 400, seed=1).r
    small = thumbnails(training == 0, trend_v1)
    return Truth(trend_v1, density_profile(training, 16).mean(axis=0)[None], 400, small)


@pytest.fixture(scope="module")
def small_truth(small):
    training = simulate(small, 200, seed=1).r
    return Truth(small, density_profile(training, 8).mean(axis=0)[None], 200)


def odd_images(rows=70, width=37):
    """Random images of awkward size: more than one word a column, not a whole number of them."""
    rng = np.random.default_rng(3)
    return np.where(rng.random((3, rows, width)) < 0.3, 0, 255).astype(np.uint8)


def test_words_count_pairs_and_runs_like_plain_slices():
    black = odd_images() == 0
    words = columns.pack(black)
    assert words.shape == (3, 37, 2)
    np.testing.assert_array_equal(columns.count(words), black.sum(axis=1))
    for lag in (0, 1, 5, 63, 64, 65, 69, 70, 200):
        expected = (black[:, : max(70 - lag, 0)] & black[:, lag:]).sum(axis=1)
        np.testing.assert_array_equal(columns.count(words & columns.shift(words, lag)), expected)


def test_texture_features_equal_plain_counts(small, small_truth):
    """Each feature, band by band, against sliding windows over boolean arrays."""
    images = simulate(small, 4, seed=9).r
    black = images == 0
    batch = Batch(images, 8)
    reach = math.ceil(4 * small.radius)
    height, width = black.shape[1:]

    slow = [
        band_means((black[:, :, : width - h] & black[:, :, h:]).mean(axis=1))
        for h in range(reach + 1)
    ]
    slow += [
        band_means((black[:, : height - h] & black[:, h:]).mean(axis=1))
        for h in range(1, reach + 1)
    ]
    np.testing.assert_allclose(S2Error().features(batch, small_truth), np.hstack(slow), atol=1e-12)

    windows = np.lib.stride_tricks.sliding_window_view
    slow = [
        band_means(windows(~black, n, axis=2).all(axis=-1).mean(axis=1))
        for n in range(1, reach + 1)
    ]
    slow += [
        band_means(windows(~black, n, axis=1).all(axis=-1).mean(axis=1))
        for n in range(2, reach + 1)
    ]
    np.testing.assert_allclose(
        LinealError().features(batch, small_truth), np.hstack(slow), atol=1e-12
    )

    slow = [band_means((black[:, :, 1:] != black[:, :, :-1]).mean(axis=1)),
            band_means((black[:, 1:] != black[:, :-1]).mean(axis=1))]  # fmt: skip
    np.testing.assert_allclose(
        PerimeterError().features(batch, small_truth), np.hstack(slow), atol=1e-12
    )

    b = black.astype(int)
    c = b[:, :-1, :-1] + 2 * b[:, :-1, 1:] + 4 * b[:, 1:, :-1] + 8 * b[:, 1:, 1:]
    slow = band_means(theory.euler_weights()[c].mean(axis=1))
    np.testing.assert_allclose(EulerError().features(batch, small_truth), slow, atol=1e-12)


@pytest.mark.parametrize("metric", TEXTURE, ids=lambda m: m.name)
def test_texture_features_have_their_exact_expectations(truth, drawn, metric):
    """Every feature by z-score: of some hundreds, none beyond 4.9, and a unit spread overall."""
    features = features_of([metric], drawn.r, truth, None, None, 128)[metric.name]
    exact = metric.exact(truth.spec)
    errors = features.std(axis=0, ddof=1) / math.sqrt(len(features))
    z = (features.mean(axis=0) - exact) / errors
    assert np.abs(z).max() < 4.9
    assert np.square(z).mean() < 4


@pytest.mark.parametrize(
    "metric", [InputDisagreement(), TargetDisagreement()], ids=lambda m: m.name
)
def test_disagreements_have_their_exact_expectations(truth, drawn, metric):
    given = drawn[:600]
    images = render_r(redraw_r(truth.spec, given.latent, np.random.default_rng(3)), truth.spec)
    features = features_of([metric], images, truth, given, None, 128)[metric.name]
    exact = metric.expected(own_mean(metric, features, truth), truth)
    for k in range(2 if metric.name == "input_disagreement" else 1):
        assert abs(z_score(features[:, k], exact[0, k])) < 4
    assert metric.value(exact, count(metric, 600, truth), truth) == pytest.approx(1)


@pytest.mark.parametrize("coupling", ["thinning", "independent"])
@pytest.mark.parametrize("coverage", [0.0, 0.02, 0.2, 0.9, 1.0])
def test_images_of_any_coverage_are_no_copies(small, coupling, coverage):
    """Blank, sparse and dense images lie near to sparse or dense ones; they copy none of them."""
    spec = small.model_copy(update={"coupling": coupling})
    truth = Truth(spec, theory.mean_profile(spec, 8)[None], 100)
    given = simulate(spec, 150, seed=5)
    noise = np.random.default_rng(0).random((2, *given.r.shape))
    one, two = np.where(noise < coverage, 0, 255).astype(np.uint8)
    metrics = [BY_NAME[n] for n in ("input_disagreement", "target_disagreement", "diversity")]
    features = features_of(metrics, one, truth, given, two, 64)
    for metric in metrics:
        value = measured(metric, features[metric.name], truth)
        constant = coverage in (0.0, 1.0) and metric.name == "diversity"
        assert value == 0 if constant else value > 0.95, metric.name


def test_trend_fit_recovers_an_exact_profile(trend_v1):
    x = theory.pixel_centres(256)
    for left, right in ((5e-4, 4e-3), (2e-3, 2e-3), (4e-3, 1e-3)):
        lam = trend_v1.model_copy(update={"lambda_left": left, "lambda_right": right}).intensity
        density = disks.coverage(x, lam, 6.0)
        fitted = fit_trend(density, trend_v1.trend)
        np.testing.assert_allclose(fitted, [left, lam.k], rtol=1e-6, atol=1e-12)


def test_trend_errors_are_z_scores(trend_v1, drawn):
    """Over 60 sets of 25 true images: mean 0, variance 1, and the sandwich beats the binomial."""
    density = (drawn.r == 0).mean(axis=1).reshape(60, 25, 256).mean(axis=1)
    lam = trend_v1.intensity
    errors = true_values(trend_v1).trend_errors / 5
    z = (fit_trend(density, trend_v1.trend) - [lam.left, lam.k]) / errors
    for column in z.T:
        assert abs(column.mean()) * math.sqrt(60) < 4
        assert column.std(ddof=1) == pytest.approx(1, abs=4 / math.sqrt(120))
    # No unbiased estimate from pixels beats the germs themselves.
    assert true_values(trend_v1).trend_errors[1] > theory.cramer_rao(trend_v1, dilated=True)[1]


def test_the_survival_curve_of_truth_is_exact_and_damage_shows(truth, drawn):
    given = drawn[:400]
    metric = RetentionError()

    def error(images):
        features = features_of([metric], images, truth, given, None, 128)[metric.name]
        return measured(metric, features, truth)

    assert error(given.r) < 0.008
    damaged = given.r.copy()
    shares = []
    for share in (0.02, 0.05, 0.1):
        lost = np.random.default_rng(0).random(damaged.shape) < share
        shares.append(error(np.where(lost, 255, given.r).astype(np.uint8)))
    assert shares == sorted(shares)
    assert shares[0] > 0.008
    # Of the pixels that should survive with probability s, a share is lost: RMS of share·s.
    x = theory.pixel_centres(256)[inner_columns(truth.spec)]
    s = disks.pixel_survival(x, truth.spec.intensity, truth.spec.radius)
    assert shares[2] == pytest.approx(0.1 * math.sqrt(np.mean(s**2)), rel=0.1)


@pytest.mark.parametrize("ends", [(1e-3, 8e-3), (8e-3, 1e-3)])
def test_containment_counts_lost_and_stray_ink_for_either_sign(small, ends):
    spec = small.model_copy(update={"lambda_left": ends[0], "lambda_right": ends[1]})
    truth = Truth(spec, theory.mean_profile(spec, 8)[None], 100)
    triplets = simulate(spec, 50, seed=1)
    metric = Containment()

    def value(images):
        features = features_of([metric], images, truth, triplets, None, 16)[metric.name]
        return measured(metric, features, truth)

    assert value(triplets.r) == 0
    assert value(np.full_like(triplets.r, 255)) == pytest.approx(1.0)
    sparse = triplets.s1 if ends[0] < ends[1] else triplets.s2
    dense = triplets.s2 if ends[0] < ends[1] else triplets.s1
    assert value(sparse) == value(dense) == 0
    inner = inner_columns(spec)
    stray = (dense[..., inner] != 0).sum() / dense[..., inner].size
    assert value(np.zeros_like(dense)) == pytest.approx(stray)


def test_scores_that_need_inputs_are_absent_without_them(truth, drawn):
    card = score_images(drawn.r[:20], truth, name="x", data="")
    for name in ("retention_error", "containment", "input_disagreement", "target_disagreement"):
        assert card.scores.get(name) is None
    assert card.scores["s2_error"].value >= 0


def test_scores_of_the_coupling_are_absent_where_there_is_none(small):
    spec = small.model_copy(update={"coupling": "independent"})
    truth = Truth(spec, theory.mean_profile(spec, 8)[None], 100)
    triplets = simulate(spec, 30, seed=1)
    card = score_images(triplets.r, truth, name="x", data="", given=triplets)
    assert card.scores.get("retention_error") is None
    assert card.scores.get("containment") is None
    assert card.scores["input_disagreement"].value == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("metric", PER_BATCH, ids=lambda m: m.name)
def test_every_score_ignores_batches_and_order(truth, drawn, metric):
    given = drawn[:60]
    images = render_r(redraw_r(truth.spec, given.latent, np.random.default_rng(1)), truth.spec)
    second = np.roll(images, 1, axis=0)
    values = []
    for size in (60, 7):
        features = features_of([metric], images, truth, given, second, size)[metric.name]
        values.append(measured(metric, features, truth))
    assert values[0] == pytest.approx(values[1], rel=1e-9, abs=1e-12)
    shuffled = features[np.random.default_rng(0).permutation(60)]
    again = measured(metric, shuffled, truth)
    assert again == pytest.approx(values[0], rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", ["s2_error", "lineal_error", "perimeter_error", "euler_error"])
def test_texture_errors_grow_with_a_wrong_radius(truth, name):
    metric = BY_NAME[name]
    values = []
    for radius in (6.0, 6.5, 7.2):
        other = truth.spec.model_copy(update={"radius": radius})
        images = simulate(other, 200, seed=5).r
        features = features_of([metric], images, truth, None, None, 128)[name]
        values.append(measured(metric, features, truth))
    assert values == sorted(values)
    assert values[1] > 2 * values[0]


@pytest.mark.full_pool
def test_one_true_set_in_a_hundred_is_told(small_truth):
    """Sets of 50 fresh true images have any score outside its range as often as it says."""
    images = simulate(small_truth.spec, 4000, seed=11).r
    reference = ReferenceDistribution(small_truth, conditional=False)
    metrics = [metric for metric in PER_BATCH if metric.name != "memorisation"]
    features = features_of(metrics, images, small_truth, None, np.roll(images, 1, 0), 500)
    metrics = [metric for metric in metrics if metric.name in features]
    reference.prepare(metrics)
    told = 0
    for start in range(0, 4000, 50):
        some = {name: series[start : start + 50] for name, series in features.items()}
        ranges = reference.ranges(metrics, some, 50)
        told += any(
            not ranges[m.name].low <= measured(m, some[m.name], small_truth) <= ranges[m.name].high
            for m in metrics
        )
    assert told <= 4  # 0.6 of 80 are expected


def test_ranges_hold_together(small_truth):
    """Every range of a card is wider than the 99 % range of its score alone, by one factor."""
    metrics = [BY_NAME[name] for name in ("xi", "s2_error", "k_error", "euler_error")]
    reference = ReferenceDistribution(small_truth, conditional=False)
    together = reference.ranges(
        metrics, dict.fromkeys((m.name for m in metrics), np.zeros((1, 1))), 30
    )
    factors = []
    for metric in metrics:
        values = reference._of(metric, np.zeros((1, 1)), 30)
        alone = np.quantile(values[: len(values) // 2], [0.5, 0.995])
        factors.append((together[metric.name].high - alone[0]) / (alone[1] - alone[0]))
    assert np.ptp(factors) < 1e-9
    assert 1.05 < factors[0] < 2


def test_a_score_that_every_true_set_has_needs_no_pool(small_truth):
    reference = ReferenceDistribution(small_truth, conditional=False)
    metrics = [BY_NAME["stray_error"], BY_NAME["grey_fraction"]]
    reference.prepare(metrics)
    ranges = reference.ranges(
        metrics, dict.fromkeys((m.name for m in metrics), np.zeros((1, 1))), 9
    )
    assert reference._features == {}
    assert {(r.low, r.median, r.high) for r in ranges.values()} == {(0.0, 0.0, 0.0)}


@pytest.mark.full_pool
def test_intervals_cover_what_they_should(small_truth):
    """Over 150 sets of 60 true images, 95 % intervals cover the expectation about that often."""
    names = ("xi", "xi_bias", "k_error", "k_variance_ratio", "anisotropy_error", "s2_error")
    metrics = [BY_NAME[name] for name in names]
    images = simulate(small_truth.spec, 9000, seed=31).r
    features = features_of(metrics, images, small_truth, None, None, 500)
    weights = bootstrap_weights(60, 500)
    for metric in metrics:
        sets = features[metric.name].reshape(150, 60, -1)
        if metric.is_root:
            squares = metric.quadratic(sets.mean(axis=1), 60, small_truth)
            expected = math.sqrt(squares.mean())
        else:
            expected = metric.ideal(small_truth)
        ends = np.array(
            [
                interval(metric, some, means(metric, some, weights, small_truth), small_truth)
                for some in sets
            ]
        )
        covered = ((ends[:, 0] <= expected) & (expected <= ends[:, 1])).mean()
        assert 0.88 <= covered <= 0.995, (metric.name, covered)


@pytest.mark.full_pool
def test_the_pool_is_the_same_at_every_call_and_nobody_s_data(trend_v1):
    pool = true_pool(trend_v1)
    assert len(pool.drawn) == 2048
    assert pool is true_pool(trend_v1)
    assert not np.array_equal(pool.triplets.r[0], simulate(trend_v1, 1, 0, split="test").r[0])


def test_the_pool_in_blocks_is_the_pool(small):
    pool = true_pool(small)
    for name in ("drawn", "second"):
        parts = [getattr(block, name) for block in pool.blocks(300)]
        np.testing.assert_array_equal(np.concatenate(parts), getattr(pool, name))
    parts = [block.triplets.s2 for block in pool.blocks(300)]
    np.testing.assert_array_equal(np.concatenate(parts), pool.triplets.s2)


@pytest.mark.parametrize("conditional", [True, False])
def test_one_pass_over_the_pool_gives_each_score_what_its_own_would(small_data, conditional):
    """Without inputs the second sample of an image is the image before it, the first's the last."""
    truth, pool = truth_of(small_data), true_pool(small_data.spec)
    together = ReferenceDistribution(truth, conditional=conditional)
    together.prepare(IMAGE_METRICS)
    given = pool.triplets if conditional else None
    second = pool.second if conditional else np.roll(pool.drawn, 1, axis=0)
    for metric in IMAGE_METRICS:
        if metric.reference != "fresh":
            continue
        whole = features_of([metric], pool.drawn, truth, given, second, 128)
        if whole:
            np.testing.assert_array_equal(together._features[metric.name], whole[metric.name])


@pytest.mark.full_pool
def test_a_library_call_is_quiet_and_a_bar_counts_every_image(small_data, capfd):
    counts = {}

    @contextmanager
    def bar(title, total, unit):
        assert unit == "images"
        counts[title] = [total, 0]

        class Counts:
            def advance(self, count):
                counts[title][1] += count

        yield Counts()

    images, truth = small_data.images("test", "s2"), truth_of(small_data)
    score_images(images, truth, name="x", data="")
    assert capfd.readouterr() == ("", "")
    score_images(images, truth, name="x", data="", bar=bar)
    assert counts == {"scoring": [12, 12], "scoring fresh true images": [4096, 4096]}


@pytest.mark.parametrize("radius", [0.6, 1.7, 3.0, 3.2191, 9.3])
def test_true_images_have_no_stray_black(small, radius):
    """None at all, at any radius; and every pixel of black that no disk can make is counted."""
    spec = small.model_copy(
        update={"radius": radius, "lambda_left": 0.02 / radius, "lambda_right": 0.06 / radius}
    )
    truth = Truth(spec, theory.mean_profile(spec, 8)[None], 100)
    images = simulate(spec, 60, seed=2).r
    features = StrayError().features(Batch(images, 8), truth)
    assert features[:, 0].sum() == 0
    np.testing.assert_array_equal(features[:, 1], (images == 0).sum(axis=(1, 2)))


def test_stray_black_is_what_the_plain_line_leaves_uncovered(small):
    """Against trying every place of a germ, pixel by pixel."""
    truth = Truth(small, theory.mean_profile(small, 8)[None], 100)
    true = simulate(small, 2, seed=2).r
    noise = np.random.default_rng(0).random(true.shape)
    images = np.where(noise < 0.03, 255 - true, true).astype(np.uint8)
    stray = StrayError().features(Batch(images, 8), truth)[:, 0]
    slack, pad = math.sqrt(2) / 16, 12
    height, width = images.shape[1:]
    rows, columns = np.mgrid[-pad : height + pad, -pad : width + pad]
    steps = np.arange(8) / 8 - 0.5
    for image, found in zip(images, stray, strict=True):
        black = np.pad(image == 0, pad, constant_values=True)
        covered = np.zeros_like(black)
        for y in (np.arange(-4, height + 4)[:, None] + steps).ravel():
            for x in (np.arange(-4, width + 4)[:, None] + steps).ravel():
                window = np.s_[
                    int(y) + pad - 5 : int(y) + pad + 7, int(x) + pad - 5 : int(x) + pad + 7
                ]
                far = np.hypot(rows[window] - y, columns[window] - x)
                if black[window][far <= small.radius - slack].all():
                    covered[window] |= far <= small.radius + slack
        assert found == (black & ~covered)[pad:-pad, pad:-pad].sum()
        assert found > 0


def test_anisotropy_of_true_images_is_exact_and_its_sign_is_the_shape(truth, drawn):
    metric = AnisotropyError()
    features = features_of([metric], drawn.r, truth, None, None, 128)[metric.name]
    exact = metric.expected(features.mean(axis=0), truth)
    for got, probability in zip(features.T, exact, strict=True):
        assert abs(z_score(got, probability)) < 4
    wide = damages.ellipses(truth.spec, 200, np.random.default_rng(0), 0.1)
    for images, sign in ((wide, -1), (wide.swapaxes(1, 2), 1)):
        found = features_of([metric], images, truth, None, None, 128)[metric.name]
        assert sign * measured(metric, found, truth) > 0.05


@pytest.mark.parametrize("metric", [KVarianceRatio(), LambdaVarianceRatio()], ids=lambda m: m.name)
def test_the_variance_of_the_trend_is_exact(truth, drawn, metric):
    features = features_of([metric], drawn.r, truth, None, None, 128)[metric.name]
    n = len(features)
    assert measured(metric, features, truth) == pytest.approx(1, abs=4 * math.sqrt(2 / n))
    mixed = damages.mixed_slopes(truth.spec, 600, np.random.default_rng(0), 0.3)
    found = features_of([metric], mixed, truth, None, None, 128)[metric.name]
    assert (measured(metric, found, truth) > 2) == (metric.name == "k_variance_ratio")


@pytest.mark.parametrize(
    ("damage", "score"), [(damages.steeper_below, "row_error"), (damages.waves, "row_error"),
                          (damages.empty_borders, "column_error")],
)  # fmt: skip
def test_strips_show_where_black_is(truth, damage, score):
    metric = BY_NAME[score]
    values = []
    for size in (0.0, 0.4):
        images = damage(truth.spec, 300, np.random.default_rng(1), size)
        found = features_of([metric], images, truth, None, None, 128)[score].mean(axis=0)
        values.append(float(metric.value(found, 300, truth)))
    assert values[1] > (2 if score == "row_error" else 1.05) * values[0]


def test_bands_average_exactly():
    values = np.arange(10.0)
    means = band_means(values)
    assert means.shape == (BANDS,)
    np.testing.assert_allclose(means, [0.5, 3, 5.5, 8])
    assert band_means(np.arange(3.0)).shape == (BANDS,)
