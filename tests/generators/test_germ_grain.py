"""The germ–grain model: shapes, covers and walks against their definitions and closed forms."""

import json
import math

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from trendbench.errors import RecipeError, WeightsError
from trendbench.families.disks.germs import IN_R
from trendbench.generators.classical.footprints import footprints
from trendbench.generators.germ_grain.cover import covering, paint, placements
from trendbench.generators.germ_grain.generator import GermGrain
from trendbench.generators.germ_grain.model import FEATURES, Networks
from trendbench.generators.germ_grain.scenes import Offered, configuration_of, offered_by, scene_of
from trendbench.generators.germ_grain.shapes import found_shapes, shapes_of
from trendbench.generators.germ_grain.walk import events, moved, scattered, walked
from trendbench.generators.protocol import Inputs
from trendbench.process.images import BLACK
from trendbench.simulation import simulate
from trendbench.spec import TaskSpec
from trendbench.training.context import RunContext

NUMBERS = {
    "hidden": 16, "passes": 40, "learning_rate": 1e-2, "dummies": 40, "rounds": 2,
    "bound_sweeps": 2, "sweeps": 3,
}  # fmt: skip
NONE = np.empty((0, 3), dtype=np.int32)
NO_FLAG = np.zeros(0, dtype=bool)
HEIGHT, WIDTH, RADIUS = 60, 80, 3.0


