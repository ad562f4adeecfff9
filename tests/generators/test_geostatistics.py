"""Direct sampling and annealing: their laws where these are known, targets, files, refusals."""

import json
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.conftest import z_score
from trendbench.data.stream import streamed
from trendbench.errors import RecipeError, WeightsError
from trendbench.families import disks
from trendbench.families.disks.process import Disks
from trendbench.generators.geostatistics import annealing
from trendbench.generators.geostatistics.annealing import TwoPointAnnealing
from trendbench.generators.geostatistics.direct_sampling import (
    DirectSampling,
    lags_by_distance,
    simulate,
)
from trendbench.generators.protocol import Generator, Inputs, does_stream, is_conditional
from trendbench.generators.recipes import find_recipe, load_class
from trendbench.process.images import pixel_centres
from trendbench.simulation import simulate as simulate_triplets
from trendbench.spec import TaskSpec
from trendbench.training.context import RunContext

LIMIT = 4.0
NUMBERS = {
    DirectSampling: {
        "images": 50, "neighbours": 12, "reach": 12, "threshold": 0.0, "fraction": 1.0,
        "tolerance": 6,
    },
    TwoPointAnnealing: {
        "lags": 10, "bands": 4, "swaps": 80, "acceptance": 0.5, "cooling": 0.85,
    },
}  # fmt: skip
every_class = pytest.mark.parametrize("row", NUMBERS)
TASK = Disks(width=72, height=48, radius=3.2, lambda_left=2e-3, lambda_right=1.5e-2)


def inputs_like(images):
    blank = np.full_like(images, 255)
    return Inputs(blank, blank)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fit")
    return RunContext(seed=0, device="cpu", precision="fp32", folder=folder, identity="x")


@pytest.fixture(scope="module")
def train():
    return simulate_triplets(TASK, 300, seed=5)


@pytest.fixture(scope="module")
def fitted(run, train):
    """Class to fitted row, each made once."""
    rows = {row: row(**numbers) for row, numbers in NUMBERS.items()}
    for model in rows.values():
        model.fit(train, train[:0], run)
    return rows


@pytest.fixture(scope="module")
def drawn(fitted, train):
    """Class to black pixels of 40 images."""
    inputs = inputs_like(train.r[:40])
    return {row: model.sample(inputs, 1) == 0 for row, model in fitted.items()}


def fitted_to(row, black, run, **settings):
    """A row that has learned from black pixels, (n, H, W) bool, whatever process they follow."""
    height, width = black.shape[1:]
    spec = TASK.model_copy(update={"height": height, "width": width})
    images = np.where(black, 0, 255).astype(np.uint8)
    model = row(**{**NUMBERS[row], **settings})
    some = simulate_triplets(TASK, 1)
    model.fit(replace(some, spec=spec, s1=images, s2=images, r=images, latent=None), some, run)
    return model


@every_class
def test_images_follow_seed_and_place_alone(fitted, train, row):
    model = fitted[row]
    assert isinstance(model, Generator)
    assert not is_conditional(row)
    images = model.sample(inputs_like(train.r[:6]), 7)
    assert images.dtype == np.uint8
    assert set(np.unique(images)) == {0, 255}
    np.testing.assert_array_equal(model.sample(Inputs(train.s1[:3], train.s2[:3]), 7), images[:3])
    assert not np.array_equal(model.sample(inputs_like(train.r[:6]), 8), images)
    assert len({image.tobytes() for image in images}) == 6


@every_class
def test_images_do_not_depend_on_threads(fitted, train, row):
    """Four samples at once, which the kernels run without the GIL, equal those one by one."""
    inputs = inputs_like(train.r[:3])
    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(lambda seed: fitted[row].sample(inputs, seed), range(4)))
    for seed, images in enumerate(at_once):
        np.testing.assert_array_equal(fitted[row].sample(inputs, seed), images)


@every_class
def test_what_is_saved_draws_the_same(fitted, train, row, tmp_path):
    fitted[row].save(tmp_path)
    again, inputs = row.load(tmp_path), inputs_like(train.r[:3])
    np.testing.assert_array_equal(again.sample(inputs, 4), fitted[row].sample(inputs, 4))
    assert again.parameters == fitted[row].parameters
    assert again.settings == fitted[row].settings


