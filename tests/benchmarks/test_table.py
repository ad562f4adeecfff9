"""The table of benchmarks says what was measured, and its page is the program's own."""

import re
from types import SimpleNamespace

import pytest

from benchmarks import convolutions, measure, simulation
from benchmarks.__main__ import PARTS
from benchmarks.page import PAGE, page
from benchmarks.plain_simulator import germs
from benchmarks.table import ABSENT, LIMIT, OK, REPORTED, SHORT, absent, at_least, at_most, markdown

HEADINGS = re.compile(r"^## (.+)$", re.M)


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (at_least("a", 2.0, 2.0, "times"), OK),
        (at_least("a", 1.99, 2.0, "times"), SHORT),
        (at_most("a", 2.0, 2.0, "times"), OK),
        (at_most("a", 2.01, 2.0, "times"), SHORT),
    ],
)
def test_a_limit_is_kept_or_not(row, verdict):
    assert row.verdict == verdict
    assert "2 times" in row.wanted


def test_a_missing_peer_is_said(monkeypatch):
    monkeypatch.setattr(
        simulation, "figures", lambda _: [1e-5, 2e-6, 4e-6, 1e-5, 2e-5, 1e-4, float("nan"), 1e-2]
    )
    rows = {row.what: row for row in simulation.measure(full=False)}
    assert rows["speed over OpenCV's circles"].verdict == ABSENT
    assert rows["speed over Pillow's ellipses"].measured == "10.0 times"
    assert rows["speed over Pillow's ellipses"].verdict == SHORT
    assert rows["speed over PoreSpy's spheres"].verdict == OK
    assert rows["  limit: germs alone, over a fill"].measured == "2.0 times"
    assert rows["  limit: the peer's germs by NumPy, empty page, ellipses"].measured == (
        "10 %, 20 %, 70 %"
    )


def test_every_part_says_what_is_the_least(monkeypatch):
    monkeypatch.setattr("benchmarks.page.machine", lambda: "Measured somewhere.")
    text = page([(part, []) for part in PARTS])
    assert HEADINGS.findall(text) == [part.TITLE for part in PARTS]
    assert all(part.LEAST in text for part in PARTS)


def test_a_table_has_a_line_a_row(monkeypatch):
    monkeypatch.setattr("benchmarks.page.machine", lambda: "Measured somewhere.")
    rows = [at_least("speed", 3.0, 2.0, "times"), absent("memory", "no peer")]
    part = SimpleNamespace(TITLE="Part", LEAST="Little.")
    assert markdown(rows) in page([(part, rows)])
    assert markdown(rows).splitlines()[2:] == [
        "| speed | 3.0 times | at least 2 times | ok |",
        "| memory | no peer |  | not measured |",
    ]


def test_the_page_shows_a_whole_run():
    text = PAGE.read_text(encoding="utf-8")
    assert HEADINGS.findall(text) == [part.TITLE for part in PARTS], "make bench WRITE=--write"
    assert all(part.LEAST in text for part in PARTS), "make bench WRITE=--write"
    verdicts = re.findall(r"\| ([^|]+) \|$", text, re.M)
    assert set(verdicts) <= {OK, SHORT, REPORTED, ABSENT, LIMIT, "verdict", "---"}


def test_the_peers_draw_our_law():
    import numpy as np

    rng = np.random.default_rng(1)
    counts = np.array([[len(x) for x, _ in germs(rng)] for _ in range(200)])
    area = 268.0**2
    expected = np.array([5e-4, 4e-3, 2.25e-3]) * area
    z = (counts.mean(axis=0) - expected) / np.sqrt(expected / 200)
    assert np.abs(z).max() < 4.5


def test_a_process_is_given_variables_and_its_words_are_kept():
    said = measure.process(
        "-c", "import os, sys; sys.stderr.write(os.environ['COLOUR'])", variables={"COLOUR": "red"}
    )
    assert said.said == "red"
    assert said.seconds > 0
    assert said.megabytes > 1


def test_the_ceiling_holds_every_convolution_of_a_step():
    calls = convolutions._calls("pix2pix-2", 2)
    generator = [call for call in calls if call.shape[1] == 2 or call.to_weights]
    judge = [call for call in calls if not call.to_weights]
    assert len(calls) == 2 * 8 + 3 * 5  # a U-Net of 8 halvings once, a judge of 5 layers thrice
    assert len(judge) == 5  # frozen while the generator learns from it
    assert all(call.to_input for call in judge)
    assert len(generator) >= 26
    assert {call.shape[0] for call in calls} == {2}
