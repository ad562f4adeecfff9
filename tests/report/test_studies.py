"""A study's page: reached from the index, the same every time, with every trial on it."""

import json
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest

from trendbench import catalog
from trendbench.report.build import write_report
from trendbench.report.studies import make_study
from trendbench.results.study import StudySummary, read_studies, study_path

NAME = "small-nf8-0123456789ab"
EVIL = "x<img src=y onerror=hacked()>"


def trial(number, value, state="complete", flags=("grey",), **parameters):
    own = {"eta": 10.0**number, "batch": 4, "kind": EVIL, **parameters}
    return {
        "number": number, "state": state, "value": value, "flags": list(flags), "parameters": own,
        "xi_ratio": None if value is None else value + 1 - len(flags), "epochs": [1, 2],
        "values": [3.0, 2.0], "seconds": 1.5, "ended": None,
    }  # fmt: skip


@pytest.fixture
def summary():
    return StudySummary.model_validate({
        "format": "trendbench-study/1", "name": NAME, "task": "small", "arch": "nf8",
        "family": "pix2pix", "generator": EVIL, "recipe": {"eta": 100.0, "batch": 4},
        "data": "a" * 64, "train": 24, "val": 6, "seed": 0, "epochs": 2, "precision": "fp32",
        "code": {"version": "0.1.0", "sha256": "b" * 64},
        "space": {"eta": {"low": 1.0, "high": 1000.0, "log": True},
                  "batch": {"low": 1, "high": 8}, "kind": {"choices": [EVIL, "plain"]}},
        "importances": {"eta": 0.75, "batch": 0.25}, "best": 2,
        "trials": [trial(0, 3.5), trial(1, 4.5, "pruned"), trial(2, 1.25),
                   trial(3, None, "failed")],
    })  # fmt: skip


@pytest.fixture
def results(summary, tmp_path, monkeypatch):
    (tmp_path / "published").mkdir()
    shutil.copy(catalog.RESULTS / "paper.csv", tmp_path / "published")
    monkeypatch.setattr(catalog, "RESULTS", tmp_path / "published")
    path = study_path(tmp_path / "results", summary.name)
    path.parent.mkdir(parents=True)
    path.write_text(summary.to_json())
    return tmp_path / "results"


def test_the_index_leads_to_a_page_and_back(results, tmp_path):
    index = write_report(results, tmp_path / "report")
    page = index.parent / "studies" / f"{NAME}.html"
    assert f'<a href="studies/{NAME}.html"><bdi>nf8</bdi> on small</a>' in index.read_text()
    links = []

    class Links(HTMLParser):
        def handle_starttag(self, tag, attrs):
            links.extend(value for key, value in attrs if key in ("href", "src"))
            assert tag not in ("script", "img", "style")
            assert not [key for key, _ in attrs if key.startswith("on") or key == "style"]

    text = page.read_text()
    Links().feed(text)
    assert links
    for link in links:
        assert (page.parent / link.partition("#")[0]).is_file(), link
    assert "img-src 'self'; style-src 'self'; base-uri 'none'" in text
    assert EVIL not in text
    again = write_report(results, tmp_path / "again")
    assert (again.parent / "studies" / f"{NAME}.html").read_bytes() == page.read_bytes()
    write_report(results, index.parent)  # an earlier report, with studies, can be replaced
    # The report's records can be read as results.
    assert [s.name for s in read_studies(index.parent / "records")] == [NAME]


def test_without_studies_nothing_is_said_of_them(results, tmp_path):
    study_path(results, NAME).unlink()
    assert "Searches" not in write_report(results, tmp_path / "report").read_text()


def test_every_trial_is_on_the_page_the_best_first(summary):
    study = make_study(summary)
    assert [line.number for line in study.trials] == [2, 0, 1, 3]
    assert [line.value for line in study.trials] == ["1.250", "3.500", "4.500", "–"]
    assert study.lead == (
        "4 trials of 2 epochs, 1 of them cut short; the best has value 1.25: ξ/floor 1.25, grey."
    )
    assert [(line.own, line.best, line.share) for line in study.space][:2] == [
        ("100", "100", "75 %"), ("4", "4", "25 %"),
    ]  # fmt: skip


def test_the_plots_show_each_trial_where_its_parameter_is(summary):
    history, by_epoch, eta, batch, kind = make_study(summary).plots
    dots = {path.kind: path.d.count("h0") for path in history.paths}
    assert dots["points"] == 2
    assert dots["cut"] == 1
    assert len(by_epoch.paths) == 3
    assert [tick.text for tick in by_epoch.x_ticks] == ["1", "2"]
    # η = 1, 10, 100 of 1 … 1000: a third of a logarithmic axis apart.
    drawn = {path.kind: path.d for path in eta.paths}
    at = [float(step.split()[0]) for step in (drawn["points"] + drawn["cut"]).split("M")[1:]]
    width = eta.right - eta.left
    assert at == pytest.approx(eta.left + np.array([0, 2, 1]) / 3 * width, abs=0.1)
    assert [tick.text for tick in kind.x_ticks] == [EVIL, "plain"]
    assert batch.title == "batch"


def test_a_study_without_a_finished_trial_has_a_page(summary):
    empty = summary.model_copy(update={"trials": [], "best": None, "importances": {}})
    study = make_study(empty)
    assert study.plots == []
    assert study.lead == "0 trials of 2 epochs, 0 of them cut short."


def test_a_summary_that_makes_no_sense_is_left_out(results, summary, capfd):
    path = study_path(results, NAME)
    for content in ("{", "[]", summary.to_json().replace('"grey"', '"=cmd()"', 1),
                    summary.to_json().replace(NAME, "small-nf8-other")):  # fmt: skip
        path.write_text(content)
        assert read_studies(results) == []
        assert "left out" in capfd.readouterr().err
    path.write_text(json.dumps(json.loads(summary.to_json())))
    assert read_studies(results) == [summary]