@every_class
def test_files_that_do_not_belong_together_are_refused(fitted, row, tmp_path):
    fitted[row].save(tmp_path)
    path = tmp_path / "generator.safetensors"
    arrays = load_file(path)
    stored = json.loads((tmp_path / "settings.json").read_text())
    for changed in ({"frame": [48, 80]}, {"settings": {**stored["settings"], "lag": 3}}):
        (tmp_path / "settings.json").write_text(json.dumps(stored | changed))
        with pytest.raises(WeightsError, match=r"not those of the settings|unknown key 'lag'"):
            row.load(tmp_path)
    (tmp_path / "settings.json").write_text(json.dumps(stored))
    for name, array in arrays.items():
        for wrong in (array[:, :-1] if array.ndim > 1 else array[:-1], array.astype(np.int32)):
            save_file(arrays | {name: np.ascontiguousarray(wrong)}, path)
            with pytest.raises(WeightsError, match="not those of the settings"):
                row.load(tmp_path)
        save_file({other: arrays[other] for other in arrays if other != name}, path)
        with pytest.raises(WeightsError, match=f"holds no '{name}'"):
            row.load(tmp_path)


@every_class
def test_what_cannot_be_used_is_refused(fitted, train, row, run):
    with pytest.raises(RecipeError, match="nothing yet: fit it or load it"):
        row(**NUMBERS[row]).sample(inputs_like(train.r[:1]), 0)
    with pytest.raises(RecipeError, match="no training triplets"):
        row(**NUMBERS[row]).fit(train[:0], train, run)
    with pytest.raises(RecipeError, match="inputs of 50×48 px for statistics of 72×48 px"):
        fitted[row].sample(inputs_like(train.r[:1, :, :50]), 0)
    for name in NUMBERS[row]:
        for wrong in (-1, "many", math.nan):
            with pytest.raises(ValueError, match=f"{name} = "):
                row(**{**NUMBERS[row], name: wrong})
    with pytest.raises(ValueError, match="unknown key 'bandz'"):
        row(**NUMBERS[row], bandz=3)


@every_class
@pytest.mark.parametrize("frame", [(1, 1), (5, 7), (3, 40), (40, 3)])
def test_any_frame_is_drawn(row, frame, run):
    black = np.random.default_rng(1).random((6, *frame)) < 0.4
    model = (
        fitted_to(row, black, run, threshold=0.2)
        if row is DirectSampling
        else fitted_to(row, black, run)
    )
    images = model.sample(inputs_like(black.astype(np.uint8)), 1)
    assert images.shape == black.shape
    assert set(np.unique(images)) <= {0, 255}


@every_class
@pytest.mark.parametrize("colour", [0, 255])
def test_a_single_phase_is_drawn_as_it_is(row, colour, run):
    black = np.full((3, 16, 16), colour == 0)
    images = fitted_to(row, black, run).sample(inputs_like(black.astype(np.uint8)), 1)
    assert np.all(images == colour)


@every_class
def test_a_stream_gives_what_the_file_gives(row, run):
    """Training images drawn as they are asked for, more of them than are held at once."""
    model, other = row(**NUMBERS[row]), row(**NUMBERS[row])
    model.fit(simulate_triplets(TASK, 150, seed=3), None, run)
    other.fit(streamed(TASK, 150, seed=3), None, run)
    for name, array in model.learned.items():
        np.testing.assert_array_equal(other.learned[name], array)


@every_class
def test_both_follow_the_trend(drawn, row):
    """Right third minus left third: direct sampling within 20 %, annealing exactly, z-scored."""
    exact = disks.coverage(pixel_centres(TASK.width), TASK.intensity, TASK.radius)
    rise = drawn[row][:, :, 48:].mean(axis=(1, 2)) - drawn[row][:, :, :24].mean(axis=(1, 2))
    expected = exact[48:].mean() - exact[:24].mean()
    slack = 0.2 * expected if row is DirectSampling else 0.0
    assert expected > 0.15
    assert abs(rise.mean() - expected) < slack + LIMIT * rise.std() / math.sqrt(len(rise))


@every_class
def test_each_image_has_a_trend_of_the_task_s(row, run):
    """Rising and falling trends in turn: images rise or fall, and do not average the two."""
    spec = TaskSpec(
        name="two", width=48, height=48, radius=2.5, window=8, train=60, val=2, test=2,
        trends=((2e-3, 2.5e-2), (2.5e-2, 2e-3)),
    )  # fmt: skip
    train = simulate_triplets(spec, 60, seed=1)
    model = row(**NUMBERS[row])
    model.fit(train, train[:0], run)
    black = model.sample(inputs_like(train.r[:30]), 2) == 0
    rise = black[:, :, 24:].mean(axis=(1, 2)) - black[:, :, :24].mean(axis=(1, 2))
    assert np.abs(rise).mean() > 0.12
    assert 5 <= np.count_nonzero(rise > 0) <= 25


