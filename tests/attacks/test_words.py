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
from trendbench.plain_text import checked_page, inert, is_plain
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


GOOD_PAGES = [
    "# How\n\n- trained for 10 epochs, x < 3 and a<3, *emphasis*\n\t1. tab\n",
    "[paper](https://example.org/a), [here](#below), E ξ = ½, 素材\r\n",
    'epochs = 3\nname = "x"\n',
]
BAD_PAGES = {
    "": "0 bytes", " \n": "2 bytes", "x" * 65537: "65537 bytes",
    "a\x00b": r"line 1 holds U\+0000", "ok\na\u202eb": r"line 2 holds U\+202E",
    "a\u200bb": r"U\+200B", "\ufeffa": r"U\+FEFF", "a\x1b[2J": r"U\+001B", "a\rb": r"U\+000D",
    "<script>x</script>": "HTML", "a <img src=x>": "HTML", "<!-- x -->": "HTML", "</p>": "HTML",
    "![x](https://example.org/p.png)": "a picture", "![x][1]": "a picture",
    "[x](javascript:alert)": "a link", "[x]( data:text/html,x)": "a link",
    "[x]: javascript:alert": "a link", "[x](JavaScript:alert)": "a link",
    "[x](file:///etc)": "a link",
}  # fmt: skip


@pytest.mark.parametrize("text", GOOD_PAGES)
def test_plain_pages_go_in(text):
    assert checked_page(text.encode()) == text


@pytest.mark.parametrize("text", BAD_PAGES)
def test_other_pages_do_not(text):
    with pytest.raises(ValueError, match=BAD_PAGES[text]):
        checked_page(text.encode())


def test_a_page_that_is_no_text():
    with pytest.raises(ValueError, match=r"not UTF-8 \(byte 1\)"):
        checked_page(b"a\xff")
    with pytest.raises(ValueError, match="not UTF-8"):
        checked_page("a\ud800".encode("utf-8", "surrogatepass"))