@pytest.fixture(scope="module")
def spec():
    return TaskSpec(
        name="grains", width=WIDTH, height=HEIGHT, radius=RADIUS, lambda_left=1e-3,
        lambda_right=8e-3, coupling="thinning", window=8, train=200, val=0, test=0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def triplets(spec):
    return simulate(spec, 200, seed=1)


@pytest.fixture(scope="module")
def shapes(triplets):
    return shapes_of(found_shapes(triplets.s1[i] == BLACK for i in range(200)))


@pytest.fixture(scope="module")
def fitted(triplets, tmp_path_factory):
    return fit(triplets, tmp_path_factory.mktemp("run"))


def fit(triplets, folder):
    model = GermGrain(**NUMBERS)
    context = RunContext(seed=0, device="cpu", precision="fp32", folder=folder, identity="test")
    model.fit(triplets, triplets[:0], context)
    return model


def constant(log_intensity, log_odds):
    """Networks of which the first gives the odds, and the second the intensity, always."""
    zeros = [np.zeros(s) for s in ((2, 4, FEATURES), (2, 4), (2, 4, 4), (2, 4), (2, 4))]
    outputs = np.array([log_odds, log_intensity], dtype=float)
    return Networks(np.zeros((2, FEATURES)), np.ones((2, FEATURES)), *zeros, outputs)


def white(offered=NONE, first=0, *, shapes):
    blank = np.zeros((HEIGHT, WIDTH), dtype=bool)
    return scene_of(blank, blank, Offered(offered, first), shapes, (WIDTH, WIDTH))


def union(placed, shapes, shape=(HEIGHT, WIDTH)):
    image = np.zeros(shape, dtype=bool)
    paint(image, placed, shapes)
    return image


def test_the_shapes_are_those_of_a_disk_of_the_radius(shapes):
    """All but 2 % of what is found alone is a disk of 3 px; the rest are two close together."""
    known = footprints(RADIUS)
    columns = np.arange(-known.reach, known.reach + 1)
    disks = (known.left[..., None] <= columns) & (columns <= known.right[..., None])
    cut = {trimmed(disk) for disk in disks}
    true = np.array([trimmed(mask) in cut for mask in shapes.masks])
    assert shapes.weights[true].sum() > 0.98
    assert shapes.weights.sum() == pytest.approx(1)


def trimmed(mask):
    rows, columns = mask.any(axis=1), mask.any(axis=0)
    inner = mask[rows][:, columns]
    return inner.shape, inner.tobytes()


def test_a_turned_shape_is_a_shape_as_frequent(shapes):
    weights = dict(zip(map(trimmed, shapes.masks), shapes.weights, strict=True))
    for mask, weight in zip(shapes.masks, shapes.weights, strict=True):
        assert weights[trimmed(np.rot90(mask))] == pytest.approx(weight)


def test_placements_lie_in_the_black_and_no_shape_fits_outside_their_union(triplets, shapes):
    black = triplets.s2[0] == BLACK
    found = placements(black, shapes)
    for one in found:
        assert not (union(one[None], shapes) & ~black).any()
    opening = union(found, shapes)
    rng = np.random.default_rng(0)
    tried = scattered(20_000, HEIGHT, WIDTH, shapes, rng)
    fits = 0
    for one in tried:
        covered = union(one[None], shapes)
        if not (covered & ~black).any():
            fits += 1
            assert not (covered & ~opening).any()
    assert fits > 20


def test_grains_cover_every_true_image_and_are_nearly_as_many_as_its_germs(triplets, shapes):
    """Grains within the frame; germs beneath others are missed, 2 % of them at this coverage."""
    count, germs, bare, area = 0, 0, 0, 0
    for i in range(100):
        black = triplets.r[i] == BLACK
        placed = covering(black, shapes, NONE)
        bare += np.count_nonzero(union(placed, shapes) != black)
        area += np.count_nonzero(black)
        inside = (placed[:, 1:] >= 0) & (placed[:, 1:] < [HEIGHT, WIDTH])
        count += np.count_nonzero(inside.all(axis=1))
        own = triplets.latent[i : i + 1]
        there = (own.member & IN_R) != 0
        x, y = own.x[there], own.y[there]
        germs += np.count_nonzero((x >= 0) & (x < WIDTH) & (y >= 0) & (y < HEIGHT))
    assert bare < 1e-3 * area  # of shapes too rare to be found in so few images
    assert 0.94 * germs < count < 1.01 * germs


def test_preferred_grains_that_fit_are_taken_and_needless_ones_are_not(shapes):
    rng = np.random.default_rng(0)
    placed = scattered(5, HEIGHT, WIDTH, shapes, rng)
    placed[:, 1:] = [[10, 10], [10, 40], [30, 20], [45, 60], [45, 62]]
    black = union(placed[:4], shapes)
    found = covering(black, shapes, placed)
    assert np.array_equal(found, placed[:4])  # the fifth does not fit
    assert len(covering(black, shapes, np.concatenate([placed[:4], placed[:4]]))) == 4


def test_with_a_constant_intensity_grains_are_a_poisson_process(shapes):
    """Counts have mean and variance λ·V, V being the places with a pixel in the frame; their rows
    are symmetric about the middle (4 standard errors).
    """
    places = (HEIGHT + 2 * shapes.reach) * (WIDTH + 2 * shapes.reach)
    networks = constant(math.log(25 / places), 0)
    tried = scattered(4000, HEIGHT, WIDTH, shapes, np.random.default_rng(2))
    mean = 25 * np.mean([union(one[None], shapes).any() for one in tried])
    counts, rows = [], []
    for i in range(400):
        rng = np.random.default_rng((1, i))
        scene = white(shapes=shapes)
        _, _, new = walked(scene, networks, NO_FLAG, NONE, 8, 25, rng, False)
        counts.append(len(new))
        rows.append(new[:, 1])
    assert abs(np.mean(counts) - mean) < 4 * math.sqrt(mean / 400 + 25**2 * 0.06 / 4000)
    assert abs(np.var(counts) / mean - 1) < 4 * math.sqrt(2 / 400)
    y = (np.concatenate(rows) + shapes.reach + 0.5) / (HEIGHT + 2 * shapes.reach)
    assert abs(y.mean() - 0.5) < 4 / math.sqrt(12 * len(y))


def test_grains_are_born_where_none_is_offered_or_expected(shapes):
    networks = constant(math.log(5 / (HEIGHT * WIDTH)), 0)
    scene = white(shapes=shapes)
    counts = [
        len(walked(scene, networks, NO_FLAG, NONE, 60, 0, np.random.default_rng(i), False)[2])
        for i in range(200)
    ]
    low = 5 - 4 * math.sqrt(5 / 200)
    assert low < np.mean(counts) < low * (HEIGHT + 6) * (WIDTH + 6) / (HEIGHT * WIDTH) + 2


def test_grains_follow_an_intensity_that_changes_along_x(shapes):
    """log λ a multiple of cos(πx/W), by a network of that one input: mean of cos(πx/W) over grains.

    Four standard errors.
    """
    networks = constant(0.0, 0)
    networks.w1[1, 0, 8] = 1.0
    networks.w2[1, 0, 0] = 1.0
    networks.w3[1, 0] = 3.0
    networks.b3[1] = math.log(30 / (HEIGHT * WIDTH))
    x = np.arange(-shapes.reach, WIDTH + shapes.reach)
    cosine = np.cos(np.pi * (x + 0.5) / WIDTH)
    first = cosine / (1 + np.exp(-cosine))
    intensity = np.exp(3 * first / (1 + np.exp(-first)))
    inside = (x >= 0) & (x < WIDTH)
    wanted = np.average(cosine[inside], weights=intensity[inside])
    drawn = []
    for i in range(60):
        rng = np.random.default_rng(i)
        _, _, new = walked(white(shapes=shapes), networks, NO_FLAG, NONE, 20, 60, rng, False)
        clear = (new[:, 2] >= 0) & (new[:, 2] < WIDTH) & (new[:, 1] >= 0) & (new[:, 1] < HEIGHT)
        drawn.append(np.cos(np.pi * (new[clear, 2] + 0.5) / WIDTH))
    drawn = np.concatenate(drawn)
    assert abs(drawn.mean() - wanted) < 4 * drawn.std() / math.sqrt(len(drawn))
    assert wanted > 0.2  # 0 for an even intensity


def test_an_offered_grain_is_kept_with_the_odds_of_its_network(shapes):
    rng = np.random.default_rng(0)
    offered = scattered(300, HEIGHT, WIDTH, shapes, rng)
    networks = constant(-50, math.log(0.3 / 0.7))
    scene = white(offered, 100, shapes=shapes)
    flags = np.zeros(300, dtype=bool)
    kept = [
        walked(scene, networks, flags, NONE, 1, 0, np.random.default_rng(i), False)[1].mean()
        for i in range(100)
    ]
    assert abs(np.mean(kept) - 0.3) < 4 * math.sqrt(0.21 / 30_000)


def test_a_bound_walk_draws_a_poisson_number_of_grains_beneath_others(triplets, shapes):
    """λ times the places inside the black, all of which offered grains cover (5 errors)."""
    black = triplets.s2[0] == BLACK
    offered = covering(black, shapes, NONE)
    tried = scattered(40_000, HEIGHT, WIDTH, shapes, np.random.default_rng(0))
    seen = [union(one[None], shapes) for one in tried]
    inside = np.mean([grain.any() and not (grain & ~black).any() for grain in seen])
    places = (HEIGHT + 2 * shapes.reach) * (WIDTH + 2 * shapes.reach)
    mean, n = 0.05 * places * inside, 300
    networks, flags = constant(math.log(0.05), 50), np.ones(len(offered), dtype=bool)
    counts = []
    for i in range(n):
        scene, rng = white(offered, 0, shapes=shapes), np.random.default_rng(i)
        image, kept, new = walked(scene, networks, flags, NONE, 60, 5, rng, True)
        counts.append(len(new))
        assert kept.all()
        assert np.array_equal(image, black)
        assert not (union(new, shapes) & ~black).any()
    error = math.sqrt(mean / n + mean**2 / (40_000 * inside))
    assert abs(np.mean(counts) - mean) < 5 * error


def test_a_bound_walk_leaves_the_image(triplets, shapes):
    networks = constant(math.log(8e-3), 0)
    for i in range(10):
        s1, s2, r = (series[i] == BLACK for series in (triplets.s1, triplets.s2, triplets.r))
        offered, kept, new = configuration_of(s1, s2, r, shapes)
        before = union(np.concatenate([offered.placed[kept], new]), shapes)
        scene = scene_of(s1, s2, offered, shapes, (WIDTH, WIDTH))
        rng = np.random.default_rng(i)
        _, kept, new = walked(scene, networks, kept, new, 20, 5, rng, True)
        after = union(np.concatenate([offered.placed[kept], new]), shapes)
        assert np.array_equal(after, before)


def test_black_of_s1_is_kept_and_white_of_s2_stays_white_away_from_the_borders(triplets, shapes):
    """Against networks that would lose every offered grain and put new ones everywhere."""
    s1, s2 = triplets.s1[3] == BLACK, triplets.s2[3] == BLACK
    offered = offered_by(s1, s2, shapes, np.random.default_rng(0))
    networks = constant(math.log(5e-3), -50)
    flags = np.zeros(len(offered.placed), dtype=bool)
    for borders, wanted in (((6, 6), True), ((WIDTH, WIDTH), False)):
        scene = scene_of(s1, s2, offered, shapes, borders)
        black, _, _ = walked(scene, networks, flags, NONE, 20, 20, np.random.default_rng(0), False)
        inner = slice(6, WIDTH - 6)
        assert (s1 & ~black)[:, inner].any() != wanted
        assert (black & ~s2)[:, inner].any() != wanted


def test_moves_leave_the_union_and_the_first_grains(triplets, shapes):
    black = triplets.s2[1] == BLACK
    placed = covering(black, shapes, NONE)
    outside = [[0, 1 - shapes.reach, 20], [0, 20, 1 - shapes.reach]]  # grains that the frame cuts
    placed = np.concatenate([placed, np.array(outside, dtype=np.int32)])
    black = union(placed, shapes)
    after = moved(placed, 3, HEIGHT, WIDTH, shapes, 30, np.random.default_rng(0))
    assert np.array_equal(union(after, shapes), black)
    assert np.array_equal(after[:3], placed[:3])
    assert not np.array_equal(after, placed)
    assert all(union(one[None], shapes).any() for one in after)


def test_events_are_each_grain_given_all_others(shapes):
    """Own pixels against a direct count; of two alike neither covers a bare pixel."""
    rng = np.random.default_rng(3)
    offered = scattered(6, HEIGHT, WIDTH, shapes, rng)
    offered[:, 1:] = [[10, 10], [10, 13], [30, 20], [45, 60], [20, 50], [20, 50]]
    offered[5, 0] = offered[4, 0]
    new = np.array([[0, 30, 22]], dtype=np.int32)
    kept = np.ones(6, dtype=bool)
    scene = white(offered, 2, shapes=shapes)
    features, which, there = events(scene, kept, new, NONE)
    every = np.concatenate([offered, new])
    wanted = []
    for i in range(7):
        rest = union(np.delete(every, i, axis=0), shapes)
        bare = np.count_nonzero(union(every[i : i + 1], shapes) & ~rest)
        if bare:
            wanted.append(math.log(bare))
    assert there.all()
    assert np.allclose(features[:, 1], wanted)
    assert which.tolist() == [0, 0, 0, 0, 1]
    assert features[:, 18].tolist() == [1, 1, 0, 0, 0]


def test_offered_grains_draw_both_inputs(triplets, shapes):
    for i in range(5):
        s1, s2 = triplets.s1[i] == BLACK, triplets.s2[i] == BLACK
        placed, first = offered_by(s1, s2, shapes, np.random.default_rng(i))
        assert np.array_equal(union(placed[:first], shapes), s1)
        assert np.array_equal(union(placed, shapes), s1 | s2)


def test_the_learned_model_keeps_s1_stays_in_s2_and_has_the_trend(triplets, fitted):
    """Black in the right half over the left one as in true images, within a tenth."""
    images = fitted.sample(Inputs(triplets.s1, triplets.s2), 5) == BLACK
    true, s1, s2 = (series == BLACK for series in (triplets.r, triplets.s1, triplets.s2))
    inner = slice(4, WIDTH - 4)  # 1.3 R from the border
    for some, others in ((s1, images), (images, s2)):
        assert (some & ~others)[..., inner].sum() < 2e-3 * some.sum()
    assert images.mean() == pytest.approx(true.mean(), rel=0.06)
    halves = [black[..., WIDTH // 2 :].mean() / black.mean() for black in (images, true)]
    assert halves[0] == pytest.approx(halves[1], rel=0.06)


def test_a_picture_depends_on_its_inputs_its_place_and_the_seed(triplets, fitted):
    inputs = Inputs(triplets.s1[:6], triplets.s2[:6])
    images = fitted.sample(inputs, 1)
    few = fitted.sample(Inputs(inputs.s1[:2], inputs.s2[:2]), 1)
    assert np.array_equal(images[:2], few)
    assert not np.array_equal(images, fitted.sample(inputs, 2))


def test_a_falling_trend_is_drawn_from_the_other_end(triplets, fitted):
    rising = fitted.sample(Inputs(triplets.s1[:6], triplets.s2[:6]), 1)
    mirrored = Inputs(triplets.s2[:6, :, ::-1].copy(), triplets.s1[:6, :, ::-1].copy())
    assert np.array_equal(fitted.sample(mirrored, 1), rising[:, :, ::-1])


def test_saved_and_loaded_it_draws_the_same_and_fitting_repeats(triplets, fitted, tmp_path):
    inputs = Inputs(triplets.s1[:4], triplets.s2[:4])
    fitted.save(tmp_path)
    loaded = GermGrain.load(tmp_path)
    assert np.array_equal(loaded.sample(inputs, 3), fitted.sample(inputs, 3))
    again = fit(triplets, tmp_path)
    assert np.array_equal(again.sample(inputs, 3), fitted.sample(inputs, 3))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("w1", lambda t: t[:, :3].contiguous()),
        ("w1", lambda t: t.float()),
        ("scale", lambda t: 0 * t),
        ("expected", lambda t: t + (1 << 40)),
        ("borders", lambda t: t - 1000),
        ("masks", lambda t: t[0, 0]),
        ("masks", lambda t: t.flip(0).contiguous() if len(t) > 1 else 0 * t),
        ("masks", lambda t: 0 * t),
        ("masks", lambda t: t.repeat(1 << 15, 1, 1)),
        ("weights", lambda t: 0 * t),
        ("weights", lambda t: t * 1e300),
    ],
)
def test_damaged_weights_are_named(fitted, tmp_path, name, change):
    fitted.save(tmp_path)
    tensors = load_file(tmp_path / "generator.safetensors")
    tensors[name] = change(tensors[name])
    save_file(tensors, tmp_path / "generator.safetensors")
    with pytest.raises(WeightsError, match=f"not those of the settings.*{name}"):
        GermGrain.load(tmp_path)


def test_settings_of_other_weights_are_refused(fitted, tmp_path):
    fitted.save(tmp_path)
    stored = json.loads((tmp_path / "settings.json").read_text())
    stored["settings"]["hidden"] = 9
    (tmp_path / "settings.json").write_text(json.dumps(stored))
    with pytest.raises(WeightsError, match="not those of the settings"):
        GermGrain.load(tmp_path)


def test_sixteen_small_triplets_are_enough_to_draw(small, tmp_path):
    """What ``trendbench test`` fits a row to: rare shapes are missing, and it draws."""
    few = simulate(small, 16, seed=1)
    images = fit(few, tmp_path).sample(Inputs(few.s1, few.s2), 0)
    assert images.shape == few.r.shape
    assert np.unique(images).tolist() == [0, 255]


def test_images_without_grains_and_frames_below_a_grain_are_refused(fitted, tmp_path):
    spec = TaskSpec(
        name="field", family="excursion", width=96, height=96, sigma=4.0, coverage_left=0.2,
        coverage_right=0.5, window=8, train=40, val=0, test=0,
    )  # fmt: skip
    with pytest.raises(RecipeError, match="flow"):
        fit(simulate(spec, 40, seed=0), tmp_path)
    small = np.full((1, 4, 40), 255, dtype=np.uint8)
    with pytest.raises(RecipeError, match="too small"):
        fitted.sample(Inputs(small, small), 0)


def test_a_drawing_without_weights_is_refused():
    with pytest.raises(RecipeError, match="fit or load"):
        GermGrain(**NUMBERS).sample(Inputs(*np.zeros((2, 1, 40, 40), dtype=np.uint8)), 0)
