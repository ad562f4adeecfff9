"""Two leaderboards compared: by images where they are at hand, else by the rows' intervals."""

import csv
import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from tests.leaderboard.test_board import make, recipe_entry
from trendbench.cli.changes import changes_table
from trendbench.cli.main import group
from trendbench.errors import ResultError
from trendbench.leaderboard.board import CSV_NAME, refresh
from trendbench.leaderboard.compare import board_of, compare, read_board
from trendbench.results.store import StoredRecord, read_all, read_folder

N = 400


@pytest.fixture
def two(tmp_path):
    """nf8 rose by 0.02 under a spread of 1 that both share; nf16 went, nf32 came."""
    shared = np.random.default_rng(0).normal(1.3, 1.0, N)
    noise = np.random.default_rng(1).normal(0, 0.05, N)
    old, new = tmp_path / "old", tmp_path / "new"
    make(old, "nf8", n=N, ratio=1.3, half=0.1, images=shared)
    make(old, "nf16", n=N, ratio=1.1)
    make(new, "nf8", n=N, ratio=1.32, half=0.1, images=shared + 0.02 + noise, flags=("grey",))
    make(new, "nf32", n=N, ratio=1.1)
    for folder in (old, new):
        refresh(folder)
    return old, new


def changes(old, new, score="xi_ratio"):
    after = board_of(read_folder(new, "local"))
    found = compare(read_board(old, score), after, score)
    return {change.arch: change for change in found if change.task == "small"}


@pytest.mark.parametrize("named", ["", CSV_NAME])
def test_images_are_paired_where_the_records_lie_beside(two, named):
    old, new = two
    found = changes(old / named, new)
    assert list(found) == ["nf32", "nf8", "nf16"]
    nf8 = found["nf8"]
    assert nf8.basis == "same triplets"
    assert nf8.is_real
    assert (nf8.high - nf8.low) / 2 == pytest.approx(1.96 * 0.05 / np.sqrt(N), rel=0.15)
    assert (nf8.rank_before, nf8.rank_after) == (2, None)
    assert (found["nf16"].after, found["nf32"].before) == (None, None)
    assert not found["nf16"].is_real


def test_published_rows_stand_on_both_sides_of_a_folder_of_one_s_own(two):
    """As its board shows them; a folder that was published as a whole stands alone."""
    old, new = two
    after = board_of(read_all(new))
    found = compare(read_board(old, "xi_ratio"), after, "xi_ratio")
    published = [change for change in found if change.task == "trend-v1"]
    assert len(published) == 2
    assert {change.basis for change in published} == {"same value"}
    (old / "paper.csv").write_text("")
    alone = compare(read_board(old, "xi_ratio"), after, "xi_ratio")
    assert all(change.before is None for change in alone if change.task == "trend-v1")


@pytest.mark.parametrize(
    ("option", "name", "arches", "misspelt"),
    [("--family", "gan", {"gan"}, "gam"),
     ("--task", "small", {"nf8", "nf16", "nf32"}, "smal"),
     ("--arch", "nf32", {"nf32"}, "nf33")],
)  # fmt: skip
def test_a_family_task_or_name_is_chosen_on_both_sides(two, option, name, arches, misspelt):
    old, new = two
    arguments = ["--results", str(new), "--compare", str(old / CSV_NAME), "--json"]
    every = json.loads(CliRunner().invoke(group, ["leaderboard", *arguments]).stdout)
    chosen = json.loads(CliRunner().invoke(group, ["leaderboard", *arguments, option, name]).stdout)
    assert {change["arch"] for change in chosen} == arches
    assert len(every) > len(chosen)
    wrong = CliRunner().invoke(group, ["leaderboard", *arguments, option, misspelt])
    assert wrong.exit_code == 2
    assert f"did you mean '{name}'" in wrong.output


