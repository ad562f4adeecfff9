"""The ladder: every null is flagged, the oracle never is."""

import numpy as np
import pytest

from trendbench import theory
from trendbench.generators.protocol import Inputs
from trendbench.generators.recipes import find_recipe
from trendbench.generators.reference.drawings import NULLS, TRUTHS, Scene
from trendbench.metrics.batch import density_profile
from trendbench.metrics.card import score_images
from trendbench.metrics.flags import RULES
from trendbench.metrics.memorisation import thumbnails
from trendbench.metrics.sampling import ReferenceDistribution
from trendbench.metrics.truth import Truth
from trendbench.rendering.triplets import simulate

pytestmark = pytest.mark.full_pool

EXPECTED = {
    "white": "wrong-trend", "grey": "grey", "grey-ramp": "below-floor",
    "iid-pixels": "wrong-texture",
    "repeated": "collapsed", "replayed": "memorised", "mirrored": "memorised",
    "targets": "copies-target", "s1": "copies-input", "s2": "copies-input",
    "halves": "wrong-trend", "average": "grey", "blend": "below-floor", "blocks": "wrong-texture",
    "columns": "wrong-texture", "independent": "ignores-input", "shuffled": "wrong-texture",
    "radius-off": "wrong-texture", "no-trend": "wrong-trend", "reversed-trend": "wrong-trend",
}  # fmt: skip


@pytest.fixture(scope="module")
def truth(trend_v1):
    training = simulate(trend_v1, 300, seed=1).r
    small = thumbnails(training == 0, trend_v1)
    return Truth(trend_v1, density_profile(training, 16).mean(axis=0), 300, small)


@pytest.fixture(scope="module")
def scene(trend_v1):
    training = simulate(trend_v1, 100, seed=1).r
    return lambda n, seed: make_scene(trend_v1, training, n, seed)


def make_scene(spec, training, n, seed):
    given = simulate(spec, n, seed=1000 + seed, split="test")
    inputs = Inputs(given.s1, given.s2, given.germs, given.r)
    return given, Scene(spec, inputs, training, np.random.default_rng(seed))


REFERENCES = {}


def card_of(images, truth, given, second=None):
    """A card; the pool's features are taken once a truth."""
    reference = REFERENCES.setdefault(id(truth), ReferenceDistribution(truth, conditional=True))
    return score_images(
        images, truth, name="x", data="", given=given, second=second, reference=reference
    )


def flags_of(images, truth, given, second=None):
    card = card_of(images, truth, given, second)
    assert ("Disqualified" in card.verdict) == bool(card.flags)
    return [flag.name for flag in card.flags]


def test_every_null_has_its_expected_flag():
    assert EXPECTED.keys() == NULLS.keys()


@pytest.mark.parametrize("name", NULLS)
def test_every_null_is_flagged_for_its_own_reason(truth, scene, name):
    given, stage = scene(100, 0)
    assert EXPECTED[name] in flags_of(NULLS[name](stage), truth, given)


def oracle_cards(truth, scene, n, sets):
    for seed in range(sets):
        given, stage = scene(n, seed)
        one, two = TRUTHS["oracle"](stage), TRUTHS["oracle"](stage)
        yield card_of(one, truth, given, two)


def test_the_oracle_is_never_flagged(truth, scene):
    assert not any(card.flags for card in oracle_cards(truth, scene, 400, 2))


def test_thresholds_leave_room_for_chance(truth, scene):
    """Each limit lies 5 standard deviations or more from the oracle's scores at n = 100."""
    cards = list(oracle_cards(truth, scene, 100, 8))
    assert not any(card.flags for card in cards)
    for rule in RULES:
        scores = [card.scores[rule.score] for card in cards]
        values = np.array([score.value for score in scores])
        distance = abs(rule.threshold(scores[0]) - values.mean())
        assert distance > 5 * values.std(ddof=1), rule


def test_the_oracle_is_not_flagged_on_other_tasks(small):
    for update in (
        {"lambda_left": 1.2e-2, "lambda_right": 1e-3},
        {"coupling": "independent"},
        {"height": 128, "lambda_left": 5e-3, "lambda_right": 5e-3},
    ):
        spec = small.model_copy(update=update)
        exact = Truth(spec, theory.mean_profile(spec, spec.window), 10**6)
        for seed in range(4):
            given, stage = make_scene(spec, np.zeros((1, 1, 1), np.uint8), 150, seed)
            assert flags_of(TRUTHS["oracle"](stage), exact, given) == [], update


@pytest.mark.parametrize("arch", ["oracle", "real", "null-replayed", "null-blocks"])
def test_reference_rows_are_generators_like_any_other(arch, small_data, tmp_path):
    from trendbench.training.context import RunContext

    train, test = small_data.load("train"), small_data.load("test")
    row = find_recipe(arch).build()
    context = RunContext(0, "cpu", "fp32", tmp_path, "x")
    row.fit(train, train, context)
    inputs = Inputs(test.s1, test.s2, test.germs, test.r)
    images = row.sample(inputs, 5)
    row.save(tmp_path)
    np.testing.assert_array_equal(type(row).load(tmp_path).sample(inputs, 5), images)
    if arch == "real":
        np.testing.assert_array_equal(images, test.r)
    if arch == "null-replayed":
        np.testing.assert_array_equal(images, train.r[:12])
