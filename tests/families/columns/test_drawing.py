"""The drawing: its kernel against slow NumPy, its disk, its random numbers."""

import hashlib

import numpy as np
import pytest

from trendbench.families.columns.process import Columns
from trendbench.families.disks.counts import poisson_table

STUDY = {"columns": 230, "per_visit_left": 0.2, "per_visit_right": 5.0}


def slowly(process, of, rng):
    """(image, number of banned rows, number of germs), by the rules as they are stated."""
    height, width = 3 * process.height, 3 * process.width
    left, right = process.per_visit_of(of)
    words = rng.bit_generator.random_raw(2 * process.columns) >> np.uint64(11)
    columns, counts = (words.astype(float) * 2.0**-53).reshape(2, -1)
    visits = []
    for u, v in zip(columns, counts, strict=True):
        x = 1 + int(u * (width - 1))
        first, cdf = poisson_table(left + (right - left) * x / width)
        visits.append((x, first + int((cdf <= v).sum())))
    germs = sum(count for _, count in visits)
    words = iter((rng.bit_generator.random_raw(germs) >> np.uint64(11)).astype(float) * 2.0**-53)
    rows, places = np.mgrid[:height, :width]
    black, banned = np.zeros((height, width), bool), 0
    for x, count in visits:
        far = np.pad(black, 9)
        sides = far[9:-9, x] & far[9:-9, x + 18]
        ban = sides & far[:-18, x + 9] & far[18:, x + 9]
        banned += ban.sum()
        free = ~ban
        for _ in range(count):
            among, u = np.flatnonzero(free), next(words)
            if among.size:
                y = among[int(u * among.size)]
                near = slice(max(0, y - 9), y + 10), slice(max(0, x - 9), x + 10)
                black[near] |= np.hypot(rows[near] - y, places[near] - x) <= 9.5
                free[max(0, y - 9) : y + 10] = False
    image = np.where(black[1::3, 1::3], 0, 255).astype(np.uint8)
    return image, banned, germs


@pytest.mark.parametrize(
    "process",
    [
        Columns(width=64, height=64, **STUDY),
        Columns(width=5, height=3, columns=40, per_visit_left=1.0, per_visit_right=0.0),
        Columns(width=30, height=40, columns=60, per_visit_left=30.0, per_visit_right=1.0),
        Columns(width=7, height=90, columns=1, per_visit_left=0.0, per_visit_right=0.0),
    ],
)
@pytest.mark.parametrize("of", ["s1", "s2", "r"])
def test_the_kernel_follows_the_rules(process, of):
    """Among them a frame so small that germs find no row, falling trends, and no germ at all."""
    latents = process.latents(4, 5, "val")
    for i in range(4):
        slow, _, _ = slowly(process, of, latents.generator(i, of))
        assert np.array_equal(process.draw(latents.generator(i, of), of), slow)


def test_bans_and_germs_of_the_study():
    """Means of 40 images: 0.9 % and 2.4 % of rows, 601 ± 30 germs in r."""
    process = Columns(width=256, height=256, **STUDY)
    latents = process.latents(40, 3, "test")
    for of, share, error, germs in (("r", 0.009, 0.002, 601), ("s2", 0.024, 0.002, 230 * 5)):
        found = [slowly(process, of, latents.generator(i, of))[1:] for i in range(40)]
        banned, count = np.mean(found, axis=0)
        assert banned / (230 * 768) == pytest.approx(share, abs=error)
        assert abs(count - germs) < 4 * np.sqrt(germs * 2 / 40)


def test_a_lone_disk_has_32_or_37_pixels():
    """The 293 pixels of the canvas, at 8 and 1 of the 9 places between two pixels of the image."""
    process = Columns(width=40, height=40, columns=1, per_visit_left=0.2, per_visit_right=0.2)
    latents, areas = process.latents(3000, 0, "train"), []
    for i in range(3000):
        black = process.draw(latents.generator(i, "r"), "r") == 0
        inner = black.any() and not (black[[0, -1]].any() or black[:, [0, -1]].any())
        if inner and np.ptp(np.nonzero(black)[0]) < 7:
            areas.append(black.sum())
    assert set(areas) == {32, 37}
    share = np.mean(np.array(areas) == 37)
    assert abs(share - 1 / 9) < 4 * np.sqrt(8 / 81 / len(areas))
    assert process.length == pytest.approx(3.2191, abs=5e-5)


def test_images_are_the_same_on_every_machine():
    process = Columns(width=256, height=256, **STUDY)
    images = process.render_r(process.latents(3, 0, "train"))
    assert hashlib.sha256(images.tobytes()).hexdigest()[:16] == "0cb7f885e8d913ca"
