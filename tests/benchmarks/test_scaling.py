"""What many triplets cost follows from the rates, and the page shows a whole run."""

import re

from benchmarks.cluster import Found
from benchmarks.scaling import PAGE, Plan, Rates, cluster_table, page, plan_table, tables

RATES = Rates(make=3.6e-3, draw=3.6e-4, nbytes=2e4, memory=300, train=1.6e-2, card=100)
DONE = Found(sweep=(100, 60, 80), killed=70, equal=True, score=(40, 20, 40))
PLAN = Plan((3500.0, 800.0, 800.0))


def test_costs_are_rates_times_triplets():
    _, costs = tables(RATES)
    row = {
        name.strip(): [cell.strip() for cell in cells]
        for name, *cells in (line.strip("| ").split("|") for line in costs.splitlines())
    }
    assert row["written to a file, on one core"] == ["60 min", "4.2 days"]
    assert row["drawn on the fly once, on one core"] == ["6 min", "10 h"]
    assert row["on disk"] == ["20 GB", "2 TB"]
    assert row["dollars to write them"] == ["0.04", "4"]
    assert row["dollars to keep the file for a month"] == ["0.4", "40"]
    assert row["one epoch of pix2pix-8 on 16 cores, at best"] == ["17 min", "28 h"]


def cells(table):
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.splitlines()]


def test_efficiency_counts_the_cores_that_workers_can_use(monkeypatch):
    monkeypatch.setattr("benchmarks.cluster.cores", lambda: 2)
    rows = cells(cluster_table(DONE))
    assert rows[2] == ["1", "100 s", "1.00", "40 s", "1.00"]
    assert rows[3] == ["2", "60 s", "0.83", "20 s", "1.00"]
    assert rows[4] == ["4", "80 s", "0.62", "40 s", "0.50"]
    assert rows[5][:2] == ["2, one killed", "70 s"]


def test_the_longest_runs_begin_first():
    assert PLAN.elapsed(seeds=1, workers=1, card=100) == 5400
    assert PLAN.elapsed(seeds=1, workers=2, card=100) == 3600
    assert PLAN.elapsed(seeds=3, workers=200, card=100) == 3600
    rows = cells(plan_table(PLAN, 100))
    assert rows[2] == ["training and drawing", "1.4 core hours"]
    assert rows[-1] == ["3 seeds on 100 machines of two cores", "60 min"]


def test_the_page_is_the_program_s_own():
    """All but the figures, which are measured anew each time."""
    figures = re.compile(r"\d[\d.,]*( (ms|s|min|h|days|kB|MB|GB|TB|PB))?|^Measured on.*$", re.M)
    plain = [
        figures.sub("#", text)
        for text in (PAGE.read_text(encoding="utf-8"), page(RATES, DONE, PLAN))
    ]
    assert plain[0] == plain[1], "python -m benchmarks.scaling --write"
