"""Germs reconstructed from images: kernels against slow versions, and their posterior."""

import math

import numpy as np
import pytest

from tests.conftest import z_score
from tests.families.disks.drawing import draw_disks
from trendbench.families.disks.germs import IN_S1, IN_S2
from trendbench.families.disks.process import Disks
from trendbench.generators.classical import cover, posterior
from trendbench.generators.classical.footprints import footprints, rows_of
from trendbench.generators.classical.reconstruction import disks_in, draw_r, reconstruct
from trendbench.simulation import simulate

LIMIT = 4.0
RADIUS = 3.3
SIZE = 44


@pytest.fixture(scope="module")
def shapes():
    return footprints(RADIUS)


@pytest.fixture(scope="module")
def black(shapes):
    """Random black pixels with the margin that the kernels ask for: (allowed, needed)."""
    rng = np.random.default_rng(1)
    image = np.empty((SIZE, SIZE), dtype=np.uint8)
    x, y = rng.uniform(-RADIUS, SIZE + RADIUS, (2, 60))
    draw_disks(image, x, y, np.ones(60, dtype=np.uint8), 1, RADIUS)
    margin = 2 * shapes.reach + 2
    black = np.pad(image == 0, margin)
    return np.pad(image == 0, margin, constant_values=True), black & (
        np.indices(black.shape)[1] < 35
    )


def disk(x: float, y: float, shape: tuple[int, int]) -> np.ndarray:
    rows, columns = np.indices(shape)
    return (columns - x) ** 2 + (rows - y) ** 2 <= RADIUS**2


def test_every_germ_has_one_of_the_shapes(shapes):
    """About 4πR² of them, a few more as some straddle the border of the cell."""
    phases = np.random.default_rng(0).random((20_000, 2))
    table = {row.tobytes() for row in np.hstack([shapes.left, shapes.right])}
    drawn = np.hstack(rows_of(phases, RADIUS, shapes.reach))
    assert all(row.tobytes() in table for row in drawn)
    assert 1 <= len(table) / (4 * math.pi * RADIUS**2) < 1.25


def test_rows_core_and_hull_give_the_pixels_of_the_shapes(shapes):
    m = shapes.reach
    whole = np.stack([disk(m + x, m + y, (2 * m + 1, 2 * m + 1)) for x, y in shapes.phase])
    columns = np.arange(-m, m + 1)
    by_rows = (shapes.left[..., None] <= columns) & (columns <= shapes.right[..., None])
    np.testing.assert_array_equal(by_rows, whole)
    for (left, right), pixels in (
        (shapes.core, whole.all(axis=0)),
        (shapes.hull, whole.any(axis=0)),
    ):
        rows = (left[:, None] <= columns) & (columns <= right[:, None])
        np.testing.assert_array_equal(rows, pixels)
    np.testing.assert_array_equal(whole[: shapes.spanning].any(axis=0), whole.any(axis=0))
    assert shapes.spanning < 20


def test_runs_are_counted_as_a_loop_counts_them(black):
    allowed, _ = black
    slow = np.zeros(allowed.shape, dtype=int)
    for c in range(allowed.shape[1] - 1, -1, -1):
        slow[:, c] = allowed[:, c] * (1 + (slow[:, c + 1] if c + 1 < allowed.shape[1] else 0))
    np.testing.assert_array_equal(cover.run_lengths(allowed), slow)


@pytest.fixture(scope="module")
def found(black, shapes):
    allowed, needed = black
    table, start = (
        np.empty((100_000, 3), dtype=np.int32),
        np.empty(allowed.size + 1, dtype=np.int64),
    )
    arguments = (cover.run_lengths(allowed), needed, shapes.left, shapes.right, shapes.core,
                 shapes.hull, shapes.spanning)  # fmt: skip
    count = cover.candidates(*arguments, table, start)
    assert cover.candidates(*arguments, table[:5].copy(), start.copy()) == count
    return table[:count], start


def test_candidates_are_those_that_a_search_finds(black, shapes, found):
    """Cell by cell: each shape in the black that meets a needed pixel; a few where all would do."""
    allowed, needed = black
    table, start = found
    m, (height, width) = shapes.reach, allowed.shape
    masks = np.stack([disk(m + x, m + y, (2 * m + 1, 2 * m + 1)) for x, y in shapes.phase])
    hull = masks.any(axis=0)
    for r in range(m + 1, height - m - 1, 3):
        for c in range(m + 1, width - m - 1):
            here = (slice(r - m, r + m + 1), slice(c - m, c + m + 1))
            fits = ~(masks & ~allowed[here]).any(axis=(1, 2)) & (masks & needed[here]).any(
                axis=(1, 2)
            )
            if allowed[here][hull].all():
                fits[shapes.spanning :] = False
            own = table[start[r * width + c] : start[r * width + c + 1]]
            np.testing.assert_array_equal(own[:, 2], np.flatnonzero(fits))
            assert np.all(own[:, :2] == (r, c))


