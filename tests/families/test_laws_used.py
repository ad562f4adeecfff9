"""Scores declare the laws that they follow from: a wrong law changes those scores alone."""

import numpy as np
import pytest

from trendbench.families.growing_disks import GrowingDisks
from trendbench.metrics.batch import density_profile
from trendbench.metrics.metric import SetMetric
from trendbench.metrics.registry import IMAGE_METRICS
from trendbench.metrics.resampling import measured, own_mean
from trendbench.metrics.sampling import features_of
from trendbench.metrics.truth import Truth
from trendbench.process.family import LAWS, Process
from trendbench.process.triplets import Triplets
from trendbench.simulation import simulate
from trendbench.spec import TaskSpec

TASK = {
    "name": "growth", "width": 40, "height": 32, "intensity": 4e-3, "radius_left": 2.0,
    "radius_right": 4.0, "rho_left": 0.2, "rho_right": 0.8, "window": 8, "train": 4, "val": 0,
    "test": 24,
}  # fmt: skip
PER_IMAGE = [metric for metric in IMAGE_METRICS if not isinstance(metric, SetMetric)]


class Plain(GrowingDisks):
    """The same laws, each stated once: the covariance follows from pairs and coverage."""

    def pair_black(self, x1, x2, dy, of="r"):
        between = GrowingDisks.covariance(self, x1, x2, dy, of)
        coverage = GrowingDisks.coverage
        return between + coverage(self, x1, of) * coverage(self, x2, of)

    covariance = Process.covariance


def damaged(law):
    """The family with one law that is wrong by 3 %, or by one pixel."""

    def wrong(self, *args, **kwargs):
        right = getattr(super(family, self), law)(*args, **kwargs)
        return right + 1 if law == "impossible" else 1.03 * right

    family = type("Damaged", (Plain,), {law: wrong})
    return family


def task_of(family):
    return type("Task", (TaskSpec, family), {})(**TASK)


@pytest.fixture(scope="module")
def drawn():
    true = task_of(Plain)
    return simulate(true, n=TASK["test"], seed=0), simulate(true, n=TASK["test"], seed=1)


def scores(family, drawn):
    """(value, its value for true images, expectation of its features) of each score."""
    spec = task_of(family)
    given, others = drawn
    given = Triplets(spec, given.s1, given.s2, given.r, given.latent)
    truth = Truth(spec, density_profile(others.r, spec.window).mean(axis=0)[None], len(others))
    images, second = others.r, spec.render_r(spec.redraw(given.latent, np.random.default_rng(0)))
    found = {}
    for name, features in features_of(PER_IMAGE, images, truth, given, second, 64).items():
        metric = next(metric for metric in PER_IMAGE if metric.name == name)
        parts = (measured(metric, features, truth), metric.ideal(truth))
        expected = metric.expected(own_mean(metric, features, truth), truth)
        found[name] = np.append(np.array(parts), expected)
    return found


@pytest.mark.parametrize("law", [law for law in LAWS if law != "trend"])
def test_a_damaged_law_changes_the_scores_that_name_it_alone(law, drawn):
    right, wrong = scores(Plain, drawn), scores(damaged(law), drawn)
    assert right.keys() == wrong.keys()
    changed = {name for name in right if not np.allclose(right[name], wrong[name], rtol=1e-9)}
    assert changed == {m.name for m in PER_IMAGE if law in m.laws and m.name in right}
    assert changed


def test_all_scores_without_a_set_exist_here(drawn):
    missing = {metric.name for metric in PER_IMAGE} - scores(Plain, drawn).keys()
    assert missing <= {"memorisation"}  # without training images
