"""A refusal names the line that mends it, and only where that line does."""

import numpy as np
import pytest
from PIL import Image

import trendbench as tb
from trendbench.errors import ImagesError, RecipeError, ResultError
from trendbench.generators.recipes import load_class
from trendbench.leaderboard.compare import read_board
from trendbench.metrics.intake import drawn_by
from trendbench.runner.guard import must_follow_protocol


class Fits:
    """The methods of the protocol, one of them static."""

    def fit(self, train, val, run): ...

    @staticmethod
    def sample(inputs, seed): ...

    def save(self, folder): ...

    @classmethod
    def load(cls, folder): ...


class TakesTooFew(Fits):
    def fit(self, train, val): ...


class LoadsFromAnInstance(Fits):
    def load(self, folder): ...


def test_methods_that_take_other_arguments_are_refused_before_training():
    must_follow_protocol(Fits, "file.py:Fits")
    with pytest.raises(RecipeError, match=r"fit must be callable as fit\(self, train, val, run\)"):
        must_follow_protocol(TakesTooFew, "file.py:TakesTooFew")
    with pytest.raises(RecipeError, match="load must be a @classmethod"):
        must_follow_protocol(LoadsFromAnInstance, "file.py:LoadsFromAnInstance")


@pytest.mark.parametrize("scale", [1.0, 1.001, 255.0])
def test_the_line_for_a_generator_s_floats_makes_its_images(small, scale):
    images = np.where(tb.simulate(small, 3).r == 255, scale, 0.0)
    with pytest.raises(ImagesError, match="makes it of floats in 0 … ") as caught:
        drawn_by(images, small, 3, "Mine")
    line = str(caught.value).split(": ")[-1].split(" makes")[0]
    made = eval(line, {"images": images, "np": np})
    np.testing.assert_array_equal(made == 0, images == 0)
    assert (made[images > 0] > 229).all() or scale == 1.001  # overshoot wraps, and is still seen


def test_a_file_is_named_only_where_the_module_itself_is_missing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "not_on_the_path.py").write_text("import no_such_library\n")
    with pytest.raises(RecipeError, match=r"name its file, not_on_the_path\.py:"):
        load_class("not_on_the_path:Class")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RecipeError, match=r"no module 'no_such_library'.*is it installed\?"):
        load_class("not_on_the_path:Class")


def test_a_folder_without_records_is_no_board(tmp_path):
    with pytest.raises(ResultError, match="holds neither records"):
        read_board(tmp_path, "xi_ratio")


def test_pairs_without_truth_are_not_a_matter_of_the_threshold_alone(tmp_path):
    rng = np.random.default_rng(1)
    pairs = np.full((12, 32, 64, 3), 255, dtype=np.uint8)
    pairs[:, :, :32, :2] = 255 * rng.integers(0, 2, (12, 32, 32, 2), dtype=np.uint8)
    for i, pair in enumerate(pairs):
        Image.fromarray(pair).save(tmp_path / f"{i:02d}.png")
    with pytest.raises(ImagesError, match=r"blank .*--with-truth"):
        tb.import_pictures(tmp_path, tmp_path.parent / "blank.h5", pairs=True)
