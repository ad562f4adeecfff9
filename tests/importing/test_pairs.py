"""A|B pairs give the triplets that they were made of."""

import numpy as np
import pytest
from PIL import Image

import trendbench as tb
from trendbench.errors import ImagesError
from trendbench.importing.make import Importing, make_file
from trendbench.spec import TaskSpec

TASK = TaskSpec(
    name="known", width=32, height=24, radius=2.0, lambda_left=4e-3, lambda_right=2e-2,
    window=4, train=1, val=1, test=1,
)  # fmt: skip
TRUE = tb.simulate(TASK, 10, 0)
HOW = Importing(window=4, length=2.0)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pairs").mkdir()
    for i, (s1, s2, r) in enumerate(zip(TRUE.s1, TRUE.s2, TRUE.r, strict=True)):
        pair = np.zeros((24, 64, 3), dtype=np.uint8)
        pair[:, :32, 0], pair[:, :32, 1], pair[:, 32:] = s1, s2, r[..., None]
        Image.fromarray(pair).save(tmp_path / "pairs" / f"{i}.png")
    return tmp_path / "pairs"


def test_pairs_and_three_folders_give_the_same_file(folder, tmp_path):
    how = Importing(window=4, length=2.0, pairs=True)
    make_file(folder, tmp_path / "a.h5", "mine", how=how)
    make_file(TRUE.r, tmp_path / "b.h5", "mine", left=TRUE.s1, right=TRUE.s2, how=HOW)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_single_pictures_are_no_pairs(tmp_path):
    Image.fromarray(TRUE.r[0]).save(tmp_path / "0.png")
    with pytest.raises(ImagesError, match="leave out --pairs"):
        make_file(tmp_path, tmp_path / "a.h5", "mine", how=Importing(pairs=True))
