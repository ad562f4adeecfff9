"""The classical rows: what they estimate, that they draw the law, and that they keep the rules."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from tests.conftest import z_score
from trendbench import theory
from trendbench.errors import RecipeError
from trendbench.families import disks
from trendbench.families.disks.germs import IN_R
from trendbench.families.disks.process import Disks
from trendbench.generators.classical.generator import PoissonGerms, PoissonImage
from trendbench.generators.protocol import (
    Generator,
    Inputs,
    inputs_for,
    is_conditional,
    is_privileged,
    shown_to,
)
from trendbench.generators.recipes import find_recipe, load_class
from trendbench.simulation import simulate
from trendbench.training.context import RunContext

LIMIT = 4.0
ROWS = {"germs": PoissonGerms, "image": PoissonImage}
TASKS = {
    "rising": {"lambda_left": 1.5e-3, "lambda_right": 9e-3},
    "falling": {"lambda_left": 9e-3, "lambda_right": 1.5e-3},
    "independent": {"lambda_left": 1.5e-3, "lambda_right": 9e-3, "coupling": "independent"},
}
WIDTH, HEIGHT, RADIUS = 72, 48, 4.3
IMAGES = 400


def task(name: str) -> Disks:
    return Disks(width=WIDTH, height=HEIGHT, radius=RADIUS, **TASKS[name])


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fit")
    return RunContext(seed=0, device="cpu", precision="fp32", folder=folder, identity="x")


@pytest.fixture(scope="module")
def fitted(context):
    """(task, row) to (fitted row, triplets to draw for), each made once."""
    made = {}

    def make(name: str, row: str):
        if (name, row) not in made:
            model, train = ROWS[row](), simulate(task(name), IMAGES, seed=5)
            model.fit(shown_to(ROWS[row], train), train[:0], context)
            made[name, row] = model, simulate(task(name), 120, seed=6, split="test")
        return made[name, row]

    return make


@pytest.fixture(scope="module")
def drawn(fitted):
    """(task, row) to two samples of the fitted row, with seeds 1 and 2."""
    made = {}

    def make(name: str, row: str):
        if (name, row) not in made:
            model, given = fitted(name, row)
            made[name, row] = [model.sample(inputs_for(ROWS[row], given), s) for s in (1, 2)]
        return made[name, row]

    return make


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("name", TASKS)
def test_every_parameter_is_within_its_errors(fitted, name, row):
    estimates, process = fitted(name, row)[0].estimates, task(name)
    lam = process.intensity
    for coefficient, exact in ((estimates.lambda0, lam.left), (estimates.k, lam.k)):
        assert abs(coefficient.estimate - exact) < LIMIT * coefficient.standard_error
        bound = theory.cramer_rao(process, images=IMAGES, dilated=True)[exact == lam.k]
        assert coefficient.cramer_rao == pytest.approx(bound, rel=0.15)
        assert 0.4 < coefficient.efficiency < 1.15
    for end, exact in ((estimates.left, lam.left), (estimates.right, lam.right)):
        assert abs(end.mean - exact) < LIMIT * end.standard_error
        assert end.between < 0.5 * end.within  # the λ's do not vary: noise of a moment estimate
        # Where germs are not shared, what r says of the two ends is news, and is made use of.
        alone = math.hypot(end.between, end.within) / math.sqrt(IMAGES)
        assert (end.standard_error < 0.999 * alone) == (name == "independent")
    radius = estimates.radius
    assert radius.low <= radius.estimate <= radius.high
    assert radius.low < RADIUS < radius.high
    assert abs(radius.estimate - RADIUS) < (1e-4 if row == "germs" else LIMIT * 2.5e-3)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("name", TASKS)
def test_samples_have_the_profile_and_white_pairs_of_the_process(drawn, name, row):
    """Coverage in four bands, borders among them, and white neighbours, against closed forms."""
    white = drawn(name, row)[0] > 0
    process = task(name)
    x = theory.pixel_centres(WIDTH)
    covered = disks.coverage(x, process.intensity, RADIUS)
    for band in (slice(0, 5), slice(5, 36), slice(36, 67), slice(67, 72)):
        black = 1 - white[:, :, band].mean(axis=(1, 2))
        assert abs(z_score(black, covered[band].mean())) < LIMIT
    for lag in (1, 4):
        pairs = (white[:, :-lag] & white[:, lag:]).mean(axis=(1, 2))
        exact = disks.pair_white(x, lag, process.intensity, RADIUS).mean()
        assert abs(z_score(pairs, exact)) < LIMIT


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("name", TASKS)
def test_two_samples_disagree_as_two_draws_of_the_law(drawn, name, row):
    """Closed form with the germs known; from images alone hidden germs may add a little."""
    one, two = drawn(name, row)
    inner = slice(5, WIDTH - 5)
    exact = disks.conditional_disagreement(theory.pixel_centres(WIDTH)[inner], task(name)).mean()
    differ = (one != two)[:, :, inner].mean(axis=(1, 2))
    slack = 0.04 * exact if row == "image" else 0.0
    assert abs(differ.mean() - exact) < LIMIT * differ.std() / math.sqrt(len(differ)) + slack


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("name", ["rising", "falling"])
def test_thinning_holds_on_every_inner_pixel(fitted, drawn, name, row):
    given, r = fitted(name, row)[1], drawn(name, row)[0] == 0
    sparse, dense = (given.s1, given.s2) if name == "rising" else (given.s2, given.s1)
    inner = (slice(None), slice(None), slice(5, WIDTH - 5))
    assert not np.any((sparse == 0)[inner] & ~r[inner])
    assert not np.any(r[inner] & (dense > 0)[inner])
    assert not np.array_equal(r, sparse == 0)


@pytest.mark.parametrize("row", ROWS)
def test_samples_follow_inputs_place_and_seed_alone(fitted, row):
    model, given = fitted("rising", row)
    assert isinstance(model, Generator)
    many, few = (inputs_for(ROWS[row], given[:n]) for n in (12, 5))
    images = model.sample(many, 7)
    assert images.dtype == np.uint8
    assert set(np.unique(images)) == {0, 255}
    np.testing.assert_array_equal(model.sample(few, 7), images[:5])
    assert not np.array_equal(model.sample(many, 8), images)


@pytest.mark.parametrize("row", ROWS)
def test_what_is_saved_is_readable_and_draws_the_same(fitted, row, tmp_path):
    model, given = fitted("falling", row)
    model.save(tmp_path)
    inputs = inputs_for(ROWS[row], given[:10])
    again = ROWS[row].load(tmp_path)
    np.testing.assert_array_equal(again.sample(inputs, 4), model.sample(inputs, 4))
    path = tmp_path / "estimates.json"
    stored = json.loads(path.read_text())
    assert set(stored["k"]) == {"estimate", "standard_error", "cramer_rao", "efficiency"}
    path.write_text(json.dumps({**stored, "training_images": -3}))
    with pytest.raises(RecipeError, match="training_images"):
        ROWS[row].load(tmp_path)
    path.unlink()
    with pytest.raises(RecipeError, match="no fitted classical row"):
        ROWS[row].load(tmp_path)


@pytest.mark.parametrize("row", ROWS)
def test_no_parameter_is_read_from_the_spec(row, context):
    """A spec that lies about R and both λ's changes nothing."""
    train = simulate(task("rising"), 40, seed=2)
    lie = train.spec.model_copy(update={"radius": 9.0, "lambda_left": 2e-2, "lambda_right": 1e-3})
    found = []
    for spec in (train.spec, lie):
        model = ROWS[row]()
        model.fit(replace(train, spec=spec), train[:0], context)
        found.append(model.estimates)
    assert found[0] == found[1]