def test_choices_and_the_greedy_choice_equal_slow_ones(black, shapes, found):
    _, needed = black
    table, start = found
    counts = cover.choices(table, needed.shape, shapes.left, shapes.right)
    m = shapes.reach
    masks = np.stack([disk(m + x, m + y, (2 * m + 1, 2 * m + 1)) for x, y in shapes.phase])
    boxes = [(slice(r - m, r + m + 1), slice(c - m, c + m + 1)) for r, c, _ in table]
    slow = np.zeros(needed.shape, dtype=int)
    for box, (_, _, f) in zip(boxes, table, strict=True):
        slow[box] += masks[f]
    np.testing.assert_array_equal(counts, slow)
    pixels = np.flatnonzero(needed & (counts > 0))
    order = pixels[np.argsort(counts.ravel()[pixels], kind="stable")]
    chosen = cover.choose(table, start, order, needed.copy(), shapes.left, shapes.right)
    left, expected = needed.copy(), []
    for pixel in order:
        r, c = divmod(int(pixel), needed.shape[1])
        if not left[r, c]:
            continue
        near = np.flatnonzero((abs(table[:, 0] - r) <= m) & (abs(table[:, 1] - c) <= m))
        near = [j for j in near if masks[table[j, 2]][r - table[j, 0] + m, c - table[j, 1] + m]]
        gains = [np.count_nonzero(left[boxes[j]] & masks[table[j, 2]]) for j in near]
        expected.append(near[int(np.argmax(gains))])
        left[boxes[expected[-1]]] &= ~masks[table[expected[-1], 2]]
    np.testing.assert_array_equal(chosen, expected)


def slow_walk(centres, allowed, needed, bounds, mean, steps, rng):
    """``posterior.walk`` with whole masks in place of rows and counts."""
    at = [tuple(c) for c in centres]
    x_low, x_high, y_low, y_high = bounds

    def is_covered(disks):
        covered = np.zeros(allowed.shape, dtype=bool)
        for x, y in disks:
            covered |= disk(x, y, allowed.shape)
        return not np.any(needed & ~covered)

    def lies_in(x, y):
        return not np.any(disk(x, y, allowed.shape) & ~allowed)

    for _ in range(steps):
        kind = rng.random()
        if kind < 0.1:
            x = x_low + (x_high - x_low) * rng.random()
            y = y_low + (y_high - y_low) * rng.random()
            if rng.random() * (len(at) + 1) < mean and lies_in(x, y):
                at.append((x, y))
            continue
        if not at:
            continue
        i = int(rng.random() * len(at))
        if kind < 0.2:
            if rng.random() * mean < len(at) and is_covered(at[:i] + at[i + 1 :]):
                at[i] = at[-1]
                at.pop()
            continue
        half = 2.0 / 2 ** int(rng.random() * 6)
        x = at[i][0] + half * (2 * rng.random() - 1)
        y = at[i][1] + half * (2 * rng.random() - 1)
        inside = x_low <= x <= x_high and y_low <= y <= y_high
        if inside and lies_in(x, y) and is_covered([*at[:i], *at[i + 1 :], (x, y)]):
            at[i] = (x, y)
    return np.array(at)


def test_the_walk_equals_a_slow_one_step_for_step(black, shapes):
    allowed, needed = black
    centres, residual = cover.first_cover(allowed, needed, shapes)
    margin = 2 * shapes.reach + 2
    low, high = margin - 0.5 - RADIUS, margin - 0.5 + SIZE + RADIUS
    bounds = (low, high, low, high)
    needed = needed & ~residual
    walked = posterior.walk(
        centres, cover.run_lengths(allowed), needed, bounds, 60.0, RADIUS, 500,
        np.random.default_rng(5),
    )  # fmt: skip
    slow = slow_walk(centres, allowed, needed, bounds, 60.0, 500, np.random.default_rng(5))
    np.testing.assert_array_equal(walked, slow)
    assert not np.array_equal(walked, centres)


