"""The germ–grain model: shapes, covers and walks against their definitions and closed forms."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from trendbench.errors import RecipeError, WeightsError
from trendbench.families.disks.germs import IN_R
from trendbench.generators.classical.footprints import footprints
from trendbench.generators.germ_grain import generator, intensity, rounds
from trendbench.generators.germ_grain.cover import covering, paint, placements
from trendbench.generators.germ_grain.generator import GermGrain
from trendbench.generators.germ_grain.intensity import Events, depends_on_others, learned
from trendbench.generators.germ_grain.model import (
    FEATURES,
    INNER,
    LEFT,
    MARKS,
    RIGHT,
    RINGS,
    S1,
    S2,
    STRIPS,
    Law,
    Model,
    R,
)
from trendbench.generators.germ_grain.poisson import drawn_at_once, is_poisson
from trendbench.generators.germ_grain.rounds import walked_on
from trendbench.generators.germ_grain.scenes import (
    configuration_of,
    scene_of,
    share_found,
    union_of,
)
from trendbench.generators.germ_grain.shapes import chances, found_shapes, pieces_of, shapes_of
from trendbench.generators.germ_grain.walk import events, intensities, scattered, walked
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
NO_GRAIN = np.empty((0, 4), dtype=np.int32)
BITS = (S1, R, S2)


def fresh():
    return np.random.default_rng(4)


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
    return shapes_of(shapes_in([triplets.s1[i] == BLACK] for i in range(200)))


def shapes_in(triplets):
    return found_shapes(*pieces_of(triplets))


@pytest.fixture(scope="module")
def fitted(triplets, tmp_path_factory):
    return fit(triplets, tmp_path_factory.mktemp("run"))


def fit(triplets, folder):
    model = GermGrain(**NUMBERS)
    model.fit(triplets, triplets[:0], quiet(folder))
    return model


def constant(intensities, scene):
    """A law by which grains of each mark, {mark: per px²}, have the same intensity everywhere."""
    zeros = [np.zeros(s) for s in ((4, FEATURES), (4,), (4, 4), (4,), (MARKS, 4))]
    marks = np.array([*intensities]) - 1
    values = np.array([*intensities.values()], dtype=float)
    outputs, shares = np.zeros(MARKS), np.zeros((3, MARKS))
    outputs[marks] = np.log(values) - scene.density2
    shares[:, marks] = values / values.sum()
    return Law(np.zeros(FEATURES), np.ones(FEATURES), *zeros, outputs, shares)


def blank(shapes):
    """White inputs; r is to be drawn."""
    white = np.zeros((HEIGHT, WIDTH), dtype=bool)
    return scene_of(white, white, None, shapes)


def marked(placed, mark):
    return np.column_stack([placed, np.full(len(placed), mark)]).astype(np.int32)


def anywhere(n, shapes, rng):
    """Grains at independent uniform places in the frame and as far beyond as a grain reaches."""
    reach = shapes.reach
    shape = rng.choice(len(shapes.areas), n, p=shapes.weights / shapes.weights.sum())
    y, x = rng.integers(-reach, HEIGHT + reach, n), rng.integers(-reach, WIDTH + reach, n)
    return np.column_stack([shape, y, x]).astype(np.int32)


def union(placed, shapes, shape=(HEIGHT, WIDTH)):
    image = np.zeros(shape, dtype=bool)
    paint(image, placed, shapes)
    return image


def test_the_shapes_are_those_of_a_disk_of_the_radius(shapes):
    assert are_disks(shapes).all()
    assert shapes.weights.sum() == pytest.approx(1)


def are_disks(shapes):
    """Which shapes are disks of 3 px in pixels."""
    known = footprints(RADIUS)
    columns = np.arange(-known.reach, known.reach + 1)
    disks = (known.left[..., None] <= columns) & (columns <= known.right[..., None])
    cut = {trimmed(disk) for disk in disks}
    return np.array([trimmed(mask) in cut for mask in shapes.masks])


def test_two_grains_so_close_that_they_look_like_one_are_no_shape(monkeypatch):
    """Dense images show some such pairs five times; all disks that are seen alone are found."""
    dense = TaskSpec(
        name="dense", width=256, height=256, radius=RADIUS, lambda_left=2e-3, lambda_right=2e-2,
        coupling="independent", window=6, train=100, val=0, test=0,
    )  # fmt: skip
    drawn = simulate(dense, 100, seed=2)
    images = [(drawn.s1[i] == BLACK, drawn.s2[i] == BLACK, drawn.r[i] == BLACK) for i in range(100)]
    found = shapes_of(shapes_in(images))
    monkeypatch.setattr("trendbench.generators.germ_grain.shapes._TIMES", 0)
    with_pairs = shapes_of(shapes_in(images))
    assert are_disks(found).all()
    assert not are_disks(with_pairs).all()
    assert are_disks(with_pairs).sum() == len(found.areas)


def test_chance_is_the_sum_over_pairs_and_triples_that_cover_a_piece():
    """Of random sets of twelve pixels, against all pairs and all triples."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        sets, shares = rng.random((14, 12)) < rng.choice([0.35, 0.6]), rng.random(14)
        sets = sets[~sets.all(axis=1)]

        def covering(k, sets=sets):
            chosen = map(list, itertools.combinations(range(len(sets)), k))
            return [some for some in chosen if sets[some].any(axis=0).all()]

        pairs, triples = covering(2), covering(3)
        needed = [c for c in triples if not any(set(pair) < set(c) for pair in pairs)]
        alone, *_, every = np.array([*chances(sets, shares, 0.5)]) / math.exp(0.5 * shares.sum())
        assert alone == pytest.approx(0.5 * sum(shares[pair].prod() for pair in pairs))
        least = 0.25 * sum(shares[some].prod() for some in needed)
        most = 0.25 * 3 * sum(shares[some].prod() for some in triples)
        twice = 0.25 * sum(shares[pair].prod() * shares[pair].sum() for pair in pairs)
        assert least - 1e-12 <= every - alone <= most + twice


