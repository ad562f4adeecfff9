"""Triplets, specs, changes and checks of growing disks."""

from dataclasses import replace

import numpy as np
import pytest

from tests.families.growing_disks.test_laws import LIMIT, PROCESSES, check_bands, z_score
from trendbench.errors import SpecError
from trendbench.families.disks import Disks
from trendbench.families.disks.stray import uncovered
from trendbench.families.growing_disks import GrowingDisks
from trendbench.process.images import pixel_centres
from trendbench.simulation import simulate
from trendbench.spec import TaskSpec, load_spec

RISING = GrowingDisks(**PROCESSES["rising"])
CHANGES = RISING.changes()


@pytest.fixture(scope="module")
def triplets():
    return simulate(RISING, 1000, seed=4)


def by_definition(shape, x, y, radius):
    """Black iff a germ lies within its own radius of the pixel's centre."""
    rows, columns = np.indices(shape) + 0.5
    apart = (columns[..., None] - x) ** 2 + (rows[..., None] - y) ** 2
    return np.where((apart <= radius**2).any(axis=-1), 0, 255)


def test_pixels_are_black_where_the_definition_says(triplets):
    for i in range(3):
        own, shape = triplets.latent[i : i + 1], (RISING.height, RISING.width)
        grown = own.mark < RISING.rho(own.x)
        np.testing.assert_array_equal((own.member & 4) != 0, grown)
        for name, radius in (("s1", 3.0), ("s2", 6.5), ("r", np.where(grown, 6.5, 3.0))):
            expected = by_definition(shape, own.x, own.y, radius)
            np.testing.assert_array_equal(getattr(triplets, name)[i], expected)


def test_black_of_s1_is_black_in_r_and_black_of_r_in_s2(triplets):
    assert (triplets.s2 <= triplets.r).all()
    assert (triplets.r <= triplets.s1).all()
    assert (triplets.s2 != triplets.r).any()
    assert (triplets.r != triplets.s1).any()


def test_a_triplet_depends_on_seed_split_and_index_alone():
    whole, part = RISING.latents(20, 9, "test"), RISING.latents(4, 9, "test", start=13)
    for name in ("offsets", *RISING.stored):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole[13:17], name))
    assert not np.array_equal(part.x[:9], RISING.latents(4, 9, "val", start=13).x[:9])


def test_germs_are_those_of_numpy_s_philox():
    germs = RISING.latents(1, 4, "val", start=6)
    words = np.random.Philox(key=(4, 1), counter=(0, 0, 6, 0)).random_raw(4 * (len(germs.x) + 1))
    uniforms = ((words >> np.uint64(11)) * 2.0**-53).reshape(-1, 4)[1:]
    np.testing.assert_array_equal(germs.x, -6.5 + 109.0 * uniforms[:, 0])
    np.testing.assert_array_equal(germs.y, -6.5 + 77.0 * uniforms[:, 1])
    np.testing.assert_array_equal(germs.mark, uniforms[:, 2])


def test_stored_columns_give_the_germs_back(triplets):
    offsets, columns = RISING.packed(triplets.latent)
    assert {name: values.dtype.str for name, values in columns.items()} == RISING.stored
    images = np.empty((3, *triplets.r.shape), dtype=np.uint8)
    RISING.render(RISING.unpacked(offsets, columns), images)
    np.testing.assert_array_equal(images, [triplets.s1, triplets.s2, triplets.r])
    with pytest.raises(ValueError, match="finite"):
        RISING.unpacked(offsets, {**columns, "mark": columns["mark"] * np.nan})


def test_marks_are_not_looked_at_when_r_is_drawn_again(triplets):
    blinded = replace(triplets.latent, mark=np.zeros_like(triplets.latent.mark))
    one, two = (
        RISING.redraw(germs, np.random.default_rng(5)) for germs in (triplets.latent, blinded)
    )
    np.testing.assert_array_equal(one.member, two.member)


def test_the_task_is_shipped():
    spec = load_spec("growth-v1")
    assert isinstance(spec, GrowingDisks)
    assert TaskSpec(**spec.model_dump()) == spec
    np.testing.assert_allclose(spec.coverage([0, 256]), [0.114, 0.386], atol=5e-4)
    assert 4 * spec.length > spec.reach
    assert (spec.is_nested, spec.is_independent, spec.margin) == (True, False, 0.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"radius_right": 3.0}, "needed is a larger radius_right"),
        ({"rho_left": 0.01}, "closer to 0.5"),
        ({"rho_right": 1.0}, "closer to 0.5"),
        ({"intensity": 1e5}, "lower the intensity"),
        ({"intensity": 0.0}, "above 0"),
        ({"rho_left": -0.1}, "at least 0"),
    ],
)
def test_what_is_no_process_is_refused_in_one_line(change, message):
    fields = {**PROCESSES["rising"], "window": 8, "train": 1, "val": 1, "test": 1, "name": "one"}
    with pytest.raises(SpecError, match=message) as refused:
        TaskSpec(family="growing-disks", **{**fields, **change})
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("falling", [False, True])
def test_s2_is_the_denser_input_whatever_the_trend(falling):
    process = GrowingDisks(**PROCESSES["falling" if falling else "rising"])
    assert process.has_trend
    assert process.is_rising
    assert (process.coverage([0.0, 9.0], "s1") < process.coverage([0.0, 9.0], "s2")).all()


@pytest.mark.parametrize(("radius", "possible"), [(2.0, False), (3.0, True), (4.5, True)])
def test_disks_are_possible_from_the_smaller_radius_on(radius, possible):
    """One of a radius between the two is a union of smaller ones."""
    disks = Disks(width=96, height=64, radius=radius, lambda_left=3e-3, lambda_right=3e-3)
    counts = RISING.impossible(simulate(disks, 20).r == 0)
    assert (counts == 0).all() if possible else counts.all()


