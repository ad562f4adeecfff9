"""The value is 0 for true images alone: what games ξ costs more than what is honestly wrong."""

import numpy as np
import pytest

from trendbench.data.make import make_data
from trendbench.data.opening import open_dataset
from trendbench.errors import DataFileError
from trendbench.metrics.batch import density_profile
from trendbench.simulation import simulate
from trendbench.tuning.objective import Objective, must_be_usable


@pytest.fixture(scope="module")
def many(small, tmp_path_factory):
    path = tmp_path_factory.mktemp("many") / "many.h5"
    make_data(small.model_copy(update={"val": 200, "train": 100, "test": 2}), 5, path)
    with open_dataset(path) as dataset:
        yield Objective(dataset)


def test_fresh_true_images_score_nearly_nothing(many, small):
    finding = many(simulate(small, 200, seed=99).r, conditional=False)
    assert finding.flags == []
    assert finding.value == pytest.approx(abs(finding.xi_ratio - 1))
    assert finding.value < 0.35  # ξ's spread over images is about its mean: 3/√200 is three errors


def test_what_games_xi_costs_at_least_a_flag(many):
    """By raw ξ the grey ramp and the repeated image are better than the truth."""
    r = many.val.r
    ramp = np.broadcast_to((255 * r.mean(axis=(0, 1)) / 255).astype(np.uint8), r.shape).copy()
    profile = density_profile(r, 8)
    middling = np.square(profile - profile.mean(axis=0)).sum(axis=1).argmin()
    repeated = np.repeat(r[middling : middling + 1], len(r), axis=0)
    for images in (ramp, repeated, np.full_like(r, 255), many.val.s1, many.val.s2):
        finding = many(images)
        assert finding.flags
        assert finding.value >= 1
        assert finding.value == abs(finding.xi_ratio - 1) + len(finding.flags)
    assert many(repeated).xi_ratio < 0.9
    assert many(ramp).xi_ratio > 2


def test_images_of_an_unconditional_model_stand_alone(many, small):
    shuffled = simulate(small, 200, seed=7).r
    assert many(shuffled, conditional=False).flags == []
    assert "ignores-input" in many(shuffled).flags


def test_too_few_validation_images_are_refused(small, tmp_path):
    make_data(small.model_copy(update={"val": 1}), 0, tmp_path / "one.h5")
    with (
        open_dataset(tmp_path / "one.h5") as dataset,
        pytest.raises(
            DataFileError, match="1 validation triplets: a search needs at least 1 and 2"
        ),
    ):
        must_be_usable(dataset)
