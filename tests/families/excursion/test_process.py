"""What the family states of itself, and what it refuses."""

import numpy as np
import pytest
from pydantic import ValidationError

from trendbench import theory
from trendbench.errors import InputError, LawError, SpecError
from trendbench.families.excursion.process import Excursion
from trendbench.spec import TaskSpec, load_spec

FIELDS = {"width": 64, "height": 32, "sigma": 3.0, "coverage_left": 0.3, "coverage_right": 0.6}


def test_porosity_v1_has_the_floor_of_the_contract():
    task = load_spec("porosity-v1")
    assert isinstance(task, Excursion)
    assert (task.window, task.train, task.val, task.test) == (16, 3500, 250, 1000)
    assert round(theory.xi_floor(task, task.window), 6) == 0.008863
    np.testing.assert_allclose(task.coverage([0.0, 256.0]), [0.15, 0.45])


def test_what_is_exact():
    process = Excursion(**FIELDS)
    assert process.laws == {"coverage", "pair_black", "quads", "disagreement", "trend"}
    assert process.is_independent
    assert not process.is_nested
    for law in (lambda: process.survival(1.0), lambda: process.white_run(1.0, 2, along_x=True)):
        with pytest.raises(LawError):
            law()


def test_the_trend_gives_the_coverage():
    process = Excursion(**FIELDS)
    x = theory.pixel_centres(64)
    np.testing.assert_allclose(process.trend.coverage(process.trend.at(x)), process.coverage(x))
    assert process.trend.slope == pytest.approx(0.3 / 64)


@pytest.mark.parametrize(
    ("field", "value"),
    [("coverage_left", 0.0), ("coverage_right", 1.0), ("coverage_left", -0.1), ("sigma", 0.01)],
)
def test_numbers_out_of_range_are_refused_in_one_line(field, value):
    with pytest.raises(SpecError, match=field) as refused:
        TaskSpec(**FIELDS | {field: value}, family="excursion", name="mine", train=1, val=1, test=1)
    assert "\n" not in str(refused.value)


def test_a_frame_too_large_for_sigma_is_refused():
    with pytest.raises(ValidationError, match="raise sigma or lower the frame"):
        Excursion(**FIELDS | {"width": 1 << 20, "sigma": 6.0})


def test_places_beyond_the_frame_are_refused_where_p_leaves_0_to_1():
    with pytest.raises(InputError, match="on the frame, 0 to 64 px"):
        Excursion(**FIELDS).coverage([1.0, 500.0])