def test_a_family_that_has_no_row_on_a_task_is_no_misspelling(two):
    _, new = two
    make(new, "nf8", family="own", task="theirs")
    chosen = ["--results", str(new), "--task", "small", "--family", "own", "--json"]
    result = CliRunner().invoke(group, ["leaderboard", *chosen])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == []


def test_a_csv_alone_gives_the_wider_interval(two, tmp_path):
    """0.02 apart, half widths of 0.1: not told apart."""
    old, new = two
    alone = tmp_path / "elsewhere.csv"
    shutil.copy(old / CSV_NAME, alone)
    nf8 = changes(alone, new)["nf8"]
    assert nf8.basis == "both intervals"
    assert (nf8.low, nf8.high) == pytest.approx((0.02 - 0.1 * 2**0.5, 0.02 + 0.1 * 2**0.5))
    assert not nf8.is_real


def test_a_csv_that_says_otherwise_than_its_records_is_taken_at_its_word(two):
    old, new = two
    text = (old / CSV_NAME).read_text().replace("1.3,1.2,1.4", "1.9,1.8,2")
    assert text.count("1.9,1.8,2") > 0
    (old / CSV_NAME).write_text(text)
    nf8 = changes(old / CSV_NAME, new)["nf8"]
    assert (nf8.before, nf8.basis) == (1.9, "both intervals")


def test_what_did_not_change_is_no_change(two, tmp_path):
    old, _ = two
    alone = tmp_path / "elsewhere.csv"
    shutil.copy(old / CSV_NAME, alone)
    for before in (alone, old):
        for change in changes(before, old).values():
            assert change.basis == "same value"
            assert not change.is_real


def test_rows_on_other_data_are_not_compared(tmp_path):
    make(tmp_path / "a", "nf8")
    make(tmp_path / "b", "nf8", data={"sha256": "c" * 64, "train": 24, "seed": 4})
    lines = [board_of(read_folder(tmp_path / name, "local")) for name in "ab"]
    assert [(c.before, c.after) for c in compare(*lines, "xi")] == [(None, 1.3), (1.3, None)]


def recipe(letter, **changes):
    return {"generator": "quilt.py:Quilt", "parameters": {}, "sha256": letter * 64, **changes}


@pytest.mark.parametrize("only_csv", [False, True])
def test_rows_of_one_name_are_matched_by_recipe_and_family(tmp_path, only_csv):
    """Every row of both sides once; one's own is not set beside another author's."""
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        make(folder, "nf8", ratio=1.3)
        make(folder, "nf8", ratio=1.4, recipe=recipe_entry("nf8", epochs=40))
    make(old, "Quilt", family="own", recipe=recipe("d"), ratio=1.1)
    make(old, "Quilt", family="own", recipe=recipe("e"), ratio=1.2)
    make(new, "Quilt", family="own", recipe=recipe("d"), ratio=1.5)
    make(new, "Quilt", family="submitted", status="self-reported", recipe=recipe("f"), ratio=2.0)
    before = refresh(old)
    if only_csv:
        before = before.rename(tmp_path / "alone.csv")
    found = compare(read_board(before, "xi"), board_of(read_all(new)), "xi")
    mine = [c for c in found if c.task == "small"]
    assert {(c.arch, c.family, c.recipe[7:8], c.before, c.after) for c in mine} == {
        ("nf8", "study-2017", mine[0].recipe[7:8], 1.3, 1.3), ("Quilt", "own", "d", 1.1, 1.5),
        ("nf8", "study-2017", recipe_entry("nf8", epochs=40)["sha256"][:1], 1.4, 1.4),
        ("Quilt", "own", "e", 1.2, None), ("Quilt", "submitted", "f", None, 2.0),
    }  # fmt: skip
    assert {c.recipe[7:8] for c in mine if c.is_ambiguous} == {"e", "f"}
    assert len({(c.arch, c.variant) for c in mine}) == len(mine) == 5
    shown = changes_table(mine, "xi")
    assert shown.count("‡") == 3
    assert max(map(len, shown.splitlines())) <= 80


