"""Sweeps: every recipe with every seed, on workers, with failures that stop nobody else."""

import re

import pytest

from tests.cli.test_commands import trendbench
from trendbench.data.make import make_data
from trendbench.results.store import read_record
from trendbench.runner.sweep import Options, sweep

pytestmark = pytest.mark.usefixtures("few_published")


def endings(small_file, tmp_path, archs, seeds):
    folders = {"runs": tmp_path / "runs", "results": tmp_path / "results"}
    return list(sweep(archs, seeds, Options(data=small_file, c2st=False, **folders)))


def test_a_failing_run_stops_no_other_and_a_second_sweep_runs_what_is_missing(small_file, tmp_path):
    first = endings(small_file, tmp_path, ["no-such", "null-white"], [0])
    assert first[0].outcome is None
    assert "no-such" in first[0].problem
    done = endings(small_file, tmp_path, ["null-white", "no-such"], [0, 4])
    pairs = [("null-white", 0), ("null-white", 4), ("no-such", 0), ("no-such", 4)]
    assert [(ending.entry.arch, ending.entry.seed) for ending in done] == pairs
    assert [ending.outcome and ending.outcome.fresh for ending in done] == [False, True, None, None]
    assert done[0].outcome.record == first[1].outcome.record
    for ending in done[:2]:
        record = read_record(ending.outcome.record)
        assert (record.arch, record.seed) == (ending.entry.arch, ending.entry.seed)
    assert len(list((tmp_path / "runs" / "logs").iterdir())) == 4


@pytest.mark.slow
def test_the_command_line_spreads_runs_over_workers(small_file, tmp_path):
    pytest.importorskip("distributed")
    fails = "class Nope:\n    fit = sample = save = load = lambda *_: 1 / 0\n"
    (tmp_path / "fails.py").write_text(fails)
    done = trendbench(
        "run", "--arch", "null-white", "--arch", "fails.py:Nope", "--seed", 0, "--seed", 1,
        "--no-c2st", "--data", small_file, "--cluster", "local", cwd=tmp_path,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert done.returncode == 2, done.stderr
    assert "2 of 4 runs failed, the others are recorded" in done.stderr
    assert sum("null-white seed" in line and "flags" in line for line in lines) == 2
    assert sum("Nope seed" in line and "failed" in line for line in lines) == 2
    assert len(list((tmp_path / "results").glob("small/null-white/seed*.json"))) == 2


def test_several_data_files_are_a_sweep_over_tasks(small, small_file, tmp_path):
    other_file = tmp_path / "other.h5"
    make_data(small.model_copy(update={"name": "other"}), 3, other_file)
    done = trendbench(
        "run", "--arch", "null-white", "--no-c2st", "--data", small_file, "--data", other_file,
        "--data", small_file, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [re.sub(r" [0-9a-f]{8} ", " ", line.split(":")[0]) for line in lines[:2]] == [
        f"{path.stem} null-white seed 0" for path in (small_file, other_file)
    ]
    assert "ξ/floor" in lines[1]
    assert "leaderboard" in lines[2]  # the file that was named twice was run once
    assert {path.parts[-3] for path in tmp_path.glob("results/*/null-white/*.json")} == {
        "small", "other",
    }  # fmt: skip
    assert len(list((tmp_path / "runs" / "logs").iterdir())) == 2


def test_files_of_one_name_keep_their_own_logs_and_copies_count_once(small, small_file, tmp_path):
    one, two, copy = (tmp_path / folder / "data.h5" for folder in ("a", "b", "c"))
    for path in (one, two, copy):
        path.parent.mkdir()
    make_data(small, 4, two)
    for path in (one, copy):
        path.write_bytes(small_file.read_bytes())
    link = tmp_path / "link.h5"
    link.symlink_to(two)
    folders = {"runs": tmp_path / "runs", "results": tmp_path / "results"}
    done = list(
        sweep(["null-white"], [0], Options(c2st=False, **folders), data=[one, two, copy, link])
    )
    assert [ending.entry.options.data for ending in done] == [one, two]
    assert all(ending.outcome is not None for ending in done)
    assert len({ending.entry.title for ending in done}) == 2
    assert len(list((tmp_path / "runs" / "logs").iterdir())) == 2


def test_odd_names_make_plain_logs(small_file, tmp_path):
    endings(small_file, tmp_path, ["../../up:Class"], [0])
    assert [log.name for log in (tmp_path / "runs" / "logs").iterdir()] == [
        ".._.._up_Class-seed0.log"
    ]
