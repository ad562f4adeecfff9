"""verify: a sound file passes; a file whose germs or physics are wrong is named."""

import numpy as np
import pytest

from trendbench.data import blocks
from trendbench.data.make import make_data
from trendbench.data.opening import open_dataset
from trendbench.data.verify import verify
from trendbench.errors import InputError
from trendbench.families.disks.germs import Germs
from trendbench.families.disks.rendering import render
from trendbench.process.triplets import Triplets
from trendbench.simulation import simulate
from trendbench.spec import load_spec


def failed(path):
    with open_dataset(path) as dataset:
        return [finding.name for finding in verify(dataset) if not finding.passed]


def test_a_sound_file_passes(small_file):
    assert failed(small_file) == []


@pytest.mark.parametrize("coupling", ["thinning", "independent"])
def test_every_kind_of_sound_file_passes(small, tmp_path, coupling):
    spec = small.model_copy(
        update={"coupling": coupling, "lambda_left": 9e-3, "lambda_right": 2e-3, "train": 200}
    )
    make_data(spec, 0, tmp_path / "a.h5")
    assert failed(tmp_path / "a.h5") == []


def test_images_that_are_not_the_germs_are_named(small, tmp_path, monkeypatch):
    real = blocks.simulate

    def one_pixel_off(*args, **keywords):
        triplets = real(*args, **keywords)
        triplets.r[0, 0, 0] ^= 255
        return triplets

    monkeypatch.setattr(blocks, "simulate", one_pixel_off)
    make_data(small, 3, tmp_path / "a.h5")
    assert [check for check in failed(tmp_path / "a.h5") if "render" in check] == [
        f"{split}: latents render to the images" for split in ("train", "val", "test")
    ]


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_wrong_intensity_is_named(small, tmp_path, monkeypatch, factor):
    other = small.model_copy(update={"lambda_left": factor * 1e-3, "lambda_right": factor * 1.2e-2})
    monkeypatch.setattr(blocks, "simulate", lambda spec, *a, **k: simulate(other, *a, **k))
    make_data(small.model_copy(update={"train": 600}), 3, tmp_path / "a.h5")
    names = failed(tmp_path / "a.h5")
    assert any("germ count of r" in name for name in names)
    assert any("s2, coverage" in name for name in names)


def wrong_physics(monkeypatch, tmp_path, make):
    """A file of 1500 triplets drawn by ``make`` under another spec, hashes and all."""
    smaller = {"width": 128, "height": 128, "val": 0, "test": 0}
    spec = load_spec("trend-v1", train=1500).model_copy(update=smaller)
    monkeypatch.setattr(blocks, "simulate", make)
    make_data(spec, 3, tmp_path / "a.h5")
    return failed(tmp_path / "a.h5")


def test_a_radius_off_by_five_percent_is_named(monkeypatch, tmp_path):
    """Coverage kept as it should be, so that the outline alone can tell."""

    def other(spec, *args, **keywords):
        larger = {"radius": 1.05 * spec.radius}
        level = {name: getattr(spec, name) / 1.05**2 for name in ("lambda_left", "lambda_right")}
        return simulate(spec.model_copy(update=larger | level), *args, **keywords)

    names = wrong_physics(monkeypatch, tmp_path, other)
    assert "train: r, outlines" in names
    assert "train: latents render to the images" in names


def test_a_slope_off_by_ten_percent_is_named(monkeypatch, tmp_path):
    """The mean intensity kept as it should be."""

    def other(spec, *args, **keywords):
        off = 0.05 * (spec.lambda_right - spec.lambda_left)
        ends = {"lambda_left": spec.lambda_left - off, "lambda_right": spec.lambda_right + off}
        return simulate(spec.model_copy(update=ends), *args, **keywords)

    names = wrong_physics(monkeypatch, tmp_path, other)
    assert "train: r, slope, right half less left" in names
    assert "train: germ count of r" not in names


def test_germs_missing_outside_the_frame_are_named(monkeypatch, tmp_path):
    def inside_only(spec, n, *args, out=None, **keywords):
        germs = simulate(spec, n, *args, **keywords).latent
        inside = (germs.x > 0) & (germs.x < spec.width) & (germs.y > 0) & (germs.y < spec.height)
        owner = np.repeat(np.arange(n), np.diff(germs.offsets))[inside]
        offsets = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=n))])
        columns = (getattr(germs, name)[inside] for name in ("x", "y", "mark", "member"))
        kept = Germs(offsets, *columns)
        render(kept, spec.radius, out)
        return Triplets(spec, *out, latent=kept)

    names = wrong_physics(monkeypatch, tmp_path, inside_only)
    assert "train: r, coverage near the borders" in names
    assert "train: latents render to the images" not in names


def test_germs_are_sliced_by_contiguous_ranges():
    germs = Germs(np.array([0, 2, 3]), *np.zeros((3, 3)), np.zeros(3, np.uint8))
    assert len(germs[1:2].x) == 1
    with pytest.raises(InputError, match="contiguous"):
        germs[::2]
