"""The leaderboard: one row per recipe over its seeds, ranked by honest intervals."""

import csv
import hashlib
import io

import numpy as np
import pandas as pd
import pytest
from pandas._libs.parsers import STR_NA_VALUES
from pydantic import ValidationError

import trendbench as tb
from trendbench import catalog
from trendbench.cli.board_table import board_tables
from trendbench.errors import ResultError
from trendbench.generators.recipes import find_recipe
from trendbench.leaderboard.board import COLUMNS, SCORES, label, refresh, rows, superseded, to_csv
from trendbench.metrics.metric import Score
from trendbench.metrics.registry import METRICS
from trendbench.plain_text import reads_back
from trendbench.results.record import RunRecord
from trendbench.results.store import (
    StoredRecord,
    pack_per_image,
    read_all,
    read_folder,
    read_record,
    write_record,
)


def make(
    results, arch="nf8", *, seed=0, ratio=1.3, half=0.05, flags=(), n=40, images=None,
    names=SCORES, **changes,
):  # fmt: skip
    """Write a record whose scores are all ``ratio``; ``images`` are their values by image."""
    rng = np.random.default_rng(seed)
    by_image = rng.normal(ratio, 0.2, n) if images is None else images
    per_image = dict.fromkeys(names, by_image)
    packed = pack_per_image(per_image)
    score = {
        name: Score(
            value=ratio, low=ratio - half, high=ratio + half, truth=1.0, truth_low=0.97,
            truth_high=1.03, unit="1", version=METRICS[name].version,
        )
        for name in names
    }  # fmt: skip
    fields = {
        "task": "small", "arch": arch, "family": "study-2017", "status": "reproduced", "seed": seed,
        "recipe": changes.get("recipe") or recipe_entry(arch),
        "data": {"sha256": "a" * 64, "train": 24, "seed": 3},
        "code": {"version": "0.1.0", "sha256": "b" * 64},
        "hardware": {"device": "CPU", "precision": "fp32"},
        "training": {
            "epochs": 10.0, "images_seen": 240, "seconds": 5.0, "sampling_seconds": 1.0,
            "sampling_seed": 2,
        },
        "parameters": 100, "conditional": True, "privileged": False, "n_test": n,
        "xi_floor": 0.004, "scores": score, "flags": list(flags),
        "images": hashlib.sha256(packed).hexdigest(), "finished": "2026-01-02T03:04:05Z",
    }  # fmt: skip
    return write_record(results, RunRecord.model_validate({**fields, **changes}), packed)


def recipe_entry(arch, **overrides):
    recipe = find_recipe(arch, overrides=overrides)
    return {"generator": recipe.generator, "parameters": recipe.parameters, "preset": "short",
            "sha256": recipe.sha256}  # fmt: skip


def local(results):
    return rows([s for s in read_all(results) if s.origin == "local"])


def test_order_and_shared_ranks(tmp_path):
    """Reference rows and rows with flags stand behind those with a rank."""
    make(tmp_path, "nf8", ratio=1.50)
    make(tmp_path, "nf16", ratio=0.98)
    make(tmp_path, "nf32", ratio=1.06)
    make(tmp_path, "nf32-woUnet", ratio=1.30)
    make(tmp_path, "nf16-woUnet", ratio=1.001, flags=["grey"])
    make(tmp_path, "nf16-3x3-woUnet", ratio=1.0, family="reference")
    table = [(row["rank"], row["arch"]) for row in local(tmp_path)]
    assert table == [
        (1, "nf16"), (1, "nf32"), (3, "nf32-woUnet"), (4, "nf8"), (None, "nf16-3x3-woUnet"),
        (None, "nf16-woUnet"),
    ]  # fmt: skip


def test_ranks_start_anew_for_other_data(tmp_path):
    make(tmp_path, "nf8", ratio=1.5)
    other = {"sha256": "c" * 64, "train": 24, "seed": 4}
    make(tmp_path, "nf16", ratio=2.0, data=other)
    assert [(row["rank"], row["data"][:8]) for row in local(tmp_path)] == [
        (1, "sha256:a"), (1, "sha256:c"),
    ]  # fmt: skip