def test_direct_sampling_reproduces_columns_that_are_all_of_one_colour(run):
    halves = np.zeros((4, 20, 30), dtype=bool)
    halves[:, :, 15:] = True
    model = fitted_to(DirectSampling, halves, run, tolerance=0)
    images = model.sample(inputs_like(halves.astype(np.uint8)), 3)
    np.testing.assert_array_equal(images == 0, halves)


def test_direct_sampling_reproduces_a_periodic_image(run):
    """All phases shown, all earlier pixels neighbours, t = 0: each image is one of the phases."""
    stripes = np.arange(16)[:, None] + np.arange(4)[:, None, None] + np.zeros(20, dtype=int)
    phases = stripes % 4 < 2
    everything = {"neighbours": 400, "reach": 30, "fraction": 4.0, "tolerance": 30}
    model = fitted_to(DirectSampling, phases, run, **everything)
    images = model.sample(inputs_like(np.zeros((12, 16, 20), dtype=np.uint8)), 3) == 0
    found = [np.flatnonzero((image == phases).all(axis=(1, 2))) for image in images]
    assert all(len(which) == 1 for which in found)
    assert len(np.unique(found)) > 1


def test_a_high_threshold_copies_columns_with_their_coverage(run):
    """Whatever place is met first is accepted: z-scores of every fourth of the columns."""
    p = np.linspace(0.3, 0.7, 32)
    black = np.random.default_rng(2).random((400, 24, 32)) < p
    model = fitted_to(
        DirectSampling, black, run, threshold=0.99, neighbours=30, tolerance=0, images=400
    )
    copied = model.sample(inputs_like(np.zeros((200, 24, 32), dtype=np.uint8)), 5) == 0
    for band in np.split(np.arange(32), 4):
        exact = black[:, :, band].mean()
        assert abs(z_score(copied[:, :, band].mean(axis=(1, 2)), exact)) < LIMIT


def slow_simulate(training, path, lags, neighbours, threshold, fraction, tolerance, rng):
    """The rule of ``simulate`` in Python, place by place."""
    m, height, width = training.shape
    drawn = {}
    for u in path:
        at = np.array(divmod(int(u), width))
        event = [(lag, drawn[tuple(at + lag)]) for lag in lags if tuple(at + lag) in drawn]
        event = event[:neighbours]
        corners = np.array([lag for lag, _ in event] + [(0, 0)])
        rows = range(-corners[:, 0].min(), height - corners[:, 0].max())
        columns = [
            c for c in range(-corners[:, 1].min(), width - corners[:, 1].max())
            if abs(c - at[1]) <= tolerance
        ]  # fmt: skip
        z, r, c = (int(rng.random() * k) for k in (m, len(rows), len(columns)))
        first = (z * len(rows) + r) * len(columns) + c
        places = [(z, r, c) for z in range(m) for r in rows for c in columns]
        least = len(event) + 1
        for k in range(min(math.ceil(fraction * len(rows) * len(columns)), len(places))):
            z, r, c = places[(first + k) % len(places)]
            differing = sum(training[z, r + dr, c + dc] != v for (dr, dc), v in event)
            if differing < least:
                least, best = differing, training[z, r, c]
                if differing <= threshold * len(event):
                    break
        drawn[tuple(at)] = best
    return np.array([[drawn[r, c] for c in range(width)] for r in range(height)])


@pytest.mark.parametrize(
    ("threshold", "fraction", "tolerance"), [(0, 0.9, 2), (0.2, 1, 20), (0, 9, 20)]
)
def test_direct_sampling_equals_a_slow_one_pixel_for_pixel(threshold, fraction, tolerance, train):
    training = (train.r[:3, 10:22, 40:56] == 0).astype(np.uint8)
    rng = np.random.default_rng(4)
    path, lags = rng.permutation(12 * 16), lags_by_distance(5, rng)
    rest = (path, lags, 7, float(threshold), float(fraction), tolerance)
    fast = simulate(training, *rest, np.random.default_rng(8))
    slow = slow_simulate(training, *rest, np.random.default_rng(8))
    np.testing.assert_array_equal(fast, slow)
    assert 0 < fast.mean() < 1


