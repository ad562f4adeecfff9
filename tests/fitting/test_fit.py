"""``tb.fit``: what it recovers, what it rejects, and that its parts are the classical row's."""

import json
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from scipy import stats

import trendbench as tb
from benchmarks.fit import PATTERNS
from trendbench import theory
from trendbench.cli.fit_text import fit_text
from trendbench.cli.main import group
from trendbench.families.disks import Disks
from trendbench.fitting.estimates import drawn, estimated
from trendbench.fitting.fit import fit_pictures
from trendbench.fitting.goodness import compared, measured
from trendbench.fitting.intervals import coverage, no_trend

DISKS = Disks(
    width=96, height=64, radius=3.0, lambda_left=2e-3, lambda_right=8e-3, coupling="independent"
)
LEVEL = DISKS.model_copy(update={"lambda_left": 4e-3, "lambda_right": 4e-3})
LIMIT = 4.0


def images_of(process, n, seed=0):
    return drawn(process, n, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def found():
    return tb.fit(images_of(DISKS, 20), sets=100)


def test_a_set_of_disks_is_recovered_and_not_rejected(found):
    exact = {"λ₀": 2e-3, "k": 6e-3 / 96, "R": 3.0}
    for name, one in found.parameters.items():
        assert abs(one.value - exact[name]) < LIMIT * one.error
        assert one.low < one.value < one.high
    for place, one in zip((0.0, 48.0, 96.0), found.coverage, strict=True):
        assert abs(one.value - float(DISKS.coverage(place))) < LIMIT * one.error
    assert found.p_trend < 1e-6 < found.z
    assert found.holds
    assert found.verdict.startswith("no sign against the Boolean model of disks")
    assert found.pictures == 20
    assert found.sets == 100


def test_a_fit_is_frozen_and_the_same_again(found):
    with pytest.raises(FrozenInstanceError):
        found.pictures = 3
    again = tb.fit(images_of(DISKS, 20), sets=100)
    assert again.to_json() == found.to_json()
    assert "no sign against" in repr(found)
    assert "coverage middle" in found._repr_html_()


def test_one_picture_is_fitted_along_either_axis():
    (image,) = images_of(DISKS, 1, seed=4)
    across = tb.fit(image, sets=100)
    down = tb.fit(np.ascontiguousarray(image.T), along="y", sets=100)
    assert down.along == "y"
    assert down.to_json() | {"along": "x"} == across.to_json()
    exact = (2e-3, 6e-3 / 96, 3.0)
    for one, value in zip(across.parameters.values(), exact, strict=True):
        assert abs(one.value - value) < LIMIT * one.error
    assert "lambda_variance_ratio" not in across.scores


@pytest.mark.parametrize("pattern", ["ellipses", "excursion", "hard_core", "clustered"])
def test_what_is_no_boolean_model_is_said_to_be_none(pattern):
    pictures = PATTERNS[pattern](DISKS, 20, np.random.default_rng(1))
    found = fit_pictures(pictures, along="x", sets=100, seed=0)
    assert not found.holds
    assert found.verdict.startswith("not a Boolean model of disks")
    assert "nearest Boolean model, not of the pictures" in found.verdict
    assert len(found.told_by) > 1 or pattern == "hard_core"
    assert set(found.told_by) == {n for n, s in found.scores.items() if not s.is_within}


def test_scores_are_those_of_the_card():
    """Every score of a set that is fitted exactly is the card's own."""
    from trendbench.metrics.card import score_images
    from trendbench.metrics.truth import Truth

    spec = tb.TaskSpec(**DISKS.model_dump(), name="mine", window=8, train=1, val=1, test=1)
    pictures = images_of(DISKS, 6)
    truth = Truth(spec, theory.mean_profile(spec, 8)[None], 10)
    card = score_images(pictures, truth, name="x", data="0" * 64)
    scores = measured(pictures, DISKS, slack=0.0).scores
    for name, value in scores.items():
        assert value == pytest.approx(card.scores[name].value, rel=1e-12), name


def test_the_test_of_all_scores_has_its_level():
    """Rank p-values of exchangeable scores: P(p ≤ 0.01) = 2/201, whatever their law."""
    rng = np.random.default_rng(0)
    p = []
    for _ in range(2000):
        values = np.exp(rng.standard_normal((201, 4)) * [0.1, 1.0, 2.0, 0.0])
        own, *fresh = [dict(zip("abcd", map(float, row), strict=True)) for row in values]
        ranges, one = compared(own, fresh, minimum=dict.fromkeys("abcd", 0.0))
        assert (one <= 0.01) == any(not r.is_within for r in ranges.values())
        p.append(one)
    rejected = np.mean(np.array(p) <= 0.01)
    expected = 2 / 201
    assert abs(rejected - expected) < LIMIT * np.sqrt(expected / 2000)
    assert stats.kstest(p, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("n", [1, 12])
def test_p_of_no_trend_is_uniform_where_there_is_none(n):
    p = [no_trend(estimated(images_of(LEVEL, n, seed=i), None), n)[1] for i in range(120)]
    assert stats.kstest(p, "uniform").pvalue > 1e-3


def test_the_band_of_the_coverage_is_as_wide_as_its_estimates_are_spread():
    fits = [estimated(images_of(DISKS, 1, seed=i), None) for i in range(150)]
    x = np.array([24.0, 48.0, 72.0])
    values, errors, *_ = np.stack([coverage(one, 1, x) for one in fits], axis=1)
    ratio = values.std(axis=0, ddof=1) / np.sqrt(np.mean(errors**2, axis=0))
    assert np.all(np.abs(ratio - 1) < LIMIT / np.sqrt(2 * 150))


@pytest.mark.parametrize(
    ("p_trend", "low", "said"),
    [
        (0.01, 1e-6, ": a trend"),
        (0.01, -1e-6, ": a weak sign of a trend"),
        (0.1, 1e-6, ": a weak sign of a trend"),
        (0.1, -1e-6, ": no sign of a trend"),
    ],
)
def test_the_test_of_no_trend_and_the_interval_are_said_together(found, p_trend, low, said):
    k = replace(found.k, low=low, high=1e-4)
    assert f"{said}\n" in fit_text(replace(found, p_trend=p_trend, k=k))


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 20])
def test_intervals_cover_the_truth_in_95_of_100_sets_or_more(n):
    held, told = [], 0
    exact = (2e-3, 6e-3 / 96, 3.0)
    for i in range(200):
        found = fit_pictures(images_of(DISKS, n, seed=(9, i)), along="x", sets=100, seed=i)
        held.append(
            [e.low <= v <= e.high for e, v in zip(found.parameters.values(), exact, strict=True)]
        )
        told += not found.holds
    error = np.sqrt(0.95 * 0.05 / 200)
    assert np.all(np.mean(held, axis=0) > 0.95 - 2.6 * error)
    assert told <= 7  # binomial: more with probability 3e-3 at 1 %


def test_the_command_prints_a_table_json_and_a_figure(tmp_path):
    for i, image in enumerate(images_of(DISKS, 3)):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    figure = tmp_path / "fit.png"
    ask = ["fit", str(tmp_path), "--sets", "100"]
    shown = CliRunner().invoke(group, [*ask, "--out", str(figure)])
    assert shown.exit_code == 0, shown.output
    assert "3 pictures of 96×64 px" in shown.stdout
    assert "no sign against the Boolean model of disks" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80
    with Image.open(figure) as image:
        assert image.width > 1000
    figure.unlink()
    written = json.loads(CliRunner().invoke(group, [*ask, "--json"]).stdout)
    assert written == tb.fit(tmp_path, sets=100).to_json()