def test_a_piece_that_images_of_a_triplet_share_counts_once(triplets):
    images = [triplets.s1[i] == BLACK for i in range(200)]
    once = shapes_in([image] for image in images)
    thrice = shapes_in([image] * 3 for image in images)
    for (a, n), (b, m) in zip(once, thrice, strict=True):
        assert np.array_equal(a, b)
        assert n == m


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
    found = placements(black, shapes, True)
    for one in found:
        assert not (union(one[None], shapes) & ~black).any()
    opening = union(found, shapes)
    rng = np.random.default_rng(0)
    tried = anywhere(20_000, shapes, rng)
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
        placed = covering(black, shapes, NONE, fresh())
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
    found = covering(black, shapes, placed, fresh())
    assert np.array_equal(found, placed[:4])  # the fifth does not fit
    assert len(covering(black, shapes, np.concatenate([placed[:4], placed[:4]]), fresh())) == 4


def test_with_a_constant_intensity_grains_are_a_poisson_process(shapes):
    """Counts have mean and variance λ·V, V being the places with a pixel in the frame; their rows
    are symmetric about the middle, and shapes as frequent as they are (4 standard errors).
    """
    places = (HEIGHT + 2 * shapes.reach) * (WIDTH + 2 * shapes.reach)
    scene = blank(shapes)
    law = constant({R: 25 / places}, scene)
    tried = scattered(4000, HEIGHT, WIDTH, shapes, np.random.default_rng(2))
    mean = 25 * np.mean([union(one[None], shapes).any() for one in tried])
    found = [
        walked(scene, law, NO_GRAIN, 8, 25, np.random.default_rng((1, i)))[1] for i in range(400)
    ]
    counts, grains = [len(new) for new in found], np.concatenate(found)
    assert abs(np.mean(counts) - mean) < 4 * math.sqrt(mean / 400 + 25**2 * 0.06 / 4000)
    assert abs(np.var(counts) / mean - 1) < 4 * math.sqrt(2 / 400)
    y = (grains[:, 1] + shapes.reach + 0.5) / (HEIGHT + 2 * shapes.reach)
    assert abs(y.mean() - 0.5) < 4 / math.sqrt(12 * len(y))
    clear = grains[(np.abs(grains[:, 1:3] - [30, 40]) < [27, 37]).all(axis=1)]
    areas = shapes.areas[clear[:, 0]]
    assert abs(areas.mean() - shapes.areas @ shapes.weights) < 4 * areas.std() / len(areas) ** 0.5


def test_grains_are_born_where_none_is_there_or_expected(shapes):
    """On average λ·V as before, V being the places with a pixel in the frame (4 errors)."""
    scene = blank(shapes)
    law = constant({R: 5 / (HEIGHT * WIDTH)}, scene)
    counts = [
        len(walked(scene, law, NO_GRAIN, 60, 0, np.random.default_rng(i))[1]) for i in range(400)
    ]
    places = (HEIGHT + 2 * shapes.reach) * (WIDTH + 2 * shapes.reach)
    tried = scattered(4000, HEIGHT, WIDTH, shapes, np.random.default_rng(2))
    seen = np.mean([union(one[None], shapes).any() for one in tried])
    mean = 5 / (HEIGHT * WIDTH) * places * seen
    assert abs(np.mean(counts) - mean) < 4 * math.sqrt(mean / 400 + mean**2 * 0.06 / 4000)


@pytest.fixture(scope="module")
def two_sizes():
    """Squares of 9 px, three in ten grains, and of 3 px."""
    return shapes_of([(np.ones((9, 9), dtype=bool), 3), (np.ones((3, 3), dtype=bool), 7)])


def poisson(mean, size, two_sizes, rng):
    """Grains of one of two sizes at uniform places, those with a pixel in the frame, (n, 4)."""
    placed = anywhere(rng.poisson(mean), two_sizes, rng)
    placed[:, 0] = size
    frame = np.array([HEIGHT, WIDTH])
    inside = np.abs(2 * placed[:, 1:] + 1 - frame) < frame + (8, 2)[size]
    return marked(placed[inside.all(axis=1)], R)