def test_lags_come_by_distance_and_equal_ones_in_any_order():
    lags = lags_by_distance(6, np.random.default_rng(0))
    lengths = np.hypot(*lags.T)
    assert np.all(np.diff(lengths) >= 0)
    assert len(lags) == len({tuple(lag) for lag in lags}) == 112  # Gauss's circle problem, less 1
    firsts = {tuple(lags_by_distance(1, np.random.default_rng(i))[0]) for i in range(40)}
    assert len(firsts) == 4


def slow_pairs(black, bands, lags):
    """Black-black pairs by direction, band of the midpoint and lag, with NumPy slices."""
    width = black.shape[1]
    pairs = np.zeros((2, bands, lags))
    for h in range(1, lags + 1):
        along_rows = (black[:, :-h] & black[:, h:]).sum(axis=0)
        along_columns = (black[:-h] & black[h:]).sum(axis=0)
        middle = np.arange(width - h) + (h + 1) / 2
        for direction, x, n in ((0, middle, along_rows), (1, pixel_centres(width), along_columns)):
            np.add.at(pairs[direction, :, h - 1], (x * bands // width).astype(int), n)
    return pairs


def test_the_target_is_the_mean_s2_of_the_training_images(fitted, train):
    model, black = fitted[TwoPointAnnealing], train.r == 0
    everywhere = slow_pairs(np.ones_like(black[0]), 4, 10)
    mean = np.mean([slow_pairs(image, 4, 10) for image in black], axis=0) / everywhere
    np.testing.assert_allclose(model.learned["s2"][0], mean, rtol=1e-12)
    np.testing.assert_allclose(model.learned["coverage"][0], black.mean(axis=(0, 1)), rtol=1e-12)
    assert model.parameters == 72 + 2 * 4 * 10


def energy(black, target):
    excess, weight = annealing.misfit(black.astype(np.uint8), target)
    return float((weight * excess**2).sum())


def test_annealing_reaches_its_targets(drawn, fitted):
    """E from independent pixels falls by a factor of 100, to an error of S2 under 0.01 rms."""
    coverage, target = (fitted[TwoPointAnnealing].learned[name][0] for name in ("coverage", "s2"))
    rng = np.random.default_rng(3)
    starts = [energy(rng.random((48, 72)) < coverage, target) for _ in range(10)]
    ends = [energy(black, target) for black in drawn[TwoPointAnnealing][:10]]
    assert max(ends) < 0.01 * min(starts)
    assert math.sqrt(max(ends) / target.size) < 0.01


def test_steps_keep_columns_and_count_only_what_changes(fitted):
    """After many steps the excess equals a new count, and each column's black is as before."""
    target = fitted[TwoPointAnnealing].learned["s2"][0]
    rng = np.random.default_rng(6)
    black = (rng.random((48, 72)) < 0.3).astype(np.uint8)
    black[:, 5], black[:, 9] = 0, 1
    before = black.copy()
    excess, weight = annealing.misfit(black, target)
    annealing.anneal(black, excess, weight, 20_000, 0.5, 0.9999, rng)
    np.testing.assert_allclose(excess, annealing.misfit(black, target)[0], atol=1e-9)
    np.testing.assert_array_equal(black.sum(axis=0), before.sum(axis=0))
    assert np.count_nonzero(black != before) > 500


def test_a_cold_chain_only_falls_and_a_hot_one_does_not(fitted):
    """The first temperature follows the stated acceptance."""
    target = fitted[TwoPointAnnealing].learned["s2"][0]
    start = (np.random.default_rng(7).random((48, 72)) < 0.3).astype(np.uint8)
    ends = {}
    for acceptance in (1e-200, 0.99):
        black = start.copy()
        excess, weight = annealing.misfit(black, target)
        annealing.anneal(
            black, excess, weight, 30_000, acceptance, 1 - 1e-12, np.random.default_rng(1)
        )
        ends[acceptance] = energy(black, target)
    first = energy(start, target)
    assert ends[1e-200] < 0.1 * first < 0.5 * first < ends[0.99]


@pytest.mark.parametrize(
    ("name", "family", "row"),
    [
        ("direct-sampling", "multipoint", DirectSampling),
        ("two-point-annealing", "annealing", TwoPointAnnealing),
    ],
)
def test_the_rows_are_recipes(name, family, row):
    recipe = find_recipe(name)
    assert recipe.family == family
    assert load_class(recipe.generator) is row
    assert recipe.build().parameters == {"multipoint": 0, "annealing": 640}[family]
    assert does_stream(row)