def test_lone_pixels_are_impossible(triplets):
    lone = np.zeros((1, 64, 96), dtype=bool)
    lone[0, 5, [5, 20, 40]] = True
    assert RISING.impossible(lone).tolist() == [3]
    assert not RISING.impossible(np.ones_like(lone)).any()
    for images in (triplets.s1, triplets.s2, triplets.r):
        assert not RISING.impossible(images[:60] == 0).any()


def test_uncovered_pixels_are_black_and_lie_where_they_should():
    black = np.zeros((2, 40, 40), dtype=bool)
    black[0, 10:31, 10:31] = black[1, 5, 5] = True
    mask = uncovered(black, 6.0)
    assert not (mask & ~black).any()
    assert mask[1].sum() == 1
    for corner in ((10, 10), (10, 30), (30, 10), (30, 30)):
        assert mask[0][corner]
    assert not mask[0, 10, 20]


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_size_0_has_the_law_of_r(name, triplets):
    images = CHANGES[name].draw(triplets.latent, np.random.default_rng(6), 0.0)
    assert images.dtype == np.uint8
    assert set(np.unique(images)) == {0, 255}
    x = pixel_centres(RISING.width)
    check_bands((images == 0).mean(axis=1), RISING.coverage(x))
    pairs = ((images[:, 2:] == 0) & (images[:, :-2] == 0)).mean(axis=(1, 2))
    assert abs(z_score(pairs, RISING.pair_black(x, x, 2.0).mean())) < LIMIT
    nests = ((triplets.s2 <= images) & (images <= triplets.s1)).all()
    assert nests == CHANGES[name].conditional


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_draws_the_same_numbers_again(name, triplets):
    few = triplets.latent[:40]
    one, two, other = (
        CHANGES[name].draw(few, np.random.default_rng(7), size) for size in (0.3, 0.3, 0.301)
    )
    np.testing.assert_array_equal(one, two)
    assert (one != other).mean() < 0.01


def test_slopes_are_changed_about_the_same_mean(triplets):
    black = {
        size: (CHANGES["slope"].draw(triplets.latent, np.random.default_rng(8), size) == 0)
        for size in (1.0, 2.0)
    }
    x = pixel_centres(RISING.width)
    level = RISING.model_copy(update={"rho_left": 0.5, "rho_right": 0.5})
    check_bands(black[1.0].mean(axis=1), level.coverage(x))
    check_bands(black[2.0].mean(axis=1), RISING.coverage(x)[::-1])
    halves = CHANGES["slopes"].draw(triplets.latent, np.random.default_rng(8), 1.0) == 0
    check_bands(halves[::2].mean(axis=1), level.coverage(x))


def test_larger_disks_keep_the_coverage(triplets):
    images = CHANGES["larger"].draw(triplets.latent, np.random.default_rng(9), 0.3)
    larger = RISING.model_copy(
        update={"intensity": 3e-3 / 1.69, "radius_left": 3.9, "radius_right": 8.45}
    )
    x = pixel_centres(RISING.width)
    np.testing.assert_allclose(larger.coverage(x), RISING.coverage(x))
    pairs = ((images[:, 2:] == 0) & (images[:, :-2] == 0)).mean(axis=1)
    check_bands(pairs, larger.pair_black(x, x, 2.0))


def test_other_changes_do_what_they_say(triplets):
    rng = np.random.default_rng

    def density(name, size):
        return CHANGES[name].draw(triplets.latent, rng(10), size) == 0

    plain = density("along-y", 0.0).mean(axis=(0, 2))
    tilted = density("along-y", 0.3).mean(axis=(0, 2))
    assert tilted[:16].mean() < 0.85 * plain[:16].mean()
    assert tilted[-16:].mean() > 1.15 * plain[-16:].mean()
    waves = np.fft.rfft(density("waves", 0.5).mean(axis=(0, 2)))
    assert np.abs(waves[1:]).argmax() + 1 == 4
    empty, whole = (
        density("border", 1.0).mean(axis=(0, 1)),
        density("border", 0.0).mean(axis=(0, 1)),
    )
    assert empty[0] < 0.7 * whole[0]
    assert empty[48] == whole[48]
    flat = density("ellipses", 0.3)
    across = (flat[:, :, 1:] != flat[:, :, :-1]).mean()
    down = (flat[:, 1:] != flat[:, :-1]).mean()
    assert down > 1.3 * across


def test_ellipses_without_a_size_are_disks_pixel_by_pixel(triplets):
    """The same germs, drawn as ellipses and as disks."""
    images = [
        CHANGES[name].draw(triplets.latent[:30], np.random.default_rng(11), 0.0)
        for name in ("ellipses", "border")
    ]
    np.testing.assert_array_equal(*images)


def test_checks_pass_on_true_triplets_and_find_wrong_ones(triplets):
    germs = triplets.latent
    found = list(RISING.checks(germs))
    assert len(found) == 4
    assert all(check.passed for check in found)
    few = GrowingDisks(**{**PROCESSES["rising"], "intensity": 2.8e-3}).latents(1000, 0, "train")
    steep = replace(germs, mark=germs.mark / 1.1)
    assert [check.passed for check in RISING.checks(few)] == [True, False, False, False]
    assert not next(iter(RISING.checks(steep))).passed


def test_facts_name_every_parameter():
    text = " ".join(row for fact in RISING.facts() for row in fact)
    assert all(number in text for number in ("96×64", "3 px", "6.5 px", "0.003", "0.1 → 0.9"))
    np.testing.assert_array_equal(RISING.grains([0.0, 5.0]), [3e-3, 3e-3])
