"""What lies outside of true sets is starred, and the page shows a whole run."""

import json
from dataclasses import replace

import pytest

from benchmarks import generalisation
from benchmarks.generalisation import (
    INTENSITIES,
    PARTS,
    Case,
    Part,
    frames,
    many,
    page,
    report,
    slope,
    trend_map,
    trends,
)
from benchmarks.reports import inside, scores_table, starred
from trendbench.runner.sample import Source


def card(*, flags=(), **values):
    scores = {name: {"value": value, "truth_low": -2.0, "truth_high": 2.0}
              for name, value in values.items()}  # fmt: skip
    return {"scores": {"k_error": None} | scores, "flags": list(flags)}


def test_every_pair_of_intensities_has_its_own_cell():
    cases = trends()
    assert len({case.name for case in cases}) == len(INTENSITIES) ** 2
    found = [card(k_error=0.001 * i) for i in range(len(cases))]
    rows = trend_map(found, starred("k_error", 3)).splitlines()[2:]
    cells = [float(cell) for row in rows for cell in row.strip("| ").split("|")[1:]]
    assert cells == pytest.approx([0.001 * i for i in range(len(cases))])
    at = cases[8].task
    assert (at.lambda_left, at.lambda_right) == (1e-3, 2e-3)


def test_what_no_true_set_reaches_is_starred():
    shown = starred("k_error", 1, signed=True)
    assert shown(card(k_error=1.9)) == "+1.9"
    assert shown(card(k_error=-2.1)) == "-2.1 \\*"
    assert starred("k_error", 1)(card()) == "—"


def test_a_level_trend_shows_the_intensity_s_error():
    assert slope(card(lambda0_error=0.5)) == "+0.5"
    assert slope(card(lambda0_error=0.5, k_error=-1.0)) == "-1.0"


def test_sets_within_are_counted_and_flags_told():
    found = [card(k_error=0.0), card(k_error=3.0, flags=["grey"]), card()]
    counted = inside({"all": found, "the last": found[2:]})
    assert "| score | all | the last |" in counted
    assert "| slope [standard errors] | 1 of 2 |  |" in counted
    assert "| no flag | 2 of 3 | 1 of 1 |" in counted
    assert "memorisation" not in counted
    table = scores_table({"strip": found[1]})
    assert "| slope [standard errors] | 3 \\* (-2 to 2) |" in table
    assert "| flags | grey |" in table


@pytest.mark.slow
def test_a_set_is_drawn_scored_and_kept(tmp_path, monkeypatch):
    """A small set from a stand-in for the weights; a second asking finds the card.

    Of another set by that name there is none yet.
    """
    from trendbench.generators.recipes import find_recipe, load_class

    recipe = find_recipe("oracle")
    source = Source(recipe, load_class(recipe.generator), None, [])
    monkeypatch.setattr(generalisation, "_CARDS", tmp_path)
    monkeypatch.setattr(generalisation, "_WORK", tmp_path / "work")
    monkeypatch.setattr(generalisation, "_source", lambda: source)
    drawn = []

    def draw(_source, dataset):
        drawn.append(dataset.spec.test)
        return dataset.load("test").r

    monkeypatch.setattr("trendbench.runner.sample.sample", draw)
    task = frames()[0].task.model_copy(update={"test": 3, "width": 128, "height": 64})
    case = Case("small", task)
    first = report(case)
    assert first["n"] == 3
    assert first["made"]["seed"] == case.seed
    assert first["scores"]["containment"]["value"] == 0
    assert json.loads(json.dumps(first)) == report(case)
    assert drawn == [3]
    assert report(Case("small", task.model_copy(update={"test": 4})))["n"] == 4


def test_ten_thousand_are_of_a_seed_that_no_choice_looked_at():
    """Not the test split's, nor the other parts', nor one that earlier recipes were compared by."""
    (case,) = many()
    assert case.task.test == 10_000
    assert case.classifier
    assert case.seed not in {0, generalisation._SEED, 41, 43}


def test_sets_of_two_seeds_are_kept_apart(monkeypatch):
    monkeypatch.setattr(generalisation, "_source", lambda: None)
    monkeypatch.setattr(generalisation, "_record", lambda _source: "seed0-x")
    case = frames()[0]
    assert generalisation._kept_at(case) == generalisation._kept_at(replace(case))
    assert generalisation._kept_at(case) != generalisation._kept_at(replace(case, seed=2))


def test_the_page_has_a_place_for_every_part():
    whole = page({name: f"TABLE OF {name}" for name in PARTS}, "seed0-x")
    assert [part for part in PARTS if f"TABLE OF {part}" in whole] == list(PARTS)
    assert "seed0-x" in whole
    assert "{" not in whole


def test_a_part_is_known_once_every_one_of_its_sets_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(generalisation, "_kept_at", lambda case: tmp_path / case.name)
    part = Part(frames, lambda found: f"{len(found)} sets")
    assert "Not measured" in part.known()
    strip, square = frames()
    (tmp_path / strip.name).write_text('{"n": 3}')
    assert "Not measured" in part.known()
    (tmp_path / square.name).write_text('{"n": 3}')
    assert part.known() == part.measured() == "2 sets"
