"""A third party's family comes in by an entry point, and every command takes its tasks."""

import csv
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.test_pages import page_commands
from trendbench.errors import SpecError
from trendbench.families.registry import GROUP, family, family_names
from trendbench.metrics.registry import METRICS
from trendbench.spec import load_spec

DOCS = Path(__file__).parents[2] / "docs"
SMALL_POOL = (
    "import sys; from trendbench.metrics import pool; pool._MOST = 64; "
    "from trendbench.cli.main import main; main()"
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the files of the manual's page, as pip install leaves them."""
    folder = tmp_path_factory.mktemp("leaves")
    page = (DOCS / "families.md").read_text(encoding="utf-8")
    for block in page_commands._BLOCK.finditer(page):
        if (block["note"] or "").startswith("file: "):
            (folder / block["note"].removeprefix("file: ")).write_text(block["text"])
    page_commands.install(folder)
    (folder / "dead_leaves.py").write_text((DOCS / "gallery" / "dead_leaves.py").read_text())
    return folder


def run(folder, *arguments, code=SMALL_POOL):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=folder, capture_output=True, text=True,
        check=True, env={**os.environ, "PYTHONPATH": f"{DOCS.parent}{os.pathsep}{folder}"},
    ).stdout  # fmt: skip


def test_every_command_takes_a_task_of_it(installed):
    run(installed, "make-data", "--spec", "leaves.toml", "--out", "leaves.h5")
    assert "FAIL" not in run(installed, "verify", "leaves.h5")
    card = run(installed, "run", "--arch", "oracle", "--data", "leaves.h5", "--no-c2st")
    assert "≈ estimated from simulated images" in card
    (record,) = (json.loads(p.read_text()) for p in installed.glob("results/leaves/*/*.json"))
    assert record["flags"] == []
    scores = {name: score for name, score in record["scores"].items() if score is not None}
    estimated = {name for name, score in scores.items() if score.get("estimated")}
    stated = {"coverage", "disagreement"}
    assert estimated == {name for name in scores if not METRICS[name].laws <= stated}
    assert {"xi", "s2_error", "stray_error", "k_error"} <= estimated
    assert not {"row_error", "column_error", "diversity", "grey_fraction"} & estimated
    for score in (scores["xi"], scores["stray_error"]):
        assert score["truth_low"] < score["truth"] < score["truth_high"]
    board = (installed / "results" / "leaderboard.csv").read_text(encoding="utf-8")
    (row,) = (row for row in csv.DictReader(board.splitlines()) if row["task"] == "leaves")
    assert set(row["estimated"].split(";")) == estimated
    assert "oracle" in run(installed, "leaderboard", "--task", "leaves")


def test_its_specs_are_pickled(installed):
    code = (
        "import pickle, trendbench as tb; spec = tb.load_spec('leaves.toml'); "
        "assert pickle.loads(pickle.dumps(spec)) == spec; print(pickle.dumps(spec).hex())"
    )
    first = run(installed, code=code).strip()
    again = f"import pickle; print(pickle.loads(bytes.fromhex('{first}')).family)"
    assert run(installed, code=again) == "dead-leaves\n"


def test_the_file_is_short(installed):
    assert len((installed / "dead_leaves.py").read_text().splitlines()) < 120


def test_what_is_no_family_is_said(tmp_path, monkeypatch):
    (tmp_path / "faulty.py").write_text("class NoProcess: pass\n")
    lines = f"[{GROUP}]\nno-process = faulty:NoProcess\nabsent = faulty:Nothing\n"
    info = tmp_path / "faulty-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(lines)
    monkeypatch.syspath_prepend(tmp_path)
    assert {"no-process", "absent", "disks"} <= set(family_names())
    with pytest.raises(SpecError, match="refers to no class of Process with family = 'no-process'"):
        family("no-process")
    with pytest.raises(SpecError, match=r"the family 'absent' cannot be imported: .*Nothing"):
        family("absent")


@pytest.mark.parametrize("task", ["trend-v1", "growth-v1", "porosity-v1", "study-2017-columns"])
def test_specs_of_shipped_families_are_pickled(task):
    spec = load_spec(task)
    assert pickle.loads(pickle.dumps(spec)) == spec
