"""The verdict by the number of images: the card's own, set by set."""

import json

import numpy as np
import pytest

import trendbench as tb
from tests.cli.test_commands import trendbench
from trendbench.data.make import make_data
from trendbench.errors import ImagesError
from trendbench.metrics.by_size import by_size


@pytest.fixture(scope="module")
def file(small, tmp_path_factory):
    path = tmp_path_factory.mktemp("sizes") / "sizes.h5"
    make_data(small.model_copy(update={"train": 100, "test": 60}), 3, path)
    return path


@pytest.fixture(scope="module")
def redrawn(file):
    """Two true sets for the test triplets."""
    with tb.open_dataset(file) as data:
        germs, rng = data.latents("test"), np.random.default_rng(5)
        return [data.spec.render_r(data.spec.redraw(germs, rng)) for _ in range(2)]


def test_one_set_of_all_images_has_the_card_s_verdict(file, redrawn):
    dotted = redrawn[0].copy()
    dotted[:, 20, 30] = 0
    for images in (redrawn[0], dotted):
        card = tb.score(images, file, second=redrawn[1], c2st=False)
        with tb.open_dataset(file) as data:
            (found,) = by_size(images, data, [60], second=redrawn[1])
        assert (found.n, found.sets) == (60, 1)
        assert set(found.by) == set(card.told_by)
        assert found.told == bool(card.told_by)
    assert "stray_error" in found.by


def test_sets_have_no_image_in_common_and_damage_shows_in_its_own(file, redrawn):
    images = redrawn[0].copy()
    images[40:, 20, 30] = 0
    with tb.open_dataset(file) as data:
        small, large = by_size(images, data, [20, 50], second=redrawn[1])
    assert (small.sets, large.sets) == (3, 1)
    assert small.by["stray_error"] == 1
    assert large.by["stray_error"] == 1
    assert small.told >= 1


def test_sizes_that_the_images_do_not_hold_are_refused(file, redrawn):
    for n, said in ((100, "60 images hold no set of 100"), (1, "at least 2 images")):
        with tb.open_dataset(file) as data, pytest.raises(ImagesError, match=said):
            list(by_size(redrawn[0], data, [n]))


def test_the_command_prints_a_row_for_each_size(file, redrawn, tmp_path):
    np.save(tmp_path / "mine.npy", np.stack(redrawn))
    asked = ["power", "--samples", "mine.npy", "--n", 20, "--n", 60]
    done = trendbench(*asked, "--data", file, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = [line.split("|")[1:3] for line in done.stdout.splitlines() if line.startswith("| ")]
    assert [[cell.strip() for cell in row] for row in rows[2:]] == [["20", "3"], ["60", "1"]]
    said = json.loads(trendbench(*asked, "--data", file, "--json", cwd=tmp_path).stdout)
    assert [one["n"] for one in said] == [20, 60]
    by_default = trendbench(
        "power", "--samples", "mine.npy", "--data", file, "--json", cwd=tmp_path
    )
    assert [one["n"] for one in json.loads(by_default.stdout)] == [60]
    alone = trendbench(*asked, cwd=tmp_path)
    assert alone.returncode == 2
    assert "--samples wants --data" in alone.stderr
    odd = trendbench("power", "--spec", "small", "--invert", cwd=tmp_path)
    assert odd.returncode == 2
    both = trendbench(*asked, "--data", file, "--spec", "small", cwd=tmp_path)
    assert both.returncode == 2
    assert "not with --samples" in both.stderr
    assert "goes with --samples" in odd.stderr
