"""Simulated images imported as if they were pictures: what is estimated agrees with what is exact.

The frame and the radius are small, so that 300 triplets are imported and scored in seconds.
"""

import pickle

import numpy as np
import pytest

import trendbench as tb
from trendbench import theory
from trendbench.importing.make import Importing, make_file
from trendbench.metrics.references import truth_of
from trendbench.spec import TaskSpec

TASK = TaskSpec(
    name="known", width=64, height=48, radius=3.0, lambda_left=1e-3, lambda_right=1.2e-2,
    window=8, train=1, val=1, test=1,
)  # fmt: skip
N = 300
ABSENT = {
    "retention_error", "containment", "target_disagreement", "diversity",
    "c2st_logloss", "c2st_accuracy", "c2st_p",
}  # fmt: skip


@pytest.fixture(scope="module")
def true():
    return tb.simulate(TASK, N, 1)


@pytest.fixture(scope="module")
def data(true, tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "mine.h5"
    make_file(true.r, path, "mine", left=true.s1, right=true.s2, how=Importing(window=TASK.window))
    with tb.open_dataset(path) as opened:
        yield opened


@pytest.fixture(scope="module")
def redrawn(true, data):
    """A fresh r for the inputs of each test triplet, from the exact conditional law."""
    place = {r.tobytes(): i for i, r in enumerate(true.r)}
    rows = [place[r.tobytes()] for r in data.images("test", "r")]
    return TASK.render_r(TASK.redraw(true.latent, np.random.default_rng(0)))[rows]


def test_fresh_true_images_are_within_every_reference_range(data):
    fresh = tb.simulate(TASK, data.spec.test, 1001).r
    card = tb.score(fresh, data, conditional=False, c2st=False)
    assert card.told_by == ()
    assert card.flags == []
    assert card.verdict.endswith("True values are estimated.")


def test_fresh_draws_for_the_inputs_are_within_every_reference_range(data, redrawn):
    card = tb.score(redrawn, data, c2st=False)
    assert card.told_by == ()
    assert card.flags == []
    assert {name for name, score in card.scores.items() if score is None} == ABSENT
    known = {name for name, score in card.scores.items() if score and not score.estimated}
    assert known == {
        "grey_fraction",
        "memorisation",
        "repeats",
        "target_leakage",
    }  # the rest says: estimated


def test_the_estimated_floor_agrees_with_the_exact_one(data):
    held_out = tb.score(data.images("test", "r"), data, conditional=False, c2st=False).scores["xi"]
    exact = theory.xi_floor(TASK, TASK.window, data.spec.train)
    assert held_out.low < exact < held_out.high  # 95 % of the mean ξ of the held-out pictures
    assert held_out.low < held_out.truth < held_out.high
    assert truth_of(data).xi_floor == held_out.truth
    assert held_out.truth_low < exact < held_out.truth_high


def test_reference_ranges_are_of_a_difference_of_two_samples(data, true):
    """√2 wider than with exact truth, as there are as many held-out pictures as images."""
    fresh = tb.simulate(TASK, data.spec.test, 1001).r
    fields = TASK.model_dump() | {"train": data.spec.train, "test": data.spec.test}
    exact = TaskSpec(**fields)
    del true
    from trendbench.metrics.card import score_images
    from trendbench.metrics.truth import Truth

    truth = Truth(exact, truth_of(data).xi0, exact.train)
    known = score_images(fresh, truth, name="fresh", data="").scores
    found = tb.score(fresh, data, conditional=False, c2st=False).scores
    for name in ("xi", "k_error", "perimeter_error", "row_error"):
        wide = found[name].truth_high - found[name].truth_low
        narrow = known[name].truth_high - known[name].truth_low
        assert 1.2 < wide / narrow < 2.0


@pytest.mark.parametrize("damage", ["radius", "slope", "grey", "replayed"])
def test_wrong_images_are_told(data, damage):
    n = data.spec.test
    images = {
        "radius": lambda: tb.simulate(TASK.model_copy(update={"radius": 4.0}), n, 5).r,
        "slope": lambda: tb.simulate(TASK.model_copy(update={"lambda_right": 6e-3}), n, 5).r,
        "grey": lambda: np.where(tb.simulate(TASK, n, 5).r > 0, 200, 0).astype(np.uint8),
        "replayed": lambda: data.images("train", "r")[:n],
    }[damage]()
    card = tb.score(images, data, conditional=False, c2st=False)
    flags = {flag.name for flag in card.flags}
    expected = {"radius": "wrong-texture", "slope": "wrong-trend", "replayed": "memorised"}
    assert expected.get(damage, "grey") in flags


@pytest.mark.parametrize("conditional", [True, False])
def test_copies_of_held_out_pictures_are_told(data, redrawn, conditional):
    copied = redrawn.copy()
    copied[:3] = data.images("test", "r")[[5, 0, 7]]
    copied[:, 0, 0] = 255 - (copied[:, 0, 0] == 0) * 200  # grey of the same side of mid-grey
    copied[3] = 255  # of one colour
    card = tb.score(copied, data, conditional=conditional, c2st=False)
    assert card.scores["target_leakage"].value == pytest.approx(3 / len(copied))
    assert "copies-target" in {flag.name for flag in card.flags}


def test_readings_of_flags_say_that_limits_are_estimated(data):
    card = tb.score(np.zeros_like(data.images("test", "r")), data, conditional=False, c2st=False)
    assert all(" beyond ≈" in reading for flag in card.flags for reading in flag.readings)


def test_the_process_keeps_its_pictures_through_pickle_and_copy(data):
    copied = pickle.loads(pickle.dumps(data.spec))
    assert copied == data.spec
    assert copied.is_known
    assert hash(copied) == hash(data.spec)
    np.testing.assert_array_equal(copied.held_out.r, data.images("test", "r"))
    assert data.spec.model_copy(update={"window": 4}).is_known


def test_a_task_read_without_its_file_says_what_is_missing(data):
    alone = TaskSpec(**data.spec.model_dump())
    assert not alone.is_known
    assert alone != data.spec  # so that nothing kept for one serves the other
    with pytest.raises(tb.InputError, match="with their data file alone"):
        _ = alone.held_out
