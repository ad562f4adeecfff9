"""Triplets with trends of their own: what is drawn, what is stored, what the laws are."""

import pickle

import numpy as np
import pytest

from tests.mixtures.conftest import FIELDS
from trendbench import theory
from trendbench.data.make import make_data
from trendbench.data.opening import open_dataset
from trendbench.data.verify import verify
from trendbench.errors import LawError, SpecError
from trendbench.process.changes import changes_of
from trendbench.simulation import simulate
from trendbench.spec import TaskSpec, spec_from_json


def test_triplet_i_is_that_of_the_task_with_its_trend_alone(five):
    drawn = simulate(five, 12, 3, split="test")
    for i in range(12):
        alone = simulate(five.members[i % 5], 1, 3, split="test", start=i)
        for name in ("s1", "s2", "r"):
            np.testing.assert_array_equal(getattr(drawn, name)[i], getattr(alone, name)[0])


def test_a_part_drawn_alone_is_a_part_of_the_whole(five):
    drawn, part = simulate(five, 12, 3), simulate(five, 4, 3, start=6)
    np.testing.assert_array_equal(drawn.r[6:10], part.r)
    rng = np.random.default_rng
    whole = five.render_r(five.redraw(drawn.latent[6:10], rng(0)))
    np.testing.assert_array_equal(whole, five.render_r(five.redraw(part.latent, rng(0))))


def test_a_redrawn_image_lies_between_its_own_inputs(five):
    drawn = simulate(five, 40, 1)
    again = five.render_r(five.redraw(drawn.latent, np.random.default_rng(2)))
    rises = np.array([m.is_rising for m in five.members])[np.arange(40) % 5][:, None, None]
    sparse, dense = (np.where(rises, a, b) for a, b in ((drawn.s1, drawn.s2), (drawn.s2, drawn.s1)))
    inner = (..., slice(3, -3))
    assert ((sparse == 0) <= (again == 0))[inner].all()
    assert ((again == 0) <= (dense == 0))[inner].all()
    assert (again != drawn.r).any()


@pytest.mark.parametrize("coupling", ["thinning", "independent"])
def test_laws_are_means_over_trends_and_the_covariance_is_that_within_one(coupling):
    task = TaskSpec(**FIELDS, coupling=coupling)
    x = theory.pixel_centres(task.width)
    for law in (
        lambda m: m.coverage(x),
        lambda m: m.coverage(x, "s1"),
        lambda m: m.pair_black(x, x + 2, 1.0),
        lambda m: m.quads(x),
        lambda m: m.white_run(x, 3, along_x=True),
        lambda m: m.disagreement(x),
        theory.column_covariance,
        lambda m: np.array(theory.xi_floor(m, 8)),
    ):
        np.testing.assert_allclose(law(task), np.mean([law(m) for m in task.members], axis=0))
    with pytest.raises(LawError, match="ask each of members"):
        _ = task.is_rising


def test_coverage_of_simulated_triplets_is_that_of_their_trends(five):
    drawn = simulate(five, 1000, 4)
    for t, member in enumerate(five.members):
        black = (drawn.r[t::5] == 0).mean(axis=(1, 2))
        z = (black.mean() - member.coverage(np.arange(64) + 0.5).mean()) / (black.std() / 200**0.5)
        assert abs(z) < 4


@pytest.mark.parametrize("coupling", ["thinning", "independent"])
def test_a_file_holds_the_trends_and_gives_back_the_latents(tmp_path, coupling):
    task = TaskSpec(**FIELDS, coupling=coupling)
    path = tmp_path / "five.h5"
    make_data(task, 7, path)
    with open_dataset(path) as dataset:
        assert dataset.spec == task
        ends = dataset.ends("val")
        assert list(zip(*ends.values(), strict=True)) == list(task.trends)
        assert all(check.passed for check in verify(dataset))
        stored, fresh = dataset.latents("test"), task.latents(100, 7, "test")
        drawn = (task.render_r(task.redraw(x, np.random.default_rng(0))) for x in (stored, fresh))
        np.testing.assert_array_equal(*drawn)


def test_a_file_whose_trends_are_exchanged_does_not_pass(tmp_path, five):
    path, other = tmp_path / "five.h5", five.model_copy(update={"trends": five.trends[::-1]})
    make_data(other, 7, path)
    with open_dataset(path) as dataset:
        dataset.spec = five
        failed = {check.name for check in verify(dataset) if not check.passed}
    assert {"train: the trends are the spec's", "val: the trends are the spec's"} <= failed
    assert any("germ count" in name for name in failed)


def test_changes_are_those_of_the_family_with_each_images_own_trend(five):
    latents = five.latents(200, 1, "test")
    rng = np.random.default_rng
    for name, change in changes_of(five).items():
        nothing, much = (change.draw(latents, rng(0), size) for size in (0.0, 0.5))
        assert (nothing != much).any(), name
        if name in {"duplicates", "along-y", "waves"}:
            for images in (nothing, much):
                black = (images == 0).mean(axis=(1, 2)).reshape(-1, 5).mean(axis=0)
                exact = [m.coverage(np.arange(64) + 0.5).mean() for m in five.members]
                np.testing.assert_allclose(black, exact, rtol=0.25)


def test_a_spec_is_read_back_from_its_text_and_pickled(five):
    assert spec_from_json(five.to_json(), "here") == five
    assert pickle.loads(pickle.dumps(five)) == five
    assert hash(spec_from_json(five.to_json(), "here")) == hash(five)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"test": 101}, "test = 101 is no multiple of the 5 trends: test = 105"),
        ({"train": 3}, "train = 3 is no multiple of the 5 trends: train = 5"),
        ({"trends": []}, "trends = .*2 or more"),
        ({"trends": [[1e-3, 2e-3]]}, "trends = .*2 or more"),
        ({"trends": [[1e-3, 2e-3]] * 5}, "trends has a trend twice"),
        ({"test_trends": [[1e-3, 2e-3]]}, "test_trends has one trend"),
        ({"trends": [[1e-3]]}, "missing"),
        ({"trends": [[1e-3, float("nan")], [1e-3, 2e-3]]}, r"trends\[0\]\[1\] = nan: .* finite"),
        ({"trends": [[1e-3, -1.0], [1e-3, 2e-3]]}, r"trends\[0\]: lambda_right = -1.0"),
        ({"trends": [[1e-5, 9e-2], [1e-3, 2e-3]]}, r"trends\[0\]: the intensity would be -"),
        ({"test_trends": [[1e-5, 9e-2], [1e-3, 2e-3]]}, r"test_trends\[0\]"),
        ({"lambda_left": 1e-3}, "unknown key 'lambda_left'"),
        ({"radius": -1.0}, "radius = -1.0"),
    ],
)
def test_a_task_that_cannot_be_is_refused_in_one_line(changed, message):
    with pytest.raises(SpecError, match=message) as caught:
        TaskSpec(**{**FIELDS, **changed})
    assert "\n" not in str(caught.value)


def test_other_families_have_trends_too():
    task = TaskSpec(
        family="excursion", name="x", width=64, height=64, sigma=3.0, window=8,
        trends=[[0.1, 0.4], [0.4, 0.1]], train=4, val=2, test=4,
    )  # fmt: skip
    drawn = simulate(task, 4, 0)
    alone = simulate(task.members[1], 1, 0, start=3)
    np.testing.assert_array_equal(drawn.r[3], alone.r[0])
