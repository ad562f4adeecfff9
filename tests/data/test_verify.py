"""verify: a sound file passes; a file whose germs or physics are wrong is named."""

import numpy as np
import pytest

from trendbench.data import blocks
from trendbench.data.dataset import open_dataset
from trendbench.data.make import make_data
from trendbench.data.verify import verify
from trendbench.process.germs import Germs
from trendbench.rendering.triplets import simulate


def failed(path):
    with open_dataset(path) as dataset:
        return [finding.check for finding in verify(dataset) if not finding.passed]


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
        f"{split}: germs render to the images" for split in ("train", "val", "test")
    ]


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_wrong_intensity_is_named(small, tmp_path, monkeypatch, factor):
    other = small.model_copy(update={"lambda_left": factor * 1e-3, "lambda_right": factor * 1.2e-2})
    monkeypatch.setattr(blocks, "simulate", lambda spec, *a, **k: simulate(other, *a, **k))
    make_data(small.model_copy(update={"train": 600}), 3, tmp_path / "a.h5")
    names = failed(tmp_path / "a.h5")
    assert any("germ count of r" in name for name in names)
    assert any("coverage of s2" in name for name in names)


def test_germs_are_sliced_by_contiguous_ranges():
    germs = Germs(np.array([0, 2, 3]), *np.zeros((3, 3)), np.zeros(3, np.uint8))
    assert len(germs[1:2].x) == 1
    with pytest.raises(ValueError, match="contiguous"):
        germs[::2]