def test_each_size_of_grains_has_an_intensity_of_its_own(two_sizes):
    """Counts of two sizes, λ_c·V_c on average, from all white; learned from them, λ_c again."""
    scene = blank(two_sizes)
    law = constant({R: 1.0}, scene)
    values = np.array([4e-3, 1e-3])  # of squares of 9 px, and of 3 px
    outputs = np.tile(law.b3, 2)
    outputs[[R - 1, MARKS + R - 1]] = np.log(values) - scene.density2
    shares = np.tile(law.shares, 2) / 2
    law = law._replace(b3=outputs, shares=shares, w3=np.tile(law.w3, (2, 1)))
    places = np.array([(HEIGHT + 8) * (WIDTH + 8), (HEIGHT + 2) * (WIDTH + 2)])
    means, counts, parts = values * places, [], []
    for i in range(300):
        rng = np.random.default_rng((3, i))
        _, new = walked(scene, law, NO_GRAIN, 10, 30, rng)
        counts.append(np.bincount(two_sizes.classes[new[:, 0]], minlength=2))
        true = [poisson(values[c] * (HEIGHT + 8) * (WIDTH + 8), c, two_sizes, rng) for c in (0, 1)]
        beside = scattered(200, HEIGHT, WIDTH, two_sizes, rng)
        parts.append(events(scene, np.concatenate(true), beside))
    assert (np.abs(np.mean(counts, axis=0) - means) < 4 * np.sqrt(means / 300)).all()
    densities = 200 * np.array([0.3, 0.7]) / ((HEIGHT + 8) * (WIDTH + 8))
    torch.manual_seed(0)
    law = learned(together(parts, densities), 8, 4, 1e-2, True, quiet())
    for x in (-4, -1, 0, 20, 40, 79, 80, 83):
        features, _, _ = events(scene, np.array([[0, 30, x, R]], dtype=np.int32), NONE)
        z = (features[0] - law.mean) / law.scale
        hidden = silu(law.w2 @ silu(law.w1 @ z + law.b1) + law.b2)
        learned_values = np.exp(scene.density2 + law.w3 @ hidden + law.b3)[[R - 1, MARKS + R - 1]]
        reached = [True, -2 < x < WIDTH + 1]
        assert learned_values[reached] == pytest.approx(values[reached], rel=0.25)


def test_a_size_without_dummies_leaves_the_others_as_they_are():
    """Rare sizes have none among few dummies; the intensity of the other size is learned."""
    sizes, marks = np.array([0] * 600 + [1]), np.array([0] * 400 + [R] * 200 + [R])
    features = np.zeros((601, FEATURES), dtype=np.float32)
    events_of = features, sizes.astype(np.int16), marks.astype(np.int16), np.zeros(601, np.int32)
    found = Events(*events_of, np.array([1, 1e-3]))
    law = learned(found, 4, 20, 1e-2, False, quiet())
    assert all(np.isfinite(part).all() for part in law)
    assert math.exp(law.b3[R - 1]) == pytest.approx(0.5, rel=0.1)


def test_whitened_features_have_variance_one_and_no_correlation():
    """What never varies is left out."""
    mixed = torch.tensor([[1.0, 0.99, 0.0], [0.0, 0.1, 0.0], [0.5, 0.4, 0.0]])
    x = torch.randn(4000, 3, generator=torch.manual_seed(0)) @ mixed
    x -= x.mean(dim=0)
    white = x.double() @ intensity._whitening(x)
    covariance = white.T @ white / len(x)
    wanted = torch.diag(torch.tensor([0.0, 1.0, 1.0]).double())
    assert torch.allclose(covariance, wanted, atol=1e-4)


def test_an_intensity_that_grows_from_the_border_is_learned(shapes):
    """λ grows eightfold from the left border on: learned and seen grains of bands of columns."""
    scene, rng = blank(shapes), np.random.default_rng(5)
    columns = np.arange(-shapes.reach, WIDTH + shapes.reach)
    rates = 1e-3 * np.clip(1 + columns / 4, 1, 8)
    rows = HEIGHT + 2 * shapes.reach
    parts, seen = [], np.zeros(len(columns))
    for _ in range(600):
        numbers = rng.poisson(rates * rows)
        seen += numbers / (600 * rows)
        grains = anywhere(numbers.sum(), shapes, rng)
        grains[:, 2] = np.repeat(columns, numbers)
        inside = [union(one[None], shapes).any() for one in grains]
        dummies = scattered(100, HEIGHT, WIDTH, shapes, rng)
        parts.append(events(scene, marked(grains[inside], R), dummies))
    found = together(parts, np.array([100 / (rows * len(columns))]))
    torch.manual_seed(0)
    law = learned(found, 32, 12, 3e-3, True, quiet())
    learned_rates = intensities(scene, law)[:, R - 1]
    for first, stop in itertools.pairwise((0, 8, 16, 32, 80)):
        band = slice(first + shapes.reach, stop + shapes.reach)
        assert learned_rates[band].sum() == pytest.approx(seen[band].sum(), rel=0.15)


