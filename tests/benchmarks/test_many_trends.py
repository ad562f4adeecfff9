"""Every training triplet has a trend of its own, and the maps leave out what no process can be."""

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import many_trends
from benchmarks.generalisation import Case, pairs, trends
from benchmarks.many_trends import INTENSITIES, PAGE, main, page, processes, report, triplets
from benchmarks.reports import at
from trendbench.errors import SpecError
from trendbench.generators.recipes import find_recipe
from trendbench.spec import load_spec


def card(value=0.5):
    score = {"value": value, "truth_low": 0.0, "truth_high": 1.0}
    scores = dict.fromkeys(("xi_ratio", "lambda0_error", "k_error"), score)
    return {"scores": scores, "flags": [], "made": {"machine": "Measured on a slide rule."}}


def test_trends_rise_and_fall_evenly_in_the_logarithm_of_both_ends():
    drawn = processes(3500)
    ends = 1000 * np.array([(one.lambda_left, one.lambda_right) for one in drawn])
    assert len(np.unique(ends)) == 7000
    assert (ends.min(), ends.max()) == (pytest.approx(0.5, rel=0.01), pytest.approx(16, rel=0.01))
    assert np.median(ends, axis=0) == pytest.approx([8**0.5] * 2, rel=0.1)
    assert np.mean(ends[:, 0] > ends[:, 1]) == pytest.approx(0.5, abs=0.03)
    assert drawn[:5] == processes(5)


def test_each_triplet_is_of_its_own_process():
    several = processes(12)
    series = triplets(several)
    assert series.r.shape == (12, 256, 256)
    ink = [(images == 0).mean(axis=(1, 2)) for images in (series.s1, series.s2)]
    expected = [
        [1 - np.exp(-getattr(one, end) * np.pi * one.radius**2) for one in several]
        for end in ("lambda_left", "lambda_right")
    ]
    assert np.array(ink) == pytest.approx(np.array(expected), abs=0.06)
    # Beyond its ends the trend goes on, so near them r may show what neither input has.
    s1, s2, r = (images[:, :, 12:-12] for images in (series.s1, series.s2, series.r))
    assert np.all((np.minimum(s1, s2) <= r) & (r <= np.maximum(s1, s2)))
    assert np.all((r != s1).any(axis=(1, 2)) & (r != s2).any(axis=(1, 2)))


def test_pairs_are_those_that_a_process_can_have():
    """Of which the spec itself is the judge."""
    known = load_spec("trend-v1")
    possible = set(pairs(INTENSITIES))
    for left in INTENSITIES:
        for right in INTENSITIES:
            fields = {**known.model_dump(), "lambda_left": left / 1e3, "lambda_right": right / 1e3}
            try:
                type(known)(**fields)
            except SpecError:
                assert (left, right) not in possible
            else:
                assert (left, right) in possible
    assert 36 < len(possible) < len(INTENSITIES) ** 2


@pytest.mark.slow
def test_a_network_is_trained_once_and_draws_sets_that_are_kept(tmp_path, monkeypatch):
    """A tiny flow on a few triplets."""
    tiny = find_recipe("flow", overrides={"width": 2, "coarse": 2, "steps": 3, "epochs": 1,
                                          "ridge": 0.0})  # fmt: skip
    monkeypatch.setattr(many_trends, "find_recipe", lambda arch: tiny)
    monkeypatch.setattr(many_trends, "_TRAIN", 20)
    for name in ("_WORK", "_CARDS", "WEIGHTS"):
        monkeypatch.setattr(many_trends, name, tmp_path / name)
    monkeypatch.setattr("benchmarks.generalisation._WORK", tmp_path)
    task = trends()[0].task.model_copy(update={"test": 3, "width": 64, "height": 64})
    first = report(Case("small", task))
    assert first["n"] == 3
    assert len(list((tmp_path / "_CARDS").iterdir())) == 1
    monkeypatch.setattr(many_trends, "train", lambda folder: pytest.fail("trains again"))
    monkeypatch.setattr(many_trends, "drawn_and_scored", lambda *_: pytest.fail("draws again"))
    assert report(Case("small", task)) == first


def test_the_page_is_whole():
    text = page([card(i / 40) for i in range(len(pairs(INTENSITIES)))])
    assert "{" not in text
    assert text.count("slide rule") == 1
    assert "0.25 and 32.0 · 10⁻³ px⁻² lie outside" in text
    row = next(line for line in text.splitlines() if line.startswith("| 32.0 |"))
    assert row == "| 32.0 |  |  | 1.30 \\* | 1.32 \\* | 1.35 \\* | 1.38 \\* | 1.40 \\* | 1.43 \\* |"


def test_the_committed_page_is_of_the_committed_cards():
    found = [at(many_trends._kept_at(case)) for case in trends(INTENSITIES)]
    assert PAGE.read_text(encoding="utf-8") == page(found)


def test_no_page_is_written_before_every_set_is_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(many_trends, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(many_trends, "_kept_at", lambda case: tmp_path / case.name)
    monkeypatch.setattr(
        many_trends, "report", lambda case: (tmp_path / case.name).write_text("[0]")
    )
    ended = CliRunner().invoke(main, ["--left", "0.5", "--write"])
    assert ended.exit_code == 1
    assert "51 sets are not drawn yet" in ended.output
    assert not (tmp_path / "page.md").exists()
