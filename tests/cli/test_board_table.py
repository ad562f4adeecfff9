"""The board on a terminal: nothing is cut, nothing runs over, and a wide one is used."""

import pytest

from tests.leaderboard.test_board import make, recipe_entry
from trendbench import catalog
from trendbench.cli.board_table import board_tables
from trendbench.cli.terminal import table_text, terminal_width
from trendbench.leaderboard.board import rows
from trendbench.results.store import read_all, read_folder


def test_the_published_board_fits_80_columns():
    board = rows(read_all(catalog.RESULTS))
    text = board_tables(board)
    assert max(len(line) for line in text.splitlines()) <= 80
    shown = text.replace(",", "").split()
    for row in board:
        name = row["arch"]  # what is longer than its column goes on in the next line
        assert any({name[:k], name[k:]} - {""} <= set(shown) for k in range(17, 65))
        assert set(row["flags"].split(";")) - {""} <= set(shown)
        assert row["paper_xi"] is None or row["paper_xi"] in shown
    assert ("status" in shown) == any(row["status"] != "reproduced" for row in board)


@pytest.mark.parametrize("width", [80, 160])
def test_status_has_a_column_and_flags_share_lines(tmp_path, width):
    flags = ["below-floor", "collapsed", "memorised", "wrong-texture"]
    recipe = {"generator": "submitted", "parameters": {}, "source": "e" * 64, "sha256": "e" * 64}
    sent = {"recipe": recipe, "status": "self-reported", "family": "submitted"}
    make(tmp_path, "theirs", **sent, flags=["grey"])
    make(tmp_path, "nf8", recipe=recipe_entry("nf8", epochs=20), flags=flags)
    make(tmp_path, "nf8", flags=["grey"])
    text = board_tables(rows(read_folder(tmp_path, "local")), width)
    assert max(map(len, text.splitlines())) <= width
    assert {"self-reported", "local", "epochs=20"} <= set(text.replace(",", "").split())
    (head,) = [line for line in text.splitlines() if "flags" in line and "arch" in line]
    place, end = head.index("flags"), head.index("status")
    listed = " ".join(line[place:end].strip() for line in text.splitlines() if len(line) > place)
    assert "local" not in listed and "self-reported" not in listed  # noqa: PT018
    assert ("below-floor, collapsed, memorised, wrong-texture" in text) == (width == 160)
    assert ("paper ξ" in head) == (width == 160)


@pytest.mark.parametrize(("columns", "width"), [("160", 160), ("40", 80), ("nonsense", 80)])
def test_the_width_is_that_of_the_terminal(monkeypatch, columns, width):
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr("sys.__stdout__", None)  # no terminal
    assert terminal_width() == width


def test_a_table_is_markdown_in_a_file_and_aligned_at_a_terminal(monkeypatch):
    heads, lines = (
        ["score", "by"],
        [["`xi`", "a|b".replace("|", "\\|")], ["s2_error", "word " * 40]],
    )
    assert table_text(heads, lines).startswith("| score | by |\n| --- | --- |\n| `xi` | a\\|b |")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    shown = table_text(heads, lines).splitlines()
    assert max(map(len, shown)) <= 80
    assert " xi       a|b" in shown
    assert " ".join(shown).split().count("word") == 40


def test_no_word_of_a_variant_is_broken_at_80_columns(tmp_path):
    make(tmp_path, "nf16", data={"sha256": "a" * 64, "train": 3_500_000, "seed": 0})
    make(tmp_path, "nf16", data={"sha256": "a" * 64, "train": 3500, "seed": 0})
    text = board_tables(rows(read_folder(tmp_path, "local")))
    assert {"train=3500000", "train=3500"} <= set(text.split())
    assert max(map(len, text.splitlines())) <= 80