def test_seeds_are_pooled_with_intervals_over_both(tmp_path):
    """Two seeds that disagree widely: the interval is that of Student's t with one degree."""
    make(tmp_path, seed=0, ratio=1.0)
    make(tmp_path, seed=1, ratio=1.4)
    (row,) = local(tmp_path)
    assert row["seeds"] == 2
    assert row["intervals"] == "seeds and images"
    assert row["xi_ratio"] == pytest.approx(1.2)
    assert row["xi_ratio_high"] - 1.2 == pytest.approx(12.7 * 0.2, rel=0.3)
    assert row["s2_error_low"] == METRICS["s2_error"].minimum == 0


def test_of_two_records_of_a_seed_the_newer_counts(tmp_path):
    make(tmp_path, ratio=1.9)
    make(tmp_path, ratio=1.2, finished="2026-02-02T03:04:05Z")
    (row,) = local(tmp_path)
    assert (row["seeds"], row["xi_ratio"], row["intervals"]) == (1, 1.2, "images only")


def test_what_newer_records_stand_before_is_counted_and_named(tmp_path, in_process):
    """Newest by its own date, whatever order the files have; another seed replaces nothing."""
    old = make(tmp_path, ratio=1.9)
    make(tmp_path, ratio=1.2, finished="2026-02-02T03:04:05Z")
    make(tmp_path, seed=1)
    (row,) = local(tmp_path)
    assert (row["seeds"], row["superseded"]) == (2, 1)
    assert [s.path for s in superseded(read_all(tmp_path))] == [old]
    done = in_process("leaderboard", "--results", tmp_path, "--task", "small")
    (line,) = [line for line in done.stderr.splitlines() if "older records" in line]
    assert line.endswith(f": 1: {old}")


def test_rows_of_one_name_say_in_what_they_differ(tmp_path):
    """Hyper-parameters first; where they agree, the generator's file; at last the origin."""
    own = {"generator": "q.py:Q", "parameters": {"eta": 1.0}, "sha256": "c" * 64}
    make(tmp_path, "nf16")
    make(tmp_path, "nf8")
    make(tmp_path, "nf8", recipe=recipe_entry("nf8", epochs=40, extra=True))
    make(tmp_path, "Q", family="own", recipe=own | {"source": "1" * 64})
    make(tmp_path, "Q", family="own", recipe=own | {"source": "2" * 64, "sha256": "d" * 64})
    make(tmp_path, "one", family="own", recipe=own)
    make(tmp_path, "one", family="own", recipe=own | {"parameters": {"eta": 1}, "sha256": "e" * 64})
    records = [s for s in read_all(tmp_path) if s.origin == "local"]
    epochs = find_recipe("nf8").parameters["epochs"]
    told = {(row["arch"], row["variant"]) for row in rows(records)}
    assert told == {
        ("nf16", ""), ("nf8", f"epochs={epochs}, extra=default"), ("nf8", "epochs=40, extra=true"),
        ("Q", "source=11111111 of 2026-01-02 03:04"), ("Q", "source=22222222 of 2026-01-02 03:04"),
        ("one", "recipe=cccccccc"), ("one", "recipe=eeeeeeee"),
    }  # fmt: skip
    twice = [*records, *(StoredRecord(s.record, s.path, "published") for s in records)]
    shown = rows(twice)
    assert len({(row["arch"], row["variant"]) for row in shown}) == len(shown) == 14
    assert {label(row) for row in shown} >= {"nf16 (origin=local)", "nf16 (origin=published)"}
    assert len({(line["arch"], line["variant"]) for line in csv_lines(shown)}) == 14


def csv_lines(board):
    return list(csv.DictReader(io.StringIO(to_csv(board))))


