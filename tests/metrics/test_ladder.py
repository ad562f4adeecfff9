"""The ladder: every negative control is flagged or told for its reason, the oracle never is."""

import numpy as np
import pytest

from trendbench import theory
from trendbench.generators.protocol import Inputs
from trendbench.generators.recipes import find_recipe
from trendbench.generators.reference.drawings import NULLS, TRUTHS, UNCONDITIONAL_NULLS, Scene
from trendbench.metrics.batch import density_profile
from trendbench.metrics.card import score_images
from trendbench.metrics.flags import RULES, raised
from trendbench.metrics.metric import Score
from trendbench.metrics.registry import IMAGE_METRICS, METRICS
from trendbench.metrics.sampling import ReferenceDistribution
from trendbench.metrics.thumbnails import thumbnails
from trendbench.metrics.truth import Truth, true_values
from trendbench.simulation import simulate

pytestmark = pytest.mark.full_pool

EXPECTED = {
    "white": "wrong-trend", "grey": "grey", "grey-ramp": "below-floor",
    "iid-pixels": "wrong-texture",
    "repeated": "collapsed", "replayed": "memorised", "mirrored": "memorised",
    "targets": "copies-target", "s1": "copies-input", "s2": "copies-input",
    "halves": "wrong-trend", "average": "grey", "blend": "below-floor", "blocks": "wrong-texture",
    "columns": "wrong-texture", "independent": "ignores-input", "shuffled": "wrong-texture",
    "radius-off": "wrong-texture", "no-trend": "wrong-trend", "reversed-trend": "wrong-trend",
    "third-others": "ignores-input", "uneven-rows": "wrong-trend", "waves": "wrong-trend",
    "ellipses": "wrong-texture", "twice": "repeats", "duplicates": "repeats",
    "leaked": "memorised", "validation": "memorised",
}  # fmt: skip
TOLD = {
    "stray-pixels": "stray_error", "larger-disks": "lineal_error", "empty-borders": "column_error",
    "mixed-slopes": "k_variance_ratio",
}  # fmt: skip


@pytest.fixture(scope="module")
def card_of(trend_v1):
    """The card of a drawing, with or without inputs; the pool's features are taken once."""
    training = simulate(trend_v1, 300, seed=1).r
    validation = simulate(trend_v1, 100, seed=1, split="val").r
    given = simulate(trend_v1, 400, seed=1000, split="test")
    known = [thumbnails(images == 0, trend_v1) for images in (training, validation, given.r)]
    profile = density_profile(training, 16).mean(axis=0)
    truths = {
        True: Truth(trend_v1, profile[None], 300, np.concatenate(known[:2])),
        False: Truth(trend_v1, profile[None], 300, np.concatenate(known)),
    }
    references = {c: ReferenceDistribution(truth, conditional=c) for c, truth in truths.items()}

    def card(draw, rows, *, conditional=True, metrics=IMAGE_METRICS):
        some = given[rows]
        inputs = Inputs(some.s1, some.s2, some.latent, some.r)
        rng = np.random.default_rng(rows.start)
        scene = Scene(trend_v1, inputs, training[:100], rng, validation)
        return score_images(
            draw(scene), truths[conditional], name="x", data="", second=draw(scene),
            given=some if conditional else None, reference=references[conditional],
            metrics=metrics,
        )  # fmt: skip

    return card


def test_every_control_has_its_expected_flag():
    assert (EXPECTED | TOLD).keys() == (NULLS | UNCONDITIONAL_NULLS).keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_every_control_is_flagged_for_its_own_reason(card_of, name):
    draw = (NULLS | UNCONDITIONAL_NULLS)[name]
    n = 200 if name == "duplicates" else 100  # ten copies come once in a thousand by exchange
    card = card_of(draw, slice(0, n), conditional=name in NULLS)
    assert EXPECTED[name] in [flag.name for flag in card.flags]
    assert card.verdict.startswith("Disqualified: ")