def test_the_targets_of_the_inputs_are_not_looked_at(fitted):
    model, given = fitted("rising", "germs")
    blind = replace(given.latent, member=given.latent.member & ~np.uint8(IN_R))
    one = model.sample(Inputs(given.s1[:5], given.s2[:5], given.latent, given.r), 1)
    two = model.sample(Inputs(given.s1[:5], given.s2[:5], blind), 1)
    np.testing.assert_array_equal(one, two)


def test_images_that_are_no_disks_are_drawn_all_the_same(fitted):
    """Squares: what no disk covers goes with the nearest one, and containment still holds."""
    model, _ = fitted("rising", "image")
    s1, s2 = np.full((2, 1, HEIGHT, WIDTH), 255, dtype=np.uint8)
    s1[:, 10:20, 20:30] = 0
    s2[:, 10:20, 20:30] = s2[:, 25:41, 40:56] = s2[:, 30, 10] = 0
    r = model.sample(Inputs(s1, s2), 0)
    inner = (0, slice(None), slice(5, WIDTH - 5))
    assert not np.any((s1 == 0)[inner] & (r > 0)[inner])
    assert not np.any((r == 0)[inner] & (s2 > 0)[inner])


def test_what_cannot_be_used_is_refused(context):
    train = simulate(task("rising"), 4, seed=2)
    inputs = Inputs(train.s1, train.s2)
    with pytest.raises(RecipeError, match="only after fit or load"):
        PoissonImage().sample(inputs, 0)
    with pytest.raises(RecipeError, match="needs the germs"):
        PoissonGerms().fit(replace(train, latent=None), train, context)
    with pytest.raises(RecipeError, match="no training triplets"):
        PoissonImage().fit(train[:0], train, context)
    blank = replace(train, r=np.full_like(train.r, 255))
    with pytest.raises(RecipeError, match="all white"):
        PoissonImage().fit(blank, train, context)
    with pytest.raises(ValueError, match="sweeps = 0: more than 0"):
        PoissonImage(sweeps=0)


def test_the_rows_are_recipes_of_one_family(context):
    germs, image = (find_recipe(f"poisson-mle-{name}") for name in ("germs", "image"))
    assert germs.family == image.family == "classical"
    assert load_class(germs.generator) is PoissonGerms
    assert load_class(image.generator) is PoissonImage
    assert [is_privileged(row) for row in ROWS.values()] == [True, False]
    assert all(is_conditional(row) for row in ROWS.values())
    assert germs.build().parameters == image.build().parameters == 7
    assert all(report.epochs == 0 for report in context.reports)