def test_what_the_seeds_of_a_row_ran_on_is_all_said(tmp_path):
    make(tmp_path)
    make(tmp_path, seed=1, hardware={"device": "GPU", "precision": "fp32"}, privileged=True)
    (row,) = local(tmp_path)
    assert (row["device"], row["privileged"]) == ("CPU; GPU", True)


def test_names_come_back_from_pandas(tmp_path):
    """Every spelling that pandas takes for missing is refused, in any case of its letters."""
    lost = {*STR_NA_VALUES, "None", "True", "false", "007", "1e5", "inf", "-Infinity", "2017-06-02"}
    for word in lost:
        assert not any(map(reads_back, (word, word.lower(), word.upper()))), word
    assert all(map(reads_back, ("nf8", "NA-1", "nano", "1e5x", "Truth", "inf2", "a laptop")))
    read = pd.read_csv(io.StringIO("name\n" + "\n".join(["NA-1", "nano", "1e5x", "inf2"])))
    assert list(read.name) == ["NA-1", "nano", "1e5x", "inf2"]
    for field in ("arch", "task", "family"):
        with pytest.raises(ValidationError, match="would not be read back"):
            make(tmp_path, **{"recipe": recipe_entry("nf8"), field: "nan"})


def test_a_record_with_such_a_name_is_left_out_with_a_word(tmp_path, capsys):
    path = make(tmp_path)
    renamed = path.with_name("seed0-000000000000.json")
    renamed.write_text(path.read_text().replace('"arch": "nf8"', '"arch": "NA"'))
    assert len(local(tmp_path)) == 1
    assert f"left out: {renamed}: arch: 'NA' would not be read back" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_no_board(tmp_path, monkeypatch, in_process):
    """Named, it is missed; the default need not exist."""
    make(tmp_path / "results")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ResultError, match="result does not exist: did you mean 'results'"):
        tb.load_results("result")
    with pytest.raises(ResultError, match="nowhere does not exist: name a folder"):
        tb.load_results("nowhere")
    assert "small" in set(tb.load_results().task) == set(tb.load_results("results").task)
    done = in_process("leaderboard", "--results", "result", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "did you mean 'results'?" in done.stderr
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert set(tb.load_results().origin) == {"published"}


def test_stale_rows_are_marked_and_unranked(tmp_path):
    old = find_recipe("nf8").parameters | {"eta": 50.0}
    entry = {"generator": find_recipe("nf8").generator, "parameters": old, "preset": "short",
             "sha256": "d" * 64}  # fmt: skip
    make(tmp_path, recipe=entry)
    make(tmp_path, "nf16", data={"sha256": "a" * 64, "train": 3500, "seed": 0}, task="trend-v1")
    numbers = dict.fromkeys(("value", "low", "high", "truth", "truth_low", "truth_high"), 1.0)
    scores = {"xi": Score(**numbers, unit="1", version=99)}
    make(tmp_path, "nf32", scores=scores)
    assert [(row["arch"], row["status"], row["rank"]) for row in local(tmp_path)] == [
        ("nf8", "stale", None), ("nf32", "stale", None), ("nf16", "stale", None),
    ]  # fmt: skip
    assert {row["arch"]: row["stale_for"] for row in local(tmp_path)} == {
        "nf8": "an earlier recipe", "nf32": "earlier versions of scores",
        "nf16": "other data than the task's",
    }  # fmt: skip
    said = board_tables(local(tmp_path))
    assert "stale, with an earlier recipe: nf8 on small" in said


def test_longer_schedules_are_rows_of_their_own_and_not_stale(tmp_path):
    recipe = find_recipe("nf8", overrides={"epochs": 40})
    entry = {"generator": recipe.generator, "parameters": recipe.parameters, "preset": "short",
             "sha256": recipe.sha256}  # fmt: skip
    make(tmp_path)
    make(tmp_path, recipe=entry)
    assert [row["status"] for row in local(tmp_path)] == ["reproduced"] * 2


def test_the_csv_is_generated_whole_and_the_same_every_time(tmp_path):
    make(tmp_path)
    path = refresh(tmp_path)
    content = path.read_bytes()
    path.unlink()
    assert refresh(tmp_path).read_bytes() == content
    lines = list(csv.DictReader(io.StringIO(content.decode())))
    assert tuple(lines[0]) == COLUMNS
    (own,) = [line for line in lines if line["origin"] == "local"]
    assert own["paper_xi"] == "0.00825"
    assert own["paper_data"] == "trend2"
    assert own["rank"] == "1"
    assert own["flags"] == ""
    assert own["conditional"] == "true"


def test_one_table_at_a_time(tmp_path, in_process):
    done = in_process("leaderboard", "--markdown", "arch", "--differences", "xi", cwd=tmp_path)
    assert done.returncode == 2
    assert "--markdown and --differences print different tables" in done.stderr


def test_printing_writes_nothing_and_says_when_the_csv_is_out_of_date(tmp_path, in_process):
    board = ["leaderboard", "--results", tmp_path]
    csv_file, said = tmp_path / "leaderboard.csv", "leaderboard.csv is out of date"
    assert said not in in_process(*board).stderr  # no records, no CSV
    make(tmp_path)
    before = set(tmp_path.rglob("*"))
    for more in (
        [],
        ["--json"],
        ["--markdown", "arch"],
        ["--differences", "xi"],
        ["--task", "small"],
    ):
        done = in_process(*board, *more)
        assert (done.returncode, said in done.stderr) == (0, True)
    assert set(tmp_path.rglob("*")) == before
    assert f"wrote {csv_file}" in in_process(*board, "--write", "--task", "small").stderr
    assert csv_file.read_text() == to_csv(rows(read_all(tmp_path)))
    assert said not in in_process(*board).stderr
    make(tmp_path, seed=1)
    assert said in in_process(*board).stderr
    content = csv_file.read_bytes()
    for bad in (b"", content * 2, b"\xff"):
        csv_file.write_bytes(bad)
        assert said in in_process(*board).stderr
        assert csv_file.read_bytes() == bad


def test_the_committed_leaderboard_is_what_the_records_give():
    published = catalog.ROOT / "results"
    text = to_csv(rows(read_folder(published, "published")))
    assert (published / "leaderboard.csv").read_text() == text
    assert "pix2pix-8" in text


def test_published_records_stand_beside_local_ones(tmp_path):
    make(tmp_path)
    origins = {row["origin"] for row in rows(read_all(tmp_path))}
    assert origins == {"local", "published"}


def test_records_are_never_overwritten_and_changes_are_noticed(tmp_path):
    path = make(tmp_path)
    assert make(tmp_path) == path
    assert make(tmp_path, ratio=1.31) != path
    path.write_text(path.read_text().replace("1.3", "1.2", 1))
    with pytest.raises(ResultError, match="changed after it was written"):
        read_record(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("{", "not a readable record"), ("{}", "are missing"), ("[" * 5000, "readable record"),
     ('{"value": NaN}', "unknown key 'value'")],
)  # fmt: skip
def test_what_is_no_record_is_named_and_left_out(tmp_path, capsys, text, reason):
    """A broken file must not stop anyone's run."""
    good = make(tmp_path)
    path = tmp_path / "small" / "x" / "seed0-000000000000.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert [stored.path for stored in read_all(tmp_path) if stored.origin == "local"] == [good]
    said = capsys.readouterr().err
    assert reason in said
    assert len([line for line in said.splitlines() if str(path) in line]) == 1


def test_rows_without_a_ratio_are_not_ranked(tmp_path):
    make(tmp_path, scores={"xi_ratio": None})
    (row,) = local(tmp_path)
    assert row["rank"] is None


def test_a_changed_sidecar_is_noticed(tmp_path):
    path = make(tmp_path)
    path.with_suffix(".npz").write_bytes(pack_per_image({"xi": np.zeros(3)}))
    with pytest.raises(ResultError, match="is not the file"):
        StoredRecord(read_record(path), path, "local").per_image()
