"""Networks of all sizes see equally many images, and the page shows a whole campaign."""

import pytest
from click.testing import CliRunner

from benchmarks import data_size
from benchmarks.data_size import (
    ARCHS,
    IMAGES,
    PAGE,
    SIZES,
    Case,
    figure,
    known,
    main,
    page,
    report,
    tables,
)
from trendbench.figures.canvas import save
from trendbench.generators.recipes import find_recipe


def card(value=1.5):
    score = {"value": value, "low": 0.9 * value, "high": 1.1 * value}
    truth = {"truth_low": 1.0, "truth_high": 2.0}
    names = ("xi_ratio", "s2_error", "perimeter_error", "c2st_logloss")
    made = {"machine": "Measured on a slide rule."}
    return {"scores": dict.fromkeys(names, score | truth), "flags": [], "made": made}


@pytest.fixture
def everything():
    cases = [Case(arch, n) for arch in ARCHS for n in SIZES]
    return {case: card(1 + i / 5) for i, case in enumerate(cases)}


@pytest.mark.parametrize("arch", ARCHS)
def test_every_network_sees_as_many_images(arch):
    seen = [Case(arch, n).recipe.parameters["epochs"] * n for n in SIZES]
    assert seen == [IMAGES] * len(SIZES)


def test_a_published_run_of_the_same_is_not_repeated(tmp_path, monkeypatch):
    monkeypatch.setattr(data_size, "_CARDS", tmp_path)
    monkeypatch.setattr(data_size, "_measured", lambda case: pytest.fail(f"trains {case}"))
    found = report(Case("pix2pix-16", 3500))
    assert found["training"]["images_seen"] == IMAGES
    assert report(Case("pix2pix-16", 3500)) == found
    assert data_size._published(Case("pix2pix-16", 350)) is None
    assert data_size._published(Case("flow", 3500)) is None  # its published run is longer


@pytest.mark.slow
def test_a_network_is_trained_scored_and_kept(tmp_path, monkeypatch):
    """A tiny flow on a small task, found again when it is asked for again."""
    spec = data_size.load_spec("trend-v1").model_copy(
        update={"test": 20, "val": 1, "width": 64, "height": 64}
    )
    monkeypatch.setattr(data_size, "_CARDS", tmp_path)
    monkeypatch.setattr(data_size, "_WORK", tmp_path / "work")
    monkeypatch.setattr(data_size, "load_spec", lambda _, train: spec.model_copy(
        update={"train": train}))  # fmt: skip
    monkeypatch.setattr(data_size, "find_recipe", lambda arch, overrides: find_recipe(
        "flow", overrides={"width": 2, "coarse": 2, "steps": 3, "epochs": 1,
                           "ridge": 0.0}))  # fmt: skip
    monkeypatch.setattr("trendbench.metrics.full_card.full_card", without_classifier)
    first = report(Case("flow", 20))
    assert first["n"] == 20
    assert first["made"]["train"] == 20
    assert (tmp_path / f"{Case('flow', 20).name}.json").is_file()
    monkeypatch.setattr(data_size, "_measured", lambda case: pytest.fail(f"trains {case}"))
    assert report(Case("flow", 20)) == first


def without_classifier(images, dataset, *, name):
    from trendbench.metrics.card import score_images
    from trendbench.metrics.references import truth_of

    truth = truth_of(dataset)
    return score_images(images, truth, name=name, data=dataset.sha256, given=dataset.load("test"))


def test_each_row_has_a_table_of_all_sizes(everything):
    first, second = tables(everything).split("## `pix2pix-16`")
    assert "| 35 triplets | 350 triplets | 3 500 triplets | 35 000 triplets |" in first
    assert "| ξ/floor | 1 (1 to 2) | 1.2 (1 to 2) | 1.4 (1 to 2) | 1.6 (1 to 2) |" in first
    assert "| ξ/floor | 1.8 (1 to 2) | 2 (1 to 2) | 2.2 \\* (1 to 2) | 2.4 \\* (1 to 2) |" in second


def test_the_figure_shows_every_value_with_its_interval(everything, tmp_path):
    drawn = figure(everything)
    assert save(drawn, tmp_path / "a.png").stat().st_size > 10_000
    for axes in drawn.axes:
        lines = [bars.lines[0].get_xydata() for bars in axes.containers]
        assert [tuple(line[:, 0]) for line in lines] == [SIZES, SIZES]
        assert lines[1][:, 1] == pytest.approx([1.8, 2.0, 2.2, 2.4])


def test_a_row_without_a_score_leaves_a_gap(everything):
    everything[Case("pix2pix-16", 350)]["scores"]["s2_error"] = None
    axes = figure(everything).axes[1]
    assert tuple(axes.containers[1].lines[0].get_xdata()) == (35, 3500, 35_000)


def test_the_page_is_whole(everything):
    text = page(everything)
    assert "{" not in text
    assert "35 000 images in all" in text
    assert text.count("slide rule") == 1
    assert text.count("## `") == len(ARCHS)


def test_the_committed_page_is_of_the_committed_cards():
    found = {case: known(case) for case in (Case(arch, n) for arch in ARCHS for n in SIZES)}
    assert PAGE.read_text(encoding="utf-8") == page(found)


def test_no_page_is_written_from_half_a_campaign(tmp_path, monkeypatch):
    monkeypatch.setattr(data_size, "_CARDS", tmp_path)
    monkeypatch.setattr(data_size, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(data_size, "_measured", lambda case: card())
    ended = CliRunner().invoke(main, ["--n", "35", "--write"])
    assert ended.exit_code == 1
    assert "5 networks are not trained yet" in ended.output
    assert not (tmp_path / "page.md").exists()
