"""What many triplets cost follows from the rates, and the page shows a whole run."""

import re

from benchmarks.scaling import PAGE, Rates, page, tables

RATES = Rates(make=3.6e-3, draw=3.6e-4, nbytes=2e4, memory=300, train=1.6e-2)


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


def test_the_page_is_the_program_s_own():
    """All but the figures, which are measured anew each time."""
    figures = re.compile(r"\d[\d.,]*( (ms|s|min|h|days|kB|MB|GB|TB|PB))?|^Measured on.*$", re.M)
    plain = [figures.sub("#", text) for text in (PAGE.read_text(encoding="utf-8"), page(RATES))]
    assert plain[0] == plain[1], "python -m benchmarks.scaling --write"