@pytest.mark.parametrize("name", TOLD)
def test_every_other_control_is_told_for_its_own_reason(card_of, name):
    """By one score alone, so that its range is that of this score."""
    draw, metric = (NULLS | UNCONDITIONAL_NULLS)[name], METRICS[TOLD[name]]
    card = card_of(draw, slice(0, 400), conditional=name in NULLS, metrics=[metric])
    assert card.told_by == (TOLD[name],)
    assert card.flags == []
    assert TOLD[name] in card.verdict


def test_the_oracle_is_never_flagged_and_limits_leave_room_for_chance(card_of, trend_v1):
    """Each limit lies 4 standard deviations or more from the oracle's scores at n = 80."""
    cards = [card_of(TRUTHS["oracle"], slice(start, start + 80)) for start in range(0, 400, 80)]
    assert not any(card.flags for card in cards)
    for rule in RULES:
        scores = [card.scores.get(rule.score) for card in cards]
        if None in scores or METRICS[rule.score].reference == "exchange":
            continue
        values = np.array([score.value for score in scores])
        distance = abs(rule.threshold(scores[0], trend_v1, 80) - values.mean())
        assert distance > 4 * values.std(ddof=1), rule


def test_the_oracle_is_not_flagged_on_other_tasks(small):
    for update in (
        {"lambda_left": 1.2e-2, "lambda_right": 1e-3},
        {"coupling": "independent"},
        {"height": 128, "lambda_left": 5e-3, "lambda_right": 5e-3},
    ):
        spec = small.model_copy(update=update)
        exact = Truth(spec, theory.mean_profile(spec, spec.window)[None], 10**6)
        reference = ReferenceDistribution(exact, conditional=True)
        for seed in range(4):
            given = simulate(spec, 150, seed=1000 + seed, split="test")
            inputs = Inputs(given.s1, given.s2, given.latent, given.r)
            none = np.zeros((1, 1, 1), np.uint8)
            scene = Scene(spec, inputs, none, np.random.default_rng(seed))
            images = TRUTHS["oracle"](scene)
            card = score_images(images, exact, name="x", data="", given=given, reference=reference)
            assert card.flags == [], update


def test_limits_are_relative_to_the_task(small):
    """A limit of the trend allows the same share of it whatever the task, once n is large."""
    wrong = next(rule for rule in RULES if rule.score == "k_error" and rule.side == "above")
    none = Score(value=0, low=0, high=0, truth=0, truth_low=0, truth_high=0, unit="1", version=1)
    for spec in (small, small.model_copy(update={"lambda_right": 4e-3, "height": 256})):
        off = wrong.threshold(none, spec, 10**6) * true_values(spec).trend_errors[1] / 1000
        assert off == pytest.approx(0.05 * spec.intensity.k)


def test_told_apart_needs_both_the_p_value_and_the_accuracy(trend_v1):
    def score(value, low):
        return Score(value=value, low=low, high=1, truth=0.5, truth_low=0.4, truth_high=0.6,
                     unit="1", version=1)  # fmt: skip

    for accuracy, p, is_told in ((0.65, 1e-4, True), (0.59, 1e-4, False), (0.65, 0.01, False)):
        scores = {"c2st_accuracy": score(0.7, accuracy), "c2st_p": score(p, p)}
        assert [f.name for f in raised(scores, trend_v1, 1000)] == ["told-apart"] * is_told


@pytest.mark.parametrize("arch", ["oracle", "real", "null-replayed", "null-blocks"])
def test_reference_rows_are_generators_like_any_other(arch, small_data, tmp_path):
    from trendbench.training.context import RunContext

    train, test = small_data.load("train"), small_data.load("test")
    row = find_recipe(arch).build()
    context = RunContext(0, "cpu", "fp32", tmp_path, "x")
    row.fit(train, train, context)
    inputs = Inputs(test.s1, test.s2, test.latent, test.r)
    images = row.sample(inputs, 5)
    row.save(tmp_path)
    np.testing.assert_array_equal(type(row).load(tmp_path).sample(inputs, 5), images)
    if arch == "real":
        np.testing.assert_array_equal(images, test.r)
    if arch == "null-replayed":
        np.testing.assert_array_equal(images, train.r[:12])