def test_dummies_lie_one_in_each_strip(shapes):
    """Strips of equal width along y; rows and shapes at random."""
    width = WIDTH + 2 * shapes.reach
    for n in (width // 2, 2 * width):
        placed = scattered(n, HEIGHT, WIDTH, shapes, fresh())
        strips = np.stack([np.arange(n), np.arange(1, n + 1)]) * width / n - shapes.reach
        assert (placed[:, 2] > strips[0] - 1).all()
        assert (placed[:, 2] < strips[1]).all()
    assert abs(placed[:, 1].mean() + 0.5 - HEIGHT / 2) < 4 * placed[:, 1].std() / math.sqrt(n)
    assert len(np.unique(placed[:, 0])) > 10


@pytest.mark.parametrize(
    ("strength", "seed", "expected"), [(0, 1, False), (0, 2, False), (0, 3, False), (3, 1, True)]
)
def test_other_grains_count_where_they_inhibit(shapes, strength, seed, expected):
    """Events of configurations that are drawn by λ·exp(−c·n), n as in a Strauss process."""
    scene = blank(shapes)
    law = constant({R: 40 / (HEIGHT * WIDTH)}, scene)
    law.w1[0, RINGS + 5] = 1e-3  # grains of r in the second ring; silu(z) is z/2 near 0
    law.w2[0, 0] = 1.0
    law.w3[R - 1, 0] = -4e3 * strength
    parts = []
    for i in range(150):
        rng = np.random.default_rng((seed, i))
        _, new = walked(scene, law, NO_GRAIN, 6, 40, rng)
        parts.append(events(scene, new, scattered(40, HEIGHT, WIDTH, shapes, rng)))
    density = 40 / ((HEIGHT + 2 * shapes.reach) * (WIDTH + 2 * shapes.reach))
    torch.manual_seed(seed)
    found = together(parts, np.array([density]))
    assert depends_on_others(found, 8, 8, 1e-2, quiet()) is expected


def test_one_triplet_held_out_is_too_few_to_tell(shapes):
    scene, rng = blank(shapes), fresh()
    parts = [
        events(scene, marked(anywhere(9, shapes, rng), R), scattered(9, HEIGHT, WIDTH, shapes, rng))
        for _ in range(12)
    ]
    for few in (4, 12):
        found = together(parts[:few], np.ones(1))
        assert not depends_on_others(found, 4, 40, 1e-2, quiet())


def test_moves_alone_reach_the_law_of_shapes():
    """A grain that the left border cuts, and whose shape black does not tell, nor births change.

    A square of 3 px and rectangles of 3×4 and 4×3 px, one to three in frequency: where 3×2 px are
    black it is a square one time in four (4 standard errors).
    """
    shapes = shapes_of([(np.ones((3, 3), dtype=bool), 1), (np.ones((3, 4), dtype=bool), 6)])
    s2 = np.zeros((HEIGHT, WIDTH), dtype=bool)
    s2[20:23, :2] = True
    scene = scene_of(np.zeros_like(s2), s2, None, shapes)
    law = constant({S2: 1e-12}, scene)
    start = configuration_of(np.zeros_like(s2), s2, None, shapes, False, fresh())
    ends = [walked(scene, law, start, 40, 0, np.random.default_rng((6, i)))[1] for i in range(400)]
    assert {len(end) for end in ends} == {1}
    squares = np.mean([shapes.areas[end[0, 0]] == 9 for end in ends])
    assert abs(squares - 0.25) < 4 * math.sqrt(0.25 * 0.75 / 400)


def test_a_law_of_place_alone_is_walked_as_any_other(triplets, shapes):
    """Its table gives what the network gives: the same grains from the same random numbers."""
    for i in range(3):
        s1, s2 = triplets.s1[i] == BLACK, triplets.s2[i] == BLACK
        scene = scene_of(s1, s2, None, shapes)
        law = constant({R | S2: 4e-3, S2: 4e-3, S1 | R | S2: 1e-3}, scene)
        law.w1[0, 0], law.w2[0, 0], law.w3[(R | S2) - 1, 0] = 1.0, 1.0, 30.0
        other = law._replace(w1=law.w1.copy())
        other.w1[1, RINGS] = 1e-300  # of a unit that nothing looks at
        found = configuration_of(s1, s2, None, shapes, True, fresh())
        ends = [
            walked(scene, one, found, 5, 9, np.random.default_rng(i))[1] for one in (law, other)
        ]
        assert np.array_equal(*ends)


def together(parts, densities):
    """Events of all triplets from those of each."""
    found = (np.concatenate(series) for series in zip(*parts, strict=True))
    numbers = np.repeat(np.arange(len(parts), dtype=np.int32), [len(part[0]) for part in parts])
    return Events(*found, numbers, densities)


def silu(z):
    return z / (1 + np.exp(-z))


def quiet(folder=Path()):
    return RunContext(seed=0, device="cpu", precision="fp32", folder=folder, identity="test")


def test_a_grain_of_a_mark_that_does_not_occur_dies_where_it_covers_nothing_alone(shapes):
    placed = marked(np.array([[0, 20, 20], [0, 20, 22], [0, 20, 24]]), S1)
    s1 = union(np.ascontiguousarray(placed[:, :3]), shapes)
    scene = scene_of(s1, s1, None, shapes)
    law = constant({S2: 1e-9}, scene)
    _, after = walked(scene, law, placed, 50, 0, np.random.default_rng(0))
    assert np.count_nonzero(after[:, 3] & S1) == 2
    assert np.array_equal(union_of(after, S1, s1.shape, shapes), s1)


def test_grains_follow_an_intensity_that_changes_along_x(shapes):
    """log λ by a network of the place alone: mean place of grains, four standard errors."""
    scene = blank(shapes)
    law = constant({R: 30 / (HEIGHT * WIDTH)}, scene)
    law.w1[0, 0] = law.w2[0, 0] = 1.0
    law.w3[R - 1, 0] = 3.0
    x = np.arange(WIDTH)
    place = (2 * x + 1) / WIDTH - 1
    first = place / (1 + np.exp(-place))
    wanted = np.average(place, weights=np.exp(3 * first / (1 + np.exp(-first))))
    drawn = []
    for i in range(60):
        _, new = walked(scene, law, NO_GRAIN, 20, 60, np.random.default_rng(i))
        clear = (new[:, 2] >= 0) & (new[:, 2] < WIDTH) & (new[:, 1] >= 0) & (new[:, 1] < HEIGHT)
        drawn.append((2 * new[clear, 2] + 1) / WIDTH - 1)
    drawn = np.concatenate(drawn)
    assert abs(drawn.mean() - wanted) < 4 * drawn.std() / math.sqrt(len(drawn))
    assert wanted > 0.2  # 0 for an even intensity


def test_grains_drawn_at_once_have_the_law_of_the_walk(two_sizes):
    """White of each column: exp(−Σ λ_k(x) w_g n), and that of a walk; five standard errors.

    The sum is over sizes, shapes and columns of anchors, n being the number of pixels of the shape
    in the column if its anchor lies in column x. None of the small grains lie beyond the left
    border.
    """
    shapes, scene = two_sizes, blank(two_sizes)
    law = constant({R: 1.0}, scene)
    law = law._replace(
        w3=np.zeros((2 * MARKS, 4)),
        b3=np.tile(law.b3, 2) + math.log(2e-3),
        shares=np.tile(law.shares, 2) / 2,
    )
    law.w1[0, 0] = law.w2[0, 0] = 1.0
    law.w3[R - 1, 0] = 3.0
    law.shares[LEFT] = np.eye(2 * MARKS)[R - 1]
    reach, thickness = shapes.reach, np.zeros(WIDTH)
    rates = intensities(scene, law)[:, R - 1 :: MARKS]
    assert rates.shape == (WIDTH + 2 * reach, 2)
    assert np.array_equal(rates[:, 1] == 0, np.arange(WIDTH + 2 * reach) < reach)
    for size in range(2):
        ids = np.flatnonzero(shapes.classes == size)
        columns = np.average(shapes.masks[ids].sum(axis=1), axis=0, weights=shapes.weights[ids])
        thickness += np.convolve(rates[:, size], columns)[2 * reach : 2 * reach + WIDTH]
    assert thickness.max() > 2 * thickness.min()
    at_once = [drawn_at_once(scene, law, np.random.default_rng((7, i))) for i in range(400)]
    by_walk = [
        walked(scene, law, NO_GRAIN, 20, 20, np.random.default_rng((8, i)))[0] for i in range(400)
    ]
    for images in (at_once, by_walk):
        white = 1 - np.mean(images, axis=1)
        error = white.std(axis=0) / math.sqrt(len(white))
        assert np.all(abs(white.mean(axis=0) - np.exp(-thickness)) < 5 * error)


def test_more_grains_than_pixels_are_refused(shapes):
    with pytest.raises(RecipeError, match="grains per pixel"):
        drawn_at_once(blank(shapes), constant({R: 10.0}, blank(shapes)), fresh())


def test_grains_are_drawn_at_once_where_they_are_a_poisson_process(shapes, triplets, monkeypatch):
    scene = scene_of(triplets.s1[0] == BLACK, triplets.s2[0] == BLACK, None, shapes)
    law = constant({R: 2e-3, S2: 1e-3}, scene)
    assert is_poisson(law)
    joined = constant({R: 2e-3, R | S2: 1e-3}, scene)
    assert not is_poisson(joined)
    joined.shares[[INNER, RIGHT]] = law.shares[[INNER, RIGHT]]
    assert not is_poisson(joined)
    depends = law._replace(w1=law.w1.copy())
    depends.w1[0, RINGS] = 1.0
    assert not is_poisson(depends)
    model, asked = GermGrain(**NUMBERS), []
    monkeypatch.setattr(generator, "walked", lambda *given: asked.append(given) or walked(*given))
    for one in (law, depends):
        model._model = Model(shapes, one, False, 9, (HEIGHT, WIDTH))
        images = model.sample(Inputs(triplets.s1[:2], triplets.s2[:2]), 0)
        assert images.shape == (2, HEIGHT, WIDTH)
        assert len(asked) == (0 if one is law else 2)


def test_grains_that_inhibit_each_other_have_the_law_of_their_intensity(shapes):
    """λ(u | X) = λ·exp(−n), n the grains of r between 1.5 px and half a diameter away.

    A pair has the density of a Strauss process; at few grains the expected number of such pairs is
    λ²·e⁻¹·V·A/2 to first order, and e times as many without inhibition (4 standard errors).
    """
    scene = blank(shapes)
    pairs = {}
    for strength in (0.0, 1.0):
        law = constant({R: 8 / (HEIGHT * WIDTH)}, scene)
        law.w1[0, RINGS + 5] = 1e-3  # grains of r in the second ring; silu(z) is z/2 near 0
        law.w2[0, 0] = 1.0
        law.w3[R - 1, 0] = -4e3 * strength
        count = 0
        for i in range(4000):
            _, new = walked(scene, law, NO_GRAIN, 6, 8, np.random.default_rng((2, i)))
            between = np.linalg.norm(new[:, None, 1:3] - new[None, :, 1:3], axis=2)
            count += np.count_nonzero((between > 1.5) & (between <= 0.5 * scene.diameter)) / 2
        pairs[strength] = count
    ratio = pairs[1.0] / pairs[0.0]
    assert abs(ratio - math.exp(-1)) < 4 * ratio * math.sqrt(1 / pairs[1.0] + 1 / pairs[0.0]) + 0.02


def test_a_mark_has_the_odds_of_its_intensity(shapes):
    """Grains of s2 that r has are three in ten (4 standard errors)."""
    rng = np.random.default_rng(0)
    placed = anywhere(60, shapes, rng)
    placed = placed[[union(one[None], shapes).any() for one in placed]]
    s2 = union(placed, shapes)
    scene = scene_of(np.zeros_like(s2), s2, None, shapes)
    law = constant({R | S2: 3e-3, S2: 7e-3}, scene)
    marks = np.concatenate(
        [
            walked(scene, law, marked(placed, S2), 1, 0, np.random.default_rng(i))[1][:, 3]
            for i in range(100)
        ]
    )
    assert set(marks) == {S2, R | S2}
    assert abs((marks == R | S2).mean() - 0.3) < 4 * math.sqrt(0.21 / len(marks))


@pytest.mark.parametrize("intensity", [1e-2, 3e-2])
def test_as_many_grains_are_found_in_an_image_as_it_was_made_of(shapes, intensity):
    """Configurations of a Poisson process, their union covered, and the walk given the image.

    Drawn from the law given the image, grains are on average as many as they were, and as many
    lie beneath others (4 standard errors); a cover has fewer.
    """
    rng = np.random.default_rng(1)
    places = (HEIGHT + 2 * shapes.reach) * (WIDTH + 2 * shapes.reach)
    true, covers, found, hidden = [], [], [], []
    for i in range(150):
        placed = anywhere(rng.poisson(intensity * places), shapes, rng)
        placed = placed[[union(one[None], shapes).any() for one in placed]]
        s2 = union(placed, shapes)
        white = np.zeros_like(s2)
        scene = scene_of(white, s2, None, shapes)
        law = constant({S2: intensity}, scene)
        start = configuration_of(white, s2, None, shapes, False, fresh())
        _, after = walked(scene, law, start, 20, 0, np.random.default_rng(i))
        assert np.array_equal(union_of(after, S2, s2.shape, shapes), s2)
        true.append(len(placed))
        covers.append(len(start))
        found.append(len(after))
        hidden.append(beneath(after[:, :3], shapes) - beneath(placed, shapes))
    for difference in (np.subtract(found, true), np.array(hidden)):
        assert abs(difference.mean()) < 4 * difference.std() / math.sqrt(150)
    assert np.mean(covers) < np.mean(true) - 0.5


def beneath(placed, shapes):
    """How many grains cover no pixel alone."""
    times = sum(union(one[None], shapes).astype(int) for one in placed)
    return sum(not (union(one[None], shapes) & (times == 1)).any() for one in placed)


def test_a_walk_leaves_the_images_that_are_given(triplets, shapes):
    for i in range(10):
        s1, s2, r = (series[i] == BLACK for series in (triplets.s1, triplets.s2, triplets.r))
        scene = scene_of(s1, s2, r, shapes)
        law = constant({R | S2: 4e-3, S2: 4e-3, S1 | R | S2: 1e-3}, scene)
        found = configuration_of(s1, s2, r, shapes, True, fresh())
        _, after = walked(scene, law, found, 20, 0, np.random.default_rng(i))
        assert not np.array_equal(after, found)
        for bit in BITS:
            before = union_of(found, bit, s1.shape, shapes)
            assert np.array_equal(union_of(after, bit, s1.shape, shapes), before)


def test_a_grain_has_a_mark_only_where_such_grains_occur(triplets, shapes):
    """In the inner zone those of s1 are in r and those of r in s2: so is the black, exactly.

    Grains of the outer zones have their anchors beyond a border.
    """
    outside = shapes.reach
    inner = slice(outside, WIDTH - outside)
    losing, leaving = 0, 0
    for i in range(20):
        s1, s2 = triplets.s1[i] == BLACK, triplets.s2[i] == BLACK
        scene = scene_of(s1, s2, None, shapes)
        law = constant({S1 | R | S2: 1e-3, R | S2: 4e-3, S2: 4e-3, S1 | S2: 2e-3, R: 1e-2}, scene)
        law.shares[INNER, [(S1 | S2) - 1, R - 1]] = 0
        found = configuration_of(s1, s2, None, shapes, True, fresh())
        black, _ = walked(scene, law, found, 10, 10, np.random.default_rng(i))
        losing, leaving = losing + (s1 & ~black), leaving + (black & ~s2)
    assert not losing[:, inner].any()
    assert not leaving[:, inner].any()
    assert losing.any()
    assert leaving.any()


def test_shared_grains_are_told_from_others(spec, shapes, triplets):
    """Every grain of s1 is in r where it is thinned, and hardly any where it is not."""
    apart = simulate(spec.model_copy(update={"coupling": "independent"}), 30, seed=2)
    shares = [
        share_found(
            [tuple(series[i] == BLACK for series in (some.s1, some.s2, some.r)) for i in range(30)],
            shapes,
            fresh(),
        )
        for some in (triplets, apart)
    ]
    assert shares[0] > 0.9
    assert abs(shares[1]) < 0.1


def test_the_nearest_shapes_differ_least_and_are_a_symmetric_relation(shapes):
    bounds = list(zip(shapes.near_starts, shapes.near_starts[1:], strict=False))
    edges = {(g, *map(int, near)) for g, (a, b) in enumerate(bounds) for near in shapes.near[a:b]}
    assert all((h, g, -down, -across) in edges for g, h, down, across in edges)
    assert np.median(np.diff(shapes.near_starts)) >= min(24, 9 * len(shapes.areas) - 1)
    framed = np.pad(shapes.masks, ((0, 0), (1, 1), (1, 1)))

    def differing(g, h, down, across):
        return np.count_nonzero(framed[g] ^ np.roll(framed[h], (down, across), (0, 1)))

    most = max(differing(*edge) for edge in edges)
    others = np.random.default_rng(0).integers(0, len(shapes.areas), (500, 2))
    for g, h in others.tolist():
        if g != h and (g, h, 0, 0) not in edges:
            assert differing(g, h, 0, 0) > most


def test_events_are_each_grain_given_all_others(shapes):
    """Grains in rings and strips around each, by image, against a direct count."""
    rng = np.random.default_rng(3)
    placed = marked(anywhere(40, shapes, rng), 0)
    placed[:, 3] = rng.integers(1, 8, 40)
    placed[1, 1:3] = placed[0, 1:3] + 1
    scene = blank(shapes)
    beside = scattered(300, HEIGHT, WIDTH, shapes, rng)
    features, sizes, marks = events(scene, placed, beside)
    assert marks[:40].tolist() == placed[:, 3].tolist()
    assert not marks[40:].any()
    assert not sizes.any()
    beside = beside[[union(one[None], shapes).any() for one in beside]]
    assert len(features) == 40 + len(beside) < 340
    assert np.allclose(features[40:, 0], (2 * beside[:, 2] + 1) / WIDTH - 1)
    rings = np.array([0, 1.5, *(np.array([0.5, 1, 2]) * scene.diameter)])
    for i in range(40):
        others = np.delete(placed, i, axis=0)
        down, across = np.abs(others[:, 1:3] - placed[i, 1:3]).T
        distance = np.hypot(down, across)
        for image, bit in enumerate(BITS):
            has = others[:, 3] & bit > 0
            counts, _ = np.histogram(distance[has], rings)
            assert features[i, RINGS + 4 * image :][:4].tolist() == counts.tolist()
            strip = has & (across <= 1) & (down <= 4 * scene.diameter)
            assert features[i, STRIPS + image] == np.count_nonzero(strip)
    assert np.allclose(features[:40, 0], (2 * placed[:, 2] + 1) / WIDTH - 1)


def test_a_configuration_draws_the_images_it_was_found_in(triplets, shapes):
    for i in range(5):
        s1, s2, r = (series[i] == BLACK for series in (triplets.s1, triplets.s2, triplets.r))
        for given in (r, None):
            found = configuration_of(s1, s2, given, shapes, True, fresh())
            for bit, image in ((S1, s1), (R, given), (S2, s2)):
                drawn = union_of(found, bit, s1.shape, shapes)
                expected = np.zeros_like(s1) if image is None else image
                assert np.count_nonzero(drawn ^ expected) <= 2  # of shapes too rare to be found


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
        ("shares", lambda t: 0 * t),
        ("w3", lambda t: t[:3].contiguous()),
        ("masks", lambda t: t[0, 0]),
        ("masks", lambda t: t.flip(0).contiguous() if len(t) > 1 else 0 * t),
        ("masks", lambda t: 0 * t),
        ("masks", lambda t: t.repeat(1 << 15, 1, 1)),
        ("masks", lambda t: torch.ones((1 << 13, 1, 1), dtype=torch.uint8)),
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


def test_the_first_rounds_look_at_few_triplets_and_the_last_one_at_all(
    triplets, tmp_path, monkeypatch
):
    """Those that join have their black covered, and as many sweeps behind them."""
    looked_at, sweeps = [], []

    def noted(training, configurations, number):
        looked_at.append(len(configurations))
        for i in (0, len(configurations) - 1):
            s1, s2, r = (series[i] == BLACK for series in (triplets.s1, triplets.s2, triplets.r))
            for bit, black in ((S1, s1), (R, r), (S2, s2)):
                drawn = union_of(configurations[i], bit, s1.shape, training.shapes)
                assert np.count_nonzero(black ^ drawn) <= 2  # of shapes too rare to be found
        return method(training, configurations, number)

    def counted(scene, law, placed, number, *rest):
        sweeps.append(number)
        return walked(scene, law, placed, number, *rest)

    method = rounds._events
    monkeypatch.setattr(rounds, "_ENOUGH", 400)
    monkeypatch.setattr(rounds, "_events", noted)
    monkeypatch.setattr(rounds, "walked", counted)
    fit(triplets, tmp_path)
    *few, every = looked_at
    assert set(few) == {few[0]}
    assert 2 <= few[0] < 20
    assert every == 200
    assert sweeps == [2] * few[0] * len(few) + [2 * len(few)] * (200 - few[0])


def test_walks_from_covers_are_raised_once_where_images_share_no_grains(
    spec, triplets, tmp_path, monkeypatch
):
    asked = []

    def noted(*given):
        asked.append(given[4])
        return walked_on(*given)

    monkeypatch.setattr(rounds, "_ENOUGH", 400)
    monkeypatch.setattr(rounds, "_SETTLED", -1.0)  # so that each is walked thrice
    monkeypatch.setattr(rounds, "walked_on", noted)
    independent = simulate(spec.model_copy(update={"coupling": "independent"}), 200, seed=1)
    for given, raised in ((independent, 200), (triplets, 0)):
        asked.clear()
        fit(given, tmp_path)
        assert sum(asked) == raised
        assert len(asked) > 200


def test_a_raised_walk_finds_as_many_close_grains_as_there_are(shapes):
    """Pairs within 1.5 px in dense images after four sweeps: found over true ones.

    A walk that is not raised finds at least a twentieth too few.
    """
    rng, intensity, white = np.random.default_rng(9), 2.6e-2, np.zeros((HEIGHT, WIDTH), dtype=bool)
    places = (HEIGHT + 2 * shapes.reach) * (WIDTH + 2 * shapes.reach)
    pairs = np.zeros(3)
    for i in range(300):
        true = anywhere(rng.poisson(intensity * places), shapes, rng)
        s2 = union(true, shapes)
        scene = scene_of(white, s2, white, shapes)
        law = constant({S2: intensity}, scene)
        start = configuration_of(white, s2, white, shapes, False, np.random.default_rng(i))
        walks = [
            rounds.walked_on(scene, law, start, 4, raised, np.random.default_rng((3, i)))
            for raised in (True, False)
        ]
        pairs += [close_pairs(true), *(close_pairs(found) for found in walks)]
    assert pairs[1] == pytest.approx(pairs[0], rel=0.04)
    assert pairs[2] < 0.95 * pairs[0]


def close_pairs(placed):
    """Pairs of grains with anchors in the frame, no further than 1.5 px from each other."""
    y, x = placed[:, 1], placed[:, 2]
    inner = (y >= 0) & (y < HEIGHT) & (x >= 0) & (x < WIDTH)
    y, x = y[inner], x[inner]
    close = (abs(y[:, None] - y) <= 1) & (abs(x[:, None] - x) <= 1)
    return (close.sum() - len(y)) / 2


@pytest.mark.parametrize(
    ("kept", "number"), [((1.0, 1.0), 2), ((0.9, 0.999), 3), ((0.9, 0.9, 0.9, 0.9), 4)]
)
def test_rounds_go_on_until_grains_stay_as_many(triplets, tmp_path, monkeypatch, kept, number):
    """Of two rounds asked for there are at most four; only the last one may look at other grains.

    Each configuration is followed by a share of itself in place of a walk.
    """
    by_place, shares = [], iter(kept)

    def noted(events, hidden, epochs, rate, place, run):
        by_place.append(place)
        return learned(events, hidden, min(epochs, 2), rate, place, run)

    def thinned(_training, _law, configurations, _number):
        share = next(shares)
        return [placed[: round(share * len(placed))] for placed in configurations]

    counts = bool(number % 2)
    monkeypatch.setattr(rounds, "learned", noted)
    monkeypatch.setattr(rounds, "depends_on_others", lambda *_: counts)
    monkeypatch.setattr(rounds, "_redrawn", thinned)
    fit(triplets, tmp_path)
    assert by_place == [True] * (number - 1) + [not counts]


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
