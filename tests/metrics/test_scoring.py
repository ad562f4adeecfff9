"""``tb.score``: the same card from an array, a file or a folder, on a path or an open file."""

import json
import re

import mypy.api
import numpy as np
import pytest
from PIL import Image

import trendbench as tb
from trendbench.catalog import ROOT
from trendbench.data.make import make_data
from trendbench.errors import DataFileError, ImagesError, InputError
from trendbench.metrics import full_card


@pytest.fixture(scope="module")
def test_split(small_file):
    with tb.open_dataset(small_file) as data:
        return data.load("test")


def test_arrays_files_and_folders_score_alike(small_file, test_split, tmp_path):
    np.save(tmp_path / "mine.npy", test_split.s2)
    (tmp_path / "pngs").mkdir()
    for i, image in enumerate(test_split.s2):
        Image.fromarray(image).save(tmp_path / "pngs" / f"{i:03d}.png")
    with tb.open_dataset(small_file) as data:
        card = tb.score(test_split.s2, data, name="mine", c2st=False)
        again = tb.score(tmp_path / "pngs", data, name="mine", c2st=False)
        assert len(data.load("val")) == 6  # a file that was given open stays open
    assert again.to_json() == card.to_json()
    path = tb.score(str(tmp_path / "mine.npy"), str(small_file), name="mine", c2st=False)
    assert path.to_json() == card.to_json()
    assert card.name == "mine"
    assert card.scores.get("c2st_logloss") is None
    assert "copies-input" in [flag.name for flag in card.flags]


def test_a_second_sample_gives_diversity(small_file, test_split):
    both = np.stack([test_split.s2, test_split.s1])
    card = tb.score(both, small_file, c2st=False)
    apart = tb.score(test_split.s2, small_file, second=test_split.s1, c2st=False)
    assert card.scores["diversity"].value > 0
    assert card.to_json() == apart.to_json()
    with pytest.raises(ImagesError, match="second sample already"):
        tb.score(both, small_file, second=test_split.s1, c2st=False)
    with pytest.raises(ImagesError, match="two samples"):
        tb.score(test_split.s2, small_file, second=both, c2st=False)


def test_references_are_kept_for_one_data_file_alone(small, small_file, test_split, tmp_path):
    """Neither another file's references nor those of images without inputs are taken."""
    other = tmp_path / "other.h5"
    make_data(small.model_copy(update={"lambda_right": small.lambda_right / 2}), 3, other)

    def cards(restart):
        found = []
        for file in (small_file, other):
            for conditional in (True, False):
                if restart:
                    full_card._KEPT.clear()
                card = tb.score(test_split.s2, file, conditional=conditional, c2st=False)
                found.append(json.dumps(card.to_json()))
        return found

    assert cards(restart=False) == cards(restart=True)
    assert len(set(cards(restart=False))) == 4


def test_what_cannot_be_scored_is_said(small_file, test_split):
    with pytest.raises(ImagesError, match="uint8"):
        tb.score(test_split.s2.astype(float), small_file, c2st=False)
    with pytest.raises(ImagesError, match="one for each test triplet"):
        tb.score(test_split.s2[:5], small_file, c2st=False)
    with pytest.raises(DataFileError, match="no data file"):
        tb.score(test_split.s2, "none.h5")


def test_a_score_is_there_or_says_why_not(small_file, test_split):
    """Indexing gives a score; ``get`` and JSON keep what does not exist as None, in card order."""
    scores = tb.score(test_split.s2, small_file, c2st=False).scores
    assert scores["xi"].value == scores.get("xi").value
    assert scores.get("diversity") is None
    assert "diversity" in scores
    with pytest.raises(KeyError, match="'diversity' was not scored on these images"):
        scores["diversity"]
    with pytest.raises(InputError, match=r"^no score 'xi_ration': did you mean 'xi_ratio'"):
        scores["xi_ration"]


@pytest.mark.slow
def test_the_documented_line_is_typed(tmp_path):
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    (block,) = (b for b in re.findall(r"```python\n(.*?)```", page, re.S) if 'scores["xi"]' in b)
    assert "xi.value" in block
    (tmp_path / "page.py").write_text(f"import trendbench as tb\n\n{block}")
    out, err, code = mypy.api.run(["--strict", str(tmp_path / "page.py")])
    assert code == 0, out + err
