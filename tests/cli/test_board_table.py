"""The board on a terminal of 80 columns: nothing is cut, nothing runs over."""

from trendbench import catalog
from trendbench.cli.board_table import board_tables
from trendbench.leaderboard.board import rows
from trendbench.results.store import read_all


def test_the_published_board_fits_80_columns():
    board = rows(read_all(catalog.RESULTS))
    text = board_tables(board)
    assert max(len(line) for line in text.splitlines()) <= 80
    shown = text.split()
    for row in board:
        assert row["arch"][:17] in shown  # what is longer goes on in the next line
        assert row["arch"][17:] in text
        assert set(row["flags"].split(";")) - {""} <= set(shown)
        assert row["paper_xi"] is None or row["paper_xi"] in shown
