"""Text as Windows writes it: each reader takes a byte-order mark, and names another encoding."""

import codecs
import shutil

import pytest

from tests.leaderboard.test_board import make
from trendbench import catalog
from trendbench.errors import ResultError, TrendbenchError
from trendbench.generators.discovery import only_class
from trendbench.generators.recipes import find_recipe, load_class
from trendbench.leaderboard.board import CSV_NAME, refresh
from trendbench.leaderboard.compare import read_board
from trendbench.results.store import read_record
from trendbench.spec import load_spec
from trendbench.storage.bounded import decoded
from trendbench.submissions.entry import read_recipe
from trendbench.tuning.space import find_space

MINE = "class Mine:\n    def fit(self): pass\n"
OWN = 'name = "mine"\ngenerator = "a.b:C"\n'
SPACE = "[batch]\nlow = 1\nhigh = 4\n"


def space(path):
    recipe = find_recipe("pix2pix-8")
    return find_space(recipe, load_class(recipe.generator), path)


TEXTS = {
    "spec": ("a.toml", (catalog.DATASETS / "trend-v1.toml").read_text("utf-8"), load_spec),
    "recipe": ("a.toml", OWN, lambda path: find_recipe(str(path))),
    "search space": ("a.toml", SPACE, space),
    "an entry's recipe": ("a.md", "# How\n\nTrained.\n", read_recipe),
    "an entry's recipe in TOML": ("a.toml", "epochs = 3\n", read_recipe),
}


@pytest.mark.parametrize("what", TEXTS)
def test_a_byte_order_mark_and_line_ends_change_nothing(what, tmp_path):
    name, text, read = TEXTS[what]
    path = tmp_path / name
    path.write_bytes(text.encode())
    plain = read(path)
    path.write_bytes(codecs.BOM_UTF8 + text.encode())
    assert read(path) == plain
    path.write_bytes(codecs.BOM_UTF8 * 2 + text.encode())
    assert read(path) == plain
    path.write_bytes(text.replace("\n", "\r").encode("utf-8-sig"))
    assert read(path) == plain
    path.write_bytes(text.replace("\n", "\r\n").encode("utf-8-sig"))
    assert repr(read(path)).replace("\\r", "") == repr(plain)


@pytest.mark.parametrize("what", TEXTS)
@pytest.mark.parametrize(
    ("content", "words"),
    [("é".encode("utf-16"), "it is UTF-16: save it as UTF-8"),
     (codecs.BOM_UTF32_LE + "é".encode("utf-32-le"), "it is UTF-32: save it as UTF-8"),
     (codecs.BOM_UTF32_BE + "é".encode("utf-32-be"), "it is UTF-32: save it as UTF-8"),
     ("a = 1".encode("utf-16-le"), "NUL bytes, as UTF-16 without its mark does: save"),
     ("a = é".encode("utf-16-be"), "NUL bytes, as UTF-16 without its mark does: save"),
     ("a = 1".encode("utf-32-le"), "NUL bytes, as UTF-32 without its mark does: save"),
     ("a\n# é".encode("latin-1"), "line 2 is not UTF-8: save the file as UTF-8")],
)  # fmt: skip
def test_another_encoding_is_named(what, content, words, tmp_path):
    name, _, read = TEXTS[what]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(TrendbenchError, match=words) as caught:
        read(path)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_a_generator_s_file_is_read_as_python_reads_it(tmp_path):
    path = tmp_path / "mine.py"
    for content in (
        MINE.encode("utf-8-sig"),
        b"# -*- coding: latin-1 -*-\r\n# \xe9\r\n" + MINE.encode(),
        "# coding: cp1251\n# Будакян\n".encode("cp1251") + MINE.encode(),
    ):
        path.write_bytes(content)
        assert only_class(path) == "Mine"
    path.write_bytes(b"# \xe9\n" + MINE.encode())
    with pytest.raises(TrendbenchError, match=r"mine.py(:\d+)? is not Python"):
        only_class(path)


def test_a_board_that_a_spreadsheet_saved_again(tmp_path):
    make(tmp_path, "nf8", n=20, ratio=1.3)
    refresh(tmp_path)
    path = tmp_path / CSV_NAME
    text, rows = path.read_text("utf-8"), read_board(path, "xi_ratio")
    path.write_bytes(text.replace("\n", "\r\n").encode("utf-8-sig"))
    assert [line.row for line in read_board(path, "xi_ratio")] == [line.row for line in rows]
    path.write_bytes(text.replace(",", ";").encode("utf-8-sig"))
    with pytest.raises(ResultError, match="';' between its columns: save it with commas"):
        read_board(path, "xi_ratio")


def test_a_record_with_a_byte_order_mark_is_the_same_record(tmp_path):
    published = min(catalog.RESULTS.glob("trend-v1/pix2pix-8/seed*.json"))
    copy = tmp_path / published.name
    shutil.copy(published, copy)
    copy.write_bytes(codecs.BOM_UTF8 + published.read_bytes())
    assert read_record(copy) == read_record(published)


def test_decoding():
    assert decoded("½\n".encode("utf-8-sig")) == decoded("½\n".encode()) == "½\n"
    with pytest.raises(ValueError, match="line 1 is not UTF-8"):
        decoded(b"\xe9")
