"""Text that would be a formula, markup or a command elsewhere stays text, or does not go in."""

import csv
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from trendbench.cli.main import group
from trendbench.leaderboard.board import COLUMNS, to_csv
from trendbench.plain_text import inert, is_plain
from trendbench.progress import say

ROOT = Path(__file__).parents[2]
MOVES = ["\x1b[2J", "\x07", "\x9b31m", "\u202e", "\u2066", "\u200b", "\ufeff", "\u2028", "\r",
         "\x00", "\ud800", "\U000e0041"]  # fmt: skip


@pytest.mark.parametrize("mark", MOVES)
def test_what_moves_a_terminal_is_shown_as_an_escape(mark, capsys):
    assert not is_plain(mark)
    say(f"before{mark}after\nnext")
    said = capsys.readouterr().err
    assert said.isprintable() or said.rstrip("\n").isprintable()
    assert said.count("\n") == 1
    assert said.startswith("before\\")


@pytest.mark.parametrize("text", ["ξ = ½", "素材, кириллица", "px⁻²", "a b", ""])
def test_letters_of_any_language_are_left_alone(text):
    assert inert(text) == text


def test_a_megabyte_becomes_a_line():
    assert len(inert("a" * 1_000_000)) == 2000


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "=a|'x'!A0"])
def test_a_formula_in_the_board_s_csv_is_text(text):
    row = dict.fromkeys(COLUMNS) | {"arch": text}
    _, line = csv.reader(io.StringIO(to_csv([row])))
    assert line[COLUMNS.index("arch")] == f"'{text}"


def test_markup_and_line_ends_in_the_board_s_csv_stay_in_their_cell():
    row = dict.fromkeys(COLUMNS) | {"arch": 'a,"b"\n<b>x\r</b>', "device": "[red]x[/red]"}
    lines = list(csv.reader(io.StringIO(to_csv([row])), strict=True))
    assert len(lines) == 2
    assert lines[1][COLUMNS.index("arch")] == 'a,"b"\n<b>x </b>'


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\x1b[2J", "a\u202eb", "a\x00b", "a" * 65])
def test_a_name_on_a_card_can_be_seen_and_stays_in_its_line(small_file, tmp_path, name):
    np.save(tmp_path / "a.npy", np.zeros(1))
    result = CliRunner().invoke(
        group, ["score", str(tmp_path / "a.npy"), "--data", str(small_file), "--name", name]
    )
    assert result.exit_code == 2
    assert "a name is 1 to 64 characters" in result.output


def test_a_name_with_dollars_is_drawn_as_it_is(tmp_path):
    from trendbench.figures.canvas import new_figure, save, style

    with style():
        figure = new_figure(3, 2)
        figure.add_subplot(title=r"$\frac{$").plot([1, 2], label="$_$")
        save(figure, tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_a_hostile_file_name_is_one_inert_line(tmp_path):
    name = "a\x1b[2J\u202e\nb.h5"
    (tmp_path / name).write_text("x")
    result = subprocess.run(
        [sys.executable, "-m", "trendbench", "info", str(tmp_path / name)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 2
    assert result.stderr.rstrip("\n").isprintable()
