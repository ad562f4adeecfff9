"""Specs: the shipped ones are the contract's; impossible ones are refused with a reason."""

import json
import math
import os
from pathlib import Path

import pytest

from tests.conftest import SMALL
from trendbench.catalog import spec_names
from trendbench.errors import SpecError
from trendbench.spec import TaskSpec, load_spec, spec_from_json


def test_trend_v1_is_the_contract_s_task():
    spec = load_spec("trend-v1")
    assert spec.model_dump() == {
        "name": "trend-v1", "width": 256, "height": 256, "radius": 6.0, "lambda_left": 5e-4,
        "lambda_right": 4e-3, "coupling": "thinning", "window": 16, "train": 3500, "val": 250,
        "test": 1000,
    }  # fmt: skip
    assert load_spec("trend-v1", train=7).sizes == {"train": 7, "val": 250, "test": 1000}


def test_the_hard_task_differs_in_the_coupling_alone():
    easy, hard = load_spec("trend-v1"), load_spec("trend-v1-independent")
    changed = {"name": "trend-v1-independent", "coupling": "independent"}
    assert hard == easy.model_copy(update=changed)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lambda_left": 1e-5}, "intensity would be"),
        ({"lambda_left": 1.2e-2, "lambda_right": 1e-5}, "intensity would be"),
        ({"lambda_left": -1.0}, "at least 0"),
        ({"radius": 0.0}, "above 0"),
        ({"radius": float("nan")}, "finite"),
        ({"lambda_right": float("inf")}, "finite"),
        ({"width": 0}, "at least 1"),
        ({"width": 2.5}, "whole number"),
        ({"width": "64"}, "whole number"),
        ({"window": 64}, "no room to slide"),
        ({"coupling": "loose"}, "thinning"),
        ({"lambda_left": 5e3, "lambda_right": 5e3}, "germs"),
        ({"width": 1 << 20, "height": 1 << 20, "lambda_left": 0.0, "lambda_right": 0.0}, "px"),
        ({"train": -1}, "at least 0"),
        ({"name": "../x"}, "small letters"),
        ({"extra": 1}, "unknown key 'extra'"),
        ({"lambda_left": [1e-3, 2e-3]}, r"number.*; several trends are trends = "),
    ],
)
def test_an_impossible_spec_is_refused(change, reason):
    with pytest.raises(SpecError, match=reason) as caught:
        TaskSpec(**{**SMALL, **change})
    assert "\n" not in str(caught.value)
    with pytest.raises(SpecError, match=f"^here: .*{reason}"):
        spec_from_json(json.dumps({**SMALL, **change}), "here")


WITHOUT = {name: value for name, value in SMALL.items() if not name.startswith("lambda")}


def test_coverages_stand_in_place_of_intensities():
    spec = TaskSpec(**WITHOUT, coverage_left=0.1, coverage_right=0.4)
    assert spec.coverage([0, spec.width]) == pytest.approx([0.1, 0.4], rel=1e-14)
    assert spec.coverage(5.0, "s1") == pytest.approx(0.1, rel=1e-14)
    assert spec.lambda_left == pytest.approx(-math.log(0.9) / (math.pi * 9), rel=1e-14)
    assert "coverage" not in spec.to_json()
    assert spec_from_json(spec.to_json(), "here") == spec
    assert TaskSpec(**WITHOUT, coverage_left=0.0, coverage_right=0.0).lambda_right == 0


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({**SMALL, "coverage_left": 0.1}, "coverage_left stands in place of lambda_left"),
        ({**WITHOUT, "coverage_left": 0.1, "coverage_right": 1.0}, "coverage_right = 1.0: needed"),
        ({**WITHOUT, "coverage_left": -0.1, "coverage_right": 0.5}, "coverage_left = -0.1: needed"),
        ({**WITHOUT, "coverage_left": "0.1", "coverage_right": 0.5}, "at least 0 and below 1"),
        ({**WITHOUT, "coverage_left": 0.1}, "lambda_right is missing"),
        ({**WITHOUT, "coverage_lft": 0.1}, "did you mean 'coverage_left'"),
        (
            {**WITHOUT, "radius": -1.0, "coverage_left": 0.1, "coverage_right": 0.5},
            "radius = -1.0: needed is a number above 0",
        ),
    ],
)
def test_coverages_that_give_no_intensity_are_refused(fields, reason):
    with pytest.raises(SpecError, match=reason) as caught:
        TaskSpec(**fields)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("family", ["disks", "excursion"])
def test_a_misspelt_family_key_is_told(family):
    with pytest.raises(SpecError, match="unknown key 'familly': did you mean 'family'"):
        TaskSpec(name="x", familly=family)


def test_spec_files_give_one_clear_line(tmp_path):
    path = tmp_path / "mine.toml"
    for text, reason in (
        ("[task]\nname = ", "not a readable TOML"),
        ("name = 'x'", "one table"),
        ("[task]\nname = 'x'\n", "train, val, test are missing: add width = 256, height"),
        ("[task]\n[tusk]\n", "one table"),
        ("[task]\nname = 'x'\nwidht = 64\n", "unknown key 'widht': did you mean 'width'"),
        ("[task]\nname = 'x'\nzzzz = 64\n", "unknown key 'zzzz': known are width, height"),
    ):
        path.write_text(text)
        with pytest.raises(SpecError, match=reason) as caught:
            load_spec(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(SpecError, match=f"name one of {', '.join(spec_names())}"):
        load_spec("nope")


def test_what_stands_where_a_spec_is_to_be_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("loop").symlink_to("loop")
    for name, words in (
        ("nope.toml", "^there is no file nope.toml: needed is a TOML file, or one of growth-v1"),
        ("d/nope", "^there is no file d/nope: "),
        (".", "^. is a folder: "),
        ("/dev/zero", "^/dev/zero is a device: "),
        ("pipe", "^pipe is a pipe: "),
        ("loop", "^loop cannot be read .Too many levels"),
        ("a\0b", "name one of growth-v1"),
        ("Small", "^no task spec 'Small': did you mean 'small'[?]$"),
        ("TREND-V1", "did you mean 'trend-v1'[?]$"),
    ):
        with pytest.raises(SpecError, match=words):
            load_spec(name)


def test_json_round_trip(small):
    assert spec_from_json(small.to_json(), "here") == small