def test_without_an_image_the_walk_is_a_poisson_process(shapes):
    """Everything allowed, nothing needed: counts and places of a Poisson process of mean 6."""
    rng, side = np.random.default_rng(7), 10
    intensity = 6 / (side + 2 * RADIUS) ** 2
    everywhere = np.ones((side, side), dtype=bool)
    drawn = [disks_in(everywhere, ~everywhere, intensity, RADIUS, shapes, 60, rng)[0]
             for _ in range(400)]  # fmt: skip
    counts = np.array([len(d) for d in drawn])
    assert abs(z_score(counts, 6.0)) < LIMIT
    assert abs(counts.var() - 6) < LIMIT * math.sqrt((6 + 2 * 36) / 400)
    x = np.concatenate(drawn)[:, 0]
    assert abs(z_score(x, side / 2)) < LIMIT
    assert x.min() < 0 < side < x.max()


def test_isolated_disks_are_found_one_by_one(shapes):
    """Exactly the disks that were drawn, cut by the border or not."""
    rng = np.random.default_rng(2)
    x = np.array([0.3, 12.6, 25.1, 38.4] * 4) + rng.random(16)
    y = np.repeat([-1.0, 12.0, 24.0, 36.0], 4) + rng.random(16)
    image = np.empty((SIZE, SIZE), dtype=np.uint8)
    draw_disks(image, x, y, np.ones(16, dtype=np.uint8), 1, RADIUS)
    black = image == 0
    centres, residual = disks_in(black, black, 5e-3, RADIUS, shapes, 150, np.random.default_rng(3))
    visible = centres[_meets(centres)]
    assert len(visible) == 16
    assert len(residual) == 0
    nearest = np.hypot(*(visible[:, None] - np.column_stack([x, y])).T).min(axis=1)
    inner = (x > RADIUS) & (y > RADIUS) & (x < SIZE - RADIUS) & (y < SIZE - RADIUS)
    assert np.all(nearest[inner] < 0.5)
    again = np.empty_like(image)
    draw_disks(again, *centres.T, np.ones(len(centres), dtype=np.uint8), 1, RADIUS)
    np.testing.assert_array_equal(again, image)


def _meets(centres):
    """Whether a disk has a pixel in the frame."""
    return np.array([disk(x - 0.5, y - 0.5, (SIZE, SIZE)).any() for x, y in centres])


@pytest.mark.parametrize("falling", [False, True])
def test_reconstructed_germs_draw_their_images_and_are_as_many_as_the_true_ones(falling, shapes):
    """Images equal pixel for pixel; the posterior's mean count is that of the prior."""
    left, right = (8e-3, 2e-3) if falling else (2e-3, 8e-3)
    process = Disks(width=SIZE, height=SIZE, radius=RADIUS, lambda_left=left, lambda_right=right)
    given = simulate(process, 100, seed=12)
    excess = []
    for i in range(len(given)):
        s1, s2 = given.s1[i] == 0, given.s2[i] == 0
        pair = reconstruct(s1, s2, process, shapes, 150, np.random.default_rng(i))
        assert len(pair.residual) == 0
        for bit, black in ((IN_S1, s1), (IN_S2, s2)):
            image = np.empty((SIZE, SIZE), dtype=np.uint8)
            draw_disks(image, pair.germs.x, pair.germs.y, pair.germs.member, bit, RADIUS)
            np.testing.assert_array_equal(image == 0, black)
        own = given.latent[i : i + 1]
        excess.append([pair.germs.counts(b)[0] - own.counts(b)[0] for b in (IN_S1, IN_S2)])
    excess = np.array(excess, dtype=float)
    assert abs(z_score(excess[:, 0], 0.0)) < LIMIT
    assert abs(z_score(excess[:, 1], 0.0)) < LIMIT


def test_black_without_a_disk_goes_with_the_nearest_germ(shapes):
    """A speck beside a disk of s2 alone shows in r exactly when the disk does."""
    process = Disks(width=SIZE, height=SIZE, radius=RADIUS, lambda_left=5e-4, lambda_right=1e-3)
    image = np.empty((SIZE, SIZE), dtype=np.uint8)
    draw_disks(image, np.array([22.0]), np.array([22.0]), np.ones(1, dtype=np.uint8), 1, RADIUS)
    black = image == 0
    black[22, 28] = True
    shown = 0
    for i in range(60):
        rng = np.random.default_rng(i)
        pair = reconstruct(np.zeros_like(black), black, process, shapes, 20, rng)
        assert pair.residual.tolist() == [[22, 28]]
        r = draw_r(pair, process, rng) == 0
        assert r[22, 28] == r[22, 22]
        shown += r[22, 22]
    assert 15 < shown < 45