def test_one_s_own_and_a_published_row_of_a_recipe_go_with_their_own(tmp_path):
    published = [StoredRecord(s.record, s.path, "published") for s in made(tmp_path / "p", 1.1)]
    local = made(tmp_path / "l", 1.4)
    both = board_of([*published, *local])
    found = compare(both, board_of([*local, *published]), "xi")
    assert [(c.before, c.after) for c in found] == [(1.1, 1.1), (1.4, 1.4)]
    assert {c.variant for c in found} == {"origin=local", "origin=published"}
    assert [c.side for c in compare(board_of(local), both, "xi")] == ["after", "both"]
    assert [c.side for c in compare(board_of(published), board_of(local), "xi")] == ["both"]


def made(folder, ratio):
    make(folder, "nf8", ratio=ratio)
    return read_folder(folder, "local")


def test_a_board_without_the_column_recipe_is_refused_and_without_variant_is_not(two):
    old, _ = two
    table = list(csv.DictReader((old / CSV_NAME).read_text().splitlines()))
    for column, is_needed in (("variant", False), ("recipe", True)):
        kept = [name for name in table[0] if name != column]
        path = old.parent / "older.csv"
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, kept, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(table)
        if is_needed:
            with pytest.raises(ResultError, match="no rows with 'recipe'; trendbench leaderboard"):
                read_board(path, "xi")
        else:
            assert len(read_board(path, "xi")) == len(table)


def test_a_row_without_the_score_is_there_all_the_same(tmp_path):
    make(tmp_path / "a", "nf8", scores={"xi": None})
    make(tmp_path / "b", "nf8")
    a, b = (board_of(read_folder(tmp_path / name, "local")) for name in "ab")
    (change,) = compare(a, b, "xi")
    assert (change.side, change.before, change.after) == ("both", None, 1.3)
    assert "absent" not in changes_table([change], "xi")


def test_the_command(two, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    old, new = two
    arguments = ["--results", str(new), "--compare", str(old / CSV_NAME)]
    result = CliRunner().invoke(group, ["leaderboard", *arguments])
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    (line,) = [line for line in result.stdout.splitlines() if "nf8 " in line and "→" in line]
    assert line.split()[:6] == ["2→–", "2→3", "nf8", "1.3", "1.32", "+0.02"]
    assert line.rstrip().endswith("*")
    as_json = json.loads(CliRunner().invoke(group, ["leaderboard", *arguments, "--json"]).stdout)
    assert {entry["arch"] for entry in as_json} >= {"nf8", "nf16", "nf32"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it has no rows with 'task'"),
        (b"a,b\n1,2\n", "it has no rows with 'task'"),
        (b"\xff\xfe\x00", "not a CSV in UTF-8"),
        (b'"', "not a CSV in UTF-8"),
        (None, "larger than any leaderboard"),
    ],
)
def test_what_is_no_leaderboard_is_refused(tmp_path, content, message):
    path = tmp_path / "other.csv"
    path.write_bytes(content if content is not None else b"," * (1 << 24 | 1))
    with pytest.raises(ResultError, match=message):
        read_board(path, "xi")


@pytest.mark.parametrize(
    ("column", "text"),
    [("arch", "=cmd()"), ("arch", "\x1b[2J"), ("task", "../x"), ("xi", "nan"), ("xi_low", "1e999"),
     ("rank", "first"), ("data", "")],
)  # fmt: skip
def test_broken_cells_are_named_with_their_line(two, column, text):
    old, _ = two
    with (old / CSV_NAME).open(newline="") as file:
        table = list(csv.DictReader(file))
    table[1][column] = text
    with (old / CSV_NAME).open("w", newline="") as file:
        writer = csv.DictWriter(file, table[0])
        writer.writeheader()
        writer.writerows(table)
    alone = old.parent / "alone.csv"
    shutil.copy(old / CSV_NAME, alone)
    with pytest.raises(ResultError, match=f"line 3: .* is no {column}$"):
        read_board(alone, "xi")
